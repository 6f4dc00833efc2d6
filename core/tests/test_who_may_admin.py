"""Who may administrate: every page of every model of the admin, for seven people, and every command (RELIABILITY 5).

A model or a command without a row fails. Olga and oscar, who organize, have every permission there is.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Permission
from django.core.management import get_commands
from django.test import Client, SimpleTestCase, TestCase
from django.urls import reverse

from core.models import Event, TicketHold, User

from .cast import Cast, make_event, make_person
from .everything import make_everything
from .routes import every
from .test_who_may_what import PEOPLE
from .visits import BROWSER, target_of, visit

PAGES = ("changelist", "add", "change", "delete", "history")
LOG_IN, ABSENT, KEPT = "log in", "absent", "kept"
OUTSIDE = (LOG_IN, 403, 403, 403)  # anonymous, alice, bob, greta
Row = tuple[Any, Any, Any]  # the answers to olga, oscar and root, about a row of olga's event
SEEN: Row = (200, 200, 200)
OWN: Row = (200, ABSENT, 200)
NOBODY: Row = (403, 403, 403)
ROOT: Row = (403, 403, 200)

RECORD = {"changelist": SEEN, "add": NOBODY, "change": OWN, "delete": NOBODY, "history": OWN}
# These belong to no event: permissions decide alone.
OF_NO_EVENT = {"changelist": SEEN, "add": NOBODY, "change": SEEN, "delete": NOBODY, "history": SEEN}
KEYS = dict.fromkeys(PAGES, ROOT)  # these give rights away

TABLE: dict[str, dict[str, Row]] = {
    "core.Event": {
        "changelist": SEEN, "add": SEEN, "change": OWN, "delete": (KEPT, ABSENT, KEPT), "history": OWN,
    },
    "core.TicketHold": RECORD,
    "core.Ticket": RECORD,
    "core.TicketTransfer": RECORD,
    "core.Scan": RECORD,
    "core.UserSession": OF_NO_EVENT,
    "post_office.Email": OF_NO_EVENT,
    "core.User": {"changelist": SEEN, "add": SEEN, "change": SEEN, "delete": NOBODY, "history": SEEN},
    "core.AuditEntry": RECORD,
    "core.LastRun": {"changelist": ROOT, "add": NOBODY, "change": ROOT, "delete": NOBODY, "history": ROOT},
    "mfa.Authenticator": {"changelist": ROOT, "add": NOBODY, "change": ROOT, "delete": NOBODY, "history": ROOT},
    "auth.Group": KEYS,
    "account.EmailAddress": KEYS,
    "socialaccount.SocialAccount": KEYS,
}  # fmt: skip
# Whoever may run them is the operator, who has a shell on the machine.
COMMANDS = {
    "audit_capacity", "backup", "changepassword",
    "createsuperuser", "cleanup_expired_holds", "demo_data", "doctor", "migrate", "push_key",
    "restore", "verify_ledger", "waiting_page",
    "account_unsetmultipleprimaryemails", "cleanup_mail", "runserver", "runworker", "send_queued_mail",  # of packages
}  # fmt: skip


class AdminMatrixTests(Cast, TestCase):
    oscar: User
    root: User
    event: Event

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.oscar = make_person("oscar")
        cls.root = make_person("root", is_staff=True, is_superuser=True)
        cls.event, _ = make_everything(holder=cls.alice, waiting=cls.bob, gate=cls.greta)
        make_event(created_by=cls.oscar, auto_hold=False)
        for person in (cls.olga, cls.oscar):
            person.is_staff = True
            person.save()
            person.user_permissions.set(Permission.objects.all())

    def setUp(self) -> None:
        self.browsers = {who: visit(getattr(self, who, None), headers=BROWSER) for who in PEOPLE}

    def ask(self, browser: Client, model: Any, page: str) -> Any:
        row = model._base_manager.order_by("pk").first()
        address = reverse(
            f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}",
            args=[] if page in {"changelist", "add"} else [row.pk],
        )
        response = browser.get(address)
        if response.status_code != 302:
            return response.status_code
        target = target_of(response)
        if target.startswith("/admin/login/"):
            response = browser.get(target)
            return LOG_IN if response.status_code == 302 else response.status_code
        return {"/admin/": ABSENT, address.replace("/delete/", "/change/"): KEPT}[target]

    def test_everybody_may_exactly_what_the_table_says(self) -> None:
        for model in admin.site._registry:
            for page in PAGES:
                expected = (*OUTSIDE, *TABLE[model._meta.label][page])
                with self.subTest(model=model._meta.label, page=page):
                    got = {who: self.ask(browser, model, page) for who, browser in self.browsers.items()}
                    self.assertEqual(got, dict(zip(PEOPLE, expected, strict=True)))

    def test_every_model_has_its_row(self) -> None:
        self.assertEqual(set(TABLE), {model._meta.label for model in admin.site._registry})
        self.assertEqual([set(pages) for pages in TABLE.values()], [set(PAGES)] * len(TABLE))

    def test_every_address_of_the_admin_is_for_staff_alone(self) -> None:
        addresses = [route.address({"app_label": "core"}) for route in every() if route.pattern.startswith("admin/")]
        self.assertGreater(len(addresses), 6 * len(TABLE))
        for who in ("anonymous", "alice", "bob", "greta"):
            answers = {address: self.browsers[who].get(address) for address in addresses}
            got = {
                address: target_of(answer).partition("?")[0] if answer.status_code == 302 else answer.status_code
                for address, answer in answers.items()
            }
            entrance = {"/admin/login/": "/accounts/login/" if who == "anonymous" else 403, "/admin/logout/": "/admin/"}
            with self.subTest(who=who):
                self.assertEqual(got, dict.fromkeys(addresses, "/admin/login/") | entrance)

    def test_whoever_is_not_staff_any_more_is_out_with_the_next_request(self) -> None:
        self.assertEqual(self.ask(self.browsers["olga"], Event, "changelist"), 200)
        User.objects.filter(pk=self.olga.pk).update(is_staff=False)
        self.assertEqual(self.ask(self.browsers["olga"], Event, "changelist"), 403)

    def test_nobody_of_another_event_is_in_an_organizers_lists(self) -> None:
        browser = self.browsers["oscar"]
        for model in (TicketHold, Event):
            page = browser.get(reverse(f"admin:core_{model._meta.model_name}_changelist"))
            self.assertEqual({row.pk for row in page.context["cl"].result_list} & {self.event.pk}, set())

    def test_nobody_is_found_by_what_points_to_them_which_may_be_of_another_event(self) -> None:
        self.event.gate_staff.add(self.greta)
        for model in admin.site._registry:
            expected = 400 if TABLE[model._meta.label]["changelist"] == SEEN else 403
            for relation in model._meta.related_objects:
                query = {f"{relation.name}__id__exact": self.event.pk}
                with self.subTest(model=model._meta.label, query=query):
                    self.assertEqual(self.browsers["oscar"].get(list_of(model), query).status_code, expected)


def list_of(model: Any) -> str:
    """Return the address of a model's list."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


class CommandTests(SimpleTestCase):
    def test_every_command_has_its_row(self) -> None:
        installed = {name for name, app in get_commands().items() if not str(app).startswith("django.")}
        self.assertEqual(installed, COMMANDS)
