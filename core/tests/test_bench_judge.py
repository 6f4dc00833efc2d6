"""The judge of the on-sale's benchmark: it is content with what was right, and sees each thing that was not."""

import json
import time
from typing import Any

from django.test import TestCase

from bench.onsale.judge import judge
from bench.visits import Answer
from core import allocation
from core.models import Event, TicketHold, User
from core.now import now

from .cast import Cast, make_event

FAR = "2036-01-01T00:00:00+00:00"


class JudgeTests(Cast, TestCase):
    """Alice is held the only place and books it; bob and greta wait."""

    def setUp(self) -> None:
        self.event: Event = make_event(capacity=1, auto_hold=False)
        self.answers = [self.join(person) for person in (self.alice, self.bob, self.greta)]
        code = allocation.book(event_id=self.event.pk, user=self.alice).code
        self.answers.append(answer(self.alice, "book", 200, {"status": "booked", "ticket": code}))

    def join(self, person: User) -> Answer:
        place = allocation.join(event_id=self.event.pk, user=person)
        if place.expires_at is None:
            return answer(person, "join", 202, {"status": "waiting", "position": place.ahead + 1})
        return answer(person, "join", 200, {"status": "held", "expires_at": place.expires_at.isoformat()})

    def found(self, *more: Answer) -> str:
        return "\n".join(judge([self.event.pk], [*self.answers, *more]))

    def test_what_was_right_is_no_violation(self):
        self.assertEqual(self.found(), "")

    def test_a_ticket_that_nobody_asked_for_is_seen(self):
        self.answers[-1] = self.answers[-1]._replace(user=self.bob.pk)
        self.assertIn("was booked by nobody's request", self.found())

    def test_a_hold_that_the_rows_do_not_have_is_seen(self):
        self.assertIn("the rows say otherwise", self.found(answer(self.bob, "join", 200, held(FAR))))

    def test_an_answer_of_an_error_is_seen(self):
        self.assertIn("ended in 500", self.found(answer(self.bob, "join", 500, {})))

    def test_no_answer_is_seen(self):
        self.assertIn("answered: join of person", self.found(answer(self.bob, "join", 0, {})))

    def test_who_was_told_to_come_again_and_never_was_served_is_seen(self):
        self.assertIn(": 503", self.found(answer(self.bob, "join", 503, {})))

    def test_who_was_told_to_come_again_and_did_is_no_violation(self):
        self.answers.insert(0, answer(self.bob, "join", 503, {}))
        self.assertEqual(self.found(), "")

    def test_a_place_given_past_the_line_and_past_the_capacity_is_seen(self):
        last = TicketHold.objects.filter(user=self.greta)
        last.update(status="held", held_at=now(), expires_at=FAR)
        found = self.found()
        for told in ("order: place", "oversold: at", "numbers: event"):
            self.assertIn(told, found)


def answer(person: User, kind: str, status: int, said: dict[str, Any]) -> Answer:
    return Answer(person.pk, kind, time.time(), time.time(), status, json.dumps(said).encode())


def held(until: str) -> dict[str, Any]:
    return {"status": "held", "expires_at": until}
