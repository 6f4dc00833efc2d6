"""What is broken here, and how to mend it? Exit code 1 if anything is."""

from typing import Any

from django.core.management.base import CommandError

from core.management.base import DatabaseCommand
from core.trust import doctor


class Command(DatabaseCommand):
    """Look at every part that a box office needs."""

    help = "Looks at database, channel layer, cache, mail, clock, cron and files; exits with 1 if anything is broken."
    requires_system_checks = ()  # they stop at the first thing that is wrong

    def handle(self, **options: Any) -> None:
        """Print a line for each part, and what to do below it."""
        found = doctor.examine()
        styles: dict[str, Any] = {doctor.BROKEN: self.style.ERROR, doctor.WARNING: self.style.WARNING, doctor.OK: str}
        for finding in found:
            self.stdout.write(styles[finding.state](str(finding)))
        broken = [finding.part for finding in found if finding.state == doctor.BROKEN]
        if broken:
            raise CommandError(f"Broken: {', '.join(broken)}.", returncode=1)
        self.stdout.write("Nothing is broken.")
