"""Which passwords are refused for the words they are made of."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import SimpleTestCase, TestCase, override_settings

from core.models import User

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


class SignUpTests(TestCase):
    def test_the_form_says_why_and_makes_nobody(self) -> None:
        form = {"username": "dora", "email": "dora@example.org"} | dict.fromkeys(("password1", "password2"), WEAK)
        page = visit(headers=BROWSER).post("/accounts/signup/", form)
        self.assertContains(page, "This password is made of words that everybody here thinks of first.")
        self.assertFalse(User.objects.exists())
