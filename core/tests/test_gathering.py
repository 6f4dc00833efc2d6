"""What many ask of one event at the same time is carried out together, by the same rules (rules 1, 6 and 17)."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

from django.db import OperationalError, connection
from django.test import TestCase, TransactionTestCase
from django.test.utils import CaptureQueriesContext

from core import allocation, arrivals, audit, gathering
from core.gathering import Asked, Gathering
from core.models import Event, Ticket, TicketHold, User
from core.refusals import LoginEnded, Refused

from .cast import (
    PATIENCE,
    Cast,
    CastOfRaces,
    ago,
    arrive,
    book,
    holders,
    join,
    ledger_problems,
    make_event,
    make_people,
    numbers,
    race,
    statuses,
)


def outcome_of(call: Callable[[], object]) -> str:
    """Return in a word what came of a call."""
    try:
        call()
    except Refused as refused:
        return refused.status
    return "done"


def word(outcome: Any) -> str:
    return outcome.status if isinstance(outcome, Refused) else "done"


class TogetherTests(Cast, TestCase):
    """What is asked together comes to the same as when it is asked by one after another."""

    def stage(self) -> tuple[Event, list[User]]:
        """Return an event, and people of whom some hold a place, some have booked, and some have let it lapse."""
        event, people = make_event(capacity=9, auto_hold=False), make_people(16)
        for person in people[:9]:
            join(event, person)
        for person in people[:2]:
            book(event, person)
        TicketHold.objects.filter(event=event, user__in=people[2:4]).update(expires_at=ago(seconds=1))
        return event, people

    def test_bookings(self) -> None:
        for seed in range(6):
            found = []
            for together in (False, True):
                event, people = self.stage()
                asking = random.Random(seed).sample(people, 12)
                if together:
                    outcomes = allocation.book_all(event_id=event.pk, user_ids=[person.pk for person in asking])
                    said = [word(outcomes[person.pk]) for person in asking]
                else:
                    said = [outcome_of(partial(book, event, person)) for person in asking]
                owners = Ticket.objects.filter(event=event).values_list("user", flat=True)
                indexes = {person.pk: n for n, person in enumerate(people)}
                found.append((said, sorted(indexes[owner] for owner in owners), numbers(event)))
            with self.subTest(seed=seed):
                self.assertEqual(found[0], found[1])

    def test_releases(self) -> None:
        event, people = self.stage()
        for person in people[9:]:
            join(event, person)
        asking = [people[0], *people[4:8], people[15]]
        outcomes = allocation.release_all(event_id=event.pk, user_ids=[person.pk for person in asking])
        self.assertEqual(
            [outcomes[person.pk].status for person in asking],  # type: ignore[union-attr]  # -- each had a place
            ["already_booked", *["released"] * 4, "left"],
        )
        self.assertEqual(numbers(event), {"held": 7, "booked": 2, "waiting": 0})

    def test_of_many_who_join_at_once_the_places_go_to_the_first_by_login(self) -> None:
        event, people = make_event(capacity=3, auto_hold=False), make_people(8)
        logins = {person.pk: arrive(person, ago(minutes=n + 1)) for n, person in enumerate(people)}
        outcomes = allocation.join_all(event_id=event.pk, logins=logins)
        self.assertEqual(holders(event), [person.username for person in reversed(people[5:])])
        ahead = {person.username: outcomes[person.pk].ahead for person in people[:5]}  # type: ignore[union-attr]  # -- all wait
        self.assertEqual(ahead, {person.username: 4 - n for n, person in enumerate(people[:5])})

    def test_so_many_ask_as_often_as_few(self) -> None:
        event, people = make_event(capacity=100, auto_hold=False), make_people(60)
        few, many = [person.pk for person in people[:10]], [person.pk for person in people[10:]]
        acts = (
            lambda ids: allocation.join_all(event_id=event.pk, logins=dict.fromkeys(ids)),
            lambda ids: allocation.book_all(event_id=event.pk, user_ids=ids),
            lambda ids: allocation.release_all(event_id=event.pk, user_ids=ids),
        )
        for act in acts:
            with CaptureQueriesContext(connection) as captured:
                act(few)
            with self.assertNumQueries(len(captured)):
                act(many)


class GatheringTests(CastOfRaces, TransactionTestCase):
    def setUp(self) -> None:
        super().setUp()
        patience = mock.patch.object(gathering, "PATIENCE", 60.0)  # of a machine that tests keep busy
        patience.start()
        self.addCleanup(patience.stop)

    def result(self, asked: Asked) -> Any:
        return asked.answer.result(0)

    def ask(self, act: str, event: Event, person: User) -> Any:
        return gathering.ask(act, event_id=event.pk, user=person, login=None)

    def test_what_is_asked_meanwhile_is_carried_out_in_one_batch(self) -> None:
        event, people = make_event(capacity=5, auto_hold=False), make_people(8)
        batches: list[int] = []
        asked, carry_out, put = threading.Semaphore(0), gathering.carry_out, Gathering.put

        def note(event_id: int, batch: list[Asked]) -> None:
            if not batches:  # the first has nobody beside it; the others ask now
                for _ in people:
                    asked.acquire(timeout=PATIENCE)
            batches.append(len(batch))
            carry_out(event_id, batch)

        def count(self: Gathering, *args: Any) -> bool:
            leads = put(self, *args)
            asked.release()
            return leads

        with mock.patch.object(gathering, "carry_out", note), mock.patch.object(Gathering, "put", count):
            race([partial(self.ask, "join", event, person) for person in people])
        self.assertEqual(batches, [1, 7])
        self.assertEqual(numbers(event), {"held": 5, "booked": 0, "waiting": 3})

    def test_a_rush_through_it_sells_each_place_once_and_passes_nobody(self) -> None:
        event, people = make_event(capacity=30, auto_hold=False), make_people(90)
        results = race([partial(self.ask, "join", event, person) for person in people])
        self.assertEqual(Counter(place.status for place in results), {"held": 30, "waiting": 60})
        acts = [partial(self.ask, random.Random(n).choice(["book", "release"]), event, p) for n, p in enumerate(people)]
        race(acts)
        event.refresh_from_db()
        self.assertLessEqual(event.held + event.booked, 30)
        self.assertEqual((audit.differences(), ledger_problems(event)), ([], []))

    def test_one_person_is_answered_in_the_order_of_what_they_asked(self) -> None:
        event = make_event(capacity=1, auto_hold=False)
        asked = [Asked(act, self.alice.pk) for act in ("join", "book", "book")]
        gatherer = Gathering()
        leads = [gatherer.put(event.pk, each) for each in asked]
        gatherer.lead(event.pk, asked[-1])
        self.assertEqual(leads, [True, False, False])
        place, first, again = (self.result(each) for each in asked)
        self.assertEqual((place.status, first, again), ("held", again, first))
        self.assertEqual(statuses(event), [("alice", "booked")])

    def test_what_is_wrong_with_one_is_nobody_elses_trouble(self) -> None:
        event, people = make_event(capacity=5, auto_hold=False), make_people(3)
        whole = allocation.join_all

        def fail(*, event_id: int, logins: Any) -> Any:
            if people[1].pk in logins:
                raise ValueError("bad")
            return whole(event_id=event_id, logins=logins)

        asked = [Asked("join", person.pk) for person in people]
        with mock.patch.object(allocation, "join_all", fail):
            gathering.carry_out(event.pk, asked)
        errors = [type(each.answer.exception(0)) for each in asked]
        self.assertEqual(errors, [type(None), ValueError, type(None)])
        self.assertEqual(numbers(event)["held"], 2)

    def test_a_database_that_is_away_is_said_to_all_and_the_next_one_is_served(self) -> None:
        event, people = make_event(capacity=5, auto_hold=False), make_people(2)
        with mock.patch.object(allocation, "join_all", side_effect=OperationalError("away")):
            for person in people:
                with self.assertRaisesMessage(OperationalError, "away"):
                    self.ask("join", event, person)
        self.assertEqual(self.ask("join", event, people[0]).status, "held")

    def test_a_leader_that_is_stopped_answers_all_who_wait_and_leaves_the_event_to_the_next(self) -> None:
        event, gatherer = make_event(capacity=5, auto_hold=False), Gathering()
        asked = [Asked(act, self.alice.pk) for act in ("join", "book")]  # of one person: two batches
        for each in asked:
            gatherer.put(event.pk, each)
        stopped = mock.patch.object(gathering, "carry_out", side_effect=KeyboardInterrupt)
        with stopped, self.assertRaises(KeyboardInterrupt):
            gatherer.lead(event.pk)
        self.assertEqual([type(each.answer.exception(0)) for each in asked], [OperationalError] * 2)
        again = Asked("join", self.bob.pk)
        self.assertTrue(gatherer.put(event.pk, again))
        gatherer.lead(event.pk)
        self.assertEqual(self.result(again).status, "held")

    def test_what_has_waited_too_long_is_not_done_any_more(self) -> None:
        event = make_event(capacity=5, auto_hold=False)
        long_ago = time.monotonic() - gathering.PATIENCE - 1
        late, timely = Asked("join", self.alice.pk, asked_at=long_ago), Asked("join", self.bob.pk)
        gathering.carry_out(event.pk, [late, timely])
        self.assertEqual(type(late.answer.exception(0)), OperationalError)
        self.assertEqual(statuses(event), [("bob", "held")])

    def test_a_thread_carries_out_one_batch_and_stands_in_line_again(self) -> None:
        event, gatherer = make_event(capacity=5, auto_hold=False), Gathering()
        asked = [Asked(act, self.alice.pk) for act in ("join", "book", "book")]
        for each in asked:
            gatherer.put(event.pk, each)
        with mock.patch.object(gatherer, "lead_in_thread") as handed_on:
            gatherer.lead(event.pk)
        self.assertEqual([each.answer.done() for each in asked], [True, False, False])
        handed_on.assert_called_once_with(event.pk)
        gatherer.lead_in_thread(event.pk)
        self.assertEqual(asked[1].answer.result(PATIENCE), asked[2].answer.result(PATIENCE))

    def test_an_error_says_to_each_where_it_came_from(self) -> None:
        class Odd(Exception):  # cannot be made anew
            def __init__(self, *, why: str) -> None:
                super().__init__(why)

        event = make_event(capacity=5, auto_hold=False)
        for error in (ValueError("bad"), Odd(why="odd")):
            with mock.patch.object(allocation, "join_all", side_effect=error):
                asked = Asked("join", self.alice.pk)
                gathering.carry_out(event.pk, [asked])
            found = asked.answer.exception(0)
            self.assertEqual((str(found), bool(found and found.__traceback__)), (str(error), True))

    def test_whose_session_has_ended_is_refused_and_others_are_not(self) -> None:
        event = make_event(capacity=5, auto_hold=False)
        logins = [arrive(person) for person in (self.alice, self.bob, self.olga)]
        arrivals.end_session(logins[0].session_key)
        people = [self.alice, self.bob, self.greta]  # greta with a session of olga's
        asked = [Asked("join", p.pk, None, login.session_key) for p, login in zip(people, logins, strict=True)]
        gathering.carry_out(event.pk, asked)
        errors = [type(each.answer.exception(0)) for each in asked]
        self.assertEqual(errors, [LoginEnded, type(None), LoginEnded])
        self.assertEqual(statuses(event), [("bob", "held")])
        self.assertEqual(TicketHold.objects.get().login_timestamp, logins[1].login_timestamp)

    def test_who_has_the_answer_does_not_stay_to_lead(self) -> None:
        event, gatherer = make_event(capacity=5, auto_hold=False), Gathering()
        mine, other = Asked("join", self.alice.pk), Asked("join", self.bob.pk)
        carry_out = gathering.carry_out

        def and_another_asks(event_id: int, batch: list[Asked]) -> None:
            carry_out(event_id, batch)
            if mine in batch:
                gatherer.put(event_id, other)

        with mock.patch.object(gathering, "carry_out", and_another_asks):
            gatherer.put(event.pk, mine)
            with mock.patch.object(gatherer, "lead_in_thread") as handed_on:
                gatherer.lead(event.pk, mine)
            self.assertEqual((handed_on.call_args.args, other.answer.done()), ((event.pk,), False))
            gatherer.lead_in_thread(event.pk)
            other.answer.result(PATIENCE)
        gatherer._threads.shutdown()
        self.assertEqual(statuses(event), [("alice", "held"), ("bob", "held")])
