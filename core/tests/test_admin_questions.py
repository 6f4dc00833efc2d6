"""The question before places are released and tickets are cancelled in the admin: whom it concerns, and why."""

import html
import re
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from core import checkin
from core.models import Event, Ticket, TicketHold, User

from .books import deeds
from .cast import Cast, book, join, lapse, ledger_problems, make_event, make_people, release, statuses
from .desk import at_desk, employ, filled, make_administrator, messages_of
from .tables import all_rows, changed_tables

REASON = "Sold twice at the door 🎻"
ASKED = {"tickethold": "release_places", "ticket": "cancel_tickets"}


def named_in(response: Any) -> list[str]:
    """Return what a question names, row by row."""
    rows = re.findall(r"<li>\s*<a href=[^>]*/change/\">(.*?)</a>", response.content.decode(), re.DOTALL)
    return [html.unescape(strip_tags(row)) for row in rows]


class QuestionCase(Cast, TestCase):
    """Alice has a ticket, bob holds the last place, greta waits."""

    root: User
    event: Event
    ticket: Ticket

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.root = make_administrator()
        cls.event = make_event(auto_hold=False)
        cls.ticket = book(cls.event, cls.alice)
        join(cls.event, cls.bob)
        join(cls.event, cls.greta)

    def setUp(self) -> None:
        self.browser = at_desk(self.root)

    def post(self, model: str, *rows: Any, query: str = "", **more: str) -> Any:
        form = {"action": ASKED[model], "_selected_action": [str(row.pk) for row in rows], **more}
        return self.browser.post(f"/admin/core/{model}/{query}", form)

    def answer(self, model: str, *rows: Any, query: str = "", **more: str) -> Any:
        return self.post(model, *rows, query=query, confirmed="yes", **{"reason": REASON} | more)

    def entries(self, *kinds: str) -> list[tuple[Any, ...]]:
        names = ("kind", "cause", "reason")
        return [tuple(entry.get(name) for name in names) for entry in deeds(self.event) if entry["kind"] in kinds]


class AskTests(QuestionCase):
    def test_it_names_whom_it_concerns_and_does_nothing(self) -> None:
        before = all_rows()
        released = self.post("tickethold", *TicketHold.objects.all())
        cancelled = self.post("ticket", self.ticket)
        self.assertContains(released, "Release 2 places?")
        self.assertContains(cancelled, "Cancel 1 ticket?")
        first, second = named_in(released)
        self.assertRegex(first, r"^bob, Concert: held until \d+ \w+ \d{4}, \d\d:\d\d:\d\d$")
        self.assertEqual(second, "greta, Concert: waiting")
        self.assertEqual(named_in(cancelled), [f"alice, Concert: valid, …{self.ticket.code[-6:]}"])
        self.assertNotContains(cancelled, self.ticket.code)
        self.assertEqual(changed_tables(before, all_rows()), [])

    def test_it_leads_back_to_the_list_as_it_was_filtered(self) -> None:
        response = self.post("tickethold", *TicketHold.objects.all(), query="?live=yes&q=bob")
        self.assertContains(response, 'href="/admin/core/tickethold/?live=yes&amp;q=bob"')

    def test_its_form_answers_it(self) -> None:
        for model, row in (("tickethold", TicketHold.objects.get(user=self.greta)), ("ticket", self.ticket)):
            form: dict[str, Any] = filled(self.post(model, row)) | {"reason": REASON}
            self.assertEqual(self.browser.post(f"/admin/core/{model}/", form).status_code, 302)
        self.assertEqual(statuses(self.event), [("bob", "held"), ("greta", "left")])
        self.ticket.refresh_from_db()
        self.assertEqual(self.ticket.status, "cancelled")

    def test_it_asks_as_much_for_many_as_for_few(self) -> None:
        counts = []
        for people in ([], make_people(60)):
            for person in people:
                TicketHold.objects.bulk_create([TicketHold(event=self.event, user=person)])
            with CaptureQueriesContext(connection) as captured:
                self.post("tickethold", *TicketHold.objects.all())
            counts.append(len(captured))
        self.assertEqual(counts[0], counts[1])

    def test_more_than_it_can_name_are_refused(self) -> None:
        TicketHold.objects.bulk_create(TicketHold(event=self.event, user=person) for person in make_people(99))
        before = all_rows()
        response = self.answer("tickethold", *TicketHold.objects.all())
        sentence = "Release at most 100 places at once, so that the question can name them."
        self.assertEqual((response.status_code, messages_of(response)), (302, [sentence]))
        self.assertEqual(changed_tables(before, all_rows()), [])
        self.assertContains(self.post("tickethold", *TicketHold.objects.all()[:100]), "Release 100 places?")


class AnswerTests(QuestionCase):
    def test_without_a_good_reason_it_is_asked_again(self) -> None:
        before = all_rows()
        none = "Give a reason: it is entered in the event&#x27;s ledger."
        for reason, sentence in (
            ("", none),
            (" \n\t", none),
            ("x" * 201, "At most 200 characters: this has 201."),
            ("a\0b", "There is a character in this that cannot be kept: type it anew."),
        ):
            for model, row in (("tickethold", TicketHold.objects.get(user=self.bob)), ("ticket", self.ticket)):
                with self.subTest(model=model, reason=reason):
                    response = self.answer(model, row, reason=reason)
                    self.assertContains(response, sentence)
                    self.assertEqual(len(named_in(response)), 1)
        self.assertContains(self.answer("ticket", self.ticket, reason="x" * 201), "x" * 201)
        self.assertEqual(changed_tables(before, all_rows()), [])

    def test_the_ledger_has_the_reason_of_every_place(self) -> None:
        self.answer("tickethold", *TicketHold.objects.all())
        self.assertEqual(statuses(self.event), [("bob", "released"), ("greta", "left")])
        why = ("removed_by_staff", REASON)
        self.assertEqual(sorted(self.entries("release", "leave")), [("leave", *why), ("release", *why)])
        self.assertEqual(ledger_problems(self.event), [])

    def test_the_ledger_has_the_reason_of_every_ticket_and_the_next_is_served(self) -> None:
        self.answer("ticket", self.ticket)
        self.assertEqual(self.entries("cancellation"), [("cancellation", "cancelled_by_staff", REASON)])
        self.assertEqual(statuses(self.event), [("bob", "held"), ("greta", "held")])
        self.assertEqual(ledger_problems(self.event), [])

    def test_the_history_says_who_did_it_to_what_and_why(self) -> None:
        ended = TicketHold.objects.get(user=self.bob)
        release(self.event, self.bob)
        waited = TicketHold.objects.get(user=self.greta)
        self.answer("tickethold", ended, waited)
        other = book(make_event(auto_hold=False), self.bob)
        checkin.scan(code=other.code, event=other.event, staff=self.greta)
        self.answer("ticket", self.ticket, other)
        history = LogEntry.objects.order_by("pk").values_list(
            "user__username", "content_type__model", "object_id", "change_message"
        )
        expected = [
            ("root", "tickethold", str(waited.pk), f"Released: {REASON}"),
            ("root", "ticket", str(self.ticket.pk), f"Cancelled: {REASON}"),
        ]
        self.assertEqual(list(history), expected)

    def test_a_hold_that_had_lapsed_is_left_alone(self) -> None:
        lapse(TicketHold.objects.filter(user=self.bob))
        response = self.answer("tickethold", TicketHold.objects.get(user=self.bob))
        sentence = "Left alone: 1 place. They had already ended: booked, released, expired or left."
        self.assertEqual((messages_of(response), LogEntry.objects.count()), ([sentence], 0))
        self.assertEqual(statuses(self.event), [("bob", "expired"), ("greta", "held")])

    def test_exactly_those_it_named_are_released(self) -> None:
        greta = TicketHold.objects.get(user=self.greta)
        response = self.answer("tickethold", greta, select_across="1")  # nobody was shown all of them
        self.assertEqual((response.status_code, len(named_in(response))), (200, 2))
        self.assertEqual(statuses(self.event), [("bob", "held"), ("greta", "waiting")])
        self.answer("tickethold", greta, select_across="0")
        self.assertEqual(statuses(self.event), [("bob", "held"), ("greta", "left")])

    def test_who_left_the_filtered_list_meanwhile_is_counted_and_left_alone(self) -> None:
        bob, greta = TicketHold.objects.order_by("pk")
        release(self.event, self.bob)
        response = self.answer("tickethold", bob, greta, query="?live=yes")
        said = ["Left alone: 1 place, not in this list any more.", "Released: 1 place. The line was served."]
        self.assertEqual((response.status_code, messages_of(response)), (302, said))
        response = self.answer("tickethold", bob, query="?live=yes")
        nothing = "Nothing was done: nothing of what you chose is in this list any more."
        self.assertEqual(messages_of(response)[-1:], [nothing])

    def test_staff_who_may_only_look_are_neither_asked_nor_heard(self) -> None:
        employ(self.olga, "view_ticket", "view_tickethold")
        self.browser = at_desk(self.olga)
        before = all_rows()
        for model, row in (("tickethold", TicketHold.objects.get(user=self.bob)), ("ticket", self.ticket)):
            for response in (self.post(model, row), self.answer(model, row)):
                self.assertEqual(named_in(response), [])
        self.assertEqual(changed_tables(before, all_rows()), [])
