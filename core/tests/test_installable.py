"""The site, and its gate, can be kept on a phone's home screen: what a browser asks of a manifest is so."""

import json
import re
import struct
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import TestCase
from django.urls import resolve

from core.tests.cast import Cast
from core.tests.test_headers import directives_of
from core.tests.visits import BROWSER, visit

STATIC = Path(settings.BASE_DIR) / "core/static/core"
PNG = b"\x89PNG\r\n\x1a\n"


def manifests() -> dict[str, Any]:
    """Return the manifests by their names."""
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in STATIC.glob("*.webmanifest")}


def size_of(picture: bytes) -> str:
    """Return the size of a PNG as a manifest says it: `192x192`."""
    if not picture.startswith(PNG):
        raise AssertionError("This is no PNG.")
    return "{}x{}".format(*struct.unpack(">II", picture[16:24]))


class ManifestTests(Cast, TestCase):
    def linked(self, path: str) -> list[str]:
        page = visit(self.greta, headers=BROWSER).get(path).content.decode()
        return re.findall(r'<link rel="manifest"\s+href="[^"]*/core/(\w+)(?:\.\w+)?\.webmanifest"', page)

    def test_each_has_icons_of_the_sizes_it_says_that_any_shape_may_be_cut_from(self):
        for name, manifest in manifests().items():
            with self.subTest(manifest=name):
                said = {icon["sizes"]: icon for icon in manifest["icons"]}
                self.assertEqual({size_of((STATIC / icon["src"]).read_bytes()) for icon in said.values()}, set(said))
                self.assertLessEqual({"192x192", "512x512"}, set(said))
                self.assertEqual({icon["purpose"] for icon in said.values()}, {"any maskable"})

    def test_each_begins_at_a_page_of_its_own_scope(self):
        for name, manifest in manifests().items():
            with self.subTest(manifest=name):
                self.assertTrue(manifest["start_url"].startswith(manifest["scope"]))
                self.assertTrue(resolve(manifest["start_url"]).url_name)
                self.assertTrue(manifest["name"] and len(manifest["short_name"]) <= 12)
        self.assertEqual({manifest["id"] for manifest in manifests().values()}, {"/dashboard/", "/checkin/"})

    def test_a_page_has_one_manifest_and_the_gate_its_own(self):
        for path, name in {"/": "site", "/dashboard/": "site", "/accounts/email/": "site", "/checkin/": "gate"}.items():
            with self.subTest(path=path):
                self.assertEqual(self.linked(path), [name])

    def test_the_browser_may_load_it(self):
        policy = visit(headers=BROWSER).get("/").headers["Content-Security-Policy"]
        self.assertEqual(directives_of(policy)["manifest-src"], "'self'")

    def test_its_ground_is_that_of_the_pages(self):
        tokens = dict(re.findall(r"--([\w-]+): ([^;]+);", (STATIC / "css/tokens.css").read_text().split("@media")[0]))
        self.assertEqual({manifest["background_color"] for manifest in manifests().values()}, {tokens["page"]})
