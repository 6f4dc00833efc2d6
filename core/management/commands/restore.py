"""A backup, put into an empty database and checked."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core.management.base import DatabaseCommand
from core.trust import backups


class Command(DatabaseCommand):
    """Restore."""

    help = "Restores a backup into the empty database that DATABASE_URL names, and checks every event's ledger."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the source."""
        parser.add_argument("source", type=Path, metavar="file", help="A file that `backup` has written.")

    def handle(self, *, source: Path, **options: Any) -> None:
        """Restore, and say what was restored."""
        try:
            manifest = backups.restore(source)
        except (backups.BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Restored as of {manifest['made_at']}, and checked: {backups.in_words(manifest)}")
