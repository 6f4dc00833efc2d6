"""The app."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The box office."""

    name = "core"
    verbose_name = "Box office"

    def ready(self) -> None:
        """Connect the receivers, and start with no keys that would fail the first booking."""
        from . import receivers, ticket_code  # noqa: F401, PLC0415 -- models must be loaded first

        ticket_code.signing_keys()
