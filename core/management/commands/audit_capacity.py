"""Is what an event says was sold what was sold? Exit code 1 if not."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import audit
from core.models import Event


class Command(BaseCommand):
    """Compare rows with numbers."""

    help = "Recounts the rows of every event against its numbers; exits with 1 on any difference."

    def handle(self, **options: Any) -> None:
        """Print each difference."""
        differences = audit.differences()
        for difference in differences:
            self.stdout.write(str(difference))
        if differences:
            raise CommandError(f"Differences: {len(differences)}.", returncode=1)
        self.stdout.write(f"Events: {Event.objects.count()}. Rows and numbers agree.")
