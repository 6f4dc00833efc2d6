"""Rushes: many people, many threads, few places (rules 1, 2, 6 and 17). On both databases."""

import datetime as dt
import random
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from django.test import TransactionTestCase

from core import allocation, audit, clock
from core.models import Event, Ticket, TicketHold, User
from core.now import now
from core.refusals import Refused, SoldOut
from core.signals import hold_changed

from .cast import CastOfRaces, ago, arrive, book, join, make_event, make_people, numbers, race, release

Rank = tuple[dt.datetime, int]


class Witness:
    """What was committed when: for every person the moment from which their waiting place was there for all to see.

    Told by the signal that follows each commit, on the database's clock; so whoever locks the event after that moment
    must have seen the place.
    """

    def __init__(self) -> None:
        self.seen_waiting: dict[int, dt.datetime] = {}
        self._lock = threading.Lock()
        hold_changed.connect(self.note)

    def note(self, holds: list[TicketHold], **kwargs: Any) -> None:
        moment = now()
        with self._lock:
            for place in holds:
                self.seen_waiting.setdefault(place.user_id, moment)

    def stop(self) -> None:
        hold_changed.disconnect(self.note)

    def inversions(self, event: Event) -> list[tuple[str, str]]:
        """Return `(who was passed, by whom)`: visible before a grant, of earlier rank."""
        places = list(TicketHold.objects.filter(event=event).select_related("user"))
        granted = [(place, place.held_at) for place in places if place.held_at]
        return [
            (passed.user.username, served.user.username)
            for served, held_at in granted
            for passed in places
            if _rank(passed) < _rank(served)
            and self.seen_waiting.get(passed.user_id, held_at) < held_at
            and (passed.held_at is None or passed.held_at > held_at)
            and (passed.ended_at is None or passed.ended_at > held_at)
        ]


def _rank(place: TicketHold) -> Rank:
    return place.login_timestamp, place.pk


class RushTests(CastOfRaces, TransactionTestCase):
    def setUp(self):
        super().setUp()
        self.witness = Witness()
        self.addCleanup(self.witness.stop)

    def log_in_shuffled(self, people: list[User]) -> list[Callable[[], TicketHold]]:
        """Let people log in within the last second in some order; return their calls to join, in another."""
        dice = random.Random(len(people))
        moments = dice.sample(range(1_000_000), len(people))
        logins = [arrive(person, ago(microseconds=n)) for person, n in zip(people, moments, strict=True)]
        dice.shuffle(logins)
        return [partial(join, self.event, login.user, login) for login in logins]

    def test_of_200_who_join_for_50_places_exactly_50_hold_and_nobody_is_passed(self):
        self.event = make_event(capacity=50)
        race(self.log_in_shuffled(make_people(200)))
        self.assertEqual(numbers(self.event), {"held": 50, "booked": 0, "waiting": 150})
        self.assertEqual(len(self.witness.seen_waiting), 200)
        self.assertEqual(self.witness.inversions(self.event), [])

    def test_nobody_is_passed_while_holders_release_and_others_join(self):
        self.event = make_event(capacity=20)
        first, second = make_people(20), make_people(60)
        for person in first:
            join(self.event, person, arrive(person, ago(hours=1)))
        joins = self.log_in_shuffled(second)
        releases = [partial(release, self.event, person) for person in first]
        calls: list[Callable[[], Any]] = [*joins, *releases]
        random.Random(3).shuffle(calls)
        race(calls)
        clock.tick()  # a place freed in the instant between a join and its look at the numbers waits for the clock
        self.assertEqual(numbers(self.event), {"held": 20, "booked": 0, "waiting": 40})
        self.assertEqual(self.witness.inversions(self.event), [])

    def test_the_witness_would_see_somebody_passed(self):
        self.event = make_event(capacity=0)
        for person, minutes in ((self.alice, 2), (self.bob, 1)):
            join(self.event, person, arrive(person, ago(minutes=minutes)))
        moment = now()
        TicketHold.objects.filter(user=self.bob).update(status="held", held_at=moment, expires_at=moment)
        self.assertEqual(self.witness.inversions(self.event), [("alice", "bob")])

    def test_of_200_who_book_50_places_exactly_50_have_tickets(self):
        self.event = make_event(capacity=50)
        people = make_people(200)
        results = race([partial(book, self.event, person) for person in people])
        self.assertEqual(numbers(self.event), {"held": 0, "booked": 50, "waiting": 0})
        self.assertEqual(Counter(type(result) for result in results), Counter({Ticket: 50, SoldOut: 150}))
        tickets = [result for result in results if isinstance(result, Ticket)]
        self.assertEqual({ticket.code for ticket in tickets}, set(Ticket.objects.values_list("code", flat=True)))

    def test_any_mix_of_everything_keeps_numbers_and_rows_together(self):
        events = [make_event(capacity=capacity) for capacity in (1, 4, 9)]
        people, dice = make_people(12), random.Random(11)

        def cancel(event: Event, person: User) -> None:
            for ticket in Ticket.objects.valid().filter(event=event, user=person):
                allocation.cancel_ticket(ticket_id=ticket.pk)

        def lapse_one(event: Event, person: User) -> None:
            TicketHold.objects.filter(event=event, user=person, status="held").update(expires_at=ago(milliseconds=1))

        def log_in(event: Event, person: User) -> None:
            allocation.hold_for_login(user=person, session=arrive(person))

        acts: list[Callable[[Event, User], Any]] = [join, join, join, book, book, release, cancel, lapse_one, log_in]
        calls: list[Callable[[], Any]] = [
            partial(dice.choice(acts), dice.choice(events), dice.choice(people)) for _ in range(400)
        ]
        results = race(calls + [clock.tick] * 8)
        refused = {type(result) for result in results if isinstance(result, Refused)}
        clock.tick()
        for event in events:
            event.refresh_from_db()
            found = numbers(event)
            with self.subTest(capacity=event.capacity, **found):
                self.assertLessEqual(event.booked + event.held, event.capacity)
                self.assertEqual(min(event.free, found["waiting"]), 0)
        self.assertEqual(audit.differences(), [])
        self.assertNotEqual(refused, set())
