"""Settings of the minimal view alone: no middleware, and the project's own connection to the database."""

from event_ticketing.settings import ALLOWED_HOSTS, DATABASES, LOGGING, SECRET_KEY

__all__ = ["ALLOWED_HOSTS", "DATABASES", "LOGGING", "SECRET_KEY"]
ROOT_URLCONF = "bench.minimal.urls"
INSTALLED_APPS = ["bench.minimal"]
MIDDLEWARE: list[str] = []
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
