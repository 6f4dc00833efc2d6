from typing import Any

from django.test import TestCase
from django.urls import URLPattern, URLResolver, get_resolver

from core import allocation, checkin
from core.models import Event, Scan, Ticket, TicketHold, User
from core.tests.cast import Cast, ago, later, make_event, make_person
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


class ReadingChangesNothingTests(Cast, TestCase):
    def setUp(self):
        self.event = make_event(capacity=3, auto_hold=False)
        self.ticket = allocation.book(event_id=self.event.pk, user=self.alice)
        allocation.join(event_id=self.event.pk, user=self.bob)
        allocation.join(event_id=make_event(sales_open_at=later(days=1)).pk, user=self.bob)
        make_event(capacity=1, auto_hold=False, starts_at=ago(days=1))
        checkin.scan(code="unknown", event=self.event, staff=self.greta)

    def everything(self) -> list[list[dict[str, Any]]]:
        people = User.objects.order_by("pk").values("pk", "username", "email", "is_active", "password")
        models: tuple[Any, ...] = (Event, TicketHold, Ticket, Scan)
        return [list(people), *(list(model.objects.order_by("pk").values()) for model in models)]

    def test_no_get_of_any_address_writes(self):
        values = {"event_id": str(self.event.pk), "code": self.ticket.code}
        every = addresses(get_resolver().url_patterns, values)
        self.assertIn(f"/book/{self.event.pk}/", every)
        self.assertIn("/accounts/logout/", every)
        root = make_person("root", is_staff=True, is_superuser=True)
        before = self.everything()
        for person in (None, self.alice, root):
            client = visit(person, headers=BROWSER | {"X-HTTP-Method-Override": "POST"})
            client.raise_request_exception = False
            for path in every:
                foreign = path.startswith(("/admin/", "/accounts/"))
                for method in ("get",) if foreign else ("get", "head", "options", "trace"):
                    with self.subTest(path=path, method=method, person=person):
                        self.assertLess(getattr(client, method)(path).status_code, 500)
        self.assertEqual(self.everything(), before)
