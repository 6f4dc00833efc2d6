"""The public fairness page of an event: what it promises, what happened in its line, and whose entries are whose."""

import hashlib
import re
from typing import Any
from urllib.parse import quote

from django.db import connection
from django.test import TestCase, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from core import allocation, clock, steering
from core.fairness import draw
from core.models import Event, LedgerEntry, User

from .books import who
from .cast import Cast, HandClock, ago, join, later, make_event, release
from .visits import BROWSER, answer_of, redirect_of, visit


def words(response: Any) -> str:
    """Return what a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]*>", "", response.content.decode()).split())


def fill(event: Event, count: int) -> None:
    """Add entries to a ledger by hand, until it has so many."""
    text = '{{"seq":{0},"at":"2026-05-01T10:00:00+00:00","kind":"leave","place":{0},"person":"{1}","cause":"released"}}'
    event.refresh_from_db()
    LedgerEntry.objects.bulk_create(
        LedgerEntry(event=event, seq=n, person=f"{n:020x}", text=text.format(n, f"{n:020x}"), seal=f"{n:064x}")
        for n in range(event.ledger_seq + 1, count + 1)
    )
    Event.objects.filter(pk=event.pk).update(ledger_seq=count, ledger_seal=f"{count:064x}")


class PageCase(Cast, TestCase):
    def setUp(self) -> None:
        self.clock = self.enterContext(HandClock())

    def read(self, event: Event, query: str = "", person: User | None = None) -> Any:
        response = visit(person, headers=BROWSER).get(f"/events/{event.pk}/fairness/{query}")
        self.assertEqual(response.status_code, 200)
        return response

    def assert_says(self, event: Event, *sentences: str) -> None:
        said = words(self.read(event))
        for sentence in sentences:
            self.assertIn(escape(sentence), said)


class PromiseTests(PageCase):
    def test_the_event_page_leads_to_it(self):
        event = make_event()
        page = visit(headers=BROWSER).get(f"/events/{event.pk}/").content.decode()
        self.assertIn(f'<a href="/events/{event.pk}/fairness/">', page)

    def test_it_tells_the_order_the_sale_and_the_holds(self):
        event = make_event(
            time_zone="Asia/Tokyo", hold_minutes=2, sales_open_at=ago(days=1), sales_close_at=later(days=3)
        )
        window = f"From {event.local(event.sales_open_at)} until {event.local(event.sales_close_at)}"
        self.assert_says(event, "In order of login", "2 minutes", window)
        self.assertNotIn("tiers", words(self.read(event)))

    def test_it_tells_whether_the_line_is_served_and_why_not(self):
        served = make_event()
        paused = make_event()
        steering.pause(event_id=paused.pk, reason="A pipe burst.")
        paused.refresh_from_db()
        for event, sentence in (
            (served, "Going on A place that becomes free is held for the first in line."),
            (paused, f"Paused By staff, since {paused.local(paused.paused_at)}: “A pipe burst.” Everybody keeps"),
            (make_event(sales_open_at=later(days=1)), "Not yet People can join the line"),
            (make_event(sales_close_at=ago(hours=1)), "No more The sale has closed."),
            (make_event(starts_at=ago(hours=1)), "No more The event has started."),
            (make_event(status="cancelled"), "No more The event was cancelled."),
        ):
            self.assert_says(event, sentence)

    @override_settings(TIERS=["supporters", "members"])
    def test_declared_tiers_are_on_both_pages_before_the_sale_and_after(self):
        event = make_event(capacity=30, tier_shares={"members": 10, "supporters": 25}, sales_open_at=later(days=1))
        pages = [f"/events/{event.pk}/", f"/events/{event.pk}/fairness/"]
        for _ in ("before", "after"):
            for path in pages:
                said = words(visit(headers=BROWSER).get(path))
                self.assertIn("members: up to 3 places (10%) supporters: up to 7 places (25%)", said)
            self.clock.move(days=2)

    def test_who_joined_and_is_not_entered_yet_is_counted(self):
        event = make_event(capacity=1)
        for person in (self.alice, self.bob, self.greta):
            join(event, person)
        self.assert_says(event, "Not entered yet 2 Who joined")
        allocation.serve(event.pk)
        self.assert_says(event, "Not entered yet 0 Who joined")

    def test_it_tells_how_many_entries_there_are_and_the_last_seal(self):
        event = make_event()
        empty = hashlib.sha256(f"ledger of event {event.pk}".encode()).hexdigest()
        self.assert_says(event, f"Entries 0 Last seal {empty} Note down both.", "Nothing has happened yet")
        join(event, self.alice)
        last = LedgerEntry.objects.filter(event=event).latest("seq")
        self.assert_says(event, f"Entries 3 Last seal {last.seal} Note down both.")
        self.assert_says(event, f"python3 verify_ledger.py ledger-{event.pk}.txt --at 3 --seal {last.seal}")


class DrawTests(PageCase):
    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(line_policy="randomised_open", sales_open_at=later(hours=1))
        self.commitment = hashlib.sha256(bytes.fromhex(self.event.draw_seed)).hexdigest()

    def pages(self) -> list[str]:
        client = visit(self.olga, headers=BROWSER)
        paths = ("", "fairness/", "fairness/ledger.txt")
        return [b"".join(client.get(f"/events/{self.event.pk}/{path}")).decode() for path in paths]

    def test_before_the_opening_the_commitment_is_shown_and_the_seed_nowhere(self):
        join(self.event, self.alice)
        allocation.serve(self.event.pk)
        pages = self.pages()
        self.assertEqual([self.commitment in page for page in pages], [True, True, True])
        self.assertEqual([self.event.draw_seed in page for page in pages], [False, False, False])

    def test_before_anybody_joined_it_is_the_same(self):
        self.assertEqual([self.commitment in page for page in self.pages()], [True, True, False])

    def test_after_the_opening_the_seed_the_list_and_the_number_are_shown(self):
        people = [self.alice, self.bob, self.greta]
        for person in people:
            join(self.event, person)
        self.clock.move(hours=1)
        allocation.serve(self.event.pk)
        frozen = draw.freeze(who(self.event, person.pk) for person in people)
        page = self.read(self.event)
        self.assertIn(
            f"3 people drawn Seed: {self.event.draw_seed} Promised before, as SHA-256 of the seed: {self.commitment}"
            f" SHA-256 of the list of those who were there: {frozen}",
            words(page),
        )
        self.assertNotIn("This is SHA-256 of a secret seed", words(visit().get(f"/events/{self.event.pk}/")))

    def test_a_second_opening_has_its_own_commitment_and_then_its_own_seed(self):
        first = self.event.draw_seed
        clock.tick()
        self.clock.move(hours=1)
        allocation.serve(self.event.pk)
        steering.revise_event(event_id=self.event.pk, values={"sales_open_at": later(hours=1)})
        second = Event.objects.get(pk=self.event.pk).draw_seed
        self.assertEqual([second in page for page in self.pages()], [False, False, False])
        self.assert_says(self.event, f"The seed is promised: {hashlib.sha256(bytes.fromhex(second)).hexdigest()}")
        self.clock.move(hours=2)
        allocation.serve(self.event.pk)
        self.assert_says(self.event, f"0 people drawn Seed: {second}")
        self.assertNotIn(first, words(self.read(self.event)))

    def test_without_an_opening_there_is_no_draw(self):
        event = make_event(line_policy="randomised_open", sales_open_at=ago(hours=1))
        join(event, self.alice)
        self.assert_says(event, "In order of login The sale was open from the start, so there was nothing to draw.")
        self.assertNotIn(event.draw_seed, self.read(event).content.decode())


class PagingTests(PageCase):
    def seqs(self, event: Event, query: str) -> list[int]:
        return [entry.seq for entry in self.read(event, query).context["entries"]]

    def test_the_newest_come_first_a_hundred_a_page(self):
        event = make_event()
        fill(event, 250)
        self.assertEqual(self.seqs(event, ""), list(range(250, 150, -1)))
        self.assertEqual(self.seqs(event, "?page=2"), list(range(150, 50, -1)))
        self.assertEqual(self.seqs(event, "?page=3"), list(range(50, 0, -1)))

    def test_page_numbers_that_are_none_show_the_nearest_page(self):
        event = make_event()
        fill(event, 150)
        for page, first in (("0", 50), ("-1", 50), ("999", 50), ("9" * 5000, 150), ("x", 150), ("٢", 50), ("%ED", 150)):
            with self.subTest(page=page[:9]):
                self.assertEqual(self.seqs(event, f"?page={page}")[0], first)

    def test_ten_thousand_entries_ask_as_much_as_ten(self):
        counts = []
        for count in (10, 10_000):
            event = make_event(auto_hold=False, line_policy="randomised_open", sales_open_at=later(hours=1))
            join(event, self.alice)
            self.clock.move(hours=1)
            allocation.serve(event.pk)
            fill(event, count)
            client = visit(self.alice, headers=BROWSER)
            client.get("/readyz")
            for query in ("", f"?page={count // 100}", "?person=mine"):
                with CaptureQueriesContext(connection) as asked:
                    client.get(f"/events/{event.pk}/fairness/{query}")
                counts.append(len(asked))
        self.assertEqual(counts[:3], counts[3:])
        self.assertLessEqual(max(counts), 11)


class OwnEntriesTests(PageCase):
    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(capacity=1)
        for person in (self.alice, self.bob):
            join(self.event, person)
        release(self.event, self.alice)
        allocation.serve(self.event.pk)

    def kinds(self, query: str, person: User | None) -> list[tuple[int, str]]:
        return [(entry.seq, entry.person) for entry in self.read(self.event, query, person).context["entries"]]

    def test_a_person_sees_which_name_is_theirs_and_nobody_else_s(self):
        mine, other = who(self.event, self.alice.pk), who(self.event, self.bob.pk)
        page = words(self.read(self.event, person=self.alice))
        self.assertIn(f"In this ledger you are {mine}. Other attendees cannot tell", page)
        self.assertEqual((page.count(f"{mine} you "), page.count(f"{other} you ")), (3, 0))
        stranger = words(self.read(self.event))
        self.assertNotIn("In this ledger you are", stranger)
        self.assertNotIn(f"{mine} you ", stranger)

    def test_a_person_can_ask_for_their_own_entries(self):
        mine = who(self.event, self.alice.pk)
        self.assertEqual(self.kinds("?person=mine", self.alice), [(5, mine), (3, mine), (2, mine)])
        self.assertEqual(self.kinds("?person=mine&page=9", self.alice), [(5, mine), (3, mine), (2, mine)])

    def test_who_has_none_is_told_so(self):
        self.assertIn("You have no entry yet", words(self.read(self.event, "?person=mine", self.greta)))

    def test_the_pages_of_own_entries_stay_own(self):
        event = make_event(auto_hold=False)
        fill(event, 300)
        mine = who(event, self.alice.pk)
        LedgerEntry.objects.bulk_create(
            LedgerEntry(event=event, seq=n, person=mine, text="{}", seal="0" * 64) for n in range(301, 451)
        )
        Event.objects.filter(pk=event.pk).update(ledger_seq=450)
        first, second = (self.read(event, f"?person=mine&page={n}", self.alice) for n in (1, 2))
        self.assertIn('href="?person=mine&amp;page=2#ledger-title"', first.content.decode())
        self.assertEqual([entry.seq for entry in second.context["entries"]], list(range(350, 300, -1)))

    def test_nobody_can_ask_for_the_entries_of_somebody_else(self):
        everything = self.kinds("", self.bob)
        theirs = who(self.event, self.alice.pk)
        for asked in (theirs, "alice", str(self.alice.pk), self.alice.email, "", "Mine", f"{theirs}&person="):
            with self.subTest(asked=asked):
                self.assertEqual(self.kinds(f"?person={asked}", self.bob), everything)
                self.assertEqual(self.kinds(f"?person={asked}", None), everything)

    def test_who_is_not_logged_in_is_sent_to_log_in_first(self):
        path = f"/events/{self.event.pk}/fairness/?person=mine"
        self.assertEqual(
            redirect_of(visit(headers=BROWSER).get(path))[:2], (302, f"/accounts/login/?next={quote(path, safe='')}")
        )
        self.assertEqual(answer_of(visit().get(path))[0], 401)
