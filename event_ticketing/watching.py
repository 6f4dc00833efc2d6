"""Settings of what operators watch: errors, measurements and the log (core/operations/)."""

import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from .environment import DEBUG, TESTING, env

SENTRY_DSN = env.str("SENTRY_DSN", default="")
LEAST_TOKEN = 20  # characters
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
if METRICS_TOKEN and len(METRICS_TOKEN) < LEAST_TOKEN:
    raise ImproperlyConfigured(f"METRICS_TOKEN is too short to be a secret: use {LEAST_TOKEN} characters or more.")
# Of servers alone: each command would leave files there.
METRICS_DIR = "" if sys.argv[0].endswith("manage.py") else env.str("METRICS_DIR", default="")
if METRICS_DIR:
    try:
        Path(METRICS_DIR).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"METRICS_DIR must be a folder that can be written: {error.strerror}.") from error
    env.ENVIRON["PROMETHEUS_MULTIPROC_DIR"] = METRICS_DIR  # which prometheus_client reads as it is imported
LOG_FORMAT = env.str("LOG_FORMAT", default="") or ("line" if DEBUG or TESTING else "json")
if LOG_FORMAT not in {"line", "json"}:
    raise ImproperlyConfigured(f"LOG_FORMAT must be line or json, not {LOG_FORMAT!r}.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "away": {"()": "core.logs.AwayInOneLine"},
        "mask_codes": {"()": "core.logs.MaskTicketCodes"},
        "no_broken_text": {"()": "core.logs.NoBrokenText"},
        "refused": {"()": "core.logs.RefusedInOneLine"},
        "request_id": {"()": "core.operations.request_id.WithRequestId"},
    },
    "formatters": {
        "line": {
            "()": "core.logs.MaskedLine",
            "format": "{asctime} {levelname} {name} {request_id} {message}",
            "style": "{",
        },
        "json": {"()": "core.logs.MaskedJson"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["request_id", "away", "refused", "mask_codes"],
        },
        "foreign_hosts": {"class": "core.logs.ForeignHosts"},
    },
    "root": {"handlers": ["console"], "level": "ERROR" if TESTING else "INFO"},
    "loggers": {
        # Tells every step of every PDF, and warns of each line of CSS it does not know.
        "weasyprint": {"level": "ERROR"},
        "fontTools": {"level": "ERROR"},
        # Every scanner asks for a host that is not ours, and each would be a traceback; it is answered 400.
        "django.security.DisallowedHost": {"handlers": ["foreign_hosts"], "level": "INFO", "propagate": False},
        "uvicorn.error": {"filters": ["no_broken_text"]},
        # The servers' own words, in the same form; they have set up loggers of their own before this is read.
        "uvicorn": {"handlers": [], "propagate": True},
        "_granian": {"handlers": [], "propagate": True},
        # Tests ask for much that is refused: 404, 405, 503.
        "django": {"level": "CRITICAL" if TESTING else "INFO"},
    },
}
