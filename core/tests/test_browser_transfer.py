"""A ticket goes from one person to another, each before a window of their own."""

from playwright.sync_api import Page, expect

from core.models import Ticket, TicketTransfer

from .browser import PASSWORD, BrowserTestCase
from .cast import book, make_event, make_person, offer

PHONE = {"width": 375, "height": 812}


class TransferJourneyTests(BrowserTestCase):
    def fits(self, page: Page) -> bool:
        """Return whether the page is no wider than its window, once its styles are there."""
        page.wait_for_load_state()
        fits: bool = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        return fits

    def test_the_giver_types_an_address_and_may_correct_it(self) -> None:
        page = self.window(viewport=PHONE)
        self.log_in(page, self.alice)
        page.goto(book(make_event(name="Winter Concert"), self.alice).page_url)
        page.get_by_text("Give this ticket to somebody else…").click()
        address = page.get_by_label("Their e-mail address")
        address.fill("bob@example")
        self.assertTrue(self.fits(page))
        self.picture(page, "transfer-form-phone")
        page.get_by_role("button", name="Offer the ticket").click()
        expect(page.get_by_role("main")).to_contain_text("This is no e-mail address that we can write to.")
        expect(address).to_have_value("bob@example")
        expect(address).to_be_in_viewport()
        self.picture(page, "transfer-error-phone")
        self.meant.append("400")
        address.fill("bob@example.org")
        page.get_by_role("button", name="Offer the ticket").click()
        expect(page.get_by_role("main")).to_contain_text("Offered to bob@example.org since")
        self.assertTrue(self.fits(page))
        self.picture(page, "transfer-offered-phone")

    def test_a_ticket_changes_hands_before_the_eyes_of_both(self) -> None:
        ticket = book(make_event(name="Winter Concert", capacity=3), self.alice)
        offer(ticket, self.bob)
        alices, bobs = self.window(viewport=PHONE), self.window(viewport={"width": 1280, "height": 900})
        self.log_in(alices, self.alice)
        alices.goto(ticket.page_url)
        expect(alices.locator("[data-live-status]").first).to_contain_text("Live")
        alices.evaluate("window.sameDocument = true")
        self.log_in(bobs, self.bob)
        expect(bobs.get_by_role("main")).to_contain_text("alice gives you a ticket for Winter Concert")
        self.picture(bobs, "transfer-dashboard")
        bobs.get_by_role("link", name="See the offer").click()
        expect(bobs.get_by_role("heading", name="alice offers you a ticket")).to_be_visible()
        self.picture(bobs, "transfer-offer")
        bobs.get_by_role("button", name="Accept the ticket").click()
        expect(bobs.get_by_role("main")).to_contain_text("Accepted. This is your ticket.")
        expect(bobs.get_by_role("img", name="QR")).to_be_visible()
        self.picture(bobs, "transfer-accepted")
        expect(alices.get_by_role("main")).to_contain_text("You gave this ticket to b…@example.org on")
        self.assertTrue(alices.evaluate("window.sameDocument"))
        self.assertTrue(self.fits(alices))
        self.picture(alices, "transfer-given-phone")
        self.assertEqual(list(Ticket.objects.valid().values_list("user__username", flat=True)), ["bob"])

    def test_a_new_code_takes_the_old_ones_place_on_an_open_dashboard(self) -> None:
        ticket = book(make_event(name="Winter Concert", auto_hold=False), self.alice)
        page, other = self.window(), self.window(viewport=PHONE)
        for window in (page, other):
            self.log_in(window, self.alice)
        link = other.get_by_role("link", name="Show my ticket").first
        expect(link).to_have_attribute("href", ticket.page_url)
        page.goto(ticket.page_url)
        page.get_by_text("Get a new code…").click()
        self.picture(page, "transfer-new-code")
        page.get_by_role("button", name="Make a new code").click()
        expect(page.get_by_role("main")).to_contain_text("This is the new code.")
        new = Ticket.objects.valid().get()
        expect(link).to_have_attribute("href", new.page_url)
        page.goto(ticket.page_url)
        expect(page.get_by_role("link", name="Open the ticket with its new code")).to_be_visible()
        self.picture(page, "transfer-former-code")

    def test_everything_works_with_scripts_off_and_by_keyboard(self) -> None:
        ticket = book(make_event(name="Quiet evening", auto_hold=False), self.alice)
        alices = self.window(java_script_enabled=False)
        self.log_in(alices, self.alice)
        alices.goto(ticket.page_url)
        alices.locator("#give summary").focus()
        alices.keyboard.press("Enter")
        alices.keyboard.press("Tab")
        alices.keyboard.type("bob@example.org")
        alices.keyboard.press("Enter")
        expect(alices.get_by_role("main")).to_contain_text("Offered to bob@example.org since")
        alices.locator("#withdraw-offer").focus()
        alices.keyboard.press("Enter")
        expect(alices.get_by_role("main")).to_contain_text("Withdrawn.")
        self.assertEqual(TicketTransfer.objects.get().end, "withdrawn")

    def test_long_names_and_addresses_fit_on_a_phone(self) -> None:
        carol = make_person("c" * 60, password=PASSWORD)
        ticket = book(
            make_event(name="A very long evening of " + "chamber music " * 9, venue="The old hall " * 7), self.alice
        )
        page = self.window(viewport=PHONE)
        self.log_in(page, self.alice)
        page.goto(ticket.page_url)
        page.locator("#give summary").click()
        page.get_by_label("Their e-mail address").fill(carol.email)
        page.get_by_role("button", name="Offer the ticket").click()
        expect(page.get_by_role("main")).to_contain_text(f"Offered to {carol.email}")
        self.assertTrue(self.fits(page))
        other = self.window(viewport=PHONE)
        self.log_in(other, carol)
        self.assertTrue(self.fits(other))
        self.picture(other, "transfer-dashboard-phone")
        other.get_by_role("link", name="See the offer").click()
        expect(other.get_by_role("button", name="Decline")).to_be_visible()
        self.assertTrue(self.fits(other))
        self.picture(other, "transfer-offer-phone")

    def test_the_organizer_gives_a_reason(self) -> None:
        ticket = book(make_event(name="Winter Concert"), self.alice)
        page = self.window(viewport={"width": 1280, "height": 900})
        self.log_in(page, self.olga)
        page.goto(ticket.page_url)
        page.locator("#give summary").click()
        page.locator("#new-code summary").click()
        self.picture(page, "transfer-organizer")
        page.locator("#new-code").get_by_label("Reason").fill("Seen in a photo")
        page.get_by_role("button", name="Make a new code").click()
        expect(page.get_by_role("main")).to_contain_text("This is the new code.")
        page.go_back()
        page.reload()
        expect(page.get_by_role("main")).to_contain_text("Seen in a photo")
        self.picture(page, "transfer-organizer-former")
