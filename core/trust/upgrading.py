"""The connection of an upgrade: a large table takes as long as it takes, and nobody waits long for its lock."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.management import CommandError
from django.db import OperationalError, connection

from ..deadline import unlimited
from ..locking import LOCK_NOT_AVAILABLE, sqlstate

logger = logging.getLogger(__name__)

# The web processes' limits would end the change of a large table half-way, each time anew. The lock is another matter:
# while an ALTER TABLE waits for it, whoever wants to read that table waits behind it, and the sale stands still.
LIMITS = {"statement_timeout": "0", "lock_timeout": "2s", "idle_in_transaction_session_timeout": "10min"}
TRIES = 10
PAUSE = 3.0  # seconds, in which the sale goes on
IN_USE = (
    "A table was in use, again and again: the upgrade gave way to the sale. What it had finished stays, nothing is"
    " half done: run it once more."
)


def upgrade(migrate: Callable[[], object]) -> None:
    """Migrate, without a limit to a statement; give way where a lock is not to be had, and try again.

    Raises CommandError if it never was. Each migration is a transaction, so that trying again goes on where it stopped.
    """
    with unlimited(), _limits():
        for left in reversed(range(TRIES)):
            try:
                migrate()
            except OperationalError as error:
                if sqlstate(error) != LOCK_NOT_AVAILABLE:
                    raise
                if not left:
                    raise CommandError(IN_USE) from error
            else:
                return
            logger.warning("a table is in use: the upgrade gives way, and tries again")
            time.sleep(PAUSE)


@contextmanager
def _limits() -> Iterator[None]:
    """Put LIMITS into the place of the connection's own, until the block ends (PostgreSQL)."""
    if connection.vendor != "postgresql":
        yield
        return
    before = {name: _show(name) for name in LIMITS}
    _set(LIMITS)
    try:
        yield
    finally:
        _set(before)


def _show(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return str(cursor.fetchone()[0])


def _set(limits: dict[str, str]) -> None:
    with connection.cursor() as cursor:
        for name, value in limits.items():
            cursor.execute("SELECT set_config(%s, %s, false)", [name, value])
