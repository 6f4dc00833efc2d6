"""The switch for push messages: what the page has, what a browser may hand in, and where it is not there at all."""

import hashlib
import io
import re
from collections.abc import Callable
from typing import Any

from django.core.management import call_command
from django.db import transaction
from django.test import Client, SimpleTestCase, TestCase, override_settings

from core import arrivals
from core.models import PushSubscription, UserSession
from core.push import keys, subscriptions
from core.trust import doctor

from .cast import Cast, ago
from .push_service import Browser
from .test_query_counts import queries_of
from .visits import BROWSER, answer_of, redirect_of, visit

KEY = keys.new_private_key()
ENDPOINT = "https://push.example.org/send/abc"
DIGEST_OF_PHONE = hashlib.sha256(b"https://push.example.org/phone").hexdigest()


def form(**fields: str) -> dict[str, str]:
    """Return what a browser hands in."""
    return {"endpoint": ENDPOINT, **Browser().keys} | fields


@override_settings(VAPID_PRIVATE_KEY=KEY)
class LoginTests(Cast, TestCase):
    """A browser is told as long as the login is not ended in which it was switched on."""

    def setUp(self) -> None:
        self.phone, self.laptop = visit(self.alice), visit(self.alice)
        for name, browser in (("phone", self.phone), ("laptop", self.laptop), ("bobs", visit(self.bob))):
            browser.post("/push/subscribe/", form(endpoint=f"https://push.example.org/{name}"))

    def told(self) -> set[str]:
        endpoints = PushSubscription.objects.values_list("endpoint", flat=True)
        return {endpoint.rpartition("/")[2] for endpoint in endpoints}

    def test_signing_out_switches_this_browser_off_and_no_other(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            self.phone.post("/accounts/logout/")
        self.assertEqual(self.told(), {"laptop", "bobs"})

    def test_so_does_ending_a_login_from_another_one_or_in_the_administration(self) -> None:
        phone = UserSession.objects.filter(session_key=self.phone.session.session_key)
        ways: dict[str, Callable[[], object]] = {
            "from another": lambda: self.laptop.post(f"/account/logins/{phone.get().pk}/end/"),
            "by staff": lambda: arrivals.end_sessions(phone),
        }
        for name, end in ways.items():
            with self.subTest(name), transaction.atomic():
                with self.captureOnCommitCallbacks(execute=True):
                    end()
                self.assertEqual(self.told(), {"laptop", "bobs"})
                transaction.set_rollback(True)

    def test_a_new_password_switches_all_of_the_person_off(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            self.alice.set_password("first-password-1")
            self.alice.save()
        self.assertEqual(self.told(), {"bobs"})

    def test_one_whose_login_is_over_by_time_is_told_on_until_the_person_ends_another(self) -> None:
        UserSession.objects.filter(session_key=self.phone.session.session_key).update(login_timestamp=ago(hours=25))
        self.phone.get("/dashboard/")
        self.assertEqual(self.told(), {"phone", "laptop", "bobs"})
        with self.captureOnCommitCallbacks(execute=True):
            self.laptop.post("/accounts/logout/")
        self.assertEqual(self.told(), {"bobs"})

    def test_one_that_logged_in_anew_and_subscribed_again_is_told_on(self) -> None:
        UserSession.objects.filter(session_key=self.phone.session.session_key).update(login_timestamp=ago(hours=25))
        again = visit(self.alice)
        self.assertIn(DIGEST_OF_PHONE, former_of(again))
        again.post("/push/subscribe/", form(endpoint="https://push.example.org/phone"))
        self.assertNotIn(DIGEST_OF_PHONE, former_of(again))
        with self.captureOnCommitCallbacks(execute=True):
            self.laptop.post("/accounts/logout/")
        self.assertEqual(self.told(), {"phone", "bobs"})


def former_of(browser: Client) -> list[str]:
    """Return which browsers of a person their page has subscribe again, by digest."""
    page = browser.get("/dashboard/", headers=BROWSER).content.decode()
    [found] = re.findall('data-former="([^"]*)"', page)
    return str(found).split()


@override_settings(VAPID_PRIVATE_KEY=KEY)
class SwitchTests(Cast, TestCase):
    def test_the_page_has_the_key_and_knows_its_browser_without_its_address(self) -> None:
        subscriptions.subscribe(user=self.alice, **form())
        page = visit(self.alice, headers=BROWSER).get("/dashboard/").content.decode()
        self.assertIn(f'data-key="{keys.public_key()}"', page)
        self.assertIn('data-worker="/sw.js"', page)
        known = page.partition('data-known="')[2].partition('"')[0]
        self.assertEqual(known, hashlib.sha256(ENDPOINT.encode()).hexdigest())
        self.assertNotIn("push.example.org", page)
        self.assertNotIn(KEY, page)
        others = visit(self.bob, headers=BROWSER).get("/dashboard/").content.decode()
        self.assertIn('data-known=""', others)

    def test_without_scripts_it_is_not_there(self) -> None:
        page = visit(self.alice, headers=BROWSER).get("/dashboard/").content.decode()
        panel = page.partition('<div class="push"')[2].partition(">")[0]
        self.assertIn("hidden", panel.split())

    def test_on_and_off_and_both_again(self) -> None:
        client, made = visit(self.alice), form()
        for _ in range(2):
            self.assertEqual(answer_of(client.post("/push/subscribe/", made)), (200, {"status": "on"}))
            self.assertEqual(PushSubscription.objects.get().user, self.alice)
        for _ in range(2):
            off = client.post("/push/unsubscribe/", {"endpoint": ENDPOINT})
            self.assertEqual((answer_of(off), PushSubscription.objects.count()), ((200, {"status": "off"}), 0))

    def test_nobody_switches_off_the_browser_of_another(self) -> None:
        subscriptions.subscribe(user=self.alice, **form())
        visit(self.bob).post("/push/unsubscribe/", {"endpoint": ENDPOINT})
        visit(self.bob).post("/push/unsubscribe-all/")
        self.assertEqual(PushSubscription.objects.get().user, self.alice)

    def test_all_are_switched_off_from_a_page_that_needs_no_scripts(self) -> None:
        browser = visit(self.alice, headers=BROWSER)
        self.assertNotContains(browser.get("/account/notices/"), "/push/unsubscribe-all/")
        for name in "ab":
            subscriptions.subscribe(user=self.alice, **form(endpoint=ENDPOINT + name))
        self.assertContains(browser.get("/account/notices/"), "2 browsers of yours tell you")
        response = browser.post("/push/unsubscribe-all/")
        expected = (302, "/account/notices/", ["None of your browsers will tell you any more."])
        self.assertEqual((redirect_of(response), PushSubscription.objects.count()), (expected, 0))

    def test_what_is_no_subscription_is_refused_and_stored_by_nobody(self) -> None:
        wrong: list[dict[str, Any]] = [
            {"endpoint": ""}, {"endpoint": "http://push.example.org/a"}, {"endpoint": "https://127.0.0.1/a"},
            {"endpoint": "https://localhost:8000/"}, {"endpoint": ENDPOINT + "x" * 1000},
            {"p256dh": ""}, {"p256dh": "x"}, {"p256dh": "A" * 87}, {"p256dh": "é" * 87}, {"p256dh": "B" * 500},
            {"auth": ""}, {"auth": "abc"}, {"auth": "A" * 24}, {"auth": "%%%"}, {"auth": "é" * 22},
        ]  # fmt: skip
        client = visit(self.alice)
        for fields in wrong:
            with self.subTest(fields=fields):
                status, told = answer_of(client.post("/push/subscribe/", form(**fields)))
                self.assertEqual((status, told["status"], told["field"]), (400, "invalid", *fields))
                self.assertIn("Load the page again.", told["detail"])
        self.assertFalse(PushSubscription.objects.exists())
        self.assertEqual(visit(self.alice, headers=BROWSER).post("/push/subscribe/", {}).status_code, 400)

    def test_the_dashboard_asks_once_more_for_it(self) -> None:
        browser = visit(self.alice, headers=BROWSER)
        browser.get("/readyz")
        with_push = len(queries_of(lambda: browser.get("/dashboard/")))
        with override_settings(VAPID_PRIVATE_KEY=""):
            self.assertEqual(len(queries_of(lambda: browser.get("/dashboard/"))), with_push - 1)

    def test_doctor_says_who_we_are_to_push_services(self) -> None:
        self.assertIn("on; push services write to mailto:", self.found())
        with override_settings(VAPID_PRIVATE_KEY=""):
            self.assertIn("`manage.py push_key` makes a key", self.found())

    def found(self) -> str:
        return next(one.said for one in doctor.examine() if one.part == "push")


class OffTests(Cast, TestCase):
    """Where no key is set."""

    def test_nothing_is_shown_and_nothing_taken(self) -> None:
        self.assertNotContains(visit(self.alice, headers=BROWSER).get("/dashboard/"), "data-push")
        self.assertEqual(visit(self.alice).post("/push/subscribe/", form()).status_code, 404)
        self.assertFalse(PushSubscription.objects.exists())

    def test_a_browser_that_was_switched_on_before_can_still_be_switched_off(self) -> None:
        subscriptions.subscribe(user=self.alice, **form())
        visit(self.alice).post("/push/unsubscribe/", {"endpoint": ENDPOINT})
        self.assertFalse(PushSubscription.objects.exists())


class WorkerTests(SimpleTestCase):
    def test_it_is_served_from_the_root_so_that_it_may_be_of_every_page(self) -> None:
        response = visit().get("/sw.js")
        script = b"".join(response).decode()
        self.assertEqual(
            (response.status_code, response.headers["Content-Type"]), (200, "text/javascript; charset=utf-8")
        )
        self.assertIn("showNotification", script)
        self.assertNotIn('"fetch"', script)  # no page waits for it
        self.assertIn("worker-src 'self'", response.headers["Content-Security-Policy"])


class KeyTests(SimpleTestCase):
    def test_the_command_prints_a_key_that_can_be_used(self) -> None:
        said = io.StringIO()
        call_command("push_key", stdout=said)
        name, _, key = said.getvalue().strip().partition("=")
        self.assertEqual((name, len(key)), ("VAPID_PRIVATE_KEY", 43))
        with override_settings(VAPID_PRIVATE_KEY=key):
            self.assertEqual(len(keys.public_key()), 87)  # 65 bytes
