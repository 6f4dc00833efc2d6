"""Booking, under the event's lock: a hold becomes a ticket; a free place that nobody waits for is booked directly."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from . import ticket_code, tiers
from .joining import refuse_ended, with_ticket
from .models import Cause, Event, Ticket, TicketHold
from .past import inactive_of
from .position import newest_places
from .refusals import EventCancelled, HoldExpired, LoginEnded, NotOnSale, PeopleWaiting, Refused, SoldOut
from .serving import Serving


def book(serving: Serving, event: Event, user_ids: Iterable[int]) -> dict[int, Ticket | Refused]:
    """Book for these people at a locked event that is up to date; return `{user id: ticket, or why there is none}`.

    Whoever has a ticket gets that one. Set-based: so many people cost as many statements as one.
    """
    who = list(user_ids)
    if event.status == Event.Status.CANCELLED:
        return dict.fromkeys(who, EventCancelled())
    outcomes: dict[int, Ticket | Refused] = {**with_ticket(event.pk, who)}
    asking = [user_id for user_id in who if user_id not in outcomes]
    if asking:
        try:
            refuse_ended(event, serving.moment)
        except Refused as refused:
            return dict.fromkeys(asking, refused) | outcomes
        outcomes |= {user_id: LoginEnded() for user_id in inactive_of(asking)}  # since they asked
        asking = [user_id for user_id in asking if user_id not in outcomes]
        newest = newest_places(event.pk, asking)
        holders = [user_id for user_id in asking if _has_hold(newest.get(user_id))]
        outcomes |= _book_holds(serving, [newest[user_id] for user_id in holders])
        outcomes |= _book_directly(serving, event, {u: newest.get(u) for u in asking if u not in outcomes})
    return outcomes


def _has_hold(place: TicketHold | None) -> bool:
    return place is not None and place.status == TicketHold.Status.HELD


def _book_holds(serving: Serving, holds: list[TicketHold]) -> dict[int, Ticket]:
    serving.end(holds, TicketHold.Status.BOOKED)
    tickets = [_ticket(serving, hold.event_id, hold.user_id, hold.tier) for hold in holds]
    for ticket, hold in zip(tickets, holds, strict=True):
        ticket.hold = hold
    return _issue(serving, tickets)


def _book_directly(serving: Serving, event: Event, newest: dict[int, TicketHold | None]) -> dict[int, Ticket | Refused]:
    """Book free places for people without a hold, in the order in which they are named; after serving, nobody waits."""
    if not newest:
        return {}
    free = max(0, event.free) if event.is_serving(serving.moment) else 0
    first = dict(list(newest.items())[:free])
    # Joined in another tab a moment ago.
    joined = [place for place in first.values() if place and place.status == TicketHold.Status.WAITING]
    serving.end(joined, TicketHold.Status.LEFT, Cause.BOOKED_ELSEWHERE)
    tier_of = tiers.tiers_of(first, [event])
    tickets = [_ticket(serving, event.pk, user_id, tier_of.get((event.pk, user_id), 0)) for user_id in first]
    refused = {user_id: place for user_id, place in newest.items() if user_id not in first}
    return {**_issue(serving, tickets), **_refusals(serving, event, refused)}


def _ticket(serving: Serving, event_id: int, user_id: int, tier: int) -> Ticket:
    code = ticket_code.make(event_id)
    return Ticket(event_id=event_id, user_id=user_id, tier=tier, code=code, booked_at=serving.moment)


def _issue(serving: Serving, tickets: list[Ticket]) -> dict[int, Ticket]:
    return {ticket.user_id: ticket for ticket in serving.issue(tickets)}


def _refusals(serving: Serving, event: Event, newest: dict[int, TicketHold | None]) -> dict[int, Refused]:
    """Return why each of these people, who have no hold, cannot book."""
    if not newest:
        return {}
    if event.is_serving(serving.moment):
        line = TicketHold.objects.waiting().filter(event=event).exists()
        return {user_id: _no_place(place, PeopleWaiting() if line else SoldOut()) for user_id, place in newest.items()}
    return {user_id: _not_served(serving, event, place) for user_id, place in newest.items()}


def _no_place(last: TicketHold | None, otherwise: Refused) -> Refused:
    if last is not None and last.status == TicketHold.Status.EXPIRED:
        return HoldExpired()
    if last is not None and last.status == TicketHold.Status.WAITING:
        return PeopleWaiting(_("You are in line. A place is held for you as soon as it is your turn."), can_join=False)
    return otherwise


def _not_served(serving: Serving, event: Event, last: TicketHold | None) -> Refused:
    if event.is_before_sale(serving.moment):
        detail = _("The sale has not opened yet. Take a place in line, and you are served in order.")
        return NotOnSale(detail, can_join=True)
    if not event.is_on_sale(serving.moment):
        return NotOnSale(_("The sale of this event has closed."))
    can_join = last is None or last.status not in TicketHold.UNENDED
    paused = _(
        "Staff have paused the serving of this event. Everybody keeps their place in line, and it goes on in order."
    )
    return NotOnSale(paused, can_join=can_join)
