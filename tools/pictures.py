"""Take the pictures of docs/pictures: the demo, started for it, in a real browser, so that they show what there is.

Each page is taken wide and on a phone, light and dark; and a film shows two people who sell out an event.
"""

import io
import itertools
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tools import film
from tools.chromium import CHROMIUM, QUIET
from tools.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "pictures"
PASSWORD = "demo-tickets-2026"  # of the demo, as the README has it
LAST_PLACES, LINE = "Supper Club", "An Evening with Adaeze Nwosu"
WINDOWS = ({"width": 1280, "height": 800}, {"width": 375, "height": 720})
SCHEMES: tuple[Any, ...] = ("light", "dark")
WIDEST = 1600  # pixels of a picture
LARGEST = 150_000  # bytes
QUALITIES = (85, 70, 55, 40)
START_SECONDS = 120
PATIENCE = 30_000  # milliseconds
SETTLED = 600  # milliseconds, in which numbers and rings come to rest


@contextmanager
def demo() -> Iterator[str]:
    """Serve the demo as `make run` does, from a database of its own; yield its address."""
    with tempfile.TemporaryDirectory() as folder:
        port = str(free_port())
        own = {
            "SECRET_KEY": secrets.token_urlsafe(48), "DEBUG": "on", "HTTPS": "off", "ALLOWED_HOSTS": "", "PORT": port,
            "DATABASE_URL": f"sqlite:///{folder}/demo.sqlite3", "MEDIA_ROOT": folder, "EMAIL_URL": "dummymail://",
            "REDIS_URL": "", "GOOGLE_CLIENT_ID": "", "VAPID_PRIVATE_KEY": "", "SITE_URL": "", "TIME_ZONE": "UTC",
        }  # fmt: skip
        with subprocess.Popen([sys.executable, "-m", "tools.run"], cwd=ROOT, env=os.environ | own) as server:
            try:
                _wait_for(f"http://127.0.0.1:{port}", server)
                yield f"http://127.0.0.1:{port}"
            finally:
                server.terminate()


def _wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{address}/healthz").close()  # nosec B310 -- our own server
        except urllib.error.URLError:
            time.sleep(0.3)
        else:
            return
    sys.exit("The demo did not start: try make run.")


class Visitors:
    """People before the demo, each in a browser's context of their own."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser, self._address = browser, address

    def page(self, **options: Any) -> Page:
        """Open a page of somebody who is not logged in."""
        known: dict[str, Any] = {"base_url": self._address, "locale": "en-GB", "timezone_id": "UTC"}
        known |= {"viewport": WINDOWS[1], "device_scale_factor": 2} | options
        page = self._browser.new_context(**known).new_page()
        page.set_default_timeout(PATIENCE)
        return page

    def log_in(self, name: str, **options: Any) -> Page:
        """Open a page of one of the demo's cast."""
        page = self.page(**options)
        page.goto("/accounts/login/")
        page.get_by_label("User name or e-mail").fill(name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Log in", exact=True).click()
        page.wait_for_url("**/dashboard/")
        return page


def take(page: Page, name: str) -> None:
    """Take a page in each window and each scheme."""
    for window, scheme in itertools.product(WINDOWS, SCHEMES):
        page.set_viewport_size(window)  # type: ignore[arg-type]  # -- a dictionary of its own kind
        page.emulate_media(color_scheme=scheme)
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_timeout(SETTLED)
        _store(page, f"{name}-{window['width']}-{scheme}")


def _store(page: Page, name: str) -> None:
    """Store what the window shows, as good as it may be large."""
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    picture.thumbnail((WIDEST, WIDEST), Image.Resampling.LANCZOS)
    file = FOLDER / f"{name}.webp"
    for quality in QUALITIES:
        picture.save(file, quality=quality, method=6)
        if file.stat().st_size < LARGEST:
            break
    print(f"{file.relative_to(ROOT)} ({file.stat().st_size >> 10} KiB)", flush=True)


def sell_out(visitors: Visitors, path: str) -> tuple[Page, Page]:
    """Film how the last places are sold; return the pages of alice and of greta, who stands at the gate later."""
    look = {"viewport": film.SIZE, "device_scale_factor": film.SCALE}
    alice, greta, olga = (visitors.log_in(name, **look) for name in ("alice", "greta", "olga"))  # a place held for each
    bob = visitors.log_in("bob", **look)  # and none for him
    for page in (alice, greta, olga, bob):
        page.goto(path)
    windows = film.Film({"Alice": alice, "Bob": bob})
    windows.roll()
    windows.press("Bob", "Join the line")
    expect(film.button(bob, "Leave the line")).to_be_visible()
    windows.roll()
    film.button(greta, "Book my ticket").click()
    windows.roll(frames=6)
    windows.press("Alice", "Book my ticket")
    alice.wait_for_url("**/ticket/*/")
    windows.roll(frames=5)
    film.button(olga, "Release this hold").click()
    expect(film.button(bob, "Book my ticket")).to_be_visible()
    windows.roll(frames=5)
    windows.press("Bob", "Book my ticket")
    bob.wait_for_url("**/ticket/*/")
    windows.roll()
    windows.save(FOLDER / "selling.webp")
    print(f"docs/pictures/selling.webp ({(FOLDER / 'selling.webp').stat().st_size >> 10} KiB)", flush=True)
    return alice, greta


def path_of(page: Page, name: str) -> str:
    """Return where an event of the list is."""
    page.goto("/")
    return str(page.get_by_role("link", name=name).first.get_attribute("href"))


def of_attendees(visitors: Visitors, known: Any, line: str, ticket: str) -> None:
    """Take what alice sees, who waits in one line, is held places and has a ticket."""
    page = visitors.page(storage_state=known)
    page.goto(line)
    film.button(page, "Join the line").click()
    expect(film.button(page, "Leave the line")).to_be_visible()
    page.goto(line)  # where no socket was open yet, the press led elsewhere
    take(page, "event")
    page.goto("/dashboard/")
    take(page, "dashboard")
    page.goto(ticket)
    take(page, "ticket")


def of_gate(visitors: Visitors, known: Any, event: str, ticket: str) -> None:
    """Take what greta sees, who scans a ticket."""
    page = visitors.page(storage_state=known)
    page.goto(f"/checkin/?event={last_part(event)}&gate=North")
    page.get_by_label("Ticket code").fill(last_part(ticket))
    page.get_by_role("button", name="Check in", exact=True).click()
    expect(page.get_by_role("heading", name="Admitted", exact=True)).to_be_visible()
    _store(page, "admitted-375-light")  # at once: green goes away by itself
    expect(page.get_by_role("dialog")).to_be_hidden()
    take(page, "gate")


def last_part(address: str) -> str:
    """Return what an address ends with: the number of an event, the code of a ticket."""
    return address.strip("/").rpartition("/")[2]


def main() -> None:
    """Take them all."""
    if CHROMIUM is None:
        sys.exit("Chromium is missing: sudo apt-get install chromium.")
    FOLDER.mkdir(exist_ok=True)
    expect.set_options(timeout=PATIENCE)
    with demo() as address, sync_playwright() as playwright:
        visitors = Visitors(playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET), address)
        anybody = visitors.page()
        last_places, line = path_of(anybody, LAST_PLACES), path_of(anybody, LINE)
        alice, greta = sell_out(visitors, last_places)
        anybody.goto("/")
        take(anybody, "list")
        of_attendees(visitors, alice.context.storage_state(), line, alice.url)
        of_gate(visitors, greta.context.storage_state(), last_places, alice.url)
        olga = visitors.log_in("olga")
        olga.goto(f"/organize/{last_part(last_places)}/")
        take(olga, "organizer")


if __name__ == "__main__":
    main()
