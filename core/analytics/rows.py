"""What happened, counted from the rows themselves: each thing by its own moment, so that it never changes later."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast
from django.db.models.lookups import LessThan

from ..models import Announcement, HourlyFigures, Ticket, TicketHold, UserSession

Kind = HourlyFigures.Kind
Status = TicketHold.Status

AUTOMATIC = "login"  # the part of holds that nobody waited for: a login brought them
WITH_EVENT = "cancelled"  # the part of places and holds that nobody gave up: their event was cancelled
# Seconds: what took less is of this part, by its number; what took longer than all is of the last one.
WAITS = (1, 10, 60, 300, 900, 3600)
USES = (15, 30, 60, 120, 300, 600)

Slot = Callable[[str], Any]  # what a moment's field is rounded down to
Row = tuple[Any, ...]  # kind, part, slot, count, total, and the event where it is asked for


@dataclass(frozen=True)
class Within:
    """Which rows: those of some events (`Q()`: all), from `since` on and before `until`."""

    of: Q
    since: dt.datetime
    until: dt.datetime


def flows(within: Within, slot: Slot, *, by_event: bool = False) -> list[Row]:
    """Return how often each kind of thing happened in each slot, in one query."""
    places, tickets = TicketHold.objects.filter(within.of), Ticket.objects.filter(within.of)
    # Whatever happened since has not ended before: by that the index `hold_rate` finds it.
    places = places.filter(Q(ended_at=None) | Q(ended_at__gte=within.since))
    wait, use = between("created_at", "held_at"), between("held_at", "ended_at")
    waited = Case(When(held_at=F("created_at"), then=Value(AUTOMATIC)), default=_numbered(wait, WAITS))
    count = _Counting(within, slot, by_event=by_event)
    told = [
        count(places, "created_at", Kind.JOINED),
        count(places, "held_at", Kind.HELD, waited, wait),
        count(places.filter(status=Status.BOOKED), "ended_at", Kind.USED, _numbered(use, USES), use),
        count(places.filter(status=Status.EXPIRED), "ended_at", Kind.LAPSED),
        # Time decides: these ended then, swept or not.
        count(places.filter(status=Status.HELD), "expires_at", Kind.LAPSED),
        *_given_up(count, places.filter(status=Status.RELEASED), Kind.RELEASED),
        *_given_up(count, places.filter(status=Status.LEFT), Kind.LEFT),
        # What somebody else, or a new code, took over is neither a booking nor a free place.
        count(tickets.filter(replaces=None), "booked_at", Kind.BOOKED, Cast("tier", CharField())),
        count(tickets.filter(replaced_by=None), "cancelled_at", Kind.CANCELLED),
        count(UserSession.objects.all(), "login_timestamp", Kind.LOGINS),
    ]
    return list(told[0].union(*told[1:], all=True))


def _given_up(count: "_Counting", ended: QuerySet[TicketHold], kind: str) -> list[QuerySet[Any, Any]]:
    # A cancellation ends places at the moment at which it is announced: their rows do not say why they ended.
    cancelled = Announcement.objects.filter(kind=Announcement.Kind.CANCELLED, event=OuterRef("event"))
    with_event = Exists(cancelled.filter(created_at=OuterRef("ended_at")))
    return [
        count(ended.filter(~with_event), "ended_at", kind),
        count(ended.filter(with_event), "ended_at", kind, Value(WITH_EVENT)),
    ]


class _Counting:
    """One way to count, for all kinds."""

    def __init__(self, within: Within, slot: Slot, *, by_event: bool) -> None:
        self._within, self._slot, self._by_event = within, slot, by_event

    def __call__(
        self, rows: QuerySet[Any], at: str, kind: str, part: Any = None, length: Any = None
    ) -> QuerySet[Any, Any]:
        """Return the question how often it was in each slot, by the moment `at`, and how long it took all in all."""
        found = rows.order_by().filter(**{f"{at}__gte": self._within.since, f"{at}__lt": self._within.until})
        none = Cast(Value(None), DurationField())
        event: Any = Cast(Value(None), BigIntegerField()) if kind == Kind.LOGINS else F("event")
        of_event = {"of_event": event} if self._by_event else {}
        grouped = found.annotate(kind=Value(kind), part=part or Value(""), slot=self._slot(at), **of_event)
        grouped = grouped.values("kind", "part", "slot", *of_event)
        total = Sum(length, output_field=DurationField()) if length is not None else none
        counted = grouped.annotate(n=Count("pk"), total=total)
        answer: QuerySet[Any, Any] = counted.values_list("kind", "part", "slot", "n", "total", *of_event)
        return answer


def between(since: str, until: str) -> Any:
    """Return an expression for the time between two moments of a row."""
    return ExpressionWrapper(F(until) - F(since), output_field=DurationField())


def _numbered(length: Any, bounds: tuple[int, ...]) -> Case:
    """Return an expression for the number of the first bound that is more than a length."""
    seconds = [Value(dt.timedelta(seconds=bound), DurationField()) for bound in bounds]
    each = [When(LessThan(length, bound), then=Value(str(n))) for n, bound in enumerate(seconds)]
    return Case(*each, default=Value(str(len(bounds))), output_field=CharField())
