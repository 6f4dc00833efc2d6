"""The judges of the long run: content with what was right, and each sees what was not."""

import datetime as dt
import json
import time
from typing import Any
from unittest import mock

from django.db.models import F
from django.test import SimpleTestCase, TestCase

from bench.crowd import Person
from bench.soak import tabs, witness
from bench.soak.calls import Rows, Span, wrong_numbers
from bench.soak.own import Truth
from bench.soak.promises import LEAST_QUIET, LONGEST_RECOVERY
from bench.soak.witness import Spell, Witness
from bench.told import Ever, Own, Shown
from bench.visits import NO_RETRY_AFTER, Answer, Page
from core import live, steering
from core.models import Event, TicketHold, User
from core.now import now
from core.tests.cast import Cast, ago, book, join, make_event, make_person, release


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


def too_long(idle: list[Span], disturbed: list[Span]) -> list[str]:
    return witness.too_long([Spell(*span, 7, 0, 0) for span in idle], disturbed)


class IdleTests(SimpleTestCase):
    """Faults last a second here, and all must be as before two seconds later."""

    def test_a_place_that_lies_idle_for_longer_than_promised_is_seen(self) -> None:
        self.assertEqual(too_long([(0, 2), (100, 102)], []), [])
        self.assertEqual(len(too_long([(0, 3)], [])), 1)

    def test_beside_a_fault_it_may_until_all_must_be_as_before(self) -> None:
        fault = (10, 13)
        self.assertEqual(too_long([(9, 15), (11, 14)], [fault]), [])
        for idle in ((7, 12), (11, 15.5), (13, 16)):
            with self.subTest(idle=idle):
                self.assertEqual(len(too_long([idle], [fault])), 1)

    def test_a_clock_that_idles_for_a_while_after_every_fault_is_seen_between_faults_as_soon_as_they_may_follow(self):
        apart = 1 + LONGEST_RECOVERY + LEAST_QUIET
        faults = [(began, began + 1 + LONGEST_RECOVERY) for began in (0, apart, 2 * apart)]
        idle = [(began, began + apart) for began, _ in faults]
        self.assertEqual(len(too_long(idle, faults)), len(faults))
        self.assertEqual(len(too_long([(0, 3 * apart)], faults)), 1)

    def looked(self, *looks: tuple[int, list[int], bool]) -> list[Span]:
        """Return the spells that looks a second apart saw of an event of two places: tickets, lapsed holds, a line."""
        looking = Witness([7])
        for moment, (tickets, lapsed, waits) in enumerate(looks):
            held = len(lapsed)
            looking.look([(7, 2, held, tickets, False, held, tickets, lapsed, waits)], moment)
        looking.look([(7, 2, 0, 2, False, 0, 2, [], True)], len(looks))
        self.assertEqual(looking.troubles, [])
        return [(spell.since, spell.until) for spell in looking.idle]

    def test_the_witness_sees_a_place_that_nobody_has_as_long_as_somebody_waits(self) -> None:
        self.assertEqual(self.looked((1, [], True), (1, [], True), (1, [], True)), [(0, 2)])
        self.assertEqual(self.looked((1, [], True), (1, [], False), (1, [], True)), [(0, 0), (2, 2)])

    def test_each_hold_that_lapsed_is_a_spell_of_its_own(self) -> None:
        self.assertEqual(self.looked((1, [5], True), (1, [6], True), (1, [8], True)), [(0, 0), (1, 1), (2, 2)])
        self.assertEqual(self.looked((1, [5], True), (1, [5], True), (1, [5], True)), [(0, 2)])

    def test_the_witness_sees_counters_that_are_not_the_rows_numbers(self) -> None:
        looking = Witness([7])
        looking.look([(7, 2, 1, 1, False, 1, 2, [], False)], 0)
        self.assertEqual(len(looking.troubles), 1)


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
        truth, own = Truth([self.first.pk, self.line.pk]), self.page(person, *more)
        shown = {event.pk: dict(read) for event, read in zip((self.first, self.line), self.numbers(), strict=True)}
        shown[self.first.pk] |= numbers
        return truth.wrong_at_rest(Shown(person.pk, shown, own.places, own.tickets))

    def numbers(self) -> list[Any]:
        return sorted(live.read_stats([self.first.pk, self.line.pk]), key=lambda stats: stats["event"])

    def ever(self, person: User, *more: dict[str, Any]) -> list[str]:
        own = self.page(person, *more)
        return Truth([self.first.pk, self.line.pk]).wrong_ever(Ever(person.pk, [], own.codes, own.holds))

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
        truth = Truth([self.first.pk, self.line.pk])
        self.assertEqual(len(truth.wrong_at_rest(Shown(self.alice.pk, {}, {}, {}))), 4)

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
        told = f"person {self.bob.pk} was told of ticket {self.ticket.code} of event {self.first.pk}"
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
        gone = [user for user in self.own if method == "close" or user in self.closed]
        self.closed = set()
        owns = [(user, self.own.pop(user)) for user in gone]
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

    def test_all_that_are_open_and_show_what_is_so_are_right(self) -> None:
        self.assertEqual(self.tabs.close(), (2, []))

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
        _, wrong = self.tabs.close()
        self.assertEqual(len(wrong), 2)
        self.assertIn("a page shows at rest {", wrong[0])
        self.assertIn(f"person {self.alice.pk} was told of ticket", wrong[1])

    def test_one_page_that_is_missing_at_rest_is_seen(self) -> None:
        self.pages.closed = self.pages.barred = {self.bob.pk}
        self.tabs.come_back()
        self.assertEqual(self.tabs.close(), (1, ["1 of 2 pages were open at rest"]))

    def test_what_a_page_was_told_that_is_closed_by_now_is_not_forgotten(self) -> None:
        self.pages.own[self.bob.pk].hear(
            {"type": "ticket", "event": self.event.pk, "code": "A" * 74, "status": "valid"}
        )
        self.pages.closed = {self.bob.pk}
        self.tabs.come_back()
        self.assertEqual(len(self.tabs.close()[1]), 1)
