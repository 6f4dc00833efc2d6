"""Reading the line: an event's numbers, a person's places and tickets, positions, and how long it may take."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NotRequired, TypedDict

from django.db.models import F, OuterRef, Window
from django.db.models.functions import RowNumber

from . import tiers
from .models import LINE_ORDER, Event, EventQuerySet, Ticket, TicketHold, User, count_per_event

RATE_WINDOW = dt.timedelta(minutes=15)
RATE_LEAST = 3  # fewer freed places in the window say nothing about the next


class Stats(TypedDict):
    """An event's numbers (DESIGN 3.2). `now` is ISO 8601 with offset; a page takes an equal or higher `version`.

    `paused` is there, and true, only while staff have paused the event's serving.
    """

    event: int
    name: str
    capacity: int
    booked: int
    held: int
    available: int
    waiting: int
    percentage_sold: float
    on_sale: bool
    paused: NotRequired[Literal[True]]
    version: int
    now: str


@dataclass
class PersonPlaces:
    """What one person has, by event id: live places (waiting ones with `ahead`), and valid tickets."""

    places: dict[int, TicketHold] = field(default_factory=dict)
    tickets: dict[int, Ticket] = field(default_factory=dict)


def with_line(events: EventQuerySet, moment: dt.datetime) -> EventQuerySet:
    """Annotate `line_waiting`, and `line_lapsed`: holds whose time is over though nothing swept them yet."""
    places = TicketHold.objects.filter(event=OuterRef("pk"))
    return events.annotate(  # type: ignore[no-redef]  # -- declared on the model for readers
        line_waiting=count_per_event(places.waiting()), line_lapsed=count_per_event(places.lapsed(moment))
    )


def stats(event: Event, moment: dt.datetime) -> Stats:
    """Return the numbers of an event that was read by `with_line` at `moment`."""
    held = event.held - event.line_lapsed
    numbers = Stats(
        event=event.pk,
        name=event.name,
        capacity=event.capacity,
        booked=event.booked,
        held=held,
        available=event.capacity - event.booked - held,
        waiting=event.line_waiting,
        percentage_sold=100 * event.booked / event.capacity if event.capacity else 0,
        on_sale=event.is_on_sale(moment),
        version=event.version,
        now=moment.isoformat(),
    )
    if event.paused_at is not None:
        numbers["paused"] = True
    return numbers


def places_of(user: User, moment: dt.datetime) -> PersonPlaces:
    """Return what a person has at `moment`, in two queries; three when they wait."""
    places = list(TicketHold.objects.live(moment).filter(user=user).select_related("event").with_ahead())
    waiting = [place for place in places if place.status == TicketHold.Status.WAITING]
    set_ahead(waiting)
    pace = seconds_per_place([place.event_id for place in waiting], moment) if waiting else {}
    for place in waiting:
        if place.event_id in pace:
            place.wait_seconds = round(pace[place.event_id] * (place.ahead + 1))
    tickets = Ticket.objects.valid().filter(user=user).select_related("event").order_by("event__starts_at", "pk")
    return PersonPlaces({place.event_id: place for place in places}, {ticket.event_id: ticket for ticket in tickets})


def set_ahead(places: Iterable[TicketHold]) -> None:
    """Correct `ahead` of waiting places, read by `with_ahead`, where tiers are served up to a share: mind the rest."""
    for place in places:
        if place.status == TicketHold.Status.WAITING and place.event.tiers:
            place.ahead = _places_by_tiers(place.event)[place.user_id] - 1


def positions(event_ids: Iterable[int]) -> dict[int, dict[int, int]]:
    """Return `{event id: {user id: position}}` of everybody waiting for these events.

    One query for all, and two for each event that has tiers.
    """
    events = {event.pk: event for event in Event.objects.filter(pk__in=list(event_ids))}
    plain = [pk for pk, event in events.items() if not event.tiers]
    rank = Window(RowNumber(), partition_by=F("event"), order_by=list(LINE_ORDER))
    rows = TicketHold.objects.waiting().filter(event__in=plain).annotate(position=rank).order_by()
    lines: dict[int, dict[int, int]] = {}
    for event_id, user_id, position in rows.values_list("event", "user", "position"):
        lines.setdefault(event_id, {})[user_id] = position
    return lines | {pk: _places_by_tiers(event) for pk, event in events.items() if event.tiers}


def _places_by_tiers(event: Event) -> dict[int, int]:
    line = tiers.in_order(TicketHold.objects.waiting().filter(event=event), tiers.shares_left(event))
    return {place.user_id: position for position, place in enumerate(line, start=1)}


def seconds_per_place(event_ids: Iterable[int], moment: dt.datetime) -> dict[int, float]:
    """Return `{event id: seconds between two freed places}`: unbooked holds and tickets that ended in 15 minutes.

    An event that freed fewer than three is left out: its wait is unknown, and no number is invented.
    """
    since = moment - RATE_WINDOW
    ended = TicketHold.objects.filter(event=OuterRef("pk"), status__in=["released", "expired"], ended_at__gt=since)
    cancelled = Ticket.objects.filter(event=OuterRef("pk"), cancelled_at__gt=since)
    freed = count_per_event(ended) + count_per_event(cancelled)
    rows = Event.objects.filter(pk__in=list(event_ids)).annotate(freed=freed).values_list("pk", "freed")
    return {pk: RATE_WINDOW.total_seconds() / freed for pk, freed in rows if freed >= RATE_LEAST}
