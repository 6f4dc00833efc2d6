from typing import Any

from django.apps import apps
from django.test import TestCase
from django.urls import URLPattern, URLResolver, get_resolver

from core import allocation
from core.imports.columns import template
from core.imports.create import keep
from core.models import AuditEntry, LastRun, User, UserSession
from core.telling import messages
from core.tests.cast import Cast, ago, later, make_event, make_person
from core.tests.everything import make_everything
from core.tests.visits import BROWSER, visit


def addresses(patterns: list[Any], values: dict[str, str], prefix: str = "/") -> list[str]:
    """Return an address for every pattern of the resolver, with `values` in place of its arguments."""
    found: list[str] = []
    for pattern in patterns:
        route = prefix + str(pattern.pattern).removeprefix("^").removesuffix("$").removesuffix("\\Z")
        for name in pattern.pattern.converters:
            for kind in ("", "int:", "str:", "path:", "slug:", "uuid:"):
                route = route.replace(f"<{kind}{name}>", values.get(name, "1"))
        if isinstance(pattern, URLResolver):
            found += addresses(pattern.url_patterns, values, route)
        elif isinstance(pattern, URLPattern) and "(" not in route:
            found.append(route)
    return found


# What a look may leave behind: a sign of life, and that somebody looked.
TRACES = {User, UserSession, AuditEntry, LastRun}
LOOKS = {
    AuditEntry.Action.ATTENDEES_SEEN,
    AuditEntry.Action.DATA_DOWNLOADED,
    AuditEntry.Action.EXPORTED,
    AuditEntry.Action.GATE_SEEN,
    AuditEntry.Action.PEOPLE_SOUGHT,
    AuditEntry.Action.RECORDS_SEEN,
    AuditEntry.Action.TICKET_SEEN,
}


class ReadingChangesNothingTests(Cast, TestCase):
    def setUp(self):
        self.event, self.offered = make_everything(holder=self.alice, waiting=self.bob, gate=self.greta)
        allocation.join(event_id=make_event(sales_open_at=later(days=1)).pk, user=self.bob)
        make_event(capacity=1, auto_hold=False, starts_at=ago(days=1))

    def everything(self) -> dict[str, list[Any]]:
        stored = {
            model.__name__: list(model._base_manager.order_by("pk").values())
            for model in apps.get_app_config("core").get_models()
            if model not in TRACES
        }
        people = User.objects.order_by("pk").values("pk", "username", "email", "is_active", "password")
        deeds = AuditEntry.objects.exclude(action__in=LOOKS).order_by("pk").values()
        return stored | {"User": list(people), "AuditEntry": list(deeds)}

    def test_no_get_of_any_address_writes(self):
        root = make_person("root", is_staff=True, is_superuser=True)
        message = messages.write(event=self.event, by=self.olga, audience="holders", subject="Doors", text="At 7.")
        values = {
            "event_id": str(self.event.pk),
            "code": self.offered.ticket.code,
            "token": self.offered.token,
            "message_id": str(message.pk),
            "import_id": str(keep(content=template().encode(), file_name="events.csv", user=root).pk),
            "user_id": str(self.greta.pk),
            "chart": "sale",
            "what": "tickets",
        }
        every = addresses(get_resolver().url_patterns, values)
        self.assertIn(f"/book/{self.event.pk}/", every)
        self.assertIn("/accounts/logout/", every)
        before = self.everything()
        for person in (None, self.alice, self.bob, self.olga, root):
            client = visit(person, headers=BROWSER | {"X-HTTP-Method-Override": "POST"})
            client.raise_request_exception = False
            for path in every:
                foreign = path.startswith(("/admin/", "/accounts/"))
                for method in ("get",) if foreign else ("get", "head", "options", "trace"):
                    with self.subTest(path=path, method=method, person=person):
                        self.assertLess(getattr(client, method)(path).status_code, 500)
        self.assertEqual(self.everything(), before)
