"""The picture of an event that has none of its own, for previews of links: drawn from its id and its name alone."""

import colorsys
import hashlib
import io
import threading
import unicodedata
from functools import lru_cache
from typing import Any

from .models import Event

SIZE = (1200, 630)  # pixels, as previews of links have them
EDITION = b"1"  # another one where the drawing changes: pictures are kept by others for a year
MARGIN = 90
SIZES = (104, 88, 72, 60, 50)  # of letters, the largest first
MOST_LINES = 4
DARK, LIGHT = 90, 150  # of 255, the brightest the ground and the shapes get, so that white letters can be read
PLAIN = str.maketrans("‘’“”–—", "''\"\"--")
TWICE = 2  # drawn as large, shapes have smooth edges

_drawing = threading.Lock()


def mark_of(event: Event) -> str:
    """Return what the name of the picture's file says of what is on it."""
    return _seed(event.pk, event.name).hex()


def picture_of(event: Event) -> bytes:
    """Return the picture as PNG."""
    with _drawing:  # whoever waits for the same one finds it drawn
        return _drawn(event.pk, event.name)


def _seed(event_id: int, name: str) -> bytes:
    return hashlib.blake2b(f"{event_id} {name}".encode(errors="replace"), key=EDITION, digest_size=12).digest()


@lru_cache(maxsize=256)  # of about 20 kB each
def _drawn(event_id: int, name: str) -> bytes:
    from PIL import ImageDraw  # noqa: PLC0415 -- as in documents.py

    seed = _seed(event_id, name)
    picture = _ground(seed)
    _write(ImageDraw.Draw(picture), written(name))
    picture.putpalette(_palette(seed[0] / 256))
    png = io.BytesIO()
    picture.save(png, "PNG")
    return png.getvalue()


def _ground(seed: bytes) -> Any:
    """Return circles on a ground that grows lighter, in grays: their colors come last, by the palette."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 -- as in documents.py

    wide, high = (TWICE * length for length in SIZE)
    picture = Image.linear_gradient("L").resize((wide, high)).point([n * DARK // 255 for n in range(256)])
    draw = ImageDraw.Draw(picture)
    for at, across, size in zip(seed[1:5], seed[5:9], seed[9:12] + seed[:1], strict=True):
        x, y, radius = wide * at // 255, high * across // 255, high // 8 + high * size // 600
        shade = DARK + (LIGHT - DARK) * size // 255
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=shade, width=radius // 5)
    return picture.reduce(TWICE)


def _palette(hue: float) -> list[int]:
    """Return red, green and blue of each gray: from a dark color over another to white."""
    colors = []
    for n in range(256):
        lightness = 0.14 + 0.3 * n / LIGHT if n <= LIGHT else 0.44 + 0.56 * (n - LIGHT) / (255 - LIGHT)
        color = colorsys.hls_to_rgb((hue + 0.12 * min(n, LIGHT) / LIGHT) % 1, lightness, 0.55)
        colors += [round(255 * part) for part in color]
    return colors


def written(name: str) -> str:
    """Return a name in the letters that Pillow's own font has; empty where it has others as well."""
    plain = unicodedata.normalize("NFKC", name).translate(PLAIN)
    if any(letter.isalnum() and not letter.isascii() for letter in plain):
        return ""  # a name without its accents would be another
    kept = "".join(letter for letter in plain if letter.isascii() and letter.isprintable())
    return " ".join(kept.split())


def _write(draw: Any, text: str) -> None:
    """Write a name as large as it has room for, above the name of the site."""
    from PIL import ImageFont  # noqa: PLC0415 -- as in documents.py

    width = SIZE[0] - 2 * MARGIN
    for size in SIZES:
        font = ImageFont.load_default(size)
        lines = _lines(text, lambda part, font=font: font.getlength(part) <= width)
        if len(lines) <= MOST_LINES:
            break
    draw.multiline_text((MARGIN, MARGIN), "\n".join(lines[:MOST_LINES]), fill=255, font=font, spacing=size // 4)
    draw.text((MARGIN, SIZE[1] - MARGIN), "Box Office", fill=255, font=ImageFont.load_default(36), anchor="lb")


def _lines(text: str, fits: Any) -> list[str]:
    """Break a text between words, and within one that is longer than a line."""
    lines = [""]
    for word in text.split():
        if fits(f"{lines[-1]} {word}".strip()):
            lines[-1] = f"{lines[-1]} {word}".strip()
            continue
        lines.append("")
        for letter in word:
            if not fits(lines[-1] + letter):
                lines.append("")
            lines[-1] += letter
    return [line for line in lines if line]
