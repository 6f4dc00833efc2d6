"""Every setting of the project: these, and by subject those of `stores.py` and `watching.py`.

They alone read the environment (`environment.py`); `.env.example` lists all that may be in it.
"""

import sys
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from csp.constants import NONE, SELF
from django.conf.locale import LANG_INFO
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import to_language

from .environment import BASE_DIR, DEBUG, TESTING, env, is_private_key, number, switch
from .stores import *  # noqa: F403 -- settings, all of them
from .watching import *  # noqa: F403 -- as above

TEST_RUNNER = "tools.counting.CountingRunner"

# --- Core ---------------------------------------------------------------------------------------------------
HTTPS = switch("HTTPS", default=not DEBUG)
LEAST_KEY = 50  # characters
SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    if not (DEBUG or TESTING):
        raise ImproperlyConfigured(
            "SECRET_KEY is not set: put a long random value into .env (`make run` writes one) or set DEBUG=on."
        )
    SECRET_KEY = "insecure-key-for-development-only-never-for-a-public-site"  # noqa: S105 -- DEBUG and tests only
elif len(SECRET_KEY) < LEAST_KEY and not (DEBUG or TESTING):
    raise ImproperlyConfigured(f"SECRET_KEY is too short to be a secret: use at least {LEAST_KEY} random characters.")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# `id:secret` pairs, newest first; empty: derived from SECRET_KEY (core/ticket_code.py).
TICKET_SIGNING_KEYS = env.list("TICKET_SIGNING_KEYS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) or ["localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Where the site is, for links in mails and calendars, which no request tells; as `make run` says it.
_own = (
    f"https://{ALLOWED_HOSTS[0].lstrip('.*')}" if HTTPS else f"http://127.0.0.1:{env.str('PORT', default='') or 8000}"
)
SECURITY_CONTACT = env.str("SECURITY_CONTACT", default="")  # whom /.well-known/security.txt names
_said = env.str("SITE_URL", default="")
SITE_URL = (_said or _own).rstrip("/") + "/"
# Without HTTPS our own guess is right on this machine alone: a mail that a request asks for leads to where it came.
SITE_URL_IS_KNOWN = HTTPS or bool(_said)

INSTALLED_APPS = [
    # Before staticfiles: its runserver serves the sockets too. Nothing else needs it, and it loads Twisted: 20 MB.
    *(["daphne"] if "runserver" in sys.argv[1:2] else []),
    "whitenoise.runserver_nostatic",
    "core",  # before what it overrides templates of
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.humanize",  # of the library's pages of second factors
    "django.contrib.messages",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
    "django.forms",
    "channels",
    "csp",
    "widget_tweaks",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.google",
    "post_office",
]
MIDDLEWARE = [
    "core.operations.middleware.WatchedMiddleware",
    "core.middleware.PrivacyHeadersMiddleware",
    "core.middleware.ProgramsByHttpsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "core.middleware.NoNulMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.middleware.LanguageMiddleware",
    "core.middleware.StoredSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "core.middleware.PersonMiddleware",
    "core.middleware.TrailMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "core.middleware.SecondFactorMiddleware",
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
# Another language is had by its catalog: `core/locale/<code>/LC_MESSAGES/django.mo`, and nothing else.
_catalogs = {to_language(file.parts[-3]) for file in BASE_DIR.glob("core/locale/*/LC_MESSAGES/django.mo")}
LANGUAGES = [(code, LANG_INFO[code]["name_local"]) for code in sorted({LANGUAGE_CODE, *_catalogs})]
FORMAT_MODULE_PATH = "core.formats"
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 262_144
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 2
FILE_UPLOAD_HANDLERS = ["event_ticketing.storage.MemoryUploads"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 6 * 2**20  # bytes: deploy/nginx.conf lets in a little more, for the rest of the form

# --- The box office (DESIGN 2.3) ----------------------------------------------------------------------------
HOLD_MINUTES = number("HOLD_MINUTES", 10, least=0.01)
AUTO_HOLDS_PER_LOGIN = round(number("AUTO_HOLDS_PER_LOGIN", 10, least=0))
AUTO_HOLD_COOLDOWN_MINUTES = number("AUTO_HOLD_COOLDOWN_MINUTES", 30, least=0)
# Groups that an event may serve first up to a share of its capacity, lowest first: the first is tier 1 (rule 9).
TIERS = [name.strip() for name in env.list("TIERS", default=[])]
if len(set(TIERS)) != len(TIERS) or "" in TIERS:
    raise ImproperlyConfigured(f"TIERS must be names of groups, each once, not {env.str('TIERS')!r}.")
# At least two days: the rank of somebody who comes back looks at their ended places of the last 24 hours.
RETENTION_DAYS = number("RETENTION_DAYS", 90, least=2)

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
    {"NAME": "core.passwords.OwnWordsValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "index"
SESSION_ENGINE = "core.sessions"
SESSION_COOKIE_AGE = 86_400  # 24 hours, not renewed: no rank in a line is older than a day

_email = env.str("EMAIL_URL", default="") or "consolemail://"
vars().update(env.email_url_config(_email))
# Every mail is a row first, which `core/mailing.py` delivers by what EMAIL_URL names.
_server = vars()["EMAIL_BACKEND"].replace("django.core.mail.backends.smtp", "core.smtp")
POST_OFFICE = {"BACKENDS": {"default": _server}}
EMAIL_BACKEND = "core.mailing.QueueBackend"
EMAIL_TIMEOUT = 5
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="tickets@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# With a key, browsers can be told that it is somebody's turn (core/push/).
VAPID_PRIVATE_KEY = env.str("VAPID_PRIVATE_KEY", default="")
if VAPID_PRIVATE_KEY and not is_private_key(VAPID_PRIVATE_KEY):
    raise ImproperlyConfigured("VAPID_PRIVATE_KEY must be a key as `manage.py push_key` makes one.")

ACCOUNT_ADAPTER = "core.auth_backends.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_FORMS = {
    "login": "core.login_code.PasswordLoginForm",
    "signup": "core.signup.SignupForm",
    "add_email": "core.signup.AddEmailForm",
    "request_login_code": "core.login_code.LoginCodeForm",
    "reset_password": "core.login_code.LinkToPasswordForm",
}
ACCOUNT_LOGIN_BY_CODE_ENABLED = True  # the way in while somebody else's guesses keep a password locked
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 600  # seconds: a mail may be slow
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
# Mandatory wherever mail really leaves the machine: a console cannot confirm an address.
ACCOUNT_EMAIL_VERIFICATION = "optional" if DEBUG or _email.startswith("consolemail") else "mandatory"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_SESSION_REMEMBER = False  # until the browser is closed, and SESSION_COOKIE_AGE at most: nothing to choose
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_USERNAME_BLACKLIST = ["admin", "root", "organizer", "support"]
ACCOUNT_USERNAME_VALIDATORS = "core.forms.people.username_validators"
ACCOUNT_RATE_LIMITS = {
    "login": "300/m/ip",
    "login_failed": "10/m/ip,30/15m/key",
    "signup": "60/m/ip",
    "reset_password": "20/m/ip,5/m/key",
    "request_login_code": "60/m/ip,5/15m/key",  # key: the account as asked for from one address
    "gate_people": "30/m/user",
    "message_copy": "10/h/user",
    "csp_report": "60/m/ip",
}
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if HTTPS else 0

# Staff see and do what others may not: where the site is public, a password alone does not open that.
STAFF_NEED_SECOND_FACTOR = HTTPS and not TESTING
MFA_ADAPTER = "core.trust.second_factor.Adapter"
MFA_FORMS = {  # which note what fails, and take no nonsense
    "activate_totp": "core.trust.factor_forms.NewApp",
    "authenticate": "core.trust.factor_forms.Code",
    "reauthenticate": "core.trust.factor_forms.CodeAgain",
    "add_webauthn": "core.trust.factor_forms.NewKey",
    "authenticate_webauthn": "core.trust.factor_forms.Key",
    "login_webauthn": "core.trust.factor_forms.KeyAlone",
    "reauthenticate_webauthn": "core.trust.factor_forms.KeyAgain",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Box Office"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG  # http://localhost

GOOGLE_CLIENT_ID = env.str("GOOGLE_CLIENT_ID", default="")
SOCIALACCOUNT_ADAPTER = "core.google.SocialAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_FORMS = {"disconnect": "core.google.DisconnectForm"}
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
if GOOGLE_CLIENT_ID:
    SOCIALACCOUNT_PROVIDERS["google"] = {
        "APPS": [{"client_id": GOOGLE_CLIENT_ID, "secret": env.str("GOOGLE_CLIENT_SECRET", default="")}],
        "SCOPE": ["openid", "profile", "email"],  # openid: for the `nonce`
        "OAUTH_PKCE_ENABLED": True,
    }

# --- Headers and cookies (RELIABILITY 6) --------------------------------------------------------------------
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_NAME, LANGUAGE_COOKIE_SAMESITE = "language", "Lax"
MESSAGE_STORAGE = "event_ticketing.storage.Messages"
MESSAGES_COOKIE_NAME = "messages"
CSRF_FAILURE_VIEW = "core.views.errors.csrf_failure"
if HTTPS:
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = round(number("HSTS_SECONDS", 3600, least=0))
    SECURE_HSTS_INCLUDE_SUBDOMAINS = switch("HSTS_INCLUDE_SUBDOMAINS", default=False)
    SECURE_HSTS_PRELOAD = switch("HSTS_PRELOAD", default=False)
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    LANGUAGE_COOKIE_NAME, MESSAGES_COOKIE_NAME = "__Host-language", "__Host-messages"
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
        "report-uri": "/csp-report/",
    }
}

# --- Files --------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
MEDIA_URL = "media/"
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default="") or BASE_DIR / "media")
if TESTING:  # the cleanup of a test must not find the pictures of somebody's own site
    MEDIA_ROOT = Path(gettempdir()) / "tickets-test-media"
# Far-future names need `collectstatic`; where it did not run, WhiteNoise serves the sources as they are.
_collected = not DEBUG and not TESTING and (STATIC_ROOT / "staticfiles.json").exists()
WHITENOISE_USE_FINDERS = not _collected
STORAGES = {
    "default": {"BACKEND": "event_ticketing.storage.MediaStorage"},
    "staticfiles": {
        "BACKEND": "event_ticketing.storage.StaticStorage"
        if _collected or "collectstatic" in sys.argv
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
