"""What comes back from Google and must open nothing: a clean page, nobody logged in, no account taken over (F25)."""

import json
import socketserver
import threading
import time
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlencode, urlsplit

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.google import views
from django.core import mail
from django.test import override_settings

from core import google
from core.models import User, UserSession
from tools.ports import free_port

from .cast import make_event, make_person
from .openid import CAROL, token_of
from .test_google import CALLBACK, GoogleCase, come_back, consent, leave, person_of
from .visits import BROWSER, target_of, visit

FAILED = "That did not work"
AWAY = "Google does not answer"
SIGN_UP = "/accounts/3rdparty/signup/"
ACCESS = b'{"access_token": "a", "id_token": '


def altered(back: str, **differs: str | None) -> str:
    """Return the way back with other values in its query (None: left out)."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()} | differs
    return f"{CALLBACK}?{urlencode({name: value for name, value in query.items() if value is not None})}"


class RefusedCase(GoogleCase):
    """Carol has an account with a password; Google knows a carol with the same address."""

    def setUp(self) -> None:
        super().setUp()
        self.carol = make_person("carol", password="correct horse battery")
        self.event = make_event()

    def expect_nobody(self) -> None:
        """Fail unless nobody is logged in, and no account came, went or was connected."""
        self.assertEqual(person_of(self.browser), "")
        self.assertEqual((UserSession.objects.count(), SocialAccount.objects.count()), (0, 0))
        people = set(User.objects.values_list("username", flat=True))
        self.assertEqual(people, {"alice", "bob", "carol", "greta", "olga"})
        self.assertEqual(User.objects.get(pk=self.carol.pk).password, self.carol.password)

    def expect_page(self, response: Any, status: int, heading: str) -> None:
        self.assertContains(response, f"<h1>{heading}</h1>", status_code=status, html=True)
        self.assertNotContains(response, "Third-Party", status_code=status)
        self.assertContains(response, "/accounts/login/", status_code=status)
        self.expect_nobody()


class StateAndCodeTests(RefusedCase):
    def refused(self, **differs: str | None) -> None:
        back = altered(consent(leave(self.browser)), **differs)
        self.expect_page(self.browser.get(back), 401, FAILED)

    def test_no_code(self) -> None:
        self.refused(code=None)

    def test_no_state_a_wrong_one_or_nothing_at_all(self) -> None:
        for differs in ({"state": None}, {"state": "x"}, {"state": "x" * 5000}, {"state": None, "code": None}):
            with self.subTest(differs=differs):
                self.refused(**differs)
        self.assertEqual(self.google.posted, {})  # the code was not even looked at

    def test_a_code_that_is_none(self) -> None:
        for code in ("x", "", "é" * 100, "a" * 5000):
            with self.subTest(code=code[:10]):
                self.refused(code=code)

    def test_a_way_back_that_was_used(self) -> None:
        self.google.person |= {"sub": "2002", "email": "dora@example.org"}
        back = consent(leave(self.browser))
        self.assertEqual(target_of(self.browser.get(back)), "/dashboard/")
        self.browser.post("/accounts/logout/")
        again = self.browser.get(back)
        self.assertContains(again, FAILED, status_code=401)
        self.assertEqual(person_of(self.browser), "")

    def test_a_code_that_was_used_under_a_new_state(self) -> None:
        self.google.person |= {"sub": "2002", "email": "dora@example.org"}
        used = parse_qs(urlsplit(back := consent(leave(self.browser))).query)["code"][0]
        self.browser.get(back)
        thief = visit(headers=BROWSER)
        response = thief.get(altered(consent(leave(thief)), code=used))
        self.assertContains(response, FAILED, status_code=401)
        self.assertEqual(person_of(thief), "")

    def test_a_code_of_another_browser_which_lacks_its_proof(self) -> None:
        other = consent(leave(visit(headers=BROWSER)))
        self.refused(code=parse_qs(urlsplit(other).query)["code"][0])

    def test_a_state_that_is_older_than_ten_minutes(self) -> None:
        back = consent(leave(self.browser))
        late = time.time() + 601
        with patch("allauth.socialaccount.internal.statekit.time.time", lambda: late):
            response = self.browser.get(back)
        self.expect_page(response, 401, FAILED)


class DeniedTests(RefusedCase):
    def test_a_person_who_denies_is_told_that_nothing_was_changed(self) -> None:
        self.google.denies = "access_denied"
        response = come_back(self.browser)
        self.assertEqual(response.status_code, 302)
        self.expect_page(self.browser.get(target_of(response)), 200, "You went back")

    def test_an_error_of_googles_is_one_of_ours(self) -> None:
        for error in ("server_error", "invalid_scope", "<script>alert(1)</script>"):
            with self.subTest(error=error):
                self.google.denies = error
                response = come_back(self.browser)
                self.expect_page(response, 401, FAILED)
                self.assertNotContains(response, "<script>alert", status_code=401)


class AwayTests(RefusedCase):
    def away(self) -> float:
        """Come back, and be told that Google is away; return after how many seconds."""
        back = consent(leave(self.browser))
        begun = time.monotonic()
        with self.assertLogs("core.google", "WARNING"):
            response = self.browser.get(back)
        took = time.monotonic() - begun
        self.assertEqual(response.headers["Retry-After"], "3")
        self.expect_page(response, 503, AWAY)
        return took

    def test_a_port_that_nobody_listens_at(self) -> None:
        with patch.object(views.GoogleOAuth2Adapter, "access_token_url", f"http://127.0.0.1:{free_port()}/token"):
            self.away()

    def test_an_answer_that_never_comes_is_waited_for_less_than_five_seconds(self) -> None:
        self.google.never_answers()
        self.assertLess(2 * google.PATIENCE, 5)
        with patch.object(google, "PATIENCE", 0.2):
            self.assertLess(self.away(), 5)

    def test_an_answer_that_comes_in_drops_is_not_waited_for_either(self) -> None:
        address = self.dripping()
        with (
            patch.object(google, "PATIENCE", 0.3),
            patch.object(views.GoogleOAuth2Adapter, "access_token_url", address),
        ):
            self.assertLess(self.away(), 5)

    def dripping(self) -> str:
        """Return the address of a server that says something every tenth of a second, and never all of it."""
        closed = self.google.closed

        class Dripping(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.recv(65_536)
                self.request.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n"
                )
                while not closed.wait(0.1):
                    self.request.sendall(b" ")

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dripping)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}/token"


class NonsenseTests(RefusedCase):
    def test_answers_that_are_none(self) -> None:
        answers: tuple[tuple[bytes, int, str], ...] = (
            (b"", 200, "application/json"), (b"not json", 200, "application/json"), (b"{", 200, "application/json"),
            (b"[]", 200, "application/json"), (b'["access_token"]', 200, "application/json"),
            (b"1", 200, "application/json"), (b"null", 200, "application/json"), (b"<html>", 200, "text/html"),
            (b'{"access_token": ["a"]}', 200, "application/json"), (b'{"access_token": ""}', 200, "application/json"),
            (b'{"access_token": "\xc3\xa9\\n"}', 200, "application/json"), (b"\xff\xfe", 200, "application/json"),
            (b'{"access_token": "a"}', 200, ""), (b"access_token=a", 200, ""),
            (b'{"error": "invalid_client"}', 401, "application/json"), (b"gone", 500, "text/plain"),
            (b"[" * 100_000, 200, "application/json"),
        )  # fmt: skip
        for content, status, kind in answers:
            with self.subTest(content=content[:30]):
                self.google.says(content, status=status, kind=kind)
                with patch.dict(self.google.person, clear=True), self.assertLogs("core.google", "WARNING"):
                    response = come_back(self.browser)
                self.expect_page(response, 401, FAILED)

    def test_an_answer_that_leads_elsewhere_is_not_followed(self) -> None:
        self.google.leads_to = f"{self.google.address}/authorize?redirect_uri=x&state=followed"
        for status in (301, 302, 303, 307, 308):
            with self.subTest(status=status), self.assertLogs("core.google", "WARNING"):
                self.google.says(b"", status=status)
                self.expect_page(come_back(self.browser), 401, FAILED)
        self.assertNotIn("followed", [asked["state"] for asked in self.google.asked])

    def test_id_tokens_that_are_none(self) -> None:
        for token in ("", "x", "a.b.c", "a.b", "." * 5000, token_of([]), token_of("x"), token_of({})):
            with self.subTest(token=token[:20]), patch.dict(self.google.person, clear=True):
                self.google.says(ACCESS + json.dumps(token).encode() + b"}")
                with self.assertLogs("core.google", "WARNING"):
                    self.expect_page(come_back(self.browser), 401, FAILED)

    def test_claims_that_are_not_meant_for_us_or_not_any_more(self) -> None:
        for claims in (
            {"aud": "another-client"}, {"aud": None}, {"iss": "https://evil.example"}, {"iss": None},
            {"nonce": None}, {"nonce": ""}, {"nonce": "x"}, {"nonce": ["x"]},
            {"exp": 1}, {"exp": "soon"}, {"sub": ""}, {"sub": None}, {"sub": 7}, {"sub": ["1001"]},
            {"sub": "x" * 192}, {"sub": "10\0" + "01"},
        ):  # fmt: skip
            with self.subTest(claims=claims):
                self.google.claims = claims
                with self.assertLogs("core.google", "WARNING"):
                    self.expect_page(come_back(self.browser), 401, FAILED)

    def test_a_token_of_another_attempt_is_worth_nothing_even_a_fresh_one(self) -> None:
        consent(leave(visit(headers=BROWSER)))  # somebody else's, whose token is put in the place of ours
        self.google.claims = {"nonce": self.google.asked[-1]["nonce"]}
        with self.assertLogs("core.google", "WARNING"):
            self.expect_page(come_back(self.browser), 401, FAILED)

    def test_a_token_that_was_used_is_worth_nothing_the_second_time(self) -> None:
        self.google.person |= {"sub": "2002", "email": "dora@example.org"}
        self.google.claims = {"jti": f"once-{time.monotonic()}"}
        self.assertEqual(target_of(come_back(visit(headers=BROWSER))), "/dashboard/")
        with self.assertLogs("core.google", "WARNING"):
            self.assertContains(come_back(self.browser), FAILED, status_code=401)
        self.assertEqual(person_of(self.browser), "")


class AddressTests(RefusedCase):
    """An address is no proof: whoever has an account logs in to it by password first."""

    def asked_for_an_address(self) -> Any:
        response = come_back(self.browser)
        self.assertEqual(target_of(response), SIGN_UP)
        page = self.browser.get(SIGN_UP)
        self.assertContains(page, "Finish signing up")
        self.expect_nobody()
        return page

    def test_that_of_somebody_else_takes_nothing_over_verified_or_not(self) -> None:
        for is_verified in (True, False, "false", 1):
            for email in (CAROL["email"], "CAROL@Example.ORG"):
                with self.subTest(is_verified=is_verified, email=email):
                    self.google.person |= {"email": email, "email_verified": is_verified}
                    self.asked_for_an_address()
                    form = {"username": "thief", "email": CAROL["email"]}
                    again = self.browser.post(SIGN_UP, form)
                    self.assertContains(again, "already exists")
                    self.expect_nobody()

    @override_settings(ACCOUNT_EMAIL_VERIFICATION="mandatory", ACCOUNT_RATE_LIMITS=False)  # one mail in 3 minutes
    def test_where_addresses_are_verified_its_owner_is_written_to_and_the_page_tells_nothing(self) -> None:
        taken = come_back(self.browser)
        self.expect_nobody()
        self.assertEqual([message.to for message in mail.outbox], [[CAROL["email"]]])
        self.google.person |= {"sub": "2002", "email": "dora@example.org", "email_verified": False}
        free = come_back(visit(headers=BROWSER))
        self.assertEqual((taken.status_code, target_of(taken)), (free.status_code, target_of(free)))

    @override_settings(ACCOUNT_EMAIL_VERIFICATION="mandatory")
    def test_one_that_google_has_not_verified_lets_nobody_in_before_it_is_confirmed(self) -> None:
        for number, is_verified in enumerate((False, None, "true", "false", 1)):
            with self.subTest(is_verified=is_verified):
                email = f"dora{number}@example.org"
                self.google.person |= {"sub": f"200{number}", "email": email, "email_verified": is_verified}
                response = come_back(self.browser)
                self.assertEqual(target_of(response), "/accounts/confirm-email/")
                self.assertEqual((person_of(self.browser), UserSession.objects.count()), ("", 0))
                self.assertEqual(EmailAddress.objects.get(email=email).verified, False)

    def test_none_at_all_or_one_that_is_none_is_asked_for(self) -> None:
        for email in (None, "", "no address", "a@b", 7, ["carol@example.org"], "x" * 300 + "@example.org", "a\0@b.org"):
            with self.subTest(email=email):
                self.google.person |= {"email": email}
                self.asked_for_an_address()
        self.browser.post(SIGN_UP, {"username": "dora", "email": "dora@example.org"})
        self.assertEqual(person_of(self.browser), "dora")
        self.assertEqual(EmailAddress.objects.get(email="dora@example.org").verified, False)

    def test_names_of_any_kind_are_taken_or_left_and_never_fail(self) -> None:
        names = ("x" * 5000, "محمد", "李雷🎫", "a\0b", "\u202eevil", "<script>", ["list"], {"a": 1}, 7, None, "{{7*7}}")
        for number, name in enumerate(names):
            with self.subTest(name=str(name)[:20]):
                self.google.person |= {"sub": f"300{number}", "email": f"n{number}@example.org", "given_name": name}
                browser = visit(headers=BROWSER)
                self.assertEqual(target_of(come_back(browser)), "/dashboard/")
                self.assertEqual(browser.get("/dashboard/").status_code, 200)
