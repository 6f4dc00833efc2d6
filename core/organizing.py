"""What organizers do to their events: make, change, copy, publish, cancel, delete; each in the audit trail.

What it comes to is decided in `steering.py`, who may by the caller.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from . import changes, steering
from .acts import Act
from .locking import again_after_conflict
from .models import Announcement, Event, Scan, User
from .now import now
from .numbers import with_line
from .refusals import EventCancelled, EventInUse, Overtaken
from .trust import trail

COPIED = (
    "description", "venue", "starts_at", "ends_at", "time_zone", "capacity", "image", "sales_open_at",
    "sales_close_at", "auto_hold", "hold_minutes", "line_policy", "tier_shares",
)  # fmt: skip
LONGEST_NAME = 200  # as the model has it
LONGEST_EVENT = dt.timedelta(hours=12)  # that has no end
GROUPS = (_("To come and going on"), _("Drafts"), _("Over and cancelled"))  # of a list, in this order
Action = trail.Action


def events_of(user: User) -> QuerySet[Event]:
    """Return a person's events with their lines, counted in the same query; of administrators: all.

    They are in the order of `GROUPS`, whose number is `group`; the soonest first, of those that are over the latest.
    """
    moment, status = now(), Event.Status
    events = Event.objects.all() if user.is_superuser else Event.objects.filter(created_by=user)
    lasts = Q(until__gt=moment, status=status.PUBLISHED)
    groups = Case(When(lasts, then=0), When(status=status.DRAFT, then=1), default=2, output_field=IntegerField())
    grouped = events.annotate(until=Coalesce("ends_at", F("starts_at") + Value(LONGEST_EVENT))).annotate(group=groups)
    soonest = Case(When(group__lt=2, then=F("starts_at")))
    ordered = grouped.select_related("created_by").order_by("group", soonest.asc(), "-starts_at", "-pk")
    return with_line(ordered, moment)


def create(event: Event, *, by: User) -> Event:
    """Store a new event as a draft of whoever makes it."""
    event.created_by, event.status = by, Event.Status.DRAFT
    return _store(event, "")


def copy(event: Event, *, by: User) -> Event:
    """Store a draft like an event, with its dates, and nothing of its line; it belongs to whoever copies."""
    ending = gettext("(copy)")
    name = f"{event.name[: LONGEST_NAME - len(ending) - 1]} {ending}"
    like = {field: getattr(event, field) for field in COPIED}
    copied = Event(name=name, created_by=by, status=Event.Status.DRAFT, **like)
    return _store(copied, f"Copy of event {event.pk}")


def _store(event: Event, detail: str) -> Event:
    with transaction.atomic():
        event.save()
        trail.record(Action.EVENT_CREATED, event=event.pk, detail=detail)
    return event


@again_after_conflict
def revise(*, event_id: int, values: dict[str, Any], seen: Event | None = None) -> bool:
    """Change an event; return False, and do nothing, if nothing is changed.

    Raises what `change` does, and EventCancelled: what was called off stays on record as it was (rule 19).
    """
    with transaction.atomic():
        if Event.objects.select_for_update(no_key=True).get(pk=event_id).status == Event.Status.CANCELLED:
            raise EventCancelled
        changed = change(event_id=event_id, values=values, seen=seen)
        if changed:
            told = changes.in_english(changed)
            trail.record(Action.EVENT_CHANGED, event=event_id, detail=told, changes=changed)
    return bool(changed)


def change(*, event_id: int, values: dict[str, Any], seen: Event | None = None) -> list[changes.Change]:
    """Change an event within the caller's transaction; return what was changed, for its history, which the caller has.

    `seen` is the event as it was when that was decided. Raises Overtaken where one of these fields has changed since,
    and what `revise_event` refuses.
    """
    # Locked first: what a field was must be what this change meets, not what a colleague has changed meanwhile.
    before = Event.objects.select_for_update(no_key=True).get(pk=event_id)
    changed = {name: value for name, value in values.items() if value != getattr(before, name)}
    if not changed:
        return []
    if seen and any(getattr(before, name) != getattr(seen, name) for name in changed):
        raise Overtaken
    steering.revise_event(event_id=event_id, values=changed)
    return changes.between(before, Event.objects.get(pk=event_id), changed)


@again_after_conflict
def publish(*, event_id: int) -> bool:
    """Show a draft to everybody; return False if that was so before. Raises NotReady and EventCancelled."""
    with transaction.atomic():
        is_change = steering.publish_event(event_id=event_id)
        if is_change:
            trail.record(Action.EVENT_PUBLISHED, event=event_id)
    return is_change


@again_after_conflict
def cancel(*, event_id: int, reason: str, told: str = "") -> bool:
    """Cancel an event (rule 19); return False if it was cancelled before.

    The `reason` is for its history alone, what is `told` for the people whom it concerns.
    """
    with transaction.atomic():
        is_change = steering.cancel_event(event_id=event_id, told=told)
        if is_change:
            trail.record(Action.EVENT_CANCELLED, event=event_id, detail=reason)
    return is_change


@again_after_conflict
def delete(*, event_id: int) -> None:
    """Delete a draft of which nobody ever had anything, with its drafts of messages; again, nothing changes.

    Raises EventInUse.
    """
    with transaction.atomic():
        event = Event.objects.select_for_update().filter(pk=event_id).first()
        if event is None:
            return
        if not is_deletable(event):
            raise EventInUse(
                gettext("Only a draft that was never sold, joined or announced can be deleted. Cancel it instead.")
            )
        Announcement.objects.filter(event=event).delete()
        trail.record(Action.EVENT_DELETED, event=event_id, detail=event.name)
        event.delete()


def is_deletable(event: Event) -> bool:
    """Return whether an event is a draft, and never sold, was joined or announced: nothing has to stay on record."""
    if event.status != Event.Status.DRAFT:
        return False
    told = Announcement.objects.filter(event=event, begin_at__isnull=False)
    records = (event.places, event.tickets, event.ledger, event.figures, Scan.objects.filter(event=event), told)
    return not any(rows.exists() for rows in records)


@again_after_conflict
def carry_out(
    act: Act, event: Event, typed: dict[str, Any], *, note: Callable[[str], object] | None = None
) -> tuple[str, bool]:
    """Pause or resume serving, or extend holds; return what is told, and whether anything was done.

    It is entered in the audit trail in the same transaction, by `note` where that goes another way: the administration
    has a history of its own, which the trail tells. Raises EventCancelled.
    """
    with transaction.atomic():
        told, noted = act.carry_out(event, typed)
        if noted and note:
            note(noted)
        elif noted:
            trail.record(Action.SERVING_CHANGED, event=event.pk, detail=noted)
    return told, bool(noted)
