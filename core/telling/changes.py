"""What is announced to everybody concerned when staff change or cancel an event; stored with the change itself."""

import datetime as dt
from typing import Any

from ..models import Announcement, Event

CALM = dt.timedelta(minutes=1)  # in which a second change, a slip put right, becomes part of the same mail
TOLD = ("starts_at", "venue")

Kind = Announcement.Kind


def facts_of(event: Event) -> dict[str, Any]:
    """Return what people are told of when it changes, ready for JSON."""
    return {"starts_at": event.starts_at.isoformat(), "venue": event.venue, "status": event.status}


def announce_revision(event: Event, before: dict[str, Any], moment: dt.datetime, told: str) -> None:
    """Store what is to be told of a revision of a locked event, of which `before` are the facts as they were.

    What staff want to be `told` stands in the mail if the event is cancelled by it.
    """
    after = facts_of(event)
    was, status = before["status"], Event.Status
    if event.status == status.CANCELLED:
        if was == status.PUBLISHED:
            _begun_no_more(event)
            made = {"text": told, "created_at": moment, "begin_at": moment}
            Announcement.objects.create(event=event, kind=Kind.CANCELLED, **made)
    elif event.status == status.PUBLISHED and was != status.DRAFT and not event.is_over(moment):
        _announce_change(event, before, after, moment)


def _announce_change(event: Event, before: dict[str, Any], after: dict[str, Any], moment: dt.datetime) -> None:
    pending = _waiting(event).first()
    was = {**before, **(pending.facts if pending else {})}  # of two changes, what was before the first
    changed = {name: was[name] for name in (*TOLD, "status") if was[name] != after[name]}
    if pending is not None:
        pending.facts, pending.begin_at = changed, moment + CALM
        if changed:
            pending.save(update_fields=["facts", "begin_at"])
        else:
            pending.delete()
    elif changed:
        made = {"facts": changed, "created_at": moment, "begin_at": moment + CALM}
        Announcement.objects.create(event=event, kind=Kind.CHANGED, **made)


def _begun_no_more(event: Event) -> None:
    """Take back a change that nobody was told of yet: the event is cancelled."""
    _waiting(event).delete()


def _waiting(event: Event) -> Any:
    """Return the change that is to be told and of which nobody was, locked: a worker may begin just now."""
    waiting = Announcement.objects.filter(event=event, kind=Kind.CHANGED, finished_at=None, reached=0)
    return waiting.select_for_update(no_key=True)
