"""Giving a place back (rules 2, 7 and 14)."""

from functools import partial

from django.test import TestCase, TransactionTestCase

from core import allocation
from core.models import Cause, Event, Ticket, TicketHold

from .cast import (
    Cast,
    CastOfRaces,
    book,
    join,
    lapse,
    make_event,
    make_people,
    numbers,
    race,
    refusal,
    release,
    statuses,
)


class ReleaseTests(Cast, TestCase):
    def test_a_released_place_goes_to_the_first_in_line(self):
        event = make_event(capacity=1)
        for person in (self.alice, self.bob, self.greta):
            join(event, person)
        release(event, self.alice)
        self.assertEqual(statuses(event), [("alice", "released"), ("bob", "held"), ("greta", "waiting")])
        self.assertEqual(numbers(event), {"held": 1, "booked": 0, "waiting": 1})

    def test_who_waits_leaves_the_line(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        join(event, self.bob)
        release(event, self.bob)
        self.assertEqual(statuses(event), [("alice", "held"), ("bob", "left")])
        self.assertEqual(numbers(event), {"held": 1, "booked": 0, "waiting": 0})

    def test_twice_changes_nothing_and_answers_the_same(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        join(event, self.bob)
        for person, status in ((self.bob, "left"), (self.alice, "released")):
            with self.subTest(status=status):
                first, again = release(event, person), release(event, person)
                assert first and again
                self.assertEqual((first.status, again.status, again.ended_at), (status, status, first.ended_at))
        self.assertEqual(numbers(event), {"held": 0, "booked": 0, "waiting": 0})

    def test_without_a_place_there_is_nothing_to_release(self):
        event = make_event()
        join(event, self.bob)
        self.assertEqual(release(event, self.alice), None)
        self.assertEqual(statuses(event), [("bob", "held")])

    def test_a_booked_place_is_not_released(self):
        event = make_event()
        join(event, self.alice)
        book(event, self.alice)
        self.assertEqual(refusal(lambda: release(event, self.alice)), ("already_booked", False))
        self.assertEqual(statuses(event), [("alice", "booked")])
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_a_lapsed_hold_ends_as_expired(self):
        event = make_event()
        join(event, self.alice)
        lapse(TicketHold.objects.all())
        release(event, self.alice)
        self.assertEqual(statuses(event), [("alice", "expired")])
        self.assertEqual(numbers(event), {"held": 0, "booked": 0, "waiting": 0})

    def test_a_place_of_one_event_leaves_the_other_events_alone(self):
        event, other = make_event(), make_event()
        join(event, self.alice)
        join(other, self.alice)
        release(event, self.alice)
        self.assertEqual((statuses(event), statuses(other)), ([("alice", "released")], [("alice", "held")]))

    def test_a_draft_does_not_exist(self):
        event = make_event(status="draft")
        with self.assertRaises(Event.DoesNotExist):
            release(event, self.alice)


class EndPlacesTests(Cast, TestCase):
    def test_places_of_several_events_end_and_each_line_is_served(self):
        first, second = make_event(capacity=1), make_event(capacity=0)
        for event, person in ((first, self.alice), (first, self.bob), (second, self.alice), (second, self.bob)):
            join(event, person)
        self.assertEqual(
            allocation.end_places(TicketHold.objects.filter(user=self.alice), cause=Cause.REMOVED_BY_STAFF), 2
        )
        self.assertEqual(statuses(first), [("alice", "released"), ("bob", "held")])
        self.assertEqual(statuses(second), [("alice", "left"), ("bob", "waiting")])

    def test_ended_places_and_tickets_stay_as_they_are(self):
        event = make_event()
        join(event, self.alice)
        book(event, self.alice)
        self.assertEqual(
            allocation.end_places(TicketHold.objects.filter(user=self.alice), cause=Cause.REMOVED_BY_STAFF), 0
        )
        self.assertEqual((statuses(event), Ticket.objects.valid().count()), ([("alice", "booked")], 1))


class ReleaseRaceTests(CastOfRaces, TransactionTestCase):
    def test_many_releases_at_once_free_one_place(self):
        event = make_event(capacity=2)
        for person in (self.alice, self.bob, *make_people(3)):
            join(event, person)
        places = race([lambda: release(event, self.alice)] * 20)
        self.assertEqual(places, [TicketHold.objects.get(user=self.alice)] * 20)
        self.assertEqual(numbers(event), {"held": 2, "booked": 0, "waiting": 2})

    def test_release_and_booking_of_the_same_hold_are_one_or_the_other(self):
        event = make_event(capacity=8)
        people = make_people(8)
        for person in people:
            join(event, person)
        join(event, self.alice)
        race([partial(act, event, person) for person in people for act in (book, release)])
        for person in people:
            place = TicketHold.objects.get(user=person)
            has_ticket = Ticket.objects.valid().filter(user=person)
            with self.subTest(person=person.username, place=place.status):
                # Released first, a place may be gone to alice, or still be free and booked directly.
                self.assertIn(place.status, ["booked", "released"])
                if place.status == "booked":
                    self.assertEqual(has_ticket.get().hold, place)
                else:
                    self.assertEqual(list(has_ticket.filter(hold=None)), list(has_ticket))
        self.assertEqual(TicketHold.objects.waiting().exists() and Event.objects.get().free > 0, False)
        numbers(event)
