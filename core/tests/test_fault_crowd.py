"""What is judged of the crowd beside a fault: it is left to the processes' clocks, and who waited in vain counts."""

from unittest import mock

from django.test import TestCase

from bench.faults import crowd
from bench.faults.browsers import GONE
from bench.faults.report import Report
from bench.visits import Answer
from core import clock
from core.models import Event, TicketHold

from .cast import Cast, make_event, statuses


class CrowdTests(Cast, TestCase):
    """Alice waits, and nobody has served the event yet, which has a place for her."""

    def setUp(self) -> None:
        self.event: Event = make_event(capacity=1, auto_hold=False)
        TicketHold.objects.create(event=self.event, user=self.alice)
        self.enterContext(mock.patch.object(crowd, "connections"))  # the test's own would be closed
        self.enterContext(mock.patch.object(crowd, "REST_IN", 0.01))

    def check(self, *, is_served: bool = True) -> tuple[str, str]:
        report = Report()
        crowd.check(report, self.event, [], settle=0, is_served=is_served)
        return "\n".join(report.wrong), "\n".join(report.did)

    def test_a_place_that_no_clock_gives_is_seen_and_not_given_by_the_check(self) -> None:
        wrong, _ = self.check()
        self.assertIn("the clocks had left something to do", wrong)
        self.assertIn("left waiting: 1 people wait, and 1 places are free", wrong)
        self.assertEqual(statuses(self.event), [("alice", "waiting")])

    def test_what_the_clock_has_served_is_right(self) -> None:
        clock.tick()
        self.assertEqual(self.check(), ("", ""))

    def test_without_a_process_that_is_said_and_not_judged(self) -> None:
        wrong, did = self.check(is_served=False)
        self.assertEqual((wrong, "no process was left" in did), ("", True))

    def test_who_was_never_answered_is_the_slowest(self) -> None:
        answers = [Answer(1, "book", 0, 0.5, 200, b""), Answer(2, "book", 0, 30, GONE, b"")]
        self.assertEqual(crowd.slowest(answers), 30)
