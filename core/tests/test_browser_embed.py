"""An event's numbers on another site, in a real browser: they move, and no other page of ours is shown there."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from playwright.sync_api import Page, expect

from core import allocation, steering
from core.models import Event

from .browser import BrowserTestCase
from .cast import make_event


class EmbedTests(BrowserTestCase):
    takes_away = True

    def elsewhere(self, *paths: str) -> str:
        """Serve a page of another origin that shows these pages of ours in frames; return its address."""
        frames = "".join(f'<iframe src="{self.address}{path}" width="360" height="280"></iframe>' for path in paths)

        class Elsewhere(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(frames.encode())

            def log_message(self, *said: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Elsewhere)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}/"

    def test_its_numbers_move_and_its_link_opens_the_event_in_a_window_of_its_own(self) -> None:
        event = make_event(name="Opera", capacity=3, auto_hold=False)
        page = self.window()
        page.goto(self.elsewhere(f"/embed/{event.pk}/"))
        frame = page.frame_locator("iframe")
        expect(frame.get_by_text("3 of 3 places free")).to_be_visible()
        allocation.book(event_id=event.pk, user=self.alice)
        expect(frame.get_by_text("2 of 3 places free")).to_be_visible()
        with page.context.expect_page() as opened:
            frame.get_by_role("link", name="Tickets").click()
        expect(opened.value.get_by_role("heading", name="Opera", level=1)).to_be_visible()
        self.assertEqual(page.context.cookies(), [])

    def test_its_badge_follows_when_the_sale_closes(self) -> None:
        event = make_event(name="Opera", capacity=3, auto_hold=False)
        page = self.window()
        page.goto(self.elsewhere(f"/embed/{event.pk}/"))
        badge = page.frame_locator("iframe").locator("[data-region]")
        expect(badge).to_contain_text("Available")
        steering.revise_event(event_id=event.pk, values={"status": Event.Status.CANCELLED})
        expect(badge).to_contain_text("Cancelled")

    def test_it_is_a_picture_of_the_numbers_with_scripts_off(self) -> None:
        event = make_event(name="Opera", capacity=3, auto_hold=False)
        page = self.window(java_script_enabled=False)
        page.goto(self.elsewhere(f"/embed/{event.pk}/"))
        expect(page.frame_locator("iframe").get_by_text("3 of 3 places free")).to_be_visible()

    def test_no_other_page_is_shown_there(self) -> None:
        event = make_event(name="Opera", auto_hold=False)
        page = self.window()
        page.goto(self.elsewhere("/", f"/events/{event.pk}/", "/accounts/login/"))
        page.wait_for_load_state("load")
        self.assertEqual([self.marks_of(page, n) for n in range(3)], [0, 0, 0])
        self.meant += ["frame"]
        self.assertTrue(any("frame" in text for text in self.complaints), self.complaints)

    def marks_of(self, page: Page, number: int) -> int:
        """Return how often a frame shows the mark that is on every page of ours."""
        return page.frame_locator("iframe").nth(number).get_by_role("link", name="Box Office").count()
