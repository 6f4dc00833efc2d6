"""Pages look as they did: each is compared with a small picture of itself, in coarse strokes.

After a change that was meant, `SNAPSHOTS=new .venv/bin/python manage.py test core.tests.test_browser_snapshots` makes
the pictures anew. Look at them before you commit them.
"""

import datetime as dt
import io
import os
from collections.abc import Iterator
from pathlib import Path

from django.test import tag
from PIL import Image, ImageChops
from playwright.sync_api import Page

from core.tests.browser import BrowserTestCase
from core.tests.cast import book, join, make_event

FOLDER = Path(__file__).parent / "snapshots"
SIZES = {"phone": {"width": 375, "height": 812}, "desk": {"width": 1280, "height": 800}}
SCALE = 4  # of so many pixels each way one is made: a letter more or less is nothing
BLOCK = 8  # of these each way are compared as one
TOLERANCE = 60  # of 255, that a block may be lighter or darker in one color: another time of day is 35, a button 150
CHANGING = "time, [data-countdown], .opening__clock, [data-live-status], .qr, .code, svg.cover"  # drawn by an id
STARTS = dt.datetime(2031, 5, 16, 19, 30, tzinfo=dt.UTC)


@tag("face")
class SnapshotTests(BrowserTestCase):
    def stage(self) -> dict[str, str]:
        """Make a sale in which alice has a ticket, a hold and a place in line; return the pages to look at."""
        play = make_event(name="The Tempest", venue="Old Theatre", capacity=40, starts_at=STARTS, auto_hold=False)
        concert = make_event(name="Winter Concert", venue="Town Hall", capacity=3, starts_at=STARTS, auto_hold=False)
        talk = make_event(name="Last Lecture", venue="Aula", capacity=1, starts_at=STARTS, auto_hold=False)
        ticket = book(play, self.alice)
        join(concert, self.alice)
        join(talk, self.bob)
        join(talk, self.alice)
        return {
            "list": "/",
            "dashboard": "/dashboard/",
            "held": concert.get_absolute_url(),
            "waiting": talk.get_absolute_url(),
            "ticket": ticket.page_url,
            "fairness": f"/events/{talk.pk}/fairness/",
            "activity": "/account/activity/",
            "form": "/accounts/password/reset/",
        }

    def windows(self) -> Iterator[tuple[str, Page]]:
        """Yield alice's windows: of a phone and of a desk, in the light and in the dark."""
        for name, size in SIZES.items():
            page = self.window(viewport=size, reduced_motion="reduce")
            self.log_in(page, self.alice)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                yield f"{name}-{scheme}", page

    def test_pages_look_as_they_did(self) -> None:
        pages = self.stage()
        for window, page in self.windows():
            for name, path in pages.items():
                with self.subTest(page=name, window=window):
                    page.goto(path)
                    page.wait_for_load_state("networkidle")
                    seen = page.screenshot(mask=[page.locator(CHANGING)], animations="disabled")
                    self.compare(Image.open(io.BytesIO(seen)).convert("RGB"), FOLDER / f"{name}-{window}.png")

    def compare(self, seen: Image.Image, file: Path) -> None:
        """Compare what is seen with a file, or keep it there where that is wanted."""
        small = seen.reduce(SCALE)
        if os.environ.get("SNAPSHOTS") == "new":
            FOLDER.mkdir(exist_ok=True)
            small.quantize(256).save(file, optimize=True)
            return
        with Image.open(file) as kept:
            self.assertEqual(small.size, kept.size)
            differs = ImageChops.difference(small.reduce(BLOCK), kept.convert("RGB").reduce(BLOCK))
        worst = max(most for _, most in differs.getextrema())  # type: ignore[misc]
        if worst > TOLERANCE and (folder := os.environ.get("SCREENSHOTS")):
            seen.save(Path(folder, file.name))
        self.assertLessEqual(worst, TOLERANCE, f"{file.name} looks otherwise (SCREENSHOTS=folder keeps what was seen)")
