"""What time leaves behind, tidied: lapsed holds, people who left without a word, old logins and rows.

No rule waits for it: time decides, this only keeps the tables small. It may run in several processes at once: rows that
another one has in hand are skipped.
"""

import datetime as dt
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop as _  # whoever shows them translates them
from post_office.models import STATUS, Email

from . import accounts, allocation, clock, transfer
from .analytics import keeping
from .models import (
    AuditEntry,
    Cause,
    Event,
    EventImport,
    EventQuerySet,
    TicketHold,
    TicketHoldQuerySet,
    TicketTransfer,
    TicketTransferQuerySet,
    UserSession,
    has_line,
)
from .now import now
from .steps import do_all
from .trust import runs, trail

logger = logging.getLogger(__name__)

WITHOUT_SIGN_OF_LIFE = dt.timedelta(hours=24)
BATCH = 500  # rows in one transaction: it must end long before a statement times out (5 s); and files in one run
PICTURES = "events"  # the folder of the pictures of events

OVERDUE = dt.timedelta(minutes=15)  # three cron lines missed

Counts = dict[str, int]


def clean() -> Counts:
    """Do all of it once; return `{what: how many}`.

    A step that fails keeps no other from its work, as long as the database answers; its error is raised at the end.
    """
    moment = now()
    lapsed = TicketHold.objects.lapsed(moment).count()
    is_counted = _keep_figures()
    steps: dict[str, Callable[[], int]] = {
        _("lapsed holds"): lambda: lapsed,
        _("events served"): lambda: clock.tick() + _end_lines(_begun(moment)),
        _("waiting places ended"): lambda: end_places(_absent(moment), cause=Cause.ABSENT),
        _("logins ended"): lambda: _in_batches(_idle(moment), lambda logins: logins.update(is_active=False)),
        _("old logins removed"): lambda: _in_batches(_old_logins(moment), _remove) if is_counted else 0,
        _("old places removed"): lambda: _in_batches(_old_places(moment), _remove) if is_counted else 0,
        _("erasures finished"): _finish_erasures,
        _("old mails removed"): lambda: _in_batches(_old_mails(moment), _remove),
        _("offers ended"): lambda: _in_batches(_void_offers(moment), lambda o: transfer.end_void_offers(o, moment)),
        _("addresses of old offers removed"): lambda: _in_batches(_old_offers(moment), lambda o: o.update(email="")),
        _("old imports removed"): lambda: _in_batches(_old_imports(moment), _remove),
        _("unused pictures removed"): lambda: _remove_files(_unused_pictures(moment)),
        _("expired sessions removed"): lambda: _in_batches(_expired_sessions(moment), _remove),
        _("addresses in the audit trail forgotten"): lambda: _in_batches(
            _old_addresses(moment), trail.forget_addresses
        ),
    }
    done: Counts = do_all(steps)
    runs.note(runs.Work.CLEANUP)
    return done


def count() -> Counts:
    """Return what `clean` would do now, as `{what: how many}`; write nothing."""
    moment = now()
    return {
        "lapsed holds": TicketHold.objects.lapsed(moment).count(),
        "events served": (clock.events_to_serve(moment, moment - clock.LONG_OVER) | _begun(moment)).count(),
        "waiting places ended": _absent(moment).count(),
        "logins ended": _idle(moment).count(),
        "old logins removed": _old_logins(moment).count(),
        "old places removed": _old_places(moment).count(),
        "erasures finished": accounts.half_erased().count(),
        "old mails removed": _old_mails(moment).count(),
        "offers ended": _void_offers(moment).count(),
        "addresses of old offers removed": _old_offers(moment).count(),
        "old imports removed": _old_imports(moment).count(),
        "unused pictures removed": len(_unused_pictures(moment)),
        "expired sessions removed": _expired_sessions(moment).count(),
        "addresses in the audit trail forgotten": _old_addresses(moment).count(),
    }


def _keep_figures() -> bool:
    """Count what the analytics keep; return whether that is done, so that nothing is pruned before it was counted."""
    try:
        return keeping.bring_up_to_date()
    except DatabaseError:
        logger.exception("the figures could not be counted, so that no old place or login is removed")
        return False


def is_overdue() -> bool:
    """Return whether the cleanup has not run for long; where it never did, whether the site is in use for so long."""
    moment = now()
    silence = runs.silence_of(runs.Work.CLEANUP, moment)
    if silence is not None:
        return silence > OVERDUE
    return UserSession.objects.filter(login_timestamp__lte=moment - OVERDUE).exists()


def end_places(places: TicketHoldQuerySet, *, cause: Cause, reason: str = "") -> int:
    """End these places a few hundred at a time; return how many ended.

    Those in line go first, so that nobody among them is held a place only to lose it with the next batch.
    """
    in_turn = places.unended().order_by("event", "-status", "pk")
    ids = list(in_turn.values_list("pk", flat=True))
    batches = (places.filter(pk__in=ids[at : at + BATCH]) for at in range(0, len(ids), BATCH))
    return sum(allocation.end_places(batch, cause=cause, reason=reason) for batch in batches)


def _finish_erasures() -> int:
    people = list(accounts.half_erased())
    for person in people:
        accounts.erase_account(person)
    return len(people)


def _begun(moment: dt.datetime) -> EventQuerySet:
    """Events whose line did not end because nothing ran when they began (rule 11); the clock looks back a day only."""
    return Event.objects.filter(has_line(), starts_at__lte=moment - WITHOUT_SIGN_OF_LIFE)


def _end_lines(events: EventQuerySet) -> int:
    ids = list(events.order_by("pk").values_list("pk", flat=True))
    for event_id in ids:
        allocation.serve(event_id)
    return len(ids)


def _absent(moment: dt.datetime) -> TicketHoldQuerySet:
    """Waiting places of people unseen for 24 hours (rule 14)."""
    since = moment - WITHOUT_SIGN_OF_LIFE
    seen = UserSession.objects.filter(user=OuterRef("user"), last_seen_at__gt=since)
    waiting = TicketHold.objects.waiting().filter(event__starts_at__gt=since)  # others' lines end as a whole
    return waiting.filter(~Exists(seen), created_at__lte=since)  # joining is a sign of life as well


def _idle(moment: dt.datetime) -> QuerySet[UserSession]:
    return UserSession.objects.filter(is_active=True, last_seen_at__lte=moment - WITHOUT_SIGN_OF_LIFE)


def _old_logins(moment: dt.datetime) -> QuerySet[UserSession]:
    """Return logins past their time, those included that only this cleanup ends: nothing retains less than two days."""
    return UserSession.objects.filter(last_seen_at__lte=_retained_since(moment))


def _old_places(moment: dt.datetime) -> TicketHoldQuerySet:
    return TicketHold.objects.filter(ended_at__lte=_retained_since(moment))


def _old_mails(moment: dt.datetime) -> QuerySet[Email]:
    """Return mails that were sent, or given up, long ago."""
    ended = (STATUS.sent, STATUS.failed)
    rows: QuerySet[Email] = Email.objects.filter(status__in=ended, last_updated__lte=_retained_since(moment))
    return rows


def _void_offers(moment: dt.datetime) -> TicketTransferQuerySet:
    """Return offers that time, or what became of their tickets, has ended."""
    unended = TicketTransfer.objects.unended()
    return unended.exclude(pk__in=unended.open(moment).values("pk"))


def _old_offers(moment: dt.datetime) -> TicketTransferQuerySet:
    """Return offers that ended long ago and still say to whom they were made."""
    since = _retained_since(moment)
    return TicketTransfer.objects.filter(Q(accepted_at__lte=since) | Q(ended_at__lte=since)).exclude(email="")


def _old_imports(moment: dt.datetime) -> QuerySet[EventImport]:
    """Return files of events that nobody has confirmed for a day, or that were confirmed."""
    return EventImport.objects.filter(at__lte=moment - WITHOUT_SIGN_OF_LIFE)


def _unused_pictures(moment: dt.datetime) -> list[str]:
    """Return the names of some pictures that no event has; one that is new may be on its way to its event."""
    unused: list[str] = []
    with suppress(FileNotFoundError):  # there is no folder yet, or another cleanup has just removed one
        names = [f"{PICTURES}/{name}" for name in default_storage.listdir(PICTURES)[1]]
        used = set(Event.objects.exclude(image="").values_list("image", flat=True))
        for name in names:
            if len(unused) < BATCH and name not in used:
                is_old = default_storage.get_modified_time(name) <= moment - WITHOUT_SIGN_OF_LIFE
                unused += [name] if is_old else []
    return unused


def _remove_files(names: list[str]) -> int:
    for name in names:
        default_storage.delete(name)
    return len(names)


def _expired_sessions(moment: dt.datetime) -> QuerySet[Session]:
    """Return what Django's `clearsessions` removes."""
    return Session.objects.filter(expire_date__lte=moment)


def _old_addresses(moment: dt.datetime) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(at__lte=_retained_since(moment)).exclude(address="")


def _retained_since(moment: dt.datetime) -> dt.datetime:
    return moment - dt.timedelta(days=settings.RETENTION_DAYS)


def _in_batches(rows: QuerySet[Any], act: Callable[[QuerySet[Any]], int]) -> int:
    """Lock some rows, act on them, commit, until none is left; return how many in all.

    Skipping what is locked keeps two cleanups, and a request that uses one of the rows, out of each other's way.
    """
    done = 0
    while True:
        with transaction.atomic():
            locked = rows.select_for_update(skip_locked=True).order_by("pk")
            ids = list(locked.values_list("pk", flat=True)[:BATCH])
            if not ids:
                return done
            done += act(rows.model._default_manager.filter(pk__in=ids))  # noqa: SLF001 -- Django's documented name


def _remove(rows: QuerySet[Any]) -> int:
    return rows.delete()[0]
