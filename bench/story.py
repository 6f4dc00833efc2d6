"""A sale as people live it, seeded: they log in, join, book, think again, come back, and click twice.

What each of them wants follows from the seed alone. When it happens follows from the machine as well: a person who was
held a place acts on it when their page shows it.
"""

import heapq
import itertools
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.db import InterfaceError, OperationalError, connections
from django.db.models import F

from bench.evidence import Call
from core import allocation, arrivals, steering
from core.models import Cause, Event, TicketHold, User, UserSession
from core.now import now
from core.refusals import Refused

LOOK = 1.0  # seconds between two looks of the pages at what is held
PAUSE = 2.0  # seconds that staff pause serving
AGAIN = 1.0  # seconds until what was answered 503 is tried again
INTENTS = {"book": 35, "release": 20, "sign out": 3, "lapse": 32, "book at the last moment": 10}  # weights
SHARES = {"walks up": 0.05, "clicks twice": 0.15, "logs in again": 0.1, "comes back": 0.1, "cancels": 0.9}


Heap = list[tuple[float, int, Callable[[], object]]]  # when, in seconds of the story; a serial number; what


@dataclass(frozen=True)
class Plan:
    """What all processes know. People have the ids from `first` on; lane n has those whose id leaves the rest n."""

    seed: int
    event: int
    first: int
    people: int
    lanes: int
    rate: float  # logins a second, in all
    hold: float  # seconds
    opens: float  # seconds of the story: until then people join, and nobody is served
    paused_from: float  # seconds of the story: whoever joins from then on is served in the quiet part

    @property
    def span(self) -> float:
        """Seconds in which people arrive."""
        return self.people / self.rate


class Character:
    """What one person wants, and how quickly."""

    def __init__(self, plan: Plan, user: int) -> None:
        dice = random.Random(f"{plan.seed} {user - plan.first}")
        self.arrives = dice.uniform(0, plan.span)
        self.joins = min(self.arrives + dice.expovariate(1), plan.span + 1)
        self.intent = dice.choices(list(INTENTS), list(INTENTS.values()))[0]
        self.thinks = dice.uniform(0.02, 0.5) * plan.hold
        self.jitter = dice.uniform(-0.2, 0.05)
        self.does = {habit: dice.random() < share for habit, share in SHARES.items()}


class Lane:
    """The people that one thread plays: what they will do, in order of time, and what they were answered."""

    def __init__(self, plan: Plan, number: int) -> None:
        self.plan, self.number = plan, number
        self.calls: list[Call] = []
        self._serial = itertools.count()
        self._arrivals: Heap = []
        self._acts: Heap = []
        self._shown: set[int] = set()
        self._returned: set[int] = set()
        self._second_tab = ThreadPoolExecutor(1)
        ids = [user for user in range(plan.first, plan.first + plan.people) if user % plan.lanes == number]
        self.users = User.objects.in_bulk(ids)
        self.people = {user: Character(plan, user) for user in ids}
        self.sessions: dict[int, UserSession] = {}

    def run(self) -> list[Call]:
        """Live through the sale, and return the calls. Who is held a place acts first; who is late arrives later."""
        self.start = time.time()
        for user, character in self.people.items():
            step = self._walk_up if character.does["walks up"] else self._join
            self._put(self._arrivals, character.arrives, self._log_in, user)
            self._put(self._arrivals, character.joins, step, user)
        if self.number == 0:
            self._plan_staff()
        self._soon(0, self._look)
        while self._arrivals:
            late = self._acts[0][0] <= self._time()
            at, _, act = heapq.heappop(self._acts if late else min(self._acts, self._arrivals))
            time.sleep(max(0, at - self._time()))
            act()
            connections.close_all()  # back into the pool, as at the end of a request
        self._second_tab.shutdown()
        return self.calls

    def _time(self) -> float:
        return time.time() - self.start

    def _put(self, heap: Heap, at: float, act: Callable[..., object], *arguments: Any) -> None:
        heapq.heappush(heap, (at, next(self._serial), lambda: act(*arguments)))

    def _soon(self, seconds: float, act: Callable[..., object], *arguments: Any) -> None:
        self._put(self._acts, self._time() + seconds, act, *arguments)

    def _ask(self, kind: str, user: int, function: Callable[[], Any]) -> Call:
        """Make a call as a request does, and keep what was answered; twice at once for those who click twice."""
        twice = kind != "log in" and user in self.people and self.people[user].does["clicks twice"]
        other = self._second_tab.submit(_call, kind, user, function) if twice else None
        call = _call(kind, user, function)
        self.calls += [call, other.result()] if other else [call]
        return call

    def _log_in(self, user: int) -> None:
        def log_in() -> str:
            key = f"{self.number} {next(self._serial)}"
            arrivals.record_login(user=self.users[user], session_key=key)
            session = UserSession.objects.get(session_key=key)
            self.sessions.setdefault(user, session)
            allocation.hold_for_login(user=self.users[user], session=session)
            return key

        self._ask("log in", user, log_in)

    def _join(self, user: int) -> None:
        arguments: Any = {"event_id": self.plan.event, "user": self.users[user], "session": self.sessions.get(user)}

        def join() -> Any:
            place = allocation.join(**arguments)
            return place.pk, place.status, place.expires_at and place.expires_at.timestamp()

        if self._ask("join", user, join).outcome == "busy":
            self._soon(AGAIN, self._join, user)

    def _walk_up(self, user: int) -> None:
        """Book without a place in line, as if nobody waited; whoever is refused joins."""
        if self._book(user).outcome != "ok":
            self._join(user)

    def _book(self, user: int) -> Call:
        def book() -> Any:
            ticket = allocation.book(event_id=self.plan.event, user=self.users[user])
            return ticket.pk, ticket.code

        call = self._ask("book", user, book)
        if call.outcome == "ok" and self.people[user].does["cancels"]:
            self._soon(self.people[user].thinks, self._cancel, user, call.detail[0])
        return call

    def _cancel(self, user: int, ticket: int) -> None:
        self._ask("cancel", user, lambda: allocation.cancel_ticket(ticket_id=ticket).pk)
        self._come_back(user, 0.5)

    def _release(self, user: int) -> None:
        def release() -> Any:
            place = allocation.release(event_id=self.plan.event, user=self.users[user])
            return place and (place.pk, place.status)

        self._ask("release", user, release)
        self._come_back(user, 0.5)

    def _sign_out(self, user: int) -> None:
        places = TicketHold.objects.filter(user=user)
        self._ask("sign out", user, lambda: allocation.end_places(places, cause=Cause.LOGGED_OUT))

    def _come_back(self, user: int, seconds: float) -> None:
        """Join once more, with the same login, which is spent."""
        if self.people[user].does["comes back"] and user not in self._returned:
            self._returned.add(user)
            self._soon(seconds, self._join, user)

    def _look(self) -> None:
        """Let each person whose page shows a new hold decide what to do with it."""
        self._soon(LOOK, self._look)
        held = TicketHold.objects.filter(event=self.plan.event, status=TicketHold.Status.HELD)
        mine = held.annotate(lane=F("user") % self.plan.lanes).filter(lane=self.number, user__gte=self.plan.first)
        for hold in mine:
            if hold.pk not in self._shown and hold.expires_at is not None:
                self._shown.add(hold.pk)
                self._decide(hold.user_id, hold.expires_at.timestamp() - time.time())

    def _decide(self, user: int, left: float) -> None:
        character = self.people[user]
        if character.does["logs in again"]:  # which must not make the hold last longer
            self._soon(left / 2, self._log_in, user)
        if character.intent == "lapse":
            self._come_back(user, left + 1)
        elif character.intent == "book at the last moment":
            self._soon(left + character.jitter, self._book, user)
        else:
            acts: dict[str, Callable[[int], object]] = {
                "book": self._book,
                "release": self._release,
                "sign out": self._sign_out,
            }
            self._soon(character.thinks, acts[character.intent], user)

    def _plan_staff(self) -> None:
        """Staff open the sale, pause and resume, extend holds, add places, remove people who wait, and pause again."""
        event, span, dice = self.plan.event, self.plan.span, random.Random(self.plan.seed)
        capacity = Event.objects.get(pk=event).capacity
        values = {"capacity": capacity + max(1, capacity // 20)}
        acts: dict[str, tuple[float, Callable[[], Any]]] = {
            "open": (self.plan.opens, lambda: steering.revise_event(event_id=event, values={"sales_open_at": now()})),
            "pause": (0.35 * span, lambda: steering.pause(event_id=event, reason="bench")),
            "resume": (0.35 * span + PAUSE, lambda: steering.resume(event_id=event, reason="bench")),
            "extend": (0.5 * span, lambda: steering.extend_holds(event_id=event, minutes=0.02, reason="bench")),
            "add places": (0.65 * span, lambda: steering.revise_event(event_id=event, values=values)),
            "pause to the end": (self.plan.paused_from, lambda: steering.pause(event_id=event, reason="bench")),
            "remove": (dice.uniform(0.4, 0.8) * span, lambda: _remove_last(event)),
        }
        for kind, (at, act) in acts.items():
            self._put(self._arrivals, at, self._ask, kind, 0, act)


def rehearse(event: int, people: list[int]) -> tuple[float, float]:
    """Let these people join, for the pace of this machine; return when that began and ended."""
    began = time.time()
    for user in people:
        allocation.join(event_id=event, user=User(pk=user))
        connections.close_all()
    return began, time.time()


def _remove_last(event: int) -> int:
    """Remove the last three in line."""
    last = TicketHold.objects.waiting().filter(event=event).order_by("-login_timestamp").values("pk")[:3]
    places = TicketHold.objects.filter(pk__in=list(last.values_list("pk", flat=True)))
    return allocation.end_places(places, cause=Cause.REMOVED_BY_STAFF, reason="bench")


def _call(kind: str, user: int, function: Callable[[], Any]) -> Call:
    sent = time.time()
    try:
        outcome, detail = "ok", function()
    except Refused as refused:
        outcome, detail = refused.status, refused.detail
    except (OperationalError, InterfaceError) as error:  # the answer 503: done, or not done
        outcome, detail = "busy", repr(error.__cause__ or error)
    except Exception as error:  # noqa: BLE001 -- whatever it is, somebody would have seen a traceback
        outcome, detail = "error", repr(error)
    finally:
        answered = time.time()
        connections.close_all()
    return Call(kind, user, sent, answered, outcome, detail)
