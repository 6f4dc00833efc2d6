"""Something to look at: `make run` calls this at every start."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from core import demo
from core.management.base import DatabaseCommand


class Command(DatabaseCommand):
    """Create what is missing of the demo."""

    help = "Creates the demo accounts and events that are missing; changes nothing that exists. Needs DEBUG."

    def handle(self, **options: Any) -> None:
        """Create, and say who can log in."""
        if not settings.DEBUG:
            raise CommandError("demo_data makes accounts with a published password, so it runs with DEBUG=on only.")
        accounts, events = demo.create_missing()
        if accounts or events:
            self.stdout.write(f"Demo data created: {accounts} accounts, {events} events.")
        self.stdout.write(f"Demo accounts, password {demo.PASSWORD}:")
        for person in demo.CAST:
            self.stdout.write(f"  {person.username:6} {person.role}")
