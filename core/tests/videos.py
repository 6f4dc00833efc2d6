"""Videos for the fake camera of Chromium: what a phone at the gate sees (YUV4MPEG2, which needs no encoder)."""

import io
import itertools
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image, ImageChops, ImageFilter

from core.documents import qr_png

SIZE = (640, 480)
FRAMES_A_SECOND = 5
BLANK = ""  # in place of a code: the wall behind
WALL = (118, 110, 96)
SIDE = 230  # pixels of the code, quiet zone included: a phone held at arm's length
# Its corners on the picture, clockwise from the upper left: turned by a few degrees, its right side further away.
CORNERS = ((210, 120), (432, 152), (410, 360), (182, 366))


def camera_arguments(path: Path) -> tuple[str, ...]:
    """Return what makes Chromium take a video, in an endless loop, for its only camera; it is read at each start."""
    return ("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={path}")


def qr_video(path: Path, codes: Sequence[str], seconds_each: float) -> None:
    """Write a video of tickets' codes, one after the other; `BLANK` among them is a pause."""
    count = math.ceil(seconds_each * FRAMES_A_SECOND)
    _write(path, itertools.chain.from_iterable(_shaken(_scene(code), count) for code in codes))


def dark_video(path: Path, *, seconds: float = 1) -> None:
    """Write a video of a covered lens."""
    _write(path, [Image.new("RGB", SIZE, (6, 6, 8))] * math.ceil(seconds * FRAMES_A_SECOND))


def _scene(code: str) -> Image.Image:
    wall = Image.new("RGB", SIZE, WALL)
    if code == BLANK:
        return wall
    with Image.open(io.BytesIO(qr_png(code))) as qr:
        square = qr.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    coefficients = _perspective(CORNERS)
    seen = square.transform(SIZE, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)
    mask = Image.new("L", (SIDE, SIDE), 255).transform(SIZE, Image.Transform.PERSPECTIVE, coefficients)
    wall.paste(ImageChops.multiply(seen, Image.new("RGB", SIZE, (215, 222, 235))), mask=mask)  # the light of a screen
    return wall.filter(ImageFilter.GaussianBlur(0.8))


def _shaken(scene: Image.Image, count: int) -> Iterable[Image.Image]:
    """Yield a scene as a hand and a cheap sensor have it: never twice at the same place, and with noise."""
    for number in range(count):
        moved = ImageChops.offset(scene, 3 * (number % 3), 2 * (number % 2))
        noise = Image.effect_noise(SIZE, 40).convert("RGB")
        yield Image.blend(moved, noise, 0.15)


def _perspective(corners: Sequence[tuple[float, float]]) -> list[float]:
    """Return Pillow's eight coefficients that put the square's corners at `corners`: a linear system, solved."""
    square = ((0, 0), (SIDE, 0), (SIDE, SIDE), (0, SIDE))
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(corners, square, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y, u], [0, 0, 0, x, y, 1, -v * x, -v * y, v]]
    for column in range(8):
        pivot = max(range(column, 8), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for row in range(8):
            if row != column:
                factor = rows[row][column]
                rows[row] = [value - factor * own for value, own in zip(rows[row], rows[column], strict=True)]
    return [row[8] for row in rows]


def _write(path: Path, frames: Iterable[Image.Image]) -> None:
    width, height = SIZE
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{FRAMES_A_SECOND}:1 Ip A1:1 C420jpeg\n".encode())
        for frame in frames:
            bright, *colors = frame.convert("YCbCr").split()
            halves = [color.resize((width // 2, height // 2), Image.Resampling.BOX) for color in colors]
            file.write(b"FRAME\n" + bright.tobytes() + b"".join(half.tobytes() for half in halves))
