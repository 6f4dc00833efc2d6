"""Attendees and gate staff need no mouse: the keyboard gets everywhere, and where it is can be seen."""

import re

from django.test import tag
from playwright.sync_api import Page, expect

from core.models import Ticket

from .browser import PASSWORD, BrowserTestCase, tab_to
from .cast import book, make_event

# What tells where the keyboard is: an outline, of the element or of what it stands in.
OUTLINE = "() => parseFloat(getComputedStyle(document.activeElement).outlineWidth)"


@tag("face")
class KeyboardTests(BrowserTestCase):
    def enter(self, page: Page, role: str, name: str | re.Pattern[str]) -> None:
        """Go to something by Tab, see that one sees it, and press Enter."""
        tab_to(page, role, name)
        self.assertGreaterEqual(page.evaluate(OUTLINE), 2, name)
        page.keyboard.press("Enter")

    def log_in_by_keyboard(self, page: Page) -> None:
        """Log in from the form, of which the first field has the focus."""
        tab_to(page, "textbox", "User name or e-mail")
        page.keyboard.type(self.alice.username)
        tab_to(page, "textbox", "Password")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")

    def test_an_attendee_books_and_cancels(self) -> None:
        make_event(name="Winter Concert", capacity=1)
        page = self.window()
        page.goto("/")
        page.keyboard.press("Tab")
        skip = page.locator(".skip-link")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.get_by_role("main")).to_be_focused()
        self.enter(page, "link", re.compile("^Log in to be held a ticket"))
        page.wait_for_url("**/accounts/login/**")
        self.log_in_by_keyboard(page)
        expect(page.locator("[data-live-status]").first).to_contain_text("Live")
        self.enter(page, "button", re.compile("^Book my ticket"))
        page.wait_for_url("**/ticket/**")
        summary = page.get_by_role("main").locator("summary", has_text="Cancel").first
        summary.focus()
        page.keyboard.press("Enter")
        self.enter(page, "button", "Cancel this ticket")
        expect(page.get_by_role("main")).to_contain_text("Cancelled")
        self.assertFalse(Ticket.objects.valid().exists())

    def test_an_attendee_joins_the_line_and_finds_the_turn_where_the_keyboard_is(self) -> None:
        event = make_event(name="Last place", capacity=1, auto_hold=False)
        book(event, self.bob)
        page = self.window()
        self.log_in(page, self.alice)
        expect(page.locator("[data-live-status]").first).to_contain_text("Live")
        self.enter(page, "button", re.compile("^Join the line"))
        expect(page.locator("[data-region=mine]")).to_contain_text("You are next")
        self.enter(page, "button", re.compile("^Leave the line"))
        expect(page.get_by_role("button", name="Join the line").first).to_be_visible()
        self.assertNotEqual(page.evaluate("document.activeElement.tagName"), "BODY")  # it is where it was

    def test_gate_staff_admit_one_after_the_other(self) -> None:
        event = make_event(name="Winter Concert", capacity=2, auto_hold=False)
        tickets = [book(event, self.alice), book(event, self.bob)]
        page = self.window()
        self.log_in(page, self.greta)
        page.goto("/checkin/")
        tab_to(page, "combobox", "Event")
        page.keyboard.press("ArrowDown")
        tab_to(page, "textbox", re.compile("^Gate"))
        page.keyboard.type("North")
        page.keyboard.press("Enter")
        expect(page.locator("[data-live-status]").first).to_contain_text("Live")
        tab_to(page, "textbox", "Ticket code")
        for ticket in tickets:
            page.keyboard.type(ticket.code)
            page.keyboard.press("Enter")
            expect(page.locator("dialog[open]")).to_contain_text("Admitted")
            page.keyboard.press("Escape")
            expect(page.locator("dialog[open]")).to_be_hidden()
        expect(page.locator("[data-gate-number=admitted]")).to_have_text("2")
