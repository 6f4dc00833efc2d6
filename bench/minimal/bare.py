"""Settings of the minimal view alone: no middleware, and the project's own connection to the database."""

from event_ticketing.settings import ALLOWED_HOSTS as ALLOWED_HOSTS
from event_ticketing.settings import DATABASES as DATABASES
from event_ticketing.settings import LOGGING as LOGGING
from event_ticketing.settings import SECRET_KEY as SECRET_KEY

ROOT_URLCONF = "bench.minimal.urls"
INSTALLED_APPS = ["bench.minimal"]
MIDDLEWARE: list[str] = []
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
