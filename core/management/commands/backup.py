"""A backup of database and images in one file, made while it sells."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from core.management.base import DatabaseCommand
from core.trust import backups

SUFFIX = ".tar.gz"


class Command(DatabaseCommand):
    """Back up."""

    help = "Writes database and images into one file, while it sells. Keep .env apart: it has the keys."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the target."""
        told = f"A new file, whose name ends in {SUFFIX}; or a folder, made where it is missing; default: this folder."
        parser.add_argument("target", nargs="?", default=".", help=told)

    def handle(self, *, target: str, **options: Any) -> None:
        """Write the file, and say what is in it."""
        try:
            file = _file_at(target)
            manifest = backups.back_up(file)
        except (backups.BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{file} ({_in_words(file.stat().st_size)}): {backups.in_words(manifest)}")


def _file_at(target: str) -> Path:
    """Return the file to write; make its folder, for nobody else to read, where one is named that is not there."""
    path = Path(target)
    if target.endswith(SUFFIX) and not path.is_dir():
        return path
    if path.exists() and not path.is_dir():
        raise backups.BackupError(
            f"{path} is a file, and names without {SUFFIX} are folders: move it away, or choose another name."
        )
    if not path.is_dir():
        path.mkdir(mode=0o700, parents=True)
    return path / f"tickets-{timezone.now():%Y-%m-%dT%H%M%SZ}{SUFFIX}"


def _in_words(count: int) -> str:
    """Return a number of bytes in the unit in which it is not nothing."""
    mebibyte = 2**20
    return f"{count / mebibyte:.1f} MiB" if count >= mebibyte else f"{count / 2**10:.1f} KiB"
