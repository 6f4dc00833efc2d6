"""The form of an event as its organizer fills it in: times are typed in the event's own time zone."""

import datetime as dt
from functools import cache, cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.choices import flatten_choices
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .changes import LABELS
from .forms.events import EventForm
from .forms.moments import MomentField
from .forms.reasons import ReasonField
from .models import Event
from .own_words import OwnWords
from .pictures import TOO_LARGE, UNREADABLE, PictureInput

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MOMENTS = ("starts_at", "ends_at", "sales_open_at", "sales_close_at")
PARTS: "list[tuple[StrOrPromise, list[str]]]" = [
    (_("The event"), ["name", "venue", "description", "image"]),
    (_("When"), ["time_zone", "starts_at", "ends_at"]),
    (_("Tickets"), ["capacity", "sales_open_at", "sales_close_at", "auto_hold", "hold_minutes"]),
]
ZONE_HELP = _(
    "All times on this page are of this zone, and everybody sees them in it. If you choose another one, the times stay"
    " as they are written, and are times there."
)
MAX_TOLD = 1000  # characters

COMMON = (
    "Europe/London", "Europe/Paris", "Europe/Berlin", "Europe/Madrid", "Europe/Istanbul", "Africa/Lagos",
    "Africa/Johannesburg", "Asia/Dubai", "Asia/Kolkata", "Asia/Singapore", "Asia/Shanghai", "Asia/Tokyo",
    "Australia/Sydney", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
    "America/Sao_Paulo",
)  # fmt: skip


@cache
def zones() -> "list[tuple[StrOrPromise, Any]]":
    """Return the time zones to choose from: the site's own, UTC, those that many live in, then all places by region.

    Each begins with its place, which is what a browser finds when its first letters are typed.
    """
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    regions = groupby(names, key=lambda name: name.partition("/")[0])
    by_region = [(region, [(name, _place_of(name)) for name in of_it]) for region, of_it in regions]
    common = [(name, f"{_place_of(name)} ({name.partition('/')[0]})") for name in COMMON]
    of_site = format_lazy(_("{zone} (this site's)"), zone=settings.TIME_ZONE)
    return [("", of_site), ("UTC", "UTC"), (_("Common"), common), *by_region]


def _place_of(zone: str) -> str:
    *around, place = zone.replace("_", " ").split("/")[1:]
    return f"{place}, {around[0]}" if around else place


def is_twice(moment: dt.datetime, zone: str) -> bool:
    """Return whether the clocks of a zone show what they show at a moment twice, as in autumn."""
    local = moment.astimezone(ZoneInfo(zone))
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


class _Minutes:
    """Moments to the minute. One that was never typed, as that of an opening, is not changed by being shown."""

    def decompress(self, value: Any) -> Any:
        """Return the day and the time."""
        parts: Any = super().decompress(value)  # type: ignore[misc]  # -- a mixin
        return [parts[0], parts[1].replace(second=0)] if parts[1] else parts


class MomentInput(_Minutes, forms.SplitDateTimeWidget):
    """A day and a time, each with the browser's own picker."""

    def __init__(self) -> None:
        days: dict[str, Any] = {"type": "date", "aria-label": _("Day"), "class": "input"}
        times: dict[str, Any] = {"type": "time", "aria-label": _("Time"), "class": "input"}
        super().__init__(date_attrs=days, time_attrs=times, date_format="%Y-%m-%d", time_format="%H:%M")


class HiddenMoment(_Minutes, forms.SplitHiddenDateTimeWidget):
    """The same, hidden."""

    def __init__(self) -> None:
        super().__init__(date_format="%Y-%m-%d", time_format="%H:%M")


class ShownMomentField(MomentField):
    """A moment, as the organizer's form has it."""

    widget = MomentInput
    hidden_widget = HiddenMoment


class OrganizerForm(EventForm):
    """An event but for its status, which has buttons of its own, and its organizer: whoever makes it."""

    required_css_class = "required"

    class Meta(EventForm.Meta):
        fields: tuple[str, ...] = (
            "name", "venue", "description", "image", "time_zone", "starts_at", "ends_at", "capacity", "sales_open_at",
            "sales_close_at", "auto_hold", "hold_minutes", "line_policy",
        )  # fmt: skip
        field_classes: dict[str, type[forms.Field]] = {
            **EventForm.Meta.field_classes,
            **dict.fromkeys(MOMENTS, ShownMomentField),
        }
        widgets = {"image": PictureInput}
        labels = LABELS
        help_texts: dict[str, Any] = {
            **EventForm.Meta.help_texts,
            "time_zone": ZONE_HELP,
            "auto_hold": "",
            "image": _(
                "A PNG, JPEG, WebP or GIF file of at most 6 MB and 40 million pixels. It is stored anew, without"
                " where it was taken."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].widget = self._zone_select()
        self.fields["description"].widget.attrs["rows"] = 6
        self.fields["image"].widget.attrs |= {
            "accept": "image/png,image/jpeg,image/webp,image/gif",
            "data-most-bytes": str(settings.FILE_UPLOAD_MAX_MEMORY_SIZE),
            "data-too-large": TOO_LARGE,
            "data-unreadable": UNREADABLE,
        }
        for name in MOMENTS:
            if moment := getattr(self.instance, name):
                self.initial[name] = timezone.make_naive(moment, ZoneInfo(self.instance.zone))
                self._explain(name, moment)

    def parts(self) -> "list[tuple[StrOrPromise, list[forms.BoundField]]]":
        """Return the fields as the page groups them, each group below its heading."""
        line = [name for name in ("line_policy", *self.shares) if name in self.fields]
        groups = [*PARTS, (_("The line"), line)] if line else PARTS
        return [(title, [self[name] for name in names]) for title, names in groups]

    def _zone_select(self) -> forms.Select:
        stored = self.instance.time_zone
        choices = zones()
        offered: dict[str, str] = dict(flatten_choices(choices))  # type: ignore[arg-type]  # -- of lazy names
        if stored not in offered:
            choices = [*choices, (stored, stored)]
        return forms.Select(choices=choices)

    def _explain(self, name: str, moment: dt.datetime) -> None:
        """Say which of two it is, where the clocks show a moment twice."""
        if is_twice(moment, self.instance.zone):
            told = gettext("This time comes twice on that night. It means %(moment)s.")
            self.fields[name].help_text = told % {"moment": self.instance.local(moment)}

    @property
    def typed_zone(self) -> str:
        """The zone in which the times are meant: the one that is chosen, if it is one."""
        typed = str(self.data.get(self.add_prefix("time_zone"), "")) if self.is_bound else self.instance.time_zone
        is_known = not typed or typed in available_timezones()
        return (typed if is_known else self.instance.time_zone) or settings.TIME_ZONE

    def full_clean(self) -> None:
        """Read what was typed, in the zone that was chosen."""
        with timezone.override(self.typed_zone):
            super().full_clean()

    @cached_property
    def changed_data(self) -> list[str]:
        """What was changed: with the zone, all moments, for the same words mean others then."""
        changed = [name for name, field in self._bound_items() if field._has_changed()]  # type: ignore[attr-defined]  # noqa: SLF001 -- as Django's own does
        if "time_zone" in changed:
            changed += [name for name in MOMENTS if name not in changed]
        return changed

    def decided_with(self, changed: list[str]) -> set[str]:
        """Return the zone, where a moment was changed: it is a time there; in another one, all moments are others."""
        if not set(MOMENTS) & set(changed):
            return set()
        shown = self.data.get(self.add_initial_prefix("time_zone"), self.stored.time_zone)
        return {"time_zone", *(MOMENTS if shown != self.stored.time_zone else ())}

    def notes(self) -> list[str]:
        """Return what is to be known of what was typed, though it is right."""
        zone = self.typed_zone
        found = {name: self.cleaned_data.get(name) for name in MOMENTS if name in self.changed_data}
        twice = gettext(
            "%(label)s: on that night the clocks show %(time)s twice in %(zone)s. It means the first time (%(name)s)."
        )
        return [
            twice % {"label": self.fields[name].label, "zone": zone, **_told(moment, zone)}
            for name, moment in found.items()
            if moment and is_twice(moment, zone)
        ]


def _told(moment: dt.datetime, zone: str) -> dict[str, str]:
    local = moment.astimezone(ZoneInfo(zone))
    return {"time": f"{local:%H:%M}", "name": f"{local:%Z}"}


class FrozenForm(OrganizerForm):
    """The same when people rely on the terms of the line: these are read."""

    class Meta(OrganizerForm.Meta):
        fields = OrganizerForm.Meta.fields[:-1]


class CancelForm(OwnWords, forms.Form):
    """Why an event is cancelled, for its history and for whom it concerns, and its name, typed: no slip cancels it."""

    reason = ReasonField(
        help_text=_("It is kept in the event's history, which you and administrators can read."),
        error_messages={"required": _("Give a reason: it is kept in the event's history.")},
    )
    told = forms.CharField(
        label=_("What people are told"),
        required=False,
        max_length=MAX_TOLD,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_(
            "Everybody who has a ticket, holds a place or waits reads it in the mail: why, and what becomes of"
            " what they paid, say. Plain text."
        ),
    )
    name = forms.CharField(
        label=_("The event's name"),
        max_length=200,
        error_messages={"required": _("Type the event's name to confirm.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, event: Event) -> None:
        super().__init__(data, auto_id="cancel_%s")
        self.event = event

    def clean_name(self) -> str:
        """Refuse another name; spaces and capitals are forgiven."""
        typed: str = self.cleaned_data["name"]
        if _plain(typed) != _plain(self.event.name):
            raise ValidationError(gettext("This is not the event's name. Type it as it is shown above."))
        return typed


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
