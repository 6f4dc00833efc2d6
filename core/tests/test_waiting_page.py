import re
import tempfile
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import TestCase
from playwright.sync_api import Page, Route, expect

from core.models import Event

from .browser import BrowserTestCase
from .cast import Cast, book, later, make_event

KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
FILES = ["index.html", "waiting.css", "waiting.js"]


def written(event: Event) -> dict[str, str]:
    """Write an event's waiting page; return its files."""
    with tempfile.TemporaryDirectory() as folder:
        call_command("waiting_page", event.pk, out=Path(folder, "new"), stdout=StringIO())
        return {file.name: file.read_text() for file in sorted(Path(folder, "new").iterdir())}


def serve(files: dict[str, str], route: Route) -> None:
    """Answer as a host of static files does."""
    name = urlsplit(route.request.url).path.rpartition("/")[2] or "index.html"
    route.fulfill(body=files[name], content_type=KINDS[name.rpartition(".")[2]])


class WrittenPageTests(Cast, TestCase):
    def test_it_loads_its_own_files_only_and_links_to_the_site(self):
        files = written(make_event(name="<Opera> & more", sales_open_at=later(hours=1)))
        self.assertEqual(list(files), FILES)
        page = files["index.html"]
        self.assertIn("&lt;Opera&gt; &amp; more", page)
        loaded = re.findall(r'(?:src|<link[^>]*href)="([^"]+)"', page)
        self.assertEqual({re.sub(r"\?[0-9a-f]{12}$", "", name) for name in loaded}, {"waiting.css", "waiting.js"})
        links = re.findall(r'<a [^>]*href="([^"]+)"', page)
        self.assertEqual({link.startswith(settings.SITE_URL) for link in links}, {True})
        self.assertEqual(re.findall(r"@import|url\(", files["waiting.css"]), [])

    def test_a_draft_and_an_event_without_an_opening_have_none(self):
        draft = make_event(status="draft", sales_open_at=later(hours=1))
        for event in (draft.pk, make_event().pk, 0):
            with tempfile.TemporaryDirectory() as folder, self.assertRaises(CommandError):
                call_command("waiting_page", event, out=Path(folder, "new"))


class WaitingBrowserTests(BrowserTestCase):
    takes_away = True

    def waiting(self, event: Event, **options: Any) -> Page:
        """Open an event's waiting page, as a CDN would have it beside the site; its clock is the test's."""
        with mock.patch.object(settings, "SITE_URL", f"{self.address}/"):
            files = written(event)
        page = self.window(**options)
        page.route("**/wait/**", partial(serve, files))
        self.asked: list[dict[str, str]] = []
        page.on("request", lambda request: self.asked.append(request.headers) if "/api/" in request.url else None)
        page.clock.install()
        page.goto("/wait/")
        return page

    def test_it_counts_down_shows_the_numbers_and_opens_the_way_at_the_opening(self) -> None:
        event = make_event(name="Opera", capacity=7, sales_open_at=later(seconds=95))
        page = self.waiting(event)
        go = page.get_by_text("Go to the tickets")
        expect(page.locator("[data-clock]")).to_contain_text("00:01:")
        expect(page.locator("[data-number=available]")).to_have_text("7")
        expect(go).to_be_disabled()
        self.assertIsNone(go.get_attribute("href"))
        page.clock.fast_forward(100_000)
        expect(go).to_be_enabled()
        expect(page.get_by_role("status")).to_have_text("The sale is open.")
        go.click()
        page.wait_for_url(f"**{event.get_absolute_url()}")
        self.assertEqual([headers for headers in self.asked if "cookie" in headers], [])

    def test_it_follows_the_numbers_asks_less_often_after_errors_and_not_while_it_is_hidden(self) -> None:
        event = make_event(name="Opera", capacity=7, sales_open_at=later(hours=-1), auto_hold=False)
        page = self.waiting(event)
        expect(page.locator("[data-number=booked]")).to_have_text("0")
        book(event, self.bob)
        page.clock.fast_forward(8_000)
        expect(page.locator("[data-number=booked]")).to_have_text("1")

        page.route("**/api/**", lambda route: route.abort())
        for _ in range(2):
            with page.expect_event("requestfailed"):
                page.clock.fast_forward(16_000)
        expect(page.get_by_role("status")).to_contain_text("cannot be had")
        self.asked.clear()
        page.clock.run_for(9_000)  # a third pause is 20 seconds, give or take a half
        self.assertEqual(self.asked, [])

        page.evaluate("Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })")
        page.clock.run_for(180_000)
        self.assertEqual(self.asked, [])

    def test_with_scripts_off_it_is_a_link(self) -> None:
        event = make_event(name="Opera", sales_open_at=later(hours=1))
        page = self.waiting(event, java_script_enabled=False)
        page.get_by_role("link", name="Go to the tickets").click()
        page.wait_for_url(f"**{event.get_absolute_url()}")
