"""What a newcomer could break without noticing: the guards of STYLE 3.6."""

import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.test import SimpleTestCase

from core import messages

ROOT = Path(settings.BASE_DIR)
TESTS = ROOT / "core" / "tests"
MAIL = "core/templates/core/mail/base.html"


def texts(folder: Path, pattern: str) -> Iterator[tuple[str, str]]:
    """Yield the name within the project, and the text, of every file that matches."""
    for file in sorted(folder.rglob(pattern)):
        yield str(file.relative_to(ROOT)), file.read_text()


def message_types() -> set[str]:
    """Return what `messages.py` declares as the type of a message."""
    return set(re.findall(r'type: (?:Required\[)?Literal\["(\w+)"\]', Path(messages.__file__).read_text()))


class TemplateTests(SimpleTestCase):
    def test_no_template_has_a_script_style_or_handler_in_it(self):
        inline = re.compile(
            r"<style|\sstyle\s*=|<script(?![^>]*\s(?:src=|type=\"application/(?:ld\+)?json\"))[^>]*>"  # JSON runs not
            r"|\son[a-z]+\s*=\s*[\"']|=\s*[\"']?javascript:",
            re.IGNORECASE,
        )
        # Mails have no policy, and carry their style: but nothing else of this.
        pages = [(name, re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL) if name == MAIL else text)
                 for name, text in texts(ROOT / "core/templates", "*.html")]  # fmt: skip
        found = [(name, match[0]) for name, text in pages for match in inline.finditer(text)]
        self.assertEqual(found, [])

    def test_nothing_is_loaded_from_elsewhere(self):
        foreign = re.compile(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//[^"')\s]+""")
        files = [*texts(ROOT / "core/templates", "*.html"), *texts(ROOT / "core/static", "*.css")]
        self.assertEqual([(name, match[0]) for name, text in files for match in foreign.finditer(text)], [])

    def test_no_script_writes_markup_or_runs_text(self):
        risky = re.compile(r"\b(?:eval|Function|document\.write)\(|\.(?:innerHTML|outerHTML)\s*=")
        files = texts(ROOT / "core/static/core/js", "*.js")
        self.assertEqual([(name, match[0]) for name, text in files for match in risky.finditer(text)], [])


class MessageTests(SimpleTestCase):
    def test_these_are_all_the_messages(self):
        self.assertEqual(message_types(), {"snapshot", "stats", "hold", "ticket", "position", "gate", "result"})

    def test_every_message_is_handled_by_the_page(self):
        script = (ROOT / "core/static/core/js/live.js").read_text()
        handlers = script[script.index("const HANDLERS = {") : script.index("\n};")]
        self.assertEqual(set(re.findall(r"^  (\w+)[(:]", handlers, re.MULTILINE)), message_types())

    def test_every_message_has_a_test(self):
        tests = "".join(text for _, text in texts(TESTS, "test_socket*.py"))
        self.assertEqual({kind for kind in message_types() if f'"type": "{kind}"' in tests}, message_types())


class EnvironmentTests(SimpleTestCase):
    def test_every_variable_that_is_read_is_explained(self):
        settings_files = "".join(text for _, text in texts(ROOT / "event_ticketing", "*.py"))
        read = set(re.findall(r'\b(?:env\.\w+|number|switch)\(\s*"([A-Z_]+)"', settings_files))
        explained = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
        self.assertLessEqual({"SECRET_KEY", "DEBUG", "HOLD_MINUTES", "DATABASE_URL", "LOG_FORMAT"}, read)
        self.assertEqual(read - explained, set())

    def test_only_the_settings_read_the_environment(self):
        # To name the settings, and to hand it on to a program as it is, is not to read it.
        reading = re.compile(r"os\.environ\b(?!\.setdefault\(\"DJANGO_SETTINGS_MODULE\"| \| own)|os\.getenv")
        files = [*texts(ROOT / "core", "*.py"), *texts(ROOT / "event_ticketing", "*.py")]
        readers = {name for name, text in files if reading.search(text) and not name.startswith("core/tests/")}
        self.assertEqual(readers, set())


class InterpreterTests(SimpleTestCase):
    """What somebody typed is never run: there is nothing that would run it."""

    def found(self, pattern: str) -> set[str]:
        """Return the files of the application in which there is such a thing."""
        files = [*texts(ROOT / "core", "*.py"), *texts(ROOT / "event_ticketing", "*.py")]
        return {name for name, text in files if re.search(pattern, text) and not name.startswith("core/tests/")}

    def test_only_backups_and_the_search_for_letters_start_another_program_and_none_by_a_shell(self):
        starting = r"\b(?:import|from) subprocess|os\.(?:system|popen|exec|spawn|posix_spawn)|create_subprocess"
        self.assertEqual(self.found(starting), {"core/trust/backups.py", "core/letters.py"})
        self.assertEqual(self.found(r"shell\s*=\s*True|create_subprocess_shell"), set())

    def test_no_template_is_made_of_a_text(self):
        self.assertEqual(self.found(r"(?<!Deferred)\bTemplate\(|\.from_string\("), set())

    def test_no_text_is_run_and_no_object_read_from_bytes(self):
        running = r"(?<![.\w])(?:eval|exec|compile|__import__)\(|\b(?:pickle|marshal|shelve|yaml)\.(?:unsafe_)?loads?\("
        self.assertEqual(self.found(running), set())


class LayerTests(SimpleTestCase):
    def test_only_the_relay_speaks_to_the_channel_layer(self):
        files = texts(ROOT / "core", "*.py")
        speakers = {name for name, text in files if "get_channel_layer" in text and "tests" not in name}
        self.assertEqual(speakers, {"core/relay.py"})

    def test_only_one_function_answers_a_form_that_is_not_right(self):
        answering = {name for name, text in texts(ROOT / "core", "*.py") if '"status": "invalid"' in text}
        self.assertEqual({name for name in answering if "/tests/" not in name}, {"core/http.py"})
