"""Who may manage what, and what a person is to the site."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from . import prepared
from .models import GATE_STAFF, ORGANIZERS, Event, User


def may_manage(user: Any, event: Event) -> bool:
    """Return whether the person organizes this event or administers the site; nobody who is not logged in does."""
    return bool(user.is_superuser or event.created_by_id == user.pk)


@dataclass(frozen=True)
class Roles:
    """What a person is to the site, but for their own tickets."""

    has_events: bool
    is_organizer: bool
    is_gate_staff: bool
    is_listed: bool  # at the gate of an event

    @property
    def can_scan(self) -> bool:
        """Whether the gate page is anything for them."""
        return self.has_events or self.is_gate_staff or self.is_listed

    @property
    def can_organize(self) -> bool:
        """Whether the organizers' pages are: who has events keeps them without being in the group any more."""
        return self.has_events or self.is_organizer

    @property
    def can_create(self) -> bool:
        """Whether they may make events."""
        return self.is_organizer


ADMINISTRATOR = Roles(has_events=True, is_organizer=True, is_gate_staff=True, is_listed=True)
NOBODY = Roles(has_events=False, is_organizer=False, is_gate_staff=False, is_listed=False)


def _is_in(group: str) -> Exists:
    return Exists(User.groups.through.objects.filter(user=OuterRef("pk"), group__name=group))


def _ask() -> QuerySet[Any, Any]:
    organizes = Exists(Event.objects.filter(created_by=OuterRef("pk")))
    is_listed = Exists(Event.gate_staff.through.objects.filter(user=OuterRef("pk")))
    roles = {"a": organizes, "b": _is_in(ORGANIZERS), "c": _is_in(GATE_STAFF), "d": is_listed}
    people = User.objects.filter(pk=prepared.number("user")).annotate(**roles)
    return people.values_list(*roles)


_roles = prepared.Rows(_ask)  # every page with a navigation asks


def roles_of(user: Any) -> Roles:
    """Return what a person is to the site, in one query; administrators may all."""
    if not user.is_authenticated:
        return NOBODY
    if user.is_superuser:
        return ADMINISTRATOR
    found = _roles(user=user.pk)
    return Roles(*map(bool, found[0])) if found else NOBODY
