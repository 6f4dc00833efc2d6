"""What a process measures of its own work (Prometheus). No labels but routes, classes, acts and reasons: all bounded.

A process keeps what it measures in its memory; with METRICS_DIR, in files there, so that the processes of one machine,
which share a port, answer for one another (the library's way; the settings tell it so before this is imported).
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

OWN = CollectorRegistry()  # not the library's own, which would have more than is told of here
_QUICK = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)  # seconds

REQUESTS = Histogram(
    "tickets_request_seconds",
    "Time to an answer, by name of route and class of status.",
    ("route", "status"),
    registry=OWN,
    buckets=_QUICK,
)
LOCK_WAITS = Histogram(
    "tickets_lock_wait_seconds", "Waits for the locks of events.", registry=OWN, buckets=(*_QUICK, 10)
)
SERVES = Histogram(
    "tickets_serve_seconds",
    "Transactions that serve events, from the lock to the commit.",
    registry=OWN,
    buckets=(*_QUICK, 10),
)
REFUSALS = Counter(
    "tickets_refusals", "What the allocation refused, by act and reason.", ("act", "reason"), registry=OWN
)
SOCKETS = Gauge("tickets_open_sockets", "Open sockets.", registry=OWN, multiprocess_mode="livesum")
CLOCK_LAG = Gauge(
    "tickets_clock_lag_seconds",
    "How late the clock was done with its last second.",
    registry=OWN,
    multiprocess_mode="livemax",
)
_LIVE = re.compile(r"gauge_live\w+_(\d+)\.db")


@contextmanager
def of_request() -> Iterator[dict[str, str]]:
    """Measure a request; what the block leaves in the dictionary, `route` and `status`, labels it."""
    began, labels = time.perf_counter(), {"route": "none", "status": "5xx"}
    try:
        yield labels
    finally:
        REQUESTS.labels(**labels).observe(time.perf_counter() - began)


def refused(act: str, reason: str) -> None:
    """Count a refusal of the allocation."""
    REFUSALS.labels(act=act, reason=reason).inc()


def collected() -> CollectorRegistry:
    """Return a registry of what is measured: by this process, or by all that share METRICS_DIR."""
    registry = CollectorRegistry()
    if settings.METRICS_DIR:
        _forget_the_dead(Path(settings.METRICS_DIR))
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # -- the library's types are partial
    else:
        registry.register(OWN)
        ProcessCollector(registry=registry)
    return registry


def _forget_the_dead(folder: Path) -> None:
    """Forget the sockets and lags of processes that are gone; what they counted stays counted."""
    for number in {int(found[1]) for file in folder.iterdir() if (found := _LIVE.fullmatch(file.name))}:
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            mark_process_dead(number, str(folder))  # type: ignore[no-untyped-call]  # -- as above
        except PermissionError:
            pass  # it runs, as somebody else
