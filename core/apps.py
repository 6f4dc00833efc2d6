"""The app."""

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    """The box office."""

    name = "core"
    verbose_name = _("Box office")

    def ready(self) -> None:
        """Connect the receivers and checks, and start with no keys that would fail the first booking."""
        from . import checks, folding, receivers, ticket_code  # noqa: F401, PLC0415 -- models must be loaded first

        ticket_code.signing_keys()
        if settings.SENTRY_DSN:
            from .operations import sentry  # noqa: PLC0415 -- loaded only where errors are reported

            sentry.start()
