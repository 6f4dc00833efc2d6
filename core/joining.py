"""Joining a line: who may, and the place of each; `allocation.py` says when, and serves the event (rule 4)."""

import datetime as dt
from collections.abc import Iterable, Mapping

from django.utils.translation import gettext_lazy as _

from . import prepared, tiers
from .many import insert_new
from .models import Event, Ticket, TicketHold, UserSession
from .past import Past
from .prepared import Prepared
from .refusals import AlreadyBooked, EventCancelled, EventOver, LoginEnded, NotOnSale, Refused

BATCH = 1000  # rows in one statement that names each


def with_ticket(event_id: int, user_ids: Iterable[int]) -> dict[int, Ticket]:
    """Return `{user id: valid ticket}` of these people at an event; one query."""
    return {ticket.user_id: ticket for ticket in _tickets(event=event_id, users=user_ids)}


def new_places(
    event: Event, logins: Mapping[int, UserSession | None], past: Past, moment: dt.datetime
) -> tuple[list[TicketHold], dict[int, Refused]]:
    """Return the places, not stored yet, of those who have none and join at `moment`; and who may not, and why.

    Each is ranked by their login, or by the end of a former place, which spent it; without a login by the moment. In
    the order of their ranks: so they are held, and batches with rows of the same people never wait in a ring.
    """
    new = {user_id: login for user_id, login in logins.items() if user_id not in past.here}
    if not new:
        return [], {}
    refused: dict[int, Refused] = {user_id: LoginEnded() for user_id in past.inactive & new.keys()}
    refused |= refuse_the_line(event, new, moment, past.with_ticket)
    joining = {user_id: login for user_id, login in new.items() if user_id not in refused}
    tier_of = tiers.tiers_of(joining, [event]) if joining else {}
    places = []
    for user_id, login in joining.items():
        came = login.login_timestamp if login else moment
        place = TicketHold(event=event, user_id=user_id, session=login, created_at=moment)
        place.login_timestamp = max(came, past.ended.get(user_id, came))
        place.tier = tier_of.get((event.pk, user_id), 0)
        places.append(place)
    return sorted(places, key=tiers.rank), refused


def store_new(places: list[TicketHold]) -> list[TicketHold]:
    """Store places but those of people who have one at that event by now; return what was stored, with ids, by id.

    From another tab at the same instant: the constraint keeps one row, and both tabs find it.
    """
    stored = []
    for start in range(0, len(places), BATCH):
        batch = {(place.event_id, place.user_id): place for place in places[start : start + BATCH]}
        for pk, event_id, user_id in sorted(insert_new(list(batch.values()), "id", "event", "user")):
            place = batch[event_id, user_id]
            place.pk = pk
            place._state.adding = False  # noqa: SLF001 -- as `bulk_create` does
            stored.append(place)
    return stored


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
        closed = NotOnSale(_("The sale of this event has closed. Nobody new can take a place in line."))
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
