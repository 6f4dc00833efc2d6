"""How quickly an event sells: bookings of the last minutes, as bars that the server draws."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, OuterRef
from django.db.models.functions import TruncMinute

from .models import Event, EventQuerySet, Ticket, count_per_event

MINUTES = 15
HIGH = 60  # of the drawing; a bar and the gap behind it are `STEP` wide
STEP = 20
LEAST = 2  # of a bar, so that one booking is seen beside a thousand


@dataclass(frozen=True)
class Bar:
    """The bookings of one minute, and where its bar is drawn."""

    start: dt.datetime
    count: int
    x: int
    y: float
    height: float


@dataclass(frozen=True)
class Pulse:
    """The last minutes, oldest first; the last bar's minute is not over yet."""

    bars: list[Bar]
    minutes = MINUTES
    width = MINUTES * STEP
    high = HIGH

    @property
    def total(self) -> int:
        """All bookings of these minutes."""
        return sum(bar.count for bar in self.bars)

    @property
    def most(self) -> int:
        """The most of one minute."""
        return max(bar.count for bar in self.bars)

    @property
    def marks(self) -> list[Bar]:
        """The minutes that are named below the drawing: the first, the middle and the last."""
        return self.bars[:: MINUTES // 2]

    @property
    def rows(self) -> list[Bar]:
        """The minutes in which something was booked, newest first."""
        return [bar for bar in reversed(self.bars) if bar.count]


def with_pace(events: EventQuerySet, moment: dt.datetime) -> EventQuerySet:
    """Annotate `booked_lately`: bookings of the minute before `moment`. A ticket that changes hands is no booking."""
    lately = moment - dt.timedelta(minutes=1)
    booked = Ticket.objects.filter(event=OuterRef("pk"), booked_at__gt=lately, replaces=None)
    return events.annotate(booked_lately=count_per_event(booked))  # type: ignore[no-redef]  # -- as in `numbers`


def pulse(event: Event, moment: dt.datetime) -> Pulse:
    """Return the bookings of the minutes before `moment`, in one query. A ticket that changes hands is no booking."""
    current = moment.replace(second=0, microsecond=0)
    starts = [current - dt.timedelta(minutes=MINUTES - 1 - n) for n in range(MINUTES)]
    booked = Ticket.objects.filter(event=event, booked_at__gte=starts[0], replaces=None)
    minute = TruncMinute("booked_at", tzinfo=dt.UTC)
    rows = booked.order_by().annotate(minute=minute).values_list("minute").annotate(n=Count("pk"))
    counts = {start.astimezone(dt.UTC): n for start, n in rows}
    found = [counts.get(start.astimezone(dt.UTC), 0) for start in starts]
    scale = (HIGH - LEAST) / max(1, *found)
    return Pulse([_bar(start, count, n, scale) for n, (start, count) in enumerate(zip(starts, found, strict=True))])


def _bar(start: dt.datetime, count: int, n: int, scale: float) -> Bar:
    height = round(LEAST + count * scale, 2) if count else 0
    return Bar(start, count, n * STEP, round(HIGH - height, 2), height)
