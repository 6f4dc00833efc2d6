"""No page of any role loads what the content security policy refuses, as a real browser's console would say, or keeps
anybody out, as axe would.

The pages are those that the resolvers know: a new one is opened by itself, and one that nobody is shown fails.
"""

from typing import Any

from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.apps import apps
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.test import Client, tag
from playwright.sync_api import Page, Response

from core.imports.columns import template
from core.imports.create import keep
from core.models import Event, Notice, User
from core.telling import messages, wishes
from core.tests.barriers import barriers
from core.tests.browser import PASSWORD, BrowserTestCase
from core.tests.cast import appoint, make_person
from core.tests.desk import employ
from core.tests.everything import make_everything
from core.tests.nodes import start_node
from core.tests.openid import CAROL, CLIENT, SECRET, google
from core.tests.routes import Route, every
from core.tests.test_google import come_back
from core.tests.visits import BROWSER, target_of, visit

PAGE, FILE = "page", "file"
GOOGLE, POLICY = "https://accounts.google.com/", "Content Security Policy"
REFUSAL = "Failed to load resource: the server responded with a status of"  # of the page itself, as it was asked for
LOOKS = {  # who opens what: the beginnings of routes, those of the admin apart
    "anonymous": ("",),
    "alice": ("",),
    "bob": ("transfers/", "accounts/2fa/totp/activate/", "accounts/2fa/webauthn/keys/"),
    "carol": ("accounts/password/set/",),  # she came by Google, and has none
    "greta": ("checkin/",),
    "olga": ("events/", "organize/"),
    "root": ("admin/", "status/", "websocket-test/", "organize/import/"),
}
# What staff have who organize: of their events.
OF_ORGANIZERS = (
    "add_event", "change_event", "delete_event", "view_event", "change_tickethold", "view_tickethold", "change_ticket",
    "view_ticket", "view_tickettransfer", "view_scan", "view_auditentry",
)  # fmt: skip
AS_FOR_ROOT = ("/history/", "/password_change/", "/done/")  # pages of the admin that are the same for both
OF_A_MOMENT = {  # the tests of these open them themselves, those of Google's client where there is one
    "accounts/login/code/confirm/", "accounts/2fa/authenticate/", "accounts/3rdparty/login/error/",
    "accounts/google/login/", "accounts/3rdparty/signup/",
}  # fmt: skip
NEVER_SHOWN = {
    # The way back from Google, and ways that no page uses.
    "accounts/google/login/callback/", "accounts/google/login/token/", "^accounts/google/",
    # For programs, or by a second page: the forms of a key are on others.
    "accounts/2fa/webauthn/login/", "accounts/2fa/webauthn/reauthenticate/",
    # What leads on to a page that is shown: to somebody's ticket, and from old addresses.
    "events/<int:event_id>/attendees/<int:ticket_id>/",
    "accounts/social/login/cancelled/", "accounts/social/login/error/", "accounts/social/signup/",
    "accounts/social/connections/",
    # Files, JSON and figures, which are not there or not for these people.
    "checkin/list/", ".well-known/security.txt", "metrics", "media/events/<path:path>",
    "styleguide/",  # while developing alone
}  # fmt: skip


@tag("face")
class PolicyTests(BrowserTestCase):
    takes_away = True

    maxDiff = None
    browser_args = ("--host-resolver-rules=MAP accounts.google.com ~NOTFOUND",)  # nobody is to be asked

    def setUp(self) -> None:
        super().setUp()
        appoint(self.olga)
        self.root = make_person("root", is_staff=True, is_superuser=True, password=PASSWORD)
        self.carol = make_person("carol")
        self.windows: dict[str, Page] = {}
        self.opened: set[str] = set()
        self.meant += [REFUSAL, POLICY]  # `look` judges what a page says; what axe does to one is not its fault

    def enter(self, *people: str) -> None:
        """Log people in, each in a window of their own, and make what there is to be seen: second factors, too."""
        for who in people:
            self.windows[who] = page = self.window()
            person = User.objects.filter(username=who).first()
            if person and person.has_usable_password():
                self.log_in(page, person)
            elif person:
                self.move(visit(person), page)
        self.values = self.make_values()

    def move(self, client: Client, page: Page) -> None:
        """Go on in a window with the session that a client of Django's has."""
        for name, cookie in client.cookies.items():
            page.context.add_cookies([{"name": name, "value": cookie.value, "url": self.address}])

    def make_values(self) -> dict[str, str]:
        """Make what the pages are about; return what their addresses are made of, by the names of the arguments."""
        event, offered = make_everything(holder=self.alice, waiting=self.bob, gate=self.greta)
        Authenticator.objects.all().delete()  # it was none that a person could show
        TOTP.activate(self.alice, generate_totp_secret())
        RecoveryCodes.activate(self.alice)
        key = Authenticator.objects.create(user=self.bob, type=Authenticator.Type.WEBAUTHN, data={"name": "A key"})
        message = messages.write(event=event, by=self.olga, audience="holders", subject="Doors", text="At 7.")
        upload = keep(content=template().encode(), file_name="events.csv", user=self.root)
        return {
            "app_label": "core",
            "chart": "sale",
            "code": offered.ticket.code,
            "content_type_id": str(ContentType.objects.get_for_model(Event).pk),
            "event_id": str(event.pk),
            "id": str(self.alice.pk),
            "import_id": str(upload.pk),
            "message_id": str(message.pk),
            "object_id": str(event.pk),
            "pk": str(key.pk),
            "ticket_id": str(offered.ticket.pk),
            "token": offered.token,
            "uidb36": user_pk_to_url_str(self.alice),
            "user_id": str(self.greta.pk),
            "what": "tickets",
        }

    def where(self, route: Route) -> str:
        """Return where a route leads, to the first row of its model if it is one of the admin."""
        values = dict(self.values)
        parts = route.pattern.split("/")
        if route.pattern.startswith("admin/") and "<path:object_id>" in parts[3:] and parts[1] != "r":
            values["object_id"] = str(
                apps.get_model(parts[1], parts[2])._base_manager.order_by("pk").values_list("pk")[0][0]
            )
        if route.name == "unsubscribe":
            values["token"] = wishes.unsubscribe_url(self.alice, Notice.TURN).split("/")[-2]
        return route.address(values)

    def answers(self, who: str, routes: list[Route]) -> dict[Route, str]:
        """Return what routes answer to whoever has this window: a page, a file, or the code of another answer."""
        client = visit(headers=BROWSER)
        for cookie in self.windows[who].context.cookies():
            client.cookies[cookie.get("name", "")] = cookie.get("value", "")
        return {route: kind_of(client.get(self.where(route))) for route in routes}

    def look(self, page: Page, path: str) -> Response:
        """Open a page, and see that its browser complains of nothing but the code that the page itself has; return it.

        What it says of an earlier page, or of the icon of a page that has no head of ours, may come late.
        """
        said: list[tuple[str, str]] = []
        note = lambda told: said.append((told.text, told.location["url"])) if told.type == "error" else None  # noqa: E731
        page.on("console", note)
        answer = page.goto(path)
        page.wait_for_load_state("load")
        page.remove_listener("console", note)
        assert answer is not None
        late = self.opened - {answer.url}
        wrong = [
            (text, url)
            for text, url in said
            if not (text.startswith(REFUSAL) and (url in late or url.endswith("/favicon.ico")))
        ]
        self.opened.add(answer.url)
        self.assertEqual(
            [(text[: len(REFUSAL)], url) for text, url in wrong], [] if answer.ok else [(REFUSAL, answer.url)]
        )
        self.assertEqual(barriers(page), [])
        return answer

    def test_every_page_that_the_resolvers_know(self) -> None:
        shown: set[str] = set()
        answered: dict[str, set[str]] = {}
        self.enter(*LOOKS)
        for who, page in self.windows.items():
            for route, kind in self.answers(who, [route for route in every() if opens(who, route)]).items():
                answered.setdefault(route.pattern, set()).add(kind)
                if kind == PAGE:
                    shown.add(route.pattern)
                    with self.subTest(who=who, route=route):
                        self.look(page, self.where(route))
        unseen = {pattern for pattern, kinds in answered.items() if not kinds & {PAGE, FILE, "405"}}
        self.assertEqual({pattern for pattern in unseen if not pattern.startswith("admin/")}, NEVER_SHOWN | OF_A_MOMENT)
        for model in admin.site._registry:
            pages = f"admin/{model._meta.app_label}/{model._meta.model_name}/"
            self.assertLessEqual({pages, f"{pages}<path:object_id>/change/"}, shown)

    def test_pages_of_a_moment_and_of_errors(self) -> None:
        self.enter("anonymous", "bob")
        page = self.windows["anonymous"]
        for path in ("/nowhere/", "/accounts/3rdparty/login/error/", f"/book/{self.values['event_id']}/"):
            self.look(page, path)
        self.look(self.windows["bob"], "/checkin/")
        self.look(page, "/accounts/login/code/")
        page.locator("input[name=email]").fill(self.alice.email)
        page.locator("main form:has(input[name=email]) button").click()
        page.wait_for_url("**/confirm/")
        self.look(page, "/accounts/login/code/confirm/")
        page = self.window()
        page.goto("/accounts/login/")
        page.get_by_label("User name or e-mail").fill(self.alice.username)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Log in", exact=True).click()
        page.wait_for_url("**/2fa/authenticate/")
        self.look(page, "/accounts/2fa/authenticate/")

    def test_what_an_organizer_sees_of_the_admin_and_root_in_another_way(self) -> None:
        employ(self.olga, *OF_ORGANIZERS)
        self.enter("olga")
        of_admin = [r for r in every() if r.pattern.startswith("admin/") and not r.pattern.endswith(AS_FOR_ROOT)]
        shown = {route.pattern: route for route, kind in self.answers("olga", of_admin).items() if kind == PAGE}
        for route in shown.values():
            with self.subTest(route=route):
                self.look(self.windows["olga"], self.where(route))
        event, place = "admin/core/event/<path:object_id>", "admin/core/tickethold/<path:object_id>"
        self.assertLessEqual({"admin/", f"{event}/change/", f"{event}/serving/", f"{place}/change/"}, set(shown))

    def test_where_google_is_set_up_its_pages_lead_there_and_nowhere_else(self) -> None:
        node = start_node(GOOGLE_CLIENT_ID=CLIENT, GOOGLE_CLIENT_SECRET=SECRET)
        self.addCleanup(node.stop)
        anonymous, alices = self.window(node.address), self.window(node.address)
        self.log_in(alices, self.alice)
        for page, path in (
            (anonymous, "/accounts/login/"),
            (anonymous, "/accounts/signup/"),
            (anonymous, "/accounts/google/login/"),
            (alices, "/accounts/3rdparty/"),
        ):
            with self.subTest(path=path):
                policy = self.look(page, path).headers["content-security-policy"]
                self.assertIn("form-action 'self' https://accounts.google.com", policy.split("; "))
                with page.expect_event("requestfailed", lambda asked: asked.url.startswith(GOOGLE)) as left:
                    page.get_by_role("button", name="Continue with Google").click()
                self.assertEqual(left.value.failure, "net::ERR_NAME_NOT_RESOLVED")  # so it was asked for
                page.wait_for_url("chrome-error://**")
        self.assertEqual([text for text in self.complaints if "form-action" in text], [])
        with google() as stand_in:
            stand_in.person = {**CAROL, "email": ""}
            client = visit(headers=BROWSER)
            self.assertEqual(target_of(come_back(client)), "/accounts/3rdparty/signup/")
        self.move(client, anonymous)
        self.look(anonymous, "/accounts/3rdparty/signup/")
        form = "Object.assign(document.createElement('form'), {action: 'https://elsewhere.example/'})"
        with anonymous.expect_console_message(lambda told: POLICY in told.text and "form-action" in told.text):
            anonymous.evaluate(f"{{ const form = {form}; document.body.append(form); form.submit(); }}")

    def test_what_the_policy_refuses_is_seen(self) -> None:
        page = self.window()
        page.goto("/")
        page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'void 0'}))")
        self.assertTrue(any(POLICY in text for text in self.complaints), self.complaints)


def opens(who: str, route: Route) -> bool:
    """Return whether a person opens a page in this sweep."""
    is_admin = route.pattern.startswith("admin/")
    return route.pattern.startswith(LOOKS[who]) and (not is_admin or who == "root")


def kind_of(answer: Any) -> str:
    """Return what an answer is: a page, a file, or its code."""
    if answer.status_code != 200:
        return str(answer.status_code)
    return PAGE if answer.headers["Content-Type"].startswith("text/html") else FILE
