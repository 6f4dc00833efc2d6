"""What must be so before the site may start (Django's system checks)."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

READ_COMMITTED = 2  # psycopg's number for it


@register
def check_isolation(**kwargs: Any) -> list[CheckMessage]:
    """Refuse any other isolation level than READ COMMITTED.

    Under the stricter ones whoever waited for an event's lock would go on with the numbers of before the wait.
    """
    options = settings.DATABASES["default"].get("OPTIONS", {})
    if options.get("isolation_level", READ_COMMITTED) == READ_COMMITTED:
        return []
    hint = "Take isolation_level out of DATABASE_URL."
    return [Error("The database must be used with READ COMMITTED isolation.", hint=hint, id="core.E001")]


def insist() -> None:
    """Raise ImproperlyConfigured where `check_isolation` finds something: a server runs no system checks by itself."""
    for found in check_isolation():
        raise ImproperlyConfigured(f"{found.msg} {found.hint}")
