"""The statements with which a transaction of the allocation looks at places and moves them, each composed once.

Used by `serving.py` alone, under the lock.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import F, QuerySet

from . import prepared
from .many import update_each
from .models import Event, TicketHold, TicketHoldQuerySet, has_line
from .prepared import Change, Prepared, Rows

NUMBERS = (
    "held = core_event.held + {held}, booked = core_event.booked + {booked}, version = core_event.version + {step},"
    " ledger_seq = {seq}, ledger_seal = {seal}, ledger_terms = {terms}"
)
COLUMNS = {
    "held": "int", "booked": "int", "step": "int", "seq": "bigint", "seal": "text", "terms": "text", "id": "bigint",
}  # fmt: skip  # -- of what `write_numbers` tells the database


def write_numbers(rows: Sequence[tuple[Any, ...]]) -> None:
    """Write the numbers of events, each of `rows` as `COLUMNS` name them: as steps, which a constraint checks."""
    update_each("core_event", NUMBERS, COLUMNS, rows)


def _to_link_or_to_expire() -> TicketHoldQuerySet:
    of_events = TicketHold.objects.filter(event__in=prepared.numbers("events"))
    # Not one OR: with old statistics, as after a rush, PostgreSQL would read the whole line for it.
    unlinked, lapsing = of_events.filter(is_linked=False, ended_at=None), of_events.lapsed(prepared.moment("moment"))
    return unlinked.union(lapsing).order_by("pk")


def _events_with_a_line() -> QuerySet[Any, Any]:
    found = Event.objects.filter(has_line(), pk__in=prepared.numbers("events"))
    return found.order_by("pk").values_list("pk")


def _unended() -> TicketHoldQuerySet:
    return TicketHold.objects.unended().filter(pk__in=prepared.numbers("ids"))


def moving(**to: Any) -> Change[TicketHold]:
    """Return the statement that moves places, by their `ids`, to a `status`, and sets what else changes."""
    return Change(_unended, status=prepared.text("status"), is_linked=True, **to)


EXPIRE = moving(ended_at=F("expires_at"))
_held: dict[str, Any] = {"held_at": prepared.moment("held_at"), "expires_at": prepared.moment("expires_at")}
HOLD = moving(**_held)
HOLD_AFTER_WAITING = moving(**_held, is_turn_due=True)  # of which they are told by mail
END = moving(ended_at=prepared.moment("ended_at"), end_reason=prepared.text("end_reason"))
unlinked_or_lapsing = Prepared(_to_link_or_to_expire)
with_a_line = Rows(_events_with_a_line)
