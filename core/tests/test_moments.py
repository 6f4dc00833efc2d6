"""Moments that are typed: those that the clocks skip in spring, and those that come twice in autumn."""

import datetime as dt
from unittest import mock, skipUnless
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import connection
from django.test import SimpleTestCase, TestCase
from django.utils import timezone

from core import arrivals
from core.forms.moments import MomentField
from core.models import UserSession

from .cast import Cast, ago, arrive, later, make_event
from .desk import at_desk, errors_of, filled, make_administrator

CHANGES = (  # zone, a moment that is skipped, one that comes twice, and which that is
    ("Europe/Berlin", "2027-03-28 02:30", "2027-10-31 02:30", "2027-10-31T00:30:00+00:00"),
    ("America/New_York", "2027-03-14 02:30", "2027-11-07 01:30", "2027-11-07T05:30:00+00:00"),
    ("Australia/Lord_Howe", "2027-10-03 02:15", "2027-04-04 01:45", "2027-04-03T14:45:00+00:00"),
    ("Pacific/Apia", "2011-12-30 12:00", "2021-04-04 03:30", "2021-04-03T13:30:00+00:00"),
)


class MomentFieldTests(SimpleTestCase):
    def test_what_is_skipped_is_refused_and_what_comes_twice_is_the_first(self):
        for zone, skipped, twice, first in CHANGES:
            with self.subTest(zone), timezone.override(ZoneInfo(zone)):
                with self.assertRaisesRegex(ValidationError, "the clocks skip it"):
                    MomentField().clean(skipped.split())
                self.assertEqual(MomentField().clean(twice.split()), dt.datetime.fromisoformat(first))

    def test_any_other_moment_is_itself_and_none_is_none(self):
        with timezone.override(ZoneInfo("Asia/Kathmandu")):
            found = MomentField().clean(["2027-01-01", "00:15"])
        self.assertEqual(found, dt.datetime(2026, 12, 31, 18, 30, tzinfo=dt.UTC))
        self.assertIsNone(MomentField(required=False).clean(["", ""]))
        with self.assertRaisesRegex(ValidationError, "Add the time"):
            MomentField(required=False).clean(["2027-01-01", ""])


class AdminTests(Cast, TestCase):
    def test_an_event_cannot_start_in_an_hour_that_is_skipped_and_can_in_one_that_comes_twice(self):
        event, browser = make_event(), at_desk(make_administrator())
        path = f"/admin/core/event/{event.pk}/change/"
        with timezone.override(ZoneInfo("Europe/Berlin")):
            form = filled(browser.get(path))
            refused = browser.post(path, form | {"starts_at_0": "2027-03-28", "starts_at_1": "02:30:00"})
            self.assertIn("the clocks skip it", errors_of(refused)["starts_at"][0])
            accepted = browser.post(path, form | {"starts_at_0": "2027-10-31", "starts_at_1": "02:30:00"})
        event.refresh_from_db()
        self.assertEqual((accepted.status_code, event.starts_at.isoformat()), (302, "2027-10-31T00:30:00+00:00"))


class WrongClockTests(Cast, TestCase):
    def test_a_process_whose_clock_is_behind_notes_signs_of_life_all_the_same(self):
        session = arrive(self.alice, ago(minutes=30), last_seen_at=later(minutes=30))  # as a clock behind sees it
        arrivals.session_of(user_id=self.alice.pk, session_key=session.session_key)
        self.assertLess(UserSession.objects.get().last_seen_at, later(minutes=1))

    @skipUnless(connection.vendor == "postgresql", "on SQLite the clock of Python is the one that counts")
    def test_a_process_whose_clock_is_ahead_does_not_take_an_opening_for_over(self):
        opens = later(minutes=1)
        with mock.patch("django.utils.timezone.now", lambda: opens + dt.timedelta(minutes=2)):
            event = make_event(sales_open_at=opens)
        self.assertTrue(event.is_to_open)
