"""Who may scan which event (rule 24), and an event's own list of gate staff."""

from django.db.models import Exists, OuterRef, Q

from ..access import may_manage, roles_of
from ..models import GATE_STAFF, Event, EventQuerySet, User

# Who is not active any more stays on it: a list on which nobody else is left must not let the whole group in.
_LISTS = Event.gate_staff.through.objects.filter(event=OuterRef("pk"))


def can_scan(user: User) -> bool:
    """Return whether the gate page is anything for this person."""
    return roles_of(user).can_scan


def scannable_events(user: User) -> EventQuerySet:
    """Return the published events this person may scan, soonest first.

    Their own ones and those that list them; members of the group those that list nobody, too; administrators all.
    """
    events = Event.objects.published().order_by("starts_at", "pk")
    if user.is_superuser:
        return events
    theirs = Q(created_by=user) | Q(Exists(_LISTS.filter(user=user)))
    in_group = User.objects.filter(pk=user.pk, groups__name=GATE_STAFF)
    return events.filter(theirs | Q(Exists(in_group)) & ~Q(Exists(_LISTS)))


def may_scan(pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return which of these `(user id, event id)` may scan: `scannable_events` for many at once, in four queries."""
    users, ids = {user for user, _ in pairs}, {event for _, event in pairs}
    active = User.objects.filter(pk__in=users, is_active=True)
    superusers = dict(active.values_list("pk", "is_superuser"))
    members = set(active.filter(groups__name=GATE_STAFF).values_list("pk", flat=True))
    organizers = dict(Event.objects.published().filter(pk__in=ids).values_list("pk", "created_by"))
    listed = set(Event.gate_staff.through.objects.filter(event__in=ids).values_list("user", "event"))
    own_list = {event for _, event in listed}
    return {
        (user, event)
        for user, event in pairs
        if user in superusers and event in organizers
        if superusers[user]
        or user == organizers[event]
        or (user, event) in listed
        or (user in members and event not in own_list)
    }


def may_undo_any(user: User, event: Event) -> bool:
    """Return whether the person may take back scans of others, and at any time: organizers and administrators."""
    return may_manage(user, event)


def find_person(name: str) -> User | None:
    """Return the active account with this user name or e-mail address, in any case; None if there is none."""
    is_theirs = Q(username__iexact=name) | Q(email__iexact=name)
    return User.objects.filter(is_theirs, is_active=True).first()
