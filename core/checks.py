"""What must be so before the site may start (Django's system checks)."""

import fcntl
import hashlib
import logging
import os
import tempfile
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.checks import WARNING, CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

logger = logging.getLogger(__name__)

ONE = "Without REDIS_URL exactly one web process may run: another one is told late, and limits logins by itself."
_kept: list[IO[str]] = []  # files whose locks are ours while they are open
READ_COMMITTED = 2  # psycopg's number for it


@register
def check_isolation(**kwargs: Any) -> list[CheckMessage]:
    """Refuse any other isolation level than READ COMMITTED.

    Under the stricter ones whoever waited for an event's lock would go on with the numbers of before the wait.
    """
    options = settings.DATABASES["default"].get("OPTIONS", {})
    if options.get("isolation_level", READ_COMMITTED) == READ_COMMITTED:
        return []
    hint = "Take isolation_level out of DATABASE_URL."
    return [Error("The database must be used with READ COMMITTED isolation.", hint=hint, id="core.E001")]


@register(Tags.security, deploy=True)
def check_redis(**kwargs: Any) -> list[CheckMessage]:
    """Warn where processes could not hear each other, nor count logins together."""
    if settings.REDIS_URL:
        return []
    return [CheckMessage(WARNING, ONE, hint="Set REDIS_URL, or run one process that serves all.", id="core.W001")]


def insist() -> None:
    """Raise ImproperlyConfigured where `check_isolation` finds something: a server runs no system checks by itself.

    Where there is no Redis, log an error if another process serves the same database on this machine.
    """
    for found in check_isolation():
        raise ImproperlyConfigured(f"{found.msg} {found.hint}")
    if not settings.REDIS_URL and not _is_alone():
        logger.error("another process serves this database as well. %s", ONE)


def _is_alone() -> bool:
    """Return whether nobody else has the lock of whoever serves the database; it is kept as long as this process."""
    database = settings.DATABASES["default"]
    digest = hashlib.sha256(f"{database['NAME']} {database.get('HOST')} {database.get('PORT')}".encode()).hexdigest()
    file = Path(tempfile.gettempdir(), f"tickets-serving-{os.geteuid()}-{digest[:16]}")
    try:
        _kept.append(file.open("a"))
        fcntl.flock(_kept[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no room, or no such locks: nobody knows
        return True
    return True
