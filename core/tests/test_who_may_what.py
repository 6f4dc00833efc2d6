"""Who may what: every address of core.urls, for seven people (RELIABILITY 5). A route without a row fails."""

from typing import Any, ClassVar

from django.db import transaction
from django.test import TestCase
from django.urls import reverse

from core import allocation, checkin, urls
from core.models import Event, User
from core.tests.cast import Cast, make_event, make_person, offer
from core.tests.visits import visit

PEOPLE = ("anonymous", "alice", "bob", "greta", "olga", "oscar", "root")  # olga's event, alice's ticket

ALL = (200, 200, 200, 200, 200, 200, 200)
LOGGED_IN = (401, 200, 200, 200, 200, 200, 200)
MANAGERS = (401, 404, 404, 404, 200, 404, 200)
MANAGERS_OF_PUBLIC = (404, 404, 404, 404, 200, 404, 200)  # a draft: for everybody else it looks absent
OWNER_AND_MANAGERS = (401, 200, 404, 404, 200, 404, 200)
RECIPIENT = (401, 404, 200, 404, 404, 404, 404)
ABSENT = (401, 404, 404, 404, 404, 404, 404)

# route, method, what its address and form are made of, the answers to PEOPLE
TABLE: list[tuple[str, str, str, tuple[int, ...]]] = [
    ("index", "get", "", ALL),
    ("event_detail", "get", "event", ALL),
    ("event_detail", "get", "draft", MANAGERS_OF_PUBLIC),
    ("ticket_stats", "get", "event", ALL),
    ("ticket_stats", "get", "draft", MANAGERS_OF_PUBLIC),
    ("my_place", "get", "event", LOGGED_IN),
    ("my_place", "get", "draft", ABSENT),
    ("attendees", "get", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("attendees", "get", "draft", MANAGERS),
    ("attendees_csv", "get", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("attendees_csv", "get", "draft", MANAGERS),
    ("gate_report", "get", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("gate_report", "get", "draft", MANAGERS),
    ("gate_staff_add", "post", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("gate_staff_add", "post", "draft", MANAGERS),
    ("gate_staff_remove", "post", "event and person", (401, 403, 403, 403, 200, 404, 200)),
    ("gate_staff_remove", "post", "draft and person", MANAGERS),
    ("fairness", "get", "event", ALL),
    ("fairness", "get", "draft", MANAGERS_OF_PUBLIC),
    ("ledger_file", "get", "event", ALL),
    ("ledger_file", "get", "draft", MANAGERS_OF_PUBLIC),
    ("ledger_verifier", "get", "", ALL),
    ("dashboard", "get", "", LOGGED_IN),
    ("calendar", "get", "", LOGGED_IN),
    ("book", "post", "event", LOGGED_IN),
    ("book", "post", "draft", ABSENT),
    ("join", "post", "event", (401, 409, 200, 200, 200, 200, 200)),  # alice has her ticket
    ("join", "post", "draft", ABSENT),
    ("release_hold", "post", "event", (401, 409, 200, 200, 200, 200, 200)),
    ("release_hold", "post", "draft", ABSENT),
    ("ticket_detail", "get", "code", OWNER_AND_MANAGERS),
    ("ticket_qr", "get", "code", OWNER_AND_MANAGERS),
    ("ticket_qr_svg", "get", "code", OWNER_AND_MANAGERS),
    ("ticket_pdf", "get", "code", OWNER_AND_MANAGERS),
    ("ticket_calendar", "get", "code", OWNER_AND_MANAGERS),
    ("ticket_cancel", "post", "code", OWNER_AND_MANAGERS),
    ("ticket_transfer", "post", "offer", OWNER_AND_MANAGERS),
    ("ticket_withdraw", "post", "code", OWNER_AND_MANAGERS),
    ("ticket_reissue", "post", "code", OWNER_AND_MANAGERS),
    ("transfer_detail", "get", "token", RECIPIENT),  # offered to bob
    ("transfer_accept", "post", "token", RECIPIENT),
    ("transfer_decline", "post", "token", RECIPIENT),
    ("checkin", "get", "", (401, 403, 403, 200, 200, 200, 200)),
    ("checkin_scan", "post", "scan", (401, 403, 403, 200, 200, 404, 200)),
    ("checkin_scan", "post", "scan of draft", (401, 403, 403, 404, 404, 404, 404)),
    ("checkin_undo", "post", "undo", (401, 403, 403, 200, 200, 404, 200)),
    ("checkin_people", "post", "people", (401, 403, 403, 200, 200, 404, 200)),
    ("checkin_list", "get", "event asked", (401, 403, 403, 200, 200, 404, 200)),
    ("checkin_list", "get", "draft asked", (401, 403, 403, 404, 404, 404, 404)),
    ("checkin_sync", "post", "sync", (401, 403, 403, 200, 200, 404, 200)),
    ("gate_worker", "get", "", ALL),
    ("websocket_test", "get", "", (404, 404, 404, 404, 404, 404, 200)),
    ("healthz", "get", "", ALL),
    ("readyz", "get", "", ALL),
]


class MatrixTests(Cast, TestCase):
    oscar: User
    root: User
    places: ClassVar[dict[str, list[Any]]]
    forms: ClassVar[dict[str, dict[str, Any]]]

    @classmethod
    def setUpTestData(cls):
        super().setUpTestData()
        cls.oscar = make_person("oscar")
        cls.root = make_person("root", is_staff=True, is_superuser=True)
        make_event(created_by=cls.oscar, name="Of oscar", auto_hold=False)
        event = make_event(capacity=20, auto_hold=False)
        draft = make_event(status="draft", auto_hold=False)
        ticket = allocation.book(event_id=event.pk, user=cls.alice)
        code, token = ticket.code, offer(ticket, cls.bob).token
        cls.places = {
            "": [],
            "event and person": [event.pk, cls.bob.pk],
            "draft and person": [draft.pk, cls.bob.pk],
            "event": [event.pk],
            "draft": [draft.pk],
            "code": [code],
            "offer": [code],
            "token": [token],
        }
        carols = allocation.book(event_id=event.pk, user=make_person("carol")).code
        scan = checkin.scan(code=carols, event=event, staff=cls.greta).scan
        cls.forms = {
            "scan": {"event": event.pk, "code": code},
            "scan of draft": {"event": draft.pk, "code": code},
            "event": {"person": "bob"},
            "draft": {"person": "bob"},
            "offer": {"email": "dora@example.org"},
            "undo": {"event": event.pk, "scan": scan.pk, "reason": "Wrong person"},
            "people": {"event": event.pk, "who": "carol"},
            "event asked": {"event": event.pk},
            "draft asked": {"event": draft.pk},
            "sync": {"event": event.pk, "scans": "[]"},
        }

    def ask(self, who: str, route: str, method: str, what: str) -> int:
        client = visit(getattr(self, who, None))
        address = reverse(route, args=self.places.get(what, []))
        with transaction.atomic():  # each answer for itself: a cancelled ticket would be cancelled for the next
            status: int = getattr(client, method)(address, self.forms.get(what)).status_code
            transaction.set_rollback(True)
        return status

    def test_everybody_may_exactly_what_the_table_says(self):
        for route, method, what, expected in TABLE:
            with self.subTest(route=route, what=what):
                got = tuple(self.ask(who, route, method, what) for who in PEOPLE)
                self.assertEqual(dict(zip(PEOPLE, got, strict=True)), dict(zip(PEOPLE, expected, strict=True)))

    def test_every_route_has_its_row(self):
        self.assertEqual({route for route, *_ in TABLE}, {pattern.name for pattern in urls.urlpatterns})

    def test_every_address_of_an_event_has_a_row_for_drafts(self):
        of_events = {pattern.name for pattern in urls.urlpatterns if "event_id" in str(pattern.pattern)}
        self.assertEqual({route for route, _, what, _ in TABLE if what in {"draft", "draft and person"}}, of_events)

    def test_the_admin_is_for_staff(self):
        codes = {who: visit(getattr(self, who, None)).get("/admin/", follow=True).status_code for who in PEOPLE}
        login_page = 200
        self.assertEqual(codes, dict.fromkeys(PEOPLE, 403) | {"anonymous": login_page, "root": 200})

    def test_nobody_checks_in_their_own_ticket(self):
        event = Event.objects.get(pk=self.places["event"][0])
        for person in (self.greta, self.olga, self.root):
            code = allocation.book(event_id=event.pk, user=person).code
            response = visit(person).post("/checkin/scan/", {"event": event.pk, "code": code})
            detail = "Nobody checks in their own ticket. Ask a colleague."
            with self.subTest(person=person):
                self.assertEqual((response.status_code, response.json()["detail"]), (403, detail))
        self.assertEqual(event.tickets.filter(user=person).exclude(checked_in_at=None).count(), 0)
