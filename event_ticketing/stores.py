"""Settings of where things are kept: database, cache and channel layer, and how much of each there may be."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from .environment import BASE_DIR, TESTING, env, number

_SQLITE = {
    "transaction_mode": "IMMEDIATE",  # DEFERRED fails by the hundred under writers: "database is locked"
    "timeout": 20,  # seconds: the busy handler is unfair, single writers were seen to wait 3.5 s
    # FULL: with NORMAL a power cut may lose tickets that were already acknowledged.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
}
_POSTGRESQL: dict[str, Any] = {
    # By default the pool tries to reconnect ever less often, for 5 minutes: nobody is to wait so long after an outage.
    "pool": {"min_size": 2, "max_size": 8, "timeout": 3, "reconnect_timeout": 3},
    "connect_timeout": 3,
    "tcp_user_timeout": 5000,
    "prepare_threshold": 2,  # times that a question of core/prepared.py is asked before it is planned for good
    # A test case is one transaction, in which PDFs are made as well.
    "options": "-c lock_timeout=3s -c statement_timeout=5s"
    # Under REPEATABLE READ who waited for the lock would count what was there before.
    " -c default_transaction_isolation=read\\ committed"
    " -c synchronous_commit=on"  # whatever the server has: a ticket that was acknowledged outlives a crash
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
    from core.patience import PatientConnection  # psycopg is loaded only where there is PostgreSQL

    _POSTGRESQL["pool"]["connection_class"] = PatientConnection
    _database |= {"OPTIONS": _database.get("OPTIONS", {}) | _POSTGRESQL, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}
else:
    raise ImproperlyConfigured("DATABASE_URL must name SQLite or PostgreSQL: races were proven on those two only.")
DATABASES = {"default": _database}

# Open sockets of one person, of one address of people who are not logged in, and of one process.
SOCKETS_PER_PERSON = round(number("SOCKETS_PER_PERSON", 12, least=1))
SOCKETS_PER_ADDRESS = round(number("SOCKETS_PER_ADDRESS", 200, least=1))
SOCKETS_PER_PROCESS = round(number("SOCKETS_PER_PROCESS", 12_000, least=1))

# How long a process answers the same to everybody who is not logged in (core/shared_answers.py); tests see each change.
SHARED_SECONDS = 0 if TESTING else 1
REDIS_URL = env.str("REDIS_URL", default="")
if REDIS_URL and not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
    raise ImproperlyConfigured("REDIS_URL must be an address such as redis://127.0.0.1:6379/0.")
# Django keeps 300: whoever tries to log in by that many names would wipe out how often each has failed.
LOCAL_CACHE = {"MAX_ENTRIES": 20_000}
CACHES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": LOCAL_CACHE}
}
CHANNEL_LAYERS: dict[str, Any] = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
if REDIS_URL:
    CACHES["default"] = {
        "BACKEND": "core.cache.RedisOrLocalCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5},
        "KEY_PREFIX": "tickets-test" if TESTING else "tickets",
        "VERSION": 2,  # what another form of values was stored under is not read any more
    }
    CHANNEL_LAYERS["default"] = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            # redis-py 8's own defaults (5 s, 100 connections) kill idle sockets and storms: channels_redis#422.
            "hosts": [{"address": REDIS_URL, "socket_timeout": None, "max_connections": 100_000}],
            "prefix": "tickets-test" if TESTING else "tickets",
        },
    }
