"""Holds that a login brings (rules 12 and 13)."""

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

from django.test import TestCase, TransactionTestCase, override_settings

from core import allocation, arrivals, clock, steering
from core.models import Event, Ticket, TicketHold, User, UserSession
from core.now import now

from .cast import (
    Cast,
    CastOfRaces,
    ago,
    arrive,
    book,
    holders,
    join,
    lapse,
    later,
    make_event,
    numbers,
    race,
    release,
    statuses,
)


def log_in(user: User, at: dt.datetime | None = None) -> UserSession:
    """Log in: the moment is recorded, and holds are placed for it, as the receiver and the middleware do."""
    session = arrive(user, at)
    allocation.hold_for_login(user=user, session=session)
    return session


def held_for(user: User) -> list[str]:
    """Return the names of the events that are held for a person, soonest first."""
    held = TicketHold.objects.filter(status="held", expires_at__gt=now(), user=user).order_by("event__starts_at")
    return list(held.values_list("event__name", flat=True))


class LoginHoldTests(Cast, TestCase):
    def test_a_login_is_held_a_place_on_every_event_on_sale(self):
        events = [make_event(name=name) for name in ("Concert", "Play")]
        session = log_in(self.alice)
        places = TicketHold.objects.filter(user=self.alice).order_by("event")
        self.assertEqual(
            [(place.event, place.session, place.status) for place in places],
            [(event, session, "held") for event in events],
        )
        self.assertEqual({place.login_timestamp for place in places}, {session.login_timestamp})
        self.assertEqual([numbers(event)["held"] for event in events], [1, 1])

    @override_settings(AUTO_HOLDS_PER_LOGIN=2)
    def test_the_soonest_events_come_first_and_their_number_is_limited(self):
        for name, days in (("third", 3), ("first", 1), ("fourth", 4), ("second", 2)):
            make_event(name=name, starts_at=later(days=days))
        log_in(self.alice)
        self.assertEqual(held_for(self.alice), ["first", "second"])

    @override_settings(AUTO_HOLDS_PER_LOGIN=1)
    def test_the_limit_binds_automatic_holds_only(self):
        make_event(name="first", starts_at=later(days=1))
        second = make_event(name="second", starts_at=later(days=2))
        session = log_in(self.alice)
        join(second, self.alice, session)
        self.assertEqual(held_for(self.alice), ["first", "second"])

    @override_settings(AUTO_HOLDS_PER_LOGIN=1)
    def test_an_event_without_a_free_place_does_not_use_up_the_limit(self):
        full = make_event(name="first", starts_at=later(days=1), capacity=1)
        make_event(name="second", starts_at=later(days=2))
        book(full, self.bob)
        log_in(self.alice)
        self.assertEqual(held_for(self.alice), ["second"])

    def test_nothing_is_held_where_nothing_can_be(self):
        refused = {
            "draft": make_event(status="draft"),
            "cancelled": make_event(status="cancelled"),
            "started": make_event(starts_at=ago(seconds=1)),
            "before the sale": make_event(sales_open_at=later(hours=1)),
            "after the sale": make_event(sales_close_at=ago(hours=1)),
            "no automatic holds": make_event(auto_hold=False),
            "no places": make_event(capacity=0),
        }
        allowed = make_event()
        log_in(self.alice)
        self.assertEqual({why: numbers(event)["held"] for why, event in refused.items()}, dict.fromkeys(refused, 0))
        self.assertEqual(numbers(allowed)["held"], 1)

    def test_where_somebody_waits_nothing_is_held_nor_joined(self):
        event = make_event(capacity=1)
        join(event, self.bob)
        join(event, self.greta)
        log_in(self.alice)
        self.assertEqual(statuses(event), [("bob", "held"), ("greta", "waiting")])

    def test_where_a_lapsed_place_is_waited_for_the_one_who_waits_gets_it(self):
        event = make_event(capacity=1)
        join(event, self.bob)
        join(event, self.greta)
        lapse(TicketHold.objects.all())
        log_in(self.alice)
        clock.tick()
        self.assertEqual(statuses(event), [("bob", "expired"), ("greta", "held")])

    def test_a_lapsed_place_that_nobody_swept_or_waits_for_is_held(self):
        event = make_event(capacity=1)
        join(event, self.bob)
        lapse(TicketHold.objects.all())
        log_in(self.alice)
        self.assertEqual(statuses(event), [("bob", "expired"), ("alice", "held")])

    def test_a_ticket_of_the_event_is_enough(self):
        event = make_event()
        book(event, self.alice)
        log_in(self.alice)
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_each_event_holds_as_long_as_it_says(self):
        for minutes in (None, 2, "0.5"):
            make_event(hold_minutes=minutes)
        log_in(self.alice)
        places = TicketHold.objects.filter(user=self.alice).order_by("event")
        times = [place.expires_at - place.held_at for place in places if place.expires_at and place.held_at]
        self.assertEqual(times, [dt.timedelta(minutes=10), dt.timedelta(minutes=2), dt.timedelta(seconds=30)])

    def test_a_new_duration_binds_new_holds_only(self):
        event = make_event(hold_minutes=5)
        first = join(event, self.alice)
        steering.revise_event(event_id=event.pk, values={"hold_minutes": 1})
        second, same = join(event, self.bob), TicketHold.objects.get(pk=first.pk)
        assert second.held_at
        self.assertEqual(same.expires_at, first.expires_at)
        self.assertEqual(second.expires_at, second.held_at + dt.timedelta(minutes=1))


class LoggingInAgainTests(Cast, TestCase):
    def test_it_neither_renews_nor_improves_a_hold(self):
        event = make_event()
        log_in(self.alice, ago(minutes=5))
        before = TicketHold.objects.values().get()
        log_in(self.alice)
        self.assertEqual(TicketHold.objects.values().get(), before)
        self.assertEqual(numbers(event), {"held": 1, "booked": 0, "waiting": 0})

    def test_it_does_not_move_a_place_in_line(self):
        event = make_event(capacity=0)
        join(event, self.alice, arrive(self.alice, ago(minutes=5)))
        before = TicketHold.objects.values().get()
        log_in(self.alice)
        self.assertEqual(TicketHold.objects.values().get(), before)
        self.assertEqual(statuses(event), [("alice", "waiting")])

    def test_after_any_ended_place_nothing_is_held_for_half_an_hour(self):
        lapsed, released, left = (make_event(name=name) for name in ("lapsed", "released", "left"))
        cancelled, fresh = make_event(name="cancelled"), make_event(name="fresh")
        join(lapsed, self.alice)
        lapse(TicketHold.objects.all())
        join(released, self.alice)
        release(released, self.alice)
        TicketHold.objects.create(event=left, user=self.alice, status="left", ended_at=ago(minutes=29))
        allocation.cancel_ticket(ticket_id=book(cancelled, self.alice).pk)
        log_in(self.alice)
        self.assertEqual(held_for(self.alice), ["fresh"])
        self.assertEqual(numbers(fresh)["held"], 1)

    def test_after_half_an_hour_it_is_held_a_place_again(self):
        released, cancelled = make_event(name="released"), make_event(name="cancelled")
        join(released, self.alice)
        release(released, self.alice)
        allocation.cancel_ticket(ticket_id=book(cancelled, self.alice).pk)
        TicketHold.objects.update(ended_at=ago(minutes=31))
        Ticket.objects.update(cancelled_at=ago(minutes=31))
        log_in(self.alice)
        self.assertEqual(held_for(self.alice), ["released", "cancelled"])

    def test_the_ended_place_of_somebody_else_does_not_count(self):
        event = make_event()
        join(event, self.bob)
        release(event, self.bob)
        log_in(self.alice)
        self.assertEqual(holders(event), ["alice"])

    def test_the_person_can_still_join_by_hand(self):
        event = make_event()
        join(event, self.alice)
        release(event, self.alice)
        session = log_in(self.alice)
        self.assertEqual(join(event, self.alice, session).status, "held")


class LoginRaceTests(CastOfRaces, TransactionTestCase):
    def test_two_logins_at_the_same_instant_for_the_last_place_are_one_hold(self):
        event, moment = make_event(capacity=1), ago(seconds=1)
        for _ in range(5):
            logins = [arrive(person, moment) for person in (self.alice, self.bob)]
            race([partial(allocation.hold_for_login, user=login.user, session=login) for login in logins])
            self.assertEqual(numbers(event), {"held": 1, "booked": 0, "waiting": 0})
            TicketHold.objects.all().delete()
            Event.objects.update(held=0)

    def test_many_logins_and_joins_across_events_hold_no_more_than_there_is(self):
        events = [make_event(capacity=3) for _ in range(4)]
        people = [User.objects.create(username=f"fan{n}", email=f"fan{n}@example.org") for n in range(12)]
        logins = [arrive(person) for person in people]
        calls: list[Callable[[], Any]] = [
            partial(allocation.hold_for_login, user=login.user, session=login) for login in logins
        ]
        calls += [partial(join, events[3 - n % 4], people[n]) for n in range(12)]
        race(calls)
        self.assertEqual([numbers(event)["held"] for event in events], [3, 3, 3, 3])


class OtherDeviceTests(Cast, TestCase):
    """What another device of the person does after the events were chosen, and before they are locked."""

    def log_in_while(self, meanwhile: Callable[[], object]) -> None:
        session, put_forward = arrive(self.alice), arrivals.put_forward

        def interrupted(user: User, moment: dt.datetime) -> list[int]:
            forward = put_forward(user, moment)
            meanwhile()
            return forward

        with mock.patch.object(arrivals, "put_forward", interrupted):
            allocation.hold_for_login(user=self.alice, session=session)

    def test_it_joins_and_is_counted_once(self):
        event = make_event(capacity=5)
        self.log_in_while(lambda: TicketHold.objects.create(event=event, user=self.alice))
        self.assertEqual(numbers(event), {"held": 1, "booked": 0, "waiting": 0})

    def test_it_books_and_is_held_nothing_on_top(self):
        event = make_event(capacity=5)
        self.log_in_while(lambda: book(event, self.alice))
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_it_gives_a_hold_back_and_is_not_held_another(self):
        event = make_event(capacity=5)
        self.log_in_while(lambda: (join(event, self.alice), release(event, self.alice)))
        self.assertEqual(statuses(event), [("alice", "released")])
        self.assertEqual(numbers(event), {"held": 0, "booked": 0, "waiting": 0})
