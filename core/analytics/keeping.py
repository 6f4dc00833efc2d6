"""Keeping figures by the hour, before the rows they were counted from are pruned; and proving them against rows.

An hour is counted when it is over for good, once. Until then, and where the cleanup does not run, whoever looks counts
the rows. `LastRun` of the figures says up to which hour they are kept.
"""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Min, Q
from django.db.models.functions import TruncHour

from ..models import HourlyFigures, LastRun, Ticket, TicketHold, UserSession
from ..now import now
from . import rows
from .peaks import peaks
from .rows import Within

HOUR = dt.timedelta(hours=1)
FINAL_AFTER = dt.timedelta(minutes=10)  # no transaction that read its moment within the hour is still open
CHUNK = dt.timedelta(days=7)  # counted in one transaction: a statement must not time out (5 s)
BATCH = 1000

Key = tuple[int | None, dt.datetime, str, str]  # event, hour, kind, part
Counted = dict[Key, tuple[int, dt.timedelta | None]]


@dataclass(frozen=True)
class Difference:
    """A figure that its rows do not bear out."""

    key: Key
    kept: int
    counted: int

    def __str__(self) -> str:
        event, hour, kind, part = self.key
        what = f"{kind} {part}".strip()
        return f"event {event}, hour from {hour:%Y-%m-%d %H:%M}: {what} is {self.kept}, the rows say {self.counted}"


def kept_until() -> dt.datetime | None:
    """Return the end of the last hour that is kept; None before the first time."""
    return LastRun.objects.filter(work=LastRun.Work.FIGURES).values_list("at", flat=True).first()


def bring_up_to_date() -> bool:
    """Count every hour that is over and not kept yet; return False where another process is at it already.

    Call it outside of any transaction that books: it reads the rows of hours past, and locks its own mark alone.
    """
    until = hour_of(now() - FINAL_AFTER)
    if kept_until() is None:
        LastRun.objects.get_or_create(work=LastRun.Work.FIGURES, defaults={"at": _first_hour() or until})
    while (kept := _keep_some(until)) is not None and kept < until:
        pass
    return kept is not None


def hour_of(moment: dt.datetime) -> dt.datetime:
    """Return the full hour of UTC in which a moment is."""
    return moment.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)


def by_hour(at: str) -> TruncHour:
    """Return the hour of UTC of a moment, as an expression."""
    return TruncHour(at, tzinfo=dt.UTC)


@transaction.atomic
def _keep_some(until: dt.datetime) -> dt.datetime | None:
    """Count up to a week of hours; return up to when they are kept, None where another process has them in hand."""
    mark = _mark_in_hand()
    if mark is None:
        return None
    if mark.at >= until:
        return mark.at
    since, end = mark.at, min(mark.at + CHUNK, until)
    # Whatever is there by a run of which the mark was lost, is counted anew.
    HourlyFigures.objects.filter(hour__gte=since, hour__lt=end).delete()
    counted = _count(since, end).items()
    fresh = [
        HourlyFigures(event_id=event, hour=hour, kind=kind, part=part, count=count, total=total)
        for (event, hour, kind, part), (count, total) in counted
    ]
    HourlyFigures.objects.bulk_create(fresh, batch_size=BATCH)
    LastRun.objects.filter(pk=mark.pk).update(at=end)
    return end


def _mark_in_hand() -> LastRun | None:
    return LastRun.objects.select_for_update(skip_locked=True).filter(work=LastRun.Work.FIGURES).first()


def _first_hour() -> dt.datetime | None:
    firsts = (
        TicketHold.objects.aggregate(at=Min("created_at")),
        Ticket.objects.aggregate(at=Min("booked_at")),
        UserSession.objects.aggregate(at=Min("login_timestamp")),
    )
    return min((hour_of(first["at"]) for first in firsts if first["at"]), default=None)


def _count(since: dt.datetime, until: dt.datetime) -> Counted:
    """Return the figures of these hours, from the rows."""
    counted: Counted = {}
    within = Within(Q(), since, until)
    found = rows.flows(within, by_hour, by_event=True)
    for kind, part, hour, count, total, event in found:
        before, length = counted.get((event, hour, kind, part), (0, None))
        counted[event, hour, kind, part] = before + count, total if length is None else length + (total or length * 0)
    for event, hour, depth in peaks(within, by_hour):
        counted[event, hour, HourlyFigures.Kind.PEAK, ""] = (depth, None)
    return counted


def differences() -> list[Difference]:
    """Return where kept figures and rows differ, of all hours of which no row can have been pruned.

    Logins of erased accounts are forgotten, so that there may be fewer of them.
    """
    until = kept_until()
    since = hour_of(now() - dt.timedelta(days=settings.RETENTION_DAYS)) + HOUR
    found: list[Difference] = []
    while until is not None and since < until:
        found += _differences(since, end := min(since + CHUNK, until))
        since = end
    return found


def _differences(since: dt.datetime, until: dt.datetime) -> list[Difference]:
    counted = {key: count for key, (count, _) in _count(since, until).items()}
    stored = HourlyFigures.objects.filter(hour__gte=since, hour__lt=until)
    figures = stored.values_list("event", "hour", "kind", "part", "count")
    kept: dict[Key, int] = {(event, hour, kind, part): count for event, hour, kind, part, count in figures}
    found = [Difference(key, kept.get(key, 0), counted.get(key, 0)) for key in kept.keys() | counted.keys()]
    return sorted((one for one in found if _differs(one)), key=str)


def _differs(one: Difference) -> bool:
    if one.key[2] == HourlyFigures.Kind.LOGINS:
        return one.kept < one.counted
    return one.kept != one.counted
