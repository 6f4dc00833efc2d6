"""What a view looks up, or answers 404 for."""

import datetime as dt

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from .. import accounts, prepared
from ..access import may_manage
from ..http import PersonRequest
from ..many import LARGEST_ID
from ..models import Event, Ticket, TicketTransfer
from ..now import now
from ..numbers import with_line


def visible_event(request: HttpRequest, event_id: int, moment: dt.datetime) -> Event:
    """Return the event; a draft only to its organizer and administrators, for others it looks absent."""
    found = _event(event=event_id, moment=moment) if event_id <= LARGEST_ID else []
    event = found[0] if found else None
    if event is None or (event.status == Event.Status.DRAFT and not may_manage(request.user, event)):
        raise Http404("No such event.")
    return event


_event = prepared.Prepared(
    lambda: with_line(Event.objects.filter(pk=prepared.number("event")), prepared.moment("moment"))
)


def managed_event(request: HttpRequest, event_id: int) -> Event:
    """Return the event to its organizer and administrators; 403 for others, absent for other organizers."""
    event = visible_event(request, event_id, now())
    if not may_manage(request.user, event):
        if Event.objects.filter(created_by=request.user.pk).exists():  # a rival learns nothing, not even a no
            raise Http404("No such event.")
        raise PermissionDenied("Only the event's organizer and administrators see this.")
    return event


def visible_ticket(request: HttpRequest, code: str) -> Ticket:
    """Return the ticket to its owner, its organizer and administrators; for everybody else it looks absent."""
    tickets = Ticket.objects.select_related("event", "user")
    ticket = tickets.filter(code=code).first() if code.isprintable() else None  # PostgreSQL refuses a NUL
    if ticket is None or not (ticket.user_id == request.user.pk or may_manage(request.user, ticket.event)):
        raise Http404("No such ticket.")
    return ticket


def visible_offer(request: PersonRequest, token: str) -> TicketTransfer:
    """Return the offer to the person it was made to, whatever became of it; for everybody else it looks absent."""
    offers = accounts.offers_to(request.user).select_related("ticket__event", "offered_by")
    offer = offers.filter(token=token).first() if token.isprintable() else None  # as above
    if offer is None:
        raise Http404("No such offer.")
    return offer
