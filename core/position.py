"""Reading the line: a person's places and tickets, positions, and how long it may take."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import (
    BooleanField,
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    Max,
    OuterRef,
    Q,
    QuerySet,
    When,
    Window,
)
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import RowNumber

from . import prepared, tiers
from .models import (
    LINE_ORDER,
    Event,
    Ticket,
    TicketHold,
    TicketHoldQuerySet,
    User,
    UserSession,
    count_of_person,
    count_per_event,
)
from .models.line import NOT_DRAWN, ranks_before

RECENT = dt.timedelta(days=1)  # no session, and so no rank, is older (rule 14): what ended before explains nothing now
RATE_WINDOW = dt.timedelta(minutes=15)
RATE_LEAST = 3  # fewer freed places in the window say nothing about the next


@dataclass(frozen=True)
class Ended:
    """How and when the newest of a person's places and tickets of an event ended; a ticket is `cancelled` or `given`.

    The reason is that of staff, if they ended it.
    """

    status: str
    at: dt.datetime
    reason: str = ""


@dataclass
class PersonPlaces:
    """What one person has, by event id: live places (waiting ones with `ahead`), and valid tickets.

    `ended` is what they had within the last day, and `lapsed` the holds of it that lapsed; `login_at` is the login that
    asks (None: nobody is logged in), and `automatic` how many holds that were placed by themselves count for its limit
    (rule 12).
    """

    places: dict[int, TicketHold] = field(default_factory=dict)
    tickets: dict[int, Ticket] = field(default_factory=dict)
    ended: dict[int, Ended] = field(default_factory=dict)
    lapsed: list[TicketHold] = field(default_factory=list)
    login_at: dt.datetime | None = None
    automatic: int = 0


def places_of(user: User, moment: dt.datetime, login: UserSession | None = None) -> PersonPlaces:
    """Return what a person has at `moment`, seen by one of their logins, in two queries."""
    since = moment - max(RECENT, dt.timedelta(minutes=settings.AUTO_HOLD_COOLDOWN_MINUTES))
    asked = {"user": user.pk, "moment": moment, "since": since, "rate_since": moment - RATE_WINDOW}
    seen_by = {"login": login.pk, "login_at": login.login_timestamp} if login else {}
    rows = (_places_by_login if login else _places)(**asked, **seen_by)
    places = [row for row in rows if row.ended_at is None and not row.is_lapsed(moment)]
    waiting = [place for place in places if place.status == TicketHold.Status.WAITING]
    set_ahead(waiting)
    for place in waiting:
        if place.freed >= RATE_LEAST and place.event.is_serving(moment):
            place.wait_seconds = round(_seconds(place.freed) * (place.ahead + 1))
    tickets = _tickets(user=user.pk, since=since)
    ended = _ended(rows, tickets, moment)
    lapsed = {event for event, end in ended.items() if end.status == TicketHold.Status.EXPIRED}
    return PersonPlaces(
        places={place.event_id: place for place in places},
        tickets={ticket.event_id: ticket for ticket in tickets if ticket.cancelled_at is None},
        ended=ended,
        lapsed=[row for row in rows if row.event_id in lapsed],
        login_at=login.login_timestamp if login else moment - RECENT,
        automatic=rows[0].counted if rows else 0,
    )


def _live_or_newest() -> TicketHoldQuerySet:
    """Return a person's live places, and of each event the newest one if it ended lately; of waiting ones `freed`."""
    user, moment, since = prepared.number("user"), prepared.moment("moment"), prepared.moment("since")
    mine = TicketHold.objects.filter(user=user)
    is_live = Q(status=TicketHold.Status.WAITING) | Q(status=TicketHold.Status.HELD, expires_at__gt=moment)
    has_ended = Q(ended_at__gt=since) | Q(status=TicketHold.Status.HELD, expires_at__range=(since, moment))
    rows = mine.filter(is_live | has_ended & Q(pk__in=_newest(mine))).select_related("event").with_ahead()
    freed = _freed(OuterRef("event"), prepared.moment("rate_since"))
    rows = rows.annotate(  # type: ignore[no-redef]  # -- declared for readers
        freed=Case(When(status=TicketHold.Status.WAITING, then=freed), default=0)
    )
    return rows.order_by("pk")


def _counted_for_login() -> TicketHoldQuerySet:
    """Return the same with `counted`: how many automatic holds count for the login that asks.

    They are its own, and those that were live when it came. Without a row there is nothing to count: the newest place
    of an event whose hold counts ended after the login, if at all.
    """
    login_at = prepared.moment("login_at")
    over_later = Q(ended_at__gt=login_at) | Q(ended_at=None, expires_at__gt=login_at)
    is_counted = Q(session=prepared.number("login")) | Q(held_at__lte=login_at) & over_later
    counting = TicketHold.objects.automatic().filter(is_counted, user=prepared.number("user"))
    return _live_or_newest().annotate(counted=count_of_person(counting))  # type: ignore[no-redef]  # -- as above


def _valid_or_newest() -> QuerySet[Ticket]:
    """Return a person's valid tickets, soonest event first, and of each event the newest one if it ended lately.

    Each has `is_given`: whether somebody else has it now.
    """
    mine = Ticket.objects.filter(user=prepared.number("user"))
    ended = Q(cancelled_at__gt=prepared.moment("since"), pk__in=_newest(mine))
    others = Ticket.objects.filter(replaces=OuterRef("pk"))
    rows = mine.filter(Q(cancelled_at=None) | ended).annotate(  # type: ignore[no-redef]  # -- declared for readers
        is_given=Exists(others)
    )
    return rows.select_related("event").order_by("event__starts_at", "pk")


def _newest(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the id of the newest row of each event: whoever joins and leaves all day has one, not thousands."""
    newest: QuerySet[Any] = rows.order_by().values("event").annotate(newest=Max("pk")).values("newest")
    return newest


def _ended(places: list[TicketHold], tickets: list[Ticket], moment: dt.datetime) -> dict[int, Ended]:
    """Return what ended last, by event id. What ended by booking goes on as a ticket."""
    ended: dict[int, Ended] = {}
    for place in places:
        at = place.expires_at if place.is_lapsed(moment) else place.ended_at
        status = TicketHold.Status.EXPIRED if place.is_lapsed(moment) else place.status
        if at is not None and status != TicketHold.Status.BOOKED:
            ended[place.event_id] = Ended(status, at, place.end_reason)
    for ticket in tickets:
        before = ended.get(ticket.event_id)
        if ticket.cancelled_at is not None and (before is None or before.at <= ticket.cancelled_at):
            status = "given" if ticket.is_given else "cancelled"
            ended[ticket.event_id] = Ended(status, ticket.cancelled_at, ticket.cancel_reason)
    return ended


def newest_places(event_id: int, user_ids: Iterable[int]) -> dict[int, TicketHold]:
    """Return `{user id: newest place}` of these people at an event; one query."""
    return {place.user_id: place for place in _newest_alone(event=event_id, users=user_ids)}


def newest_with_ahead(event: Event, user_ids: Iterable[int]) -> list[TicketHold]:
    """Return the newest place of each of these people at an event, waiting ones with `ahead`, in one or two queries.

    One person's is counted; of many the whole line is numbered once.
    """
    who = list(user_ids)
    places = (_newest_counted if len(who) == 1 else _newest_alone)(event=event.pk, users=who)
    for place in places:
        place.event = event
    if len(who) == 1:
        set_ahead(places)
        return places
    waiting = {place.user_id for place in places if place.status == TicketHold.Status.WAITING}
    line = positions_of(event, waiting) if waiting else {}
    for place in places:
        place.ahead = line.get(place.user_id, 1) - 1
    return places


def set_ahead(places: Iterable[TicketHold]) -> None:
    """Correct `ahead` of waiting places, read by `with_ahead`, where tiers are served up to a share: mind the rest.

    Say in `served_first` which tier is before a place for that, the highest one of others.
    """
    for place in places:
        if place.status == TicketHold.Status.WAITING and place.event.tiers:
            _set_ahead_by_tiers(place)


def _set_ahead_by_tiers(place: TicketHold) -> None:
    nth = NOT_DRAWN if place.draw is None else place.draw
    before = ranks_before(nth, place.login_timestamp, place.pk)
    waiting = TicketHold.objects.waiting().filter(event=place.event).with_nth().order_by().values("tier")
    total, earlier, own = Count("pk"), Count("pk", filter=before), Count("pk", filter=Q(pk=place.pk))
    rows = waiting.annotate(total=total, earlier=earlier, own=own).values_list("tier", "total", "earlier", "own")
    line = {tier: numbers for tier, *numbers, _ in rows}
    if any(own for *_, own in rows):  # else it was served since it was read
        place.ahead, first = tiers.ahead(place.tier, line, tiers.shares_left(place.event))
        place.served_first = next((tier for tier in place.event.tiers if tier["tier"] == first), None)


def positions(event_ids: Iterable[int]) -> dict[int, dict[int, int]]:
    """Return `{event id: {user id: position}}` of everybody waiting for these events.

    Two queries for all, and two for each event that has tiers.
    """
    events = {event.pk: event for event in _events(events=event_ids)}
    plain = [pk for pk, event in events.items() if not event.tiers]
    lines = {pk: {user: place for place, user in enumerate(line, 1)} for pk, line in _lines(plain).items()}
    return lines | {pk: _places_by_tiers(event) for pk, event in events.items() if event.tiers}


def _lines(event_ids: list[int]) -> dict[int, list[int]]:
    """Return `{event id: the people who wait, in order}`, of events without tiers; numbers alone, of thousands."""
    lines: dict[int, list[int]] = {}
    for event_id, user_id in _in_line(events=event_ids) if event_ids else ():
        lines.setdefault(event_id, []).append(user_id)
    return lines


def _waiting_in_order() -> QuerySet[Any, Any]:
    waiting = TicketHold.objects.waiting().filter(event__in=prepared.numbers("events"))
    return waiting.order_by("event_id", *LINE_ORDER).values_list("event", "user")


def positions_of(event: Event, people: Iterable[int]) -> dict[int, int]:
    """Return `{user id: position}` of these people who wait for an event; numbered by the database."""
    return _places_by_tiers(event) if event.tiers else dict(_numbered(event=event.pk, users=people))


def _newest_of_people() -> TicketHoldQuerySet:
    these = TicketHold.objects.filter(event=prepared.number("event"), user__in=prepared.numbers("users"))
    return these.newest_of_each()


def _numbered_line() -> QuerySet[Any, Any]:
    line = TicketHold.objects.waiting().filter(event=prepared.number("event"))
    numbered = line.annotate(position=Window(RowNumber(), order_by=list(LINE_ORDER)))
    # With the window in the condition it is asked around the numbered line, not within: all are counted.
    theirs = ExpressionWrapper(Q(user__in=prepared.numbers("users")), output_field=BooleanField())
    return (
        numbered.annotate(is_theirs=theirs)
        .filter(Q(position__lt=1) | Q(is_theirs=True))
        .order_by()
        .values_list("user", "position")
    )


def _places_by_tiers(event: Event) -> dict[int, int]:
    waiting: Any = TicketHold.objects.waiting().filter(event=event)  # of thousands: tuples, not models
    rows = waiting.values_list("pk", "tier", "draw", "login_timestamp", "user_id", named=True)
    line = tiers.in_order(rows, tiers.shares_left(event))
    return {place.user_id: position for position, place in enumerate(line, start=1)}


def seconds_per_place(event_ids: Iterable[int], moment: dt.datetime) -> dict[int, float]:
    """Return `{event id: seconds between two freed places}`: unbooked holds and tickets that ended in 15 minutes.

    An event that freed fewer than three is left out, and so is one that is not served now, being paused, closed or
    yet to open: its wait is unknown, and no number is invented.
    """
    rows = _freed_lately(events=event_ids, moment=moment, since=moment - RATE_WINDOW)
    return {pk: _seconds(freed) for pk, freed in rows if freed >= RATE_LEAST}


def _served_with_freed() -> QuerySet[Any, Any]:
    served = Event.objects.serving(prepared.moment("moment")).filter(pk__in=prepared.numbers("events"))
    freed = _freed(OuterRef("pk"), prepared.moment("since"))
    return served.annotate(freed=freed).order_by().values_list("pk", "freed")


def _freed(event: OuterRef, since: Any) -> CombinedExpression:
    """Return an expression that counts the places of an event that became free since then."""
    ended = TicketHold.objects.filter(event=event, status__in=["released", "expired"], ended_at__gt=since)
    # What somebody else, or a new code, took over has freed no place.
    cancelled = Ticket.objects.filter(event=event, cancelled_at__gt=since, replaced_by=None)
    return count_per_event(ended) + count_per_event(cancelled)


def _seconds(freed: int) -> float:
    return RATE_WINDOW.total_seconds() / freed


# Composed once: every page of a person asks these.
_newest_alone = prepared.Prepared(_newest_of_people)
_newest_counted = prepared.Prepared(lambda: _newest_of_people().with_ahead())
_numbered = prepared.Rows(_numbered_line)
_places = prepared.Prepared(_live_or_newest)
_places_by_login = prepared.Prepared(_counted_for_login)
_tickets = prepared.Prepared(_valid_or_newest)
_events = prepared.Prepared(lambda: Event.objects.filter(pk__in=prepared.numbers("events")))
_in_line = prepared.Rows(_waiting_in_order)
_freed_lately = prepared.Rows(_served_with_freed)
