"""The mails about offers, and that they and the addresses in them do not outlive their use."""

import re
from typing import Any

from django.test import override_settings
from post_office.models import STATUS, Email

from core import accounts, cleanup, mailing, transfer
from core.models import TicketTransfer, User

from .cast import ago, book, give, make_person, offer
from .desk import at_desk, employ, make_administrator
from .test_mailing import MailCase


class OfferMailCase(MailCase):
    """Alice has a ticket, whose confirmation was delivered."""

    def setUp(self) -> None:
        super().setUp()
        self.ticket = book(self.event, self.alice)
        self.post()
        self.inbox.messages.clear()

    def post(self) -> list[tuple[str, str]]:
        """Store and deliver what is due; return to whom each mail of all so far went, and its subject."""
        mailing.store_confirmations()
        mailing.store_notices()
        while mailing.deliver():
            pass
        return [(to[0], str(message["Subject"])) for to, message in self.inbox.messages]

    def said(self, kind: str = "plain") -> str:
        """Return the text of the last mail."""
        _, message = self.inbox.messages[-1]
        text: str = message.get_body((kind,)).get_content()
        return " ".join(re.sub(r"</?bdi>", "", text).split())


class OfferMailTests(OfferMailCase):
    def test_the_recipient_is_told_who_offers_what_and_what_to_do(self) -> None:
        made = offer(self.ticket, self.bob)
        self.assertEqual(self.post(), [("bob@example.org", "A ticket for you: Opera Night <3")])
        facts = (
            "alice gives you a ticket",
            "Monday 1 July 2030, 20:15",
            "Großer Saal",
            "bob@example.org",
        )
        for fact in (*facts, f"http://127.0.0.1:8000{made.page_url}", "http://127.0.0.1:8000/accounts/signup/"):
            self.assertIn(fact, self.said())
            self.assertIn(fact, self.said("html"))
        self.assertIn("Opera Night <3", self.said())
        self.assertIn("20:15 (Europe/Berlin)", self.said())
        self.assertIn("Opera Night &lt;3</h1>", self.said("html"))
        self.assertNotIn(self.ticket.code, self.said() + self.said("html"))

    def test_it_is_sent_once_whatever_is_pressed_twice(self) -> None:
        for _ in range(2):
            offer(self.ticket, self.bob)
            self.post()
        self.assertEqual(len(self.inbox.messages), 1)

    def test_it_goes_out_only_while_the_offer_is_open(self) -> None:
        offer(self.ticket, self.bob)
        transfer.withdraw(ticket_id=self.ticket.pk)
        self.assertEqual((self.post(), Email.objects.filter(to=["bob@example.org"]).count()), ([], 0))
        offer(self.ticket, self.bob)
        mailing.store_notices()
        transfer.withdraw(ticket_id=self.ticket.pk)
        self.assertEqual(self.post(), [])
        stored = Email.objects.get(to=["bob@example.org"])
        self.assertEqual((stored.status, stored.message, stored.html_message), (STATUS.failed, "", ""))

    def test_an_international_address_is_written_to(self) -> None:
        transfer.offer(ticket_id=self.ticket.pk, email="bob@bücher.example", by=self.alice)
        self.assertEqual(self.post(), [("bob@xn--bcher-kva.example", "A ticket for you: Opera Night <3")])

    def test_an_address_that_cannot_be_written_to_holds_up_nobody(self) -> None:
        other = book(self.event, self.greta)
        offer(self.ticket, self.bob)
        TicketTransfer.objects.update(email="no address")
        offer(other, self.olga)
        with self.assertLogs("core.mailing", "WARNING"):
            told = self.post()
        self.assertIn(("olga@example.org", "A ticket for you: Opera Night <3"), told)
        self.assertEqual(TicketTransfer.objects.filter(mailed_at=None).count(), 0)

    def test_names_add_no_header_and_no_markup(self) -> None:
        User.objects.filter(pk=self.alice.pk).update(first_name="A\r\nBcc: eve@example.org", last_name="<b>{{ x }}</b>")
        self.ticket.refresh_from_db()
        offer(self.ticket, self.bob)
        self.post()
        ((to, message),) = self.inbox.messages
        self.assertEqual((to, message["Bcc"]), (["bob@example.org"], None))
        self.assertNotIn("<b>{{", self.said("html"))
        self.assertIn("<b>{{ x }}</b>", self.said())


class OutcomeMailTests(OfferMailCase):
    SUBJECT = {word: f"Your offer was {word}: Opera Night <3" for word in ("accepted", "declined")}

    def test_the_giver_is_told_that_it_was_accepted_and_the_recipient_gets_the_ticket(self) -> None:
        theirs = give(self.ticket, self.bob)
        told = self.post()
        self.assertEqual(
            sorted(told),
            [("alice@example.org", self.SUBJECT["accepted"]), ("bob@example.org", "Your ticket: Opera Night <3")],
        )
        messages = {to[0]: message for to, message in self.inbox.messages}
        text = messages["alice@example.org"].get_body(("plain",)).get_content()
        self.assertIn("bob accepted your ticket.", text)
        self.assertNotIn(theirs.code, text)
        attached = {part.get_filename() for part in messages["bob@example.org"].iter_attachments()}
        self.assertEqual(attached, {f"ticket-{theirs.pk}.pdf", f"ticket-{theirs.pk}.ics"})

    def test_the_giver_is_told_that_it_was_declined(self) -> None:
        made = offer(self.ticket, self.bob)
        self.post()
        transfer.decline(transfer_id=made.pk)
        self.assertEqual(self.post()[1:], [("alice@example.org", self.SUBJECT["declined"])])
        self.assertIn("bob@example.org declined the ticket that you offered.", self.said())

    def test_whose_ticket_staff_gave_away_is_told_as_well(self) -> None:
        give(self.ticket, self.bob, by=self.olga, reason="Sold on")
        outcome = [to for to, subject in self.post() if subject == self.SUBJECT["accepted"]]
        self.assertEqual(outcome, ["alice@example.org", "olga@example.org"])
        texts = {to[0]: message.get_body(("plain",)).get_content() for to, message in self.inbox.messages}
        self.assertIn("bob accepted your ticket, which olga offered.", texts["alice@example.org"])
        self.assertIn("Sold on", texts["alice@example.org"])

    def test_who_has_no_address_is_sent_none(self) -> None:
        User.objects.filter(pk=self.alice.pk).update(email="")
        give(self.ticket, self.bob)
        self.assertEqual([to for to, _ in self.post()], ["bob@example.org"])

    def test_a_new_code_comes_by_mail(self) -> None:
        new = transfer.reissue(ticket_id=self.ticket.pk)
        self.assertEqual(self.post(), [("alice@example.org", "Your ticket: Opera Night <3")])
        self.assertIn(new.code, self.said())


class ForgettingTests(OfferMailCase):
    def stored(self) -> list[tuple[str, str]]:
        return [(made.email, made.status) for made in TicketTransfer.objects.order_by("pk")]

    def test_erasing_the_giver_ends_the_offer_and_forgets_to_whom_it_was_made(self) -> None:
        made = offer(self.ticket, self.bob)
        mailing.store_notices()
        accounts.erase_account(self.alice)
        self.assertEqual((self.stored(), self.post()), ([("", "void")], []))
        self.assertEqual(Email.objects.filter(to=["bob@example.org"]).count(), 0)
        self.assertEqual(at_desk(self.bob).get(made.page_url).status_code, 404)

    def test_erasing_the_recipient_ends_the_offer_and_forgets_their_address_however_it_was_written(self) -> None:
        User.objects.filter(pk=self.bob.pk).update(email="Bob@Example.org")
        offer(self.ticket, self.bob)
        mailing.store_notices()
        accounts.erase_account(User.objects.get(pk=self.bob.pk))
        self.assertEqual((self.stored(), self.post()), ([("", "void")], []))
        self.assertEqual(Email.objects.filter(to=["bob@example.org"]).count(), 0)
        self.assertEqual(self.ticket.status, "valid")

    def test_offers_of_others_stay(self) -> None:
        offer(self.ticket, self.bob)
        accounts.erase_account(self.greta)
        self.assertEqual(self.stored(), [("bob@example.org", "open")])

    def test_who_accepted_and_is_erased_leaves_no_address(self) -> None:
        give(self.ticket, self.bob)
        self.post()
        accounts.erase_account(self.bob)
        self.assertEqual(self.stored(), [("", "accepted")])
        page = at_desk(self.alice).get(self.ticket.page_url)
        self.assertContains(page, "You gave this ticket to somebody else on")

    def test_the_cleanup_ends_what_is_void_and_forgets_old_addresses(self) -> None:
        offer(self.ticket, self.bob)
        other = book(self.event, self.greta)
        give(other, self.olga)
        expected = {"offers ended": 0, "addresses of old offers removed": 0}
        self.assertEqual(self.cleaned(), expected)
        self.event.starts_at = ago(seconds=1)
        self.event.save(update_fields=["starts_at"])
        self.assertEqual(self.cleaned(), expected | {"offers ended": 1})
        self.assertEqual(self.stored(), [("bob@example.org", "void"), ("olga@example.org", "accepted")])
        with override_settings(RETENTION_DAYS=90):
            TicketTransfer.objects.filter(accepted_at=None).update(ended_at=ago(days=91))
            TicketTransfer.objects.exclude(accepted_at=None).update(accepted_at=ago(days=89))
            self.assertEqual(self.cleaned(), expected | {"addresses of old offers removed": 1})
        self.assertEqual(self.stored(), [("", "void"), ("olga@example.org", "accepted")])

    def cleaned(self) -> dict[str, int]:
        would, did = cleanup.count(), cleanup.clean()
        names = ("offers ended", "addresses of old offers removed")
        self.assertEqual([would[name] for name in names], [did[name] for name in names])
        return {name: did[name] for name in names}


class RecordTests(OfferMailCase):
    def test_the_admin_shows_offers_to_be_read_and_tickets_with_what_they_replace(self) -> None:
        made = offer(self.ticket, self.bob)
        theirs = transfer.accept(transfer_id=made.pk, user=self.bob)
        root: Any = at_desk(make_administrator())
        for page in ("/admin/core/tickettransfer/", f"/admin/core/tickettransfer/{made.pk}/change/"):
            response = root.get(page)
            self.assertContains(response, "bob@example.org")
            self.assertNotContains(response, made.token)
            self.assertNotContains(response, theirs.code)
        self.assertContains(root.get(f"/admin/core/ticket/{theirs.pk}/change/"), str(self.ticket))
        paths = ("add/", f"{made.pk}/change/", f"{made.pk}/delete/")
        codes = [
            root.post(f"/admin/core/tickettransfer/{path}", {"email": "x@example.org"}).status_code for path in paths
        ]
        self.assertEqual(codes, [403, 403, 403])
        for probe in ("token__startswith=a", "ticket__code__startswith=A"):
            self.assertEqual(root.get(f"/admin/core/tickettransfer/?{probe}").status_code, 400)

    def test_an_organizer_sees_the_offers_of_their_own_events(self) -> None:
        offer(self.ticket, self.bob)
        oscar = make_person("oscar")
        for person, shown in ((self.olga, 1), (oscar, 0)):
            employ(person, "view_tickettransfer")
            self.assertContains(at_desk(person).get("/admin/core/tickettransfer/"), "bob@example.org", shown)
