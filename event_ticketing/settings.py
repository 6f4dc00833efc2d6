"""Every setting of the project, and the only place that reads the environment (`.env.example` lists it all)."""

import sys
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
TESTING = "test" in sys.argv[1:2]
TEST_RUNNER = "tools.counting.CountingRunner"

env = environ.Env()
env.read_env(BASE_DIR / ".env")


def _number(name: str, default: float, *, least: float) -> float:
    """Read a number from the environment; anything else, or less than `least`, stops the start with a sentence."""
    try:
        value = env.float(name, default=default)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number, not {env.str(name)!r}.") from error
    if not least <= value < float("inf"):
        raise ImproperlyConfigured(f"{name} must be at least {least:g}, not {value:g}.")
    return float(value)


def _switch(name: str, *, default: bool) -> bool:
    """Read on or off from the environment; a typing error must not switch a protection off."""
    text = env.str(name, default="").lower()
    if text not in {"", "on", "off", "true", "false", "yes", "no", "1", "0"}:
        raise ImproperlyConfigured(f"{name} must be on or off, not {text!r}.")
    return text in {"on", "true", "yes", "1"} if text else default


# --- Core ---------------------------------------------------------------------------------------------------
DEBUG = _switch("DEBUG", default=False)
HTTPS = _switch("HTTPS", default=not DEBUG)
SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    if not (DEBUG or TESTING):
        raise ImproperlyConfigured(
            "SECRET_KEY is not set: put a long random value into .env (`make run` writes one) or set DEBUG=on."
        )
    SECRET_KEY = "insecure-key-for-development-only-never-for-a-public-site"  # noqa: S105 -- DEBUG and tests only
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# `id:secret` pairs, newest first; empty: derived from SECRET_KEY (core/ticket_code.py).
TICKET_SIGNING_KEYS = env.list("TICKET_SIGNING_KEYS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) or ["localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Where the site is, for links in mails and calendars, which no request tells.
_own = (
    f"https://{ALLOWED_HOSTS[0].lstrip('.*')}" if HTTPS else f"http://localhost:{env.str('PORT', default='') or 8000}"
)
SITE_URL = (env.str("SITE_URL", default="") or _own).rstrip("/") + "/"

INSTALLED_APPS = [
    # Before staticfiles: its runserver serves the sockets too. Nothing else needs it, and it loads Twisted: 20 MB.
    *(["daphne"] if "runserver" in sys.argv[1:2] else []),
    "whitenoise.runserver_nostatic",
    "core",  # before what it overrides templates of
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "channels",
    "csp",
    "widget_tweaks",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.google",
    "post_office",
]
MIDDLEWARE = [
    "core.middleware.PrivacyHeadersMiddleware",
    "core.middleware.NoNulMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "core.middleware.PersonMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "core.middleware.TicketHoldMiddleware",
]
ROOT_URLCONF = "event_ticketing.urls"
ASGI_APPLICATION = "event_ticketing.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "core.context.nav",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 262_144
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 2

# --- The box office (DESIGN 2.3) ----------------------------------------------------------------------------
HOLD_MINUTES = _number("HOLD_MINUTES", 10, least=0.01)
AUTO_HOLDS_PER_LOGIN = round(_number("AUTO_HOLDS_PER_LOGIN", 10, least=0))
AUTO_HOLD_COOLDOWN_MINUTES = _number("AUTO_HOLD_COOLDOWN_MINUTES", 30, least=0)
# Groups that an event may serve first up to a share of its capacity, lowest first: the first is tier 1 (rule 9).
TIERS = [name.strip() for name in env.list("TIERS", default=[])]
if len(set(TIERS)) != len(TIERS) or "" in TIERS:
    raise ImproperlyConfigured(f"TIERS must be names of groups, each once, not {env.str('TIERS')!r}.")
# At least two days: the rank of somebody who comes back looks at their ended places of the last 24 hours.
RETENTION_DAYS = _number("RETENTION_DAYS", 90, least=2)

# --- Database, cache, channel layer -------------------------------------------------------------------------
_SQLITE = {
    "transaction_mode": "IMMEDIATE",  # DEFERRED fails by the hundred under writers: "database is locked"
    "timeout": 20,  # seconds: the busy handler is unfair, single writers were seen to wait 3.5 s
    # FULL: with NORMAL a power cut may lose tickets that were already acknowledged.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
}
_POSTGRESQL = {
    "pool": {"min_size": 2, "max_size": 8, "timeout": 3},
    "connect_timeout": 3,
    "tcp_user_timeout": 5000,
    "prepare_threshold": 2,  # times that a question of core/prepared.py is asked before it is planned for good
    # A test case is one transaction, in which PDFs are made as well.
    "options": "-c lock_timeout=3s -c statement_timeout=5s"
    # Under REPEATABLE READ who waited for the lock would count what was there before.
    " -c default_transaction_isolation=read\\ committed"
    f" -c idle_in_transaction_session_timeout={60 if TESTING else 5}s",
}
_database: dict[str, Any] = env.db_url_config(
    env.str("DATABASE_URL", default="") or f"sqlite:///{BASE_DIR / 'db.sqlite3'}"
)
if "sqlite" in _database["ENGINE"]:
    # Tests need a file: threads that share an in-memory database get "table is locked".
    _file = Path(_database["NAME"])
    _database |= {"OPTIONS": _SQLITE, "TEST": {"NAME": str(_file.with_name(f"test-{_file.name}"))}}
elif "postgresql" in _database["ENGINE"]:
    _database |= {"OPTIONS": _database.get("OPTIONS", {}) | _POSTGRESQL, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}
else:
    raise ImproperlyConfigured("DATABASE_URL must name SQLite or PostgreSQL: races were proven on those two only.")
DATABASES = {"default": _database}

# How long a process answers the same to everybody who is not logged in (core/shared_answers.py); tests see each change.
SHARED_SECONDS = 0 if TESTING else 1
REDIS_URL = env.str("REDIS_URL", default="")
if REDIS_URL and not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
    raise ImproperlyConfigured("REDIS_URL must be an address such as redis://127.0.0.1:6379/0.")
CACHES: dict[str, Any] = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CHANNEL_LAYERS: dict[str, Any] = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
if REDIS_URL:
    CACHES["default"] = {
        "BACKEND": "core.cache.RedisOrLocalCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5},
        "KEY_PREFIX": "tickets-test" if TESTING else "tickets",
    }
    CHANNEL_LAYERS["default"] = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            # redis-py 8's own defaults (5 s, 100 connections) kill idle sockets and storms: channels_redis#422.
            "hosts": [{"address": REDIS_URL, "socket_timeout": None, "max_connections": 100_000}],
            "prefix": "tickets-test" if TESTING else "tickets",
        },
    }

# --- Who is who ---------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "core.User"
AUTHENTICATION_BACKENDS = ["core.auth_backends.NameOrEmailBackend"]
PASSWORD_HASHERS = [
    "core.hashers.OwaspArgon2Hasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "index"
SESSION_ENGINE = "core.sessions"
SESSION_COOKIE_AGE = 86_400  # 24 hours, not renewed: no rank in a line is older than a day

_email = env.str("EMAIL_URL", default="") or "consolemail://"
vars().update(env.email_url_config(_email))
# Every mail is a row first, which `core/mailing.py` delivers by what EMAIL_URL names.
POST_OFFICE = {"BACKENDS": {"default": vars()["EMAIL_BACKEND"]}}
EMAIL_BACKEND = "core.mailing.QueueBackend"
EMAIL_TIMEOUT = 5
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="tickets@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
# Mandatory wherever mail really leaves the machine: a console cannot confirm an address.
ACCOUNT_EMAIL_VERIFICATION = "optional" if DEBUG or _email.startswith("consolemail") else "mandatory"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_USERNAME_BLACKLIST = ["admin", "root", "organizer", "support"]
ACCOUNT_USERNAME_VALIDATORS = "core.forms.username_validators"
ACCOUNT_RATE_LIMITS = {
    "login": "300/m/ip",
    "login_failed": "10/m/ip,30/15m/key",
    "signup": "60/m/ip",
    "reset_password": "20/m/ip,5/m/key",
    "gate_people": "30/m/user",
}
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if HTTPS else 0

GOOGLE_CLIENT_ID = env.str("GOOGLE_CLIENT_ID", default="")
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
if GOOGLE_CLIENT_ID:
    SOCIALACCOUNT_PROVIDERS["google"] = {
        "APPS": [{"client_id": GOOGLE_CLIENT_ID, "secret": env.str("GOOGLE_CLIENT_SECRET", default="")}],
        "SCOPE": ["profile", "email"],
        "OAUTH_PKCE_ENABLED": True,
    }

# --- Headers and cookies (RELIABILITY 6) --------------------------------------------------------------------
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "core.views.errors.csrf_failure"
if HTTPS:
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 3600
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
# W005, W021: subdomains and preloading are promises for a whole domain, which its owner makes, not this project.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF, "https://accounts.google.com"] if GOOGLE_CLIENT_ID else [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        "worker-src": [SELF],
        "manifest-src": [SELF],
    }
}

# --- Files --------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
MEDIA_URL = "media/"
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default="") or BASE_DIR / "media")
# Far-future names need `collectstatic`; where it did not run, WhiteNoise serves the sources as they are.
_collected = not DEBUG and not TESTING and (STATIC_ROOT / "staticfiles.json").exists()
WHITENOISE_USE_FINDERS = not _collected
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "event_ticketing.storage.StaticStorage"
        if _collected or "collectstatic" in sys.argv
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- Logs ---------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"mask_codes": {"()": "core.logs.MaskTicketCodes"}},
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["mask_codes"]},
        "nobody": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["console"], "level": "ERROR" if TESTING else "INFO"},
    "loggers": {
        # Tells every step of every PDF, and warns of each line of CSS it does not know.
        "weasyprint": {"level": "ERROR"},
        "fontTools": {"level": "ERROR"},
        # Every scanner asks for a host that is not ours, and each would be a traceback; it is answered 400.
        "django.security.DisallowedHost": {"handlers": ["nobody"], "propagate": False},
        # Tests ask for much that is refused: 404, 405, 503.
        "django": {"level": "CRITICAL" if TESTING else "INFO"},
    },
}
