"""What is announced after a commit: whose pages, and the pages of which events, are told (rule 20)."""

from collections.abc import Callable
from unittest import mock

from django.test import TestCase

from core import clock, hub
from core.relay import Changes

from .cast import Cast, ago, arrive, join, make_event, open_sale, release


class AnnouncementTests(Cast, TestCase):
    def told(self, act: Callable[[], object]) -> tuple[set[int], set[int]]:
        """Return the events and the people whose pages are told of what `act` commits."""
        told = Changes()
        with mock.patch.object(hub, "note_change", told.add), self.captureOnCommitCallbacks(execute=True):
            act()
        return told.events, told.users

    def test_joining_a_sold_out_event_is_told_to_the_person_and_to_all_who_see_the_line(self) -> None:
        event = make_event(capacity=0)
        self.assertEqual(self.told(lambda: join(event, self.alice)), ({event.pk}, {self.alice.pk}))

    def test_leaving_the_line_is_told_to_the_person_and_to_all_who_see_the_line(self) -> None:
        event = make_event(capacity=0)
        join(event, self.alice)
        self.assertEqual(self.told(lambda: release(event, self.alice)), ({event.pk}, {self.alice.pk}))

    def test_whoever_an_opening_puts_in_line_is_told_though_nothing_is_free(self) -> None:
        event = make_event(capacity=0, sales_open_at=ago(days=-1))
        arrive(self.alice)
        open_sale(event)
        arrive(self.bob, ago(minutes=5))
        event.refresh_from_db()
        self.assertEqual(self.told(clock.tick), ({event.pk}, {self.bob.pk}))

    def test_an_opening_is_told_to_all_who_see_the_event_though_nobody_waits_for_it(self) -> None:
        event = make_event(sales_open_at=ago(days=-1), auto_hold=False)
        open_sale(event)
        self.assertEqual(self.told(clock.tick), ({event.pk}, set()))
        self.assertEqual(self.told(clock.tick), (set(), set()))
