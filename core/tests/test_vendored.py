"""What comes from elsewhere is what its README says, and the storage of production finds it under its new name."""

import hashlib
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.test import SimpleTestCase

from event_ticketing.storage import StaticStorage

STATIC = Path(settings.BASE_DIR, "core/static")
VENDOR = STATIC / "core/vendor"
PACKAGES = ("zxing-wasm",)
IMPORT = re.compile(r"""(?:\bfrom\s*|\bimport\s*\(?\s*)["'](?P<name>[^"'\n]+\.m?js)["']""")


class VendoredTests(SimpleTestCase):
    def test_these_are_the_packages_and_each_has_its_license(self) -> None:
        self.assertEqual(sorted(folder.name for folder in VENDOR.iterdir()), sorted(PACKAGES))
        for package in PACKAGES:
            self.assertIn("Permission is hereby granted", (VENDOR / package / "LICENSE").read_text())

    def test_every_file_is_as_it_was_published(self) -> None:
        for package in PACKAGES:
            folder = VENDOR / package
            rows = re.findall(
                r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", (folder / "README.md").read_text(), re.MULTILINE
            )
            files = [file for file in folder.rglob("*") if file.suffix in {".js", ".wasm"}]
            sums = {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
            self.assertEqual(dict(rows), sums)

    def test_nothing_of_it_runs_text_as_a_program(self) -> None:
        risky = re.compile(r"\beval\(|\bnew Function\b|document\.write\(|\.innerHTML\s*=")
        for file in VENDOR.rglob("*.js"):
            with self.subTest(file=file.name):
                self.assertEqual(risky.findall(file.read_text()), [])


class StorageTests(SimpleTestCase):
    def test_every_import_of_a_module_leads_to_a_file_with_a_far_future_name(self) -> None:
        scripts = [str(file.relative_to(STATIC)) for file in STATIC.rglob("*.js")]
        with TemporaryDirectory() as folder:
            for name in scripts:
                Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(STATIC / name, Path(folder, name))
            storage = StaticStorage(location=folder, base_url="/static/")
            for name, _, processed in storage.post_process({name: (storage, name) for name in scripts}):
                self.assertNotIsInstance(processed, Exception, name)
            imports = [
                (name, Path(folder, storage.stored_name(name)).parent / match["name"])
                for name in scripts
                for match in IMPORT.finditer(Path(folder, storage.stored_name(name)).read_text())
            ]
        self.assertGreater(len(imports), 30)
        lost = [f"{name}: {path.name}" for name, path in imports if not re.search(r"\.[0-9a-f]{12}\.js$", path.name)]
        self.assertEqual(lost, [])
