"""The gate without a network: the list that a device keeps, and what it did meanwhile, told afterwards.

The list has hashes of codes and nothing else: whoever finds a lost phone can make no ticket of it.
A device lets each ticket in once. Of several devices the first scan wins, by its moment on the server's clock; by the
others, too, somebody is in, so these scans stay `let_in` with another outcome, and the organizer sees them.
"""

import datetime as dt
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypedDict

from django.db import IntegrityError, transaction
from django.db.models import Q

from .. import ticket_code
from ..locking import again_after_conflict
from ..models import Event, Scan, Ticket, User
from ..now import now
from .scans import Outcome, ScanResult, answer_of, locked_ticket, settle

OVERLAP = dt.timedelta(seconds=30)  # a change is dated before its commit: what is asked for since then overlaps
LONGEST_OFFLINE = dt.timedelta(days=2)  # a session lasts one


class GateList(TypedDict):
    """The tickets of an event by the fingerprint of their code; with `since` only those that changed after it.

    `used` has where and when as well: `[fingerprint, moment, gate]`. `own` are those of the `staff` who asks, said by
    their `device_key`. While `off` the event is cancelled, and so is each of its tickets, whatever the lists say.
    """

    event: int
    staff: str
    off: bool
    now: str
    since: str | None
    valid: list[str]
    used: list[tuple[str, str, str]]
    cancelled: list[str]
    own: list[str]


@dataclass(frozen=True)
class OfflineScan:
    """What a device did: `let_in` if it showed green. `at` is its clock's moment, `offset` how much that was behind."""

    nonce: str
    fingerprint: str
    at: dt.datetime
    offset: dt.timedelta
    let_in: bool
    gate: str = ""


def gate_list(event: Event, staff: User, since: dt.datetime | None = None) -> GateList:
    """Return what a device needs to admit without a network. Ask for changes with the `now` of the list before."""
    moment = now()
    tickets = Ticket.objects.filter(event=event)
    if since is not None:
        tickets = tickets.filter(_changed(event, since - OVERLAP))
    admitting = Scan.objects.admitting().filter(event=event, ticket__in=tickets)
    gates = dict(admitting.values_list("ticket", "gate"))
    found = GateList(
        event=event.pk,
        staff=staff.device_key,
        off=event.status == Event.Status.CANCELLED,
        now=moment.isoformat(),
        since=since.isoformat() if since else None,
        valid=[],
        used=[],
        cancelled=[],
        own=[],
    )
    rows = tickets.values_list("pk", "code", "user", "cancelled_at", "checked_in_at")
    for pk, code, user_id, cancelled_at, checked_in_at in rows:
        name = ticket_code.fingerprint(code)
        if cancelled_at:
            found["cancelled"].append(name)
        elif user_id == staff.pk:
            found["own"].append(name)
        elif checked_in_at:
            found["used"].append((name, checked_in_at.isoformat(), gates.get(pk, "")))
        else:
            found["valid"].append(name)
    return found


def _changed(event: Event, since: dt.datetime) -> Q:
    at_the_gate = Scan.objects.filter(Q(recorded_at__gte=since) | Q(undone_at__gte=since), event=event)
    marks = Q(booked_at__gte=since) | Q(cancelled_at__gte=since) | Q(checked_in_at__gte=since)
    return marks | Q(pk__in=at_the_gate.values("ticket"))


def sync(event: Event, staff: User, scans: Iterable[OfflineScan]) -> dict[str, ScanResult]:
    """Store what a device did without a network; return what each came to, by nonce.

    Each is a transaction of its own, and a nonce that is stored already stays as it is: a device that lost the answer
    sends all of it again. Moments are corrected by the device's offset, and none is later than now.
    """
    told = list(scans)
    by_fingerprint = _tickets_of(event, {scan.fingerprint for scan in told})
    return {scan.nonce: _record(event, staff, scan, by_fingerprint.get(scan.fingerprint)) for scan in told}


def _tickets_of(event: Event, fingerprints: set[str]) -> dict[str, int]:
    codes = Ticket.objects.filter(event=event).values_list("code", "pk")
    named = ((ticket_code.fingerprint(code), pk) for code, pk in codes.iterator())
    return {name: pk for name, pk in named if name in fingerprints}


@again_after_conflict
def _record(event: Event, staff: User, scan: OfflineScan, ticket_id: int | None) -> ScanResult:
    with transaction.atomic():
        ticket = locked_ticket(ticket_id)
        before = Scan.objects.filter(staff=staff, nonce=scan.nonce).first()
        if before is None:
            with suppress(IntegrityError), transaction.atomic():
                return _answer(_store(event, staff, scan, ticket), ticket)
            before = Scan.objects.get(staff=staff, nonce=scan.nonce)  # sent twice at the same instant: it is there now
        if (before.event_id, before.ticket_id) != (event.pk, ticket_id):
            return _answer(_store(event, staff, replace(scan, nonce=""), ticket), ticket)  # as in `scan`
        if scan.let_in and not before.let_in:
            _let_in(before, ticket)
        return _answer(before, ticket)


def _answer(stored: Scan, ticket: Ticket | None) -> ScanResult:
    stored.refresh_from_db()
    return answer_of(stored, ticket)


def _let_in(before: Scan, ticket: Ticket | None) -> None:
    """Note that somebody is in by a scan whose answer, a no, was lost, so that its device decided alone."""
    Scan.objects.filter(pk=before.pk).update(let_in=True)
    if ticket is not None:
        settle(ticket)


def _store(event: Event, staff: User, scan: OfflineScan, ticket: Ticket | None) -> Scan:
    moment = now()
    scanned_at = min(max(scan.at + scan.offset, moment - LONGEST_OFFLINE), moment)
    outcome = _judge(event, staff, ticket)
    stored = Scan.objects.create(
        event=event,
        staff=staff,
        ticket=ticket,
        outcome=outcome,
        let_in=scan.let_in,
        scanned_at=scanned_at,
        recorded_at=moment,
        gate=scan.gate,
        nonce=scan.nonce,
        is_offline=True,
    )
    if ticket is not None and scan.let_in:
        settle(ticket)
    return stored


def _judge(event: Event, staff: User, ticket: Ticket | None) -> str:
    """Return what a scan comes to apart from the question which one was the first, which `settle` answers."""
    if ticket is None:
        return Outcome.UNKNOWN_CODE
    if ticket.cancelled_at is not None or event.status == Event.Status.CANCELLED:
        return Outcome.CANCELLED
    return Outcome.OWN_TICKET if ticket.user_id == staff.pk else Outcome.ALREADY_CHECKED_IN
