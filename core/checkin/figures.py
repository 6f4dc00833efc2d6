"""The gate in numbers, for those who stand there."""

from collections.abc import Iterable
from typing import Any, TypedDict

from django.db.models import OuterRef, QuerySet

from ..models import Event, EventQuerySet, Scan, ScanQuerySet, Ticket, User, count_per_event

LAST = 20  # scans of one person
RECENT = 50  # scans of all gates


class GateNumbers(TypedDict):
    """How many are in, and how many have a ticket that opens the gate: those who are in included."""

    event: int
    admitted: int
    expected: int


def with_admitted(events: EventQuerySet) -> EventQuerySet:
    """Annotate `admitted`: how many are in."""
    admitted = Ticket.objects.filter(event=OuterRef("pk"), checked_in_at__isnull=False)
    return events.annotate(admitted=count_per_event(admitted))  # type: ignore[no-redef]  # -- as in `numbers`


def gate_numbers(event_ids: Iterable[int]) -> list[GateNumbers]:
    """Return the numbers of these events' gates, all gates together, in one query."""
    events: QuerySet[Any] = with_admitted(Event.objects.filter(pk__in=list(event_ids)))
    rows = events.values_list("pk", "admitted", "booked", "status")
    return [
        GateNumbers(event=pk, admitted=admitted, expected=0 if status == Event.Status.CANCELLED else booked)
        for pk, admitted, booked, status in rows
    ]


def last_scans(event: Event, staff: User) -> list[Scan]:
    """Return the last scans of one member of staff, the newest first."""
    scans = Scan.objects.filter(event=event, staff=staff).select_related("ticket__user", "event")
    return list(scans.order_by("-recorded_at", "-pk")[:LAST])


def recent_scans(event: Event) -> list[Scan]:
    """Return the last scans of all gates, the newest first."""
    return list(_told(event).order_by("-recorded_at", "-pk")[:RECENT])


def conflicts(event: Event) -> list[Scan]:
    """Return the scans by which somebody is in who should not be, newest first, each with `first`: the one that counts.

    Two devices without a network let in the same ticket, or one whose ticket was cancelled meanwhile.
    """
    found = list(_told(event).conflicts().order_by("-scanned_at", "-pk"))
    admitting = Scan.objects.admitting().filter(ticket__in={scan.ticket_id for scan in found}).select_related("staff")
    first = {scan.ticket_id: scan for scan in admitting}
    for scan in found:
        scan.first = first.get(scan.ticket_id)
    return found


def _told(event: Event) -> ScanQuerySet:
    return Scan.objects.filter(event=event).select_related("ticket__user", "staff", "undone_by", "event")
