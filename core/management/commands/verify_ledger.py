"""Is what an event's ledger says true? Exit code 1 if not; worth a nightly cron line."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from core.fairness import check
from core.management.base import DatabaseCommand
from core.models import Event


class Command(DatabaseCommand):
    """Check ledgers."""

    help = "Checks events' ledgers by their rules and against the database; exits with 1 on any problem."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("events", nargs="*", type=int, metavar="event", help="The number of an event.")
        parser.add_argument("--all", action="store_true", help="Check every event.")

    def handle(self, **options: Any) -> None:
        """Print a line for each event, with its last seal, and each problem below it."""
        problems = 0
        for event_id in self._chosen(**options):
            checked = check.check(event_id)
            problems += len(checked.problems)
            self.stdout.write(str(checked))
        if problems:
            raise CommandError(f"Problems: {problems}.", returncode=1)

    def _chosen(self, *, events: list[int], all: bool, **_: Any) -> list[int]:  # noqa: A002 -- named by its option
        if all == bool(events):
            raise CommandError("Name events by their numbers, or all of them by --all: one or the other.", returncode=2)
        if all:
            return list(Event.objects.order_by("pk").values_list("pk", flat=True))
        for event_id in events:
            if not Event.objects.filter(pk=event_id).exists():
                raise CommandError(f"There is no event {event_id}.", returncode=2)
        return events
