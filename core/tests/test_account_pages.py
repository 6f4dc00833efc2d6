"""The pages about one's account: what they ask, what they say, and where they lead."""

import time
from typing import Any

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.core import mail
from django.test import Client, TestCase, TransactionTestCase, override_settings

from core.tests.cast import Cast, CastOfRaces, arrive, make_person
from core.tests.openid import PROVIDERS
from core.tests.test_second_factor import PASSWORD, SETUP, code_of
from core.tests.visits import BROWSER, target_of


class HasAccount:
    """Mixin: alice has a password and an address, and a browser."""

    alice: Any

    def setUp(self) -> None:
        super().setUp()  # type: ignore[misc]  # -- of the test case beside it
        self.alice.set_password(PASSWORD)
        self.alice.save()
        EmailAddress.objects.create(user=self.alice, email=self.alice.email, verified=True, primary=True)
        self.client = Client(headers=BROWSER)

    def log_in(self, **more: str) -> Any:
        return self.client.post("/accounts/login/", {"login": "alice", "password": PASSWORD, **more})


class AccountCase(HasAccount, Cast, TestCase):
    """Hers."""


class ConfirmationTests(AccountCase):
    PAGES = (f"{SETUP}totp/activate/", f"{SETUP}webauthn/add/")

    def log_in_before(self, seconds: int) -> None:
        self.log_in()
        session = self.client.session
        session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "password", "at": time.time() - seconds}]
        session.save()

    def test_who_has_just_logged_in_is_not_asked_for_the_password_again(self):
        self.log_in_before(290)
        for page in self.PAGES:
            with self.subTest(page=page):
                self.assertEqual(self.client.get(page).status_code, 200)

    def test_who_logged_in_five_minutes_ago_is_asked(self):
        self.log_in_before(310)
        for page in self.PAGES:
            with self.subTest(page=page):
                self.assertIn("/accounts/reauthenticate/?next=", target_of(self.client.get(page)))


@override_settings(STAFF_NEED_SECOND_FACTOR=True, MFA_TOTP_TOLERANCE=1)
class SetUpTests(HasAccount, CastOfRaces, TransactionTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = make_person("root", is_staff=True, is_superuser=True, password=PASSWORD)
        self.client.post("/accounts/login/", {"login": "root", "password": PASSWORD})

    def set_up_app(self) -> Any:
        secret = self.client.get(f"{SETUP}totp/activate/").context["form"].secret
        return self.client.post(f"{SETUP}totp/activate/", {"code": code_of(secret)}, follow=True)

    def test_staff_who_had_to_set_one_up_are_led_on_to_the_page_they_came_for(self):
        self.client.get("/admin/core/user/?q=jazz")
        self.assertNotContains(self.client.get(SETUP), "Go on to the page you came for")
        link = '<a class="button" href="/admin/core/user/?q=jazz">Go on to the page you came for</a>'
        self.assertContains(self.set_up_app(), link, html=True)
        self.assertContains(self.client.get(SETUP), link, html=True)
        came = self.client.get("/admin/core/user/?q=jazz")
        self.assertEqual((came.status_code, came.headers.get("Location")), (200, None))
        self.assertNotContains(self.client.get(SETUP), "Go on to the page you came for")

    def test_nobody_elses_address_is_led_on_to(self):
        self.client.get(f"{SETUP}?next=https://evil.example/")
        self.client.get("//evil.example/admin/")
        self.assertNotContains(self.set_up_app(), "evil.example")

    def test_who_set_one_up_unasked_is_led_nowhere_and_told_to_keep_the_codes(self):
        page = self.set_up_app()
        self.assertNotContains(page, "Go on to")
        for words in ("Keep these codes", "Where the phone or the key is lost", "Each works once"):
            self.assertContains(page, words)

    def test_who_is_logged_in_elsewhere_as_well_is_told_that_those_logins_go_on(self):
        words = "You are logged in elsewhere as well."
        self.assertNotContains(self.set_up_app(), words)
        arrive(self.root)
        self.assertContains(self.client.post(f"{SETUP}totp/deactivate/", follow=True), words, count=1)


class CodePromptTests(AccountCase):
    def setUp(self) -> None:
        super().setUp()
        TOTP.activate(self.alice, generate_totp_secret())

    def test_it_mentions_recovery_codes_which_work_there(self):
        code = RecoveryCodes.activate(self.alice).get_unused_codes()[0]
        self.log_in()
        self.assertContains(self.client.get(f"{SETUP}authenticate/"), "recovery codes works here as well")
        self.client.post(f"{SETUP}authenticate/", {"code": code})
        self.assertEqual(self.client.get("/dashboard/").status_code, 200)
        self.assertContains(self.client.get(f"{SETUP}reauthenticate/"), "recovery codes works here as well")

    def test_it_offers_no_key_to_those_who_have_none(self):
        self.log_in()
        self.assertNotContains(self.client.get(f"{SETUP}authenticate/"), "security key")

    def test_a_wrong_code_is_told_on_the_page(self):
        self.log_in()
        self.assertContains(self.client.post(f"{SETUP}authenticate/", {"code": "000000"}), "Incorrect code")

    def test_a_phone_shows_digits_and_offers_the_code_it_knows(self):
        self.log_in()
        self.assertContains(self.client.get(f"{SETUP}authenticate/"), 'inputmode="numeric"')
        self.assertContains(self.client.get(f"{SETUP}authenticate/"), 'autocomplete="one-time-code"')


class AppPageTests(AccountCase):
    def test_the_secret_can_be_opened_copied_and_read_without_scripts(self):
        self.log_in()
        page = self.client.get(f"{SETUP}totp/activate/")
        secret = page.context["form"].secret
        self.assertContains(page, f'<code class="secret" id="authenticator_secret">{secret}</code>', html=True)
        self.assertContains(page, '<a href="otpauth://totp/')
        self.assertContains(page, 'data-copy="authenticator_secret"')
        self.assertContains(page, 'inputmode="numeric"')
        self.assertContains(page, 'autocomplete="one-time-code"')
        self.assertNotContains(page, "disabled")


class LoginPageTests(AccountCase):
    def test_it_promises_no_longer_memory_than_there_is(self):
        self.assertNotContains(self.client.get("/accounts/login/"), "Remember")


class RefusedFormTests(AccountCase):
    def send_without_token(self, referer: str) -> Any:
        client = Client(headers=BROWSER, enforce_csrf_checks=True)
        client.force_login(self.alice)
        return client.post("/account/notices/choose/", headers={"Referer": referer})

    def test_it_is_told_what_happened_and_led_back_to_the_page_itself(self):
        page = self.send_without_token("http://testserver/account/notices/?from=a")
        for words in ("This page was too old", "Nothing was done, and nothing was lost", "keeps no cookies"):
            self.assertContains(page, words, status_code=403)
        link = '<a class="button" href="/account/notices/?from=a">Open the page anew</a>'
        self.assertContains(page, link, status_code=403, html=True)
        self.assertNotContains(page, "organizers", status_code=403)

    def test_nobody_is_led_to_a_page_of_somebody_else(self):
        for referer in ("https://evil.example/x", "", "javascript:alert(1)", "http://testserver.evil.example/"):
            with self.subTest(referer=referer):
                self.assertNotContains(self.send_without_token(referer), "Open the page anew</a>", status_code=403)
        inner = self.send_without_token("http://testserver//evil.example/x")
        self.assertNotContains(inner, 'href="//evil', status_code=403)

    def test_an_address_of_a_button_says_that_it_is_one(self):
        page = self.client.get("/book/1/")
        self.assertContains(page, "This address cannot be opened by itself", status_code=405)
        self.assertNotContains(page, "There is no page", status_code=405)

    def test_it_leads_to_the_same_address_or_to_the_nearest_above_it_that_can_be_opened(self):
        for method, address, back in (
            ("get", "/organize/7/save/", "/organize/7/"),
            ("get", "/organize/import/upload/", "/organize/import/"),
            ("get", "/ticket/x%3Fy/transfer/withdraw/", "/ticket/x%3Fy/"),  # /ticket/x/transfer/ is written to as well
            ("get", "/events/7/gate/staff/8/remove/", "/events/7/gate/"),
            ("post", "/dashboard/?page=2", "/dashboard/?page=2"),
        ):
            with self.subTest(address=address):
                page = getattr(self.client, method)(address)
                link = f'<a class="button" href="{back}">Open its page</a>'
                self.assertContains(page, link, status_code=405, html=True)
        self.assertNotContains(self.client.get("/book/1/"), "Open its page", status_code=405)

    def test_after_a_new_password_one_is_led_to_the_login(self):
        page = self.client.get("/accounts/password/reset/key/done/")
        self.assertContains(page, '<a class="button" href="/accounts/login/">Log in</a>', html=True)


class MailTests(AccountCase):
    def test_where_nobody_said_where_the_site_is_a_mail_leads_to_where_it_was_asked_for(self):
        with self.settings(SITE_URL_IS_KNOWN=False, ALLOWED_HOSTS=["box.lan"]):
            self.client.post("/accounts/password/reset/", {"email": self.alice.email}, headers={"host": "box.lan:8000"})
        text = str(mail.outbox[0].body)
        self.assertIn("\nhttp://box.lan:8000/accounts/", text)
        self.assertEqual(text.strip().splitlines()[-1], "Box Office, http://box.lan:8000/")

    @override_settings(SITE_URL_IS_KNOWN=True)
    def test_a_mail_calls_the_site_by_its_name(self):
        self.client.post("/accounts/password/reset/", {"email": self.alice.email})
        text = mail.outbox[0].body
        self.assertIn(f"\n{settings.SITE_URL}accounts/", text)
        self.assertNotIn("testserver", text)
        self.assertIn("Hello from Box Office!", text)
        self.assertEqual(str(text).strip().splitlines()[-1], f"Box Office, {settings.SITE_URL}")

    def test_so_does_the_one_that_asks_for_an_address_to_be_confirmed(self):
        self.log_in()
        self.client.post("/accounts/email/", {"action_add": "", "email": "other@example.org"})
        text = mail.outbox[-1].body
        self.assertIn("alice has given this address as theirs at Box Office.", text)
        self.assertNotIn("testserver.", text)


class AddressPageTests(AccountCase):
    def test_it_says_which_addresses_there_are_and_what_each_button_does(self):
        EmailAddress.objects.create(user=self.alice, email="other@example.org")
        self.log_in()
        page = self.client.get("/accounts/email/")
        for words in (
            '<span class="badge badge--valid">Confirmed</span>',
            '<span class="badge badge--held">Not confirmed</span>',
            '<span class="badge badge--plain">Primary</span>',
            '<button class="button" name="action_primary">Make it primary</button>',
            '<button class="button button--quiet" name="action_send">Send the link again</button>',
            '<button class="button button--danger" name="action_remove">Remove it</button>',
        ):
            with self.subTest(words=words):
                self.assertContains(page, words, html=True)

    def test_for_the_only_one_there_is_no_button_that_would_do_nothing_or_take_it_away(self):
        self.log_in()
        page = self.client.get("/accounts/email/")
        for name in ("action_primary", "action_send", "action_remove"):
            self.assertNotContains(page, name)
        self.assertContains(page, "To change it, add the new one")
        EmailAddress.objects.update(verified=False)
        page = self.client.get("/accounts/email/")
        self.assertContains(page, "action_send")
        self.assertNotContains(page, "action_remove")

    def test_whoever_sends_it_all_the_same_keeps_it_and_is_told_why(self):
        self.log_in()
        page = self.client.post("/accounts/email/", {"email": self.alice.email, "action_remove": ""}, follow=True)
        self.assertContains(page, "alice@example.org stays: an account has a primary address.")
        EmailAddress.objects.update(primary=False)
        self.client.post("/accounts/email/", {"email": self.alice.email, "action_remove": ""})
        self.assertEqual(EmailAddress.objects.count(), 1)

    def test_each_of_them_does_it(self):
        EmailAddress.objects.create(user=self.alice, email="other@example.org", verified=True)
        self.log_in()
        self.client.post("/accounts/email/", {"email": "other@example.org", "action_primary": ""})
        self.client.post("/accounts/email/", {"email": "alice@example.org", "action_remove": ""})
        left = EmailAddress.objects.values_list("email", "primary")
        self.assertEqual(list(left), [("other@example.org", True)])

    def test_an_address_that_is_none_is_told_beside_the_field(self):
        self.log_in()
        page = self.client.post("/accounts/email/", {"email": "nonsense", "action_add": ""})
        self.assertContains(page, "Enter a valid email address.")


class ConnectionsPageTests(AccountCase):
    @override_settings(SOCIALACCOUNT_PROVIDERS=PROVIDERS)
    def test_an_account_from_elsewhere_is_named_and_can_be_removed(self):
        of_hers = {"user": self.alice, "provider": "google", "uid": "1", "extra_data": {"email": "a@gmail.example"}}
        google = SocialAccount.objects.create(**of_hers)
        self.log_in()
        page = self.client.get("/accounts/3rdparty/")
        self.assertContains(page, "a@gmail.example")
        self.assertContains(page, '<span class="badge badge--plain">Google</span>', html=True)
        self.assertContains(page, '<button class="button button--danger">Remove it</button>', html=True)
        self.client.post("/accounts/3rdparty/", {"account": google.pk})
        self.assertContains(self.client.get("/accounts/3rdparty/"), "No account from elsewhere opens this one.")

    def test_where_google_is_turned_off_a_page_says_so_whatever_is_sent_to_it(self):
        google = SocialAccount.objects.create(user=self.alice, provider="google", uid="1")
        self.log_in()
        for account in (google.pk, "", "x"):
            page = self.client.post("/accounts/3rdparty/", {"account": account})
            self.assertContains(page, "Logins by other accounts are turned off here for now")
        self.assertTrue(SocialAccount.objects.filter(pk=google.pk).exists())


class FactorPageTests(AccountCase):
    def test_it_says_what_each_factor_is_good_for_and_what_is_on(self):
        self.log_in()
        page = self.client.get(SETUP)
        for words in ("Set up an app", "Add a key", "You are given some with your first app or key."):
            self.assertContains(page, words)
        TOTP.activate(self.alice, generate_totp_secret())
        RecoveryCodes.activate(self.alice)
        page = self.client.get(SETUP)
        for words in ("Turn it off", "10 of 10 are left", "Make new ones"):
            self.assertContains(page, words)
        for words in ("Authentication", "Deactivate", "Generate"):
            self.assertNotContains(page, words)


class StaleLinkTests(AccountCase):
    def test_a_link_to_a_new_password_that_is_none_any_more_leads_to_a_new_one(self):
        page = self.client.get("/accounts/password/reset/key/1-nonsense/", follow=True)
        self.assertNotContains(page, "Bad Token")
        self.assertContains(page, "This link is not good any more")
        self.assertContains(
            page, '<a class="button" href="/accounts/password/reset/">Send me a new link</a>', html=True
        )

    def test_one_that_confirms_an_address_does_too(self):
        for log_in, link in (
            (False, '<a class="button" href="/accounts/login/">Log in</a>'),
            (True, '<a class="button" href="/accounts/email/">My e-mail addresses</a>'),
        ):
            with self.subTest(log_in=log_in):
                if log_in:
                    self.log_in()
                page = self.client.get("/accounts/confirm-email/nonsense/")
                self.assertContains(page, "This link is not good any more")
                self.assertContains(page, link, html=True)

    def test_one_that_is_good_asks_and_one_of_an_address_of_others_says_whose_it_is(self):
        mine = EmailAddress.objects.create(user=self.alice, email="both@example.org")
        link = f"/accounts/confirm-email/{EmailConfirmationHMAC(mine).key}/"
        self.assertContains(self.client.get(link), "Yes, confirm it")
        EmailAddress.objects.create(user=self.bob, email="both@example.org", verified=True)
        self.assertContains(self.client.get(link), "Another account has confirmed")


class FrameTests(AccountCase):
    def test_every_page_of_an_account_is_a_page_of_the_site_in_its_own_words(self):
        entrance = ("password/reset/", "password/reset/done/", "confirm-email/", "inactive/")
        for address in (*entrance, "password/change/", "email/", "3rdparty/", "2fa/", "reauthenticate/"):
            with self.subTest(address=address):
                if address not in entrance:
                    self.log_in()
                page = self.client.get(f"/accounts/{address}")
                self.assertContains(page, "Skip to main content")
                self.assertEqual(page.content.count(b"<h1>"), 1)
                for words in ("contact us", "third-party", "Re-send", "Account Inactive"):
                    self.assertNotContains(page, words)
