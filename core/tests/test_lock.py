"""What the lock is for: each schedule below is kept out by it, and goes wrong once it is taken out.

A call is stopped between what it read and what it writes; there another call is made from start to end, from a thread
of its own that waits for no lock. Nothing is left to luck, and nothing waits.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from django.db import IntegrityError, OperationalError, connection, connections
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.test import TransactionTestCase

from core import allocation, locking, prepared
from core.fairness.ledger import Ledger
from core.models import Event, Ticket, TicketHold
from core.prepared import Prepared
from core.serving import Serving

from .cast import PATIENCE, CastOfRaces, book, join, make_event, numbers, release


def lock_taken_out(begin: str = "BEGIN DEFERRED") -> AbstractContextManager[Any]:
    """Take the lock out of the allocation: the row's on PostgreSQL, the database's (BEGIN IMMEDIATE) on SQLite."""
    if connection.vendor == "postgresql":
        unlocked = Prepared(lambda: Event.objects.filter(pk__in=prepared.numbers("events")).order_by("pk"))
        return mock.patch.object(locking, "_locking", lambda **kwargs: unlocked)
    return mock.patch.object(
        DatabaseWrapper, "_start_transaction_under_autocommit", lambda c: c.cursor().execute(begin)
    )


def outcome(call: Callable[[], object]) -> Any:
    """Make a call; return what came of it: "done", or the error of the database or of the allocation's own check."""
    try:
        call()
    except (IntegrityError, OperationalError, RuntimeError) as error:
        return type(error)
    return "done"


def impatient(call: Callable[[], object]) -> Any:
    """Make a call in a thread of its own, which waits for no lock; return its outcome."""
    found: list[Any] = []

    def run() -> None:
        try:
            with connection.cursor() as cursor:
                no_wait = "SET lock_timeout = '1ms'" if connection.vendor == "postgresql" else "PRAGMA busy_timeout = 0"
                cursor.execute(no_wait)
            found.append(outcome(call))
            if connection.vendor == "postgresql":  # the connection goes back to the pool
                with connection.cursor() as cursor:
                    cursor.execute("RESET lock_timeout")
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(PATIENCE)
    return found[0]


class LockTests(CastOfRaces, TransactionTestCase):
    def overlap(self, first: Callable[[], object], *, before: str, second: Callable[[], object]) -> dict[str, Any]:
        """Make the first call, and the second right before the first gets to `before`; return the outcomes."""
        whole: Callable[..., Any] = getattr(Serving, before)
        outcomes: dict[str, Any] = {}

        def interrupted(serving: Serving, *args: Any, **kwargs: Any) -> Any:
            if "second" not in outcomes and threading.current_thread() is threading.main_thread():
                outcomes["second"] = impatient(second)
            return whole(serving, *args, **kwargs)

        with mock.patch.object(Serving, before, interrupted):
            outcomes["first"] = outcome(first)
        return outcomes

    def book_the_last_place(self) -> dict[str, Any]:
        self.event = make_event(capacity=1)
        return self.overlap(
            lambda: book(self.event, self.alice), before="issue", second=lambda: book(self.event, self.bob)
        )

    def release_one_hold_twice(self) -> dict[str, Any]:
        self.event = make_event(capacity=2)
        for person in (self.alice, self.bob):
            join(self.event, person)
        return self.overlap(
            lambda: release(self.event, self.alice), before="end", second=lambda: release(self.event, self.alice)
        )

    def serve_one_person_twice(self) -> dict[str, Any]:
        self.event = make_event(capacity=2)
        TicketHold.objects.create(event=self.event, user=self.alice)
        return self.overlap(
            lambda: allocation.serve(self.event.pk), before="hold", second=lambda: allocation.serve(self.event.pk)
        )

    def test_with_it_the_last_place_is_booked_once(self):
        self.assertEqual(self.book_the_last_place(), {"second": OperationalError, "first": "done"})
        self.assertEqual(numbers(self.event), {"held": 0, "booked": 1, "waiting": 0})
        self.assertEqual(Ticket.objects.get().user, self.alice)

    def test_with_it_a_hold_is_released_once(self):
        self.assertEqual(self.release_one_hold_twice(), {"second": OperationalError, "first": "done"})
        self.assertEqual(numbers(self.event), {"held": 1, "booked": 0, "waiting": 0})

    def test_with_it_a_person_is_served_once(self):
        self.assertEqual(self.serve_one_person_twice(), {"second": OperationalError, "first": "done"})
        self.assertEqual(numbers(self.event), {"held": 1, "booked": 0, "waiting": 0})

    def test_without_it_the_last_place_is_fought_over_and_the_constraint_refuses(self):
        with lock_taken_out():
            outcomes = self.book_the_last_place()
        # SQLite notices by itself that what was read has changed, which is the same defeat: a person gets an error.
        error = OperationalError if connection.vendor == "sqlite" else IntegrityError
        self.assertEqual(outcomes, {"second": "done", "first": error})
        self.assertEqual(numbers(self.event), {"held": 0, "booked": 1, "waiting": 0})
        self.assertEqual(Ticket.objects.get().user, self.bob)

    def test_without_it_a_second_release_is_noticed(self):
        with lock_taken_out():
            outcomes = self.release_one_hold_twice()
        error = OperationalError if connection.vendor == "sqlite" else RuntimeError
        self.assertEqual(outcomes, {"second": "done", "first": error})
        self.assertEqual(numbers(self.event), {"held": 1, "booked": 0, "waiting": 0})

    def test_without_it_numbers_and_rows_part(self):
        with lock_taken_out(), mock.patch.object(Ledger, "write"):  # which would notice, too
            outcomes = self.serve_one_person_twice()
        if connection.vendor == "sqlite":
            self.assertEqual(outcomes, {"second": "done", "first": OperationalError})
        else:
            self.assertEqual(outcomes, {"second": "done", "first": "done"})
            with self.assertRaisesMessage(AssertionError, "the counters say"):
                numbers(self.event)

    def test_without_it_and_without_the_guarded_steps_a_place_is_sold_twice(self):
        def write_what_was_read(serving: Serving) -> None:
            for event in serving.events.values():
                Event.objects.filter(pk=event.pk).update(held=event.held, booked=event.booked)

        # The ledger's numbers are the last guard: two entries of one number are refused as well.
        # Even a deferred transaction of SQLite refuses to write on what is no longer true: there, none at all.
        unguarded = mock.patch.object(Serving, "write_numbers", write_what_was_read)
        with lock_taken_out("SELECT 1"), unguarded:
            self.assertEqual(self.book_the_last_place(), {"second": "done", "first": IntegrityError})
        with lock_taken_out("SELECT 1"), unguarded, mock.patch.object(Ledger, "write"):
            outcomes = self.book_the_last_place()
        self.assertEqual(outcomes, {"second": "done", "first": "done"})
        self.assertEqual(
            (Event.objects.latest("pk").capacity, Ticket.objects.valid().filter(event=self.event).count()), (1, 2)
        )
