"""What whoever joins, books or releases is answered as JSON (DESIGN 3.2): the same by POST and over the socket."""

from typing import Any

from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

from .models import Event, Ticket, TicketHold
from .refusals import Refused

FAULT = "error"


def of(outcome: Ticket | TicketHold | None, *, is_release: bool = False) -> dict[str, Any]:
    """Return the answer to who booked or joined, or released: there None is somebody who never had a place."""
    if is_release:
        has_left = isinstance(outcome, TicketHold) and outcome.status == TicketHold.Status.LEFT
        return {"status": "left" if has_left else "released"}
    if isinstance(outcome, Ticket):
        return {"status": "booked", "ticket": outcome.code}
    assert outcome is not None  # noqa: S101 -- for the types: who joined has a place
    if outcome.status == TicketHold.Status.WAITING:
        return {"status": "waiting", "position": outcome.ahead + 1}
    return {"status": outcome.status, "expires_at": outcome.expires_at and outcome.expires_at.isoformat()}


def of_refusal(refused: Refused) -> dict[str, Any]:
    """Return the answer to who is refused."""
    return {"status": refused.status, "detail": str(refused.detail), "can_join": refused.can_join}


def of_error(error: BaseException) -> dict[str, Any]:
    """Return the answer over the socket where a request would be answered 409, 404, 503 or 500."""
    if isinstance(error, Refused):
        return of_refusal(error)
    if isinstance(error, Event.DoesNotExist):
        return {"status": "not_found", "detail": _("No such event.")}
    if isinstance(error, OperationalError | InterfaceError):
        return unavailable()
    return {
        "status": FAULT,
        "detail": _("Something went wrong here, and was noted. Reload the page to see what you have."),
    }


def unavailable() -> dict[str, Any]:
    """Return the answer while the database is away, or the site at its limit."""
    detail = _("We are at our limit for a moment. Nothing was lost; try again in a few seconds.")
    return {"status": "unavailable", "detail": detail}
