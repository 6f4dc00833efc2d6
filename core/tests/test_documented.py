"""The documents and the program say the same: commands, settings, targets of make, links, and the words on pages."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.test import SimpleTestCase

ROOT = Path(settings.BASE_DIR)
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference.md"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])
GUIDES = ("attendee-guide.md", "gate-guide.md", "organizer-guide.md")
_READ = re.compile(
    r"""(?:\b(?:env\.\w+|number|switch)\(|\benviron(?:\.(?:get|pop)\(|\[)|\bgetenv\()\s*["']([A-Z_]+)["']"""
    r"""(?!\]\s=\s)"""  # to hand one on to a program is not to read it
)


def rows(section: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the tables below a heading of the reference."""
    text = REFERENCE.read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    assert text, section
    for line in text.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def named(section: str, pattern: str) -> list[str]:
    """Return what the first column below a heading names, in code, as often as it does."""
    return [name for first, *_ in rows(section) for code in re.findall(r"`([^`]+)`", first)
            for name in re.findall(pattern, code)]  # fmt: skip


def sources(*folders: str) -> str:
    """Return the text of all programs in these folders."""
    return "\n".join(file.read_text() for folder in folders for file in sorted((ROOT / folder).rglob("*.py")))


def without_code(text: str) -> str:
    """Return a page without what stands in code, where brackets and stars are no marks."""
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)


def targets() -> set[str]:
    """Return what `make` can be asked for."""
    lines = re.findall(r"^([a-z][a-z -]*):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return {name for line in lines for name in line.split()}


class CommandTests(SimpleTestCase):
    def own(self) -> dict[str, Any]:
        return {name: load_command_class(app, name) for name, app in get_commands().items() if app == "core"}

    def options(self, command: BaseCommand) -> set[str]:
        """Return the options of a command, those included that every command has."""
        parser = command.create_parser("manage.py", "x")
        return {option for action in parser._actions for option in action.option_strings}

    def test_every_command_is_in_the_reference_and_nothing_else(self):
        self.assertEqual(sorted(set(named("Commands", r"^[a-z_]+"))), sorted(self.own()))

    def test_so_is_every_option_of_our_own(self):
        general = self.options(BaseCommand())
        told: dict[str, set[str]] = {}
        for first, *_ in rows("Commands"):
            for code in re.findall(r"`([^`]+)`", first):
                told.setdefault(code.split()[0], set()).update(re.findall(r"--[a-z-]+", code))
        for name, command in self.own().items():
            has = self.options(command) - general if "add_arguments" in vars(type(command)) else set()
            with self.subTest(command=name):
                self.assertEqual(told[name], has)

    def test_every_command_that_a_page_runs_exists(self):
        run = {(page.name, name) for page in PAGES for name in re.findall(r"manage\.py ([a-z_]+)", page.read_text())}
        self.assertIn(("operations.md", "doctor"), run)
        self.assertEqual({(page, name) for page, name in run if name not in get_commands()}, set())


class SettingTests(SimpleTestCase):
    def test_every_setting_is_in_the_reference_once_and_nothing_else(self):
        read = set(_READ.findall(sources("event_ticketing")))
        asked_by_docker = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
        self.assertLessEqual({"SECRET_KEY", "PORT", "HTTPS", "HOLD_MINUTES", "METRICS_DIR"}, read)
        self.assertEqual(sorted(named("Settings", r"^[A-Z_]+$")), sorted(read | asked_by_docker))

    def test_the_example_has_the_same_ones(self):
        example = re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
        self.assertEqual(sorted(named("Settings", r"^[A-Z_]+$")), sorted(example))

    def test_numbers_have_the_defaults_that_it_tells(self):
        told = {first.strip("`"): default.strip("`") for first, default, *_ in rows("Settings")}
        numbers = dict(re.findall(r'\bnumber\("([A-Z_]+)", ([\d_]+)', sources("event_ticketing")))
        self.assertLessEqual({"HOLD_MINUTES", "SOCKETS_PER_PROCESS"}, numbers.keys())
        self.assertEqual({name: told[name] for name in numbers}, {n: d.replace("_", "") for n, d in numbers.items()})

    def test_what_tests_and_measurements_read_is_there_as_well(self):
        everywhere = set(_READ.findall(sources("core", "tools", "bench"))) - {"PATH"}  # the system's
        read = everywhere - set(named("Settings", r"^[A-Z_]+$"))
        self.assertEqual(sorted(named("Settings of tests and measurements", r"^[A-Z_]+$")), sorted(read))


class MakeTests(SimpleTestCase):
    def test_every_target_is_in_the_reference_once_and_nothing_else(self):
        self.assertEqual(sorted(named("make", r"^make ([a-z-]+)$")), sorted(targets()))

    def test_none_is_taken_for_a_file(self):
        phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
        self.assertEqual(set(phony[1].split() if phony else ()), targets())

    def test_every_target_that_a_page_names_exists(self):
        asked = {
            (page.name, name)
            for page in PAGES
            for code in re.findall(r"`([^`\n]+)`", page.read_text())
            for name in re.findall(r"\bmake ([a-z-]+)", code)
        }
        self.assertIn(("README.md", "test"), asked)
        self.assertEqual({(page, name) for page, name in asked if name not in targets()}, set())


class PageTests(SimpleTestCase):
    def links(self, page: Path) -> list[str]:
        """Return the addresses of a page's links and pictures."""
        return re.findall(r"""(?:\]\(|\b(?:src|srcset|href)=")([^)"\s]+)[)"]""", without_code(page.read_text()))

    def test_every_link_leads_to_something(self):
        links = [(page, *link.partition("#")) for page in PAGES for link in self.links(page) if ":" not in link]
        self.assertGreater(len(links), 50)
        lost = [
            (page.name, file, part)
            for page, file, _, part in links
            if not (page.parent / file).exists()
            or (part and part not in self.parts(page.parent / file if file else page))
        ]
        self.assertEqual(lost, [])

    def parts(self, page: Path) -> set[str]:
        """Return the fragments of a page's headings, as GitHub makes them."""
        titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

    def test_every_page_is_on_the_map(self):
        on_it = set(re.findall(r"\]\(([\w-]+\.md)\)", (DOCS / "README.md").read_text()))
        self.assertEqual(on_it, {page.name for page in DOCS.glob("*.md")} - {"README.md"})


class GuideTests(SimpleTestCase):
    def words(self) -> set[str]:
        """Return what pages say, a string each, without tags and what only screen readers hear."""
        templates = "\n".join(file.read_text() for file in sorted((ROOT / "core/templates").rglob("*.html")))
        programs = "\n".join(f.read_text() for f in sorted((ROOT / "core").rglob("*.py")) if "tests" not in f.parts)
        blocks = re.findall(r"{% blocktranslate[^%]*%}(.*?){% endblocktranslate %}", templates, re.DOTALL)
        said = [half for block in blocks for half in re.split(r"{% plural %}", block)]
        said = [re.sub(r'<span class="visually-hidden">.*?</span>', "", text, flags=re.DOTALL) for text in said]
        said += [text for _, text in re.findall(r"""{% translate (["'])(.*?)\1""", templates)]
        said += [text for _, text in re.findall(r"""(?:\b_|gettext(?:_lazy)?)\(\s*(["'])(.*?)\1\s*[),]""", programs)]
        return {self.tidied(re.sub(r"<[^>]+>", "", text)) for text in said}

    def tidied(self, text: str) -> str:
        """Return a text without what a page adds: spaces, and the dots of what opens something."""
        return " ".join(text.split()).rstrip("…")

    def test_what_they_tell_people_to_press_is_on_a_page(self):
        words = self.words()
        for name in GUIDES:
            text = without_code((DOCS / name).read_text())
            pressed = {" ".join(label.split()) for label in re.findall(r"(?<![*\w])\*([^*]+)\*(?!\*)", text)}
            with self.subTest(guide=name):
                self.assertGreater(len(pressed), 5)
                self.assertEqual({label for label in pressed if self.tidied(label) not in words}, set())

    def test_words_that_no_page_has_are_found_out(self):
        self.assertIn("Book my ticket", self.words())
        self.assertNotIn("Buy my ticket", self.words())
