from unittest import mock

from django.test import TestCase
from django.urls import reverse

from core import allocation, transfer
from core.models import Event, Ticket
from core.tests.cast import Cast, give, make_event, make_person
from core.tests.visits import visit
from core.views import organizer


class AttendeesTests(Cast, TestCase):
    event: Event

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.event = make_event(capacity=9, auto_hold=False)
        for user in (
            make_person("zora", first_name="Zora", last_name="Quince"),
            make_person("yann", first_name="Yann", last_name="Quince"),
        ):
            allocation.book(event_id=cls.event.pk, user=user)

    def page(self, **query: str) -> str:
        return visit(self.olga).get(reverse("attendees", args=[self.event.pk]), query).content.decode()

    def test_those_are_found_in_whose_names_or_e_mail_each_word_is(self) -> None:
        for text, found in (
            ("quince", (True, True)),
            ("QUINCE zor", (True, False)),
            ("yann@example.o", (False, True)),
            (" ", (True, True)),
            ("quince nobody", (False, False)),
            ("%", (False, False)),
        ):
            with self.subTest(text=text):
                page = self.page(q=text)
                self.assertEqual(("Zora Quince" in page, "Yann Quince" in page), found)
                self.assertEqual("Nobody found" in page, not any(found))

    def test_a_nul_which_no_database_takes_is_refused(self) -> None:
        answer = visit(self.olga).get(reverse("attendees", args=[self.event.pk]), {"q": "zora\0"})
        self.assertEqual(answer.status_code, 400)

    def test_what_was_looked_for_stays_in_the_field_and_in_the_pages(self) -> None:
        self.assertIn('value="qui &lt;b&gt;"', self.page(q="qui <b>"))
        with mock.patch.object(organizer, "PAGE", 1):
            self.assertIn('href="?q=quince&amp;page=2"', self.page(q="quince"))

    def test_a_name_leads_to_the_ticket_whose_code_the_list_does_not_tell(self) -> None:
        ticket = Ticket.objects.get(user__username="zora")
        link = reverse("attendee", args=[self.event.pk, ticket.pk])
        page = self.page()
        self.assertIn(f'href="{link}"', page)
        self.assertNotIn(ticket.code, page)
        self.assertRedirects(visit(self.olga).get(link), ticket.page_url, fetch_redirect_response=False)

    def test_a_ticket_that_goes_on_under_another_code_is_not_called_cancelled(self) -> None:
        event = make_event(capacity=5, auto_hold=False)
        given, renewed, off = (
            allocation.book(event_id=event.pk, user=user) for user in (self.alice, self.bob, self.greta)
        )
        give(given, make_person("gil"))
        transfer.reissue(ticket_id=renewed.pk)
        allocation.cancel_ticket(ticket_id=off.pk)
        page = visit(self.olga).get(reverse("attendees", args=[event.pk])).content.decode()
        told = [page.count(words) for words in ("Given away", "Replaced by a new code", "Cancelled", "Valid")]
        self.assertEqual(told, [1, 1, 1, 2])

    def test_a_ticket_of_another_event_looks_absent(self) -> None:
        other = allocation.book(event_id=make_event(auto_hold=False).pk, user=self.alice)
        for ticket_id in (other.pk, 2**70):
            answer = visit(self.olga).get(reverse("attendee", args=[self.event.pk, ticket_id]))
            self.assertEqual(answer.status_code, 404)

    def test_before_anybody_has_booked_there_is_nothing_to_search(self) -> None:
        page = visit(self.olga).get(reverse("attendees", args=[make_event().pk])).content.decode()
        self.assertIn("Nobody has booked yet", page)
        self.assertNotIn('role="search"', page)
