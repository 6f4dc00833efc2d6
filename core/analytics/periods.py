"""From when to when somebody wants to see figures, and how wide the bars are in which they are drawn."""

import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from ..checkin.attendance import spelled
from ..own_words import OwnWords

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
HOURS = (1, 2, 3, 6, 12)  # of one bar
DAYS = (1, 2, 7, 14, 28, 91, 364)
MOST_BARS = 48
LAST_HOUR_BAR = dt.timedelta(minutes=2)
LENGTHS = {"day": DAY, "week": 7 * DAY}
MINUTE = "minute"
EARLIEST = dt.date(2000, 1, 1)
LONGEST = 3660  # days


@dataclass(frozen=True)
class Period:
    """A stretch of time, and where its bars begin; `unit` is what rows are rounded to: minute, hour or day."""

    since: dt.datetime
    until: dt.datetime
    unit: str
    starts: list[dt.datetime]
    zone: ZoneInfo

    def bar_of(self, moment: dt.datetime) -> int:
        """Return the number of the bar in which a moment is; -1 if it was before."""
        return bisect_right(self.starts, moment) - 1

    @property
    def is_within_a_day(self) -> bool:
        """Whether the hour tells one bar from another."""
        return self.until - self.since <= 1.5 * DAY

    @property
    def width(self) -> str:
        """How long a bar is, in words."""
        length = (self.starts[1] if len(self.starts) > 1 else self.until) - self.starts[0]
        for unit, name in ((DAY, "day"), (HOUR, "hour"), (dt.timedelta(minutes=1), "minute")):
            if length >= unit * 0.9 or name == "minute":
                return spelled(max(1, round(length / unit)), name)
        raise AssertionError


def last_hour(moment: dt.datetime, zone: ZoneInfo) -> Period:
    """Return the hour until now, by two minutes."""
    until = moment.replace(second=0, microsecond=0) + dt.timedelta(minutes=1)
    since = until - HOUR
    starts = [since + n * LAST_HOUR_BAR for n in range(int(HOUR / LAST_HOUR_BAR))]
    return Period(since, until, MINUTE, starts, zone)


def between(since: dt.datetime, until: dt.datetime, zone: ZoneInfo) -> Period:
    """Return a period in bars of hours, or of days where it is long; it begins and ends with one."""
    hours = (until - since) / HOUR
    width = next((width for width in HOURS if hours / width <= MOST_BARS), None)
    return _in_hours(since, until, zone, width) if width else _in_days(since, until, zone)


def _in_hours(since: dt.datetime, until: dt.datetime, zone: ZoneInfo, width: int) -> Period:
    first = since.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    if first < since and since.astimezone(zone).time() == dt.time():
        first += HOUR  # figures are kept by full hours of UTC: a day has those that begin in it, here and in _in_days
    first -= HOUR * (first.astimezone(zone).hour % width)
    starts = [first]
    while starts[-1] + HOUR * width < until:
        starts.append(starts[-1] + HOUR * width)
    return Period(first, starts[-1] + HOUR * width, "hour", starts, zone)


def _in_days(since: dt.datetime, until: dt.datetime, zone: ZoneInfo) -> Period:
    first, last = since.astimezone(zone).date(), (until - dt.timedelta(microseconds=1)).astimezone(zone).date()
    days = (last - first).days + 1
    width = next((width for width in DAYS if days / width <= MOST_BARS), DAYS[-1])
    count = -(-days // width)
    starts = [_midnight(first + DAY * width * n, zone) for n in range(count)]
    return Period(starts[0], _midnight(first + DAY * width * count, zone), "day", starts, zone)


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=zone)


class DayInput(forms.DateInput):
    """The browser's own calendar."""

    input_type = "date"


class PeriodForm(OwnWords, forms.Form):
    """A period that is asked for: one of those that are named, or the days from and to which it goes, both included."""

    period = forms.ChoiceField(
        choices=[("all", _("All")), ("hour", _("Last hour")), ("day", _("Last day")), ("week", _("Last week"))],
        required=False,
        error_messages={"invalid_choice": _("There is no such period: choose one of those below, or type two days.")},
    )

    def __init__(self, data: Any, *, zone: ZoneInfo, moment: dt.datetime, begin: dt.datetime, end: dt.datetime) -> None:
        super().__init__(data, auto_id="period_%s")
        self._zone, self.moment, self._all = zone, moment, (begin, end)
        labels = {"from": pgettext("from which day on", "From"), "to": gettext("To (this day included)")}
        for name, label in labels.items():
            self.fields[name] = forms.DateField(
                label=label,
                required=False,
                widget=DayInput(format="%Y-%m-%d"),
                error_messages={"invalid": gettext("Type a day as year-month-day, 2026-05-31 for example.")},
            )

    @property
    def days(self) -> list[forms.BoundField]:
        """The two fields of days."""
        return [self["from"], self["to"]]

    @property
    def shown(self) -> str:
        """The name of the period that is shown; empty where it is days."""
        if self.is_valid() and (self.cleaned_data.get("from") or self.cleaned_data.get("to")):
            return ""
        return (self.is_valid() and self.cleaned_data.get("period")) or "all"

    def clean(self) -> dict[str, Any] | None:
        """Refuse days in the wrong order, in the future, or too long apart."""
        cleaned = super().clean() or {}
        first, last = cleaned.get("from"), cleaned.get("to")
        today = self.moment.astimezone(self._zone).date()
        if first and first > today:
            to_come = gettext("This day is yet to come: in %(zone)s it is %(today)s.")
            self.add_error("from", to_come % {"zone": self._zone, "today": f"{today:%Y-%m-%d}"})
        if first and last and last < first:
            self.add_error(
                "to", gettext("The period ends before it begins: type a day that is not earlier than “From”.")
            )
        for name in ("from", "to"):
            if cleaned.get(name) and cleaned[name] < EARLIEST:
                self.add_error(name, gettext("Type a day of the year 2000 or later."))
        if first and last and (last - first).days > LONGEST:
            self.add_error("to", gettext("This is more than ten years: type days that are nearer to each other."))
        return cleaned

    def chosen(self) -> Period:
        """Return what is asked for; all there is where that is refused."""
        asked = self.cleaned_data if self.is_valid() else {}
        if asked.get("from") or asked.get("to"):
            return self._of_days(asked.get("from"), asked.get("to"))
        name = asked.get("period")
        if name == "hour":
            return last_hour(self.moment, self._zone)
        begin, end = (self.moment - LENGTHS[name], self.moment) if name in LENGTHS else self._all
        return between(begin, end, self._zone)

    def _of_days(self, first: dt.date | None, last: dt.date | None) -> Period:
        begin = self._all[0] if last is None else min(self._all[0], _midnight(last, self._zone))
        since = _midnight(first, self._zone) if first else begin
        until = _midnight(last + DAY, self._zone) if last else self.moment
        return between(since, min(until, max(self.moment, since + HOUR)), self._zone)
