"""Gather what people ask of one event at the same time, and carry it out together (DESIGN 3.3).

At an opening thousands ask the same event within a second. In each process one thread at a time carries out what was
asked of an event; whatever comes meanwhile is gathered, and is the next batch: under load one transaction does for
hundreds what would have been hundreds of waits for one lock, and few writers meet at a hot row. A request's own thread
carries out what it finds, so that a quiet hour costs nothing; what sockets ask is carried out in threads of this
module. The rules are the allocation's; here is only who is asked together with whom.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from copy import copy
from dataclasses import dataclass, field

from django.db import InterfaceError, OperationalError, connection, connections

from . import allocation, arrivals
from .deadline import ANSWER_WITHIN, seconds_left, unhurried
from .locking import waiting_at_most
from .models import Event, Ticket, TicketHold, User, UserSession
from .operations import measures
from .refusals import LoginEnded, Refused

GATHER = 0.005  # seconds in which what sockets ask is gathered while nobody leads
PATIENCE = 3.0  # seconds after which what is asked is not begun any more: pages ask again then (`ask.js`)
LARGEST = 500  # people in one batch: nobody behind it waits for the lock until a time-out
THREADS = 4  # events that are carried out for sockets at the same time; each takes a connection of the pool

Outcome = TicketHold | Ticket | None
Logins = Mapping[int, UserSession | None]  # by user id
Outcomes = Mapping[int, Outcome | Exception]

ACTS: dict[str, Callable[[int, Logins], Mapping[int, Outcome | Refused]]] = {
    "join": lambda event_id, logins: allocation.join_all(event_id=event_id, logins=logins),
    "book": lambda event_id, logins: allocation.book_all(event_id=event_id, user_ids=list(logins)),
    "release": lambda event_id, logins: allocation.release_all(event_id=event_id, user_ids=list(logins)),
}


@dataclass(frozen=True, eq=False)
class Asked:
    """One of `ACTS`, asked by a person; the login is known, or else the key of the session that is to be looked up.

    `answer` comes to the place or ticket, or to what `allocation.join`, `book` and `release` raise.
    """

    act: str
    user_id: int
    login: UserSession | None = None
    session_key: str = ""
    asked_at: float = field(default_factory=time.monotonic)
    answer: "Future[Outcome]" = field(default_factory=Future)


class Gathering:
    """What is asked of each event and not taken up yet, and the events that somebody works for just now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, list[Asked]] = {}
        self._led: set[int] = set()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="gathering")

    def put(self, event_id: int, asked: Asked) -> bool:
        """Add what is asked; return whether the caller is to see to it that somebody leads."""
        with self._lock:
            self._waiting.setdefault(event_id, []).append(asked)
            is_led = event_id in self._led
            self._led.add(event_id)
        return not is_led

    def lead(self, event_id: int, mine: Asked | None = None) -> None:
        """Carry out what is asked of an event, until `mine` is answered, or one batch; what waits then is handed on.

        So no request waits for others once it has its answer, and no busy event keeps a thread from the other ones.
        """
        batch: list[Asked] = []
        try:
            while batch := self._take(event_id):
                carry_out(event_id, batch)
                if mine is None or mine.answer.done():
                    break
        except BaseException:  # the process is being stopped: nobody may wait for a leader that is gone
            self._give_up(event_id, batch)
            raise
        if batch:
            self._hand_on(event_id)

    def lead_in_thread(self, event_id: int) -> None:
        """Let a thread of this module lead."""
        try:
            self._threads.submit(self._lead_and_close, event_id)
        except RuntimeError:  # the process is ending, and takes up nothing new
            self._give_up(event_id, [])

    def _lead_and_close(self, event_id: int) -> None:
        try:
            self.lead(event_id)
        finally:
            connections.close_all()

    def _take(self, event_id: int) -> list[Asked]:
        """Take the next batch, of each person what they asked first; empty when nothing waits, and nobody leads."""
        with self._lock:
            batch: dict[int, Asked] = {}
            later = []
            for asked in self._waiting.pop(event_id, []):
                if len(batch) < LARGEST and asked.user_id not in batch:
                    batch[asked.user_id] = asked
                else:
                    later.append(asked)
            if later:
                self._waiting[event_id] = later
            if not batch:
                self._led.discard(event_id)
        return list(batch.values())

    def _hand_on(self, event_id: int) -> None:
        with self._lock:
            waits = event_id in self._waiting
            if not waits:
                self._led.discard(event_id)
        if waits:
            self.lead_in_thread(event_id)

    def _give_up(self, event_id: int, batch: list[Asked]) -> None:
        with self._lock:
            batch = batch + self._waiting.pop(event_id, [])
            self._led.discard(event_id)
        _answer(batch, dict.fromkeys((asked.user_id for asked in batch), OperationalError("the process is stopping")))


_gathering = Gathering()


def ask(act: str, *, event_id: int, user: User, login: UserSession | None) -> Outcome:
    """Do one of `ACTS` for a person, together with whoever asks the same event; return and raise what it does."""
    asked = Asked(act, user.pk, login)
    if _gathering.put(event_id, asked):
        _gathering.lead(event_id, asked)
    elif connection.vendor == "postgresql" and not connection.in_atomic_block:
        connection.close()  # back to the pool: whoever waits must not keep what those need who are waited for
    # SQLite is waited for in its own way.
    longest = seconds_left(ANSWER_WITHIN) if connection.vendor == "postgresql" else None
    try:
        return asked.answer.result(longest)
    except FutureTimeoutError:  # whoever leads waits for the database; what is asked may be done yet, and asked again
        raise OperationalError("nobody answered in time") from None


def ask_in_loop(asked: Asked, event_id: int) -> None:
    """Do the same from the event loop of a socket, which is not kept waiting: the answer comes from another thread."""
    if _gathering.put(event_id, asked):
        asyncio.get_running_loop().call_later(GATHER, _gathering.lead_in_thread, event_id)


def carry_out(event_id: int, batch: list[Asked]) -> None:
    """Do what is asked of an event, each act for all who ask it at once, and answer everybody, whatever happens.

    What has waited too long is not done any more: its page has asked again, perhaps another process.
    """
    for act in ACTS:
        now = time.monotonic()
        late = [each for each in batch if now - each.asked_at > PATIENCE and not each.answer.done()]
        _answer(late, dict.fromkeys((each.user_id for each in late), OperationalError("asked too long ago")))
        asked = [each for each in batch if each.act == act and not each.answer.done()]
        if asked:
            # For the event's lock it waits as long as whoever has waited longest has patience.
            # Not as long as the request that leads has left: the others have come later.
            with unhurried(), waiting_at_most(PATIENCE - now + min(each.asked_at for each in asked)):
                _carry_out(event_id, act, asked)


def _carry_out(event_id: int, act: str, asked: list[Asked]) -> None:
    outcomes: Outcomes
    try:
        keys = {each.session_key: each.user_id for each in asked if each.session_key}
        found = arrivals.logins_of(keys) if keys else {}
        outcomes = ACTS[act](event_id, {each.user_id: each.login for each in asked if not each.session_key} | found)
    except (Event.DoesNotExist, OperationalError, InterfaceError) as error:
        outcomes = {each.user_id: error for each in asked}
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is raised where it was asked
        if len(asked) > 1:  # what is wrong with one of them must not be everybody's trouble
            for each in asked:
                _carry_out(event_id, act, [each])
            return
        outcomes = {asked[0].user_id: error}
    _answer(asked, outcomes)


def _answer(asked: list[Asked], outcomes: Outcomes) -> None:
    for each in asked:
        outcome = outcomes.get(each.user_id, LoginEnded())
        if each.answer.done():
            continue
        if isinstance(outcome, Refused):
            measures.refused(each.act, outcome.status)
        if isinstance(outcome, Exception):
            each.answer.set_exception(_own(outcome))
        else:
            each.answer.set_result(outcome)


def _own(error: Exception) -> Exception:
    """Return an error for one person: raised in many threads, the same one would gather all their traces."""
    try:
        own = copy(error)
    except TypeError:  # an error that cannot be made anew from its arguments
        return error
    own.__cause__, own.__traceback__ = error.__cause__, error.__traceback__
    return own
