"""Errors reported to Sentry, or what speaks its protocol, where SENTRY_DSN is set: without people, codes or forms."""

from typing import Any

import sentry_sdk
from django.conf import settings
from sentry_sdk.scrubber import DEFAULT_DENYLIST, EventScrubber

from ..logs import masked
from . import request_id

# Ours, beside what the library knows of: passwords, tokens, cookies, headers of authentication.
SECRET_NAMES = ("code", "codes", "session_key", "email", "login", "username", "first_name", "last_name", "person")
DROPPED = ("data", "cookies", "query_string", "env", "headers")  # of the request: forms, and who asked from where
DEPTH = 12


def start() -> None:
    """Report errors from now on. Nothing is traced, and no variable of a frame is sent: they hold people."""
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        server_name="",
        before_send=_scrubbed,
        before_breadcrumb=_masked_breadcrumb,
        event_scrubber=EventScrubber(denylist=[*DEFAULT_DENYLIST, *SECRET_NAMES], recursive=True),
    )


def _scrubbed(event: Any, hint: Any) -> Any:
    """Take away who asked and what they sent; mask codes and addresses in whatever is left."""
    event.pop("user", None)
    for name in DROPPED:
        event.get("request", {}).pop(name, None)
    event.setdefault("tags", {})["request_id"] = request_id.current()
    return _masked(event, DEPTH)


def _masked_breadcrumb(crumb: Any, hint: Any) -> Any:
    """Leave out what was asked of the database, which has people in it; mask the rest."""
    return None if crumb.get("category") == "query" else _masked(crumb, DEPTH)


def _masked(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return masked(value)
    if depth and isinstance(value, dict):
        return {name: _masked(part, depth - 1) for name, part in value.items()}
    if depth and isinstance(value, list | tuple):
        return [_masked(part, depth - 1) for part in value]
    return value
