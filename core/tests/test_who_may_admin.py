"""Who may administrate: every page of every model of the admin, for seven people, and every command (RELIABILITY 5).

And what else there is at the desk: every further address, and every action on rows of a list. A model, an address, an
action or a command without a row fails. Olga and oscar, who organize, have every permission there is.
"""

from copy import deepcopy
from typing import Any, ClassVar

from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import get_commands
from django.db import transaction
from django.test import Client, RequestFactory, SimpleTestCase, TestCase
from django.urls import reverse

from core.models import Event, SavedFilter, Ticket, TicketHold, User, UserSession

from .cast import Cast, ago, book, make_event, make_person
from .desk import at_desk, messages_of
from .everything import make_everything
from .routes import every
from .tables import all_rows, changed_tables
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

DESK = ("olga", "oscar", "vera", "root")  # vera is staff, and has no permission
DONE, LEFT = "done", "left alone"  # led on, and something or nothing is another one than before
Answers = tuple[Any, Any, Any, Any]  # to those at the desk, about what is of olga's event
ALL: Answers = (200, 200, 200, 200)
WRONG_METHOD: Answers = (405, 405, 405, 405)
ORGANIZER: tuple[Answers, Answers] = ((200, LEFT, 403, 200), (DONE, LEFT, 403, DONE))
PERMITTED: tuple[Answers, Answers] = ((200, 200, 403, 200), (DONE, DONE, 403, DONE))  # of no event, as above

# Of an address, by the name of its route: the answers to a GET, and to a form that is filled in. Of an action, by its
# model and its name: to the question, and to a yes.
MORE: dict[str, tuple[Answers, Answers]] = {
    "index": (ALL, ALL),
    "app_list": ((200, 200, 404, 200), (200, 200, 404, 200)),
    "autocomplete": ((200, 200, 403, 200), WRONG_METHOD),
    "view_on_site": ((LEFT,) * 4, (LEFT,) * 4),  # for the page that everybody sees
    "core_event_serving": ((200, ABSENT, 403, 200), (DONE, ABSENT, 403, DONE)),
    "core_tickethold_extend": ((200, ABSENT, 403, 200), (DONE, 403, 403, DONE)),
    "core_lastrun_cleanup": ((403, 403, 403, 200), (403, 403, 403, DONE)),
    "auth_user_password_change": PERMITTED,  # of an attendee
    "core.Event.serve_now": ORGANIZER,
    "core.TicketHold.release_places": ORGANIZER,
    "core.Ticket.cancel_tickets": ORGANIZER,
    "core.Ticket.resend_tickets": ORGANIZER,
    "core.User.sign_out_people": PERMITTED,
    "core.User.erase_accounts": ((LEFT, LEFT, 403, 200), (LEFT, LEFT, 403, DONE)),
    "core.UserSession.end_sessions": PERMITTED,
    "mfa.Authenticator.remove_factors": ((403, 403, 403, 200), (403, 403, 403, DONE)),
}
for _label, _pages in TABLE.items():
    _name, _is_seen = _label.lower().replace(".", "_"), _pages["changelist"] == SEEN
    MORE[f"{_name}_filters_save"] = WRONG_METHOD, (DONE, DONE, 403, DONE) if _is_seen else (403, 403, 403, DONE)
    MORE[f"{_name}_filters_delete"] = WRONG_METHOD, (DONE, 404, 403, 404) if _is_seen else (403, 403, 403, 404)
OF_ONESELF = {"login", "logout", "password_change", "password_change_done", "jsi18n"}  # Django's
NAME = "The opera of olga"  # of her event: whoever reads it has learnt something
# Whoever may run them is the operator, who has a shell on the machine.
COMMANDS = {
    "audit_capacity", "backup", "changepassword",
    "createsuperuser", "cleanup_expired_holds", "demo_data", "doctor", "migrate", "push_key",
    "restore", "verify_ledger", "waiting_page",
    "account_unsetmultipleprimaryemails", "cleanup_mail", "runserver", "runworker", "send_queued_mail",  # of packages
}  # fmt: skip


class AdminCase(Cast, TestCase):
    oscar: User
    vera: User
    root: User
    event: Event

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.oscar = make_person("oscar")
        cls.vera = make_person("vera", is_staff=True)
        cls.root = make_person("root", is_staff=True, is_superuser=True)
        cls.event, _ = make_everything(holder=cls.alice, waiting=cls.bob, gate=cls.greta)
        Event.objects.filter(pk=cls.event.pk).update(name=NAME)
        make_event(created_by=cls.oscar, auto_hold=False)
        for person in (cls.olga, cls.oscar):
            person.is_staff = True
            person.save()
            person.user_permissions.set(Permission.objects.all())


class AdminMatrixTests(AdminCase):
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
        for model in admin.site._registry:
            if TABLE[model._meta.label]["change"] == OWN:
                with self.subTest(model=model._meta.label):
                    page = self.browsers["oscar"].get(list_of(model))
                    self.assertNotIn(model._base_manager.order_by("pk").first(), page.context["cl"].result_list)
                    self.assertNotContains(page, NAME)

    def test_nobody_is_found_by_what_points_to_them_which_may_be_of_another_event(self) -> None:
        self.event.gate_staff.add(self.greta)
        for model in admin.site._registry:
            expected = 400 if TABLE[model._meta.label]["changelist"] == SEEN else 403
            for relation in model._meta.related_objects:
                query = {f"{relation.name}__id__exact": self.event.pk}
                with self.subTest(model=model._meta.label, query=query):
                    self.assertEqual(self.browsers["oscar"].get(list_of(model), query).status_code, expected)


class DeskTests(AdminCase):
    places: ClassVar[dict[str, list[Any]]]  # what the addresses of routes are made of
    forms: ClassVar[dict[str, dict[str, Any]]]  # what is typed there
    rows: ClassVar[dict[str, Any]]  # what the actions are for

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        ticket = book(cls.event, make_person("carol"))
        Ticket.objects.filter(pk=ticket.pk).update(mailed_at=ago())
        hold = TicketHold.objects.get(event=cls.event, user=cls.bob)
        cls.rows = {
            "core.Event": cls.event,
            "core.TicketHold": hold,
            "core.Ticket": ticket,
            "core.User": cls.bob,
            "core.UserSession": UserSession.objects.get(user=cls.bob),
            "mfa.Authenticator": Authenticator.objects.get(),
        }
        cls.places = {
            "app_list": ["core"],
            "view_on_site": [ContentType.objects.get_for_model(Event).pk, cls.event.pk],
            "core_event_serving": [cls.event.pk],
            "core_tickethold_extend": [hold.pk],
            "auth_user_password_change": [cls.bob.pk],
        }
        reason = {"reason": "Asked by phone"}
        password = dict.fromkeys(("password1", "password2"), "correct horse battery")
        cls.forms = {
            "autocomplete": {"app_label": "core", "model_name": "ticket", "field_name": "event"},
            "core_event_serving": {"act": "pause", **reason},
            "core_tickethold_extend": {"minutes": "5", **reason},
            "core_lastrun_cleanup": reason,
            "auth_user_password_change": {"usable_password": "true", **password},
        }
        for label in TABLE:
            name, own = label.lower().replace(".", "_"), {"user": cls.olga, "model": label.lower(), "name": "Mine"}
            cls.places[f"{name}_filters_delete"] = [SavedFilter.objects.create(**own, query="q=a").pk]
            cls.forms[f"{name}_filters_save"] = {"name": "Another", "query": "q=b"}

    def setUp(self) -> None:
        self.browsers = {who: at_desk(getattr(self, who)) for who in DESK}
        self.before = all_rows()

    def send(self, browser: Client, name: str, *, writes: bool, **more: str) -> Any:
        """Ask for what a row of the table is about, or do it."""
        label, _, action = name.rpartition(".")
        if label:
            yes = {"confirmed": "yes", "reason": "Asked by phone"} if writes else {}
            chosen = {"action": action, ACTION_CHECKBOX_NAME: [str(self.rows[label].pk)], **yes, **more}
            return browser.post(list_of(self.rows[label]), chosen)
        address = reverse(f"admin:{name}", args=self.places.get(name, []))
        return (browser.post if writes else browser.get)(address, self.forms.get(name))

    def answer(self, who: str, name: str, **how: Any) -> Any:
        """Return what comes of it, each time for itself; fail where a refusal writes, or tells what is not theirs."""
        browser = self.browsers[who]
        cookies = deepcopy(browser.cookies)
        with transaction.atomic():
            response = self.send(browser, name, **how)
            is_look = response.wsgi_request.method == "GET"  # it may be entered that somebody looked
            changed = [] if is_look else changed_tables(self.before, all_rows())
            transaction.set_rollback(True)
        browser.cookies = cookies
        if who not in {"olga", "root"}:
            told = [response.content.decode(), *response.headers.values(), *messages_of(response)]
            self.assertEqual([text for text in told if NAME in text], [])
        if response.status_code == 302 and target_of(response) != "/admin/":
            return DONE if changed else LEFT
        self.assertEqual(changed, [])
        return ABSENT if response.status_code == 302 else response.status_code

    def test_everybody_may_exactly_what_the_table_says(self) -> None:
        for name, both in MORE.items():
            for writes, expected in zip((False, True), both, strict=True):
                with self.subTest(name=name, writes=writes):
                    got = {who: self.answer(who, name, writes=writes) for who in DESK}
                    self.assertEqual(got, dict(zip(DESK, expected, strict=True)))

    def test_a_rival_who_chooses_all_that_there_is_gets_nothing_of_anothers_event(self) -> None:
        for name in actions():
            for writes in (False, True):
                with self.subTest(name=name, writes=writes):
                    self.assertNotEqual(self.answer("oscar", name, writes=writes, select_across="1"), DONE)

    def test_every_address_and_every_action_has_its_row(self) -> None:
        self.assertEqual(set(MORE), further_addresses() | actions())


def list_of(model: Any) -> str:
    """Return the address of a model's list."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def further_addresses() -> set[str]:
    """Return the names of the admin's routes that are none of PAGES, nor of oneself; or their patterns."""
    models = [model._meta for model in admin.site._registry]
    pages = {f"admin:{of.app_label}_{of.model_name}_{page}" for of in models for page in PAGES}
    old = {f"admin/{of.app_label}/{of.model_name}/<path:object_id>/" for of in models}  # lead to `change`
    found = [route for route in every() if route.pattern.startswith("admin/") and route.name not in pages]
    names = {r.name.removeprefix("admin:") or r.pattern for r in found if r.pattern not in {*old, "admin/(?P<url>.*)$"}}
    return names - OF_ONESELF


def actions() -> set[str]:
    """Return every action that somebody can be offered, with its model."""
    request = RequestFactory().get("/admin/")
    request.user = User(is_staff=True, is_superuser=True)
    return {f"{of.opts.label}.{name}" for of in admin.site._registry.values() for name in of.get_actions(request)}


class CommandTests(SimpleTestCase):
    def test_every_command_has_its_row(self) -> None:
        installed = {name for name, app in get_commands().items() if not str(app).startswith("django.")}
        self.assertEqual(installed, COMMANDS)
