"""Attendance: who came in when, and by which gate, as a chart and in numbers."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

from django.db.models import Count
from django.db.models.functions import TruncMinute
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext, npgettext
from django.utils.translation import gettext_lazy as _

from ..drawing import Drawing, over_time
from ..formats import fill
from ..models import Event, Scan

WIDTHS = (1, 5, 10, 15, 30, 60, 120, 240, 720, 1440)  # minutes of one bar
MOST_BARS = 30
MOST_GATES = 6  # that have a color of their own; the rest is one more
OTHERS = _("Other gates")
NO_NAME = _("No gate named")
HOUR, DAY = 60, 1440  # minutes


@dataclass(frozen=True)
class Bar:
    """Those let in from `start` on, for as long as a bar is wide: `counts` of each gate, in the chart's order."""

    start: dt.datetime
    counts: list[int]

    @property
    def total(self) -> int:
        """All gates together."""
        return sum(self.counts)


@dataclass(frozen=True)
class Attendance:
    """The chart: bars of `minutes` each, oldest first, by the clocks of their zone."""

    gates: list[str]
    totals: list[int]
    minutes: int
    bars: list[Bar]

    @cached_property
    def drawing(self) -> Drawing:
        """The bars, one gate on the other."""
        below = "j M" if self.minutes >= DAY // 2 else "H:i"
        labels = [date_format(bar.start, below) for bar in self.bars]
        return over_time(labels, [list(map(float, bar.counts)) for bar in self.bars], style="stacked")

    @property
    def summary(self) -> str:
        """The whole in a sentence."""
        first, last = (date_format(self.bars[n].start, "j M, H:i") for n in (0, -1))
        told = ngettext(
            "%(count)d person let in between %(first)s and %(last)s.",
            "%(count)d people let in between %(first)s and %(last)s.",
            self.total,
        )
        return fill(told, count=self.total, first=first, last=last)

    @property
    def title(self) -> str:
        """What the chart is about."""
        return gettext("Attendance")

    @property
    def width(self) -> str:
        """How long a bar is, in words."""
        for length, name in ((DAY, "day"), (HOUR, "hour"), (1, "minute")):
            if self.minutes % length == 0:
                return spelled(self.minutes // length, name)
        raise AssertionError

    @property
    def total(self) -> int:
        """All who are in."""
        return sum(self.totals)

    @property
    def rows(self) -> list[tuple[dt.datetime, list[tuple[str, int]], int]]:
        """The same as a table: start, `(gate, number)` of each gate, and all of them together."""
        return [
            (bar.start, list(zip(self.gates, bar.counts, strict=True)), bar.total) for bar in self.bars if bar.total
        ]

    @property
    def last_row(self) -> list[tuple[str, int]]:
        """The number of each gate, of the whole time."""
        return list(zip(self.gates, self.totals, strict=True))


def spelled(count: int, unit: str) -> str:
    """Return so many days, hours or minutes in words; one of them without its number."""
    words = {
        "day": npgettext("how long a bar of a chart is", "day", "%(count)d days", count),
        "hour": npgettext("how long a bar of a chart is", "hour", "%(count)d hours", count),
        "minute": npgettext("how long a bar of a chart is", "minute", "%(count)d minutes", count),
    }
    return words[unit] % {"count": count}


def attendance(event: Event) -> Attendance:
    """Return who was let in, of all gates, in one query whatever the size of the event."""
    zone = ZoneInfo(event.zone)
    minute = TruncMinute("scanned_at", tzinfo=zone)
    rows = Scan.objects.admitting().filter(event=event).values("gate").annotate(minute=minute, n=Count("pk"))
    by_minute = {(row["gate"], row["minute"]): row["n"] for row in rows.order_by("minute", "gate")}
    gates = _gates(by_minute)
    if not by_minute:
        return Attendance([], [], WIDTHS[0], [])
    start, minutes, count = _span([moment for _gate, moment in by_minute])
    table = [[0] * len(gates) for _ in range(count)]
    for (gate, moment), n in by_minute.items():
        name = gate or str(NO_NAME)
        table[int((moment - start).total_seconds() // 60 // minutes)][
            gates.index(name if name in gates else str(OTHERS))
        ] += n
    totals = [sum(column) for column in zip(*table, strict=True)]
    bars = [Bar(start + dt.timedelta(minutes=minutes * n), row) for n, row in enumerate(table)]
    return Attendance(gates, totals, minutes, bars)


def _gates(by_minute: dict[tuple[str, dt.datetime], int]) -> list[str]:
    """Return the names of the gates, the busiest first six by their own."""
    counts: Counter[str] = Counter()
    for (gate, _minute), n in by_minute.items():
        counts[gate or str(NO_NAME)] += n
    names = [name for name, _ in counts.most_common(MOST_GATES)]
    return [*names, str(OTHERS)] if len(counts) > MOST_GATES else names


def _span(moments: list[dt.datetime]) -> tuple[dt.datetime, int, int]:
    """Return the first bar's start, on the clock's full width, how many minutes each is, and how many there are."""
    first, last = min(moments), max(moments)
    length = (last - first).total_seconds() / 60
    minutes = next((width for width in WIDTHS if length / width < MOST_BARS - 1), 0)
    minutes = minutes or WIDTHS[-1] * (int(length // WIDTHS[-1] // MOST_BARS) + 1)
    since_midnight = first.hour * 60 + first.minute
    start = first - dt.timedelta(minutes=since_midnight % minutes)
    return start, minutes, int((last - start).total_seconds() // 60 // minutes) + 1
