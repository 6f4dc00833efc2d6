"""The rows of an event, the calls of its clients and what pages were told, as the history checker reads them."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from bench import evidence
from bench.evidence import Call, History
from core.fairness.ledger import file_of
from core.models import Event, Scan, Ticket, TicketHold, UserSession


def _seconds(moment: dt.datetime | None) -> float | None:
    return moment.timestamp() if moment else None


def record(event_id: int, calls: Iterable[Call] = (), **noted: Any) -> History:
    """Return the history of an event at rest; `noted` are the fields of `History` that rows do not have."""
    event = Event.objects.get(pk=event_id)
    places = []
    for row in TicketHold.objects.filter(event=event).order_by("pk"):
        began = row.login_timestamp.timestamp(), row.created_at.timestamp()
        ends = (_seconds(moment) for moment in (row.held_at, row.expires_at, row.ended_at))
        places.append(evidence.Place(row.pk, row.user_id, row.status, row.tier, row.draw, *began, *ends))
    tickets = [
        evidence.Ticket(
            row.pk,
            row.user_id,
            row.code,
            row.hold_id,
            row.replaces_id,
            row.booked_at.timestamp(),
            _seconds(row.cancelled_at),
            _seconds(row.checked_in_at),
        )
        for row in Ticket.objects.filter(event=event).order_by("pk")
    ]
    scans = Scan.objects.filter(event=event).order_by("pk")
    people = (
        TicketHold.objects.filter(event=event).values("user").union(Ticket.objects.filter(event=event).values("user"))
    )
    logins = UserSession.objects.filter(user__in=people)
    return History(
        event=evidence.Event(event.pk, event.capacity, event.held, event.booked, event.ledger_seq, event.version),
        places=places,
        tickets=tickets,
        scans=[
            evidence.Scan(
                scan.ticket_id, scan.staff_id, scan.nonce, scan.outcome, scan.let_in and scan.undone_at is None
            )
            for scan in scans
        ],
        logins=[evidence.Login(row.user_id, row.session_key, row.login_timestamp.timestamp()) for row in logins],
        ledger=list(file_of(event)),
        calls=list(calls),
        **noted,
    )
