"""Why not me: the closed list of reasons, and the one that holds for a person and an event, in one sentence (rule 8).

Nothing is asked of the database here: what is told was read by `position.py`. Each badge (`context.BADGES`) has its
reasons, so that the order of the badges comes first: an event that is a draft, cancelled, booked or over, then what the
person has, then a sale that is closed to everybody. Among the reasons of one badge the first that is so is told:

- waiting: not_open_yet, sale_closed, paused, tier_first, next_in_line, waiting_behind;
- on sale, and nothing held: what ended since the login (removed, cancelled_by_staff, hold_lapsed, released, left_line,
  cancelled_ticket, gave_ticket, given_by_staff), then people_waiting or sold_out, and where a place is free: log_in,
  no_auto_hold, cooldown, limit_reached, available.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import TextChoices
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from .models import Event, TicketHold
from .position import PersonPlaces
from .templatetags.words import people_ahead


class Reason(TextChoices):
    """Every reason there is, with its sentence; moments are put in as the event's own time zone has them."""

    DRAFT = "draft", _("This event is a draft, which only its organizer and administrators see.")
    EVENT_CANCELLED = "event_cancelled", _("This event was cancelled.")
    BOOKED = "booked", _("You have a ticket.")
    OVER = "over", _("This event has started.")
    HELD_UNTIL = "held_until", _("A ticket is held for you until %(at)s.")
    NOT_OPEN_YET = "not_open_yet", _("The sale opens %(at)s.")
    SALE_CLOSED = "sale_closed", _("The sale closed on %(at)s.")
    PAUSED = "paused", _("Staff have paused serving: “%(remark)s”")
    # Translators: here and below, the people ahead must come first: a page puts another number in their place.
    TIER_FIRST = (
        "tier_first",
        ngettext_lazy(
            "%(ahead)s: %(tier)s are served first, for up to %(count)d ticket.",
            "%(ahead)s: %(tier)s are served first, for up to %(count)d tickets.",
            "count",
        ),
    )
    NEXT_IN_LINE = "next_in_line", _("%(ahead)s: the next free place is held for the first in line.")
    WAITING_BEHIND = "waiting_behind", _("%(ahead)s: the next free place is held for the first in line.")
    REMOVED = "removed", _("Staff ended your place on %(at)s: “%(remark)s”")
    CANCELLED_BY_STAFF = "cancelled_by_staff", _("Staff cancelled your ticket on %(at)s: “%(remark)s”")
    HOLD_LAPSED = "hold_lapsed", _("Your hold lapsed on %(at)s, before it was booked.")
    RELEASED = "released", _("Your hold was released on %(at)s.")
    LEFT_LINE = "left_line", _("Your place in line ended on %(at)s.")
    CANCELLED_TICKET = "cancelled_ticket", _("Your ticket was cancelled on %(at)s.")
    GAVE_TICKET = "gave_ticket", _("You gave your ticket to somebody else on %(at)s.")
    GIVEN_BY_STAFF = "given_by_staff", _("Staff gave your ticket to somebody else on %(at)s: “%(remark)s”")
    PEOPLE_WAITING = "people_waiting", _("People are waiting, and the next free place is theirs.")
    SOLD_OUT = "sold_out", _("All places are booked or held.")
    LOG_IN = "log_in", _("Tickets are available to everybody who logs in.")
    NO_AUTO_HOLD = "no_auto_hold", _("Tickets of this event are not held automatically at a login.")
    COOLDOWN = "cooldown", _("What you had here ended on %(at)s, so no ticket is held automatically before %(until)s.")
    LIMIT_REACHED = (
        "limit_reached",
        ngettext_lazy(
            "At your login %(count)d ticket of another event was held for you automatically, the most at a time.",
            "At your login %(count)d tickets of other events were held for you automatically, the most at a time.",
            "count",
        ),
    )
    AVAILABLE = "available", _("Tickets are available.")


# Badges that say it all: nobody is served, whoever they are, or the person has what they want.
OF_EVENT = {
    "draft": Reason.DRAFT,
    "cancelled": Reason.EVENT_CANCELLED,
    "booked": Reason.BOOKED,
    "over": Reason.OVER,
    "not_yet": Reason.NOT_OPEN_YET,
    "closed": Reason.SALE_CLOSED,
    "paused": Reason.PAUSED,
}
# How the newest place or ticket ended.
HISTORY = {
    "expired": Reason.HOLD_LAPSED,
    "released": Reason.RELEASED,
    "left": Reason.LEFT_LINE,
    "cancelled": Reason.CANCELLED_TICKET,
    "given": Reason.GAVE_TICKET,
}
BY_STAFF = {
    "released": Reason.REMOVED,
    "left": Reason.REMOVED,
    "cancelled": Reason.CANCELLED_BY_STAFF,
    "given": Reason.GIVEN_BY_STAFF,
}


@dataclass(frozen=True)
class Why:
    """A reason with the words that its sentence needs; `ahead` is the part that a page keeps up to date by itself.

    The sentence is the reason's own, or another `form` of it where nothing is remarked.
    """

    reason: Reason
    words: dict[str, Any] = field(default_factory=dict)
    form: str = ""

    @property
    def sentence(self) -> str:
        """The whole sentence."""
        return self._told(self.words)

    @property
    def after_ahead(self) -> str:
        """What comes after the people ahead in the sentence; empty for a sentence that does not count them."""
        return self._told(self.words | {"ahead": ""}) if "ahead" in self.words else ""

    def _told(self, words: dict[str, Any]) -> str:
        return (self.form or self.reason.label) % words

    @property
    def is_history(self) -> bool:
        """Whether it tells how something of the person's own ended, whatever the event's numbers are."""
        return self.reason in {*HISTORY.values(), *BY_STAFF.values()}


def why(badge: str, event: Event, mine: PersonPlaces, now: dt.datetime) -> Why:
    """Return the one reason for a person and an event whose badge this is."""
    place = mine.places.get(event.pk)
    if badge in OF_EVENT:
        return _of_event(OF_EVENT[badge], event)
    if badge == "held" and place is not None:
        return Why(Reason.HELD_UNTIL, {"at": event.local(place.expires_at)})
    if badge == "waiting" and place is not None:
        return _of_waiting(place, event, now)
    return _history(event, mine) or of_open_states(event, mine, now)[badge]


def lapses(mine: PersonPlaces, now: dt.datetime) -> list[tuple[Event, str]]:
    """Return the events still to come of which a hold lapsed, each with that in a sentence: it is told where holds are.

    It is told of those since the login, and to who comes back by another one for as long as nothing is held for them by
    itself; whatever the events' numbers are, and whether or not they are still on sale.
    """
    since = now - dt.timedelta(minutes=settings.AUTO_HOLD_COOLDOWN_MINUTES)
    since = min(since, mine.login_at) if mine.login_at else since
    return [
        (hold.event, Reason.HOLD_LAPSED.label % {"at": hold.event.local(hold.expires_at)})
        for hold in mine.lapsed
        if hold.expires_at
        and hold.expires_at >= since
        and hold.event.status == Event.Status.PUBLISHED
        and not hold.event.is_over(now)
        and hold.event_id not in mine.tickets
    ]


def of_open_states(event: Event, mine: PersonPlaces, now: dt.datetime) -> dict[str, Why]:
    """Return what holds in each state of an event on sale, by badge, for a person whose own history says nothing.

    A page has all three: the numbers change under it.
    """
    return {
        "available": _of_free_place(event, mine, now),
        "line": Why(Reason.PEOPLE_WAITING),
        "sold_out": Why(Reason.SOLD_OUT),
    }


def _of_event(reason: Reason, event: Event) -> Why:
    match reason:
        case Reason.NOT_OPEN_YET:
            return Why(reason, {"at": event.local(event.sales_open_at)})
        case Reason.SALE_CLOSED:
            return Why(reason, {"at": event.local(event.sales_close_at)})
        case Reason.PAUSED:
            form = "" if event.pause_reason else gettext("Staff have paused serving.")
            return Why(reason, {"remark": event.pause_reason}, form)
        case _:
            return Why(reason)


def _of_waiting(place: TicketHold, event: Event, now: dt.datetime) -> Why:
    closed = (
        (event.is_before_sale(now), Reason.NOT_OPEN_YET),
        (event.is_sale_closed(now), Reason.SALE_CLOSED),
        (event.paused_at is not None, Reason.PAUSED),
    )
    for is_so, reason in closed:
        if is_so:
            return _of_event(reason, event)
    words: dict[str, Any] = {"ahead": people_ahead(place.ahead)}
    if place.served_first is not None:
        share = place.served_first["places"]
        return Why(Reason.TIER_FIRST, words | {"tier": place.served_first["name"], "count": share})
    return Why(Reason.WAITING_BEHIND if place.ahead else Reason.NEXT_IN_LINE, words)


def _history(event: Event, mine: PersonPlaces) -> Why | None:
    ended = mine.ended.get(event.pk)
    if ended is None or mine.login_at is None or ended.at < mine.login_at:
        return None
    at = event.local(ended.at)
    if ended.reason:
        return Why(BY_STAFF[ended.status], {"at": at, "remark": ended.reason})
    return Why(HISTORY[ended.status], {"at": at})


def _of_free_place(event: Event, mine: PersonPlaces, now: dt.datetime) -> Why:
    """Return why a place that is free is not held for the person: automatic holds are placed at a login (rule 12)."""
    limit = settings.AUTO_HOLDS_PER_LOGIN
    if mine.login_at is None:
        return Why(Reason.LOG_IN)
    if _history(event, mine):
        return Why(Reason.AVAILABLE)
    if not event.auto_hold or not limit:
        return Why(Reason.NO_AUTO_HOLD)
    ended, cooldown = mine.ended.get(event.pk), dt.timedelta(minutes=settings.AUTO_HOLD_COOLDOWN_MINUTES)
    if ended and now < ended.at + cooldown:
        return Why(Reason.COOLDOWN, {"at": event.local(ended.at), "until": event.local(ended.at + cooldown)})
    if mine.automatic >= limit and _was_announced(event, mine.login_at):
        return Why(Reason.LIMIT_REACHED, {"count": limit})
    return Why(Reason.AVAILABLE)


def _was_announced(event: Event, login_at: dt.datetime) -> bool:
    """Return whether a login at that moment could have been held a place, for all that the event says."""
    return event.created_at <= login_at and (event.sales_open_at is None or event.sales_open_at <= login_at)
