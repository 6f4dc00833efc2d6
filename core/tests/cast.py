"""The cast of every test, and what stages a scene: alice and bob attend, olga organizes, greta stands at the gate."""

import datetime as dt
import itertools
import json
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, Self, TypeVar
from unittest import mock

from django.contrib.auth.models import Group
from django.db import connections
from django.db.models import QuerySet
from django.utils import timezone

from core import allocation, steering, transfer
from core.fairness import ledger, verify_ledger
from core.models import (
    GATE_STAFF,
    ORGANIZERS,
    Event,
    LedgerEntry,
    Ticket,
    TicketHold,
    TicketTransfer,
    User,
    UserSession,
)
from core.now import now
from core.refusals import Refused

T = TypeVar("T")
PATIENCE = 60  # seconds after which a race that hangs is a failure
_serial = itertools.count(1)


def ago(**length: float) -> dt.datetime:
    """Return the moment that lies `minutes=5` (or hours, seconds ...) back."""
    return now() - dt.timedelta(**length)


def later(**length: float) -> dt.datetime:
    """Return the moment that lies `minutes=5` (or hours, seconds ...) ahead."""
    return now() + dt.timedelta(**length)


class HandClock:
    """A clock that is moved by hand: the one of every moment that decides, on both databases, within its `with`."""

    def __init__(self) -> None:
        self.at = timezone.now()
        self._patches = ExitStack()

    def move(self, **length: float) -> None:
        """Set the clock ahead by `minutes=5` (or hours, seconds ...), or back by less than none."""
        self.at += dt.timedelta(**length)

    def __enter__(self) -> Self:
        # On PostgreSQL too, Python's clock is asked, and that says what the hand says.
        self._patches.enter_context(mock.patch("core.now.connection", SimpleNamespace(vendor="sqlite")))
        self._patches.enter_context(mock.patch("django.utils.timezone.now", lambda: self.at))
        return self

    def __exit__(self, *error: object) -> None:
        self._patches.close()


class Cast:
    """Mixin for test cases: the people that every scene needs, by name. No passwords, which would cost 40 ms each.

    It works before `TestCase` (once per class) and before `TransactionTestCase` (once per test).
    """

    alice: User
    bob: User
    olga: User
    greta: User

    @classmethod
    def setUpTestData(cls) -> None:
        """Make the cast once for the class; TestCase gives each test its own copies."""
        for name, person in make_cast().items():
            setattr(cls, name, person)


class CastOfRaces:
    """The same for `TransactionTestCase`, whose every test starts with empty tables."""

    alice: User
    bob: User
    olga: User
    greta: User

    def setUp(self) -> None:
        """Make the cast."""
        for name, person in make_cast().items():
            setattr(self, name, person)


def make_cast() -> dict[str, User]:
    """Store alice, bob, olga and greta."""
    people = {name: make_person(name) for name in ("alice", "bob", "olga", "greta")}
    people["greta"].groups.add(Group.objects.get_or_create(name=GATE_STAFF)[0])
    return people


def make_person(name: str, **fields: Any) -> User:
    """Store a person who cannot log in by password; give `password` in `fields` if they must."""
    return User.objects.create_user(name, email=f"{name}@example.org", **fields)


def appoint(person: User) -> User:
    """Let a person make events."""
    person.groups.add(Group.objects.get_or_create(name=ORGANIZERS)[0])
    return person


def make_people(count: int) -> list[User]:
    """Store many people at once."""
    serials = itertools.islice(_serial, count)
    people = [User(username=f"person{n}", email=f"person{n}@example.org", password="!") for n in serials]
    return User.objects.bulk_create(people)


def make_event(**fields: Any) -> Event:
    """Store an event of two places that is on sale and starts in a week."""
    defaults: dict[str, Any] = {"name": "Concert", "venue": "Hall", "capacity": 2, "starts_at": later(days=7)}
    if "created_by" not in fields:
        fields["created_by"] = User.objects.filter(username="olga").first() or make_person("olga")
    return Event.objects.create(**defaults | fields)


def revise(event: Event, **values: Any) -> None:
    """Change an event as its organizer does."""
    steering.revise_event(event_id=event.pk, values=values)


def open_sale(event: Event, **length: float) -> None:
    """Let an event's announced opening have come `minutes=5` ago (default: a second); nobody has noticed yet."""
    Event.objects.filter(pk=event.pk).update(sales_open_at=ago(**length or {"seconds": 1}))


def arrive(user: User, at: dt.datetime | None = None, **fields: Any) -> UserSession:
    """Store a login of `user` at a moment (default: now), seen at that moment too unless `last_seen_at` says more."""
    moment = at or now()
    fields.setdefault("last_seen_at", moment)
    return UserSession.objects.create(
        user=user, session_key=f"session{next(_serial)}", login_timestamp=moment, **fields
    )


def lapse(places: QuerySet[TicketHold]) -> None:
    """Let holds lapse a millisecond ago, without anything noticing."""
    over = ago(milliseconds=1)
    places.filter(status="held").update(held_at=over - dt.timedelta(minutes=10), expires_at=over)


def numbers(event: Event) -> dict[str, int]:
    """Return an event's numbers, counted from the rows; fail if the counters that it keeps say otherwise."""
    held = TicketHold.objects.filter(event=event, status="held").count()
    booked = Ticket.objects.valid().filter(event=event).count()
    waiting = TicketHold.objects.filter(event=event, status="waiting").count()
    kept = Event.objects.values("held", "booked").get(pk=event.pk)
    if kept != {"held": held, "booked": booked}:
        raise AssertionError(f"the counters say {kept}, the rows say held {held}, booked {booked}")
    return {"held": held, "booked": booked, "waiting": waiting}


def statuses(event: Event) -> list[tuple[str, str]]:
    """Return `(user name, status)` of every place of an event, oldest first."""
    return list(TicketHold.objects.filter(event=event).order_by("pk").values_list("user__username", "status"))


def holders(event: Event) -> list[str]:
    """Return the user names of those who hold a place, first served first, then in order of their rank."""
    held = TicketHold.objects.filter(event=event, status="held")
    return list(held.order_by("held_at", "login_timestamp", "pk").values_list("user__username", flat=True))


def overlooked(event: Event) -> list[str]:
    """Return the user names of the first in line for whom a place of an event is free; nobody should be, for long."""
    event.refresh_from_db()
    free = event.free if event.is_serving(now()) else 0
    waiting = TicketHold.objects.waiting().filter(event=event).in_line_order()
    return list(waiting.values_list("user__username", flat=True)[:free])


def ledger_of(event: Event) -> list[dict[str, Any]]:
    """Return the entries of an event's ledger, oldest first."""
    texts = LedgerEntry.objects.filter(event=event).order_by("seq").values_list("text", flat=True)
    return [json.loads(text) for text in texts]


def ledger_problems(event: Event) -> list[str]:
    """Return what the verifier, which shares no code with the allocation, finds wrong with an event's ledger."""
    report = verify_ledger.verify(ledger.file_of(Event.objects.get(pk=event.pk)))
    return [problem.message for problem in report.problems]


def join(event: Event, user: User, session: UserSession | None = None) -> TicketHold:
    """Join an event's line, by a login if one is given, else by this moment."""
    return allocation.join(event_id=event.pk, user=user, session=session)


def book(event: Event, user: User) -> Ticket:
    """Book a place of an event."""
    return allocation.book(event_id=event.pk, user=user)


def release(event: Event, user: User) -> TicketHold | None:
    """Release a hold, or leave the line."""
    return allocation.release(event_id=event.pk, user=user)


def offer(ticket: Ticket, to: User, *, by: User | None = None, reason: str = "") -> TicketTransfer:
    """Offer a ticket to a person, by its owner unless somebody else is named."""
    return transfer.offer(ticket_id=ticket.pk, email=to.email, by=by or ticket.user, reason=reason)


def give(ticket: Ticket, to: User, *, by: User | None = None, reason: str = "") -> Ticket:
    """Offer a ticket to a person who accepts it; return theirs."""
    return transfer.accept(transfer_id=offer(ticket, to, by=by, reason=reason).pk, user=to)


def refusal(call: Callable[[], object]) -> tuple[str, bool]:
    """Make a call that must be refused; return what the client is told: the status, and whether joining helps."""
    try:
        result = call()
    except Refused as refused:
        return refused.status, refused.can_join
    raise AssertionError(f"not refused, but {result!r}")


def race(calls: Iterable[Callable[[], T]], *, threads: int = 16) -> list[T | Refused]:
    """Make calls from many threads that start at the same instant; return their results in the order of the calls.

    Each thread takes every n-th call, and a new database connection for each, as requests do. A refusal is a result;
    any other error is raised here, after all threads ended.
    """
    todo = list(calls)
    results: dict[int, T | Refused] = {}
    unexpected: list[BaseException] = []
    lanes = [range(first, len(todo), threads) for first in range(min(threads, len(todo)))]
    start = threading.Barrier(len(lanes), timeout=PATIENCE)

    def run(lane: range) -> None:
        try:
            start.wait()
            for n in lane:
                results[n] = _outcome(todo[n])
        except BaseException as error:  # noqa: BLE001 -- carried to the test's own thread
            unexpected.append(error)

    runners = [threading.Thread(target=run, args=(lane,), daemon=True) for lane in lanes]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join(PATIENCE)
    if unexpected:
        raise unexpected[0]
    if len(results) != len(todo):
        raise AssertionError(f"{len(todo) - len(results)} of {len(todo)} calls did not end within {PATIENCE} seconds")
    return [results[n] for n in range(len(todo))]


def _outcome(call: Callable[[], T]) -> T | Refused:
    try:
        return call()
    except Refused as refused:
        return refused
    finally:
        connections.close_all()
