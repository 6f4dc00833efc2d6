"""Joining a line: an append that locks nothing (rule 4); `allocation.py` serves the event after it."""

import datetime as dt
from collections.abc import Iterable, Mapping

from . import arrivals, prepared, tiers
from .models import Event, Ticket, TicketHold, UserSession
from .prepared import Prepared
from .refusals import AlreadyBooked, EventCancelled, EventOver, NotOnSale, Refused
from .signals import announce_after_commit


def with_ticket(event_id: int, user_ids: Iterable[int]) -> dict[int, Ticket]:
    """Return `{user id: valid ticket}` of these people at an event; one query."""
    return {ticket.user_id: ticket for ticket in _tickets(event=event_id, users=user_ids)}


def append(event: Event, logins: Mapping[int, UserSession | None], moment: dt.datetime) -> dict[int, Refused]:
    """Let people without a place join at `moment`, each ranked by their login; return who may not, and why.

    Without a login the moment itself ranks. Set-based: so many people cost as many statements as one.
    """
    ended, valid = arrivals.had([event.pk], logins)
    refused = refuse_the_line(event, logins, moment, {user_id for _, user_id in valid})
    joining = {user_id: login for user_id, login in logins.items() if user_id not in refused}
    if not joining:
        return refused
    tier_of = tiers.tiers_of(joining, [event])
    places = []
    for user_id, login in joining.items():
        came = login.login_timestamp if login else moment
        place = TicketHold(event=event, user_id=user_id, session=login, created_at=moment)
        place.login_timestamp = max(came, ended.get((event.pk, user_id), came))  # a former place spent the login
        place.tier = tier_of.get((event.pk, user_id), 0)
        places.append(place)
    # From another tab at the same instant: the constraint keeps one row, and both tabs find it.
    TicketHold.objects.bulk_create(places, ignore_conflicts=True)
    announce_after_commit({event.pk}, places, [])
    return refused


def refuse_the_line(
    event: Event, user_ids: Iterable[int], moment: dt.datetime, with_ticket: Iterable[int]
) -> dict[int, Refused]:
    """Return `{user id: why}` of those of these people who cannot take a place in line; some of them have a ticket."""
    try:
        refuse_ended(event, moment)
    except Refused as refused:
        return dict.fromkeys(user_ids, refused)
    refused_of: dict[int, Refused] = {user_id: AlreadyBooked() for user_id in with_ticket}
    if event.is_sale_closed(moment):
        closed = NotOnSale("The sale of this event has closed. Nobody new can take a place in line.")
        return dict.fromkeys(user_ids, closed) | refused_of
    return refused_of


def refuse_ended(event: Event, moment: dt.datetime) -> None:
    """Raise EventCancelled or EventOver where nothing can be had any more."""
    if event.status == Event.Status.CANCELLED:
        raise EventCancelled
    if event.is_over(moment):
        raise EventOver


_tickets = Prepared(
    lambda: Ticket.objects.valid().filter(event=prepared.number("event"), user__in=prepared.numbers("users"))
)
