"""What people have, and had, at an event when they ask for a place: it decides whether they may, and spends logins."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Case, DateTimeField, Q, QuerySet, Value, When

from . import prepared
from .models import Event, Ticket, TicketHold, User, has_line
from .prepared import Rows

PLACE, LAPSED, TICKET, PERSON, LINE = 1, 2, 3, 4, 5  # what a row is about


def spent(event_ids: Iterable[int], user_ids: Iterable[int]) -> dict[tuple[int, int], dt.datetime]:
    """Return `{(event id, user id): when their last place or ticket ended}`, which spends the login; one query.

    None where no users are given.
    """
    ended: dict[tuple[int, int], dt.datetime] = {}
    who = list(user_ids)
    for event, user, last in _ends(events=event_ids, users=who) if who else ():
        ended[event, user] = max(last, ended.get((event, user), last))
    return ended


@dataclass
class Past:
    """What people who ask for a place have, and had, at one event: the sets and the keys are user ids.

    `here` have a place in line or a hold, which of some has `lapsed`; `ended` is when the last place or ticket of each
    ended. `has_line` says whether anybody at all waits.
    """

    here: set[int] = field(default_factory=set)
    lapsed: set[int] = field(default_factory=set)
    with_ticket: set[int] = field(default_factory=set)
    inactive: set[int] = field(default_factory=set)
    ended: dict[int, dt.datetime] = field(default_factory=dict)
    has_line: bool = False


def past_of(event_id: int, user_ids: Iterable[int], moment: dt.datetime) -> Past:
    """Return what these people have at an event at `moment`, and had; one query."""
    found = Past()
    sets = {PLACE: found.here, LAPSED: found.lapsed, TICKET: found.with_ticket, PERSON: found.inactive}
    for kind, user, last in _past(event=event_id, users=list(user_ids), moment=moment):
        if kind == LINE:
            found.has_line = True
        elif last is None:
            sets[kind].add(user)
        else:
            found.ended[user] = max(last, found.ended.get(user, last))
    found.here |= found.lapsed
    return found


def inactive_of(user_ids: Iterable[int]) -> set[int]:
    """Return who of these people was deactivated, or erased; one query."""
    return {user for (user,) in _inactive(users=list(user_ids))}


def _places_tickets_and_inactive() -> QuerySet[Any, Any]:
    event, users = prepared.number("event"), prepared.numbers("users")
    has_lapsed = Q(status=TicketHold.Status.HELD, expires_at__lte=prepared.moment("moment"))
    # Not grouped: hardly anybody has two.
    places: QuerySet[Any, Any] = TicketHold.objects.filter(event=event, user__in=users)
    tickets: QuerySet[Any, Any] = Ticket.objects.filter(event=event, user__in=users)
    with_line = Event.objects.filter(has_line(), pk=event)
    # Neither has a moment: as places and tickets that have not ended.
    nothing = Value(None, DateTimeField())
    return (
        _of_kind(Case(When(has_lapsed, then=LAPSED), default=PLACE), places)
        .values_list("kind", "user", "ended_at")
        .union(
            _of_kind(Value(TICKET), tickets).values_list("kind", "user", "cancelled_at"),
            _of_kind(Value(PERSON), _inactive_people()).values_list("kind", "pk", nothing),
            _of_kind(Value(LINE), with_line).values_list("kind", "pk", nothing),
            all=True,
        )
    )


def _inactive_people() -> QuerySet[Any, Any]:
    return User.objects.filter(is_active=False, pk__in=prepared.numbers("users"))


def _of_kind(kind: Any, rows: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    of_kind: QuerySet[Any, Any] = rows.order_by().annotate(kind=kind)
    return of_kind


def _ends_of_places_and_tickets() -> QuerySet[Any, Any]:
    these = {"event__in": prepared.numbers("events"), "user__in": prepared.numbers("users")}
    places: QuerySet[Any, Any] = TicketHold.objects.filter(**these, ended_at__isnull=False).order_by()
    tickets: QuerySet[Any, Any] = Ticket.objects.filter(**these, cancelled_at__isnull=False).order_by()
    ends = places.values_list("event", "user", "ended_at")
    return ends.union(tickets.values_list("event", "user", "cancelled_at"), all=True)


_ends = Rows(_ends_of_places_and_tickets)
_past = Rows(_places_tickets_and_inactive)
_inactive = Rows(lambda: _inactive_people().order_by().values_list("pk"))
