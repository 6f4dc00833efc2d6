"""A real server, in processes of its own as in production, and a real browser, for the journeys of people."""

import os
import re
import time
import unittest
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.contrib.auth.hashers import make_password
from django.core.management import CommandError
from django.test import TransactionTestCase
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from core.models import User
from tools.chromium import CHROMIUM, QUIET

from .cast import CastOfRaces
from .nodes import start_node

PASSWORD = "demo-tickets-2026"  # of people who exist during one test
PATIENCE = 15_000  # milliseconds; how quick it is, is measured elsewhere
expect.set_options(timeout=PATIENCE)


@unittest.skipUnless(CHROMIUM, "needs chromium")
class BrowserTestCase(CastOfRaces, TransactionTestCase):
    """Alice and bob, each with a window of their own, before one server; what a console complains of fails the test."""

    browser: Browser
    browser_args: tuple[str, ...] = ()  # more of Chromium's own; may be set before `super().setUpClass()`
    address: str
    takes_away = False  # a server, a network or a file: the browser says so, sooner or later

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        # Playwright's own event loop runs in this thread, which Django would otherwise refuse to query from.
        unsafe = patch.dict(os.environ, {"DJANGO_ALLOW_ASYNC_UNSAFE": "1"})
        unsafe.start()
        cls.addClassCleanup(unsafe.stop)
        node = start_node()
        cls.addClassCleanup(node.stop)
        cls.address = node.address
        playwright = sync_playwright().start()
        cls.addClassCleanup(playwright.stop)
        cls.browser = playwright.chromium.launch(executable_path=CHROMIUM, args=(*QUIET, *cls.browser_args))
        cls.addClassCleanup(cls.browser.close)

    def setUp(self) -> None:
        super().setUp()
        User.objects.update(password=make_password(PASSWORD))
        self.complaints: list[str] = []
        # Words of complaints that a test brings about.
        self.meant = ["net::ERR_"] if self.takes_away else []
        self.addCleanup(self.assert_nobody_complained)

    def assert_nobody_complained(self) -> None:
        """See that no window had anything to say but what the test meant to bring about."""
        self.assertEqual([text for text in self.complaints if not any(words in text for words in self.meant)], [])

    def _fixture_teardown(self) -> None:
        """Empty the tables; the server beside us may read two of them at that instant in another order: then again."""
        for last in (False, False, True):
            try:
                super()._fixture_teardown()  # type: ignore[misc]  # -- not in the stubs
            except CommandError:
                if last:
                    raise
            else:
                return

    def window(self, address: str = "", **options: Any) -> Page:
        """Open a window with cookies of its own; what its console says, a refused script included, is noted.

        It looks at the server, or at the one whose address is given.
        """
        context: BrowserContext = self.browser.new_context(base_url=address or self.address, **options)
        self.addCleanup(context.close)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def log_in(self, page: Page, user: User) -> None:
        """Send what the form sends, without its page, which costs as much as all else; then look at the dashboard."""
        shown = page.request.get("/accounts/login/")
        (token,) = [cookie["value"] for cookie in page.context.cookies() if cookie["name"].endswith("csrftoken")]
        form: dict[str, str | float | bool] = {
            "login": user.username,
            "password": PASSWORD,
            "csrfmiddlewaretoken": token,
        }
        answer = page.request.post(shown.url, form=form, headers={"Referer": shown.url}, max_redirects=0)
        self.assertEqual(answer.status, 302)
        page.goto("/dashboard/")

    def fill_in_login(self, page: Page, user: User) -> None:
        """Log in by the form, as a person does; the page that follows is the dashboard."""
        page.goto("/accounts/login/")
        page.get_by_label("User name or e-mail").fill(user.username)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Log in", exact=True).click()
        page.wait_for_url("**/dashboard/")

    def wait_for(self, page: Page, script: str, argument: Any = None) -> None:
        """Wait until a script says yes; Playwright's own way asks with `eval`, which the pages' policy forbids."""
        deadline = time.monotonic() + PATIENCE / 1000
        while not page.evaluate(script, argument):
            if time.monotonic() > deadline:
                self.fail(f"{script} did not come true.")
            page.wait_for_timeout(50)

    def picture(self, page: Page, name: str) -> None:
        """Keep a picture of the page where SCREENSHOTS names a folder."""
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)


def look_away(page: Page) -> None:
    """Look at the head of the page through a window that no card fits into."""
    page.set_viewport_size({"width": 375, "height": 240})
    page.evaluate("window.scrollTo(0, 0)")


def tab_to(page: Page, role: str, name: str | re.Pattern[str]) -> None:
    """Press Tab until this has the focus, the first of those that are called so."""
    wanted = page.get_by_role("main").get_by_role(role, name=name, exact=True).first  # type: ignore[arg-type]  # -- a role
    for _ in range(80):
        page.keyboard.press("Tab")
        if wanted.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"the keyboard does not get to {name}")
