"""What was changed of an event: noted for the audit trail, and told in the language of whoever reads it there."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import gettext, override, pgettext
from django.utils.translation import gettext_lazy as _

from .models import Event

Change = dict[str, Any]  # ready for JSON
UNTOLD = ("description", "created_by")  # a long text; and a person, who must not live on here once erased
LABELS = {
    "name": _("Name"), "venue": _("Venue"), "description": _("Description"), "image": _("Picture"),
    "time_zone": _("Time zone"), "capacity": _("Capacity"),
    "starts_at": _("Starts"), "ends_at": _("Ends"),
    "sales_open_at": _("Sale opens"), "sales_close_at": _("Sale closes"),
    "auto_hold": _("Hold a place for everybody who logs in, while there are any"),
    "hold_minutes": _("Minutes that a place is held"), "line_policy": _("Order of the line"),
    "created_by": _("Created by"), "status": _("Status"),
    "tier_shares": _("Shares of those who are served first"),
}  # fmt: skip
CHOICES = dict([*Event.LinePolicy.choices, *Event.Status.choices])
PICTURES = {(False, True): _("added"), (True, True): _("replaced"), (True, False): _("removed")}


@dataclass(frozen=True)
class Told:
    """A change in words; `was` is empty where what it became says it all."""

    label: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.label}: {self.was} → {self.now}" if self.was else f"{self.label}: {self.now}"


def between(before: Event, after: Event, names: Iterable[str]) -> list[Change]:
    """Return what `field` each of these is, what it `was` and is `now`; nothing but the field of what is not told.

    A moment is `{"at", "zone"}`, with the event's zone; of a picture it is kept whether there is one.
    """
    return [{"field": name, **({} if name in UNTOLD else _values(before, after, name))} for name in names]


def _values(before: Event, after: Event, name: str) -> dict[str, Any]:
    return {"was": _kept(before, name), "now": _kept(after, name)}


def _kept(event: Event, name: str) -> Any:
    value = getattr(event, name)
    if name == "image":
        return bool(value)
    if isinstance(value, dt.datetime):
        return {"at": value.astimezone(dt.UTC).isoformat(), "zone": event.zone}
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def tell(changes: Iterable[Change]) -> list[Told]:
    """Return changes in words, as the form calls them, each moment in the zone that the event had."""
    return [_tell(**change) for change in changes]


def in_english(changes: Iterable[Change]) -> str:
    """Return the same as the trail keeps it, in the site's own language."""
    with override(settings.LANGUAGE_CODE):
        return "; ".join(map(str, tell(changes)))


def _tell(field: str, was: Any = None, now: Any = None) -> Told:
    label = str(LABELS.get(field, field))
    if field in UNTOLD:
        return Told(label, "", gettext("changed"))
    if field == "image":
        return Told(label, "", str(PICTURES.get((was, now), gettext("changed"))))
    return Told(label, "" if isinstance(now, bool) else _value(field, was), _value(field, now))


def is_now(event: Event, name: str) -> str:
    """Return the value of an event's field in words, as the history tells it; of one that is not told, nothing."""
    return "" if name in UNTOLD else _value(name, _kept(event, name))


def _value(field: str, value: Any) -> str:
    match field, value:
        case "time_zone", "":
            return gettext("{zone} (this site's)").format(zone=settings.TIME_ZONE)
        case "capacity" | "hold_minutes", int() | str():
            return number_format(Decimal(value))
        case "line_policy" | "status", str():
            return str(CHOICES.get(value, value))
        case _, {"at": at, "zone": zone}:
            return Event(time_zone=zone).local(dt.datetime.fromisoformat(at))
        case "tier_shares", {**shares} if shares:
            return "; ".join(f"{group} {percent}%" for group, percent in shares.items())
    if isinstance(value, bool):
        value = pgettext("a box", "ticked") if value else pgettext("a box", "unticked")
    return str(value) if value else pgettext("in the place of a value", "none")
