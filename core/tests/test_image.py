"""What is in the image of docker-compose.yml: nothing of development, and all that it starts (ASVS 15.2.3)."""

import ast
import re
from pathlib import Path

from django.conf import settings
from django.test import SimpleTestCase

ROOT = Path(settings.BASE_DIR)
OF_DEVELOPMENT = ("bench", "core/tests", "docs", "deploy", ".git", ".ci", ".secrets.baseline", "tools/counting.py",
                  "requirements-dev.txt", "requirements-bench.txt", "Makefile", ".env", ".venv")  # fmt: skip
IS_STARTED = ("manage.py", "requirements.txt", "event_ticketing/wsgi.py", "event_ticketing/asgi.py", "core/frames.py",
              "core/fairness/verify_ledger.py", "tools/__init__.py", "tools/healthcheck.py")  # fmt: skip


def is_left_out(name: str) -> bool:
    """Return whether .dockerignore keeps a file out of the image; as Docker has it, the last line that fits counts."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    left_out = False
    for line in lines:
        pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if re.fullmatch(rf"{pattern}(?:/.*)?", name):
            left_out = not line.startswith("!")
    return left_out


def imported_by(name: str) -> set[str]:
    """Return the files of ours that a program may import, by name: modules, and packages as their `__init__.py`."""
    package = ["", *Path(name).parent.parts]
    asked: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.Import):
            asked |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[1 : len(package) + 1 - node.level] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            asked |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    files = {f"{one.replace('.', '/')}{ending}" for one in asked for ending in (".py", "/__init__.py")}
    return {file for file in files if (ROOT / file).is_file()}


class ImageTests(SimpleTestCase):
    def test_nothing_of_development_is_in_it(self) -> None:
        self.assertEqual([name for name in OF_DEVELOPMENT if not is_left_out(name)], [])

    def test_what_is_started_in_it_is(self) -> None:
        self.assertEqual([name for name in IS_STARTED if is_left_out(name)], [])
        self.assertEqual([name for name in IS_STARTED if not (ROOT / name).is_file()], [])

    def test_what_serves_imports_nothing_that_is_left_out(self) -> None:
        names = [
            str(file.relative_to(ROOT)) for part in ("core", "event_ticketing") for file in ROOT.glob(f"{part}/**/*.py")
        ]
        serving = [name for name in [*names, *IS_STARTED] if name.endswith(".py") and not is_left_out(name)]
        self.assertLess({"core/views/lookup.py", "core/http.py"}, imported_by("core/views/attendee.py"))
        missed = {name: {one for one in imported_by(name) if is_left_out(one)} for name in serving}
        self.assertEqual({name: ones for name, ones in missed.items() if ones}, {})
