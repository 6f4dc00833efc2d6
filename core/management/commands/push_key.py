"""A new key for push messages, as `.env` has it."""

from typing import Any

from django.core.management.base import BaseCommand

from core.push import keys


class Command(BaseCommand):
    """Make a key; nothing is stored."""

    help = "Prints a new VAPID_PRIVATE_KEY for .env: with one, browsers can be told that it is somebody's turn."

    def handle(self, **options: Any) -> None:
        """Print the line."""
        self.stdout.write(f"VAPID_PRIVATE_KEY={keys.new_private_key()}")
