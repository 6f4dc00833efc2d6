"""How many automatic holds a person has at a time, whatever the number of their logins (rule 12)."""

import datetime as dt
from unittest import mock

from django.db.models import F
from django.test import TestCase, TransactionTestCase, override_settings

from core import allocation, arrivals
from core.models import Event, TicketHold, User

from .cast import Cast, CastOfRaces, ago, arrive, book, join, lapse, later, make_event, open_sale, race, release


def make_events(count: int) -> list[Event]:
    """Store events, soonest first."""
    return [make_event(name=str(n), starts_at=later(days=n), capacity=5) for n in range(1, count + 1)]


def log_in(user: User) -> list[str]:
    """Log in, and return the names of the events that this login is held a place of, soonest first."""
    session = arrive(user)
    allocation.hold_for_login(user=user, session=session)
    held = TicketHold.objects.filter(session=session, status="held").order_by("event__starts_at")
    return list(held.values_list("event__name", flat=True))


@override_settings(AUTO_HOLDS_PER_LOGIN=3)
class HoldLimitTests(Cast, TestCase):
    def test_a_second_login_is_held_nothing_on_top_of_the_limit(self):
        make_events(8)
        self.assertEqual([log_in(self.alice) for _ in range(3)], [["1", "2", "3"], [], []])

    @override_settings(AUTO_HOLDS_PER_LOGIN=0)
    def test_without_automatic_holds_a_login_is_held_nothing(self):
        make_events(2)
        self.assertEqual(log_in(self.alice), [])

    def test_a_second_login_fills_up_what_the_first_left(self):
        make_events(2)
        self.assertEqual(log_in(self.alice), ["1", "2"])
        for name in ("new", "newer"):
            make_event(name=name, starts_at=later(days=9))
        self.assertEqual(log_in(self.alice), ["new"])

    def test_holds_that_lapsed_do_not_count_swept_or_not(self):
        events = make_events(6)
        log_in(self.alice)
        lapse(TicketHold.objects.filter(event__in=events[:2]))
        TicketHold.objects.update(created_at=F("held_at"))
        allocation.serve(events[0].pk)
        self.assertEqual(log_in(self.alice), ["4", "5"])

    def test_holds_of_those_who_joined_by_hand_do_not_count_with_tiers_or_without(self):
        for number, tier_shares in enumerate(({}, {}, {"members": 50}, {"members": 50})):
            join(make_event(name=f"joined {number}", auto_hold=False, tier_shares=tier_shares), self.alice)
        self.assertEqual(TicketHold.objects.automatic().count(), 0)
        make_events(6)
        self.assertEqual(log_in(self.alice), ["1", "2", "3"])

    def test_holds_that_were_booked_or_released_do_not_count(self):
        events = make_events(6)
        log_in(self.alice)
        book(events[0], self.alice)
        release(events[1], self.alice)
        self.assertEqual(log_in(self.alice), ["4", "5"])

    def test_holds_from_joining_by_hand_do_not_count(self):
        events = make_events(6)
        for event in events[:3]:
            self.assertEqual(join(event, self.alice).status, "held")
        self.assertEqual(log_in(self.alice), ["4", "5", "6"])

    def test_a_hold_from_an_opening_counts(self):
        opening = make_event(name="opening", starts_at=later(hours=1), sales_open_at=later(minutes=1))
        arrive(self.alice, ago(minutes=2), last_seen_at=later(minutes=1))
        open_sale(opening)
        allocation.serve(opening.pk)
        make_events(4)
        self.assertEqual(TicketHold.objects.get().status, "held")
        self.assertEqual(log_in(self.alice), ["1", "2"])

    def test_the_holds_of_somebody_else_do_not_count(self):
        make_events(3)
        self.assertEqual((log_in(self.bob), log_in(self.alice)), (["1", "2", "3"], ["1", "2", "3"]))

    def test_what_another_device_was_held_between_the_choice_and_the_locks_counts(self):
        events, put_forward = make_events(5), arrivals.put_forward

        def interrupted(user: User, moment: dt.datetime) -> list[int]:
            forward = put_forward(user, moment)
            with mock.patch.object(arrivals, "put_forward", lambda *_: [event.pk for event in events[3:]]):
                self.assertEqual(log_in(user), ["4", "5"])
            return forward

        with mock.patch.object(arrivals, "put_forward", interrupted):
            self.assertEqual(log_in(self.alice), ["1"])


class HoldLimitRaceTests(CastOfRaces, TransactionTestCase):
    @override_settings(AUTO_HOLDS_PER_LOGIN=3)
    def test_logins_on_many_devices_at_once_hold_no_more_than_the_limit(self):
        make_events(12)
        race([lambda: log_in(self.alice) for _ in range(6)])
        self.assertEqual(TicketHold.objects.filter(status="held").count(), 3)
