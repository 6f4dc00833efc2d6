"""Checking rows of a file by the form of events itself, each with what is wrong, where, and what to do."""

import datetime as dt
import re
import zoneinfo
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..exports.cells import harmless
from ..forms.events import EventForm
from ..forms.moments import MomentField, refuse_strange_year
from ..models import Event, User
from ..models.events import time_zones
from .columns import TEXTS
from .files import MORE, Row

MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[ T]+(\d\d?:\d\d(?::\d\d)?)", re.ASCII)
WITH_OFFSET = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)", re.ASCII)
SWITCH = {"yes": True, "true": True, "1": True, "on": True, "no": False, "false": False, "0": False, "off": False}


@dataclass(frozen=True)
class Problem:
    """What is wrong with one cell, or, without a column, with one row."""

    row: int
    column: str
    detail: str


@dataclass(frozen=True)
class Checked:
    """What became of the rows: events that could be stored, with their rows' numbers, or what is wrong."""

    events: list[tuple[int, Event]]
    problems: list[Problem]
    repeated: dict[int, int | None]  # rows of which there is an event (None), or another row before, by its number

    @property
    def is_good(self) -> bool:
        """Whether all can be created."""
        return not self.problems


class CellField(forms.CharField):
    """A moment in a cell: of the row's zone, as `MomentField` reads it, or with an offset, as exports have it."""

    default_error_messages = {
        "required": MomentField.default_error_messages["required"],
        # 05/01 is May here and January there.
        "unclear": gettext_lazy("Write a day and a time, as 2027-05-01 20:00."),
        "invalid": gettext_lazy("There is no such moment: write one as 2027-05-01T20:00+02:00."),
    }

    def to_python(self, value: Any) -> Any:
        """Return the moment; None of an empty cell. Raises ValidationError."""
        text = super().to_python(value)
        if not text:
            return None
        if WITH_OFFSET.fullmatch(text):
            return self._exact(text)
        if found := MOMENT.fullmatch(text):
            return MomentField().clean(list(found.groups()))
        raise ValidationError(self.error_messages["unclear"], code="unclear")

    def _exact(self, text: str) -> dt.datetime:
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError as error:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from error
        refuse_strange_year(moment)
        return moment.astimezone(dt.UTC)


class RowForm(EventForm):
    """An event as a row has it: a draft, of whoever imports it."""

    starts_at = CellField()
    ends_at = CellField(required=False)
    sales_open_at = CellField(required=False)
    sales_close_at = CellField(required=False)
    auto_hold = forms.BooleanField(required=False)

    class Meta(EventForm.Meta):
        fields = (
            "name", "description", "venue", "starts_at", "ends_at", "time_zone", "capacity", "sales_open_at",
            "sales_close_at", "auto_hold", "hold_minutes",
        )  # fmt: skip


def check(rows: list[Row], *, user: User) -> Checked:
    """Return what can be made of these rows, without storing anything."""
    checked = Checked([], [], {})
    for number, cells in rows:
        form, problems = _checked(number, cells, user)
        checked.problems.extend(problems)
        if form and not problems:
            checked.events.append((number, form.instance))
    checked.repeated.update(_repeated(checked.events))
    return checked


def _checked(number: int, cells: dict[str, str], user: User) -> tuple[RowForm | None, list[Problem]]:
    if MORE in cells:  # which of them belongs to which column, nobody knows
        return None, [Problem(number, "", cells[MORE])]
    formula = _("It begins with “%(sign)s”, as a formula does: put a word in front of it.")
    problems = [
        Problem(number, column, formula % {"sign": typed[0]})
        for column in TEXTS
        if harmless(typed := cells.get(column, "").strip()) != typed  # as it is stored, without spaces
    ]
    if (typed := cells.get("auto hold", "").strip().lower()) and typed not in SWITCH:  # to the form it is one or other
        problems.append(Problem(number, "auto hold", _("Write yes or no.")))
    with timezone.override(_zone(cells)):
        form = RowForm(_typed(cells), instance=Event(created_by=user, status=Event.Status.DRAFT))
        errors = form.errors
    told = {problem.column for problem in problems}
    for field, said in errors.items():
        column = "" if field == "__all__" else field.replace("_", " ")
        problems += [Problem(number, column, str(detail)) for detail in said if column not in told]
    return form, problems


def _zone(cells: dict[str, str]) -> dt.tzinfo:
    """Return the zone in which the row's moments are meant; the site's where it names none that is known."""
    name = cells.get("time zone", "").strip()
    return zoneinfo.ZoneInfo(name) if name in time_zones() else timezone.get_default_timezone()


def _typed(cells: dict[str, str]) -> dict[str, Any]:
    """Return a row as the browser would send the form."""
    typed: dict[str, Any] = {column.replace(" ", "_"): cell.strip() for column, cell in cells.items()}
    typed["auto_hold"] = SWITCH.get(typed.get("auto_hold", "").lower(), True)
    return typed


def _repeated(events: list[tuple[int, Event]]) -> dict[int, int | None]:
    """Return the rows of which there is an event of the same name, venue and start, or a row before; one query."""
    names = {event.name for _number, event in events}
    stored = Event.objects.filter(name__in=names).values_list("name", "venue", "starts_at")
    there: dict[Any, int | None] = dict.fromkeys(stored)
    repeated = {}
    for number, event in events:
        key = (event.name, event.venue, event.starts_at)
        if key in there:
            repeated[number] = there[key]
        there.setdefault(key, number)
    return repeated
