"""What the long run's pages show and were told: content with what was right, and what was not is seen."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any
from unittest import mock

from django.db.models import F
from django.test import TestCase

from bench.crowd import Person
from bench.soak import tabs
from bench.told import Ever, Own, Shown, elsewhere, of_event
from bench.visits import Page
from core import live, steering
from core.models import Event, TicketHold, User
from core.now import now
from core.tests.cast import Cast, ago, book, join, make_event, make_person
from core.tests.test_planted_writes import violations


def judged(events: Sequence[Event], shown: Sequence[Shown], ever: Sequence[Ever]) -> list[str]:
    """Return what the history checker finds in what pages showed, and were told."""
    found = [violations(event, **of_event(event.pk, shown, ever)) for event in events]
    return [text for wrong in found for check in ("pages", "told") for text in wrong.get(check, ())]


class OwnTests(Cast, TestCase):
    """Alice has a ticket and bob a hold of one event; of the other one carol has the place, alice and bob wait."""

    def setUp(self) -> None:
        self.first: Event = make_event(capacity=2, auto_hold=False)
        self.line: Event = make_event(capacity=1, auto_hold=False)
        self.ticket = book(self.first, self.alice)
        hold = join(self.first, self.bob)
        assert hold.expires_at is not None
        self.until = hold.expires_at.isoformat()
        for person in (make_person("carol"), self.alice, self.bob):
            join(self.line, person)
        Event.objects.update(version=F("version") + 1)  # nobody tells them apart by their first

    def page(self, person: User, *more: dict[str, Any]) -> Own:
        """Return a page that was told all that is a person's own, and more."""
        told = live.read_own({person.pk})[person.pk]
        snapshot = json.loads(live.encode_snapshot("[]", told, now()))
        own = Own()
        for message in (snapshot, *more):
            own.hear(message)
        return own

    def at_rest(self, person: User, *more: dict[str, Any], **numbers: int) -> list[str]:
        own = self.page(person, *more)
        shown = {event.pk: dict(read) for event, read in zip((self.first, self.line), self.numbers(), strict=True)}
        shown[self.first.pk] |= numbers
        return judged([self.first, self.line], [Shown(person.pk, shown, own.places, own.tickets)], [])

    def numbers(self) -> list[Any]:
        return sorted(live.read_stats([self.first.pk, self.line.pk]), key=lambda stats: stats["event"])

    def ever(self, person: User, *more: dict[str, Any]) -> list[str]:
        own = self.page(person, *more)
        return judged([self.first, self.line], [], [Ever(person.pk, [], own.codes, own.holds)])

    def hold(self, status: str, until: str | None = None, position: int | None = None) -> dict[str, Any]:
        told = {"type": "hold", "event": self.first.pk, "status": status}
        return told | {"expires_at": until, "position": position}

    def test_what_the_server_says_is_so(self) -> None:
        for person in (self.alice, self.bob):
            self.assertEqual((self.at_rest(person), self.ever(person)), ([], []))

    def test_numbers_that_are_not_the_rows_are_seen(self) -> None:
        for wrong in ({"booked": 2}, {"version": 0}, {"waiting": 1}):
            with self.subTest(wrong=wrong):
                self.assertEqual(len(self.at_rest(self.alice, **wrong)), 1)

    def test_a_page_that_was_told_nothing_is_seen_to_show_nothing(self) -> None:
        self.assertEqual(len(judged([self.first, self.line], [Shown(self.alice.pk, {}, {}, {})], [])), 4)

    def test_what_a_page_was_told_of_another_event_than_those_that_are_judged_is_seen(self) -> None:
        own, events = self.page(self.alice), [self.line.pk]
        shown = Shown(self.alice.pk, {}, own.places, own.tickets)
        told = f"person {self.alice.pk} was told of something of event {self.first.pk} that is not theirs"
        self.assertEqual(elsewhere(events, [shown], []), [told])
        self.assertEqual(elsewhere(events, [], [Ever(self.alice.pk, [], own.codes, own.holds)]), [told])
        back = Ever(self.alice.pk, [(self.first.pk, "version 1 after 2"), (self.line.pk, "…")], set(), set())
        self.assertEqual(
            elsewhere(events, [], [back]), [f"a page was told of event {self.first.pk}: version 1 after 2"]
        )
        self.assertEqual(elsewhere([self.first.pk, self.line.pk], [shown], [back]), [])

    def test_numbers_that_came_after_newer_ones_are_seen_in_the_history_of_their_event(self) -> None:
        back = Ever(self.alice.pk, [(self.first.pk, "version 1 after 2")], set(), set())
        self.assertEqual(judged([self.first], [], [back]), ["a page was told of version 1 after 2"])
        self.assertEqual(judged([self.line], [], [back]), [])

    def test_a_place_another_position_and_a_ticket_that_are_not_the_rows_are_seen(self) -> None:
        moved = {"type": "position", "event": self.line.pk, "position": 1, "ahead": 0, "wait_seconds": None}
        ticket = {"type": "ticket", "event": self.first.pk, "code": self.ticket.code, "status": "admitted"}
        cases = [
            (self.alice, self.hold("held", self.until)),
            (self.alice, ticket),
            (self.alice, ticket | {"status": "cancelled"}),
            (self.bob, moved),
            (self.bob, self.hold("expired", self.until)),
            (self.bob, self.hold("held", ago(minutes=1).isoformat())),
        ]
        for person, told in cases:
            with self.subTest(person=person, told=told):
                self.assertEqual(len(self.at_rest(person, told)), 1)

    def test_what_was_told_and_taken_back_is_no_longer_shown(self) -> None:
        gone = [self.hold("held", self.until), self.hold("released"), self.hold("waiting", None, 1), self.hold("left")]
        self.assertEqual(self.at_rest(self.alice, *gone), [])

    def test_whoever_was_ever_told_of_anothers_ticket_or_hold_is_seen(self) -> None:
        ticket = {"type": "ticket", "event": self.first.pk, "code": self.ticket.code, "status": "valid"}
        nobodys = ticket | {"code": "A" * 74}
        told = f"person {self.bob.pk} was told of ticket {self.ticket.code}"
        self.assertEqual(
            self.ever(self.bob, ticket, ticket | {"status": "cancelled"}), [f"{told}, which is not theirs"]
        )
        self.assertEqual(len(self.ever(self.bob, nobodys)), 1)
        self.assertEqual(len(self.ever(self.alice, self.hold("held", self.until), self.hold("released"))), 1)

    def test_a_hold_whose_end_staff_moved_is_ones_own_before_and_after(self) -> None:
        steering.extend_holds(event_id=self.first.pk, minutes=1, reason="test")
        moved = TicketHold.objects.get(event=self.first, user=self.bob)
        assert moved.expires_at is not None
        self.assertEqual(self.ever(self.bob, self.hold("held", self.until)), [])
        late = (moved.expires_at + dt.timedelta(minutes=1)).isoformat()
        self.assertEqual(len(self.ever(self.bob, self.hold("held", late))), 1)


class FakePages:
    """Pages as the processes of `bench.sockets` keep them: who is there, and who was asked to open again."""

    def __init__(self) -> None:
        self.own: dict[int, Own] = {}
        self.numbers: dict[int, dict[str, Any]] = {}
        self.opened: list[list[int]] = []
        self.closed: set[int] = set()
        self.barred: set[int] = set()  # whose page does not open

    def open(self, ports: list[int], pages: list[Page], patience: float) -> None:
        self.opened.append([page.user for page in pages])
        self.own |= {page.user: Own() for page in pages if page.user not in self.barred}

    def all(self, method: str) -> list[list[Any]]:
        if method == "people":
            return [list(self.own)]
        if method == "shown":
            there = (user for user in self.own if user not in self.closed)
            return [[Shown(user, self.numbers, self.own[user].places, self.own[user].tickets) for user in there]]
        told = [user for user in self.own if method == "ever" or user in self.closed]
        owns = [(user, self.own[user]) for user in told]
        if method == "clear":
            self.own = {user: own for user, own in self.own.items() if user not in self.closed}
            self.closed = set()
        return [[Ever(user, [], own.codes, own.holds) for user, own in owns]]


class TabsTests(Cast, TestCase):
    """Alice and bob have a page each, and there is one event, which nobody wants."""

    def setUp(self) -> None:
        self.event: Event = make_event(auto_hold=False)
        self.pages = FakePages()
        self.pages.numbers = {self.event.pk: dict(live.read_stats([self.event.pk])[0])}
        self.enterContext(mock.patch.object(tabs, "seconds_until_good"))
        people = [Person(person.pk, person.username, "") for person in (self.alice, self.bob)]
        self.tabs = tabs.Tabs(self.pages, mock.Mock(), people, [self.event.pk], seed="1")  # type: ignore[arg-type]
        self.tabs.come_back()

    def found(self) -> tuple[int, list[str]]:
        """Look at the pages; return how many were open, and what was found."""
        shown, ever = self.tabs.at_rest()
        return len(shown), [*self.tabs.troubles, *judged([self.event], shown, ever)]

    def test_all_that_are_open_and_show_what_is_so_are_right(self) -> None:
        self.assertEqual(self.found(), (2, []))

    def test_only_those_that_are_closed_are_opened_again(self) -> None:
        self.pages.closed = {self.bob.pk}
        self.tabs.come_back()
        self.assertEqual(self.pages.opened, [[self.alice.pk, self.bob.pk], [self.bob.pk]])

    def test_an_open_page_that_does_not_heal_is_seen_though_another_was_closed(self) -> None:
        self.pages.own[self.alice.pk].hear(
            {"type": "ticket", "event": self.event.pk, "code": "A" * 74, "status": "valid"}
        )
        self.pages.closed = {self.bob.pk}
        self.tabs.come_back()
        _, wrong = self.found()
        self.assertEqual(len(wrong), 2)
        self.assertIn("a page shows at rest {", wrong[0])
        self.assertIn(f"person {self.alice.pk} was told of ticket", wrong[1])

    def test_one_page_that_is_missing_at_rest_is_seen(self) -> None:
        self.pages.closed = self.pages.barred = {self.bob.pk}
        self.tabs.come_back()
        self.assertEqual(self.found(), (1, ["1 of 2 pages were open at rest"]))

    def test_what_a_page_was_told_that_is_closed_by_now_is_not_forgotten(self) -> None:
        self.pages.own[self.bob.pk].hear(
            {"type": "ticket", "event": self.event.pk, "code": "A" * 74, "status": "valid"}
        )
        self.pages.closed = {self.bob.pk}
        self.tabs.come_back()
        self.assertEqual(len(self.found()[1]), 1)
