"""The lists of an event that can be downloaded: their columns, and how they are read, some rows at a time.

A ledger names nobody. A row that says both whose it is and which number, or the exact moment, an entry of the ledger
has, would tell whose entries those are: so lists with names have neither.
"""

import datetime as dt
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from ..models import Event, LedgerEntry, Scan, Ticket, TicketHold

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

CHUNK = 500  # rows that are read at a time
Record = list[Any]


@dataclass(frozen=True)
class ExportList:
    """One list: `rows` is what it is made of, `record` what is said of each."""

    key: str
    title: "StrOrPromise"
    about: "StrOrPromise"
    header: list[str]
    rows: Callable[[Event], "QuerySet[Any]"]
    record: Callable[[Any], Record]
    tables: tuple[str, ...] = ()  # what is read with each row

    def count(self, event: Event) -> int:
        """Return how many rows it has now."""
        return self.rows(event).count()

    def records(self, event: Event) -> Iterator[Record]:
        """Yield each row as it is when its turn comes, of those there are now; a few are in memory at once.

        Moments are those of the event's zone. Not by a cursor of the database: whoever reads slowly would keep its
        connection.
        """
        rows = self.rows(event)
        zone = ZoneInfo(event.zone)
        ids = array("q", rows.order_by("pk").values_list("pk", flat=True))  # 8 bytes each
        for start in range(0, len(ids), CHUNK):
            chunk = rows.filter(pk__in=list(ids[start : start + CHUNK])).select_related(*self.tables or [None])
            for row in chunk.order_by("pk"):
                yield [_told(value, zone) for value in self.record(row)]


def _told(value: Any, zone: ZoneInfo) -> Any:
    return value.astimezone(zone) if isinstance(value, dt.datetime) else value


def minute(moment: dt.datetime | None) -> dt.datetime | None:
    """Return a moment by the minute: exactly, it would be that of an entry in the ledger."""
    return moment.replace(second=0, microsecond=0) if moment else None


def _of_tickets(event: Event) -> "QuerySet[Ticket]":
    return Ticket.objects.filter(event=event)


def _attendee(ticket: Ticket) -> Record:
    person = ticket.user
    who = [person.display_name, person.username, person.email]
    return [*who, minute(ticket.booked_at), ticket.status, minute(ticket.checked_in_at)]


def _ticket(ticket: Ticket) -> Record:
    came = [ticket.hold_id, ticket.replaces_id, ticket.tier, minute(ticket.booked_at)]
    ended = [minute(ticket.cancelled_at), ticket.cancel_reason, minute(ticket.checked_in_at)]
    return [ticket.pk, *came, ticket.status, *ended]


def _place(place: TicketHold) -> Record:
    person = place.user
    who = [person.display_name, person.username, person.email]
    moments = (place.login_timestamp, place.created_at, place.held_at, place.expires_at, place.ended_at)
    return [*who, place.status, place.tier, *map(minute, moments), place.end_reason]


def _scan(scan: Scan) -> Record:
    person = scan.ticket.user if scan.ticket else None
    who = [person.display_name, person.email] if person else ["", ""]
    how = [scan.outcome, scan.let_in, scan.by_name, scan.is_offline]
    return [scan.scanned_at, scan.gate, *who, *how, scan.staff.username, scan.undone_at, scan.undo_reason]


def _entry(entry: LedgerEntry) -> Record:
    return [entry.seq, entry.person, entry.text, entry.seal]


LISTS = {
    one.key: one
    for one in (
        ExportList(
            "attendees",
            _("Attendees"),
            _("Everybody who has, or had, a ticket."),
            ["name", "user name", "e-mail", "booked at", "status", "checked in at"],
            _of_tickets,
            _attendee,
            ("user", "event"),
        ),
        ExportList(
            "tickets",
            _("Tickets"),
            _("Every ticket by its number in the ledger, and therefore without names."),
            ["ticket", "place", "replaces", "tier", "booked at", "status", "cancelled at", "why", "checked in at"],
            _of_tickets,
            _ticket,
            ("event",),
        ),
        ExportList(
            "line",
            _("Line and holds"),
            _("Everybody who waits, is held a ticket, or was; places that ended long ago are not kept."),
            [
                "name",
                "user name",
                "e-mail",
                "status",
                "tier",
                "logged in at",
                "joined at",
                "held at",
                "held until",
                "ended at",
                "why",
            ],
            lambda event: TicketHold.objects.filter(event=event),
            _place,
            ("user",),
        ),
        ExportList(
            "check-ins",
            _("Check-ins"),
            _("Every scan at a gate, good or bad."),
            [
                "scanned at",
                "gate",
                "name",
                "e-mail",
                "outcome",
                "let in",
                "by name",
                "offline",
                "staff",
                "taken back at",
                "why",
            ],
            lambda event: Scan.objects.filter(event=event),
            _scan,
            ("ticket__user", "staff"),
        ),
        ExportList(
            "ledger",
            _("Ledger"),
            _("Every entry of the event's ledger, which everybody can read."),
            ["entry", "person", "text", "seal"],
            lambda event: LedgerEntry.objects.filter(event=event),
            _entry,
        ),
    )
}
