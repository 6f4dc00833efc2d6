"""Which passwords are refused for the words they are made of."""

import re
from pathlib import Path

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import SimpleTestCase, TestCase, override_settings

from core.models import User

from .cast import Cast
from .visits import BROWSER, visit

WEAK = "boxoffice2026"


def is_refused(password: str) -> bool:
    """Return whether a password is refused for the site's own words."""
    try:
        validate_password(password)
    except ValidationError as error:
        return "own_words" in [one.code for one in error.error_list]
    return False


@override_settings(SITE_URL="https://tickets.kulturhaus.example/")
class OwnWordsTests(SimpleTestCase):
    def test_those_of_the_sites_own_words_are_refused_however_they_are_dressed(self) -> None:
        for password in ("boxoffice2026", "Box Office 2026!", "TICKET-ticket-1", "Tickets4Concert", "kulturhaus99!",
                         "1234ticket1234", "Kulturhaus-Tickets-7", "welcome-Admin-1"):  # fmt: skip
            with self.subTest(password=password):
                self.assertTrue(is_refused(password))

    def test_one_of_them_among_other_words_does_no_harm(self) -> None:
        for password in ("correct horse ticket", "4819-2215-99-71", "my-grandmothers-box-office", "first-password-1",
                         "xqz-4819-2215-99", "билет на концерт"):  # fmt: skip
            with self.subTest(password=password):
                self.assertFalse(is_refused(password))


class FieldTests(Cast, TestCase):
    def test_every_field_for_one_hides_it_and_lets_managers_fill_it_in(self) -> None:
        self.bob.set_password("first-password-1")
        self.bob.save()
        fields: list[str] = []
        for person, paths in (
            (None, ("/accounts/login/", "/accounts/signup/")),
            (self.alice, ("/accounts/password/set/",)),
            (self.bob, ("/accounts/password/change/", "/accounts/reauthenticate/")),
        ):
            for path in paths:
                page = visit(person, headers=BROWSER).get(path).content.decode()
                found = re.findall(r'<input[^>]*\bname="\w*password\w*"[^>]*>', page)
                self.assertNotEqual(found, [], path)
                fields += found
        for field in fields:
            with self.subTest(field=field):
                self.assertIn('type="password"', field)
                self.assertRegex(field, r'autocomplete="(?:current|new)-password"')
                self.assertNotRegex(field, "readonly|maxlength")

    def test_no_script_meddles_with_what_is_pasted(self) -> None:
        scripts = Path(settings.BASE_DIR, "core/static/core/js").glob("*.js")
        self.assertEqual([script.name for script in scripts if "paste" in script.read_text()], [])


class SignUpTests(TestCase):
    def test_the_form_says_why_and_makes_nobody(self) -> None:
        form = {"username": "dora", "email": "dora@example.org"} | dict.fromkeys(("password1", "password2"), WEAK)
        page = visit(headers=BROWSER).post("/accounts/signup/", form)
        self.assertContains(page, "This password is made of words that everybody here thinks of first.")
        self.assertFalse(User.objects.exists())
