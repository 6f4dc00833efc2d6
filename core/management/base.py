"""The base of commands that say in a sentence why the database cannot be used, where Django prints a trace."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ..trust.causes import cause_of

POOL = logging.getLogger("psycopg.pool")  # warns of each of a dozen tries


class DatabaseCommand(BaseCommand):
    """A command that needs the database; exit code 1, and what to do, where it cannot be used.

    Before one of Django's own, it makes that such a command.
    """

    makes_tables = False  # a table that is missing is a bug then

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Do what Django does."""
        try:
            with _quiet_pool():
                return super().execute(*args, **options)
        except Exception as error:
            cause = cause_of(error)
            if cause is None or (self.makes_tables and cause.part == "tables"):
                raise
            raise CommandError(str(cause), returncode=1) from error


@contextmanager
def _quiet_pool() -> Iterator[None]:
    before = POOL.level
    POOL.setLevel(logging.ERROR)
    yield
    POOL.setLevel(before)  # not after an error: the pool goes on to try until the command has ended
