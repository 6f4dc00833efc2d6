"""Whoever did something too often is told how long they wait: in minutes, and in Retry-After for programs."""

import threading
import time
from functools import partial
from typing import Any
from unittest import mock

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.test import TestCase, TransactionTestCase, override_settings

from core.hashers import OwaspArgon2Hasher
from core.models import User
from core.tests.cast import Cast, CastOfRaces, make_event, race
from core.tests.test_bad_logins import OWN_CACHE
from core.tests.visits import BROWSER, JSON, visit

PASSWORD, WRONG = "first-password-1", "Wrong-Password-9"
LOGIN, RESET, LOOK_UP = "/accounts/login/", "/accounts/password/reset/", "/checkin/people/"
AUTHENTICATE, ACTIVATE = "/accounts/2fa/authenticate/", "/accounts/2fa/totp/activate/"
ONCE_IN_FOUR_MINUTES = "9/m/ip,1/4m/key"
FAILED = {"login_failed": "9/m/ip,2/15m/key"}


@override_settings(CACHES=OWN_CACHE, ACCOUNT_RATE_LIMITS=FAILED)
class TooOftenCase(Cast, TestCase):
    def setUp(self) -> None:
        cache.clear()
        self.at = time.time()
        clock = mock.patch("time.time", lambda: self.at)
        clock.start()
        self.addCleanup(clock.stop)
        self.alice.set_password(PASSWORD)
        self.alice.save()
        self.browser = visit(headers=BROWSER)

    def log_in(self, password: str = WRONG, times: int = 1, **more: Any) -> Any:
        for _ in range(times):
            answer = self.browser.post(LOGIN, {"login": "alice", "password": password}, **more)
        return answer

    def assert_waits(self, answer: Any, words: str, seconds: int) -> None:
        """Check what a page says, and its header."""
        self.assertContains(answer, f"Try again {words}.", status_code=429)
        self.assertEqual(answer.headers["Retry-After"], str(seconds))


class LoginTests(TooOftenCase):
    def test_a_name_of_which_too_many_logins_failed_waits_until_the_first_of_them_is_old(self) -> None:
        self.log_in()
        self.at += 400
        self.log_in()
        self.at += 9.5
        answer = self.log_in(PASSWORD)
        self.assert_waits(answer, "in 9 minutes", 491)
        self.assertContains(answer, "not even the right password", status_code=429)
        self.at += 491
        self.assertEqual(self.log_in(PASSWORD).status_code, 302)

    def test_neither_another_port_of_the_host_nor_other_letters_of_the_name_are_a_fresh_start(self) -> None:
        self.log_in(headers={"Host": "testserver:1"})
        self.browser.post(LOGIN, {"login": "ＡＬＩＣＥ", "password": WRONG}, headers={"Host": "testserver:2"})
        self.assert_waits(self.log_in(PASSWORD), "in 15 minutes", 900)

    def test_of_two_limits_the_longer_one_counts(self) -> None:
        with self.settings(ACCOUNT_RATE_LIMITS={"login_failed": "2/m/ip,2/15m/key"}):
            self.assert_waits(self.log_in(times=3), "in 15 minutes", 900)
        cache.clear()
        with self.settings(ACCOUNT_RATE_LIMITS={"login_failed": "2/m/ip,3/15m/key"}):
            self.assert_waits(self.log_in(times=3), "in 1 minute", 60)

    def test_the_page_leads_back_to_the_form_and_to_a_new_password(self) -> None:
        answer = self.log_in(times=3, headers={"Referer": "http://testserver/accounts/login/?next=/calendar/"})
        self.assertContains(answer, 'href="/accounts/login/?next=/calendar/"', status_code=429)
        self.assertContains(answer, f'href="{RESET}"', status_code=429)

    def test_a_program_is_told_the_same(self) -> None:
        answer = self.log_in(times=3, headers=JSON)
        body = answer.json()
        self.assertEqual((answer.status_code, body["status"]), (429, "too_many"))
        self.assertEqual(answer.headers["Retry-After"], str(body["retry_after"]))
        self.assertIn("Try again in 15 minutes.", body["detail"])

    def test_a_password_asked_for_once_more_is_a_login_as_well(self) -> None:
        client = visit(self.alice, headers=BROWSER)
        for _ in range(3):
            answer = client.post("/accounts/reauthenticate/", {"password": WRONG})
        self.assert_waits(answer, "in 15 minutes", 900)


@override_settings(CACHES=OWN_CACHE, ACCOUNT_RATE_LIMITS={"login": "99/m/ip", "login_failed": "2/m/ip,2/15m/key"})
class OneAddressTests(CastOfRaces, TransactionTestCase):
    def test_right_passwords_that_are_looked_at_at_the_same_instant_are_no_failures_of_their_address(self) -> None:
        cache.clear()
        school = [self.alice, self.bob, self.olga, self.greta]
        User.objects.update(password=make_password(PASSWORD))
        all_at_once = threading.Barrier(len(school), timeout=20)
        verify = OwaspArgon2Hasher.verify

        def look(hasher: OwaspArgon2Hasher, password: str, encoded: str) -> bool:
            all_at_once.wait()
            return verify(hasher, password, encoded)

        def log_in(person: User) -> int:
            return visit(headers=BROWSER).post(LOGIN, {"login": person.username, "password": PASSWORD}).status_code

        with mock.patch.object(OwaspArgon2Hasher, "verify", look):
            answers = race([partial(log_in, person) for person in school])
        self.assertEqual(answers, [302] * len(school))

    def test_after_so_many_wrong_ones_nobody_there_gets_in_by_a_password_and_others_do(self) -> None:
        cache.clear()
        User.objects.update(password=make_password(PASSWORD))
        there, elsewhere = (visit(headers=BROWSER, REMOTE_ADDR=f"192.0.2.{n}") for n in (1, 2))
        wrong = [there.post(LOGIN, {"login": name, "password": WRONG}).status_code for name in ("alice", "bob")]
        self.assertEqual(wrong, [200, 200])
        answers = [page.post(LOGIN, {"login": "olga", "password": PASSWORD}) for page in (there, elsewhere)]
        self.assertEqual([answer.status_code for answer in answers], [429, 302])
        self.assertEqual(answers[0].headers["Retry-After"], "60")


class FactorTests(TooOftenCase):
    def test_wrong_codes_at_a_login(self) -> None:
        TOTP.activate(self.alice, generate_totp_secret())
        self.log_in(PASSWORD)
        for _ in range(3):
            answer = self.browser.post(AUTHENTICATE, {"code": "wrong"})
        self.assert_waits(answer, "in 15 minutes", 900)

    def test_and_while_an_app_is_set_up(self) -> None:
        self.log_in(PASSWORD)
        for _ in range(3):
            answer = self.browser.post(ACTIVATE, {"code": "wrong"})
        self.assert_waits(answer, "in 15 minutes", 900)


class PageTests(TooOftenCase):
    @override_settings(ACCOUNT_RATE_LIMITS={"reset_password": ONCE_IN_FOUR_MINUTES, "login": "1/2m/ip"})
    def test_every_page_of_accounts_says_it_in_the_words_and_the_frame_of_the_site(self) -> None:
        for address, form, words, seconds in (
            (RESET, {"email": "Alice@example.org"}, "in 4 minutes", 240),
            (LOGIN, {"login": "alice", "password": WRONG}, "in 2 minutes", 120),
        ):
            with self.subTest(address=address):
                self.browser.post(address, form)
                answer = self.browser.post(address, form)
                self.assert_waits(answer, words, seconds)
                self.assertContains(answer, "Skip to main content", status_code=429)

    @override_settings(ACCOUNT_RATE_LIMITS={"gate_people": "1/3m/user"})
    def test_and_so_does_the_gate(self) -> None:
        form = {"event": make_event().pk, "who": "ali"}
        visit(self.greta).post(LOOK_UP, form)
        for headers in (JSON, BROWSER):
            with self.subTest(headers=headers):
                answer = visit(self.greta, headers=headers).post(LOOK_UP, form)
                self.assertContains(answer, "Go on in 3 minutes.", status_code=429)
                self.assertEqual(answer.headers["Retry-After"], "180")
