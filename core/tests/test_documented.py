"""The documents and the program say the same: commands, settings, targets of make, links, and the words on pages."""

import re
from argparse import Action
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
NAME = r"[A-Z][A-Z0-9_]*"
_READ = re.compile(
    rf"""(?:\b(?:env(?:\.\w+)?|number|switch)\(|\benviron(?:\.(?:get|pop)\(|\[)|\bgetenv\()\s*["']({NAME})["']"""
    r"""(?!\]\s=\s)"""  # to hand one on to a program is not to read it
    rf"""|["']({NAME})["'](?:\snot)?\sin\s(?:os\.)?environ\b"""
)


def rows(section: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the tables below a heading of the reference."""
    text = REFERENCE.read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    assert text, section
    for line in re.findall(r"^\|.*", text.partition("\n|---")[2], re.MULTILINE):
        assert line.startswith(("| `", "|---")), line  # whatever has a row is a name in code
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def named(section: str, pattern: str) -> list[str]:
    """Return what the first column below a heading names, in code, as often as it does."""
    return [name for first, *_ in rows(section) for code in re.findall(r"`([^`]+)`", first)
            for name in re.findall(pattern, code)]  # fmt: skip


def sources(*folders: str) -> str:
    """Return the text of all programs in these folders."""
    return "\n".join(file.read_text() for folder in folders for file in sorted((ROOT / folder).rglob("*.py")))


def settings_read(*folders: str) -> set[str]:
    """Return the variables that all programs in these folders read."""
    return {name for names in _READ.findall(sources(*folders)) for name in names if name}


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

    def takes(self, command: BaseCommand) -> set[str]:
        """Return what a command takes beside what every command does; `<>` is the value of an option."""
        general = {action.dest for action in BaseCommand().create_parser("manage.py", "x")._actions}
        own = command.create_parser("manage.py", "x")._actions
        return {self.shape(action) for action in own if action.dest not in general}

    def shape(self, action: Action) -> str:
        """Return something that a command takes, as the reference writes it."""
        if action.option_strings:
            return action.option_strings[-1] + (" <>" if action.nargs != 0 else "")
        name = action.metavar or action.dest
        return {"?": f"[{name}]", "*": f"<{name}> …"}.get(str(action.nargs), f"<{name}>")

    def test_every_command_is_in_the_reference_and_nothing_else(self):
        first = [code for first, *_ in rows("Commands") for code in re.findall(r"^`([a-z_]+)", first)]
        self.assertEqual(sorted(first), sorted(self.own()))
        self.assertEqual(set(named("Commands", r"^[a-z_]+")), set(first))

    def test_so_is_every_option_of_our_own(self):
        told: dict[str, set[str]] = {}
        for first, *_ in rows("Commands"):
            for code in re.findall(r"`([^`]+)`", first):
                parts = re.findall(r"--[a-z-]+(?: <)?|\[\w+\]|<\w+>(?: …)?", code)
                told.setdefault(code.split()[0], set()).update(re.sub(" <$", " <>", part) for part in parts)
        for name, command in self.own().items():
            is_djangos = any(re.match(r"django\..*\.commands\.", kind.__module__) for kind in type(command).__mro__)
            with self.subTest(command=name):  # what Django's own take is not told
                if "add_arguments" in vars(type(command)) or not is_djangos:
                    self.assertEqual(told[name], self.takes(command))

    def test_every_command_that_a_page_runs_exists(self):
        run = {(page.name, name) for page in PAGES for name in re.findall(r"manage\.py ([a-z_]+)", page.read_text())}
        self.assertIn(("operations.md", "doctor"), run)
        self.assertEqual({(page, name) for page, name in run if name not in get_commands()}, set())


class SettingTests(SimpleTestCase):
    def test_every_setting_is_in_the_reference_once_and_nothing_else(self):
        read = settings_read("event_ticketing")
        asked_by_docker = set(re.findall(rf"\$\{{({NAME})", (ROOT / "docker-compose.yml").read_text()))
        self.assertLessEqual({"SECRET_KEY", "PORT", "HTTPS", "HOLD_MINUTES", "METRICS_DIR"}, read)
        self.assertEqual(sorted(named("Settings", rf"^{NAME}$")), sorted(read | asked_by_docker))

    def defaults(self) -> dict[str, str]:
        """Return the defaults of the reference, by the settings' names."""
        return {first.strip("`"): default for first, default, *_ in rows("Settings")}

    def test_the_example_has_the_same_ones_with_the_same_defaults(self):
        example = re.findall(rf"^#?({NAME})=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
        told = self.defaults()
        self.assertEqual(sorted(name for name, _ in example), sorted(told))
        for name, value in example:
            codes = re.findall(r"`([^`]+)`", told[name])
            is_all = ", ".join(f"`{code}`" for code in codes) == told[name]
            with self.subTest(setting=name, told=told[name]):  # what is told in words has no value, or the first one
                self.assertIn(value, [",".join(codes)] if is_all else ["", *codes[:1]])

    def test_its_defaults_are_those_of_the_program(self):
        told = {name: default.replace("`", "") for name, default in self.defaults().items()}
        program = sources("event_ticketing")
        numbers = dict(re.findall(rf'\bnumber\("({NAME})", ([\d_]+)', program))
        texts = dict(re.findall(rf'\benv\.str\("({NAME})", default="([^"]+)"\)', program))
        switches = dict(re.findall(rf'\bswitch\("({NAME})", default=(True|False)\)', program))
        self.assertLessEqual({"HOLD_MINUTES", "SOCKETS_PER_PROCESS"}, numbers.keys())
        self.assertLessEqual({"TIME_ZONE"}, texts.keys())
        self.assertLessEqual({"DEBUG"}, switches.keys())
        said = {name: number.replace("_", "") for name, number in numbers.items()} | texts
        said |= {name: "on" if is_on == "True" else "off" for name, is_on in switches.items()}
        self.assertEqual({name: told[name] for name in said}, said)

    def test_what_tests_and_measurements_read_is_there_as_well(self):
        everywhere = settings_read("core", "tools", "bench") - {"PATH"}  # the system's
        read = everywhere - set(named("Settings", rf"^{NAME}$"))
        self.assertEqual(sorted(named("Settings of tests and measurements", rf"^{NAME}$")), sorted(read))

    def test_so_are_the_services_of_tests(self):
        told = {first.strip("`"): text.strip("`") for first, text, *_ in rows("Settings of tests and measurements")}
        services = dict(re.findall(r'\benviron\.get\("(TEST_[A-Z_]+)"\) or "([^"]+)"', sources("tools")))
        self.assertLessEqual({"TEST_DATABASE_URL", "TEST_REDIS_URL"}, services.keys())
        self.assertEqual({name: told[name] for name in services}, services)


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
