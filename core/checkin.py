"""The gate: who may scan, and what a scan comes to. The format of a code lives in `ticket_code.py`."""

import datetime as dt
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from . import ticket_code
from .models import GATE_STAFF, Event, EventQuerySet, Scan, Ticket, User
from .now import now
from .signals import announce_after_commit

Outcome = Scan.Outcome


class OwnTicket(Exception):
    """Nobody checks in their own ticket (rule 24)."""


@dataclass(frozen=True)
class ScanResult:
    """What a scan came to. `attendee` and `checked_in_at` are known for tickets of the event only."""

    outcome: str
    attendee: str | None = None
    checked_in_at: dt.datetime | None = None
    detail: str = ""


def can_scan(user: User) -> bool:
    """Return whether the gate page is anything for this person."""
    if user.is_superuser:
        return True
    organizes = Event.objects.filter(created_by=OuterRef("pk"))
    at_the_gate = Q(groups__name=GATE_STAFF) | Q(Exists(organizes))
    return User.objects.filter(at_the_gate, pk=user.pk).exists()


def scannable_events(user: User) -> EventQuerySet:
    """Return the events this person may scan: gate staff all published ones, organizers their own (rule 24)."""
    events = Event.objects.published().order_by("starts_at", "pk")
    if user.is_superuser or user.is_gate_staff:
        return events
    return events.filter(created_by=user)


def scan(*, code: str, event: Event, staff: User, gate: str = "", nonce: str = "") -> ScanResult:
    """Try to admit the bearer of a code; store the attempt.

    Exactly one scan of a ticket admits: one compare-and-swap decides. The same `nonce` of the same staff is the same
    scan, sent again because its answer was lost, and gets the same answer. Raises OwnTicket.
    """
    code = ticket_code.tidy(code)
    ticket = Ticket.objects.select_related("user", "event").filter(code=code).first()
    if ticket is not None and ticket.user_id == staff.pk:
        theirs = ticket if ticket.event_id == event.pk else None
        Scan.objects.create(
            event=event, ticket=theirs, staff=staff, gate=gate, outcome=Outcome.OWN_TICKET, scanned_at=now()
        )
        raise OwnTicket
    before = Scan.objects.filter(staff=staff, nonce=nonce).first() if nonce else None
    if before is not None and _is_again(before, ticket, event):
        return _result(before, ticket)
    nonce = "" if before is not None else nonce  # another ticket or event is another scan, whatever its nonce says
    try:
        with transaction.atomic():
            return _result(_attempt(ticket, event, staff, gate, nonce), ticket)
    except IntegrityError:
        if not Scan.objects.filter(staff=staff, nonce=nonce).exclude(nonce="").exists():
            raise
        # The same nonce at the same instant: it is there by now.
        return scan(code=code, event=event, staff=staff, gate=gate, nonce=nonce)


def _is_again(before: Scan, ticket: Ticket | None, event: Event) -> bool:
    """Return whether a recorded scan was this one: the same event and ticket, or again no ticket of the event."""
    foreign = ticket is not None and ticket.event_id != event.pk
    theirs = None if foreign else ticket
    return (before.event_id, before.ticket) == (event.pk, theirs) and foreign == (before.outcome == Outcome.WRONG_EVENT)


def _attempt(ticket: Ticket | None, event: Event, staff: User, gate: str, nonce: str) -> Scan:
    moment = now()
    outcome = _judge(ticket, event, staff, moment)
    theirs = ticket if ticket is not None and ticket.event_id == event.pk else None
    if ticket is not None and outcome == Outcome.ADMITTED:
        announce_after_commit([], [], [ticket])
    return Scan.objects.create(
        event=event, ticket=theirs, staff=staff, gate=gate, nonce=nonce, outcome=outcome, scanned_at=moment
    )


def _judge(ticket: Ticket | None, event: Event, staff: User, moment: dt.datetime) -> str:
    if ticket is None:
        return Outcome.UNKNOWN_CODE
    if ticket.event_id != event.pk:
        return Outcome.WRONG_EVENT
    if ticket.event.status == Event.Status.CANCELLED:
        return Outcome.CANCELLED
    unused = Ticket.objects.filter(pk=ticket.pk, checked_in_at=None, cancelled_at=None)
    if unused.update(checked_in_at=moment, checked_in_by=staff) == 1:
        return Outcome.ADMITTED
    ticket.refresh_from_db(fields=["cancelled_at"])
    return Outcome.CANCELLED if ticket.cancelled_at else Outcome.ALREADY_CHECKED_IN


def _result(attempt: Scan, ticket: Ticket | None) -> ScanResult:
    if ticket is None or attempt.ticket_id is None:
        return ScanResult(attempt.outcome, detail=_WORDS[attempt.outcome])
    ticket.refresh_from_db(fields=["checked_in_at"])
    admitted = Scan.objects.filter(ticket=ticket, outcome=Outcome.ADMITTED).first()
    used = attempt.outcome == Outcome.ALREADY_CHECKED_IN and ticket.checked_in_at
    where = f" at {admitted.gate}" if admitted and admitted.gate else ""
    detail = f"Used {ticket.event.local(ticket.checked_in_at)}{where}." if used else _WORDS[attempt.outcome]
    return ScanResult(attempt.outcome, ticket.user.display_name, ticket.checked_in_at, detail)


_WORDS: dict[str, str] = {
    Outcome.ADMITTED: "Welcome. Let them in.",
    Outcome.ALREADY_CHECKED_IN: "This ticket was used before.",
    Outcome.WRONG_EVENT: "This ticket is for another event.",
    Outcome.CANCELLED: "This ticket was cancelled. Do not let them in.",
    Outcome.UNKNOWN_CODE: "We do not know this code. Check it and try again.",
}
