"""Giving a ticket away over HTTP: what is answered, what the pages say, and to whom nothing is said."""

from typing import Any
from zoneinfo import ZoneInfo

from allauth.account.models import EmailAddress
from django.test import Client, TestCase, override_settings

from core import accounts, allocation, steering, transfer
from core.models import Event, Ticket, TicketTransfer, User

from .asking import seen
from .books import deeds
from .cast import Cast, ago, book, give, join, make_event, make_people, make_person, numbers, offer
from .desk import at_desk
from .visits import BROWSER, answer_of, redirect_of, visit


class OfferCase(Cast, TestCase):
    def setUp(self) -> None:
        self.event = make_event(capacity=3, auto_hold=False, time_zone="Asia/Tokyo")
        self.ticket = book(self.event, self.alice)
        self.path = f"/ticket/{self.ticket.code}"
        self.alices, self.bobs = visit(self.alice), visit(self.bob)

    def browser(self, person: User) -> Client:
        return at_desk(person)

    def offered(self) -> TicketTransfer:
        return offer(self.ticket, self.bob)


class AnswerTests(OfferCase):
    def test_an_offer_is_made_and_accepted_and_each_is_answered_the_same_again(self) -> None:
        form = {"email": "Bob@Example.org "}
        offers = [answer_of(self.alices.post(f"{self.path}/transfer/", form)) for _ in range(2)]
        self.assertEqual(offers, [(200, {"status": "offered", "email": "bob@example.org"})] * 2)
        made = TicketTransfer.objects.get()
        accepted = [answer_of(self.bobs.post(f"{made.page_url}accept/")) for _ in range(2)]
        theirs = Ticket.objects.get(user=self.bob)
        self.assertEqual(accepted, [(200, {"status": "accepted", "ticket": theirs.code})] * 2)
        self.assertEqual(numbers(self.event), {"held": 0, "booked": 1, "waiting": 0})

    def test_declining_withdrawing_and_a_new_code_are_answered_the_same_again(self) -> None:
        made = self.offered()
        declined = [answer_of(self.bobs.post(f"{made.page_url}decline/")) for _ in range(2)]
        self.assertEqual(declined, [(200, {"status": "declined"})] * 2)
        withdrawn = [answer_of(self.alices.post(f"{self.path}/transfer/withdraw/")) for _ in range(2)]
        self.assertEqual(withdrawn, [(200, {"status": "withdrawn"})] * 2)
        reissued = [answer_of(self.alices.post(f"{self.path}/reissue/")) for _ in range(2)]
        new = Ticket.objects.valid().get()
        self.assertEqual(reissued, [(200, {"status": "reissued", "ticket": new.code})] * 2)

    def test_refusals_are_409_with_the_reason(self) -> None:
        made = self.offered()
        transfer.withdraw(ticket_id=self.ticket.pk)
        status, payload = answer_of(self.bobs.post(f"{made.page_url}accept/"))
        self.assertEqual((status, payload["status"], payload["can_join"]), (409, "offer_ended", False))
        give(self.ticket, self.bob)
        for path in ("transfer/", "transfer/withdraw/", "reissue/"):
            answer = answer_of(self.alices.post(f"{self.path}/{path}", {"email": "x@example.org"}))
            self.assertEqual((answer[0], answer[1]["status"]), (409, "given"))

    def test_a_sixth_offer_within_the_hour_is_too_many(self) -> None:
        answers = [
            answer_of(self.alices.post(f"{self.path}/transfer/", {"email": person.email})) for person in make_people(6)
        ]
        self.assertEqual([status for status, _ in answers], [200] * 5 + [409])
        self.assertEqual(answers[-1][1]["status"], "too_many")

    def test_a_browser_is_led_on(self) -> None:
        alices, bobs = self.browser(self.alice), self.browser(self.bob)
        said = "Offered to bob@example.org. The ticket stays as it is until they accept."
        answer = redirect_of(alices.post(f"{self.path}/transfer/", {"email": "bob@example.org"}))
        self.assertEqual(answer, (302, f"{self.path}/", [said]))
        made = TicketTransfer.objects.get()
        answer = redirect_of(bobs.post(f"{made.page_url}accept/"))
        theirs = Ticket.objects.get(user=self.bob)
        self.assertEqual(answer, (302, theirs.page_url, ["Accepted. This is your ticket."]))

    def test_only_post_changes_anything(self) -> None:
        made = self.offered()
        for client, path in (
            (self.alices, f"{self.path}/transfer/"), (self.alices, f"{self.path}/transfer/withdraw/"),
            (self.alices, f"{self.path}/reissue/"), (self.bobs, f"{made.page_url}accept/"),
            (self.bobs, f"{made.page_url}decline/"),
        ):  # fmt: skip
            for method in ("get", "head", "options", "put"):
                with self.subTest(path=path, method=method):
                    self.assertEqual(getattr(client, method)(path).status_code, 405)
        self.assertEqual(visit(self.bob, enforce_csrf_checks=True).post(f"{made.page_url}accept/").status_code, 403)
        self.assertEqual((TicketTransfer.objects.get().status, Ticket.objects.count()), ("open", 1))


class BadAddressTests(OfferCase):
    def test_what_is_no_address_is_400_with_the_reason_and_the_form_keeps_it(self) -> None:
        wrong = (
            "", " ", "bob", "bob@", "@example.org", "a b@example.org", "bob@exam ple.org",
            "bob@example.org, eve@example.org", "bob@example.org\r\nBcc: eve@example.org",
            "🎫@example.org", "bob@example.org\0", "x" * 250 + "@example.org",
            "bob@[127.0.0.1", "javascript:alert(1)", "<script>alert(1)</script>@example.org", "Bob <bob@example.org>",
        )  # fmt: skip
        browser = self.browser(self.alice)
        for email in wrong:
            with self.subTest(email=email[:30]):
                status, payload = answer_of(self.alices.post(f"{self.path}/transfer/", {"email": email}))
                self.assertEqual((status, payload["status"], bool(payload["detail"])), (400, "invalid", True))
                page = browser.post(f"{self.path}/transfer/", {"email": email})
                self.assertEqual((page.status_code, page.context["offer_form"]["email"].value()), (400, email))
                self.assertRegex(page.content.decode(), r'id="give"\s+open')
        self.assertNotContains(page, "<script>alert", status_code=400)
        self.assertEqual(TicketTransfer.objects.count(), 0)

    def test_an_international_address_is_one(self) -> None:
        answer = answer_of(self.alices.post(f"{self.path}/transfer/", {"email": "Bob@Bücher.example"}))
        self.assertEqual(answer, (200, {"status": "offered", "email": "bob@bücher.example"}))

    def test_ones_own_address_is_refused_in_words_whoever_types_it(self) -> None:
        EmailAddress.objects.create(user=self.alice, email="second@example.org", verified=False)
        for email in ("alice@example.org", "ALICE@example.org", "second@example.org"):
            for client in (self.alices, visit(self.olga)):
                status, payload = answer_of(client.post(f"{self.path}/transfer/", {"email": email}))
                self.assertEqual((status, payload["status"]), (400, "invalid"))
                self.assertIn("own address", payload["detail"])


class WhoseOfferTests(OfferCase):
    def codes(self, *people: User) -> list[int]:
        return [visit(person).get(self.made.page_url).status_code for person in people]

    def setUp(self) -> None:
        super().setUp()
        self.made = self.offered()

    def test_a_verified_second_address_is_the_persons(self) -> None:
        TicketTransfer.objects.update(email="second@example.org")
        self.assertEqual(self.codes(self.bob, self.greta), [404, 404])
        EmailAddress.objects.create(user=self.greta, email="second@example.org", verified=True)
        EmailAddress.objects.create(user=self.bob, email="second@example.org", verified=False)
        self.assertEqual(self.codes(self.bob, self.greta), [404, 200])

    def test_where_addresses_must_be_verified_one_that_is_not_opens_nothing(self) -> None:
        with override_settings(ACCOUNT_EMAIL_VERIFICATION="mandatory"):
            self.assertEqual(self.codes(self.bob), [404])
            self.assertEqual(self.bobs.post(f"{self.made.page_url}accept/").status_code, 404)
            accounts.verify_email(self.bob)
            self.assertEqual(self.codes(self.bob, self.alice, self.olga), [200, 404, 404])

    def test_an_address_that_another_has_verified_is_theirs(self) -> None:
        EmailAddress.objects.create(user=self.greta, email="bob@example.org", verified=True)
        self.assertEqual(self.codes(self.bob, self.greta), [404, 200])

    def test_once_accepted_it_is_shown_to_nobody_else_who_gets_the_address(self) -> None:
        transfer.accept(transfer_id=self.made.pk, user=self.bob)
        EmailAddress.objects.create(user=self.greta, email="bob@example.org", verified=True)
        self.assertEqual(self.codes(self.bob, self.greta), [200, 404])
        self.assertEqual(visit(self.greta).post(f"{self.made.page_url}accept/").status_code, 404)

    def test_a_visitor_who_logs_in_comes_back_to_it(self) -> None:
        answer = redirect_of(visit(headers=BROWSER).get(self.made.page_url))
        self.assertEqual(answer[1], f"/accounts/login/?next=%2Ftransfers%2F{self.made.token}%2F")
        carol = make_person("carol", password="correct horse battery")
        TicketTransfer.objects.update(email=carol.email)
        form = {"login": "carol", "password": "correct horse battery", "next": self.made.page_url}
        page = visit(headers=BROWSER).post("/accounts/login/", form, follow=True)
        self.assertContains(page, "alice offers you a ticket")

    def test_who_has_no_address_is_offered_nothing_that_has_lost_its_own(self) -> None:
        User.objects.filter(pk=self.greta.pk).update(email="")
        TicketTransfer.objects.update(email="")
        self.assertEqual(self.codes(self.greta), [404])


class PageTests(OfferCase):
    def text(self, person: User, path: str) -> str:
        return seen(self.browser(person).get(path))

    def test_the_offer_says_what_it_means(self) -> None:
        self.event = make_event(name="Tea", venue="Hall <9>", auto_hold=False, time_zone="Asia/Tokyo")
        made = offer(book(self.event, self.alice), self.bob)
        join(self.event, self.bob)
        text = self.text(self.bob, made.page_url)
        starts = self.event.starts_at.astimezone(ZoneInfo("Asia/Tokyo"))
        for fact in (
            "Tea",
            "Hall <9>",
            "alice offers you a ticket",
            f"{starts:%H:%M}",
            "Asia/Tokyo",
            "Your hold for this event ends",
        ):
            self.assertIn(fact, text)

    def test_who_has_a_ticket_is_told_so_and_can_only_decline(self) -> None:
        made = self.offered()
        book(self.event, self.bob)
        page = self.browser(self.bob).get(made.page_url)
        self.assertContains(page, "You have a ticket for this event already")
        self.assertNotContains(page, "accept-ticket")
        self.assertContains(page, "decline-ticket")

    def test_an_offer_that_is_over_says_so(self) -> None:
        made = self.offered()
        Event.objects.update(starts_at=ago(seconds=1))
        self.assertIn("This offer has ended", self.text(self.bob, made.page_url))
        Event.objects.update(starts_at=self.event.starts_at)
        transfer.decline(transfer_id=made.pk)
        self.assertIn("You declined it on", self.text(self.bob, made.page_url))

    def test_the_giver_sees_to_whom_roughly_and_no_code(self) -> None:
        theirs = give(self.ticket, self.bob)
        page = self.browser(self.alice).get(f"{self.path}/")
        self.assertIn("You gave this ticket to b…@example.org on", seen(page))
        for secret in ("bob@example.org", theirs.code, "qr.", self.ticket.code):
            self.assertNotContains(page, secret)
        self.assertEqual(visit(self.alice).get(theirs.page_url).status_code, 404)

    def test_the_organizer_finds_the_ticket_that_took_its_place(self) -> None:
        theirs = give(self.ticket, self.bob, by=self.olga, reason="A mistake")
        self.assertContains(self.browser(self.olga).get(f"{self.path}/"), theirs.page_url)
        self.assertIn("Staff gave this ticket to b…@example.org", self.text(self.alice, f"{self.path}/"))
        self.assertIn("A mistake", self.text(self.alice, f"{self.path}/"))

    def test_the_page_of_a_former_code_leads_to_the_new_one(self) -> None:
        new = transfer.reissue(ticket_id=self.ticket.pk)
        page = self.browser(self.alice).get(f"{self.path}/")
        self.assertContains(page, new.page_url)
        self.assertNotContains(page, "qr.")

    def test_the_page_of_a_ticket_shows_what_can_be_done(self) -> None:
        self.assertIn("Give this ticket to somebody else…", self.text(self.alice, f"{self.path}/"))
        self.offered()
        text = self.text(self.alice, f"{self.path}/")
        self.assertIn("Offered to bob@example.org since", text)
        self.assertIn("Withdraw the offer", text)
        Event.objects.update(starts_at=ago(seconds=1))
        text = self.text(self.alice, f"{self.path}/")
        for gone in ("Offered to", "Give this ticket", "Get a new code"):
            self.assertNotIn(gone, text)
        self.assertIn("Get a new code", self.text(self.olga, f"{self.path}/"))

    def test_a_cancelled_ticket_has_nothing_to_give(self) -> None:
        self.offered()
        allocation.cancel_ticket(ticket_id=self.ticket.pk)
        text = self.text(self.alice, f"{self.path}/")
        self.assertEqual([word in text for word in ("Offered to", "Give this", "new code")], [False] * 3)

    def test_the_dashboard_shows_open_offers_and_no_others(self) -> None:
        made = self.offered()
        page = self.browser(self.bob).get("/dashboard/")
        self.assertIn("alice gives you a ticket for Concert", seen(page))
        self.assertContains(page, made.page_url)
        self.assertNotContains(self.browser(self.greta).get("/dashboard/"), "Offered to you")
        steering.revise_event(event_id=self.event.pk, values={"status": "cancelled"})
        self.assertNotContains(self.browser(self.bob).get("/dashboard/"), "Offered to you")


class StaffTests(OfferCase):
    def test_staff_are_asked_why_and_the_ledger_has_it(self) -> None:
        olgas: Any = self.browser(self.olga)
        self.assertContains(olgas.get(f"{self.path}/"), 'name="reason"', 3)
        self.assertNotContains(self.browser(self.alice).get(f"{self.path}/"), 'name="reason"')
        for path, form in (
            ("transfer/", {"email": "bob@example.org", "reason": " "}),
            ("reissue/", {"reason": "x" * 201}),
        ):
            page = olgas.post(f"{self.path}/{path}", form)
            self.assertEqual(page.status_code, 400)
            self.assertContains(page, 'class="errorlist"', status_code=400)
        self.assertEqual(olgas.post(f"{self.path}/reissue/", {"reason": "Seen  in a photo"}).status_code, 302)
        entry = deeds(self.event)[-1]
        self.assertEqual((entry["kind"], entry["reason"]), ("transfer", "Seen in a photo"))
        new = Ticket.objects.valid().get()
        form = {"email": "bob@example.org", "reason": "Sold on"}
        self.assertEqual(answer_of(visit(self.olga).post(f"/ticket/{new.code}/transfer/", form))[0], 200)
        transfer.accept(transfer_id=TicketTransfer.objects.get().pk, user=self.bob)
        self.assertEqual(deeds(self.event)[-1]["reason"], "Sold on")
