"""No page of any role loads what the content security policy refuses: a real browser would say so in its console."""

from allauth.account.models import EmailAddress
from django.contrib import admin
from playwright.sync_api import Page

from core import allocation, checkin
from core.tests.browser import PASSWORD, BrowserTestCase
from core.tests.cast import make_event, make_person, offer

OF_ALL = ("/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/nowhere/", "/account/activity/")
OF_ONESELF = (
    *("/dashboard/", "/calendar/", "/account/activity/", "/account/privacy/", "/accounts/email/"),
    *("/accounts/password/change/", "/accounts/2fa/", "/accounts/reauthenticate/", "/accounts/logout/"),
)
FACTORS = ("totp/activate/", "webauthn/", "webauthn/add/", "recovery-codes/generate/")


class PolicyTests(BrowserTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(auto_hold=False, capacity=5)
        self.ticket = allocation.book(event_id=self.event.pk, user=self.alice)
        allocation.join(event_id=self.event.pk, user=self.bob)
        checkin.scan(code="unknown", event=self.event, staff=self.greta)

    def sweep(self, page: Page, paths: list[str]) -> None:
        """Open each page, and see that its browser complains of nothing but the 403s and 404s that we asked for."""
        for path in paths:
            with self.subTest(path=path):
                self.complaints.clear()
                page.goto(path)
                page.wait_for_load_state("load")
                refused = [text for text in self.complaints if "404" not in text and "403" not in text]
                self.assertEqual(refused, [])

    def test_pages_of_everybody_and_of_an_attendee(self) -> None:
        token = offer(self.ticket, self.bob).token
        ticket = f"/ticket/{self.ticket.code}/"
        public = [*OF_ALL, f"/events/{self.event.pk}/", f"/events/{self.event.pk}/fairness/"]
        self.sweep(self.window(), public)
        alice = self.window()
        self.log_in(alice, self.alice)
        self.sweep(alice, [*public, *OF_ONESELF, ticket])
        bob = self.window()
        self.log_in(bob, self.bob)
        self.sweep(bob, [f"/transfers/{token}/", "/checkin/"])

    def test_pages_of_second_factors(self) -> None:
        EmailAddress.objects.create(user=self.alice, email=self.alice.email, verified=True, primary=True)
        page = self.window()
        self.log_in(page, self.alice)
        self.sweep(page, [f"/accounts/2fa/{path}" for path in FACTORS])

    def test_pages_of_staff(self) -> None:
        olga = self.window()
        self.log_in(olga, self.olga)
        names = ("attendees/", "gate/", "history/", "fairness/")
        organized = [
            "/organize/",
            *(f"/organize/{self.event.pk}/{name}" for name in ("", "edit/", "cancelling/", "line/")),
        ]
        self.sweep(olga, ["/checkin/", *organized, *(f"/events/{self.event.pk}/{name}" for name in names)])
        make_person("root", is_staff=True, is_superuser=True, password=PASSWORD)
        root = self.window()
        root.goto("/accounts/login/")
        root.get_by_label("User name or e-mail").fill("root")
        root.get_by_label("Password", exact=True).fill(PASSWORD)
        root.get_by_role("main").get_by_role("button", name="Log in", exact=True).click()
        root.wait_for_url("**/dashboard/")
        models = [f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry]
        event = f"/admin/core/event/{self.event.pk}"
        own = [
            f"{event}/change/",
            f"{event}/serving/",
            "/admin/core/event/add/",
            "/admin/core/user/add/",
            "/websocket-test/",
        ]
        self.sweep(root, ["/admin/", *models, *own])
