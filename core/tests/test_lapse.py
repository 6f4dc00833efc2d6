"""The end of a hold by time (rules 2 and 13), and the clock that sees to it."""

import logging
from typing import Any
from unittest import mock

from django.test import TestCase

from core import allocation, clock, locking
from core.models import Event, TicketHold
from core.now import now

from .cast import Cast, ago, book, holders, join, lapse, later, make_event, numbers, open_sale, statuses


class LapseTests(Cast, TestCase):
    def test_time_decides_though_nothing_swept(self):
        event = make_event()
        join(event, self.alice)
        join(event, self.bob)
        lapse(TicketHold.objects.filter(user=self.alice))
        moment = now()
        names = {
            name: [place.user.username for place in places]
            for name, places in {
                "live": TicketHold.objects.live(moment),
                "lapsed": TicketHold.objects.lapsed(moment),
            }.items()
        }
        self.assertEqual(names, {"live": ["bob"], "lapsed": ["alice"]})
        self.assertEqual(statuses(event), [("alice", "held"), ("bob", "held")])

    def test_a_hold_is_dead_at_the_very_moment_it_expires(self):
        join(make_event(), self.alice)
        place = TicketHold.objects.get()
        assert place.expires_at
        self.assertEqual(list(TicketHold.objects.lapsed(place.expires_at)), [place])
        self.assertEqual(list(TicketHold.objects.live(place.expires_at)), [])

    def test_a_hold_ended_when_its_time_was_over_not_when_it_was_noticed(self):
        event = make_event()
        join(event, self.alice)
        TicketHold.objects.update(expires_at=ago(hours=3))
        allocation.serve(event.pk)
        place = TicketHold.objects.get()
        self.assertEqual((place.status, place.ended_at), ("expired", place.expires_at))

    def test_serving_again_ends_nothing_twice(self):
        event = make_event()
        join(event, self.alice)
        join(event, self.bob)
        lapse(TicketHold.objects.filter(user=self.alice))
        allocation.serve(event.pk)
        version = Event.objects.get().version
        allocation.serve(event.pk)
        self.assertEqual(Event.objects.get().version, version)
        self.assertEqual(numbers(event), {"held": 1, "booked": 0, "waiting": 0})

    def test_a_hold_that_lapses_while_its_booking_waits_for_the_lock_has_lapsed(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        lock = locking._locking

        def lock_after_a_wait(**kwargs: Any) -> Any:
            TicketHold.objects.update(expires_at=now())
            return lock(**kwargs)

        with mock.patch.object(locking, "_locking", lock_after_a_wait):
            book(event, self.alice)
        self.assertEqual(statuses(event), [("alice", "expired")])

    def test_a_hold_of_a_sale_that_closed_lapses_and_nobody_is_served(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        join(event, self.bob)
        Event.objects.update(sales_close_at=ago(seconds=1))
        lapse(TicketHold.objects.all())
        clock.tick()
        self.assertEqual(statuses(event), [("alice", "expired"), ("bob", "waiting")])


class ClockTests(Cast, TestCase):
    def test_it_gives_a_lapsed_place_to_the_next_in_line(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        join(event, self.bob)
        lapse(TicketHold.objects.all())
        self.assertEqual(clock.tick(), 1)
        self.assertEqual(statuses(event), [("alice", "expired"), ("bob", "held")])
        self.assertEqual(numbers(event), {"held": 1, "booked": 0, "waiting": 0})

    def test_it_serves_who_was_forgotten(self):
        event = make_event(capacity=1)
        TicketHold.objects.create(event=event, user=self.alice)  # as if the process had died before serving
        self.assertEqual(clock.tick(), 1)
        self.assertEqual(holders(event), ["alice"])

    def test_it_leaves_alone_what_needs_nothing(self):
        full, before = make_event(capacity=1), make_event(sales_open_at=later(hours=1))
        draft = make_event(status="draft")
        for event, person in ((full, self.alice), (full, self.bob), (before, self.alice)):
            join(event, person)
        book(make_event(), self.alice)
        self.assertEqual((clock.tick(), clock.tick()), (2, 0))  # bob and alice waited for the ledger only
        self.assertEqual(statuses(full), [("alice", "held"), ("bob", "waiting")])
        self.assertEqual((statuses(before), statuses(draft)), ([("alice", "waiting")], []))

    def test_it_clears_a_line_of_the_deactivated_once(self):
        event = make_event(capacity=0)
        join(event, self.alice)
        type(self.alice).objects.filter(pk=self.alice.pk).update(is_active=False)
        Event.objects.update(capacity=1)
        self.assertEqual((clock.tick(), clock.tick()), (1, 0))
        self.assertEqual(statuses(event), [("alice", "left")])

    def test_it_carries_out_an_opening_once(self):
        event = make_event(sales_open_at=later(hours=1))
        self.assertEqual(clock.tick(), 0)
        open_sale(event)
        self.assertEqual((clock.tick(), clock.tick()), (1, 0))
        self.assertIsNotNone(Event.objects.get(pk=event.pk).opened_at)

    def test_it_ends_the_line_when_the_event_starts_and_leaves_live_holds(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        join(event, self.bob)
        Event.objects.update(starts_at=ago(seconds=1))
        self.assertEqual(clock.tick(), 1)
        self.assertEqual(statuses(event), [("alice", "held"), ("bob", "left")])
        self.assertEqual(clock.tick(), 0)

    def test_trouble_with_one_event_does_not_stop_the_others(self):
        events = [make_event(capacity=1) for _ in range(3)]
        for event in events:
            join(event, self.alice)
        lapse(TicketHold.objects.all())
        serve = allocation.serve

        def fail_once(event_id: int, *, skip_locked: bool) -> None:
            if event_id == events[0].pk:
                raise ValueError("broken on purpose")
            serve(event_id, skip_locked=skip_locked)

        with mock.patch.object(allocation, "serve", fail_once), self.assertLogs("core.clock", logging.ERROR) as logs:
            self.assertEqual(clock.tick(), 3)
        self.assertEqual([statuses(event)[0][1] for event in events], ["held", "expired", "expired"])
        self.assertEqual(
            [record.getMessage() for record in logs.records], [f"event {events[0].pk} could not be served"]
        )
