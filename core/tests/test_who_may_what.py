"""Who may what: every address of the box office, for seven people (RELIABILITY 5). A route without a row fails.

Those of allauth are in test_who_may_enter.py, those of the admin in test_who_may_admin.py.
"""

from typing import Any, ClassVar

from django.db import transaction
from django.test import TestCase, override_settings
from django.urls import reverse

from core import allocation, artwork, checkin
from core.imports.columns import template
from core.imports.create import keep
from core.models import Announcement, Event, Notice, User
from core.telling import messages, wishes
from core.tests.cast import Cast, appoint, arrive, make_event, make_person, offer
from core.tests.routes import every
from core.tests.test_who_may_enter import TABLE as LIBRARIES
from core.tests.visits import visit

PEOPLE = ("anonymous", "alice", "bob", "greta", "olga", "oscar", "root")  # olga's event, alice's ticket

ALL = (200, 200, 200, 200, 200, 200, 200)
LOGGED_IN = (401, 200, 200, 200, 200, 200, 200)
MANAGERS = (401, 404, 404, 404, 200, 404, 200)
MANAGERS_OF_PUBLIC = (404, 404, 404, 404, 200, 404, 200)  # a draft: for everybody else it looks absent
OWNER_AND_MANAGERS = (401, 200, 404, 404, 200, 404, 200)
ORGANIZERS = (401, 404, 404, 404, 200, 200, 200)  # oscar has an event, and may make no other
CREATORS = (401, 404, 404, 404, 200, 404, 200)
RECIPIENT = (401, 404, 200, 404, 404, 404, 404)
ABSENT = (401, 404, 404, 404, 404, 404, 404)

MESSAGE = {"audience": "holders", "subject": "Doors", "text": "The doors open at 7."}
OF_DRAFTS = ("mark", "person", "ticket", "message", "chart", "list")
DRAFTS = {"draft", *(f"draft and {what}" for what in OF_DRAFTS)}

# route, method, what its address and form are made of, the answers to PEOPLE
TABLE: list[tuple[str, str, str, tuple[int, ...]]] = [
    ("index", "get", "", ALL),
    ("event_detail", "get", "event", ALL),
    ("event_detail", "get", "draft", MANAGERS_OF_PUBLIC),
    ("event_calendar", "get", "event", ALL),
    ("event_calendar", "get", "draft", MANAGERS_OF_PUBLIC),
    ("event_picture", "get", "event and mark", ALL),
    ("event_picture", "get", "draft and mark", MANAGERS_OF_PUBLIC),
    ("embed", "get", "event", ALL),
    ("embed", "get", "draft", (404,) * 7),  # a frame knows nobody
    ("ticket_stats", "get", "event", ALL),
    ("ticket_stats", "get", "draft", MANAGERS_OF_PUBLIC),
    ("my_place", "get", "event", LOGGED_IN),
    ("my_place", "get", "draft", ABSENT),
    ("attendees", "get", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("attendees", "get", "draft", MANAGERS),
    ("attendee", "get", "event and ticket", (401, 403, 403, 403, 302, 404, 302)),
    ("attendee", "get", "draft and ticket", (401, 404, 404, 404, 404, 404, 404)),  # a draft has none
    ("attendees_csv", "get", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("attendees_csv", "get", "draft", MANAGERS),
    ("analytics", "get", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("analytics", "get", "draft", MANAGERS),
    ("analytics_csv", "get", "event and chart", (401, 403, 403, 403, 200, 404, 200)),
    ("analytics_csv", "get", "draft and chart", MANAGERS),
    ("site_analytics", "get", "", ORGANIZERS),
    ("site_analytics_csv", "get", "chart", ORGANIZERS),
    ("exports", "get", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("exports", "get", "draft", MANAGERS),
    ("export_csv", "get", "event and list", (401, 403, 403, 403, 200, 404, 200)),
    ("export_csv", "get", "draft and list", MANAGERS),
    ("export_xlsx", "get", "event and list", (401, 403, 403, 403, 200, 404, 200)),
    ("export_xlsx", "get", "draft and list", MANAGERS),
    ("import_events", "get", "", CREATORS),
    ("import_template", "get", "", CREATORS),
    ("import_upload", "post", "", (401, 404, 404, 404, 400, 404, 400)),  # without a file
    ("import_preview", "get", "import", (401, 404, 404, 404, 404, 404, 200)),  # of root
    ("import_confirm", "post", "import", (401, 404, 404, 404, 404, 404, 200)),
    ("gate_report", "get", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("gate_report", "get", "draft", MANAGERS),
    ("gate_staff_add", "post", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("gate_staff_add", "post", "draft", MANAGERS),
    ("gate_staff_remove", "post", "event and person", (401, 403, 403, 403, 200, 404, 200)),
    ("gate_staff_remove", "post", "draft and person", MANAGERS),
    ("messages", "get", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("messages", "get", "draft", MANAGERS),
    ("message_write", "post", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("message_write", "post", "draft", MANAGERS),
    ("message", "get", "event and message", (401, 403, 403, 403, 200, 404, 200)),
    ("message", "get", "draft and message", MANAGERS),
    ("message_edit", "post", "event and message", (401, 403, 403, 403, 200, 404, 200)),
    ("message_edit", "post", "draft and message", MANAGERS),
    ("message_copy", "post", "event and message", (401, 403, 403, 403, 200, 404, 200)),
    ("message_copy", "post", "draft and message", MANAGERS),
    ("message_send", "post", "event and message", (401, 403, 403, 403, 200, 404, 200)),
    ("message_send", "post", "draft and message", (401, 404, 404, 404, 409, 404, 409)),  # it is for nobody
    ("message_stop", "post", "event and message", (401, 403, 403, 403, 409, 404, 409)),  # it is a draft
    ("message_stop", "post", "draft and message", (401, 404, 404, 404, 409, 404, 409)),
    ("message_discard", "post", "event and message", (401, 403, 403, 403, 200, 404, 200)),
    ("message_discard", "post", "draft and message", MANAGERS),
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
    ("account_activity", "get", "", LOGGED_IN),
    ("end_login", "post", "login", (401, 200, 404, 404, 404, 404, 404)),  # another one of alice's
    ("account_notices", "get", "", LOGGED_IN),
    ("choose_notices", "post", "", LOGGED_IN),
    ("push_worker", "get", "", ALL),
    ("push_subscribe", "post", "", (401, *[404] * 6)),  # no key is set
    ("push_unsubscribe", "post", "browser", LOGGED_IN),
    ("push_unsubscribe_all", "post", "", LOGGED_IN),
    ("unsubscribe", "post", "unsubscribe", ALL),  # alice's, logged in or not
    ("account_privacy", "get", "", LOGGED_IN),
    ("personal_data", "get", "", LOGGED_IN),
    ("erase_account", "post", "", (401, *[400] * 6)),  # nobody has typed their name
    ("event_history", "get", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("event_history", "get", "draft", MANAGERS),
    ("organize", "get", "", ORGANIZERS),
    ("organize_new", "get", "", CREATORS),
    ("organize_create", "post", "", (401, 404, 404, 404, 400, 404, 400)),  # nothing was typed
    ("organize_event", "get", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("organize_event", "get", "draft", MANAGERS),
    ("organize_edit", "get", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("organize_edit", "get", "draft", MANAGERS),
    ("organize_save", "post", "event", (401, 403, 403, 403, 400, 404, 400)),  # as above
    ("organize_save", "post", "draft", (401, 404, 404, 404, 400, 404, 400)),
    ("organize_duplicate", "post", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("organize_duplicate", "post", "draft", MANAGERS),
    ("organize_publish", "post", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("organize_publish", "post", "draft", MANAGERS),
    ("organize_cancelling", "get", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("organize_cancelling", "get", "draft", MANAGERS),
    ("organize_cancel", "post", "event cancelled", (401, 403, 403, 403, 200, 404, 200)),
    ("organize_cancel", "post", "draft", (401, 404, 404, 404, 400, 404, 400)),  # nobody has typed its name
    ("organize_deleting", "get", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("organize_deleting", "get", "draft", MANAGERS),
    ("organize_delete", "post", "event", (401, 403, 403, 403, 409, 404, 409)),  # it is no draft
    ("organize_delete", "post", "draft", MANAGERS),
    ("organize_line", "get", "event", (401, 403, 403, 403, 200, 404, 200)),
    ("organize_line", "get", "draft", MANAGERS),
    ("organize_serving", "post", "event paused", (401, 403, 403, 403, 200, 404, 200)),
    ("organize_serving", "post", "draft", (401, 404, 404, 404, 400, 404, 400)),  # nor what is to be done
    ("security_txt", "get", "", (404,) * 7),  # nobody is named
    ("language", "get", "", ALL),
    ("choose_language", "post", "language", ALL),
    ("csp_report", "post", "", (400,) * 7),  # a form is no report
    ("websocket_test", "get", "", (404, 404, 404, 404, 404, 404, 200)),
    ("styleguide", "get", "", (404,) * 7),  # but while developing
    ("status", "get", "", (404, 404, 404, 404, 404, 404, 200)),
    ("metrics", "get", "", (404, 404, 404, 404, 404, 404, 200)),
    ("sitemap", "get", "", ALL),
    ("robots_txt", "get", "", ALL),
    ("healthz", "get", "", ALL),
    ("readyz", "get", "", ALL),
]


def message_about(event: Event) -> Announcement:
    return messages.write(event=event, by=event.created_by, **MESSAGE)


class MatrixTests(Cast, TestCase):
    oscar: User
    root: User
    places: ClassVar[dict[str, list[Any]]]
    forms: ClassVar[dict[str, dict[str, Any]]]

    @classmethod
    def setUpTestData(cls):
        super().setUpTestData()
        appoint(cls.olga)
        cls.oscar = make_person("oscar")
        cls.root = make_person("root", is_staff=True, is_superuser=True)
        make_event(created_by=cls.oscar, name="Of oscar", auto_hold=False)
        event = make_event(capacity=20, auto_hold=False)
        draft = make_event(status="draft", auto_hold=False)
        ticket = allocation.book(event_id=event.pk, user=cls.alice)
        code, token = ticket.code, offer(ticket, cls.bob).token
        cls.places = {
            "": [],
            "event and mark": [event.pk, artwork.mark_of(event)],
            "draft and mark": [draft.pk, artwork.mark_of(draft)],
            "event and person": [event.pk, cls.bob.pk],
            "draft and person": [draft.pk, cls.bob.pk],
            "event and ticket": [event.pk, ticket.pk],
            "draft and ticket": [draft.pk, ticket.pk],
            "event and message": [event.pk, message_about(event).pk],
            "draft and message": [draft.pk, message_about(draft).pk],
            "event and chart": [event.pk, "sale"],
            "draft and chart": [draft.pk, "sale"],
            "chart": ["sale"],
            "import": [keep(content=template().encode(), file_name="events.csv", user=cls.root).pk],
            "event and list": [event.pk, "tickets"],
            "draft and list": [draft.pk, "tickets"],
            "event": [event.pk],
            "event cancelled": [event.pk],
            "event paused": [event.pk],
            "draft": [draft.pk],
            "code": [code],
            "offer": [code],
            "token": [token],
            "login": [arrive(cls.alice).pk],
            "unsubscribe": [wishes.unsubscribe_url(cls.alice, Notice.TURN).split("/")[-2]],
        }
        carols = allocation.book(event_id=event.pk, user=make_person("carol")).code
        scan = checkin.scan(code=carols, event=event, staff=cls.greta).scan
        cls.forms = {
            "scan": {"event": event.pk, "code": code},
            "scan of draft": {"event": draft.pk, "code": code},
            "event": {"person": "bob", **MESSAGE},
            "draft": {"person": "bob", **MESSAGE},
            "event cancelled": {"reason": "A storm", "name": event.name},
            "event paused": {"act": "pause", "reason": "A storm"},
            "event and message": {"confirm": "on", **MESSAGE},
            "draft and message": {"confirm": "on", **MESSAGE},
            "language": {"language": "en"},
            "browser": {"endpoint": "https://push.example.org/send/abc"},
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

    def test_an_organizer_without_an_event_yet_is_a_rival_as_well(self):
        rival = visit(appoint(make_person("rita")))
        event = self.places["event"]
        self.assertEqual(
            [rival.get(reverse(route, args=event)).status_code for route in ("attendees", "analytics")], [404] * 2
        )

    @override_settings(STAFF_NEED_SECOND_FACTOR=True)
    def test_without_a_second_factor_staff_may_no_more_than_anybody_else(self):
        for route, method, what, expected in TABLE:
            told = dict(zip(PEOPLE, expected, strict=True))
            for who in ("greta", "olga", "root"):
                if told["bob"] in {403, 404} and told[who] not in {403, 404}:
                    with self.subTest(route=route, what=what, who=who):
                        self.assertEqual(self.ask(who, route, method, what), 403)

    def test_every_route_has_its_row(self):
        elsewhere = set(LIBRARIES)
        ours = [r.name for r in every() if r.pattern not in elsewhere and not r.pattern.startswith("admin/")]
        self.assertEqual(sorted({route for route, *_ in TABLE}), sorted(ours))  # no two of one name

    def test_every_address_of_an_event_has_a_row_for_drafts(self):
        of_events = {route.name for route in every() if "event_id" in route.pattern}
        self.assertEqual({route for route, _, what, _ in TABLE if what in DRAFTS}, of_events)

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
