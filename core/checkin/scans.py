"""One scan, and taking it back. What a device did without a network is in `offline.py`."""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .. import ticket_code
from ..locking import again_after_conflict
from ..models import Event, Scan, Ticket, User
from ..now import now
from ..refusals import NothingToUndo, NotYourScan, UndoTooLate
from ..signals import announce_after_commit
from ..trust import trail
from .staff import may_undo_any

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Outcome = Scan.Outcome
UNDO_TIME = dt.timedelta(minutes=5)  # in which staff may take back their own scans


class OwnTicket(Exception):
    """Nobody checks in their own ticket (rule 24)."""


@dataclass(frozen=True)
class ScanResult:
    """What a scan came to. All but the outcome, its words and `scan` (the row) are known for the event's tickets only.

    `gate` is where the ticket was used, `detail` the whole of it in a sentence.
    """

    outcome: str
    scan: Scan
    attendee: str | None = None
    checked_in_at: dt.datetime | None = None
    gate: str = ""
    detail: str = ""


@again_after_conflict
def scan(*, code: str, event: Event, staff: User, gate: str = "", nonce: str = "", by_name: bool = False) -> ScanResult:
    """Try to admit the bearer of a code; store the attempt.

    Exactly one scan of a ticket admits: one compare-and-swap decides. The same `nonce` of the same staff is the same
    scan, sent again because its answer was lost, and gets the same answer. Raises OwnTicket.
    """
    ticket = Ticket.objects.select_related("user").filter(code=ticket_code.tidy(code)).first()
    told: dict[str, Any] = {"event": event, "staff": staff, "gate": gate, "by_name": by_name}
    if ticket is not None and ticket.user_id == staff.pk:
        _record(now(), Outcome.OWN_TICKET, ticket if ticket.event_id == event.pk else None, **told)
        raise OwnTicket
    try:
        with transaction.atomic():
            return _attempt(ticket, nonce=nonce, **told)
    except IntegrityError:
        before = Scan.objects.filter(staff=staff, nonce=nonce).exclude(nonce="").first()
        if before is None:
            raise
    if _is_again(before, ticket, event):
        return answer_of(before, ticket)
    with transaction.atomic():  # another ticket or event is another scan, whatever its nonce says
        return _attempt(ticket, nonce="", **told)


def _is_again(before: Scan, ticket: Ticket | None, event: Event) -> bool:
    """Return whether a recorded scan was this one: the same event and ticket, or again no ticket of the event."""
    foreign = ticket is not None and ticket.event_id != event.pk
    theirs = None if foreign else ticket
    return (before.event_id, before.ticket) == (event.pk, theirs) and foreign == (before.outcome == Outcome.WRONG_EVENT)


def _attempt(ticket: Ticket | None, *, event: Event, staff: User, gate: str, **told: Any) -> ScanResult:
    moment = now()
    outcome = _judge(ticket, event, staff, moment)
    theirs = ticket if ticket is not None and ticket.event_id == event.pk else None
    stored = _record(moment, outcome, theirs, event=event, staff=staff, gate=gate, **told)
    if ticket is not None and outcome == Outcome.WRONG_EVENT:
        other = ticket.event
        words = gettext("This ticket is for %(event)s, %(moment)s.")
        detail = words % {"event": other.name, "moment": other.local(other.starts_at)}
        return ScanResult(outcome, stored, detail=detail)
    if theirs is None or outcome != Outcome.ADMITTED:
        return answer_of(stored, theirs)
    announce_after_commit([], [], [theirs])
    return ScanResult(outcome, stored, theirs.user.display_name, moment, gate, str(WORDS[outcome]))


def _record(moment: dt.datetime, outcome: str, ticket: Ticket | None, **told: Any) -> Scan:
    let_in = outcome == Outcome.ADMITTED
    return Scan.objects.create(
        ticket=ticket, outcome=outcome, let_in=let_in, scanned_at=moment, recorded_at=moment, **told
    )


def _judge(ticket: Ticket | None, event: Event, staff: User, moment: dt.datetime) -> str:
    if ticket is None:
        return Outcome.UNKNOWN_CODE
    if ticket.event_id != event.pk:
        return Outcome.WRONG_EVENT
    # Read anew, as a question within the update, not by a join: that would look for unused tickets before it locks one.
    goes_on = Event.objects.filter(pk=event.pk).exclude(status=Event.Status.CANCELLED)
    unused = Ticket.objects.filter(pk=ticket.pk, checked_in_at=None, cancelled_at=None, event__in=goes_on)
    if unused.update(checked_in_at=moment, checked_in_by=staff) == 1:
        return Outcome.ADMITTED
    ticket.refresh_from_db(fields=["cancelled_at"])
    return Outcome.CANCELLED if ticket.cancelled_at or not goes_on.exists() else Outcome.ALREADY_CHECKED_IN


def answer_of(attempt: Scan, ticket: Ticket | None) -> ScanResult:
    """Return what a stored attempt came to, as the gate is told; `ticket` is read anew."""
    if ticket is None or attempt.ticket_id is None:
        return ScanResult(attempt.outcome, attempt, detail=str(WORDS[attempt.outcome]))
    ticket.refresh_from_db(fields=["checked_in_at"])
    counting = Scan.objects.admitting().filter(ticket=ticket).first()
    gate = counting.gate if counting else ""
    detail = str(WORDS[attempt.outcome])
    if attempt.outcome == Outcome.CANCELLED and ticket.cancelled_at is not None:
        detail = _why_cancelled(ticket)
    elif attempt.outcome == Outcome.ALREADY_CHECKED_IN and ticket.checked_in_at:
        used = gettext("Used %(moment)s at %(gate)s.") if gate else gettext("Used %(moment)s.")
        detail = used % {"moment": attempt.event.local(ticket.checked_in_at), "gate": gate}
    elif attempt.undone_at is not None:
        detail = gettext("This scan was taken back: the ticket can be used again.")
    return ScanResult(attempt.outcome, attempt, ticket.user.display_name, ticket.checked_in_at, gate, detail)


def _why_cancelled(ticket: Ticket) -> str:
    successor = Ticket.objects.filter(replaces=ticket).first()
    if successor is None:
        return str(WORDS[Outcome.CANCELLED])
    if successor.user_id != ticket.user_id:
        return gettext("This ticket was given to somebody else, who has a code of their own. Do not let them in.")
    return gettext("There is a newer code for this ticket: ask them to open their ticket again, and scan that.")


WORDS: "dict[str, StrOrPromise]" = {
    Outcome.ADMITTED: _("Welcome. Let them in."),
    Outcome.ALREADY_CHECKED_IN: _("This ticket was used before."),
    Outcome.WRONG_EVENT: _("This ticket is for another event."),
    Outcome.CANCELLED: _("This ticket was cancelled. Do not let them in."),
    Outcome.UNKNOWN_CODE: _("We do not know this code. Check it and try again."),
    Outcome.OWN_TICKET: _("Nobody checks in their own ticket. Ask a colleague."),
}


@again_after_conflict
def undo(*, scan_id: int, staff: User, reason: str) -> Scan:
    """Take back a scan that let somebody in, so that their ticket can be used again; doing it again changes nothing.

    Staff can for 5 minutes, and their own scans only; the event's organizer and administrators always. Raises
    NotYourScan, UndoTooLate, NothingToUndo, and Scan.DoesNotExist.
    """
    ticket_id = Scan.objects.values_list("ticket", flat=True).get(pk=scan_id)
    with transaction.atomic():
        ticket = locked_ticket(ticket_id)
        taken_back = Scan.objects.select_related("event").get(pk=scan_id)
        if taken_back.undone_at is not None and taken_back.undone_by_id == staff.pk:
            return taken_back
        _refuse_undo(taken_back, staff)
        taken_back.undone_at, taken_back.undone_by, taken_back.undo_reason = now(), staff, reason
        taken_back.save(update_fields=["undone_at", "undone_by", "undo_reason"])
        about: dict[str, Any] = {"person": ticket and ticket.user_id, "event": taken_back.event_id}
        trail.record(trail.Action.SCAN_UNDONE, subject=f"scan {scan_id}", detail=reason, **about)
        if ticket is not None:
            settle(ticket)
    return taken_back


def _refuse_undo(attempt: Scan, staff: User) -> None:
    if not may_undo_any(staff, attempt.event):
        if attempt.staff_id != staff.pk:
            raise NotYourScan
        if attempt.let_in and now() > max(attempt.scanned_at, attempt.recorded_at) + UNDO_TIME:
            raise UndoTooLate
    if not attempt.let_in or attempt.undone_at is not None:
        raise NothingToUndo


def locked_ticket(ticket_id: int | None) -> Ticket | None:
    """Return a ticket whose check-in marks nobody else changes until the transaction ends."""
    rows = Ticket.objects.select_for_update(no_key=True, of=("self",)).select_related("user", "event")
    return rows.filter(pk=ticket_id).first() if ticket_id is not None else None


def settle(ticket: Ticket) -> None:
    """Make the first scan that let somebody in the one that counts, as the ticket's marks say; the caller has its lock.

    What the gate decides by a compare-and-swap while it has a network, this decides for what is known afterwards: the
    scans of devices without one, and those that were taken back.
    """
    usable = (Outcome.ADMITTED, Outcome.ALREADY_CHECKED_IN)
    mine = Scan.objects.standing().filter(ticket=ticket, outcome__in=usable)
    first = mine.order_by("scanned_at", "pk").first() if ticket.cancelled_at is None else None
    number = first.pk if first else 0  # no row has it
    mine.admitting().exclude(pk=number).update(outcome=Outcome.ALREADY_CHECKED_IN)
    mine.filter(pk=number).update(outcome=Outcome.ADMITTED)
    at, by = (first.scanned_at, first.staff) if first else (None, None)
    Ticket.objects.filter(pk=ticket.pk).update(checked_in_at=at, checked_in_by=by)
    announce_after_commit([], [], [ticket])
