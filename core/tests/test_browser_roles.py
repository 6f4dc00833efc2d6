"""One event from its draft to the gate, by all whom it takes: on a phone and at a desk, in the dark and the light."""

from typing import Any

from django.test import tag
from playwright.sync_api import Locator, Page, expect

from core.models import Event, User

from .browser import PASSWORD, BrowserTestCase
from .cast import appoint, later, make_person

PHONE: dict[str, Any] = {"viewport": {"width": 375, "height": 812}, "is_mobile": True, "has_touch": True}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
OUTSIDE = """() => [...document.querySelectorAll("body *")]
  .filter((element) => element.getBoundingClientRect().right > innerWidth || element.getBoundingClientRect().left < 0)
  .map(({ outerHTML }) => outerHTML.slice(0, 120))"""
TAPS = 5  # after the login, to a ticket


class RolesCase(BrowserTestCase):
    """Of each look a class of its own: a server that has written the admin's history does not outlive its tables."""

    root: User
    look: dict[str, Any]

    def setUp(self) -> None:
        super().setUp()
        appoint(self.olga)
        self.root = make_person("root", is_staff=True, is_superuser=True, password=PASSWORD)
        self.taps = 0

    def enter(self, person: User) -> Page:
        page = self.window(**self.look)
        self.fill_in_login(page, person)
        return page

    def tap(self, what: Locator) -> None:
        """Press with a finger where the screen has touch, else with a mouse; it is counted."""
        self.taps += 1
        if self.look.get("has_touch"):
            what.tap()
        else:
            what.click()

    def fits(self, *pages: Page) -> None:
        """See that no page is wider than its screen."""
        for page in pages:
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > self.look["viewport"]["width"]:
                self.fail(f"{page.url} is {width} px wide: {page.evaluate(OUTSIDE)}")

    def publish(self, page: Page) -> Event:
        """Make an event of one place, and publish it."""
        page.goto("/organize/new/")
        page.get_by_label("Name", exact=True).fill("Winter Concert")
        page.get_by_label("Venue").fill("Town Hall")
        starts = page.get_by_role("group", name="Starts")
        starts.get_by_label("Day").fill(f"{later(days=9):%Y-%m-%d}")
        starts.get_by_label("Time").fill("19:30")
        page.get_by_label("Capacity").fill("1")
        self.fits(page)
        self.tap(page.get_by_role("button", name="Save as a draft"))
        expect(page.get_by_role("main")).to_contain_text("Saved as a draft")
        self.tap(page.get_by_role("button", name="Publish"))
        expect(page.get_by_role("main")).to_contain_text("Published: everybody can see it now.")
        page.evaluate("window.sameDocument = true")
        return Event.objects.get()

    def to_a_ticket(self, page: Page) -> str:
        """Open the site, log in from the event's page, and book; return the ticket's address."""
        page.goto("/")
        self.fits(page)
        self.tap(page.get_by_role("link", name="Log in to be held a ticket"))
        page.get_by_label("User name or e-mail").fill(self.alice.username)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.tap(page.get_by_role("main").get_by_role("button", name="Log in", exact=True))
        self.taps = 0
        self.tap(page.get_by_role("button", name="Book my ticket").first)
        page.wait_for_url("**/ticket/**")
        self.assertLessEqual(self.taps, TAPS)
        expect(page.get_by_role("img", name="QR")).to_be_visible()
        self.fits(page)
        return page.url

    def from_the_line(self, page: Page, giver: Page) -> str:
        """Join the line, be told one's turn when the ticket before is cancelled, and book; return the address."""
        self.tap(page.get_by_role("button", name="Join the line").first)
        expect(page.locator("[data-region=mine]")).to_contain_text("You are next")
        self.fits(page)
        self.tap(giver.get_by_text("Cancel", exact=False).first)
        self.tap(giver.get_by_role("button", name="Cancel this ticket"))
        self.tap(page.get_by_role("button", name="Book my ticket").first)
        page.wait_for_url("**/ticket/**")
        self.fits(page, giver)
        return page.url

    def admit(self, page: Page, event: Event, *, given_back: str, valid: str) -> None:
        """Scan the ticket that was given back, which opens no gate, and the one that is valid."""
        page.goto("/checkin/")
        page.get_by_label("Event").select_option(str(event.pk))
        page.get_by_label("Gate").fill("North")
        self.tap(page.get_by_role("button", name="Go to the gate"))
        expect(page.locator("[data-live-status]")).to_contain_text("Live")
        screen = page.locator("dialog[open]")
        for code, outcome in ((given_back, "Cancelled"), (valid, "Admitted")):
            page.get_by_label("Ticket code").fill(code)
            page.keyboard.press("Enter")
            expect(screen).to_contain_text(outcome)
            page.keyboard.press("Escape")
            expect(screen).to_be_hidden()
        self.fits(page)

    def sign_out(self, page: Page, person: User) -> None:
        """End the sessions of somebody, as an administrator."""
        page.goto(f"/admin/core/usersession/?q={person.username}")
        page.locator("input.action-select").first.check()
        page.locator("select[name=action]").select_option("end_sessions")
        page.get_by_role("button", name="Go", exact=True).click()
        page.get_by_label("Reason").fill("A phone was lost")
        page.locator("#content form button[type=submit], #content form input[type=submit]").first.click()
        expect(page.locator(".messagelist")).to_contain_text("Ended: 1 session")

    def play(self) -> None:
        """Play all of it."""
        organizers = self.enter(self.olga)
        event = self.publish(organizers)
        alices, bobs = self.window(**self.look), self.window(**self.look)
        given_back = self.to_a_ticket(alices)
        self.fill_in_login(bobs, self.bob)
        valid = self.from_the_line(bobs, alices)
        codes = {"given_back": given_back.split("/")[-2], "valid": valid.split("/")[-2]}
        self.admit(self.enter(self.greta), event, **codes)
        expect(organizers.locator("[data-gate-number=admitted]")).to_have_text("1")
        self.assertTrue(organizers.evaluate("window.sameDocument"))
        self.fits(organizers)
        bobs.goto("/dashboard/")
        self.sign_out(self.enter(self.root), self.bob)
        bobs.wait_for_url("**/accounts/login/**")


class PhoneInTheDarkTests(RolesCase):
    look = PHONE | {"color_scheme": "dark"}

    def test_on_a_phone_in_the_dark(self) -> None:
        self.play()


@tag("face")
class PhoneInTheLightTests(RolesCase):
    look = PHONE | {"color_scheme": "light"}

    def test_on_a_phone_in_the_light(self) -> None:
        self.play()


@tag("face")
class DeskInTheDarkTests(RolesCase):
    look = DESK | {"color_scheme": "dark"}

    def test_at_a_desk_in_the_dark(self) -> None:
        self.play()


class DeskInTheLightTests(RolesCase):
    look = DESK | {"color_scheme": "light"}

    def test_at_a_desk_in_the_light(self) -> None:
        self.play()
