"""Checking rows of a file by the form of events itself, each with what is wrong, where, and what to do."""

import datetime as dt
import re
import zoneinfo
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _

from ..exports.cells import harmless
from ..forms import EventForm, MomentField
from ..models import Event, User
from ..models.events import time_zones
from .columns import TEXTS
from .files import Row

MOMENTS = ("starts at", "ends at", "sales open at", "sales close at")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]+\d\d?:\d\d(:\d\d)?\Z", re.ASCII)
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
    repeated: list[int]  # rows of which there is an event already, or a row before

    @property
    def is_good(self) -> bool:
        """Whether all can be created."""
        return not self.problems


class RowForm(EventForm):
    """An event as a row has it: a draft, of whoever imports it."""

    starts_at = MomentField()
    ends_at = MomentField(required=False)
    sales_open_at = MomentField(required=False)
    sales_close_at = MomentField(required=False)
    auto_hold = forms.BooleanField(required=False)

    class Meta(EventForm.Meta):
        fields = (
            "name", "description", "venue", "starts_at", "ends_at", "time_zone", "capacity", "sales_open_at",
            "sales_close_at", "auto_hold", "hold_minutes",
        )  # fmt: skip


def check(rows: list[Row], *, user: User) -> Checked:
    """Return what can be made of these rows, without storing anything."""
    checked = Checked([], [], [])
    for number, cells in rows:
        form, problems = _checked(number, cells, user)
        checked.problems.extend(problems)
        if not problems:
            checked.events.append((number, form.instance))
    checked.repeated.extend(_repeated(checked.events))
    return checked


def _checked(number: int, cells: dict[str, str], user: User) -> tuple[RowForm, list[Problem]]:
    formula = _("It begins with “%(sign)s”, as a formula does: put a word in front of it.")
    problems = [
        Problem(number, column, formula % {"sign": typed[0]})
        for column in TEXTS
        if harmless(typed := cells.get(column, "").strip()) != typed  # as it is stored, without spaces
    ]
    problems += [Problem(number, column, said) for column, said in _misspelled(cells).items()]
    with timezone.override(_zone(cells)):
        form = RowForm(_typed(cells), instance=Event(created_by=user, status=Event.Status.DRAFT))
        errors = form.errors
    told = {problem.column for problem in problems}
    for field, said in errors.items():
        column = "" if field == "__all__" else field.replace("_", " ")
        problems += [Problem(number, column, str(detail)) for detail in said if column not in told]
    return form, problems


def _misspelled(cells: dict[str, str]) -> dict[str, str]:
    """Return what is wrong, by column, with cells that are of no use to the form: it would say less."""
    wrong = {}
    for column in MOMENTS:
        if (typed := cells.get(column, "").strip()) and not MOMENT.match(typed):
            wrong[column] = _("Write a day and a time, as 2027-05-01 20:00.")  # 05/01 is May here and January there
    if (typed := cells.get("auto hold", "").strip().lower()) and typed not in SWITCH:
        wrong["auto hold"] = _("Write yes or no.")
    return wrong


def _zone(cells: dict[str, str]) -> dt.tzinfo:
    """Return the zone in which the row's moments are meant; the site's where it names none that is known."""
    name = cells.get("time zone", "").strip()
    return zoneinfo.ZoneInfo(name) if name in time_zones() else timezone.get_default_timezone()


def _typed(cells: dict[str, str]) -> dict[str, Any]:
    """Return a row as the browser would send the form."""
    typed: dict[str, Any] = {column.replace(" ", "_"): cell.strip() for column, cell in cells.items()}
    for name in (column.replace(" ", "_") for column in MOMENTS):
        day, _space, time = typed.pop(name, "").replace("T", " ", 1).partition(" ")
        typed |= {f"{name}_0": day, f"{name}_1": time.strip()}
    typed["auto_hold"] = SWITCH.get(typed.get("auto_hold", "").lower(), True)
    return typed


def _repeated(events: list[tuple[int, Event]]) -> list[int]:
    """Return the rows of which there is an event of the same name, venue and start; one query."""
    names = {event.name for _number, event in events}
    stored = Event.objects.filter(name__in=names).values_list("name", "venue", "starts_at")
    there, repeated = set(stored), []
    for number, event in events:
        key = (event.name, event.venue, event.starts_at)
        if key in there:
            repeated.append(number)
        there.add(key)
    return repeated
