"""The typed shapes that templates read."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from . import checkin
from .models import Event, Ticket, TicketHold
from .position import PersonPlaces, Stats

BADGES = {
    "booked": "Booked",
    "held": "Held for you",
    "waiting": "Waiting",
    "cancelled": "Cancelled",
    "over": "Already started",
    "not_yet": "Not yet on sale",
    "closed": "Sale closed",
    "paused": "Serving paused",
    "sold_out": "Sold out",
    "line": "People waiting",
    "available": "Available",
    "draft": "Draft",
}


@dataclass(frozen=True)
class EventCard:
    """One event as one person (or nobody) sees it: its numbers, and what is theirs.

    `badge` is a key of `BADGES`. `place` is the viewer's live place, with `place.ahead` while it waits.
    """

    event: Event
    stats: Stats
    badge: str
    place: TicketHold | None = None
    ticket: Ticket | None = None

    @property
    def label(self) -> str:
        """The badge in words."""
        return BADGES[self.badge]

    @property
    def can_book(self) -> bool:
        """Whether a press on Book would give a ticket, as far as these numbers tell (rule 16)."""
        return self.badge in {"held", "available"}

    @property
    def can_join(self) -> bool:
        """Whether the viewer can take a place in line."""
        return self.badge in {"sold_out", "line", "not_yet", "paused"}


def event_card(event: Event, stats: Stats, mine: PersonPlaces, now: dt.datetime) -> EventCard:
    """Return the card of one event for the person whose places and tickets `mine` holds."""
    place, ticket = mine.places.get(event.pk), mine.tickets.get(event.pk)
    return EventCard(event, stats, _badge(event, stats, place, ticket, now), place, ticket)


def _badge(event: Event, stats: Stats, place: TicketHold | None, ticket: Ticket | None, now: dt.datetime) -> str:
    states: Iterable[tuple[bool, str]] = (
        (event.status == Event.Status.DRAFT, "draft"),
        (event.status == Event.Status.CANCELLED, "cancelled"),
        (ticket is not None, "booked"),
        (event.is_over(now), "over"),
        (place is not None and place.status == TicketHold.Status.HELD, "held"),
        (place is not None, "waiting"),
        (event.is_before_sale(now), "not_yet"),
        (event.is_sale_closed(now), "closed"),
        ("paused" in stats, "paused"),
        (stats["waiting"] > 0, "line"),
        (stats["available"] == 0, "sold_out"),
    )
    return next((badge for is_so, badge in states if is_so), "available")


def nav(request: HttpRequest) -> dict[str, Any]:
    """Give every page's navigation what it asks: whether the gate is anything for this person (one query)."""
    return {"can_scan": lambda: request.user.is_authenticated and checkin.can_scan(request.user)}
