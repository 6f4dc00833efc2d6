"""Logins, those that failed and those that were let in no more: logged without what was typed, told to their person."""

import re
from typing import Any
from unittest import mock

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.cache import cache
from django.test import TestCase, override_settings

from core import accounts
from core.models import AuditEntry
from core.tests.cast import Cast, ago
from core.tests.test_bad_logins import OWN_CACHE
from core.tests.visits import BROWSER, visit
from core.trust import attempts, trail

Action = AuditEntry.Action
LOGGER = "core.trust.attempts"
PASSWORD, WRONG = "first-password-1", "Wrong-Password-9"
LIMITS = {"login_failed": "3/m/ip,3/15m/key"}


@override_settings(CACHES=OWN_CACHE, ACCOUNT_RATE_LIMITS={"login_failed": "99/m/ip,99/m/key"})
class AttemptCase(Cast, TestCase):
    def setUp(self) -> None:
        cache.clear()
        self.alice.set_password(PASSWORD)
        self.alice.save()
        self.browser = visit(headers=BROWSER, REMOTE_ADDR="192.0.2.44")

    def log_in(self, name: str, password: str = WRONG) -> Any:
        return self.browser.post("/accounts/login/", {"login": name, "password": password})

    def told(self) -> list[tuple[Any, ...]]:
        return list(AuditEntry.objects.order_by("pk").values_list("action", "actor", "person__username", "address"))


class LogTests(AttemptCase):
    def test_a_login_that_fails_is_a_line_without_what_was_typed(self) -> None:
        with self.assertLogs(LOGGER) as logged:
            self.log_in("alice")
            self.log_in("nobody-of-that-name")
        lines = "\n".join(logged.output)
        fields = rf"event=login_failed person=({self.alice.pk}|-) from=[0-9a-f]{{16}} name=[0-9a-f]{{16}}"
        self.assertEqual([bool(re.search(f"{fields}$", line)) for line in logged.output], [True, True])
        for typed in ("alice", "nobody", WRONG, "192.0.2.44"):
            self.assertNotIn(typed, lines)

    def test_the_same_name_is_known_again_and_another_key_knows_nothing_of_it(self) -> None:
        with self.assertLogs(LOGGER) as logged:
            self.log_in("alice")
            self.log_in("ALICE")
            with self.settings(SECRET_KEY="x" * 64):
                self.log_in("alice")
        names = [line.rpartition("name=")[2] for line in logged.output]
        self.assertEqual((names[0] == names[1], names[0] == names[2]), (True, False))

    def test_a_login_that_succeeds_says_by_what(self) -> None:
        with self.assertLogs(LOGGER, "INFO") as logged:
            self.log_in("alice", PASSWORD)
        [line] = logged.output
        self.assertRegex(line, rf"INFO:.*event=logged_in person={self.alice.pk} from=[0-9a-f]{{16}} by=password$")


class TrailTests(AttemptCase):
    def test_the_person_whose_account_it_is_is_told(self) -> None:
        self.log_in("Alice")
        self.log_in("alice@example.org")
        self.log_in("nobody")
        self.assertEqual(self.told(), [(Action.LOGIN_FAILED, None, "alice", "192.0.2.44")] * 2)

    def test_on_their_page_with_the_address_it_came_from(self) -> None:
        self.log_in("alice")
        page = visit(self.alice, headers=BROWSER).get("/account/activity/").content.decode()
        for words in ("failed to log in", "192.0.2.44", "Somebody"):
            self.assertIn(words, page.replace("<wbr>", ""))
        self.assertNotIn(
            "failed to log in", visit(self.bob, headers=BROWSER).get("/account/activity/").content.decode()
        )

    def test_whoever_guesses_fills_no_table_and_the_next_hour_is_told_anew(self) -> None:
        for _ in range(attempts.MOST + 3):
            self.log_in("alice")
        self.assertEqual(len(self.told()), attempts.MOST)
        last = AuditEntry.objects.order_by("-pk")[0]
        self.assertEqual(last.detail, "More of these are not listed within the hour.")
        with mock.patch.object(attempts, "now", lambda: ago(hours=-2)):
            self.log_in("alice")
        self.assertEqual(len(self.told()), attempts.MOST + 1)

    def test_a_password_asked_for_once_more_is_a_login_as_well(self) -> None:
        client = visit(self.alice, headers=BROWSER, REMOTE_ADDR="192.0.2.45")
        client.post("/accounts/reauthenticate/", {"password": WRONG})
        self.assertEqual(self.told(), [(Action.LOGIN_FAILED, self.alice.pk, "alice", "192.0.2.45")])

    def test_an_erased_account_leaves_no_address_of_them(self) -> None:
        self.log_in("alice")
        accounts.erase_account(self.alice)
        self.assertEqual(AuditEntry.objects.get(action=Action.LOGIN_FAILED).address, "")

    def test_a_login_that_is_right_is_no_failure(self) -> None:
        self.log_in("alice", PASSWORD)
        self.assertEqual(self.told(), [])


class LimitTests(AttemptCase):
    @override_settings(ACCOUNT_RATE_LIMITS=LIMITS)
    def test_being_let_in_no_more_is_told_once_and_not_for_each_of_a_flood(self) -> None:
        with self.assertLogs(LOGGER) as logged:
            for _ in range(8):
                self.log_in("alice")
        limited = [line for line in logged.output if "event=login_limited" in line]
        self.assertEqual((len(logged.output), len(limited)), (4, 1))
        actions = [entry[0] for entry in self.told()]
        self.assertEqual(actions, [Action.LOGIN_FAILED] * 3 + [Action.LOGIN_LIMITED])

    @override_settings(ACCOUNT_RATE_LIMITS=LIMITS)
    def test_the_right_password_does_not_help_then_and_the_person_learns_why(self) -> None:
        for _ in range(4):
            self.log_in("alice")
        self.assertEqual(self.log_in("alice", PASSWORD).status_code, 429)
        page = visit(self.alice, headers=BROWSER).get("/account/activity/").content.decode()
        self.assertIn("was not let in: too many logins had failed", page)


class ProxyTests(AttemptCase):
    """The address that a failed login is counted for and told with: the sender's, whatever they say that it is."""

    def knock(self, said: str) -> int:
        form = {"login": "alice", "password": WRONG}
        return self.browser.post("/accounts/login/", form, headers={"X-Forwarded-For": said}).status_code

    def addresses(self) -> list[str]:
        return [entry[-1] for entry in self.told() if entry[0] == Action.LOGIN_FAILED]

    @override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=0, ACCOUNT_RATE_LIMITS={"login_failed": "3/m/ip"})
    def test_without_a_proxy_nothing_that_is_said_of_it_is_believed(self) -> None:
        answers = [self.knock(said) for said in ("198.51.100.7", "1.2.3.4, x, ' OR 1=1", "x" * 5000, "198.51.100.8")]
        self.assertEqual(answers, [200, 200, 200, 429])
        self.assertEqual(self.addresses(), ["192.0.2.44"] * 3)

    @override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=1, ACCOUNT_RATE_LIMITS={"login_failed": "2/m/ip"})
    def test_behind_one_what_stands_before_the_address_that_it_adds_is_not(self) -> None:
        forged = ("1.2.3.4, 198.51.100.7", "' OR 1=1, 198.51.100.7", "192.0.2.44, x, 198.51.100.7")
        self.assertEqual([self.knock(said) for said in forged], [200, 200, 429])
        self.assertEqual(self.knock("198.51.100.7, 203.0.113.9"), 200)  # somebody else
        self.assertEqual(self.addresses(), ["198.51.100.7"] * 2 + ["203.0.113.9"])

    @override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=1)
    def test_one_that_adds_no_address_lets_nobody_guess_uncounted(self) -> None:
        for said in ("1.2.3.4, x, ' OR 1=1", "unknown", "198.51.100.7, "):
            with self.subTest(said=said):
                self.assertEqual(self.knock(said), 403)
        self.assertEqual(self.told(), [])


class FactorTests(AttemptCase):
    def setUp(self) -> None:
        super().setUp()
        TOTP.activate(self.alice, generate_totp_secret())

    def send(self, code: str, times: int = 1) -> list[str]:
        self.log_in("alice", PASSWORD)
        with self.assertLogs(LOGGER) as logged:
            for _ in range(times):
                self.browser.post("/accounts/2fa/authenticate/", {"code": code})
        return [line.partition("event=")[2].partition(" from=")[0] for line in logged.output]

    def test_a_wrong_code_at_a_login_is_logged_and_told(self) -> None:
        self.assertEqual(self.send("000 not a code"), [f"factor_failed person={self.alice.pk}"])
        self.assertEqual(self.told(), [(Action.FACTOR_FAILED, None, "alice", "192.0.2.44")])

    @override_settings(ACCOUNT_RATE_LIMITS={"login_failed": "2/15m/key"})
    def test_too_many_of_them_are_told_once(self) -> None:
        expected = [f"{what} person={self.alice.pk}" for what in ("factor_failed", "factor_failed", "login_limited")]
        self.assertEqual(self.send("wrong", times=6), expected)

    def test_a_wrong_code_asked_for_once_more_too(self) -> None:
        client = visit(self.alice, headers=BROWSER, REMOTE_ADDR="192.0.2.46")
        client.post("/accounts/2fa/reauthenticate/", {"code": "wrong"})
        self.assertEqual(self.told(), [(Action.FACTOR_FAILED, self.alice.pk, "alice", "192.0.2.46")])

    def test_a_passkey_that_is_none_is_nobodys(self) -> None:
        with self.assertLogs(LOGGER) as logged:
            self.browser.post("/accounts/2fa/webauthn/login/", {"credential": "no json"})
            self.browser.post("/accounts/2fa/webauthn/login/", {})
        self.assertEqual([line.count("event=factor_failed person=- ") for line in logged.output], [1])
        self.assertEqual(self.told(), [])


class ForgettingTests(AttemptCase):
    def test_the_entry_is_one_like_any_other(self) -> None:
        self.log_in("alice")
        self.assertEqual(trail.forget_addresses(AuditEntry.objects.all()), 1)
