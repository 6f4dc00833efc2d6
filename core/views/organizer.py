"""What an event's organizer and administrators see: who is coming."""

import csv

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ..http import for_people, reads
from ..models import Event, Ticket, TicketQuerySet
from ..now import now
from ..numbers import stats
from .lookup import managed_event

PAGE = 100
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")


def _tickets(event: Event) -> TicketQuerySet:
    return Ticket.objects.filter(event=event).select_related("user", "event").order_by("booked_at", "pk")


@reads
@for_people
def attendees(request: HttpRequest, event_id: int) -> HttpResponse:
    """List who has a ticket."""
    event = managed_event(request, event_id)
    page = Paginator(_tickets(event), PAGE).get_page(request.GET.get("page"))
    context = {"event": event, "stats": stats(event, now()), "tickets": page, "page": page}
    return render(request, "core/attendees.html", context)


def _harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula (ASVS 5.0, 1.2.10)."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


@reads
@for_people
def attendees_csv(request: HttpRequest, event_id: int) -> HttpResponse:
    """Answer the same list as CSV (RFC 4180, UTF-8 with a byte order mark, which spreadsheets need)."""
    event = managed_event(request, event_id)
    response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="attendees-{event.pk}.csv"'
    writer = csv.writer(response)
    writer.writerow(["name", "user name", "e-mail", "booked at", "status", "checked in at"])
    for ticket in _tickets(event).iterator(chunk_size=1000):
        person = ticket.user
        cells = map(_harmless, (person.display_name, person.username, person.email))
        checked_in_at = ticket.checked_in_at.isoformat() if ticket.checked_in_at else ""
        # Not exactly: that would be the moment of an entry in the ledger, and name its pseudonym.
        writer.writerow([*cells, ticket.booked_at.isoformat(timespec="minutes"), ticket.status, checked_in_at])
    return response
