"""Attendance: who came in when, and by which gate, as a chart and in numbers."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db.models import Count
from django.db.models.functions import TruncMinute

from ..models import Event, Scan

WIDTHS = (1, 5, 10, 15, 30, 60, 120, 240, 720, 1440)  # minutes of one bar
MOST_BARS = 30
MOST_GATES = 6  # that have a color of their own; the rest is one more
OTHERS = "Other gates"
NO_NAME = "No gate named"
LEFT, TOP, WIDE, HIGH = 58, 12, 662, 218  # of the drawing: where the bars begin, and the room they have
WIDEST = 80  # of one bar, while there are few
LABELS = 6  # moments written below the bars
MOST_LINES = 5  # above the one of none


@dataclass(frozen=True)
class Part:
    """One gate's part of a bar, where it is drawn: `y` is its upper edge; `gate` counts from 1."""

    gate: int
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """Those let in from `start` on, for as long as a bar is wide: `counts` of each gate, in the chart's order."""

    start: dt.datetime
    counts: list[int]
    x: float
    parts: list[Part]
    is_labeled: bool

    @property
    def total(self) -> int:
        """All gates together."""
        return sum(self.counts)


@dataclass(frozen=True)
class Attendance:
    """The chart: bars of `minutes` each, oldest first, and `(y, number)` of its lines."""

    gates: list[str]
    totals: list[int]
    minutes: int
    bars: list[Bar]
    bar_width: float
    lines: list[tuple[float, int]]
    left = LEFT
    right = LEFT + WIDE
    bottom = TOP + HIGH

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


def attendance(event: Event) -> Attendance:
    """Return who was let in, of all gates, in one query whatever the size of the event."""
    zone = ZoneInfo(event.zone)
    minute = TruncMinute("scanned_at", tzinfo=zone)
    rows = Scan.objects.admitting().filter(event=event).values("gate").annotate(minute=minute, n=Count("pk"))
    by_minute = {(row["gate"], row["minute"]): row["n"] for row in rows.order_by("minute", "gate")}
    gates = _gates(by_minute)
    if not by_minute:
        return Attendance([], [], WIDTHS[0], [], 0, [])
    start, minutes, count = _span([moment for _, moment in by_minute])
    table = [[0] * len(gates) for _ in range(count)]
    for (gate, moment), n in by_minute.items():
        name = gate or NO_NAME
        table[int((moment - start).total_seconds() // 60 // minutes)][
            gates.index(name if name in gates else OTHERS)
        ] += n
    totals = [sum(column) for column in zip(*table, strict=True)]
    return _draw(gates, totals, minutes, start, table)


def _gates(by_minute: dict[tuple[str, dt.datetime], int]) -> list[str]:
    """Return the names of the gates, the busiest first six by their own."""
    counts: Counter[str] = Counter()
    for (gate, _), n in by_minute.items():
        counts[gate or NO_NAME] += n
    names = [name for name, _ in counts.most_common(MOST_GATES)]
    return [*names, OTHERS] if len(counts) > MOST_GATES else names


def _span(moments: list[dt.datetime]) -> tuple[dt.datetime, int, int]:
    """Return the first bar's start, on the clock's full width, how many minutes each is, and how many there are."""
    first, last = min(moments), max(moments)
    length = (last - first).total_seconds() / 60
    minutes = next((width for width in WIDTHS if length / width < MOST_BARS - 1), 0)
    minutes = minutes or WIDTHS[-1] * (int(length // WIDTHS[-1] // MOST_BARS) + 1)
    since_midnight = first.hour * 60 + first.minute
    start = first - dt.timedelta(minutes=since_midnight % minutes)
    return start, minutes, int((last - start).total_seconds() // 60 // minutes) + 1


def _round(step: int) -> int:
    """Return the next number that is easy to read: 1, 2 or 5 with zeros."""
    power: int = 10 ** (len(str(step)) - 1)
    return next(easy * power for easy in (1, 2, 5, 10) if easy * power >= step)


def _draw(gates: list[str], totals: list[int], minutes: int, start: dt.datetime, table: list[list[int]]) -> Attendance:
    most = max(sum(row) for row in table)
    step = _round(-(-most // MOST_LINES))
    steps = -(-most // step)
    scale = HIGH / (step * steps)
    width = min(WIDE / len(table), WIDEST)
    every = -(-len(table) // LABELS)
    bars = []
    for n, row in enumerate(table):
        top, parts = TOP + float(HIGH), []
        for gate, count in enumerate(row, start=1):
            top -= count * scale
            if count:
                parts.append(Part(gate, round(top, 2), round(count * scale, 2)))
        at = start + dt.timedelta(minutes=minutes * n)
        bars.append(Bar(at, row, round(LEFT + n * width, 2), parts, n % every == 0))
    lines = [(round(TOP + HIGH - n * step * scale, 2), n * step) for n in range(steps + 1)]
    return Attendance(gates, totals, minutes, bars, round(width * 0.86, 2), lines)
