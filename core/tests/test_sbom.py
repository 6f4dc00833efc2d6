"""The list of what the application is made of (`make sbom`) has each part, and is one that programs can read."""

import json
import re
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from django.conf import settings
from django.test import SimpleTestCase

from tools import sbom


class BillTests(SimpleTestCase):
    def test_every_pinned_package_is_in_it_with_its_version_and_sums(self) -> None:
        text = Path(settings.BASE_DIR, "requirements.txt").read_text()
        pinned = re.findall(r"^([^\s=]+)==(\S+)", text, re.MULTILINE)
        parts = list(sbom.pinned())
        self.assertEqual([(part["name"], part["version"]) for part in parts], pinned)
        self.assertEqual(sum(len(part["hashes"]) for part in parts), text.count("--hash=sha256:"))
        django = next(part for part in parts if part["name"] == "django")
        self.assertEqual((django["purl"], django["scope"]), (f"pkg:pypi/django@{django['version']}", "required"))
        self.assertIn("optional", {part["scope"] for part in parts})

    def test_so_is_what_is_vendored(self) -> None:
        folders = {folder.name for folder in sbom.VENDORED.iterdir()}
        self.assertEqual({part["name"] for part in sbom.vendored()}, folders)
        self.assertTrue(all(part["hashes"] for part in sbom.vendored()))

    def test_it_is_what_the_standard_asks_for(self) -> None:
        problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(sbom.bill()))
        self.assertIsNone(problem)
