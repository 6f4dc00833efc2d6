"""One hold is extended by staff: its end alone moves, under the event's lock, and the ledger says why."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

from django.contrib.admin.models import LogEntry
from django.db import OperationalError
from django.test import TestCase, TransactionTestCase

from core import steering
from core.models import AuditEntry, Event, TicketHold, User
from core.refusals import HoldOver
from core.trust import trail

from .cast import (
    Cast,
    CastOfRaces,
    HandClock,
    appoint,
    book,
    join,
    lapse,
    later,
    ledger_of,
    ledger_problems,
    make_event,
    numbers,
    race,
    release,
    statuses,
)
from .desk import at_desk, employ, make_administrator, messages_of
from .visits import target_of, visit

REASON = "A lift stood still"


def extend(place: TicketHold, minutes: float = 5, seen: int | None = None) -> bool:
    return steering.extend_hold(event_id=place.event_id, hold_id=place.pk, minutes=minutes, reason=REASON, seen=seen)


def ends(event: Event) -> dict[str, Any]:
    """Return when the holds of an event end, by person."""
    return dict(TicketHold.objects.filter(event=event, status="held").values_list("user__username", "expires_at"))


class ExtendTests(Cast, TestCase):
    def setUp(self) -> None:
        self.clock = self.enterContext(HandClock())
        self.event = make_event(capacity=2)
        self.mine, self.others = join(self.event, self.alice), join(self.event, self.bob)
        join(self.event, self.greta)

    def test_its_end_moves_and_no_other_and_the_ledger_says_so(self) -> None:
        self.assertTrue(extend(self.mine, 2.5))
        self.assertEqual(ends(self.event), {"alice": later(minutes=12.5), "bob": later(minutes=10)})
        entry = ledger_of(self.event)[-1]
        told = {name: entry[name] for name in ("kind", "place", "minutes", "reason")}
        expected = {"kind": "hold_extension", "place": self.mine.pk, "minutes": 2.5, "reason": REASON}
        self.assertEqual((told, "person" in entry, ledger_problems(self.event)), (expected, True, []))

    def test_it_lasts_as_long_and_the_next_in_line_is_served_then(self) -> None:
        extend(self.mine)
        self.clock.move(minutes=10)
        self.assertTrue(extend(self.mine, 1))
        self.assertEqual(statuses(self.event), [("alice", "held"), ("bob", "expired"), ("greta", "held")])
        self.clock.move(minutes=5, seconds=59)
        book(self.event, self.alice)
        self.assertEqual((numbers(self.event)["booked"], ledger_problems(self.event)), (1, []))

    def test_a_hold_of_the_whole_event_s_extension_and_its_own_add_up(self) -> None:
        extend(self.mine, 1)
        steering.extend_holds(event_id=self.event.pk, minutes=2, reason=REASON)
        extend(self.mine, 3)
        self.assertEqual(ends(self.event), {"alice": later(minutes=16), "bob": later(minutes=12)})
        self.clock.move(minutes=13)
        book(self.event, self.alice)
        self.assertEqual(ledger_problems(self.event), [])

    def test_what_is_not_held_any_more_is_left_alone(self) -> None:
        waiting = TicketHold.objects.get(event=self.event, status="waiting")
        lapse(TicketHold.objects.filter(pk=self.others.pk))
        book(self.event, self.alice)
        before = len(ledger_of(self.event))
        elsewhere = make_event()
        for place in (self.mine, self.others):
            with self.assertRaises(HoldOver):
                extend(place)
        self.assertNotIn("hold_extension", [entry["kind"] for entry in ledger_of(self.event)[before:]])
        held = TicketHold.objects.get(pk=waiting.pk)  # bob's place went to her meanwhile
        with self.assertRaises(HoldOver):
            steering.extend_hold(event_id=elsewhere.pk, hold_id=held.pk, minutes=1, reason=REASON)

    def test_a_length_that_is_none_is_refused(self) -> None:
        for minutes in (0, -1, 24 * 60 + 0.001, math.nan, math.inf):
            with self.subTest(minutes=minutes), self.assertRaises(ValueError):
                extend(self.mine, minutes)
        self.assertEqual(ends(self.event)["alice"], later(minutes=10))

    def test_whoever_knows_of_fewer_extensions_adds_nothing(self) -> None:
        extend(self.others)
        self.assertEqual([extend(self.mine, seen=0), extend(self.mine, seen=0), extend(self.mine, seen=1)],
                         [True, False, True])  # fmt: skip
        self.assertEqual(ends(self.event)["alice"], later(minutes=20))


class PageTests(Cast, TestCase):
    def setUp(self) -> None:
        self.event = make_event(capacity=1)
        self.place = join(self.event, self.alice)
        self.page = f"/admin/core/tickethold/{self.place.pk}/extend/"
        self.change = f"/admin/core/tickethold/{self.place.pk}/change/"
        self.browser = at_desk(make_administrator())
        self.until = ends(self.event)["alice"]

    def send(self, **typed: str) -> Any:
        return self.browser.post(self.page, {"minutes": "5", "reason": REASON, "seen": "0"} | typed)

    def added(self) -> float:
        return float((ends(self.event)["alice"] - self.until).total_seconds() / 60)

    def test_the_page_of_a_hold_leads_to_it_and_says_what_it_did(self) -> None:
        self.assertContains(self.browser.get(self.change), f'href="{self.page}"')
        self.assertContains(self.browser.get(self.page), 'name="seen" value="0"')
        response = self.send(minutes="2.50")
        self.assertEqual((target_of(response), self.added()), (self.change, 2.5))
        self.assertEqual(messages_of(response)[-1].partition(":")[0], "Extended by 2.5 min")
        self.assertEqual(LogEntry.objects.get().get_change_message(), f"Extended by 2.5 min: {REASON}")

    def test_without_its_entry_in_the_trail_nothing_is_extended(self) -> None:
        gone = mock.patch.object(trail, "record_admin", side_effect=OperationalError("away"))
        with gone, self.assertLogs("core.middleware", "WARNING"):
            self.assertEqual(self.send().status_code, 503)
        self.assertEqual((self.added(), LogEntry.objects.count(), ledger_problems(self.event)), (0, 0, []))

    def test_whoever_opens_the_page_is_in_the_trail(self) -> None:
        self.browser.get(self.page)
        seen = AuditEntry.objects.values_list("action", "actor__username", "person__username", "event", "subject")
        expected = ("records_seen", "root", "alice", self.event.pk, f"tickethold {self.place.pk}")
        self.assertEqual(list(seen), [expected])

    def test_a_button_pressed_twice_extends_once(self) -> None:
        self.send()
        self.assertIn("was extended since you opened this page", messages_of(self.send())[-1])
        self.assertEqual((self.added(), LogEntry.objects.count()), (5, 1))

    def test_without_a_reason_or_a_length_nothing_is_done(self) -> None:
        for typed in ({"reason": " "}, {"minutes": "0"}, {"minutes": "x"}, {"minutes": "1e9"}, {"seen": "x"}):
            with self.subTest(typed=typed):
                response = self.send(**typed)
                self.assertEqual((response.status_code, self.added()), (200, 0))
        self.assertEqual(self.browser.get(self.page).status_code, 200)

    def test_a_place_that_is_not_held_has_no_such_link_and_is_left_alone(self) -> None:
        release(self.event, self.alice)
        self.assertNotContains(self.browser.get(self.change), self.page)
        for response in (self.browser.get(self.page), self.send()):
            self.assertEqual((target_of(response), messages_of(response)[-1]), (self.change, HoldOver.detail))
        self.assertFalse(LogEntry.objects.exists())

    def test_only_who_may_end_places_of_the_event_may(self) -> None:
        oscar = User.objects.create_user("oscar")
        for person, permissions, code in (
            (self.olga, ("view_tickethold",), 403),
            (self.olga, ("view_tickethold", "change_tickethold"), 200),
            (oscar, ("view_tickethold", "change_tickethold"), 302),  # of another event: it is not there
        ):
            employ(appoint(person), *permissions)
            with self.subTest(person=person, permissions=permissions):
                self.assertEqual(at_desk(User.objects.get(pk=person.pk)).get(self.page).status_code, code)
        self.assertIn("/admin/login/", target_of(visit(self.alice).post(self.page)))
        root = User.objects.get(username="root")
        self.assertEqual(visit(root, enforce_csrf_checks=True).post(self.page).status_code, 403)
        self.assertEqual((self.browser.put(self.page).status_code, self.added()), (405, 0))


class RaceTests(CastOfRaces, TransactionTestCase):
    def test_of_a_booking_and_an_extension_at_once_the_ledger_is_right(self) -> None:
        for _ in range(5):
            event = make_event(capacity=1)
            place = join(event, self.alice)
            both: list[Callable[[], object]] = [partial(book, event, self.alice), partial(extend, place)]
            race(both)
            self.assertEqual((numbers(event)["booked"], ledger_problems(event)), (1, []))

    def test_pressed_by_many_at_once_it_is_one_extension(self) -> None:
        event = make_event(capacity=1)
        place = join(event, self.alice)
        done = race([partial(extend, place, seen=0)] * 8, threads=4)
        self.assertEqual((done.count(True), done.count(False), ledger_problems(event)), (1, 7, []))
