"""The charts of a period, and the sentences that say what is in them."""

import datetime as dt
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from ..checkin.attendance import MOST_GATES, NO_NAME, OTHERS
from ..formats import fill, grouped
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
    first = _("From (%(zone)s)") % {"zone": period.zone.key}
    return Chart(key, title, summary, first, list(columns), spoken, values, labels=labels, **more)


def _times(period: Period) -> tuple[list[str], list[str]]:
    """Return the beginning of each bar in words, and as there is room for it below a drawing."""
    local = [start.astimezone(period.zone) for start in period.starts]
    exact = "j M Y" if period.unit == "day" else "j M Y, H:i"
    below = "H:i" if period.is_within_a_day else "j M"
    return [date_format(at, exact) for at in local], [date_format(at, below) for at in local]


def percent(part: int, whole: int) -> str:
    """Return a share in words."""
    return _("%(percent)d%%") % {"percent": round(100 * part / whole)} if whole else pgettext("a share", "none")


def _sale(found: Figures) -> Chart:
    held, booked = found.by_bar(Kind.HELD), found.by_bar(Kind.BOOKED)
    count, placed, most = sum(booked), sum(held), max(booked, default=0)
    holds = fill(ngettext("%(count)d hold placed", "%(count)d holds placed", placed), count=placed)
    tickets = fill(ngettext("%(count)d ticket booked", "%(count)d tickets booked", count), count=count)
    # Translators: as in "2 holds placed, 1 ticket booked."
    said = _("%(holds)s, %(tickets)s.") % {"holds": holds, "tickets": tickets}
    if most:
        # Translators: %(width)s is how long a bar is, as "hour" or "2 days".
        busiest = ngettext(
            "The busiest %(width)s had %(count)d booking.", "The busiest %(width)s had %(count)d bookings.", most
        )
        said = f"{said} {fill(busiest, width=found.period.width, count=most)}"
    columns = {_("Holds placed"): held, _("Tickets booked"): booked}
    return _over_time(found, "sale", _("Holds and bookings"), said, columns=columns)


def _endings(found: Figures) -> Chart:
    # Translators: the columns of a chart must have names that differ.
    columns = {
        _("Booked"): found.by_bar(Kind.USED),
        _("Lapsed"): found.by_bar(Kind.LAPSED),
        _("Released"): found.by_bar(Kind.RELEASED, but=rows.WITH_EVENT),
        **_with_event(found, Kind.RELEASED),
    }
    used, lapsed, released, *with_event = (sum(column) for column in columns.values())
    ended = used + lapsed + released + sum(with_event)
    told = ngettext(
        "Of %(count)d hold that ended, %(share)s became a ticket; %(lapsed)d lapsed, %(released)d were given back.",
        "Of %(count)d holds that ended, %(share)s became a ticket; %(lapsed)d lapsed, %(released)d were given back.",
        ended,
    )
    said = fill(told, count=ended, share=percent(used, ended), lapsed=lapsed, released=released)
    if with_event:
        more = fill(_("The cancellation of the event ended %(count)d."), count=sum(with_event))
        said = f"{said} {more}"
    return _over_time(found, "holds", _("How holds ended"), said, columns=columns, style="stacked")


def _with_event(found: Figures, kind: str) -> dict[str, list[int]]:
    """Return a column of what ended since its event was cancelled, if anything did."""
    ended = found.by_bar(kind, of=rows.WITH_EVENT)
    return {_("Ended with the event"): ended} if any(ended) else {}


def _words(seconds: int) -> str:
    if seconds < 60:  # noqa: PLR2004 -- a minute
        return _("%(number)s s") % {"number": seconds}
    if seconds % 3600:
        return _("%(number)s min") % {"number": seconds // 60}
    return _("%(number)s h") % {"number": seconds // 3600}


def _steps(bounds: tuple[int, ...]) -> list[str]:
    """Return each part of a length in words."""
    between = pairwise(bounds)
    first = _("under %(until)s") % {"until": _words(bounds[0])}
    last = _("%(since)s or more") % {"since": _words(bounds[-1])}
    steps = (_("%(since)s to %(until)s") % {"since": _words(since), "until": _words(until)} for since, until in between)
    return [first, *steps, last]


def _spread(found: Figures, kind: str, bounds: tuple[int, ...]) -> list[list[float]]:
    parts = found.parts(kind)
    return [[parts.get(str(n), 0)] for n in range(len(bounds) + 1)]


def _mean(total: dt.timedelta, count: int) -> str:
    seconds = round((total / count).total_seconds()) if count else 0
    if seconds < 120:  # noqa: PLR2004 -- two minutes
        return _("%(number)s s") % {"number": seconds}
    if seconds < 600:  # noqa: PLR2004 -- ten minutes
        return _("%(minutes)s min %(seconds)s s") % {"minutes": seconds // 60, "seconds": seconds % 60}
    return _("%(number)s min") % {"number": grouped(round(seconds / 60))}


def _uses(found: Figures) -> Chart:
    count = found.sum(Kind.USED)
    told = ngettext(
        "People booked %(mean)s after their hold began, on average of %(count)d booking.",
        "People booked %(mean)s after their hold began, on average of %(count)d bookings.",
        count,
    )
    said = fill(told, mean=_mean(found.length(Kind.USED), count), count=count)
    names, values = _steps(rows.USES), _spread(found, Kind.USED, rows.USES)
    title, first, series = _("Time to book"), pgettext("how long", "Time"), [_("Bookings")]
    return Chart("time-to-book", title, said, first, series, names, values, style="bars", is_whole=True)


def _given_up(found: Figures) -> Chart:
    columns = {
        # Rule 11: whoever waits when the event starts has left by that; no row says which of the two it was.
        _("Left, or waited until the start"): found.by_bar(Kind.LEFT, but=rows.WITH_EVENT),
        _("Tickets cancelled"): found.by_bar(Kind.CANCELLED),
        **_with_event(found, Kind.LEFT),
    }
    left, cancelled, *with_event = (sum(column) for column in columns.values())
    people = ngettext(
        "%(count)d person left the line, or waited until the event started",
        "%(count)d people left the line, or waited until the event started",
        left,
    )
    tickets = ngettext("%(count)d ticket cancelled", "%(count)d tickets cancelled", cancelled)
    many = {"people": fill(people, count=left), "tickets": fill(tickets, count=cancelled)}
    # Translators: as in "1 person left the line, or waited until the event started, 2 tickets cancelled."
    said = _("%(people)s, %(tickets)s.") % many
    if with_event:
        waited = ngettext(
            "%(count)d person waited when the event was cancelled.",
            "%(count)d people waited when the event was cancelled.",
            sum(with_event),
        )
        said = f"{said} {fill(waited, count=sum(with_event))}"
    return _over_time(found, "given-up", _("Given up"), said, columns=columns)


def _line(found: Figures) -> Chart:
    lengths = found.line_lengths()
    most = max(lengths, default=0)
    told = ngettext(
        "At most %(count)d person waited at the same time.", "At most %(count)d people waited at the same time.", most
    )
    if not found.is_of_one:  # the longest lines of an hour need not have been at the same moment of it
        told = ngettext(
            "At most %(count)d person waited, with the longest lines of all events added up.",
            "At most %(count)d people waited, with the longest lines of all events added up.",
            most,
        )
    said = fill(told, count=most)
    return _over_time(
        found, "line", _("Length of the line"), said, columns={_("Waiting at most"): lengths}, style="line",
        empty=_("Nobody waited."),
    )  # fmt: skip


def _average_wait(found: Figures) -> Chart:
    counts = found.by_bar(Kind.HELD, but=rows.AUTOMATIC)
    lengths = found.totals[Kind.HELD]
    exact = [lengths.get(n, NONE) / count if count else NONE for n, count in enumerate(counts)]
    longest = max(exact, default=NONE)
    unit, name = (MINUTE, _("Minutes on average")) if longest >= 2 * MINUTE else (SECOND, _("Seconds on average"))
    average = [round(each / unit, 1) for each in exact]
    mean, most = _mean(found.length(Kind.HELD), sum(counts)), _mean(longest, 1)
    in_file = [round(each / SECOND, 1) if count else None for each, count in zip(exact, counts, strict=True)]
    told = _("Whoever joined had waited %(mean)s on average when served; at most %(most)s in one bar of the chart.")
    said = told % {"mean": mean, "most": most}
    return _over_time(
        found, "wait", _("Wait in line"), said, columns={name: average},
        empty=_without_wait(found, sum(counts)), in_file={_("Seconds on average"): in_file},
    )  # fmt: skip


def _without_wait(found: Figures, served: int) -> str:
    """Return what is said where nobody waited for long enough to be drawn."""
    if served:
        return _("Whoever joined was served at once.")
    if any(found.line_lengths()):
        return _("Nobody who waited was served in this period.")
    return _("Nobody had to wait.")


def _waits(found: Figures) -> Chart:
    served, held = found.sum(Kind.HELD, but=rows.AUTOMATIC), found.sum(Kind.HELD)
    told = ngettext(
        "%(count)d person joined and was served; %(more)d more were held a place at their login.",
        "%(count)d people joined and were served; %(more)d more were held a place at their login.",
        served,
    )
    said = fill(told, count=served, more=held - served)
    names, values = _steps(rows.WAITS), _spread(found, Kind.HELD, rows.WAITS)
    title, first, series = _("How long people waited"), pgettext("how long", "Wait"), [_("People")]
    return Chart("waits", title, said, first, series, names, values, style="bars", is_whole=True)


def _attendance(found: Figures) -> Chart:
    busiest = sorted(found.gates, key=lambda gate: (-sum(found.gates[gate].values()), gate == str(NO_NAME), gate))
    columns: dict[str, list[float]] = {}
    for n, gate in enumerate(busiest):
        name = gate if n < MOST_GATES else str(OTHERS)
        before = columns.get(name, [0] * len(found.period.starts))
        columns[name] = [count + found.gates[gate].get(bar, 0) for bar, count in enumerate(before)]
    return _over_time(
        found, "attendance", _("Attendance by gate"), _by_gate(columns), columns=columns, style="stacked",
        empty=_("Nobody was let in during this period."),
    )  # fmt: skip


def _by_gate(columns: dict[str, list[float]]) -> str:
    counts = {name: round(sum(column)) for name, column in columns.items()}
    total = sum(counts.values())
    if not counts:
        return fill(ngettext("%(count)d person let in.", "%(count)d people let in.", total), count=total)
    told = ngettext("%(count)d person let in: %(gates)s.", "%(count)d people let in: %(gates)s.", total)
    comma = pgettext("between parts of a list", ", ")
    # Translators: the name of a gate, and how many were let in there.
    gates = comma.join(fill(_("%(gate)s %(number)d"), gate=name, number=n) for name, n in counts.items())
    return fill(told, count=total, gates=gates)


def _tiers(found: Figures) -> Chart:
    parts = found.parts(Kind.BOOKED)
    names = {str(n): name for n, name in enumerate(settings.TIERS, start=1)} | {"0": _("Everybody else")}
    names |= {part: _("Tier %(number)s") % {"number": part} for part in parts if part not in names}
    shown = sorted(names, key=lambda part: -int(part))
    total, first = sum(parts.values()), sum(count for part, count in parts.items() if part != "0")
    told = ngettext(
        "%(count)d ticket booked, %(first)d of them by people who are served first.",
        "%(count)d tickets booked, %(first)d of them by people who are served first.",
        total,
    )
    said = fill(told, count=total, first=first)
    values: list[list[float]] = [[parts.get(part, 0)] for part in shown]
    chart_rows, title = [names[part] for part in shown], _("Tickets by tier")
    return Chart("tiers", title, said, _("Tier"), [_("Tickets")], chart_rows, values, style="bars", is_whole=True)


def _logins(found: Figures) -> Chart:
    logins = found.by_bar(Kind.LOGINS)
    told = ngettext(
        "%(count)d login on the whole site, whichever event they were for.",
        "%(count)d logins on the whole site, whichever event they were for.",
        sum(logins),
    )
    said = fill(told, count=sum(logins))
    return _over_time(found, "logins", _("Logins"), said, columns={_("Logins"): logins})


def highlights(found: Figures) -> list[tuple[str, str]]:
    """Return what to see first: `(name, number in words)`."""
    used, lapsed, released = (found.sum(kind, but=rows.WITH_EVENT) for kind in (Kind.USED, Kind.LAPSED, Kind.RELEASED))
    served, none = found.sum(Kind.HELD, but=rows.AUTOMATIC), pgettext("a length of time", "none")
    return [
        (_("Tickets booked"), grouped(found.sum(Kind.BOOKED))),
        (_("Holds placed"), grouped(found.sum(Kind.HELD))),
        (_("Holds that became tickets"), percent(used, used + lapsed + released)),
        (_("Time to book, on average"), _mean(found.length(Kind.USED), used) if used else none),
        (_("Wait in line, on average"), _mean(found.length(Kind.HELD), served) if served else none),
        (_("Let in"), grouped(sum(sum(bars.values()) for bars in found.gates.values()))),
    ]
