"""The app."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The box office."""

    name = "core"
    verbose_name = "Box office"

    def ready(self) -> None:
        """Connect the receivers."""
        from . import receivers  # noqa: F401, PLC0415 -- models must be loaded first
