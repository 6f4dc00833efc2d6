"""The work that `ledger_cost.py` measures, and how the ledger is taken out of it."""

import datetime as dt
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from django.db import connection, connections

from bench.common import in_each
from bench.stage import make_event
from core import allocation, clock, hub
from core.fairness.ledger import Ledger
from core.models import Event, TicketHold, User, UserSession
from core.moves import EXPIRE
from core.now import now
from core.serving import Serving

IN_LINE, PLACES = 2000, 500  # of the opening
FIELD: Any = TicketHold._meta.get_field("is_linked")  # noqa: SLF001 -- Django's documented name


@dataclass(frozen=True)
class Scenario:
    """`stage` makes an event for so many people; what each of them does then is measured."""

    stage: Callable[[int], Event]
    act: Callable[[int, User], object]


def _with_line(event: Event, count: int) -> Event:
    """Let so many people wait, and be served as far as there are places; the ledger has them by then."""
    moment = now()
    places = (
        TicketHold(event=event, user=user, login_timestamp=moment, created_at=moment)
        for user in User.objects.order_by("pk")[:count]
    )
    TicketHold.objects.bulk_create(places)
    allocation.serve(event.pk)
    return event


def _open(event: Event) -> Event:
    """Let the announced opening of the sale have come this instant; nobody has noticed yet."""
    Event.objects.filter(pk=event.pk).update(sales_open_at=now())
    return event


def _to_open(**fields: Any) -> Event:
    return make_event(PLACES, sales_open_at=now() + dt.timedelta(days=1), **fields)


def _opening_for_present(_: int) -> Event:
    """Nobody has joined, but everybody is there: they are put in line by their login when the sale opens."""
    moment = now()
    UserSession.objects.all().delete()
    UserSession.objects.bulk_create(
        UserSession(user=user, session_key=f"session {user.pk}", login_timestamp=moment, last_seen_at=moment)
        for user in User.objects.order_by("pk")[:IN_LINE]
    )
    return _open(_to_open(auto_hold=True))


def _join(event_id: int, user: User) -> None:
    allocation.join(event_id=event_id, user=user)


def _book(event_id: int, user: User) -> None:
    allocation.book(event_id=event_id, user=user)


def _release(event_id: int, user: User) -> None:
    allocation.release(event_id=event_id, user=user)


def _serve(event_id: int, _: User) -> None:
    allocation.serve(event_id)


SCENARIOS = {
    "join, held at once": Scenario(make_event, _join),
    "join, sold out": Scenario(lambda _: make_event(0), _join),
    "book the hold": Scenario(lambda count: _with_line(make_event(count), count), _book),
    "release, the next is held": Scenario(lambda count: _with_line(make_event(count), 2 * count), _release),
    f"opening: {PLACES} for {IN_LINE:,} who joined": Scenario(lambda _: _open(_with_line(_to_open(), IN_LINE)), _serve),
    f"opening: {PLACES} for {IN_LINE:,} present": Scenario(_opening_for_present, _serve),
}


def prepare() -> None:
    """Let the pages of this process be told nothing."""
    hub.note_change = lambda changes: None


class Took(NamedTuple):
    """Seconds: on the clock, and of processor time here and in PostgreSQL, which other programs disturb less."""

    wall: float
    cpu: float


def play(executor: ProcessPoolExecutor, name: str, people: int, lanes: int, *, ledger: bool) -> Took:
    """Play one scenario with or without the ledger, its people spread over so many processes; return what it took."""
    count = 1 if SCENARIOS[name].act == _serve else people
    with ExitStack() as stack:
        if not ledger:
            stack.enter_context(without_ledger())
        event = SCENARIOS[name].stage(people)
    users = list(User.objects.order_by("pk")[:count])
    spans = in_each(executor, _act, [(name, event.pk, users[lane::lanes], ledger) for lane in range(lanes)])
    began, ended, cpu = zip(*spans, strict=True)
    return Took(max(ended) - min(began), sum(cpu))


def _act(name: str, event_id: int, users: list[User], ledger: bool) -> tuple[float, float, float]:
    """Let these people act, with a clock that ticks every second; return when that began and ended, and its work."""
    act = SCENARIOS[name].act
    with ExitStack() as stack:
        if not ledger:
            stack.enter_context(without_ledger())
        worked, began = _worked(), time.monotonic()
        ticked = began
        for user in users:
            act(event_id, user)
            if time.monotonic() - ticked >= 1:
                ticked = time.monotonic()
                clock.tick()
        clock.tick()  # links who joined last
        ended, worked = time.monotonic(), _worked() - worked
    connections.close_all()
    return began, ended, worked


def _worked() -> float:
    """Return the processor seconds of this process and of its server process, where that runs on this machine."""
    mine = time.process_time()
    if connection.vendor != "postgresql":
        return mine
    connection.ensure_connection()
    try:
        stat = Path(f"/proc/{connection.connection.info.backend_pid}/stat").read_text()
    except OSError:
        return mine
    user, system = stat.rpartition(")")[2].split()[11:13]  # proc(5): fields 14 and 15, counted after the name
    return mine + (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def without_ledger() -> Iterator[None]:
    """Take the ledger out of the allocation: entries, seals, links, and the question what is to be linked."""
    nothing: Callable[..., None] = lambda *args, **kwargs: None  # noqa: E731
    with ExitStack() as stack:
        for owner, names in ((Ledger, ("note", "note_terms", "write")), (Serving, ("link", "note", "_enter"))):
            for name in names:
                stack.enter_context(mock.patch.object(owner, name, nothing))
        stack.enter_context(mock.patch.object(Serving, "_link_and_expire", _expire))
        stack.enter_context(_born_linked())
        yield


@contextmanager
def _born_linked() -> Iterator[None]:
    """Let no new place enter the index of those to be linked, nor the clock find one."""
    with mock.patch.object(FIELD, "default", True):
        FIELD.__dict__.pop("_get_default", None)
        try:
            yield
        finally:
            FIELD.__dict__.pop("_get_default", None)
    FIELD.__dict__.pop("_get_default", None)


def _expire(serving: Serving) -> None:
    """Do the rest of `Serving._link_and_expire`."""
    lapsed = list(TicketHold.objects.lapsed(serving.moment).filter(event__in=serving.events).order_by("pk"))
    serving._move(lapsed, EXPIRE, TicketHold.Status.EXPIRED)  # noqa: SLF001
    for hold in lapsed:
        hold.ended_at = hold.expires_at
        serving.count(hold.event_id, held=-1)
