"""Log in with Google, played against a provider of our own that runs as a real server (RELIABILITY 3, F25)."""

import http.client
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.db import connections
from django.test import Client, TestCase, TransactionTestCase

from core.models import TicketHold, User, UserSession

from .cast import Cast, ago, join, make_event, make_person, statuses
from .openid import CAROL, StandIn, google
from .visits import BROWSER, redirect_of, target_of, visit

PASSWORD = "correct horse battery"
LOGIN, CALLBACK, ACCOUNTS = "/accounts/google/login/", "/accounts/google/login/callback/", "/accounts/3rdparty/"


def leave(browser: Client, process: str = "login", **query: str) -> str:
    """Press the button; return where it leads."""
    return target_of(browser.post(f"{LOGIN}?{urlencode({'process': process, **query})}"))


def consent(address: str) -> str:
    """Do what a browser does at the provider's page; return where it is sent back to."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.netloc, timeout=10)
    connection.request("GET", f"{place.path}?{place.query}")
    location = connection.getresponse().headers["Location"]
    connection.close()
    back = urlsplit(location)
    return f"{back.path}?{back.query}"


def come_back(browser: Client, process: str = "login", **query: str) -> Any:
    """Go to the provider and come back."""
    return browser.get(consent(leave(browser, process, **query)))


def person_of(browser: Client) -> str:
    """Return the user name of whoever is logged in."""
    page = browser.get("/dashboard/")
    return page.context["user"].get_username() if page.status_code == 200 else ""


class GoogleCase(Cast, TestCase):
    def setUp(self) -> None:
        self.google: StandIn = self.enterContext(google())
        self.browser = visit(headers=BROWSER)

    def known(self, person: User, uid: str = CAROL["sub"]) -> None:  # type: ignore[assignment]  # -- a text
        SocialAccount.objects.create(user=person, provider="google", uid=uid)


class GoodWayTests(GoogleCase):
    def test_a_new_person_signs_up_is_recorded_and_held_a_place(self) -> None:
        event, before = make_event(), ago()
        response = come_back(self.browser)
        self.assertEqual((response.status_code, target_of(response)), (302, "/dashboard/"))
        self.assertEqual(person_of(self.browser), "carol")
        account, session = SocialAccount.objects.get(), UserSession.objects.get()
        self.assertEqual((account.user.email, account.uid, account.user.first_name), (CAROL["email"], "1001", "Carol"))
        self.assertEqual(session.session_key, self.browser.session.session_key)
        self.assertTrue(before <= session.login_timestamp <= ago())
        self.assertEqual(statuses(event), [("carol", "held")])
        self.assertEqual(TicketHold.objects.get().login_timestamp, session.login_timestamp)

    def test_its_address_counts_as_verified(self) -> None:
        come_back(self.browser)
        self.assertEqual(EmailAddress.objects.values_list("email", "verified").get(), (CAROL["email"], True))

    def test_it_is_asked_for_name_and_address_with_a_state_and_a_proof_of_the_asking_client(self) -> None:
        come_back(self.browser, auth="x")
        (asked,) = self.google.asked
        self.assertEqual(
            (set(asked["scope"].split()), asked["response_type"]), ({"openid", "profile", "email"}, "code")
        )
        self.assertEqual((asked["code_challenge_method"], len(asked["code_challenge"])), ("S256", 43))
        self.assertGreaterEqual(len(asked["state"]), 16)
        self.assertGreaterEqual(len(self.google.posted["code_verifier"]), 43)
        self.assertEqual(asked["redirect_uri"], f"http://testserver{CALLBACK}")

    def test_every_attempt_has_a_state_and_a_proof_of_its_own(self) -> None:
        for _ in range(2):
            come_back(visit(headers=BROWSER))
        first, second = self.google.asked
        self.assertNotEqual(first["state"], second["state"])
        self.assertNotEqual(first["code_challenge"], second["code_challenge"])
        self.assertNotEqual(first["nonce"], second["nonce"])
        self.assertGreaterEqual(len(first["nonce"]), 43)

    def test_neither_tokens_nor_a_picture_are_stored(self) -> None:
        come_back(self.browser)
        self.assertEqual(SocialToken.objects.count(), 0)
        self.assertEqual(set(SocialAccount.objects.get().extra_data), {"sub", "email", "email_verified", "given_name"})

    def test_a_returning_person_is_logged_in_and_a_second_account_is_not_made(self) -> None:
        self.known(self.alice)
        response = come_back(self.browser)
        self.assertEqual((target_of(response), person_of(self.browser)), ("/dashboard/", "alice"))
        self.assertEqual((User.objects.count(), SocialAccount.objects.count()), (4, 1))

    def test_the_same_number_at_another_provider_is_another_person(self) -> None:
        SocialAccount.objects.create(user=self.alice, provider="another", uid=CAROL["sub"])
        come_back(self.browser)
        self.assertEqual(person_of(self.browser), "carol")

    def test_a_link_that_is_followed_logs_nobody_in_nor_leaves_for_google(self) -> None:
        answer = self.browser.get(LOGIN)
        self.assertEqual((answer.status_code, self.google.asked, person_of(self.browser)), (200, [], ""))

    def test_the_session_before_is_not_the_one_after(self) -> None:
        self.known(self.alice)
        back = consent(leave(self.browser))
        before = self.browser.session.session_key
        self.browser.get(back)
        self.assertNotEqual(self.browser.session.session_key, before)

    def test_without_an_id_token_it_is_asked_who_it_was(self) -> None:
        self.google.has_id_token = False
        self.assertEqual(target_of(come_back(self.browser)), "/dashboard/")
        self.assertEqual(SocialAccount.objects.get().uid, CAROL["sub"])

    def test_a_deactivated_person_is_not_let_in(self) -> None:
        self.known(self.alice)
        User.objects.filter(pk=self.alice.pk).update(is_active=False)
        come_back(self.browser)
        self.assertEqual((person_of(self.browser), UserSession.objects.count()), ("", 0))

    def test_it_leads_on_to_pages_of_ours_alone(self) -> None:
        for asked, led in (
            ("/calendar/", "/calendar/"),
            ("//evil.example", "/dashboard/"),
            ("https:evil", "/dashboard/"),
        ):
            with self.subTest(next=asked):
                self.assertEqual(target_of(come_back(visit(headers=BROWSER), next=asked)), led)


class LoggedInTests(GoogleCase):
    """Somebody who is logged in, and has a place, meets Google."""

    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(auto_hold=False)
        join(self.event, self.alice)
        self.alices = visit(self.alice, headers=BROWSER)

    def test_logging_in_again_as_the_same_person_or_another_ends_nothing(self) -> None:
        told = "You are logged in as alice. To log in with another account, log out first."
        for owner in (self.alice, self.bob, None):
            with self.subTest(owner=owner):
                SocialAccount.objects.all().delete()
                if owner:
                    self.known(owner)
                self.assertEqual(redirect_of(come_back(self.alices)), (302, "/dashboard/", [told]))
                self.assertEqual((person_of(self.alices), User.objects.count()), ("alice", 4))
        self.assertEqual(statuses(self.event), [("alice", "held")])

    def test_an_account_is_connected_and_opens_the_door_from_then_on(self) -> None:
        response = come_back(self.alices, "connect")
        self.assertEqual((response.status_code, target_of(response)), (302, ACCOUNTS))
        self.assertContains(self.alices.get(ACCOUNTS), "carol@example.org")
        come_back(self.browser)
        self.assertEqual((person_of(self.browser), SocialAccount.objects.get().user), ("alice", self.alice))

    def test_who_has_a_password_is_asked_for_it_first(self) -> None:
        carol = make_person("carol", password=PASSWORD)
        browser = visit(carol, headers=BROWSER)
        response = come_back(browser, "connect")
        self.assertEqual((target_of(response), SocialAccount.objects.count()), ("/accounts/reauthenticate/", 0))
        browser.post("/accounts/reauthenticate/", {"password": "wrong"})
        self.assertEqual(SocialAccount.objects.count(), 0)
        self.assertEqual(target_of(browser.post("/accounts/reauthenticate/", {"password": PASSWORD})), ACCOUNTS)
        self.assertEqual(SocialAccount.objects.get().user, carol)

    def test_the_account_of_somebody_else_stays_theirs(self) -> None:
        self.known(self.bob)
        response = come_back(self.alices, "connect")
        self.assertEqual((response.status_code, SocialAccount.objects.get().user), (302, self.bob))
        self.assertEqual(person_of(self.alices), "alice")

    def test_nobody_connects_without_being_logged_in(self) -> None:
        response = come_back(self.browser, "connect")
        self.assertEqual((target_of(response), SocialAccount.objects.count()), (ACCOUNTS, 0))
        self.assertEqual(self.browser.get(ACCOUNTS).status_code, 302)


class DoorTests(GoogleCase):
    def test_a_link_shows_a_button_and_goes_nowhere_by_itself(self) -> None:
        page = self.browser.get(LOGIN)
        self.assertContains(page, "Continue with Google")
        self.assertEqual(self.browser.head(LOGIN).status_code, 405)

    def test_a_forged_press_is_refused(self) -> None:
        self.assertEqual(visit(headers=BROWSER, enforce_csrf_checks=True).post(LOGIN).status_code, 403)

    def test_a_link_does_not_decide_what_google_is_asked_for(self) -> None:
        for query in ("auth_params=client_id%3Devil", "auth_params=redirect_uri%3Dhttps://evil.example", "scope=drive"):
            for method in (self.browser.get, self.browser.post):
                self.assertEqual(method(f"{LOGIN}?{query}").status_code, 400)

    def test_the_ways_in_that_no_page_uses_are_closed(self) -> None:
        for path in ("/accounts/google/login/token/", "/accounts/google/"):
            for method in (self.browser.get, self.browser.post):
                self.assertEqual(method(path).status_code, 404)

    def test_the_way_back_takes_nothing_but_what_a_browser_does(self) -> None:
        back = consent(leave(self.browser))
        codes = [getattr(self.browser, method)(back).status_code for method in ("head", "post", "put", "options")]
        self.assertEqual((codes, self.google.posted), ([405] * 4, {}))
        self.assertEqual(self.browser.get(back).status_code, 302)

    def test_the_state_belongs_to_the_browser_that_asked(self) -> None:
        back = consent(leave(self.browser))
        self.assertEqual(visit(headers=BROWSER).get(back).status_code, 401)
        self.assertEqual(parse_qs(urlsplit(back).query)["state"], [self.google.asked[0]["state"]])


class PoolTests(TransactionTestCase):
    def test_whoever_waits_for_google_keeps_no_connection_of_the_database(self) -> None:
        with google() as stand_in:
            ours, kept = connections["default"], []

            def look() -> tuple[int, str, bytes]:
                kept.append(ours.connection is not None)
                return stand_in.exchange()

            stand_in.answer = look
            self.assertEqual(target_of(come_back(visit(headers=BROWSER))), "/dashboard/")
        self.assertEqual(kept, [False])
