"""Figures that are read from the database for Prometheus: in as many queries with one event as with a hundred."""

import datetime as dt
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Min
from post_office.models import STATUS, Email
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .. import numbers
from ..mail_rows import GIVEN_UP, WAITING
from ..models import Event, LastRun, Ticket
from ..now import now

MOST_EVENTS = 100  # the soonest: each has a handful of series
NUMBERS = ("capacity", "booked", "held", "waiting")

_lock = threading.Lock()
_kept: tuple[float, list[Metric]] = (0.0, [])  # until when (monotonic)


class Figures(Collector):
    """The collector that a registry asks; a second old at most, however many ask."""

    def collect(self) -> Iterable[Metric]:
        """Return the figures; without a database, that it is away."""
        global _kept  # noqa: PLW0603 -- of the process, as registries are made for each answer
        with _lock:
            until, found = _kept
            if time.monotonic() >= until:
                found = _read_all()
                _kept = time.monotonic() + settings.SHARED_SECONDS, found
        return found


def _read_all() -> list[Metric]:
    try:
        moment = now()
        found = [*_of_events(moment), *_of_mail(moment), *_of_work(moment)]
    except DatabaseError:
        return [_gauge("tickets_database_up", "Whether the database answers.", 0)]
    return [*found, _gauge("tickets_database_up", "Whether the database answers.", 1)]


def _gauge(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(name, said, value=value)


def _of_events(moment: dt.datetime) -> Iterator[Metric]:
    """Yield the numbers of published events that have not started, by id; names apart, as they may change."""
    shown = Event.objects.filter(status=Event.Status.PUBLISHED, starts_at__gt=moment)
    events = numbers.with_line(shown.order_by("starts_at", "pk"), moment)[:MOST_EVENTS]
    names = GaugeMetricFamily("tickets_event_info", "The name of an event, by id.", labels=("event", "name"))
    series = {
        name: GaugeMetricFamily(f"tickets_event_{name}", f"Of an event by id: {name}.", labels=("event",))
        for name in NUMBERS
    }
    for event in events:
        stats: Any = numbers.stats(event, moment)
        names.add_metric((str(event.pk), event.name), 1)
        for name, family in series.items():
            family.add_metric((str(event.pk),), stats[name])
    yield names
    yield from series.values()


def _of_mail(moment: dt.datetime) -> Iterator[Metric]:
    found = Email.objects.filter(status__in=(STATUS.queued, STATUS.requeued, STATUS.failed)).aggregate(
        queued=Count("pk", filter=WAITING),
        failed=Count("pk", filter=GIVEN_UP),
        oldest=Min("created", filter=WAITING),
    )
    yield _gauge("tickets_mail_queue_length", "Mails that wait to be sent.", found["queued"])
    # Confirmations are written by the one who sends them: where it stands still, no mail of theirs is there to wait.
    unwritten = Ticket.objects.valid().filter(mailed_at=None).aggregate(oldest=Min("booked_at"))
    since = min(filter(None, (found["oldest"], unwritten["oldest"])), default=moment)
    said = "Age of the oldest mail that waits, tried or not, written or not."
    yield _gauge("tickets_mail_queue_age_seconds", said, max(0, (moment - since).total_seconds()))
    yield _gauge("tickets_mails_failed", "Mails that were given up, of those on record.", found["failed"])


def _of_work(moment: dt.datetime) -> Iterator[Metric]:
    """Yield how long ago the clock, the cleanup and the mail worker ran; no sample where one never did."""
    since = GaugeMetricFamily("tickets_seconds_since", "Seconds since some work was last done.", labels=("work",))
    for work, at in LastRun.objects.values_list("work", "at"):
        since.add_metric((work,), max(0, (moment - at).total_seconds()))
    yield since
