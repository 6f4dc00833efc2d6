"""Settings of the minimal view with a connection kept by each thread, in place of the project's pool."""

from typing import Any

from bench.minimal.bare import *  # noqa: F403 -- all of them, as Django reads them
from bench.minimal.bare import DATABASES as POOLED

_options: dict[str, Any] = {name: value for name, value in POOLED["default"]["OPTIONS"].items() if name != "pool"}
DATABASES = {"default": POOLED["default"] | {"OPTIONS": _options, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": False}}
