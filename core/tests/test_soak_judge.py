"""The judges of the long run: content with what was right, and each sees what was not."""

import json
import time
from typing import Any

from django.test import SimpleTestCase, TestCase

from bench.soak.calls import Rows, wrong_numbers
from bench.visits import NO_RETRY_AFTER, Answer
from core.models import Event, User
from core.tests.cast import Cast, book, join, make_event, release


class RefusalTests(Cast, TestCase):
    """Alice has the only ticket; bob waited, and left."""

    def setUp(self) -> None:
        self.event: Event = make_event(capacity=1, auto_hold=False)
        self.ticket = book(self.event, self.alice)
        join(self.event, self.bob)
        release(self.event, self.bob)

    def outcome(self, person: User, kind: str, status: int, said: dict[str, Any]) -> tuple[str, Any]:
        at = time.time()
        call = Rows(self.event).call(Answer(person.pk, kind, at, at, status, json.dumps(said).encode()))
        return call.outcome, call.detail

    def refused(self, person: User, kind: str, status: str) -> tuple[str, Any]:
        return self.outcome(person, kind, 409, {"status": status})

    def test_what_was_right_is_taken_for_that(self) -> None:
        booked = self.outcome(self.alice, "book", 200, {"status": "booked", "ticket": self.ticket.code})
        self.assertEqual(booked, ("ok", (self.ticket.pk, self.ticket.code)))
        right = [
            (self.alice, "join", "already_booked"),
            (self.alice, "release", "already_booked"),
            (self.bob, "join", "hold_expired"),
            (self.greta, "book", "sold_out"),
        ]
        for person, kind, status in right:
            with self.subTest(status=status):
                self.assertEqual(self.refused(person, kind, status), (status, None))

    def test_a_refusal_that_the_rows_do_not_bear_out_is_an_error(self) -> None:
        for person, status in ((self.bob, "already_booked"), (self.alice, "hold_expired")):
            with self.subTest(status=status):
                self.assertEqual(self.refused(person, "join", status), ("error", f"{status}, which was not so"))

    def test_so_is_one_that_cannot_be_while_it_sells(self) -> None:
        wrong = [("join", "sold_out"), ("book", "over"), ("book", "not_found"), ("book", "login_required")]
        for kind, status in (*wrong, ("release", "people_waiting")):
            with self.subTest(kind=kind, status=status):
                self.assertEqual(self.refused(self.bob, kind, status)[0], "error")


class KnownPlaceTests(Cast, TestCase):
    """Alice was told that a place is held for her, and bob that he waits."""

    def setUp(self) -> None:
        self.event: Event = make_event(capacity=1, auto_hold=False)
        held, _ = join(self.event, self.alice), join(self.event, self.bob)
        assert held.expires_at is not None
        self.rows = Rows(self.event, [(time.time() - 9, time.time() + 9)])
        told = {"status": "held", "expires_at": held.expires_at.isoformat()}
        self.assertEqual(self.outcome(self.alice, "join", 200, told), "ok")
        self.assertEqual(self.outcome(self.bob, "join", 202, {"status": "waiting"}), "ok")

    def outcome(self, person: User, kind: str, status: int, said: dict[str, Any]) -> str:
        at = time.time()
        return self.rows.call(Answer(person.pk, kind, at, at, status, json.dumps(said).encode())).outcome

    def test_whoever_has_a_hold_is_refused_nothing(self) -> None:
        for kind, status in (("book", "sold_out"), ("book", "people_waiting"), ("book", "not_on_sale")):
            with self.subTest(kind=kind, status=status):
                self.assertEqual(self.outcome(self.alice, kind, 409, {"status": status}), "error")
                self.assertEqual(self.outcome(self.bob, kind, 409, {"status": status}), status)
        self.assertEqual(self.outcome(self.bob, "join", 409, {"status": "hold_expired"}), "error")

    def test_nobody_is_refused_for_a_pause_that_there_was_not(self) -> None:
        self.rows.pauses = []
        self.assertEqual(self.outcome(self.bob, "book", 409, {"status": "not_on_sale"}), "error")

    def test_a_release_that_ends_nothing_is_seen(self) -> None:
        at = time.time()
        said = Answer(self.alice.pk, "release", at, at, 200, b'{"status": "released"}')
        self.assertEqual(self.rows.call(said).detail, (None, "released"))
        release(self.event, self.alice)
        now = time.time()
        self.rows = Rows(self.event)
        self.assertIsNotNone(self.rows.call(said._replace(sent=now, answered=now)).detail[0])


class NumberTests(SimpleTestCase):
    def answer(self, status: int = 200, body: bytes = b"") -> Answer:
        return Answer(0, "stats", 0, 0, status, body or self.numbers())

    def numbers(self, **changed: int) -> bytes:
        numbers = {"capacity": 10, "booked": 3, "held": 2, "available": 5, "waiting": 0}
        return json.dumps(numbers | changed).encode()

    def test_numbers_that_cannot_be_are_seen(self) -> None:
        self.assertEqual(wrong_numbers([self.answer(), self.answer(503), self.answer(0)]), [])
        for wrong in ({"booked": 9}, {"available": 0}, {"available": 6}, {"waiting": -1}, {"held": -1}):
            with self.subTest(wrong=wrong):
                self.assertEqual(len(wrong_numbers([self.answer(200, self.numbers(**wrong))])), 1)
        self.assertEqual(len(wrong_numbers([self.answer(500), self.answer(503, NO_RETRY_AFTER)])), 2)
