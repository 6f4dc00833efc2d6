"""Once a second, in every process that serves pages: serve the events that have something to do (rule 2)."""

import asyncio
import datetime as dt
import itertools
import logging
import time
from contextvars import Context
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connections
from django.db.models import F, Q, QuerySet

from . import allocation, hub, limits, mailing, prepared
from .models import Event, EventQuerySet, TicketHold, has_line
from .now import now
from .operations import measures
from .push import sending
from .trust import runs

logger = logging.getLogger(__name__)

NOTED = 30  # seconds between two notes that it runs
LONG_OVER = dt.timedelta(days=1)  # since an event started: nothing is left to do

_running: tuple[asyncio.AbstractEventLoop, hub.Hub, list[asyncio.Task[None]]] | None = None


def events_to_serve(moment: Any, long_over: Any) -> EventQuerySet:
    """Return the events with something to do at `moment`: a lapsed hold, a free place and a line, an opening.

    And a line to end, unless the event began before `long_over`; and what only the ledger waits for: somebody who
    joined, a draw that is to be announced. Every path that frees a place serves the event itself; this finds what was
    forgotten, and what time alone brings.
    """
    room = Q(capacity__gt=F("held") + F("booked"))
    upcoming = Q(status=Event.Status.PUBLISHED, starts_at__gt=moment)
    to_draw = Q(line_policy=Event.LinePolicy.RANDOMISED_OPEN, sales_open_at__gt=moment, ledger_seq=0)
    due = Event.objects.filter(starts_at__gt=long_over).filter(
        Q(pk__in=Event.objects.opening(moment).order_by().values("pk"))
        | Q(pk__in=Event.objects.serving(moment).filter(room).order_by().values("pk")) & Q(has_line())
        | upcoming & to_draw
        | (Q(starts_at__lte=moment) | ~Q(status=Event.Status.PUBLISHED)) & Q(has_line())
    )
    lapsed = TicketHold.objects.lapsed(moment).order_by().values("event")
    joined = TicketHold.objects.to_link().order_by().values("event")
    return Event.objects.filter(Q(pk__in=lapsed) | Q(pk__in=joined) | Q(pk__in=due.values("pk")))


def due_events(moment: dt.datetime) -> list[int]:
    """Return the ids of the events with something to do at `moment`."""
    return [event_id for (event_id,) in _due(moment=moment, long_over=moment - LONG_OVER)]


def _ids_of_due_events() -> QuerySet[Any, Any]:
    due = events_to_serve(prepared.moment("moment"), prepared.moment("long_over"))
    return due.order_by("pk").values_list("pk")


_due = prepared.Rows(_ids_of_due_events)


def tick() -> int:
    """Serve every event that is due, each in its own transaction; return how many."""
    due = due_events(now())
    for event_id in due:
        try:
            allocation.serve(event_id, skip_locked=True)
        except Exception:  # one event's trouble must not stop the others; it is due again in a second
            logger.exception("event %s could not be served", event_id)
    return len(due)


def _tick_in_thread() -> None:
    try:
        tick()
    finally:
        connections.close_all()


def _note_in_thread() -> None:
    try:
        runs.note(runs.Work.CLOCK)
    finally:
        connections.close_all()


async def run() -> None:
    """Tick at every full second until cancelled: a sale opens at its second, not somewhere in it."""
    for second in itertools.count():
        wait = 1 - time.time() % 1
        due = time.monotonic() + wait
        await asyncio.sleep(wait)
        try:
            # Not thread-sensitive: a wait for a lock must not hold up what the pages are told.
            await sync_to_async(_tick_in_thread, thread_sensitive=False)()
            measures.CLOCK_LAG.set(time.monotonic() - due)
            if second % NOTED == 0:
                await sync_to_async(_note_in_thread, thread_sensitive=False)()
        except Exception:
            logger.exception("the clock missed a second; it tries again in the next")


async def stop() -> None:
    """End what `start` started, so that nothing is left in the middle when the event loop goes."""
    global _running  # noqa: PLW0603 -- as below
    if _running is None or _running[0] is not asyncio.get_running_loop():
        return
    tasks = _running[2]
    _running = None
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def start() -> hub.Hub:
    """Start the clock and the hub of this process, once per event loop; return the hub."""
    global _running  # noqa: PLW0603 -- one clock per process
    loop = asyncio.get_running_loop()
    if _running is None or _running[0] is not loop:
        current, beside = hub.start()
        # A context of their own: in a request's, their database threads would end with that request.
        works = run(), mailing.run(), sending.run(), limits.watch(), *(work() for work in beside)
        tasks = [loop.create_task(work, context=Context()) for work in works]
        _running = loop, current, tasks
    return _running[1]
