"""The opening of a sale (rule 11)."""

import datetime as dt
import random
from collections.abc import Callable
from functools import partial
from typing import Any

from django.test import TestCase, TransactionTestCase

from core import allocation, clock, steering
from core.models import Event, Ticket, TicketHold, User, UserSession
from core.now import now

from .cast import (
    Cast,
    CastOfRaces,
    ago,
    arrive,
    holders,
    join,
    later,
    make_event,
    make_people,
    numbers,
    open_sale,
    race,
    release,
    statuses,
)


def announced(**fields: object) -> Event:
    """Store an event whose sale opens in an hour."""
    return make_event(sales_open_at=later(hours=1), **fields)


class OpeningTests(Cast, TestCase):
    def test_everybody_there_is_put_in_line_by_their_login_and_served(self):
        event = announced(capacity=2)
        for person, minutes in ((self.alice, 3), (self.bob, 5), (self.greta, 4)):
            arrive(person, ago(minutes=minutes))
        open_sale(event)
        clock.tick()
        self.assertEqual(holders(event), ["bob", "greta"])
        self.assertEqual(numbers(event), {"held": 2, "booked": 0, "waiting": 1})

    def test_those_who_had_joined_keep_their_place_and_are_not_doubled(self):
        event = announced(capacity=1)
        place = join(event, self.alice, arrive(self.alice, ago(minutes=5)))
        arrive(self.alice, ago(minutes=50))
        arrive(self.bob, ago(minutes=4))
        open_sale(event)
        clock.tick()
        self.assertEqual(statuses(event), [("alice", "held"), ("bob", "waiting")])
        self.assertEqual(TicketHold.objects.get(user=self.alice).login_timestamp, place.login_timestamp)

    def test_a_login_after_the_opening_passes_nobody_who_was_there(self):
        event = announced(capacity=1)
        arrive(self.alice, ago(minutes=5))
        open_sale(event)
        allocation.hold_for_login(user=self.bob, session=arrive(self.bob))
        self.assertEqual(statuses(event), [("alice", "held")])

    def test_joining_or_booking_after_the_opening_passes_nobody_who_was_there(self):
        event = announced(capacity=1)
        arrive(self.alice, ago(minutes=5))
        open_sale(event)
        self.assertEqual(join(event, self.bob, arrive(self.bob)).status, "waiting")
        self.assertEqual(holders(event), ["alice"])

    def test_those_who_were_seen_within_15_minutes_count_and_no_others(self):
        event, seen = announced(capacity=5), {self.alice: 14, self.bob: 16}
        for person, minutes in seen.items():
            arrive(person, ago(hours=2), last_seen_at=ago(minutes=minutes))
        open_sale(event)
        clock.tick()
        self.assertEqual(holders(event), ["alice"])

    def test_opened_late_it_still_counts_from_the_announced_moment(self):
        event = announced(capacity=5)
        arrive(self.alice, ago(hours=2), last_seen_at=ago(minutes=30))
        arrive(self.bob, ago(hours=2), last_seen_at=ago(minutes=40))
        arrive(self.greta, ago(minutes=19))
        open_sale(event, minutes=20)
        clock.tick()
        self.assertEqual(holders(event), ["alice"])

    def test_only_who_can_still_act_is_put_in_line(self):
        event = announced(capacity=9)
        gone, deactivated, yesterday, ticketed = make_people(4)
        arrive(gone, ago(minutes=5), is_active=False)
        arrive(deactivated, ago(minutes=5))
        User.objects.filter(pk=deactivated.pk).update(is_active=False)
        arrive(yesterday, ago(hours=25), last_seen_at=ago(minutes=5))
        arrive(ticketed, ago(minutes=5))
        Ticket.objects.create(event=event, user=ticketed, code="A")
        Event.objects.update(booked=1)
        arrive(self.alice, ago(hours=23), last_seen_at=ago(minutes=5))
        open_sale(event)
        clock.tick()
        self.assertEqual(statuses(event), [("alice", "held")])
        self.assertEqual(numbers(event), {"held": 1, "booked": 1, "waiting": 0})

    def test_of_several_logins_the_first_ranks(self):
        event = announced(capacity=1)
        arrive(self.alice, ago(minutes=1))
        arrive(self.bob, ago(minutes=2))
        arrive(self.alice, ago(minutes=3))
        open_sale(event)
        clock.tick()
        self.assertEqual(holders(event), ["alice"])

    def test_a_spent_login_ranks_from_the_moment_the_place_ended(self):
        event = announced(capacity=1)
        arrive(self.alice, ago(hours=3), last_seen_at=ago(minutes=1))
        TicketHold.objects.create(event=event, user=self.alice, status="left", ended_at=ago(hours=1))
        arrive(self.bob, ago(hours=2), last_seen_at=ago(minutes=1))
        open_sale(event)
        clock.tick()
        self.assertEqual(sorted(statuses(event)), [("alice", "left"), ("alice", "waiting"), ("bob", "held")])

    def test_who_left_the_line_just_before_is_not_put_back(self):
        event = announced(capacity=5)
        join(event, self.alice, arrive(self.alice, ago(minutes=5)))
        release(event, self.alice)
        arrive(self.bob, ago(minutes=4))
        open_sale(event)
        clock.tick()
        self.assertEqual(statuses(event), [("alice", "left"), ("bob", "held")])

    def test_without_automatic_holds_only_those_who_joined_are_served(self):
        event = announced(capacity=5, auto_hold=False)
        join(event, self.alice, arrive(self.alice, ago(minutes=5)))
        arrive(self.bob, ago(minutes=6))
        open_sale(event)
        clock.tick()
        self.assertEqual(statuses(event), [("alice", "held")])

    def test_it_happens_once(self):
        event = announced(capacity=5)
        arrive(self.alice, ago(minutes=5))
        open_sale(event)
        clock.tick()
        arrive(self.bob, ago(minutes=6))  # a row that appears too late, as from a slow process
        allocation.serve(event.pk)
        self.assertEqual(holders(event), ["alice"])

    def test_a_sale_that_is_moved_into_the_future_opens_again(self):
        event = announced(capacity=1)
        open_sale(event)
        clock.tick()
        steering.revise_event(event_id=event.pk, values={"sales_open_at": later(hours=1)})
        Event.objects.update(opened_at=ago(minutes=1))
        arrive(self.alice, ago(minutes=5))
        open_sale(event)
        clock.tick()
        self.assertEqual(holders(event), ["alice"])

    def test_a_past_moment_told_for_an_opening_that_was_is_no_second_one(self):
        event = announced(capacity=5)
        open_sale(event, minutes=5)
        clock.tick()
        Event.objects.update(opened_at=ago(minutes=5))
        arrive(self.alice, ago(minutes=3))
        steering.revise_event(event_id=event.pk, values={"sales_open_at": ago(minutes=1)})
        clock.tick()
        self.assertEqual(statuses(event), [])

    def test_a_sale_that_was_put_off_opens_again_when_it_is_moved_to_now_or_its_moment_is_taken_away(self):
        moments: dict[str, Callable[[], object]] = {"now": now, "past": partial(ago, days=1), "none": lambda: None}
        for name, moment in moments.items():
            with self.subTest(name):
                event = announced(capacity=1)
                open_sale(event)
                clock.tick()
                steering.revise_event(event_id=event.pk, values={"sales_open_at": later(hours=1)})
                arrive(self.alice, ago(minutes=5))
                steering.revise_event(event_id=event.pk, values={"sales_open_at": moment()})
                self.assertEqual(statuses(event), [("alice", "held")])
                UserSession.objects.all().delete()

    def test_an_event_that_is_new_and_on_sale_has_no_opening(self):
        arrive(self.alice, ago(minutes=5))
        events = [make_event(), make_event(sales_open_at=ago(minutes=1))]
        self.assertEqual(clock.tick(), 0)
        self.assertEqual([statuses(event) for event in events], [[], []])

    def test_publishing_a_draft_after_its_announced_opening_opens_it(self):
        event = announced(capacity=1, status="draft")
        arrive(self.alice, ago(minutes=5))
        open_sale(event)
        self.assertEqual((clock.tick(), statuses(event)), (0, []))
        steering.revise_event(event_id=event.pk, values={"status": "published"})
        self.assertEqual(holders(event), ["alice"])


class OpeningRaceTests(CastOfRaces, TransactionTestCase):
    def test_of_200_waiting_exactly_the_50_earliest_logins_hold(self):
        event, people = announced(capacity=50), make_people(200)
        moments = random.Random(50).sample(range(1, 10_000), len(people))
        start = ago(minutes=1)
        logins = [
            arrive(person, start + dt.timedelta(milliseconds=n)) for person, n in zip(people, moments, strict=True)
        ]
        shuffled = random.Random(51).sample(logins, len(logins))
        race([partial(join, event, login.user, login) for login in shuffled], threads=4)
        self.assertEqual(numbers(event), {"held": 0, "booked": 0, "waiting": 200})
        open_sale(event)
        race([lambda: allocation.serve(event.pk), clock.tick] * 8)
        earliest = UserSession.objects.order_by("login_timestamp", "pk").values_list("user__username", flat=True)
        self.assertEqual(holders(event), list(earliest[:50]))
        self.assertEqual(numbers(event), {"held": 50, "booked": 0, "waiting": 150})

    def test_of_200_present_exactly_the_50_earliest_logins_hold_though_others_rush_in(self):
        event, people, late = announced(capacity=50), make_people(200), make_people(40)
        start = ago(minutes=1)
        for n, person in enumerate(random.Random(52).sample(people, len(people))):
            arrive(person, start - dt.timedelta(milliseconds=n))  # from one moment: no two logins are the same
        earliest = UserSession.objects.order_by("login_timestamp", "pk").values_list("user__username", flat=True)
        expected = list(earliest[:50])
        logins = [arrive(person, later(seconds=1)) for person in late]
        open_sale(event)
        rush: list[Callable[[], Any]] = [
            partial(allocation.hold_for_login, user=login.user, session=login) for login in logins[::2]
        ]
        rush += [partial(join, event, login.user, login) for login in logins[1::2]]
        race([*rush, clock.tick])
        self.assertEqual(holders(event), expected)
        self.assertEqual(numbers(event), {"held": 50, "booked": 0, "waiting": 170})
