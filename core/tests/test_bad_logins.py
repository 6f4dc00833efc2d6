"""Logins and accounts that are not right (RELIABILITY 4, "Login and signup"), beside what test_accounts.py has."""

import re
import statistics
import threading
import time
import unicodedata
from functools import partial
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.core import mail
from django.core.cache import cache
from django.test import Client, TestCase, TransactionTestCase, override_settings

from core.models import User, UserSession
from core.signup import SignupForm

from .asking import seen
from .cast import PATIENCE, make_person, race
from .visits import BROWSER, target_of, visit

PASSWORD = "correct horse battery"
LOGIN, SIGN_UP, RESET = "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"
OWN_CACHE = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "bad logins"}}


def links(kind: str) -> list[str]:
    """Return the addresses of a kind that stand in mails, oldest first."""
    found = [link for message in mail.outbox for link in re.findall(r"https?://\S+", str(message.body))]
    return [urlsplit(link).path for link in found if kind in link]


@override_settings(CACHES=OWN_CACHE)
class AccountCase(TestCase):
    def setUp(self) -> None:
        cache.clear()
        self.browser = visit(headers=BROWSER)

    def log_in(self, login: str, password: str = PASSWORD, browser: Client | None = None) -> Any:
        return (browser or self.browser).post(LOGIN, {"login": login, "password": password})

    def sign_up(self, browser: Client | None = None, **differs: str) -> Any:
        password = {"password1": PASSWORD, "password2": PASSWORD}
        form = {"username": "dora", "email": "dora@example.org"} | password | differs
        return (browser or self.browser).post(SIGN_UP, form)


class PasswordTests(AccountCase):
    def test_from_ten_to_thousands_of_characters_and_no_fewer(self) -> None:
        for length, is_taken in ((1, False), (7, False), (9, False), (10, True), (64, True), (129, True), (4096, True)):
            password = ("xkcd 936 " * 500)[:length]
            name = f"p{length}"
            with self.subTest(length=length):
                browser = visit(headers=BROWSER)
                form = {"password1": password, "password2": password, "username": name, "email": f"{name}@example.org"}
                response = self.sign_up(browser, **form)
                self.assertEqual((response.status_code, User.objects.filter(username=name).exists()),
                                 (302, True) if is_taken else (200, False))  # fmt: skip
                if is_taken:
                    self.assertEqual(self.log_in(name, password, visit(headers=BROWSER)).status_code, 302)
                    self.assertEqual(self.log_in(name, password[:-1], visit(headers=BROWSER)).status_code, 200)

    def test_of_any_characters_and_none_is_stripped(self) -> None:
        for number, password in enumerate(("  spaces around  ", "пароль-длинный", "🎫" * 12, "'; DROP TABLE--")):
            with self.subTest(password=password):
                form = {
                    "password1": password,
                    "password2": password,
                    "username": f"n{number}",
                    "email": f"{number}@b.org",
                }
                self.assertEqual(self.sign_up(visit(headers=BROWSER), **form).status_code, 302)
                self.assertEqual(self.log_in(f"n{number}", password, visit(headers=BROWSER)).status_code, 302)
        self.assertEqual(self.log_in("n0", "spaces around").status_code, 200)

    def test_one_that_cannot_be_stored_is_an_error_of_the_form(self) -> None:
        for password in ("a" * 12 + "\0", "\0" * 12):
            self.assertEqual(self.sign_up(password1=password, password2=password).status_code, 200)
            self.assertEqual(self.log_in("dora", password).status_code, 200)
        self.assertEqual(User.objects.count(), 0)


class NameTests(AccountCase):
    def test_two_spellings_of_one_name_are_one_person(self) -> None:
        composed, decomposed = (unicodedata.normalize(form, "zoë") for form in ("NFC", "NFD"))
        self.assertEqual(self.sign_up(username=composed).status_code, 302)
        again = self.sign_up(visit(headers=BROWSER), username=decomposed, email="other@example.org")
        self.assertEqual((again.status_code, User.objects.count()), (200, 1))
        for name in (composed, decomposed, "ｚｏë"):
            with self.subTest(name=ascii(name)):
                self.assertEqual(self.log_in(name, browser=visit(headers=BROWSER)).status_code, 302)

    def test_one_that_is_longer_than_any_can_be_is_asked_of_no_database(self) -> None:
        answer = self.browser.post(LOGIN, {"login": "x" * 51_000, "password": PASSWORD})
        self.assertContains(answer, "254", status_code=answer.status_code)
        self.assertLess(answer.status_code, 500)

    def test_ones_that_look_like_another_or_like_nothing_are_refused(self) -> None:
        make_person("carol")
        for name in (
            "\u200bcarol",
            "carol\u202e",
            "ｃａｒｏｌ",
            "CAROL",
            " ",
            "\u3000",
            "x" * 151,
            "a\nb",
            "<b>",
            "a/b",
        ):
            with self.subTest(name=ascii(name)):
                self.assertEqual(self.sign_up(username=name).status_code, 200)
        self.assertEqual(User.objects.count(), 1)


class AddressTests(AccountCase):
    def test_ones_that_are_right_are_taken(self) -> None:
        for number, email in enumerate(
            ("a+tag@example.org", "Capital@Example.ORG", "o'neil@example.org", "x@bücher.example")
        ):
            with self.subTest(email=email):
                response = self.sign_up(visit(headers=BROWSER), username=f"n{number}", email=email)
                self.assertEqual((response.status_code, User.objects.filter(email__iexact=email).count()), (302, 1))

    def test_ones_that_are_not_are_refused_and_nobody_is_written_to(self) -> None:
        long = "x" * 64 + "@" + "y" * 180 + ".example.org"
        for email in (
            "x", "@", "a@", "@b.org", "a@b", "a b@c.org", "a@b.org\r\nBcc: evil@example.org", "a@b.org\nx", "a\0@b.org",
            "a@b.org,c@d.org", "<a@b.org>", "x" * 255, long, "a" * 10_000 + "@b.org", "a@[127.0.0.1", "\u202ea@b .org",
        ):  # fmt: skip
            with self.subTest(email=ascii(email)[:40]):
                self.assertEqual(self.sign_up(email=email).status_code, 200)
        self.assertEqual((User.objects.count(), len(mail.outbox)), (0, 0))


@override_settings(ACCOUNT_EMAIL_VERIFICATION="mandatory")
class EnumerationTests(AccountCase):
    """Nobody finds out whose address is known: neither by what is said, nor by how long it takes."""

    PAIRS = 9  # on a busy machine the median of five was off by that much

    def setUp(self) -> None:
        super().setUp()
        carol = make_person("carol", password=PASSWORD)
        EmailAddress.objects.create(user=carol, email=carol.email, verified=True, primary=True)

    def answers(self, path: str, form: dict[str, str]) -> tuple[Any, float]:
        """Return the answer to a form as a stranger sees it, its page included, and how many seconds it took."""
        browser = visit(headers=BROWSER)
        begun = time.process_time()
        response = browser.post(path, form)
        took = time.process_time() - begun
        page = browser.get(target_of(response)) if response.status_code == 302 else response
        told = seen(page).replace(form.get("email", form.get("login", "")), "…")
        return (response.status_code, response.headers.get("Location"), told), took

    def expect_the_same(self, path: str, known: dict[str, str], unknown: dict[str, str]) -> None:
        times: tuple[list[float], list[float]] = ([], [])
        self.answers(path, unknown)  # the first one loads templates
        for _ in range(self.PAIRS):
            cache.clear()
            said = [self.answers(path, form) for form in (known, unknown)]
            User.objects.filter(username="dora").delete()
            self.assertEqual(said[0][0], said[1][0])
            for seconds, (_told, took) in zip(times, said, strict=True):
                seconds.append(took)
        self.assertLess(abs(statistics.median(times[0]) - statistics.median(times[1])), 0.05)

    def test_not_by_a_login(self) -> None:
        for known, unknown in (("carol", "nobody"), ("carol@example.org", "nobody@example.org")):
            with self.subTest(known=known):
                wrong = {"password": "wrong password"}
                self.expect_the_same(LOGIN, {"login": known} | wrong, {"login": unknown} | wrong)

    def test_not_by_a_new_password(self) -> None:
        self.expect_the_same(RESET, {"email": "carol@example.org"}, {"email": "nobody@example.org"})

    def test_not_by_signing_up(self) -> None:
        form = {"username": "dora", "password1": PASSWORD, "password2": PASSWORD}
        self.expect_the_same(SIGN_UP, form | {"email": "carol@example.org"}, form | {"email": "new@example.org"})
        self.assertEqual(User.objects.get(email="carol@example.org").username, "carol")


@override_settings(ACCOUNT_RATE_LIMITS=False, ACCOUNT_EMAIL_VERIFICATION="mandatory")
class AtOnceTests(TransactionTestCase):
    """Two who sign up at once: the second is answered as if they had come a moment later."""

    def at_once(self, *people: dict[str, str]) -> list[Any]:
        """Return the answers, in the order of the people; each was looked at before anybody was stored."""
        looked_at, store = threading.Barrier(len(people), timeout=PATIENCE), SignupForm.try_save

        def wait_and_store(form: SignupForm, request: Any) -> Any:
            looked_at.wait()
            return store(form, request)

        secret = {"password1": PASSWORD, "password2": PASSWORD}
        with mock.patch.object(SignupForm, "try_save", wait_and_store):
            return race([partial(visit(headers=BROWSER).post, SIGN_UP, secret | person) for person in people])

    def test_of_two_with_one_name_the_second_is_told_that_it_is_taken(self) -> None:
        first, second = ({"username": "dora", "email": f"{box}@example.org"} for box in ("one", "two"))
        answers = self.at_once(first, second)
        self.assertEqual(sorted(answer.status_code for answer in answers), [200, 302])
        [refused] = [answer for answer in answers if answer.status_code == 200]
        self.assertContains(refused, "A user with that username already exists.")
        self.assertEqual((User.objects.count(), EmailAddress.objects.count()), (1, 1))

    def test_of_two_with_one_address_the_second_learns_nothing_of_it(self) -> None:
        first, second = ({"username": name, "email": "dora@example.org"} for name in ("dora", "Dora-2"))
        answers = self.at_once(first, second)
        told = [(answer.status_code, target_of(answer)) for answer in answers]
        self.assertEqual(told, [(302, "/accounts/confirm-email/")] * 2)
        self.assertEqual((User.objects.count(), EmailAddress.objects.count(), len(mail.outbox)), (1, 1, 2))

    def test_who_signs_up_twice_at_once_has_one_account(self) -> None:
        dora = {"username": "dora", "email": "dora@example.org"}
        self.assertEqual(sorted(answer.status_code for answer in self.at_once(dora, dora)), [200, 302])
        self.assertEqual(User.objects.count(), 1)


@override_settings(ACCOUNT_EMAIL_VERIFICATION="mandatory")
class LinkTests(AccountCase):
    def confirm(self, link: str) -> Any:
        self.browser.get(link)
        return self.browser.post(link)

    def test_a_confirmation_works_once_is_harmless_twice_and_nothing_altered_works(self) -> None:
        self.sign_up()
        (link,) = links("confirm-email")
        for bad in (
            link[:-2] + "/",
            link.replace(":", ";"),
            "/accounts/confirm-email/x/",
            "/accounts/confirm-email/%00/",
        ):
            with self.subTest(bad=bad):
                self.assertIn(self.confirm(bad).status_code, {200, 302, 404})
                self.assertEqual(EmailAddress.objects.get().verified, False)
        self.browser.get(link)
        self.assertEqual(EmailAddress.objects.get().verified, False)  # a mail program that looks at it confirms nothing
        self.confirm(link)
        self.assertEqual(EmailAddress.objects.get().verified, True)
        self.assertIn(self.confirm(link).status_code, {200, 302, 404})

    def test_a_confirmation_that_is_too_old_confirms_nothing(self) -> None:
        self.sign_up()
        key = EmailConfirmationHMAC(EmailAddress.objects.get()).key
        with override_settings(ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS=0):
            self.confirm(f"/accounts/confirm-email/{key}/")
        self.assertEqual(EmailAddress.objects.get().verified, False)

    def reset_link(self) -> str:
        self.browser.post(RESET, {"email": "carol@example.org"})
        return links("password/reset/key")[-1]

    def set_password(self, link: str, password: str, browser: Client | None = None) -> None:
        browser = browser or visit(headers=BROWSER)
        page = browser.get(link)
        if page.status_code == 302:
            browser.post(target_of(page), {"password1": password, "password2": password})

    def test_a_link_to_a_new_password_works_once(self) -> None:
        carol = make_person("carol", password=PASSWORD)
        EmailAddress.objects.create(user=carol, email=carol.email, verified=True, primary=True)
        link = self.reset_link()
        for bad in (link[:-2] + "/", re.sub(r"key/\w+-", "key/zz-", link), link.replace("-", "", 1)):
            self.set_password(bad, "a stolen password")
        self.assertTrue(User.objects.get().check_password(PASSWORD))
        self.set_password(link, "the new password")
        self.assertTrue(User.objects.get().check_password("the new password"))
        self.set_password(link, "a stolen password")
        self.assertTrue(User.objects.get().check_password("the new password"))
        self.assertEqual(UserSession.objects.filter(is_active=True).count(), 0)

    def test_a_link_to_a_new_password_ends_with_the_time_and_with_the_old_password(self) -> None:
        carol = make_person("carol", password=PASSWORD)
        EmailAddress.objects.create(user=carol, email=carol.email, verified=True, primary=True)
        link = self.reset_link()
        with override_settings(PASSWORD_RESET_TIMEOUT=-1):
            self.set_password(link, "a stolen password")
        carol.set_password("changed meanwhile")
        carol.save()
        self.set_password(link, "a stolen password")
        self.assertTrue(User.objects.get().check_password("changed meanwhile"))
