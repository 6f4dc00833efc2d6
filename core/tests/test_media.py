"""Images of events, which the application serves itself, and nothing else of the media folder."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from django.test import SimpleTestCase
from django.urls import get_resolver

from .visits import visit


class MediaTests(SimpleTestCase):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        events = Path(folder.name, "events")
        events.mkdir()
        (events / "poster.png").write_bytes(b"a picture")
        Path(folder.name, "secret.txt").write_text("secret")
        patterns: list[Any] = get_resolver().url_patterns
        pattern = next(pattern for pattern in patterns if str(pattern.pattern).startswith("media/events/"))
        moved = patch.dict(pattern.default_args, {"document_root": events})
        moved.start()
        self.addCleanup(moved.stop)

    def test_an_image_is_served_without_debug(self) -> None:
        response = visit().get("/media/events/poster.png")
        self.assertEqual((response.status_code, response.headers["Content-Type"]), (200, "image/png"))
        self.assertEqual(response.headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(b"".join(response.streaming_content), b"a picture")  # type: ignore[attr-defined]  # -- a file

    def test_nothing_beside_the_images_is_served_and_nothing_is_listed(self) -> None:
        paths = (
            "/media/secret.txt",
            "/media/events/../secret.txt",
            "/media/events/%2e%2e/secret.txt",
            "/media/events/",
        )
        self.assertEqual([visit().get(path).status_code for path in paths], [404, 400, 400, 404])
