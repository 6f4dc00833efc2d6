"""Giving a ticket back (rules 2 and 18)."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.test import TestCase, TransactionTestCase

from core import allocation, checkin, steering, transfer
from core.models import Cause, Event, Ticket
from core.now import now
from core.refusals import AlreadyCheckedIn

from .cast import (
    Cast,
    CastOfRaces,
    ago,
    book,
    give,
    join,
    make_event,
    make_people,
    numbers,
    race,
    refusal,
    statuses,
)


def cancel(ticket: Ticket, cause: Cause = Cause.CANCELLED_BY_OWNER) -> Ticket:
    return allocation.cancel_ticket(ticket_id=ticket.pk, cause=cause)


class CancelTicketTests(Cast, TestCase):
    def test_its_place_goes_to_the_first_in_line(self):
        event = make_event(capacity=1)
        ticket = book(event, self.alice)
        join(event, self.bob)
        join(event, self.greta)
        self.assertEqual(cancel(ticket).status, "cancelled")
        self.assertEqual(statuses(event), [("bob", "held"), ("greta", "waiting")])
        self.assertEqual(numbers(event), {"held": 1, "booked": 0, "waiting": 1})

    def test_twice_changes_nothing(self):
        event = make_event(capacity=3)
        ticket = book(event, self.alice)
        book(event, self.bob)
        first, again = cancel(ticket), cancel(ticket)
        self.assertEqual(again.cancelled_at, first.cancelled_at)
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_once_the_event_has_started_its_owner_cannot_but_staff_can(self):
        event = make_event()
        ticket = book(event, self.alice)
        Event.objects.update(starts_at=ago(seconds=1))
        self.assertEqual(refusal(lambda: cancel(ticket)), ("over", False))
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})
        self.assertEqual(cancel(ticket, Cause.CANCELLED_BY_STAFF).status, "cancelled")
        self.assertEqual(numbers(event), {"held": 0, "booked": 0, "waiting": 0})

    def test_admitted_it_cannot_be_cancelled_by_anybody(self):
        event = make_event()
        ticket = book(event, self.alice)
        Ticket.objects.update(checked_in_at=now(), checked_in_by=self.greta)
        for cause in (Cause.CANCELLED_BY_OWNER, Cause.CANCELLED_BY_STAFF, Cause.ERASED):
            with self.subTest(cause=cause):
                self.assertEqual(refusal(partial(cancel, ticket, cause)), ("already_checked_in", False))
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_of_a_cancelled_event_it_stays_on_record(self):
        event = make_event()
        ticket = book(event, self.alice)
        steering.revise_event(event_id=event.pk, values={"status": "cancelled"})
        self.assertEqual(refusal(lambda: cancel(ticket)), ("cancelled", False))
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_what_another_ticket_has_taken_the_place_of_is_not_taken_for_cancelled(self):
        event = make_event()
        ticket = book(event, self.alice)
        new = transfer.reissue(ticket_id=ticket.pk)
        self.assertEqual(refusal(lambda: cancel(ticket)), ("given", False))
        give(new, self.bob)
        self.assertEqual(refusal(lambda: cancel(new)), ("given", False))
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_the_person_can_book_again_with_a_new_code(self):
        event = make_event(capacity=1)
        ticket = cancel(book(event, self.alice))
        again = book(event, self.alice)
        self.assertNotEqual(again.code, ticket.code)
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})


class CancelRaceTests(CastOfRaces, TransactionTestCase):
    def test_many_cancellations_at_once_free_one_place(self):
        event = make_event(capacity=2)
        ticket = book(event, self.alice)
        book(event, self.bob)
        for person in make_people(3):
            join(event, person)
        race([lambda: cancel(ticket)] * 20)
        self.assertEqual(numbers(event), {"held": 1, "booked": 1, "waiting": 2})

    def scan(self, ticket: Ticket) -> str:
        return checkin.scan(code=ticket.code, event=ticket.event, staff=self.greta).outcome

    def test_a_ticket_is_admitted_or_cancelled_never_both(self):
        event = make_event(capacity=20)
        tickets = [book(event, person) for person in make_people(20)]
        calls: list[Callable[[], Any]] = [partial(cancel, ticket) for ticket in tickets]
        calls += [partial(self.scan, ticket) for ticket in tickets]
        results = race(calls)
        cancelled, outcomes = results[:20], results[20:]
        for ticket, cancellation, outcome in zip(tickets, cancelled, outcomes, strict=True):
            with self.subTest(outcome=outcome):
                ticket.refresh_from_db()
                if outcome == "admitted":
                    self.assertEqual((type(cancellation), ticket.cancelled_at), (AlreadyCheckedIn, None))
                else:
                    self.assertEqual((outcome, ticket.checked_in_at), ("cancelled", None))
        self.assertEqual(numbers(event)["booked"], outcomes.count("admitted"))
