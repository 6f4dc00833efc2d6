"""docs/security.md is whole: each requirement has a row, each row a state, each test exists; what is open is told."""

import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.test import SimpleTestCase

PAGE = Path(settings.BASE_DIR, "docs", "security.md")
TESTS = Path(settings.BASE_DIR, "core", "tests")
# OWASP ASVS 5.0.0, levels 1 and 2; 15.4 with level 3; V9 for codes of tickets; of V10 what concerns clients.
REQUIRED = """
1.1.1-2 1.2.1-9 1.3.1-11 1.4.1-3 1.5.1-2
2.1.1-3 2.2.1-3 2.3.1-4 2.4.1
3.2.1-2 3.3.1-4 3.4.1-6 3.5.1-5 3.7.1-2
4.1.1-3 4.2.1 4.3.1-2 4.4.1-4
5.1.1 5.2.1-3 5.3.1-2 5.4.1-3
6.1.1-3 6.2.1-12 6.3.1-4 6.4.1-4 6.5.1-5 6.6.1-3 6.8.1-4
7.1.1-3 7.2.1-4 7.3.1-2 7.4.1-5 7.5.1-2 7.6.1-2
8.1.1-2 8.2.1-3 8.3.1 8.4.1
9.1.1-3 9.2.1-4
10.1.1-2 10.2.1-2 10.5.1-5
11.1.1-2 11.2.1-3 11.3.1-3 11.4.1-4 11.5.1 11.6.1
12.1.1-3 12.2.1-2 12.3.1-4
13.1.1 13.2.1-5 13.3.1-2 13.4.1-5
14.1.1-2 14.2.1-4 14.3.1-3
15.1.1-3 15.2.1-3 15.3.1-7 15.4.1-4
16.1.1 16.2.1-5 16.3.1-4 16.4.1-3 16.5.1-3
17.1-3
"""
STATES = ("by inspection", "**open**", "n/a")
_ID = re.compile(r"\d+\.\d+(?:\.\d+)?(?:[-–]\d+)?")
_TEST = re.compile(r"`(test_\w+)(?:::(\w+))?`")


def numbers(text: str) -> list[str]:
    """Return the numbers that a text names, with each of a range such as `1.2.6-8`."""
    found = []
    for name in _ID.findall(text):
        first, _, last = name.replace("–", "-").partition("-")
        head, _, tail = first.rpartition(".")
        found += [f"{head}.{number}" for number in range(int(tail), int(last or tail) + 1)]
    return found


def section(title: str) -> str:
    """Return the text of the page below a heading, up to the next one of its rank."""
    return PAGE.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def cells(text: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the tables in a text, but for their heads."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    for row, after in zip(rows, [*rows[1:], []], strict=True):
        is_head = bool(after) and set("".join(after)) == {"-"}
        if not is_head and set("".join(row)) != {"-"}:
            yield [cell.strip() for cell in row]


class SecurityTableTests(SimpleTestCase):
    def setUp(self) -> None:
        self.rows = list(cells(section("The table")))

    def test_every_requirement_has_one_row_in_order(self) -> None:
        told = [number for row in self.rows for number in numbers(row[0])]
        self.assertEqual(told, numbers(REQUIRED))

    def test_every_row_says_what_is_asked_how_it_is_met_and_its_state(self) -> None:
        for row in self.rows:
            with self.subTest(id=row[0]):
                self.assertEqual((len(row), all(row)), (4, True))
                tests = [_TEST.fullmatch(part) for part in row[-1].split(", ")]
                self.assertTrue(row[-1] in STATES or all(tests), row[-1])

    def test_every_test_that_is_named_exists(self) -> None:
        named = set(_TEST.findall(PAGE.read_text()))
        self.assertNotEqual(named, set())
        for file, name in named:
            with self.subTest(file=file, name=name):
                path = TESTS / f"{file}.py"
                self.assertTrue(path.is_file(), path)
                self.assertTrue(not name or re.search(rf"^class {name}\(", path.read_text(), re.MULTILINE), name)

    def test_every_file_that_is_named_exists(self) -> None:
        text = PAGE.read_text()
        linked = {PAGE.parent / name for name in re.findall(r"\]\(([\w./-]+)\)", text)}
        named = {Path(settings.BASE_DIR, name) for name in re.findall(r"`((?:core|deploy|docs)/[\w./-]+\.\w+)`", text)}
        self.assertEqual([path for path in linked | named if not path.exists()], [])

    def test_what_is_open_is_in_the_list_at_the_top_and_nothing_else(self) -> None:
        is_open = [number for row in self.rows if row[-1] == "**open**" for number in numbers(row[0])]
        listed = [number for row in cells(section("Open")) for number in numbers(row[1])]
        self.assertEqual(sorted(listed), sorted(is_open))
