"""Why not me, on the pages and as JSON: what is told of one's own place, to whom, and at what cost (rule 8)."""

import datetime as dt
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from core import position, steering
from core.models import Event, TicketHold
from core.now import now
from core.reasons import Reason

from .asking import FIRST, ReasonsTestCase, log_in, seen
from .cast import ago, arrive, book, join, lapse, make_event, make_people, release

OPENS = dt.datetime(2099, 7, 3, 20, tzinfo=dt.UTC)


class PrivacyTests(ReasonsTestCase):
    def test_what_others_hold_book_release_and_let_lapse_is_not_told_as_ones_own(self):
        event, limit = make_event(capacity=20), make_event(capacity=20)
        before = self.ask(event), self.ask(limit)
        for person, end in ((self.bob, release), (self.greta, book)):
            log_in(person)
            end(event, person)
        lapse(TicketHold.objects.filter(event=limit))
        after = self.ask(event), self.ask(limit)
        self.assertEqual([a | {"now": ""} for a in after], [b | {"now": ""} for b in before])
        self.assertEqual([a["reason"] for a in after], [Reason.AVAILABLE] * 2)


class AnswerTests(ReasonsTestCase):
    def expect(self, event: Event, **differs: Any) -> None:
        answer = self.ask(event)
        nothing: dict[str, Any] = dict.fromkeys(("position", "ahead", "wait_seconds", "expires_at"))
        said = {"event": event.pk, "reason": answer["reason"], "detail": answer["detail"], "now": answer["now"]}
        self.assertEqual(answer, said | nothing | differs)
        self.assertLess(ago(minutes=1), dt.datetime.fromisoformat(answer["now"]))

    def test_it_says_what_the_person_has(self):
        event = make_event(capacity=1)
        self.expect(event, status="none")
        place = join(event, self.alice)
        self.expect(event, status="held", expires_at=place.expires_at and place.expires_at.isoformat())
        book(event, self.alice)
        self.expect(event, status="booked")
        steering.revise_event(event_id=event.pk, values={"status": "cancelled"})
        self.expect(event, status="cancelled")

    def test_it_says_where_they_wait_and_how_long(self):
        event, other = make_event(capacity=0), make_event(capacity=0)
        for waited in (event, other):
            join(waited, self.bob), join(waited, self.alice)
        at = ago(minutes=5)
        freed = [
            TicketHold(event=event, user=person, status="released", held_at=at, expires_at=at, ended_at=at)
            for person in make_people(3)
        ]
        TicketHold.objects.bulk_create(freed)  # three in a quarter of an hour
        self.expect(event, status="waiting", position=2, ahead=1, wait_seconds=600)
        self.expect(other, status="waiting", position=2, ahead=1)

    def test_the_end_of_an_event_ends_what_was_not_booked(self):
        event, cancelled = make_event(), make_event(capacity=0)
        for place in (event, cancelled):
            join(place, self.alice)
        Event.objects.filter(pk=event.pk).update(starts_at=ago(seconds=1))
        Event.objects.filter(pk=cancelled.pk).update(status="cancelled")
        self.expect(event, status="none")
        self.expect(cancelled, status="none")


class PageTests(ReasonsTestCase):
    def regions(self) -> tuple[str, str]:
        page = seen(self.client.get("/dashboard/"))
        mine, _, rows = page.partition("All events")
        return mine, rows

    def test_the_number_in_the_sentence_is_the_one_that_the_page_keeps_up_to_date(self):
        event = make_event(capacity=0)
        join(event, self.bob), join(event, self.alice)
        for path in ("/dashboard/", f"/events/{event.pk}/", "/"):
            with self.subTest(path=path):
                page = self.client.get(path).content.decode()
                self.assertEqual(page.count(f"<span data-ahead>1 person ahead of you</span>: {FIRST}"), 1)

    def test_the_dashboard_says_of_each_place_in_line_why_it_waits_and_nothing_twice(self):
        join(make_event(capacity=0, name="Plain"), self.alice)
        join(make_event(name="Early", sales_open_at=OPENS, starts_at=OPENS + dt.timedelta(days=1)), self.alice)
        paused = make_event(name="Paused", capacity=0)
        join(paused, self.alice)
        steering.pause(event_id=paused.pk, reason="Fog.")
        mine, rows = self.regions()
        for sentence in (
            f"You are next: {FIRST}",
            "The sale opens Fri 3 Jul 2099, 20:00 UTC.",
            "paused serving: “Fog.”",
        ):
            with self.subTest(sentence=sentence):
                self.assertEqual((mine.count(sentence), rows.count(sentence)), (1, 0))

    def test_a_row_says_why_nothing_is_held_where_its_badge_does_not(self):
        plain, by_hand = make_event(name="Plain"), make_event(name="By hand", auto_hold=False)
        released = make_event(name="Released", capacity=1)
        join(released, self.alice)
        release(released, self.alice)
        automatic = "Tickets of this event are not held automatically at a login."
        rows = self.regions()[1]
        self.assertEqual((rows.count("Your hold was released on"), rows.count(automatic)), (1, 1))
        for event in (plain, by_hand, released):  # sold out: the badge says so, and what ended is still the reason
            steering.revise_event(event_id=event.pk, values={"capacity": 0})
        rows = self.regions()[1]
        self.assertEqual((rows.count("Your hold was released on"), rows.count(automatic)), (1, 0))
        self.assertIn("Sold out", rows)

    def test_a_row_says_when_a_sale_opens_or_closed_and_why_it_is_paused(self):
        make_event(sales_open_at=OPENS, starts_at=OPENS + dt.timedelta(days=1))
        closed, paused = make_event(sales_close_at=ago(hours=1)), make_event()
        steering.pause(event_id=paused.pk, reason="Fog.")
        rows = self.regions()[1]
        since = f"The sale closed on {closed.local(closed.sales_close_at)}."
        told = ("The sale opens Fri 3 Jul 2099, 20:00 UTC.", since, "Staff have paused serving: “Fog.”")
        self.assertEqual([rows.count(sentence) for sentence in told], [1, 1, 1])

    def test_an_event_page_says_what_ended_and_what_can_be_done(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        release(event, self.alice)
        page = seen(self.client.get(f"/events/{event.pk}/"))
        self.assertRegex(page, r"Your hold was released on [^.]+\. Tickets are available\. Book one now")
        join(event, self.bob)
        page = seen(self.client.get(f"/events/{event.pk}/"))
        full = r"All places are booked or held right now: some may come back\."
        self.assertRegex(page, rf"Your hold was released on [^.]+\. {full} Join the line")


class CostTests(ReasonsTestCase):
    def test_the_line_is_counted_for_those_who_are_in_it_only(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        join(event, self.bob, arrive(self.bob, ago(hours=1)))  # who would rank before her
        self.assertEqual(TicketHold.objects.with_ahead().get(user=self.alice).ahead, 0)

    def test_reasons_ask_as_much_for_fifty_places_that_ended_as_for_five(self):
        counts: list[list[int]] = []
        for number in (5, 45):
            ended = {"user": self.alice, "status": "left", "ended_at": ago(minutes=1)}
            events = [make_event(auto_hold=False) for _ in range(number)]
            TicketHold.objects.bulk_create(TicketHold(event=event, **ended) for event in [*events, *events])
            counts.append([])
            for path in ("/dashboard/", f"/api/my-place/{events[0].pk}/"):
                with CaptureQueriesContext(connection) as captured:
                    self.client.get(path)
                counts[-1].append(len(captured))
        self.assertEqual(counts[0], counts[1])
        self.assertLessEqual(max(counts[1]), 12)

    def test_who_joins_and_leaves_all_day_is_read_one_place_of_each_event(self):
        event = make_event(auto_hold=False)
        ended = {"event": event, "user": self.alice, "status": "left", "ended_at": ago(minutes=1)}
        TicketHold.objects.bulk_create(TicketHold(**ended) for _ in range(50))
        moment = now()
        long_ago = moment - position.RECENT
        rows = position._places(user=self.alice.pk, moment=moment, since=long_ago, rate_since=long_ago)
        self.assertEqual([place.pk for place in rows], [TicketHold.objects.latest("pk").pk])
