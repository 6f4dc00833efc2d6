"""The judge of the on-sale's benchmark: it is content with what was right, and sees each thing that was not."""

import json
import time
from typing import Any

from django.test import TestCase

from bench.history import CHECKS
from bench.onsale.judge import judge
from bench.visits import Answer
from core import allocation
from core.models import Event, TicketHold, User
from core.now import now

from .cast import Cast, ago, arrive, make_event, make_person

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

    def test_a_place_and_a_ticket_that_were_acknowledged_and_left_no_row_at_all_are_seen(self):
        lost = make_person("lost")
        booked = answer(lost, "book", 200, {"status": "booked", "ticket": "A" * 74})
        told = self.found(answer(lost, "join", 200, held(FAR)), booked)
        for kind in ("join", "book"):
            self.assertIn(f"answers: {kind} of person {lost.pk} was answered", told)

    def test_of_several_events_who_has_a_row_in_none_is_seen_once_and_the_others_where_they_have_one(self):
        other, lost = make_event(capacity=1, auto_hold=False), make_person("lost")
        found = judge([self.event.pk, other.pk], [*self.answers, answer(lost, "join", 200, held(FAR))])
        self.assertEqual([text.partition(",")[0] for text in found], [f"event {self.event.pk}"])

    def test_whoever_was_refused_needs_no_row(self):
        self.assertEqual(self.found(answer(make_person("late"), "book", 409, {"status": "people_waiting"})), "")

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

    def test_all_checks_are_content_with_what_was_right(self):
        self.assertEqual(judge([self.event.pk], self.answers, checks=CHECKS), [])

    def test_all_checks_see_a_hold_of_another_length_and_who_waits_beside_a_free_place(self):
        Event.objects.filter(pk=self.event.pk).update(hold_minutes=60, capacity=2)
        found = "\n".join(judge([self.event.pk], self.answers, checks=CHECKS))
        for told in ("holds: place", "left waiting: 2 people wait, and 1 places are free"):
            self.assertIn(told, found)

    def test_a_login_is_told_by_its_session_and_one_of_another_time_is_seen(self):
        begun = time.time()
        for login, is_wrong in ((arrive(self.alice), False), (arrive(self.bob, ago(minutes=1)), True)):
            told = Answer(login.user_id, "log in", begun, time.time(), 302, b"")
            found = "\n".join(judge([self.event.pk], [*self.answers, told], checks=CHECKS))
            self.assertEqual("when it was not asked for" in found, is_wrong)


def answer(person: User, kind: str, status: int, said: dict[str, Any]) -> Answer:
    return Answer(person.pk, kind, time.time(), time.time(), status, json.dumps(said).encode())


def held(until: str) -> dict[str, Any]:
    return {"status": "held", "expires_at": until}
