"""Checking an event's ledger from inside: by its own rules, and against what else the database says."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db import transaction

from ..models import Event, Ticket, TicketHold
from . import verify_ledger
from .ledger import file_of, pseudonym

NAMED = 10  # of many tickets alike


@dataclass
class Checked:
    """What was found about an event's ledger, in sentences."""

    event: Event
    entries: int
    seal: str
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        found = f"problems: {len(self.problems)}" if self.problems else "in order"
        head = f"event {self.event.pk} ({self.event.name}): {self.entries} entries, {found}, seal {self.seal}"
        return "\n  ".join([head, *self.problems])


@dataclass
class Rows:
    """An event, its live places and its valid tickets by number, and how far its ledger goes, all at one moment."""

    event: Event
    places: dict[int, TicketHold]
    tickets: dict[int, Ticket]
    last: int


def check(event_id: int) -> Checked:
    """Check the ledger of an event, and the event by its ledger. Raises Event.DoesNotExist."""
    rows = _read(event_id)
    told = verify_ledger.Ledger(None)
    for line in file_of(rows.event):
        told.read(line.rstrip("\n"))
    report = told.close()
    problems = [str(problem) for problem in report.problems]
    if report.unlisted:
        problems.append(f"and {report.unlisted} more")
    problems += _differences(rows, told)
    return Checked(rows.event, report.entries, report.seal or "", problems)


def _read(event_id: int) -> Rows:
    """Read under the event's lock, which whoever enters something has; who joins without it is not linked yet."""
    with transaction.atomic():
        event = Event.objects.select_for_update(no_key=True).get(pk=event_id)
        places = {place.pk: place for place in TicketHold.objects.unended().filter(event=event)}
        tickets = {ticket.pk: ticket for ticket in Ticket.objects.valid().filter(event=event)}
        last = event.ledger.order_by("-seq").values_list("seq", flat=True).first()
    return Rows(event, places, tickets, last or 0)


def _differences(rows: Rows, told: verify_ledger.Ledger) -> Iterator[str]:
    event = rows.event
    if rows.last != event.ledger_seq:
        yield f"the event says that its last entry is {event.ledger_seq}, but it is {rows.last}"
    if event.ledger_seq == 0:  # nothing happened since there are ledgers: what is older is entered by the next serve
        return
    if told.paused != (event.paused_at is not None):
        yield f"serving is {_paused(told.paused)} in the ledger, and {_paused(not told.paused)} in the database"
    live = {number: place for number, place in told.places.items() if place.state != verify_ledger.ENDED}
    yield from _differences_of_places(rows, live, told.extended)
    yield from _differences_of_tickets(rows, told)
    held = sum(place.state == verify_ledger.HELD for place in live.values())
    if event.held != held:
        yield f"{event.held} places are held by the event's counter, {held} by the ledger"
    booked = told.taken - held
    if event.booked != booked:
        yield f"{event.booked} places are booked by the event's counter, {booked} by the ledger"


def _paused(is_paused: bool) -> str:
    return "paused" if is_paused else "not paused"


def _differences_of_places(rows: Rows, live: dict[int, verify_ledger.Place], extended: int) -> Iterator[str]:
    for number, row in rows.places.items():
        if number not in live:
            if row.is_linked or row.status == TicketHold.Status.HELD:
                yield f"place {number} is {row.status} in the database, and not in the ledger"
            continue
        differing = ", ".join(_differing_fields(rows.event, row, live[number], extended))
        if differing:
            yield f"place {number} is not the same in the database as in the ledger: {differing}"
    for number in live.keys() - rows.places.keys():
        yield f"place {number} is {live[number].state} in the ledger, and not in the database"


def _differing_fields(event: Event, row: TicketHold, place: verify_ledger.Place, extended: int) -> list[str]:
    stored = {
        "status": row.status,
        "person": pseudonym(event, row.user_id),
        "tier": row.tier,
        "draw": verify_ledger.NOT_DRAWN if row.draw is None else row.draw,
        "rank": _microseconds(row.login_timestamp),
    }
    told = {
        "status": place.state,
        "person": place.person,
        "tier": place.tier,
        "draw": place.draw,
        "rank": place.rank,
    }
    if place.state == verify_ledger.HELD and row.expires_at is not None:
        stored["end of the hold"], told["end of the hold"] = _microseconds(row.expires_at), place.until + extended
    return [name for name, value in stored.items() if value != told[name]]


def _microseconds(moment: dt.datetime) -> int:
    return (moment - verify_ledger.EPOCH) // verify_ledger.MICROSECOND


def _differences_of_tickets(rows: Rows, told: verify_ledger.Ledger) -> Iterator[str]:
    unknown = [number for number in rows.tickets if number not in told.tickets]
    if len(unknown) != told.older:
        named = ", ".join(map(str, unknown[:NAMED])) or "none"
        found = f"valid tickets that the ledger does not have: {len(unknown)} ({named})"
        yield f"{found}, but it counts {told.older} as older than itself"
    for number, ticket in told.tickets.items():
        row = rows.tickets.get(number)
        if row is None:
            if ticket is not None:
                yield f"ticket {number} is valid in the ledger, and not in the database"
        elif ticket is None:
            yield f"ticket {number} is cancelled in the ledger, and valid in the database"
        elif ticket != (pseudonym(rows.event, row.user_id), row.tier):
            yield f"ticket {number} is not of the same person and tier in the database as in the ledger"
