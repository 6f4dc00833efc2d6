"""Is what an event says was sold what was sold? Exit code 1 if not."""

from typing import Any

from django.core.management.base import CommandError

from core import audit
from core.analytics import keeping
from core.management.base import DatabaseCommand
from core.models import Event


class Command(DatabaseCommand):
    """Compare rows with numbers."""

    help = "Recounts the rows of every event against its numbers and figures; exits with 1 on any difference."

    def handle(self, **options: Any) -> None:
        """Print each difference."""
        differences = [*audit.differences(), *keeping.differences()]
        for difference in differences:
            self.stdout.write(str(difference))
        if differences:
            raise CommandError(f"Differences: {len(differences)}.", returncode=1)
        self.stdout.write(f"Events: {Event.objects.count()}. Rows and numbers agree.")
