"""A rush is told by what was written, by whichever process: what can wait waits then."""

from unittest.mock import patch

from django.db import connections
from django.test import TestCase
from post_office.models import Email

from core import mailing, rush
from core.models import LedgerEntry

from .cast import Cast, book, make_event


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
        before = LedgerEntry.objects.count()
        book(make_event(), self.alice)
        self.clock.return_value += (LedgerEntry.objects.count() - before) / per_second

    def test_much_that_was_written_is_a_rush_and_little_is_none(self) -> None:
        self.write(per_second=2 * rush.RUSH)
        self.assertTrue(self.watch.look())
        self.write(per_second=rush.RUSH / 2)
        self.assertFalse(self.watch.look())

    def test_nothing_is_a_rush_to_whoever_has_just_begun_to_look(self) -> None:
        self.write(per_second=2 * rush.RUSH)
        self.assertFalse(rush.RushWatch().look())

    def test_nothing_waits_longer_than_five_minutes_for_its_end(self) -> None:
        with patch.object(rush, "_written", side_effect=lambda: self.clock.return_value * 2 * rush.RUSH):
            looks = []
            for _ in range(320):
                self.clock.return_value += 1
                looks.append(self.watch.look())
        self.assertEqual((looks.index(False, 1), any(looks[310:])), (300, False))

    def test_a_confirmation_waits_until_it_is_over(self) -> None:
        self.write(per_second=2 * rush.RUSH)
        mailing._work_in_thread(self.watch)
        self.assertFalse(Email.objects.exists())
        self.clock.return_value += 1
        with patch.object(mailing, "deliver", return_value=0):
            mailing._work_in_thread(self.watch)
        self.assertTrue(Email.objects.exists())
