"""Two windows side by side, as one moving picture: what is pressed in one is seen in the other."""

import io
import re
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Locator, Page

SIZE = {"width": 375, "height": 760}
SCALE = 1.5
GAP, HEAD = 24, 48  # pixels
STEP = 250  # milliseconds between two frames
LASTS = 1_800  # of what is to be read
PRESSED = 700
END = 3_500
GROUND, INK, MARK = "#e4e7f5", "#1c2143", "#d6336c"
LARGEST = 1_500_000  # bytes
QUALITIES = (75, 60, 45, 30)


def button(page: Page, label: str) -> Locator:
    """Return what is pressed; names of buttons go on with the event's, for those who do not see it."""
    return page.get_by_role("main").get_by_role("button", name=re.compile(f"^{label}")).first


class Film:
    """Windows of two people, by name, and the frames so far with how long each lasts, in milliseconds."""

    def __init__(self, windows: dict[str, Page]) -> None:
        self._windows = windows
        self._frames: list[tuple[Image.Image, int]] = []

    def roll(self, frames: int = 3, last: int = LASTS) -> None:
        """Take what happens now, and let the end of it stand to be read."""
        for _ in range(frames):
            self._add(self._shot(), STEP)
            next(iter(self._windows.values())).wait_for_timeout(STEP)
        self._add(self._shot(), last)

    def press(self, name: str, label: str) -> None:
        """Press a button in one window; a ring shows where."""
        pressed = button(self._windows[name], label)
        pressed.scroll_into_view_if_needed()
        if box := pressed.bounding_box():
            left = list(self._windows).index(name) * (round(SIZE["width"] * SCALE) + GAP) + GAP
            x, y = left + SCALE * (box["x"] + box["width"] / 2), HEAD + SCALE * (box["y"] + box["height"] / 2)
            frame = self._shot()
            ImageDraw.Draw(frame).ellipse((x - 32, y - 32, x + 32, y + 32), outline=MARK, width=7)
            self._add(frame, PRESSED)
        pressed.click()

    def save(self, file: Path) -> None:
        """Write the film, as good as it may be large."""
        first, *others = (frame for frame, _ in self._frames)
        lasts = [lasts for _, lasts in self._frames[:-1]] + [END]
        for quality in QUALITIES:
            first.save(
                file, save_all=True, append_images=others, duration=lasts, loop=0, quality=quality, method=6,
                minimize_size=True,
            )  # fmt: skip
            if file.stat().st_size < LARGEST:
                return

    def _add(self, frame: Image.Image, lasts: int) -> None:
        if self._frames and self._frames[-1][0].tobytes() == frame.tobytes():
            frame, before = self._frames.pop()
            lasts += before
        self._frames.append((frame, lasts))

    def _shot(self) -> Image.Image:
        wide, high = round(SIZE["width"] * SCALE), round(SIZE["height"] * SCALE)
        frame = Image.new("RGB", (len(self._windows) * (wide + GAP) + GAP, high + HEAD + GAP), GROUND)
        draw = ImageDraw.Draw(frame)
        for place, (name, page) in enumerate(self._windows.items()):
            left = GAP + place * (wide + GAP)
            draw.text((left, HEAD / 2), name, INK, ImageFont.load_default(26), anchor="lm")
            frame.paste(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), (left, HEAD))
        return frame
