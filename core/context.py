"""The typed shapes that templates read."""

import datetime as dt
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, TypedDict

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from . import reasons
from .access import roles_of
from .models import Event, Ticket, TicketHold
from .numbers import Stats, is_all_booked
from .operations import status
from .position import PersonPlaces
from .reasons import Why

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

BADGES: "dict[str, StrOrPromise]" = {
    "booked": _("Booked"),
    "held": _("Held for you"),
    "waiting": _("Waiting"),
    "cancelled": _("Cancelled"),
    "over": _("Already started"),
    "not_yet": _("Not yet on sale"),
    "closed": _("Sale closed"),
    "paused": _("Serving paused"),
    "sold_out": _("Sold out"),
    "line": _("People waiting"),
    "available": _("Available"),
    "draft": _("Draft"),
}
OPEN = frozenset({"available", "line", "sold_out"})  # the states in which numbers.js lets a page change by itself


@dataclass(frozen=True)
class EventCard:
    """One event as one person (or nobody) sees it: its numbers, and what is theirs.

    `badge` is a key of `BADGES`, and `why` its reason, in a sentence. While the event is on sale and nothing is the
    viewer's, `states` has what to say in each of its states, by badge. `place` is the viewer's live place, with
    `place.ahead` while it waits.
    """

    event: Event
    stats: Stats
    badge: str
    why: Why
    place: TicketHold | None = None
    ticket: Ticket | None = None
    states: dict[str, Why] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The badge in words."""
        return str(BADGES[self.badge])

    @property
    def zone_name(self) -> str:
        """What the event's time zone is called now, as `CET`: scripts put it behind a time, as pages do."""
        moment = dt.datetime.fromisoformat(self.stats["now"])
        return moment.astimezone(zoneinfo.ZoneInfo(self.event.zone)).tzname() or ""

    @property
    def full(self) -> str:
        """Return why no place is free: `all_booked`, or `all_held`, of which some may come back (as `numbers.js`)."""
        if self.stats["available"] > 0:
            return ""
        return "all_booked" if is_all_booked(self.stats) else "all_held"

    @property
    def is_personal(self) -> bool:
        """Whether it shows something of the viewer's own: a place, a ticket, or how one ended."""
        return self.place is not None or self.ticket is not None or self.why.is_history

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
    badge = _badge(event, stats, place, ticket, now)
    why = reasons.why(badge, event, mine, now)
    states = reasons.of_open_states(event, mine, now) if badge in OPEN else {}
    return EventCard(event, stats, badge, why, place, ticket, states)


class MyPlace(TypedDict):
    """What a person has of an event, and why: `reason` is one of `reasons.Reason`, `detail` its sentence.

    `status` is none, waiting, held, booked, or cancelled: a ticket of an event that was. The numbers are None but in
    line; `expires_at` (ISO 8601) is of a hold.
    """

    event: int
    status: str
    position: int | None
    ahead: int | None
    wait_seconds: int | None
    expires_at: str | None
    reason: str
    detail: str
    now: str


def place_json(card: EventCard, now: dt.datetime) -> MyPlace:
    """Return the card's part that is the viewer's own, for programs."""
    waiting = card.place if card.badge == "waiting" else None
    held = card.place if card.badge == "held" else None
    is_theirs = card.badge in {"held", "waiting", "booked"} or card.ticket is not None
    return MyPlace(
        event=card.event.pk,
        status=card.badge if is_theirs else "none",
        position=waiting.ahead + 1 if waiting else None,
        ahead=waiting.ahead if waiting else None,
        wait_seconds=waiting.wait_seconds if waiting else None,
        expires_at=held.expires_at.isoformat() if held and held.expires_at else None,
        reason=card.why.reason.value,
        detail=card.why.sentence,
        now=now.isoformat(),
    )


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
    """Give every page's navigation what it asks: which pages are for this person (one query); warnings for staff."""
    roles = cache(lambda: roles_of(request.user))
    return {
        "can_scan": lambda: roles().can_scan,
        "can_organize": lambda: roles().can_organize,
        "staff_warnings": lambda: status.warnings.get() if request.user.is_staff else [],
    }
