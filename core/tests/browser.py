"""A real server, in processes of its own as in production, and a real browser, for the journeys of people."""

import os
import shutil
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import TransactionTestCase
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from core.models import User
from tools.ports import free_port

from .cast import CastOfRaces

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PASSWORD = "demo-tickets-2026"  # of people who exist during one test
QUIET = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_SECONDS = 30
PATIENCE = 15_000  # milliseconds; how quick it is, is measured elsewhere
expect.set_options(timeout=PATIENCE)


def database_url() -> str:
    """Return the address of this process's test database, for a server beside it."""
    known = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{known['NAME']}"
    password = f":{known['PASSWORD']}" if known["PASSWORD"] else ""
    return f"postgres://{known['USER']}{password}@{known['HOST']}:{known['PORT'] or 5432}/{known['NAME']}"


@unittest.skipUnless(CHROMIUM, "needs chromium")
class BrowserTestCase(CastOfRaces, TransactionTestCase):
    """Alice and bob, each with a window of their own, before one server; what the console says is an error."""

    server: subprocess.Popen[bytes]
    browser: Browser
    browser_args: tuple[str, ...] = ()  # more of Chromium's own; may be set before `super().setUpClass()`
    address: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        # Playwright's own event loop runs in this thread, which Django would otherwise refuse to query from.
        unsafe = patch.dict(os.environ, {"DJANGO_ALLOW_ASYNC_UNSAFE": "1"})
        unsafe.start()
        cls.addClassCleanup(unsafe.stop)
        cls._start_server()
        playwright = sync_playwright().start()
        cls.addClassCleanup(playwright.stop)
        cls.browser = playwright.chromium.launch(executable_path=CHROMIUM, args=(*QUIET, *cls.browser_args))
        cls.addClassCleanup(cls.browser.close)

    @classmethod
    def _start_server(cls) -> None:
        port = free_port()
        cls.address = f"http://127.0.0.1:{port}"
        own = {
            "ALLOWED_HOSTS": "",
            "DATABASE_URL": database_url(),
            "EMAIL_URL": "dummymail://",  # confirmations would fill the screen
            "DEBUG": "on",
            "HTTPS": "off",
            "REDIS_URL": settings.REDIS_URL,
        }
        command = [sys.executable, "-m", "daphne", "-v", "0", "-p", str(port), "event_ticketing.asgi:application"]
        cls.server = subprocess.Popen(command, cwd=settings.BASE_DIR, env=os.environ | own)
        cls.addClassCleanup(cls._stop_server)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"{cls.address}/healthz"):
                    return
            except urllib.error.URLError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    @classmethod
    def _stop_server(cls) -> None:
        cls.server.terminate()
        cls.server.wait(START_SECONDS)

    def setUp(self) -> None:
        super().setUp()
        User.objects.update(password=make_password(PASSWORD))
        self.complaints: list[str] = []

    def window(self, **options: Any) -> Page:
        """Open a window with cookies of its own; what its console says, a refused script included, is noted."""
        context: BrowserContext = self.browser.new_context(base_url=self.address, **options)
        self.addCleanup(context.close)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def log_in(self, page: Page, user: User) -> None:
        """Log in by the form, as a person does; the page that follows is the dashboard."""
        page.goto("/accounts/login/")
        page.get_by_label("User name or e-mail").fill(user.username)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Log in").click()
        page.wait_for_url("**/dashboard/")

    def picture(self, page: Page, name: str) -> None:
        """Keep a picture of the page where SCREENSHOTS names a folder."""
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)
