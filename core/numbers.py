"""An event's numbers: how many places are booked, held and free, and how many people wait."""

import datetime as dt
from typing import Literal, NotRequired, TypedDict

from django.db.models import OuterRef

from .models import Event, EventQuerySet, TicketHold, count_per_event


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


def is_all_booked(stats: Stats) -> bool:
    """Return whether an event is sold out for all anybody knows: a place that is merely held may come back."""
    return stats["booked"] >= stats["capacity"]
