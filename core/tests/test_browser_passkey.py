"""A passkey, made and used in a real browser with a virtual authenticator."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.test import tag
from playwright.sync_api import Page, expect

from core.models import UserSession
from core.tests.browser import PASSWORD, BrowserTestCase

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@tag("face")
class PasskeyTests(BrowserTestCase):
    def with_authenticator(self) -> tuple[Page, Any]:
        """Open a window at the name that a passkey is bound to; a bare address can have none."""
        page = self.window(self.address.replace("127.0.0.1", "localhost"))
        session = page.context.new_cdp_session(page)
        session.send("WebAuthn.enable")
        session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        return page, session

    def test_somebody_makes_a_passkey_and_logs_in_with_it_alone(self) -> None:
        EmailAddress.objects.create(user=self.alice, email=self.alice.email, verified=True, primary=True)
        page, _ = self.with_authenticator()
        self.log_in(page, self.alice)
        page.goto("/accounts/2fa/webauthn/add/")
        page.get_by_label("Name").fill("Phone")
        page.get_by_role("checkbox").check()  # one that logs in without a password
        self.picture(page, "passkey_add")
        page.get_by_role("button", name="Add a key").click()
        page.wait_for_url("**/recovery-codes/**")
        self.assertEqual(Authenticator.objects.filter(user=self.alice, type="webauthn").count(), 1)
        page.goto("/accounts/logout/")
        page.get_by_role("main").get_by_role("button").first.click()
        page.goto("/accounts/login/")
        self.picture(page, "passkey_login")
        page.get_by_role("button", name="Log in with a passkey").click()
        page.wait_for_url("**/dashboard/")
        expect(page.get_by_role("heading", name="Dashboard").first).to_be_visible()
        self.assertEqual(UserSession.objects.filter(user=self.alice, is_active=True).count(), 1)
        self.use_the_key_after_the_password(page)

    def use_the_key_after_the_password(self, page: Page) -> None:
        """The prompt for a code offers a key to those who have one."""
        page.goto("/accounts/logout/")
        page.get_by_role("main").get_by_role("button").first.click()
        page.goto("/accounts/login/")
        page.get_by_label("User name or e-mail").fill("alice")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Log in", exact=True).click()
        page.wait_for_url("**/authenticate/")
        page.set_viewport_size({"width": 375, "height": 740})
        self.picture(page, "code_prompt_375")
        page.get_by_role("button", name="Use a security key").click()
        page.wait_for_url("**/dashboard/")

    def test_a_passkey_that_is_not_given_is_said_on_the_page(self) -> None:
        page, _ = self.with_authenticator()
        page.goto("/accounts/login/")
        # Who cancels, and a device without a key, are told apart by no browser.
        page.evaluate(
            "() => { navigator.credentials.get = () => Promise.reject(new DOMException('', 'NotAllowedError')) }"
        )
        page.get_by_role("button", name="Log in with a passkey").click()
        said = page.get_by_role("main").get_by_role("status")
        expect(said).to_contain_text("you cancelled, took too long, or this device has no key for this site")
        self.picture(page, "passkey_cancelled")

    def test_the_secret_of_an_app_is_copied(self) -> None:
        EmailAddress.objects.create(user=self.alice, email=self.alice.email, verified=True, primary=True)
        page = self.window(viewport={"width": 375, "height": 740}, permissions=["clipboard-read", "clipboard-write"])
        self.log_in(page, self.alice)
        page.goto("/accounts/2fa/totp/activate/")
        self.picture(page, "totp_375")
        page.get_by_role("button", name="Copy the secret").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        secret = page.locator("#authenticator_secret").text_content()
        self.assertEqual(page.evaluate("navigator.clipboard.readText()"), secret)
