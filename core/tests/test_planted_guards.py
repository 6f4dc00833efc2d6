"""The last guards taken out, one at a time: what they keep out comes about then, and the history checker names it.

Each guard is shown at work as well: with it, the same schedule ends in an error, in a refusal, or as if nothing was.
"""

import itertools
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from unittest import mock, skipUnless

from django.db import IntegrityError, connection, connections, transaction
from django.test import TransactionTestCase

from core import allocation, booking, checkin, steering
from core.checkin import scans
from core.fairness.ledger import Ledger
from core.models import Event, Scan, Ticket, TicketHold, User
from core.serving import Serving

from .cast import PATIENCE, CastOfRaces, book, make_event, revise
from .test_planted_faults import Planted
from .test_planted_writes import PlantedCase, Recorder, violations


def run_sql(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)


class GuardCase(PlantedCase):
    """What is dropped here comes back with the end of the test's transaction."""

    def drop_index(self, name: str) -> None:
        run_sql(f"DROP INDEX {name}")

    def drop_check(self, table: str, name: str) -> None:
        if connection.vendor == "postgresql":
            run_sql("SET CONSTRAINTS ALL IMMEDIATE")  # no table is altered while something is to be checked
            run_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        else:  # which has no such statement
            run_sql("PRAGMA ignore_check_constraints = ON")
            self.addCleanup(run_sql, "PRAGMA ignore_check_constraints = OFF")


def in_between(owner: Any, name: str, act: Callable[[], object]) -> Planted:
    """Do something right before some function does its work for the first time; `reached` is 1 then."""
    planted: Planted

    def interrupt(whole: Any, *args: Any, **kwargs: Any) -> Any:
        act()
        return whole(*args, **kwargs)

    planted = Planted(owner, name, interrupt, when=lambda *_, **__: planted.reached == 0)
    return planted


class OnePlaceEachTests(GuardCase):
    """Joining locks nothing: that one person has one place is the index's alone."""

    def join_in_two_tabs(self) -> None:
        self.people.book(self.event, self.bob)  # so that whoever joins waits
        with in_between(allocation, "store_new", lambda: self.people.join(self.event, self.alice)) as planted:
            self.people.join(self.event, self.alice)
        self.assertEqual(planted.reached, 1)

    def test_with_the_index_two_tabs_get_one_place(self) -> None:
        self.join_in_two_tabs()
        self.assertEqual((self.found(), TicketHold.objects.count()), ({}, 1))

    def test_without_the_index_two_tabs_get_two(self) -> None:
        self.drop_index("hold_one_live_per_person")
        self.join_in_two_tabs()
        first, second = TicketHold.objects.order_by("pk").values_list("pk", flat=True)
        told = f"person {self.alice.pk} had two places at once, {first} and {second}"
        self.assertEqual(self.found()["one each"], [told])


class OneTicketEachTests(GuardCase):
    """Who has a ticket is looked up under the lock; the index is the guard behind it."""

    def book_twice(self) -> None:
        Event.objects.filter(pk=self.event.pk).update(capacity=5)
        self.people.book(self.event, self.alice)
        with Planted(booking, "with_ticket", lambda *_: {}) as planted:
            self.people.book(self.event, self.alice)
        self.assertGreater(planted.reached, 0)

    def test_with_the_index_somebody_is_shown_an_error_and_has_one_ticket(self) -> None:
        self.book_twice()
        self.assertEqual((list(self.found()), Ticket.objects.count()), (["answers"], 1))

    def test_without_the_index_somebody_has_two_tickets(self) -> None:
        self.drop_index("ticket_one_valid_per_person")
        self.book_twice()
        first, second = Ticket.objects.order_by("pk").values_list("pk", flat=True)
        told = f"person {self.alice.pk} had two tickets at once, {first} and {second}"
        self.assertEqual(self.found()["one each"], [told])


class CapacityTests(GuardCase):
    """Alice and bob have the two places; staff take one away, and nobody looks at what is taken."""

    def lower_the_capacity(self) -> None:
        Event.objects.filter(pk=self.event.pk).update(capacity=2)
        for person in (self.alice, self.bob):
            self.people.book(self.event, person)
        with Planted(steering, "_refuse_revision", lambda *_: None) as planted:
            try:
                with transaction.atomic():
                    revise(self.event, capacity=1)
            finally:
                self.assertEqual(planted.reached, 1)

    def test_with_the_constraint_it_is_refused(self) -> None:
        with self.assertRaises(IntegrityError):
            self.lower_the_capacity()
        self.assertEqual(self.found(), {})

    def test_without_it_more_places_are_taken_than_there_are(self) -> None:
        self.drop_check("core_event", "event_never_oversold")
        self.lower_the_capacity()
        found = self.found()
        self.assertEqual(found["numbers"], ["2 places are taken of 1"])
        self.assertIn("1 more places were given than there were", " ".join(found["oversold"]))


class ReadingGate:
    """A gate that looks whether a ticket was used, and then writes that it is."""

    def plant(self) -> Planted:
        return Planted(scans, "_judge", self.judge)

    def judge(self, _: Any, ticket: Ticket, event: Event, staff: User, moment: Any) -> str:
        if Ticket.objects.get(pk=ticket.pk).checked_in_at is not None:
            return Scan.Outcome.ALREADY_CHECKED_IN
        return self.write(ticket, staff, moment)

    def write(self, ticket: Ticket, staff: User, moment: Any) -> str:
        Ticket.objects.filter(pk=ticket.pk).update(checked_in_at=moment, checked_in_by=staff)
        return Scan.Outcome.ADMITTED


class GateTests(GuardCase):
    """A ticket is shown at a second gate between what the first one reads and what it writes."""

    def setUp(self) -> None:
        super().setUp()
        self.presses = itertools.count()

    def scan(self) -> None:
        ticket = Ticket.objects.get()
        nonce = f"nonce {next(self.presses)}"

        def act() -> tuple[str, str]:
            result = checkin.scan(code=ticket.code, event=self.event, staff=self.greta, nonce=nonce)
            return nonce, str(result.outcome)

        self.people.call("scan", self.greta, act)

    def scan_at_two_gates(self, judge: AbstractContextManager[Any], moment: tuple[Any, str]) -> None:
        self.people.book(self.event, self.alice)
        with judge, in_between(*moment, self.scan) as planted:
            self.scan()
        self.assertEqual(planted.reached, 1)

    def outcomes(self) -> list[str]:
        return list(Scan.objects.order_by("pk").values_list("outcome", flat=True))

    def test_one_statement_that_looks_and_writes_admits_once(self) -> None:
        self.scan_at_two_gates(nullcontext(), (scans, "_judge"))
        self.assertEqual((self.found(), self.outcomes()), ({}, ["admitted", "already_checked_in"]))

    def test_reading_then_writing_ends_in_an_error_with_the_index(self) -> None:
        gate = ReadingGate()
        self.scan_at_two_gates(gate.plant(), (gate, "write"))
        self.assertEqual([call.outcome for call in self.people.calls], ["ok", "ok", "error"])
        self.assertIn("scan of person", " ".join(self.found()["answers"]))

    def test_reading_then_writing_admits_twice_without_the_index(self) -> None:
        self.drop_index("scan_admits_once")
        gate = ReadingGate()
        self.scan_at_two_gates(gate.plant(), (gate, "write"))
        self.assertEqual(self.found()["scans"], [f"ticket {Ticket.objects.get().pk} was admitted twice"])


class ExpiryTests(GuardCase):
    def test_a_hold_whose_end_nobody_looks_at_is_booked_after_it(self) -> None:
        self.people.join(self.event, self.alice)
        self.clock.move(minutes=11)
        whole = TicketHold.is_lapsed
        with Planted(TicketHold, "is_lapsed", lambda *_: False, when=whole) as planted:
            self.people.book(self.event, self.alice)
        self.assertGreater(planted.reached, 0)
        self.assertIn("was booked 60.0", " ".join(self.found()["late bookings"]))


class CountingEvent:
    """A box office that locks an event, and counts its rows in place of keeping numbers; `counts` are what it found."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def free(self, event: Event) -> int:
        held = TicketHold.objects.filter(event=event, status="held").count()
        self.counts.append(event.capacity - held - Ticket.objects.valid().filter(event=event).count())
        return self.counts[-1]


@skipUnless(connection.vendor == "postgresql", "SQLite has one isolation level, and one writer at a time")
class IsolationTests(CastOfRaces, TransactionTestCase):
    """Alice's transaction has begun to read when bob books the last place, and then gets the lock, and counts."""

    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(capacity=1, auto_hold=False)
        self.people, self.box_office = Recorder(), CountingEvent()
        self.enterContext(mock.patch.object(Event, "free", property(self.box_office.free)))
        for owner, name in ((Serving, "write_numbers"), (Ledger, "write")):  # the row itself stays as it is
            self.enterContext(mock.patch.object(owner, name))

    def book_meanwhile(self) -> None:
        def run() -> None:
            try:
                self.people.book(self.event, self.bob)
            finally:
                connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join(PATIENCE)

    def book_at(self, level: str) -> dict[str, list[str]]:
        def act() -> tuple[int, str]:
            run_sql(f"SET TRANSACTION ISOLATION LEVEL {level}")
            Event.objects.get(pk=self.event.pk)
            self.book_meanwhile()
            ticket = book(self.event, self.alice)
            return ticket.pk, ticket.code

        self.people.call("book", self.alice, act)
        return violations(self.event, self.people.calls)

    def test_under_read_committed_what_is_counted_after_the_lock_is_true(self) -> None:
        found = self.book_at("READ COMMITTED")
        self.assertEqual((self.box_office.counts[-1], "oversold" in found), (0, False))
        self.assertEqual([call.outcome for call in self.people.calls], ["ok", "sold_out"])

    def test_under_repeatable_read_the_last_place_is_sold_twice(self) -> None:
        found = self.book_at("REPEATABLE READ")
        self.assertEqual(Ticket.objects.valid().count(), 2)
        self.assertIn("1 more places were given than there were", " ".join(found["oversold"]))
