"""What a view looks up, or answers 404 for."""

import datetime as dt
from typing import cast

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from .. import accounts, prepared
from ..access import Roles, may_manage, roles_of
from ..http import PersonRequest
from ..many import LARGEST_ID
from ..models import Announcement, Event, Ticket, TicketTransfer, User
from ..now import now
from ..numbers import with_line
from ..telling import messages
from ..trust import second_factor, trail


def visible_event(request: HttpRequest, event_id: int, moment: dt.datetime) -> Event:
    """Return the event; a draft only to its organizer and administrators, for others it looks absent."""
    found = _event(event=event_id, moment=moment) if event_id <= LARGEST_ID else []
    event = found[0] if found else None
    if event is None or (event.status == Event.Status.DRAFT and not may_manage(request.user, event)):
        raise Http404(_("No such event."))
    if event.status == Event.Status.DRAFT:
        second_factor.require(request)
    return event


_event = prepared.Prepared(
    lambda: with_line(Event.objects.filter(pk=prepared.number("event")), prepared.moment("moment"))
)


def managed_event(request: HttpRequest, event_id: int) -> Event:
    """Return the event to its organizer and administrators; 403 for others, absent for other organizers."""
    event = visible_event(request, event_id, now())
    if not may_manage(request.user, event):
        if roles_of(request.user).can_organize:  # a rival learns nothing, not even a no
            raise Http404(_("No such event."))
        raise PermissionDenied(
            _("Only the event's organizer and administrators see this. Ask them for what you need of it.")
        )
    second_factor.require(request)
    return event


def message_of_event(event: Event, message_id: int) -> Announcement:
    """Return an organizer's message about an event."""
    found = messages.messages_of(event).filter(pk=message_id).first() if message_id <= LARGEST_ID else None
    if found is None:
        raise Http404(_("No such message."))
    return found


def visible_ticket(request: HttpRequest, code: str) -> Ticket:
    """Return the ticket to its owner, its organizer and administrators; for everybody else it looks absent."""
    tickets = Ticket.objects.select_related("event", "user")
    ticket = tickets.filter(code=code).first() if code.isprintable() else None  # PostgreSQL refuses a NUL
    if ticket is None or not (ticket.user_id == request.user.pk or may_manage(request.user, ticket.event)):
        raise Http404(_("No such ticket."))
    if ticket.user_id != request.user.pk:
        second_factor.require(request)
        trail.record_look(ticket, cast("User", request.user))
    return ticket


def visible_offer(request: PersonRequest, token: str) -> TicketTransfer:
    """Return the offer to the person it was made to, whatever became of it; for everybody else it looks absent."""
    offers = accounts.offers_to(request.user).select_related("ticket__event", "offered_by")
    offer = offers.filter(token=token).first() if token.isprintable() else None  # as above
    if offer is None:
        raise Http404(_("No such offer."))
    return offer


def organizer_or_404(request: PersonRequest) -> Roles:
    """Return what an organizer is to the site; for everybody else the organizers' pages look absent."""
    roles = roles_of(request.user)
    if not roles.can_organize:
        raise Http404(_("No such page."))
    second_factor.require(request)
    return roles


def creator_or_404(request: PersonRequest) -> None:
    """See that the person may make events; for everybody else the page for that looks absent."""
    if not organizer_or_404(request).can_create:
        raise Http404(_("No such page."))
