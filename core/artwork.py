"""The picture of an event that has none of its own, drawn from its id and its name alone.

On its page it is a drawing in the page itself, which costs no request while a sale opens; for previews of links a PNG,
with the name written on it.
"""

import colorsys
import hashlib
import io
import threading
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from . import letters
from .models import Event

SIZE = (1200, 630)  # pixels, as previews of links have them
EDITION = b"2"  # another one where the drawing changes: pictures are kept by others for a year
MARGIN = 90
SIZES = (104, 88, 72, 60, 50)  # of letters, the largest first
MOST_LINES = 4
DARK, LIGHT = 90, 150  # of 255, the brightest the ground and the shapes get, so that white letters can be read
PLAIN = str.maketrans("‘’“”–—", "''\"\"--")
JOINS_NOT = "\u200c"  # without it words of Persian would be others
TWICE = 2  # drawn as large, shapes have smooth edges
GRID = (TWICE * SIZE[0], TWICE * SIZE[1])  # in which rings are placed

_drawing = threading.Lock()


@dataclass(frozen=True)
class Ring:
    """A circle on the `GRID`: its middle, its outer radius, how wide its line is, and its gray, of 255."""

    x: int
    y: int
    radius: int
    width: int
    shade: int

    @property
    def middle(self) -> float:
        """The radius to the middle of its line, which is where SVG draws one."""
        return self.radius - self.width / 2


@dataclass(frozen=True)
class Drawing:
    """The picture for a page: the colors of the ground at its top and its bottom, and the rings with theirs."""

    top: str
    bottom: str
    rings: list[tuple[Ring, str]]
    width, height = GRID


def drawing_of(event: Event) -> Drawing:
    """Return what a page draws (parts/artwork.html)."""
    seed = _seed(event.pk, event.name)
    rings = [(ring, _hex(seed, ring.shade)) for ring in _rings(seed)]
    return Drawing(_hex(seed, 0), _hex(seed, DARK), rings)


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
    picture.putpalette(_palette(seed))
    png = io.BytesIO()
    picture.save(png, "PNG")
    return png.getvalue()


def _ground(seed: bytes) -> Any:
    """Return circles on a ground that grows lighter, in grays: their colors come last, by the palette."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 -- as in documents.py

    picture = Image.linear_gradient("L").resize(GRID).point([n * DARK // 255 for n in range(256)])
    draw = ImageDraw.Draw(picture)
    for ring in _rings(seed):
        around = (ring.x - ring.radius, ring.y - ring.radius, ring.x + ring.radius, ring.y + ring.radius)
        draw.ellipse(around, outline=ring.shade, width=ring.width)
    return picture.reduce(TWICE)


def _rings(seed: bytes) -> list[Ring]:
    wide, high = GRID
    rings = []
    for at, across, size in zip(seed[1:5], seed[5:9], seed[9:12] + seed[:1], strict=True):
        radius, shade = high // 8 + high * size // 600, DARK + (LIGHT - DARK) * size // 255
        rings.append(Ring(wide * at // 255, high * across // 255, radius, radius // 5, shade))
    return rings


def _palette(seed: bytes) -> list[int]:
    """Return red, green and blue of each gray."""
    return [part for shade in range(256) for part in _color(seed, shade)]


def _color(seed: bytes, shade: int) -> list[int]:
    """Return red, green and blue of a gray: from a dark color over another to white."""
    beyond = max(0, shade - LIGHT) / (255 - LIGHT)
    below = min(shade, LIGHT) / LIGHT
    hue = (seed[0] / 256 + 0.12 * below) % 1
    return [round(255 * part) for part in colorsys.hls_to_rgb(hue, 0.14 + 0.3 * below + 0.56 * beyond, 0.55)]


def _hex(seed: bytes, shade: int) -> str:
    return "#{:02x}{:02x}{:02x}".format(*_color(seed, shade))


def written(name: str) -> str:
    """Return what of a name can be written: letters, digits, marks and punctuation; no signs, which are pictures."""
    plain = unicodedata.normalize("NFKC", name).translate(PLAIN)
    kept = "".join(letter for letter in plain if letter.isspace() or _is_written(letter))
    return " ".join(kept.split()) if any(letter.isalnum() for letter in kept) else ""


def _is_written(letter: str) -> bool:
    return letter == JOINS_NOT or unicodedata.category(letter)[0] in "LMNP"


def _font_for(text: str) -> Callable[[float], Any] | None:
    """Return what makes a font of a size that has all letters of a text; None where this machine has none.

    Pillow's own has those of ASCII.
    """
    from PIL import ImageFont  # noqa: PLC0415 -- as in documents.py

    if text.isascii():
        return ImageFont.load_default
    face = letters.face_for(text)
    return partial(ImageFont.truetype, face.file, index=face.index) if face else None


def _write(draw: Any, text: str) -> None:
    """Write a name as large as it has room for, where its language begins, above the name of the site."""
    from PIL import ImageFont  # noqa: PLC0415 -- as in documents.py

    draw.text((MARGIN, SIZE[1] - MARGIN), "Box Office", fill=255, font=ImageFont.load_default(36), anchor="lb")
    made = _font_for(text)
    if made is None:
        return  # a name without some of its letters would be another
    width = SIZE[0] - 2 * MARGIN
    for size in SIZES:
        font = made(size)
        lines = _lines(text, lambda part, font=font: font.getlength(part) <= width)
        if len(lines) <= MOST_LINES:
            break
    left = {"xy": (MARGIN, MARGIN), "anchor": "la", "align": "left"}
    right = {"xy": (SIZE[0] - MARGIN, MARGIN), "anchor": "ra", "align": "right"}
    place: dict[str, Any] = right if _is_right_to_left(text) else left
    draw.multiline_text(text="\n".join(lines[:MOST_LINES]), fill=255, font=font, spacing=size // 4, **place)


def _is_right_to_left(text: str) -> bool:
    """Return whether the first letter that has a direction goes to the left (Unicode, UAX 9, P2 and P3)."""
    directions = (unicodedata.bidirectional(letter) for letter in text)
    return next((way for way in directions if way in {"L", "R", "AL"}), "L") != "L"


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
