"""Storing what was uploaded, and creating its events once it is confirmed: all of them, or none."""

from django.db import transaction
from django.utils.translation import gettext as _

from ..models import Event, EventImport, User
from ..now import now
from ..refusals import NotImported
from ..trust import trail
from .files import Row, read
from .rows import check

LONGEST_NAME = 100


def keep(*, content: bytes, file_name: str, user: User) -> EventImport:
    """Store the rows of a file until somebody confirms them. Raises `files.Unreadable`."""
    rows = read(content)
    name = "".join(letter for letter in file_name if letter.isprintable())[:LONGEST_NAME]
    return EventImport.objects.create(by=user, file_name=name, rows=rows)


def rows_of(kept: EventImport) -> list[Row]:
    """Return what was stored."""
    return [(number, cells) for number, cells in kept.rows]


@transaction.atomic
def create_events(*, import_id: int, user: User, may_repeat: bool) -> int:
    """Create the events of an upload as drafts, all or none; return how many. Raises NotImported.

    The upload is locked, so that confirming it twice creates them once; its rows are checked anew, since time passed.
    """
    kept = EventImport.objects.select_for_update().get(pk=import_id, by=user)
    if kept.done_at is not None:
        raise NotImported(_("These events were imported already. Upload the file again to import them once more."))
    checked = check(rows_of(kept), user=user)
    if not checked.is_good:
        raise NotImported(_("Nothing was imported: some rows are not right, as the list says."))
    if checked.repeated and not may_repeat:
        raise NotImported(
            _("Nothing was imported: some events are repetitions. Tick the box to create them once more.")
        )
    for event in Event.objects.bulk_create([event for _number, event in checked.events]):
        trail.record(trail.Action.EVENT_CREATED, event=event.pk, detail=f"Import {kept.pk}")
    kept.done_at = now()
    kept.save(update_fields=["done_at"])
    trail.record(trail.Action.EVENTS_IMPORTED, subject=f"import {kept.pk}", detail=f"{len(checked.events)} events")
    return len(checked.events)
