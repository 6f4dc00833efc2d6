"""Searching the list of events: what may be asked, and which events that finds."""

import datetime as dt
from typing import Any, cast
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from .folding import folded
from .forms.moments import FIRST_YEAR, LAST_YEAR
from .models import Event, EventQuerySet
from .own_words import OwnWords

LONGEST = 100  # characters of a field; what is behind them is not looked at
MOST_WORDS = 8
NAMES = ("q", "when", "from", "to", "free")
WHAT = gettext_lazy("Event or venue")
NO_DAY = gettext_lazy("This is no date: write one like 2026-12-31.")


def is_search(asked: QueryDict) -> bool:
    """Return whether a query has a field of the form in it."""
    return not asked.keys().isdisjoint(NAMES)


class DayField(forms.DateField):
    """A day of the calendar, as a browser's date field sends it."""

    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "input"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False, input_formats=["%Y-%m-%d"], error_messages={"invalid": NO_DAY}, localize=False, **kwargs
        )

    def clean(self, value: Any) -> dt.date | None:
        """Return the day; refuse one whose moments lead out of the calendar in some zone."""
        day = cast("dt.date | None", super().clean(value))
        if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
            years = {"first": FIRST_YEAR, "last": LAST_YEAR}
            raise ValidationError(_("Type a year from %(first)d to %(last)d.") % years)
        return day


class SearchForm(OwnWords, forms.Form):
    """What of the upcoming events somebody looks for. A field that is not right is said to be so, and left out."""

    q = forms.CharField(
        label=WHAT,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "class": "input", "autocomplete": "off", "placeholder": WHAT}),
    )
    when = forms.ChoiceField(
        label=gettext_lazy("When"),
        required=False,
        choices=[
            ("", gettext_lazy("Any day")),
            ("today", gettext_lazy("Today")),
            ("weekend", gettext_lazy("This weekend")),
            ("month", gettext_lazy("This month")),
        ],
        error_messages={"invalid_choice": gettext_lazy("Choose one of these.")},
        widget=forms.Select(attrs={"class": "input"}),
    )
    free = forms.BooleanField(label=gettext_lazy("Places free now"), required=False)

    def __init__(self, asked: QueryDict) -> None:
        clipped = {name: asked.get(name, "").strip()[:LONGEST] for name in NAMES if asked.get(name)}
        super().__init__(clipped, auto_id="search_%s")
        self.fields["from"] = DayField(label=pgettext_lazy("a day", "From"))  # no name that Python lets a class have
        self.fields["to"] = DayField(label=pgettext_lazy("a day", "To"))
        self.is_used = any(clipped.values())

    def clean(self) -> dict[str, Any]:
        """Refuse a last day before the first."""
        first, last = self.cleaned_data.get("from"), self.cleaned_data.get("to")
        if first and last and last < first:
            self.add_error("to", _("This day is before the first one."))
        return self.cleaned_data

    @property
    def has_days(self) -> bool:
        """Whether days were typed, right or wrong."""
        return bool(self.data.get("from") or self.data.get("to"))

    @property
    def query(self) -> str:
        """What was asked, as the beginning of a query to which a page's number is added; empty for nothing."""
        kept = QueryDict(mutable=True)
        kept.update({name: value for name, value in self.data.items() if value})
        return f"{kept.urlencode()}&" if kept else ""

    def found(self, moment: dt.datetime) -> EventQuerySet:
        """Return the upcoming events that were asked for, soonest first."""
        self.full_clean()
        asked = self.cleaned_data
        events = (
            Event.objects.serving(moment).with_free_places() if asked.get("free") else Event.objects.upcoming(moment)
        )
        for word in asked.get("q", "").split()[:MOST_WORDS]:
            events = events.filter(Q(name__folded__contains=folded(word)) | Q(venue__folded__contains=folded(word)))
        first, last = self._days(moment.astimezone(ZoneInfo(settings.TIME_ZONE)).date())
        if first:
            events = events.filter(starts_at__gte=_midnight(first))
        if last:
            events = events.filter(starts_at__lt=_midnight(last + dt.timedelta(days=1)))
        return events

    def _days(self, today: dt.date) -> tuple[dt.date | None, dt.date | None]:
        """Return the first and the last day: those that were typed, or else what `when` says."""
        typed = self.cleaned_data.get("from"), self.cleaned_data.get("to")
        return typed if any(typed) else days_of(self.cleaned_data.get("when", ""), today)


def days_of(when: str, today: dt.date) -> tuple[dt.date | None, dt.date | None]:
    """Return the first and the last day of today, of this weekend or of this month; none for any other word."""
    if when == "today":
        return today, today
    if when == "weekend":
        sunday = today + dt.timedelta(days=6 - today.weekday())
        return max(today, sunday - dt.timedelta(days=1)), sunday
    if when == "month":
        following = (today.replace(day=1) + dt.timedelta(days=31)).replace(day=1)
        return today, following - dt.timedelta(days=1)
    return None, None


def _midnight(day: dt.date) -> dt.datetime:
    """Return the beginning of a day in the site's zone."""
    return dt.datetime.combine(day, dt.time(), ZoneInfo(settings.TIME_ZONE))
