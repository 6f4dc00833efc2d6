"""Settings of the minimal view behind the project's own middleware, for people who are logged in."""

from event_ticketing.settings import *  # noqa: F403 -- all of them, as Django reads them
from event_ticketing.settings import INSTALLED_APPS as OWN_APPS

INSTALLED_APPS = [*OWN_APPS, "bench.minimal"]
ROOT_URLCONF = "bench.minimal.urls"
