"""What the staff's status page shows, and what staff are warned of on every page; looked at once for all who ask."""

import datetime as dt
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from django.conf import settings
from django.db import DatabaseError

from .. import cleanup, numbers
from ..models import Event
from ..now import now
from ..numbers import Stats
from ..trust import doctor, runs

T = TypeVar("T")

LASTS = 10  # times SHARED_SECONDS: to look costs a mail server a connection, and the tables a count
MOST_EVENTS = 12


class Kept(Generic[T]):
    """What was found a few seconds ago, of one process."""

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._found: tuple[float, T] | None = None

    def get(self) -> T:
        """Return it; look, if it is too old."""
        with self._lock:
            if self._found is None or time.monotonic() >= self._found[0]:
                found = self._look()
                self._found = time.monotonic() + LASTS * settings.SHARED_SECONDS, found
            return self._found[1]


def _warnings() -> list[str]:
    try:
        if not cleanup.is_overdue():
            return []
        silence = runs.silence_of(runs.Work.CLEANUP, now())
    except DatabaseError:
        return []
    since = f"for {doctor.in_words(silence)}" if silence else "yet"
    return [f"The cleanup has not run {since}. Ended holds and old rows stay until it does; the lines are served."]


findings = Kept(lambda: (doctor.examine(), now()))
warnings = Kept(_warnings)


def on_sale(moment: dt.datetime) -> list[Stats]:
    """Return the numbers of the events that sell now, soonest first."""
    events = numbers.with_line(Event.objects.on_sale(moment).order_by("starts_at", "pk"), moment)
    return [numbers.stats(event, moment) for event in events[:MOST_EVENTS]]
