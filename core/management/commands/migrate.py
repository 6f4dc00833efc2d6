"""Django's `migrate`, while it sells: no statement is given up, and no lock is waited for long."""

from functools import partial
from typing import Any

from django.core.management.commands import migrate

from core.management.base import DatabaseCommand
from core.trust import upgrading


class Command(DatabaseCommand, migrate.Command):
    """Migrate."""

    makes_tables = True

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what Django does, with the limits of an upgrade."""
        upgrading.upgrade(partial(super().handle, *args, **options))
