"""The charts of a period, and the sentences that say what is in them."""

import datetime as dt
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.utils.formats import date_format

from ..checkin.attendance import MOST_GATES, NO_NAME, OTHERS
from ..models import HourlyFigures
from . import rows
from .charts import Chart
from .periods import Period
from .reading import NONE, Figures

Kind = HourlyFigures.Kind
SECOND, MINUTE = dt.timedelta(seconds=1), dt.timedelta(minutes=1)


def charts(found: Figures) -> list[Chart]:
    """Return the charts of an event, or of several together."""
    return [
        _sale(found),
        _endings(found),
        _uses(found),
        _given_up(found),
        _line(found),
        _average_wait(found),
        _waits(found),
        _attendance(found),
        _tiers(found),
        _logins(found),
    ]


def _over_time(found: Figures, key: str, title: str, summary: str, **more: Any) -> Chart:
    """Return a chart of which each bar is some time; `columns` are its series by name."""
    columns: dict[str, list[float]] = more.pop("columns")
    period = found.period
    values = [list(row) for row in zip(*columns.values(), strict=True)]
    if not columns:
        values = [[] for _ in period.starts]
    spoken, labels = _times(period)
    return Chart(key, title, summary, f"From ({period.zone.key})", list(columns), spoken, values, labels=labels, **more)


def _times(period: Period) -> tuple[list[str], list[str]]:
    """Return the beginning of each bar in words, and as there is room for it below a drawing."""
    local = [start.astimezone(period.zone) for start in period.starts]
    exact = "j M Y" if period.unit == "day" else "j M Y, H:i"
    below = "H:i" if period.is_within_a_day else "j M"
    return [date_format(at, exact) for at in local], [date_format(at, below) for at in local]


def percent(part: int, whole: int) -> str:
    """Return a share in words."""
    return f"{round(100 * part / whole)}%" if whole else "none"


def _things(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def _sale(found: Figures) -> Chart:
    held, booked = found.by_bar(Kind.HELD), found.by_bar(Kind.BOOKED)
    most = max(booked, default=0)
    busiest = f" The busiest {found.period.width} had {_things(most, 'booking')}." if most else ""
    said = f"{_things(sum(held), 'hold')} placed, {_things(sum(booked), 'ticket')} booked.{busiest}"
    columns = {"Holds placed": held, "Tickets booked": booked}
    return _over_time(found, "sale", "Holds and bookings", said, columns=columns)


def _endings(found: Figures) -> Chart:
    columns = {
        "Booked": found.by_bar(Kind.USED),
        "Lapsed": found.by_bar(Kind.LAPSED),
        "Released": found.by_bar(Kind.RELEASED, but=rows.WITH_EVENT),
        **_with_event(found, Kind.RELEASED),
    }
    used, lapsed, released, *with_event = (sum(column) for column in columns.values())
    ended = used + lapsed + released + sum(with_event)
    said = (
        f"Of {_things(ended, 'hold')} that ended, {percent(used, ended)} became a ticket;"
        f" {lapsed} lapsed, {released} were given back."
    )
    if with_event:
        said += f" The cancellation of the event ended {sum(with_event)}."
    return _over_time(found, "holds", "How holds ended", said, columns=columns, style="stacked")


def _with_event(found: Figures, kind: str) -> dict[str, list[int]]:
    """Return a column of what ended since its event was cancelled, if anything did."""
    ended = found.by_bar(kind, of=rows.WITH_EVENT)
    return {"Ended with the event": ended} if any(ended) else {}


def _words(seconds: int) -> str:
    if seconds < 60:  # noqa: PLR2004 -- a minute
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds % 3600 else f"{seconds // 3600} h"


def _steps(bounds: tuple[int, ...]) -> list[str]:
    """Return each part of a length in words."""
    between = pairwise(bounds)
    first, last = f"under {_words(bounds[0])}", f"{_words(bounds[-1])} or more"
    return [first, *(f"{_words(since)} to {_words(until)}" for since, until in between), last]


def _spread(found: Figures, kind: str, bounds: tuple[int, ...]) -> list[list[float]]:
    parts = found.parts(kind)
    return [[parts.get(str(n), 0)] for n in range(len(bounds) + 1)]


def _mean(total: dt.timedelta, count: int) -> str:
    seconds = round((total / count).total_seconds()) if count else 0
    return f"{seconds} s" if seconds < 120 else f"{seconds / 60:.3g} min"  # noqa: PLR2004 -- two minutes


def _uses(found: Figures) -> Chart:
    count = found.sum(Kind.USED)
    mean = _mean(found.length(Kind.USED), count)
    said = f"People booked {mean} after their hold began, on average of {_things(count, 'booking')}."
    names, values = _steps(rows.USES), _spread(found, Kind.USED, rows.USES)
    return Chart("time-to-book", "Time to book", said, "Time", ["Bookings"], names, values, style="bars", is_whole=True)


def _given_up(found: Figures) -> Chart:
    columns = {
        "Left the line": found.by_bar(Kind.LEFT, but=rows.WITH_EVENT),
        "Tickets cancelled": found.by_bar(Kind.CANCELLED),
        **_with_event(found, Kind.LEFT),
    }
    left, cancelled, *with_event = (sum(column) for column in columns.values())
    gone = _things(left, "person", "people")
    said = f"{gone} left the line before their turn, {_things(cancelled, 'ticket')} cancelled."
    if with_event:
        said += f" {_things(sum(with_event), 'person', 'people')} waited when the event was cancelled."
    return _over_time(found, "given-up", "Given up", said, columns=columns)


def _line(found: Figures) -> Chart:
    lengths = found.line_lengths()
    most = max(lengths, default=0)
    said = f"At most {_things(most, 'person', 'people')} waited at the same time."
    return _over_time(
        found, "line", "Length of the line", said, columns={"Waiting at most": lengths}, style="line",
        empty="Nobody waited.",
    )  # fmt: skip


def _average_wait(found: Figures) -> Chart:
    counts = found.by_bar(Kind.HELD, but=rows.AUTOMATIC)
    lengths = found.totals[Kind.HELD]
    exact = [lengths.get(n, NONE) / count if count else NONE for n, count in enumerate(counts)]
    longest = max(exact, default=NONE)
    unit, name, short = (MINUTE, "Minutes", "min") if longest >= 2 * MINUTE else (SECOND, "Seconds", "s")
    average = [round(each / unit, 1) for each in exact]
    mean, most = _mean(found.length(Kind.HELD), sum(counts)), max(average, default=0)
    said = f"Whoever joined had waited {mean} on average when served; at most {most:g} {short} in one bar of the chart."
    return _over_time(
        found, "wait", "Wait in line", said, columns={f"{name} on average": average}, style="line",
        empty=_without_wait(found, sum(counts)),
        in_file={"Seconds on average": [round(each / SECOND, 1) for each in exact]},
    )  # fmt: skip


def _without_wait(found: Figures, served: int) -> str:
    """Return what is said where nobody waited for long enough to be drawn."""
    if served:
        return "Whoever joined was served at once."
    return "Nobody who waited was served in this period." if any(found.line_lengths()) else "Nobody had to wait."


def _waits(found: Figures) -> Chart:
    served, held = found.sum(Kind.HELD, but=rows.AUTOMATIC), found.sum(Kind.HELD)
    people = _things(served, "person", "people")
    said = f"{people} joined and were served; {held - served} more were held a place at their login."
    names, values = _steps(rows.WAITS), _spread(found, Kind.HELD, rows.WAITS)
    return Chart(
        "waits", "How long people waited", said, "Wait", ["People"], names, values, style="bars", is_whole=True
    )


def _attendance(found: Figures) -> Chart:
    busiest = sorted(found.gates, key=lambda gate: (-sum(found.gates[gate].values()), gate == NO_NAME, gate))
    columns: dict[str, list[float]] = {}
    for n, gate in enumerate(busiest):
        name = gate if n < MOST_GATES else OTHERS
        before = columns.get(name, [0] * len(found.period.starts))
        columns[name] = [count + found.gates[gate].get(bar, 0) for bar, count in enumerate(before)]
    each = ", ".join(f"{name} {round(sum(column))}" for name, column in columns.items())
    said = f"{_things(round(sum(map(sum, columns.values()))), 'person', 'people')} let in{f': {each}' if each else ''}."
    return _over_time(
        found, "attendance", "Attendance by gate", said, columns=columns, style="stacked",
        empty="Nobody was let in during this period.",
    )  # fmt: skip


def _tiers(found: Figures) -> Chart:
    parts = found.parts(Kind.BOOKED)
    names = {str(n): name for n, name in enumerate(settings.TIERS, start=1)} | {"0": "Everybody else"}
    names |= {part: f"Tier {part}" for part in parts if part not in names}
    shown = sorted(names, key=lambda part: -int(part))
    total, first = sum(parts.values()), sum(count for part, count in parts.items() if part != "0")
    said = f"{_things(total, 'ticket')} booked, {first} of them by people who are served first."
    values: list[list[float]] = [[parts.get(part, 0)] for part in shown]
    chart_rows = [names[part] for part in shown]
    return Chart("tiers", "Tickets by tier", said, "Tier", ["Tickets"], chart_rows, values, style="bars", is_whole=True)


def _logins(found: Figures) -> Chart:
    logins = found.by_bar(Kind.LOGINS)
    said = f"{_things(sum(logins), 'login')} on the whole site, whichever event they were for."
    return _over_time(found, "logins", "Logins", said, columns={"Logins": logins})


def highlights(found: Figures) -> list[tuple[str, str]]:
    """Return what to see first: `(name, number in words)`."""
    used, lapsed, released = (found.sum(kind, but=rows.WITH_EVENT) for kind in (Kind.USED, Kind.LAPSED, Kind.RELEASED))
    served = found.sum(Kind.HELD, but=rows.AUTOMATIC)
    return [
        ("Tickets booked", str(found.sum(Kind.BOOKED))),
        ("Holds placed", str(found.sum(Kind.HELD))),
        ("Holds that became tickets", percent(used, used + lapsed + released)),
        ("Time to book, on average", _mean(found.length(Kind.USED), used) if used else "none"),
        ("Wait in line, on average", _mean(found.length(Kind.HELD), served) if served else "none"),
        ("Let in", str(sum(sum(bars.values()) for bars in found.gates.values()))),
    ]
