"""The transaction in which places are given: it locks events, brings them up to date, and writes what changed.

And what is to be done when it cannot be: how long it waits for the lock, and how often it is tried.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from typing import ParamSpec, TypeVar

from django.db import Error, OperationalError, connection, transaction
from django.db.models import Exists, QuerySet

from . import arrivals, prepared
from .deadline import seconds_left, unhurried
from .models import Event, User
from .now import now
from .operations import measures
from .prepared import Prepared
from .refusals import Refused
from .serving import Serving

P = ParamSpec("P")
T = TypeVar("T")

LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's word for a lock that was waited for too long
CONFLICTS = {"40001", "40P01"}  # and for what met something else, and is to be done again: serialization, deadlock
TRIES = 3
LONGEST_PAUSE = 0.1  # seconds before the next try, at random: those who met must not meet again
LOCK_TIMEOUT = 3.0  # seconds, as the settings have it
MARGIN = 0.3  # seconds: the server says that the lock is not to be had before this process gives it up
SHORTEST_WAIT = 0.05  # seconds
_most: ContextVar[float] = ContextVar("most", default=LOCK_TIMEOUT)


def sqlstate(error: Error) -> str:
    """Return PostgreSQL's code of an error; empty for any other one."""
    return getattr(error.__cause__, "sqlstate", None) or ""


def again_after_conflict(verb: Callable[P, T]) -> Callable[P, T]:
    """Do the whole of something again, three times at most, when the database gave it up for somebody else's sake.

    Nothing of it is stored then. Inside an outer transaction the error goes on: that whole is lost, not this part.
    """

    @wraps(verb)
    def trying(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(TRIES - 1):
            try:
                return verb(*args, **kwargs)
            except OperationalError as error:
                if connection.in_atomic_block or sqlstate(error) not in CONFLICTS:
                    raise
            time.sleep(random.uniform(0, LONGEST_PAUSE))  # noqa: S311 -- no secret
        return verb(*args, **kwargs)

    return trying


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """Let the transactions of the block wait for a lock no longer than so many seconds, each (PostgreSQL)."""
    token = _most.set(max(seconds, SHORTEST_WAIT))
    try:
        yield
    finally:
        _most.reset(token)


def _bound_the_wait() -> None:
    most = seconds_left(_most.get() + MARGIN) - MARGIN
    if most < LOCK_TIMEOUT - MARGIN and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{1000 * most:.0f}ms"])


@contextmanager
def locked(
    event_ids: Iterable[int], *, skip_locked: bool = False, person: User | None = None, new: Iterable[int] = ()
) -> Iterator[Serving]:
    """Lock events in the order of their ids, bring them up to date, and write and announce what the caller changes.

    A refusal raised inside keeps what was brought up to date: it is committed, then the refusal goes on. With
    `skip_locked` an event that somebody else has locked is left out. With `person` their logins wait for each other,
    and nothing is locked for somebody who is not active any more. `new` are the ids of places whose people join just
    now.
    """
    refusal: Refused | None = None
    with ExitStack() as stack, transaction.atomic():
        _bound_the_wait()
        ask = _locking(skip_locked=skip_locked, with_person=person is not None)
        with measures.LOCK_WAITS.time():
            locked = ask(events=event_ids, person=person and person.pk)
        stack.enter_context(measures.SERVES.time())
        # Who has the lock works for everybody: an opening that each request gave up half-way would never be made.
        stack.enter_context(unhurried())
        serving = Serving({event.pk: event for event in locked}, now(), new)
        serving.bring_up_to_date()
        try:
            yield serving
        except Refused as refused:
            refusal = refused
        serving.finish()
    if refusal is not None:
        raise refusal


@contextmanager
def locked_event(event_id: int) -> Iterator[tuple[Serving, Event]]:
    """Lock one event as `locked` does. Raises Event.DoesNotExist for a draft that was deleted since it was read."""
    with locked([event_id]) as serving:
        if event_id not in serving.events:
            raise Event.DoesNotExist
        yield serving, serving.events[event_id]


@cache
def _locking(*, skip_locked: bool, with_person: bool) -> Prepared[Event]:
    """Return the question that locks events, in the order of their ids."""

    def compose() -> QuerySet[Event]:
        # NO KEY: the foreign key of a row that joins must not wait for this lock.
        events = Event.objects.select_for_update(no_key=True, skip_locked=skip_locked)
        events = events.filter(pk__in=prepared.numbers("events"))
        if with_person:
            # Once, and before any event: what no row hangs on, and what locks, PostgreSQL evaluates first.
            events = events.filter(Exists(arrivals.locking_person(prepared.number("person"))))
        return events.order_by("pk")

    return Prepared(compose)
