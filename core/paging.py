"""The upcoming events, a page of them at a time: what a list costs must not grow with how many events there are."""

import datetime as dt
import math
from dataclasses import dataclass
from functools import lru_cache

from django.db.models import Count, Subquery

from . import prepared
from .models import Event, EventQuerySet
from .numbers import with_line

SIZE = 24  # events of a page: whole rows of two, three and four
LARGEST = 10_000  # the highest page number that is looked for


@dataclass(frozen=True)
class Page:
    """One page: its events, soonest first and read with their line; its number, from 1, and the last page's."""

    events: list[Event]
    number: int
    last: int

    @property
    def previous(self) -> int | None:
        """The number of the page before."""
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        """The number of the page after."""
        return self.number + 1 if self.number < self.last else None


def page_of_upcoming(asked: str | None, moment: dt.datetime) -> Page:
    """Return the page with this number; the nearest there is for any other, and the first for what is no number."""
    number = _number(asked)
    events = _events_of(number)(moment=moment)
    if not events and number > 1:  # behind the last one
        number = max(1, math.ceil(Event.objects.upcoming(moment).count() / SIZE))
        events = _events_of(number)(moment=moment)
    return Page(events, number, math.ceil(events[0].upcoming / SIZE) if events else number)


def _number(asked: str | None) -> int:
    try:
        return min(max(1, int(asked or 1)), LARGEST)
    except ValueError:
        return 1


@lru_cache(maxsize=64)
def _events_of(number: int) -> prepared.Prepared[Event]:
    """Return the question for the events of a page, each with the number of all as `upcoming`; it takes a `moment`."""

    def compose() -> EventQuerySet:
        moment = prepared.moment("moment")
        events = Event.objects.upcoming(moment)
        counted = events.order_by().values("status").annotate(n=Count("pk")).values("n")  # all have the same status
        listed = with_line(events, moment).annotate(upcoming=Subquery(counted))  # type: ignore[no-redef]  # -- declared
        return listed[SIZE * (number - 1) : SIZE * number]

    return prepared.Prepared(compose)
