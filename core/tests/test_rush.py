"""A rush is told by what was written, by whichever process: what can wait waits then."""

from unittest.mock import patch

from django.db import connections
from django.test import TestCase
from post_office.models import Email

from core import mailing, rush
from core.checkin import scans

from .cast import Cast, book, join, make_event, make_people


class RushTests(Cast, TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = self.enterContext(patch("core.rush.time")).monotonic
        self.clock.return_value = 100.0
        self.enterContext(patch.object(connections, "close_all"))  # it is the test's
        self.watch = rush.RushWatch()
        self.watch.look()

    def write(self, *, per_second: float) -> None:
        """Let somebody book, and so much time pass as fits; no hub, no channel layer tells of it."""
        before = rush._written()
        book(make_event(), self.alice)
        self.clock.return_value += (rush._written() - before) / per_second

    def looks(self, seconds: int) -> list[bool]:
        """Return what each look finds, one a second."""
        found = []
        for _ in range(seconds):
            self.clock.return_value += 1
            found.append(self.watch.look())
        return found

    def test_much_that_was_written_is_a_rush_and_little_is_none(self) -> None:
        self.write(per_second=rush.RUSH / 2)
        self.assertFalse(self.watch.look())
        self.write(per_second=2 * rush.RUSH)
        self.assertTrue(self.watch.look())

    def test_who_joins_a_full_line_and_who_is_scanned_count_as_well(self) -> None:
        event, people = make_event(capacity=1, auto_hold=False), make_people(rush.RUSH)
        ticket = book(event, self.alice)
        self.clock.return_value += 60
        self.watch.look()
        for person in people:
            join(event, person)
        self.clock.return_value += 0.9
        self.assertTrue(self.watch.look())
        self.assertEqual(self.looks(2), [True, False])
        for _ in people:
            scans.scan(code=ticket.code, event=event, staff=self.greta)
        self.clock.return_value += 0.9
        self.assertTrue(self.watch.look())

    def test_it_is_over_when_two_looks_in_a_row_find_little(self) -> None:
        self.write(per_second=2 * rush.RUSH)
        self.assertTrue(self.watch.look())
        self.assertEqual(self.looks(3), [True, False, False])

    def test_nothing_is_a_rush_to_whoever_has_just_begun_to_look(self) -> None:
        self.write(per_second=2 * rush.RUSH)
        self.assertFalse(rush.RushWatch().look())

    def test_nothing_waits_longer_than_five_minutes_for_its_end(self) -> None:
        with patch.object(rush, "_written", side_effect=lambda: self.clock.return_value * 2 * rush.RUSH):
            found = self.looks(320)
        self.assertEqual((found.index(False, 1), any(found[310:])), (300, False))

    def test_a_confirmation_waits_until_it_is_over(self) -> None:
        self.write(per_second=2 * rush.RUSH)
        mailing._work_in_thread(self.watch)
        self.assertFalse(Email.objects.exists())
        self.looks(2)
        with patch.object(mailing, "deliver", return_value=0):
            mailing._work_in_thread(self.watch)
        self.assertTrue(Email.objects.exists())
