"""What a catalog of translations lacks is found, string by string, before anybody reads it."""

import tempfile
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from unittest import TestCase, mock

import polib

from tools import check_messages, messages

FORMS = "nplurals=2; plural=(n != 1);"
TEMPLATE = """
msgid "Hello %(name)s"
msgstr ""

msgid "%(count)d place"
msgid_plural "%(count)d places of %(name)s"
msgstr[0] ""
msgstr[1] ""

msgctxt "verb"
msgid "Book {it}"
msgstr ""
"""
WHOLE = f"""
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: {FORMS}\\n"

msgid "Hello %(name)s"
msgstr "Hallo %(name)s"

msgid "%(count)d place"
msgid_plural "%(count)d places of %(name)s"
msgstr[0] "%(count)d Platz"
msgstr[1] "%(count)d Plätze von %(name)s"

msgctxt "verb"
msgid "Book {{it}}"
msgstr "{{it}} buchen"
"""


def found(catalog: str) -> list[str]:
    return list(check_messages.problems(polib.pofile(TEMPLATE), polib.pofile(catalog)))


class CatalogTests(TestCase):
    def test_a_whole_catalog_is_whole(self) -> None:
        self.assertEqual(found(WHOLE), [])

    def test_everything_that_is_missing_or_different_is_told(self) -> None:
        whole = WHOLE
        for before, after, told in (
            ('msgid "Hello %(name)s"', 'msgid "Hi %(name)s"', "lacks 'Hello %(name)s'"),
            ('msgctxt "verb"\n', "", "lacks 'Book {it}'"),
            ("{it} buchen", "", "does not translate 'Book {it}'"),
            ("{it} buchen", "{es} buchen", "has other placeholders in 'Book {it}': ['{es}'], not ['{it}']"),
            ("Hallo %(name)s", "Hallo", "has other placeholders in 'Hello %(name)s': [], not ['%(name)s']"),
            ('msgstr[1] "%(count)d Plätze von %(name)s"\n', "", "has 1 plural forms of '%(count)d place', not 2"),
            ('msgid "Hello', '#, fuzzy\nmsgid "Hello', "is not sure of 'Hello %(name)s' (fuzzy)"),
        ):
            with self.subTest(told=told):
                self.assertEqual(found(whole.replace(before, after)), [told])

    def test_a_form_for_one_may_say_its_number_in_a_word(self) -> None:
        template = 'msgid "%(count)d day"\nmsgid_plural "%(count)d days"\nmsgstr[0] ""\nmsgstr[1] ""\n'
        entry = (
            'msgid "%(count)d day"\nmsgid_plural "%(count)d days"\nmsgstr[0] "ein Tag"\nmsgstr[1] "%(count)d Tage"\n'
        )
        catalog = WHOLE.split('\nmsgid "Hello', maxsplit=1)[0] + "\n" + entry
        self.assertEqual(list(check_messages.problems(polib.pofile(template), polib.pofile(catalog))), [])

    def test_what_programs_read_must_be_what_the_catalog_says(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "django.po")
            path.write_text(WHOLE, encoding="utf-8")
            template = polib.pofile(TEMPLATE)

            def ask() -> list[str]:
                return list(check_messages.of_file(template, path))

            self.assertEqual(ask(), ["has no django.mo: run make compile-messages"])
            path.with_suffix(".mo").write_bytes(messages.compiled(messages.read(path)))
            self.assertEqual(ask(), [])
            path.write_text(path.read_text().replace("Hallo", "Guten Tag"), encoding="utf-8")
            self.assertEqual(ask(), ["is not what django.mo says: run make compile-messages"])

    def test_bringing_a_catalog_up_to_the_sources_keeps_what_it_says(self) -> None:
        old = polib.pofile(WHOLE)
        template = polib.pofile(TEMPLATE + '\nmsgid "New"\nmsgstr ""\n')
        new = messages.merged(template, old, "de")
        self.assertEqual([entry.msgid for entry in new.untranslated_entries()], ["New"])
        self.assertEqual(new.find("Hello %(name)s").msgstr, "Hallo %(name)s")
        self.assertEqual(new.metadata["Plural-Forms"], FORMS)

    def test_without_gettext_nothing_is_skipped(self) -> None:
        with mock.patch("shutil.which", return_value=None), self.assertRaises(SystemExit) as stopped:
            messages.sources()
        self.assertEqual(stopped.exception.code, messages.NO_GETTEXT)

    def test_an_unfinished_catalog_offers_no_language(self) -> None:
        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.multiple(messages, CATALOGS=Path(folder), ROOT=Path(folder)),
        ):
            paths = [Path(folder, language, "LC_MESSAGES/django.po") for language in ("de", "es")]
            for path, text in zip(paths, (WHOLE, WHOLE.replace("Hallo %(name)s", "")), strict=True):
                path.parent.mkdir(parents=True)
                path.write_text(text, encoding="utf-8")
            with redirect_stderr(StringIO()) as said:
                self.assertEqual(messages.compile_whole(), 1)
            self.assertEqual([path.with_suffix(".mo").exists() for path in paths], [True, False])
            self.assertIn("es/LC_MESSAGES/django.po: 1 strings to translate", said.getvalue())
