"""What staff may change about an event (rules 2, 3 and 19)."""

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any

from django.test import TestCase, TransactionTestCase

from core.models import Event, Ticket, TicketHold
from core.refusals import CapacityTooLow, EventInUse

from .cast import (
    Cast,
    CastOfRaces,
    ago,
    book,
    join,
    lapse,
    later,
    make_event,
    make_people,
    numbers,
    race,
    refusal,
    release,
    revise,
    statuses,
)


class CapacityTests(Cast, TestCase):
    def test_raised_it_serves_the_line(self):
        event = make_event(capacity=1)
        for person in (self.alice, self.bob, self.greta):
            join(event, person)
        revise(event, capacity=2)
        self.assertEqual(statuses(event), [("alice", "held"), ("bob", "held"), ("greta", "waiting")])
        self.assertEqual(numbers(event), {"held": 2, "booked": 0, "waiting": 1})

    def test_it_can_be_lowered_to_what_is_booked_and_held(self):
        event = make_event(capacity=5)
        book(event, self.alice)
        join(event, self.bob)
        revise(event, capacity=2)
        self.assertEqual(Event.objects.get().capacity, 2)

    def test_lowered_further_it_is_refused_with_the_number(self):
        event = make_event(capacity=5)
        book(event, self.alice)
        join(event, self.bob)
        with self.assertRaises(CapacityTooLow) as refused:
            revise(event, capacity=1)
        self.assertEqual(
            refused.exception.detail,
            "Booked: 1, held: 1. The capacity cannot go below 2.",
        )
        self.assertEqual(Event.objects.get().capacity, 5)

    def test_a_lapsed_hold_that_nothing_swept_does_not_keep_it_up(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        lapse(TicketHold.objects.all())
        revise(event, capacity=0)
        self.assertEqual(numbers(event), {"held": 0, "booked": 0, "waiting": 0})

    def test_a_refused_change_changes_nothing_else_either(self):
        event = make_event(capacity=5)
        book(event, self.alice)
        with self.assertRaises(CapacityTooLow):
            revise(event, name="Other", capacity=0)
        self.assertEqual(Event.objects.values_list("name", "capacity").get(), ("Concert", 5))

    def test_the_version_rises_with_capacity_booked_and_held_and_details(self):
        event = make_event()
        steps: list[Callable[[], Any]] = [
            lambda: revise(event, capacity=3),
            lambda: revise(event, name="Other"),
            lambda: join(event, self.alice),
            lambda: book(event, self.alice),
            lambda: join(event, self.bob),
            lambda: release(event, self.bob),
        ]
        versions = [0]
        for step in steps:
            step()
            versions.append(Event.objects.get().version)
        self.assertEqual(versions, sorted(set(versions)))


class StaleEventTests(Cast, TestCase):
    def test_saving_an_event_that_was_loaded_before_a_sale_keeps_the_numbers(self):
        stale = make_event()
        join(stale, self.alice)
        book(stale, self.bob)
        kept = Event.objects.values("held", "booked", "version", "opened_at").get()
        stale.name, stale.capacity = "Other", 7
        stale.save()
        self.assertEqual(Event.objects.values("held", "booked", "version", "opened_at").get(), kept)
        self.assertEqual(Event.objects.values_list("name", "capacity").get(), ("Other", 7))
        self.assertEqual(numbers(stale), {"held": 1, "booked": 1, "waiting": 0})

    def test_so_does_an_event_that_was_loaded_in_part(self):
        book(make_event(), self.bob)
        part = Event.objects.only("name").get()
        part.name = "Other"
        part.save()
        self.assertEqual(Event.objects.values_list("name", "booked").get(), ("Other", 1))


class StatusTests(Cast, TestCase):
    def test_cancelling_ends_places_and_holds_and_keeps_the_tickets(self):
        event = make_event(capacity=2)
        ticket = book(event, self.greta)
        join(event, self.alice)
        join(event, self.bob)
        revise(event, status="cancelled")
        self.assertEqual(statuses(event), [("alice", "released"), ("bob", "left")])
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})
        self.assertEqual(Ticket.objects.get(pk=ticket.pk).status, "cancelled")

    def test_more_places_for_a_cancelled_event_serve_nobody(self):
        event = make_event(capacity=0)
        join(event, self.alice)
        revise(event, status="cancelled", capacity=5)
        self.assertEqual(statuses(event), [("alice", "left")])

    def test_it_becomes_a_draft_again_while_nobody_has_anything(self):
        event = make_event()
        join(event, self.alice)
        release(event, self.alice)
        revise(event, status="draft")
        self.assertEqual(Event.objects.get().status, "draft")

    def test_it_stays_published_while_anybody_has_a_place_or_a_ticket(self):
        ticketed, held = make_event(), make_event()
        waited_for = make_event(capacity=0)
        book(ticketed, self.alice)
        join(held, self.alice)
        join(waited_for, self.alice)
        for event in (ticketed, held, waited_for):
            with self.subTest(event=event.pk):
                with self.assertRaises(EventInUse):
                    revise(event, status="draft")
                self.assertEqual(Event.objects.get(pk=event.pk).status, "published")

    def test_publishing_a_draft_puts_it_on_sale(self):
        event = make_event(status="draft")
        revise(event, status="published")
        book(event, self.alice)
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})


class SalesWindowTests(Cast, TestCase):
    def test_a_sale_that_is_opened_early_serves_the_line(self):
        event = make_event(sales_open_at=later(hours=1))
        join(event, self.alice)
        revise(event, sales_open_at=ago(minutes=1))
        self.assertEqual(statuses(event), [("alice", "held")])

    def test_a_sale_that_is_paused_serves_nobody_and_keeps_holds(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        join(event, self.bob)
        revise(event, sales_open_at=later(hours=1))
        release(event, self.alice)
        self.assertEqual(statuses(event), [("alice", "released"), ("bob", "waiting")])
        self.assertEqual(refusal(lambda: book(event, self.greta)), ("not_on_sale", True))

    def test_a_close_that_is_put_off_serves_the_line(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        join(event, self.bob)
        revise(event, sales_close_at=ago(minutes=1))
        release(event, self.alice)
        revise(event, sales_close_at=later(days=1))
        self.assertEqual(statuses(event), [("alice", "released"), ("bob", "held")])

    def test_an_event_that_is_moved_ahead_of_now_ends_its_line(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        join(event, self.bob)
        revise(event, starts_at=ago(minutes=1))
        self.assertEqual(statuses(event), [("alice", "held"), ("bob", "left")])

    def test_the_bounds_are_exact(self):
        moment, tick = later(hours=1), dt.timedelta(microseconds=1)
        event = make_event(sales_open_at=moment, sales_close_at=moment + tick, starts_at=moment + 2 * tick)
        moments = [moment - tick, moment, moment + tick, moment + 2 * tick]
        self.assertEqual([event.is_on_sale(at) for at in moments], [False, True, False, False])
        self.assertEqual([Event.objects.on_sale(at).exists() for at in moments], [False, True, False, False])
        self.assertEqual([event.is_before_sale(at) for at in moments], [True, False, False, False])
        self.assertEqual([event.is_sale_closed(at) for at in moments], [False, False, True, True])
        self.assertEqual([event.is_over(at) for at in moments], [False, False, False, True])


class RevisionRaceTests(CastOfRaces, TransactionTestCase):
    def test_lowering_the_capacity_during_a_rush_never_cuts_off_what_was_given(self):
        event, people = make_event(capacity=30), make_people(30)
        calls: list[Callable[[], Any]] = [partial(join, event, person) for person in people]
        for at, capacity in ((2, 20), (7, 10), (12, 5), (17, 15), (22, 25)):
            calls.insert(at, partial(revise, event, capacity=capacity))
        race(calls)
        event.refresh_from_db()
        self.assertLessEqual(event.held, event.capacity)
        self.assertEqual(numbers(event), {"held": event.held, "booked": 0, "waiting": 30 - event.held})
        self.assertEqual(min(event.free, 30 - event.held), 0)
