"""The upcoming events, a page of them at a time: what a list costs must not grow with how many events there are."""

import datetime as dt
import math
from collections.abc import Callable
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
    """One page: its events, soonest first and read with their line; its number, from 1, and the last page's.

    `total` is how many events all the pages have.
    """

    events: list[Event]
    number: int
    last: int
    total: int

    @property
    def has_previous(self) -> bool:
        """Whether there is a page before; this and what follows as Django's pages have it, for `parts/pager.html`."""
        return self.number > 1

    @property
    def has_next(self) -> bool:
        """Whether there is a page after."""
        return self.number < self.last

    @property
    def previous_page_number(self) -> int:
        """The number of the page before."""
        return self.number - 1

    @property
    def next_page_number(self) -> int:
        """The number of the page after."""
        return self.number + 1


def page_of_upcoming(asked: str | None, moment: dt.datetime) -> Page:
    """Return the page with this number; the nearest there is for any other, and the first for what is no number."""
    return _page(asked, lambda number: _events_of(number)(moment=moment), Event.objects.upcoming(moment).count)


def page_of_found(asked: str | None, found: EventQuerySet, moment: dt.datetime) -> Page:
    """Return a page of those upcoming events that were searched for; composed for each search, as few are alike."""
    return _page(asked, lambda number: list(_listed(found, moment, number)), found.count)


def _page(asked: str | None, events_of: Callable[[int], list[Event]], count: Callable[[], int]) -> Page:
    number = _number(asked)
    events = events_of(number)
    if not events and number > 1:  # behind the last one
        number = max(1, math.ceil(count() / SIZE))
        events = events_of(number)
    total = events[0].upcoming if events else 0
    return Page(events, number, math.ceil(total / SIZE) or number, total)


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
        return _listed(Event.objects.upcoming(moment), moment, number)

    return prepared.Prepared(compose)


def _listed(events: EventQuerySet, moment: dt.datetime, number: int) -> EventQuerySet:
    counted = events.order_by().values("status").annotate(n=Count("pk")).values("n")  # all have the same status
    listed = with_line(events, moment).annotate(upcoming=Subquery(counted))  # type: ignore[no-redef]  # -- declared
    return listed[SIZE * (number - 1) : SIZE * number]
