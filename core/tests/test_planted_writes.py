"""Faults of the transaction itself, planted one at a time: each is reached, and caught by the history checker.

What is caught is caught without knowing the fault: by what clients were told, and by rows and ledger at the end.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import IntegrityError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TestCase, TransactionTestCase

from bench.evidence import Call
from bench.history import CHECKS
from bench.record import record
from core import allocation, locking, ticket_code
from core.models import Event, Ticket, TicketHold, User
from core.now import now
from core.refusals import Refused
from core.serving import Serving
from core.signals import availability_changed

from .cast import Cast, CastOfRaces, HandClock, arrive, book, join, make_event
from .test_planted_faults import Planted


class Recorder:
    """Makes calls as people do, each in a transaction of its own, and keeps what they were told."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def call(self, kind: str, user: User, act: Callable[[], Any]) -> None:
        sent = now().timestamp()
        try:
            with transaction.atomic():
                outcome, detail = "ok", act()
        except Refused as refused:
            outcome, detail = refused.status, None
        except IntegrityError as error:  # somebody would have been shown an error
            outcome, detail = "error", str(error).splitlines()[0]
        self.calls.append(Call(kind, user.pk, sent, now().timestamp(), outcome, detail))

    def join(self, event: Event, user: User) -> None:
        def act() -> Any:
            place = join(event, user, arrive(user))
            return place.pk, place.status, place.expires_at and place.expires_at.timestamp()

        self.call("join", user, act)

    def book(self, event: Event, user: User) -> None:
        def act() -> Any:
            ticket = book(event, user)
            return ticket.pk, ticket.code

        self.call("book", user, act)


def violations(event: Event, calls: Sequence[Call] = (), **more: Any) -> dict[str, list[str]]:
    """Return what each check finds in an event's history, of those that find anything."""
    moments = {"quiet_from": 0.0, "rest": now().timestamp()}
    told = record(event.pk, calls, holds=(), waiting={}, held={}, **moments, **more)
    found = {name: check(told) for name, check in CHECKS.items()}
    return {name: texts for name, texts in found.items() if texts}


class PlantedCase(Cast, TestCase):
    """One event with one place."""

    def setUp(self) -> None:
        self.clock = self.enterContext(HandClock())
        self.event = make_event(capacity=1, auto_hold=False, hold_minutes=10)
        self.people = Recorder()

    def found(self) -> dict[str, list[str]]:
        return violations(self.event, self.people.calls)


def stale_numbers(free: int) -> Any:
    """Let availability be what it was before the lock was taken."""
    return mock.patch.object(Event, "free", mock.PropertyMock(return_value=free))


def stale_clock(by: dt.timedelta) -> Planted:
    """Read the clock before the wait for the lock."""
    return Planted(locking, "now", lambda whole: whole() - by)


def swallowed_error() -> Planted:
    """Take the database's refusal for success."""

    def issue(whole: Any, serving: Serving, tickets: list[Ticket]) -> list[Ticket]:
        try:
            with transaction.atomic():
                return list(whole(serving, tickets))
        except IntegrityError:
            return tickets

    return Planted(Serving, "issue", issue)


def failing_once() -> Planted:
    """Let the first try fail when its ticket is stored and its numbers are not; the database itself goes on."""
    planted: Planted

    def fail(*_: Any) -> None:
        raise OperationalError("made up: somebody else came first")

    planted = Planted(Serving, "write_numbers", fail, when=lambda *_: planted.reached == 0)
    return planted


def trying_again() -> Planted:
    """Call the verb again when it fails, in the same transaction."""

    def book_again(whole: Any, **of: Any) -> Any:
        try:
            return whole(**of)
        except OperationalError:
            return whole(**of)

    return Planted(allocation, "book", book_again)


def forgetting_to_roll_back() -> Planted:
    """Release each savepoint of a try that failed, in place of rolling back to it."""
    return Planted(BaseDatabaseWrapper, "savepoint_rollback", lambda *_: None)


def sweeper_without_lock() -> Planted:
    """End what lapsed by one UPDATE, past the event's lock and its numbers."""

    def sweep(_: Any, serving: Serving) -> None:
        lapsed = TicketHold.objects.lapsed(serving.moment).filter(event__in=serving.events)
        lapsed.update(status=TicketHold.Status.EXPIRED, ended_at=serving.moment)

    return Planted(Serving, "_link_and_expire", sweep)


class CaughtTests(PlantedCase):
    def test_without_a_fault_nothing_is_found(self):
        self.people.join(self.event, self.alice)
        self.people.book(self.event, self.alice)
        self.people.book(self.event, self.bob)
        self.clock.move(minutes=1)
        self.assertEqual(self.found(), {})

    def test_a_check_before_the_lock_ends_in_an_error_and_never_in_a_second_ticket(self):
        self.people.book(self.event, self.alice)
        with stale_numbers(1) as reached:
            self.people.book(self.event, self.bob)
        self.assertTrue(reached.called)
        self.assertIn("answers", self.found())
        self.assertEqual(Ticket.objects.valid().filter(event=self.event).count(), 1)

    def test_a_clock_that_was_read_before_the_lock_books_a_hold_that_is_over(self):
        self.people.join(self.event, self.alice)
        self.clock.move(minutes=11)
        with stale_clock(dt.timedelta(minutes=5)) as planted:
            self.people.book(self.event, self.alice)
        self.assertGreater(planted.reached, 0)
        self.assertIn("late bookings", self.found())

    def test_an_error_that_is_taken_for_success_leaves_somebody_with_a_ticket_that_is_none(self):
        self.people.book(self.event, self.alice)
        with swallowed_error() as planted, stale_numbers(1), mock.patch.object(Serving, "write_numbers"):
            code = Ticket.objects.get(user=self.alice).code
            with mock.patch.object(ticket_code, "make", return_value=code):  # which one ticket alone may have
                self.people.book(self.event, self.bob)
        self.assertGreater(planted.reached, 0)
        self.assertIn("answers", self.found())

    def test_a_second_try_after_a_rollback_books_as_if_there_had_been_no_first(self):
        with failing_once() as failing, trying_again():
            self.people.book(self.event, self.alice)
        self.assertEqual((failing.reached, [call.outcome for call in self.people.calls]), (1, ["ok"]))
        self.assertEqual(self.found(), {})

    def test_a_second_try_without_a_rollback_finds_the_ticket_of_the_first_which_nobody_counted(self):
        with failing_once() as failing, trying_again(), forgetting_to_roll_back() as forgetting:
            self.people.book(self.event, self.alice)
        self.assertEqual((failing.reached, forgetting.reached), (1, 1))
        self.assertEqual([call.outcome for call in self.people.calls], ["ok"])
        found = self.found()
        self.assertIn("0 are said to be booked, the rows have 1", found["numbers"])
        self.assertIn("no entry says that there was a booking", " ".join(found["entries"]))

    def test_a_sweeper_without_the_lock_leaves_numbers_that_the_rows_do_not_have(self):
        self.people.join(self.event, self.alice)
        self.clock.move(minutes=11)
        with sweeper_without_lock() as planted:
            allocation.serve(self.event.pk)
        self.assertGreater(planted.reached, 0)
        self.assertIn("numbers", self.found())


class AnnouncementTests(CastOfRaces, TransactionTestCase):
    """What pages are told must be what anybody else reads."""

    def read_meanwhile(self) -> list[int]:
        """Book, and return what another connection reads as booked at the moment of the announcement."""
        event, seen = make_event(capacity=2, auto_hold=False), []

        def look(**_: Any) -> None:
            with other_connection() as read:
                seen.append(read(event.pk))

        availability_changed.connect(look)
        try:
            book(event, self.alice)
        finally:
            availability_changed.disconnect(look)
        return seen

    def test_told_after_the_commit_it_is(self):
        self.assertEqual(self.read_meanwhile(), [1])

    def test_told_before_the_commit_it_is_not(self):
        at_once = mock.patch.object(transaction, "on_commit", lambda call, **_: call())
        with at_once:
            self.assertEqual(self.read_meanwhile(), [0])


@contextmanager
def other_connection() -> Iterator[Callable[[int], int]]:
    """Yield how to read an event's number of bookings past the transaction that is open here."""

    def read(event_id: int) -> int:
        try:
            return Event.objects.values_list("booked", flat=True).get(pk=event_id)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        yield lambda event_id: thread.submit(read, event_id).result()
