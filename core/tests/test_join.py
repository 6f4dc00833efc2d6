"""Taking a place in line (rules 4, 5, 7 and 11)."""

import datetime as dt
from functools import partial

from django.test import TestCase, TransactionTestCase

from core.models import Event, TicketHold

from .cast import (
    Cast,
    CastOfRaces,
    ago,
    arrive,
    book,
    join,
    lapse,
    later,
    make_event,
    make_people,
    numbers,
    race,
    refusal,
    statuses,
)


class JoinTests(Cast, TestCase):
    def test_a_free_place_is_held_at_once_for_ten_minutes(self):
        event = make_event(capacity=2)
        place = join(event, self.alice, arrive(self.alice))
        assert place.held_at and place.expires_at
        self.assertEqual((place.status, place.expires_at - place.held_at), ("held", dt.timedelta(minutes=10)))
        self.assertEqual(numbers(event), {"held": 1, "booked": 0, "waiting": 0})

    def test_without_a_free_place_people_wait_in_order(self):
        event = make_event(capacity=1)
        people = [self.greta, self.alice, self.bob]
        places = [join(event, person, arrive(person)) for person in people]
        self.assertEqual(
            [(place.status, place.ahead) for place in places],
            [("held", 0), ("waiting", 0), ("waiting", 1)],
        )
        self.assertEqual(numbers(event), {"held": 1, "booked": 0, "waiting": 2})

    def test_joining_again_gives_the_same_hold_with_the_same_expiry(self):
        event = make_event()
        first, again = join(event, self.alice), join(event, self.alice)
        self.assertEqual((again.pk, again.status, again.expires_at), (first.pk, "held", first.expires_at))
        self.assertEqual(numbers(event), {"held": 1, "booked": 0, "waiting": 0})

    def test_joining_again_from_another_login_keeps_the_place_in_line(self):
        event = make_event(capacity=0)
        first = join(event, self.alice, arrive(self.alice, ago(minutes=5)))
        again = join(event, self.alice, arrive(self.alice, ago(minutes=50)))
        self.assertEqual(
            (again.pk, again.session, again.login_timestamp), (first.pk, first.session, first.login_timestamp)
        )

    def test_the_login_of_the_session_ranks_and_the_moment_of_joining_does_not(self):
        event, session = make_event(capacity=0), arrive(self.alice, ago(hours=3))
        self.assertEqual(join(event, self.alice, session).login_timestamp, session.login_timestamp)

    def test_before_the_opening_people_wait_though_places_are_free(self):
        event = make_event(sales_open_at=later(hours=1))
        self.assertEqual(join(event, self.alice).status, "waiting")
        self.assertEqual(numbers(event), {"held": 0, "booked": 0, "waiting": 1})

    def test_with_a_ticket_it_is_refused(self):
        event = make_event()
        book(event, self.alice)
        self.assertEqual(refusal(lambda: join(event, self.alice)), ("already_booked", False))
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_after_the_close_it_is_refused(self):
        event = make_event(sales_open_at=ago(hours=2), sales_close_at=ago(hours=1))
        self.assertEqual(refusal(lambda: join(event, self.alice)), ("not_on_sale", False))
        self.assertEqual(statuses(event), [])

    def test_after_the_close_a_live_hold_is_still_answered(self):
        event = make_event()
        place = join(event, self.alice)
        Event.objects.update(sales_close_at=ago(seconds=1))
        again = join(event, self.alice)
        self.assertEqual((again.pk, again.status, again.expires_at), (place.pk, "held", place.expires_at))

    def test_once_the_event_has_started_it_is_refused(self):
        event = make_event(starts_at=ago(seconds=1))
        self.assertEqual(refusal(lambda: join(event, self.alice)), ("over", False))
        self.assertEqual(statuses(event), [])

    def test_of_a_cancelled_event_it_is_refused(self):
        event = make_event(status="cancelled")
        self.assertEqual(refusal(lambda: join(event, self.alice)), ("cancelled", False))
        self.assertEqual(statuses(event), [])

    def test_a_draft_does_not_exist(self):
        event = make_event(status="draft")
        with self.assertRaises(Event.DoesNotExist):
            join(event, self.alice)
        self.assertEqual(statuses(event), [])

    def test_a_lapsed_hold_that_nothing_swept_is_no_place(self):
        event = make_event(capacity=1)
        first = join(event, self.alice)
        lapse(TicketHold.objects.all())
        again = join(event, self.alice)
        self.assertNotEqual(again.pk, first.pk)
        self.assertEqual(statuses(event), [("alice", "expired"), ("alice", "held")])

    def test_coming_back_after_a_lapse_does_not_pass_who_waited(self):
        event = make_event(capacity=1)
        join(event, self.alice, arrive(self.alice, ago(hours=1)))
        join(event, self.bob, arrive(self.bob, ago(minutes=1)))
        lapse(TicketHold.objects.all())
        self.assertEqual(join(event, self.alice).status, "waiting")
        self.assertEqual(statuses(event), [("alice", "expired"), ("bob", "held"), ("alice", "waiting")])


class JoinRaceTests(CastOfRaces, TransactionTestCase):
    def test_ten_tabs_at_the_same_instant_are_one_place(self):
        event, session = make_event(), arrive(self.alice)
        places = race([lambda: join(event, self.alice, session)] * 10)
        stored = TicketHold.objects.get()
        self.assertEqual(places, [stored] * 10)
        self.assertEqual(numbers(event), {"held": 1, "booked": 0, "waiting": 0})

    def test_nobody_is_forgotten_though_no_clock_runs(self):
        event, people = make_event(capacity=60), make_people(60)
        race([partial(join, event, person) for person in people])
        self.assertEqual(numbers(event), {"held": 60, "booked": 0, "waiting": 0})
