"""A ticket's page at the door: its code comes first, is read by a scanner from any screen, and follows what happens."""

import io
from typing import Any

from django.test import tag
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from core import allocation, checkin
from core.models import Ticket

from .browser import BrowserTestCase
from .cast import book, give, make_event
from .test_documents import codes_on

PHONE = {"width": 375, "height": 667}
SMALL = {"width": 320, "height": 568}
SIDEWAYS = {"width": 667, "height": 375}
DESK = {"width": 1280, "height": 800}
LONG = "مهرجان الموسيقى العربية 東京コンサート 🎫👩‍👩‍👧 with the Orchestra of the Royal Conservatory of Somewhere"
# A wake lock that a test can look at; headless browsers have no screen.
AWAKE = """
window.locks = [];
Object.defineProperty(navigator, "wakeLock", { value: {
  async request(kind) {
    const lock = { kind, released: false, async release() { this.released = true; } };
    window.locks.push(lock);
    return lock;
  },
} });
"""


@tag("face")
class DoorCase(BrowserTestCase):
    def ticket_page(self, name: str = "Concert", **options: Any) -> tuple[Ticket, Page]:
        """Return alice's ticket, and its page."""
        ticket = book(make_event(name=name, capacity=5, auto_hold=False), self.alice)
        page = self.window(**options)
        page.add_init_script(AWAKE)
        self.log_in(page, self.alice)
        page.goto(ticket.page_url)
        expect(page.locator("[data-live-status]")).to_contain_text("Live")
        return ticket, page

    def open(self, page: Page) -> Locator:
        page.get_by_role("button", name="Show full screen").click()
        return page.get_by_role("dialog")

    def read(self, page: Page) -> list[str]:
        """Return what a scanner reads from the screen, as it is without scrolling."""
        return codes_on(Image.open(io.BytesIO(page.screenshot())))


class SeenTests(DoorCase):
    def test_on_a_phone_all_that_the_gate_looks_at_is_there_without_scrolling(self) -> None:
        for name in ("Concert", LONG):
            with self.subTest(name=name):
                ticket, page = self.ticket_page(name, viewport=PHONE)
                verdict = page.locator(".pass .verdict").bounding_box()
                self.assertLessEqual(verdict["y"] + verdict["height"], PHONE["height"]) if verdict else self.fail()
                self.assertEqual(self.read(page), [ticket.code])
                self.assertEqual(page.evaluate("document.documentElement.scrollWidth"), PHONE["width"])

    def test_a_scanner_reads_it_from_every_screen_light_and_dark(self) -> None:
        for number, (viewport, scale, scheme) in enumerate((
            (PHONE, 2, "light"), (PHONE, 1, "dark"), (SMALL, 1, "light"), (SIDEWAYS, 2, "dark"), (DESK, 1, "dark"),
        )):  # fmt: skip
            name = f"ticket-{number}-{viewport['width']}-{scale}-{scheme}"
            with self.subTest(name):
                ticket, page = self.ticket_page(
                    LONG if number % 2 else "Concert",
                    viewport=viewport, device_scale_factor=scale, color_scheme=scheme,
                )  # fmt: skip
                self.picture(page, name)
                if viewport != SIDEWAYS:
                    self.assertEqual(self.read(page), [ticket.code])
                self.open(page)
                self.picture(page, f"{name}-door")
                self.assertEqual(self.read(page), [ticket.code])
                corner = Image.open(io.BytesIO(page.screenshot())).convert("RGB").getpixel((2, 2))
                self.assertEqual(corner, (255, 255, 255))
                Ticket.objects.all().delete()


class FullScreenTests(DoorCase):
    def test_it_opens_and_closes_by_keyboard_and_by_button_and_focus_goes_back(self) -> None:
        _, page = self.ticket_page()
        button = page.get_by_role("button", name="Show full screen")
        button.focus()
        for key in ("Escape", "Enter"):
            page.keyboard.press("Enter")
            door = page.get_by_role("dialog", name="Concert")
            expect(door).to_be_visible()
            expect(door.get_by_role("button", name="Close")).to_be_focused()
            page.keyboard.press(key)
            expect(door).to_be_hidden()
            expect(button).to_be_focused()
        door = self.open(page)
        expect(door).to_contain_text("alice")
        door.get_by_role("button", name="Close").click()
        expect(door).to_be_hidden()

    def test_the_screen_stays_awake_while_a_valid_ticket_is_shown_and_no_longer(self) -> None:
        _, page = self.ticket_page()

        def expect_locks(*released: bool) -> None:
            """Wait until the browser was asked for so many locks, and these were released: it answers in its time."""
            told = "locks.map(({ kind, released }) => [kind, released])"
            wanted = str([["screen", is_released] for is_released in released]).lower().replace("'", '"')
            self.wait_for(page, f"JSON.stringify({told}) === JSON.stringify({wanted})")

        door = self.open(page)
        expect_locks(False)
        # The browser takes the lock back when another tab is looked at, and the page asks again when it is back.
        page.evaluate("""() => {
          locks[0].released = true;
          document.dispatchEvent(new Event("visibilitychange"));
        }""")
        expect_locks(True, False)
        door.get_by_role("button", name="Close").click()
        expect_locks(True, True)
        self.open(page)
        allocation.cancel_ticket(ticket_id=Ticket.objects.get().pk)
        expect(door).to_contain_text("Cancelled")
        expect_locks(True, True, True)

    def test_a_browser_that_refuses_to_stay_awake_shows_it_all_the_same(self) -> None:
        ticket, page = self.ticket_page()
        page.evaluate(
            "() => { navigator.wakeLock.request = () => Promise.reject(new DOMException('', 'NotAllowedError')); }"
        )
        expect(self.open(page)).to_be_visible()
        self.assertEqual(self.read(page), [ticket.code])

    def test_it_shows_that_the_ticket_was_admitted_or_cancelled_in_the_meantime(self) -> None:
        for what, shown, codes in (("admit", "Admitted at", 1), ("cancel", "Cancelled", 0)):
            with self.subTest(what=what):
                ticket, page = self.ticket_page(viewport=PHONE)
                door = self.open(page)
                if what == "admit":
                    checkin.scan(code=ticket.code, event=ticket.event, staff=self.greta)
                else:
                    allocation.cancel_ticket(ticket_id=ticket.pk)
                expect(door).to_contain_text(shown)
                self.picture(page, f"door-{what}")
                self.assertEqual(len(self.read(page)), codes)
                expect(door.get_by_role("button", name="Close")).to_be_focused()
                page.keyboard.press("Escape")
                expect(page.locator(".pass")).to_contain_text(shown)
                self.picture(page, f"ticket-{what}")
                if what == "admit":
                    expect(page.get_by_role("button", name="Show full screen")).to_be_focused()
                else:
                    expect(page.get_by_role("button", name="Show full screen")).to_have_count(0)
                    expect(page.get_by_role("main")).to_be_focused()

    def test_a_ticket_that_is_not_this_persons_any_more_leaves_the_screen(self) -> None:
        ticket, page = self.ticket_page(viewport=PHONE)
        door = self.open(page)
        give(ticket, self.bob)
        expect(door).to_be_hidden()
        expect(page.get_by_role("main")).to_contain_text("You gave this ticket")
        self.assertEqual(self.read(page), [])

    def test_without_scripts_there_is_no_button_and_the_code_is_there(self) -> None:
        ticket = book(make_event(auto_hold=False), self.alice)
        page = self.window(java_script_enabled=False, viewport=PHONE)
        self.log_in(page, self.alice)
        page.goto(ticket.page_url)
        expect(page.get_by_text("Show full screen")).to_be_hidden()
        self.assertEqual(self.read(page), [ticket.code])
        page.get_by_text("Other formats").click()
        for name in ("A6", "SVG", "PNG"):
            expect(page.get_by_role("link", name=name)).to_be_visible()
