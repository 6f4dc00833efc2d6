"""Pictures that are uploaded for events (RELIABILITY 4, "PDF and images"): nothing is stored but what was read."""

import io
import re
import struct
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import TestCase, override_settings
from PIL import Image

from core import documents, pictures
from core.models import Event, User

from .cast import Cast, later, make_event
from .desk import at_desk, errors_of, filled, make_administrator

ADD = "/admin/core/event/add/"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(/etc/passwd) run\n%%EOF\n"
MODEL = 272  # the tag of EXIF that names the camera


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: Any) -> bytes:
    content = io.BytesIO()
    Image.new(mode, size, "red").save(content, kind, **options)
    return content.getvalue()


def part_of_png(name: bytes, data: bytes = b"") -> bytes:
    """Return a chunk of a PNG, with its length and its sum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def huge(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes that says to have so many pixels."""
    head = part_of_png(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + part_of_png(b"IDAT", zlib.compress(b"\0" * 99)) + part_of_png(b"IEND")


def photograph() -> bytes:
    """Return a JPEG that was taken upright, and tells by which camera and where."""
    exif = Image.Exif()
    exif[274] = 6  # turn by 90 degrees
    exif[MODEL] = "Alice's camera"
    exif.get_ifd(0x8825)[1] = "N"
    return picture("JPEG", exif=exif)


class PictureTests(Cast, TestCase):
    root: User

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.root = make_administrator()

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(TemporaryDirectory()))
        self.enterContext(override_settings(MEDIA_ROOT=self.folder))
        self.browser = at_desk(self.root)

    def upload(self, content: bytes, name: str = "poster.png", kind: str = "image/png") -> Any:
        moment = later(days=3)
        when = {"starts_at_0": f"{moment:%Y-%m-%d}", "starts_at_1": "20:00:00"}
        form: dict[str, Any] = (
            filled(self.browser.get(ADD)) | {"name": "Opera", "venue": "House", "capacity": "9"} | when
        )
        return self.browser.post(ADD, form | {"image": SimpleUploadedFile(name, content, kind)})

    def stored(self) -> bytes:
        return Path(self.folder, str(Event.objects.get().image.name)).read_bytes()

    def test_what_is_no_picture_is_said_so_and_nothing_is_stored(self) -> None:
        for content, name in (
            (SVG, "poster.svg"), (SVG, "poster.png"), (EPS, "poster.eps"), (EPS, "poster.png"), (b"", "poster.png"),
            (b"%PDF-1.7 ...", "poster.pdf"), (b"<?php system('id');", "poster.php"), (picture()[:40], "poster.png"),
            (picture(), "poster.php"), (picture(), "poster.html"), (picture(), "poster"), (picture("TIFF"), "p.tiff"),
            (picture("BMP"), "poster.bmp"), (picture("PDF"), "poster.pdf"), (huge(20_000, 20_000), "poster.png"),
            (huge(9000, 9000), "poster.png"), (huge(2**31 - 1, 1), "poster.png"), (picture(), "x" * 300 + ".png"),
        ):  # fmt: skip
            with self.subTest(name=name[:20], content=content[:20]):
                response = self.upload(content, name)
                self.assertEqual((response.status_code, list(errors_of(response))), (200, ["image"]))
        self.assertEqual((Event.objects.count(), list(self.folder.rglob("*.*"))), (0, []))

    def test_a_profile_of_colors_that_breaks_off_is_no_fault(self) -> None:
        png = picture()
        response = self.upload(png[:-12] + part_of_png(b"iCCP", b"name\0") + png[-12:])
        self.assertEqual(errors_of(response), {"image": [str(pictures.UNREADABLE)]})

    def test_its_name_is_ours(self) -> None:
        for name in ("shell.php.png", "../../etc/cron.png", "مهرجان.png", "a b%00.png", "<script>.png"):
            with self.subTest(name=name):
                Event.objects.all().delete()
                self.upload(picture(), name)
                self.assertTrue(re.fullmatch(r"events/[0-9a-f]{32}\.jpg", str(Event.objects.get().image.name)))

    def test_where_and_by_what_it_was_taken_is_not_stored_and_it_is_turned(self) -> None:
        self.upload(photograph(), "photo.jpg", "image/jpeg")
        with Image.open(io.BytesIO(self.stored())) as image:
            self.assertEqual((image.size, dict(image.getexif())), ((30, 40), {}))
        self.assertNotIn(b"Alice", self.stored())

    def test_what_stands_behind_or_beside_the_pixels_is_not_stored(self) -> None:
        for kind in ("PNG", "GIF", "WEBP", "JPEG"):
            with self.subTest(kind=kind):
                Event.objects.all().delete()
                self.upload(picture(kind, comment=b"<script>x</script>") + b"<script>alert(1)</script><?php x", "a.png")
                self.assertNotIn(b"script", self.stored())

    def test_transparency_stays_and_large_ones_become_smaller(self) -> None:
        self.upload(picture("PNG", (4800, 600), "RGBA"))
        with Image.open(io.BytesIO(self.stored())) as image:
            self.assertEqual((image.format, image.size, image.mode), ("PNG", (2400, 300), "RGBA"))

    def test_an_event_keeps_its_picture_when_something_else_is_changed(self) -> None:
        self.upload(picture())
        event, before = Event.objects.get(), self.stored()
        page = f"/admin/core/event/{event.pk}/change/"
        self.browser.post(page, filled(self.browser.get(page)) | {"venue": "Church"})
        self.assertEqual((Event.objects.get().venue, Event.objects.get().image.name), ("Church", event.image.name))
        self.assertEqual(self.stored(), before)

    def test_a_picture_that_was_put_there_otherwise_keeps_nobody_from_their_ticket(self) -> None:
        event = make_event(image="events/poster.png")
        Path(self.folder, "events").mkdir()
        for content in (huge(20_000, 20_000), huge(9000, 9000), EPS, SVG, b""):
            Path(self.folder, "events", "poster.png").write_bytes(content)
            with self.subTest(content=content[:20]), self.assertLogs("core.documents", "WARNING"):
                self.assertEqual(documents._picture(event), "")
