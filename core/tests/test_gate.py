import datetime as dt
from http import HTTPStatus
from typing import Any

from django.test import TestCase

from core import allocation, checkin, steering
from core.models import Event, Scan, Ticket
from core.tests.cast import Cast, ago, make_event, make_person
from core.tests.visits import BROWSER, answer_of, visit

# Where rates are counted: a process beside this one, with people of the same ids, must not count with it.
OWN_CACHE = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
UNKNOWN = {"outcome": "unknown_code", "attendee": None, "checked_in_at": None}


class GateCase(Cast, TestCase):
    event: Event
    ticket: Ticket

    @classmethod
    def setUpTestData(cls):
        super().setUpTestData()
        cls.event = make_event(name="Opera", capacity=9, auto_hold=False)
        cls.ticket = allocation.book(event_id=cls.event.pk, user=cls.alice)

    def setUp(self) -> None:
        self.gate = visit(self.greta)

    def scan(self, code: str | None = None, event: Event | str | None = None, **form: Any) -> tuple[int, Any]:
        typed = self.ticket.code if code is None else code
        chosen = event if isinstance(event, str) else (event or self.event).pk
        status, said = answer_of(self.gate.post("/checkin/scan/", {"code": typed, "event": chosen} | form))
        return status, {name: said[name] for name in UNKNOWN} if status == HTTPStatus.OK else said

    def admitted_at(self) -> str | None:
        moment = Ticket.objects.get(pk=self.ticket.pk).checked_in_at
        return moment.isoformat() if moment else None

    def scans(self) -> list[tuple[str, str, int | None]]:
        return list(Scan.objects.order_by("pk").values_list("outcome", "gate", "ticket"))


class ScanTests(GateCase):
    def test_a_ticket_is_admitted_once_and_the_second_scan_says_when(self):
        first, second = self.scan(gate="North"), self.scan(gate="South")
        known = {"attendee": "alice", "checked_in_at": self.admitted_at()}
        self.assertEqual(first, (200, {"outcome": "admitted"} | known))
        self.assertEqual(second, (200, {"outcome": "already_checked_in"} | known))
        self.assertEqual(
            self.scans(),
            [("admitted", "North", self.ticket.pk), ("already_checked_in", "South", self.ticket.pk)],
        )
        self.assertEqual(Ticket.objects.get().checked_in_by, self.greta)

    def test_the_page_says_when_and_where_it_was_used(self):
        Event.objects.update(time_zone="Asia/Kathmandu")
        self.scan(gate="North")
        Ticket.objects.update(checked_in_at=dt.datetime(2026, 5, 1, 18, 0, tzinfo=dt.UTC))
        browser = visit(self.greta, headers=BROWSER)
        page = browser.post("/checkin/scan/", {"code": self.ticket.code, "event": self.event.pk, "gate": "South"})
        self.assertContains(page, "Used Fri 1 May 2026, 23:45 +0545 at North.")
        self.assertContains(page, 'value="South"')

    def test_a_ticket_of_another_event_is_named_so_and_stays_unused(self):
        other = make_event(name="Ballet")
        self.assertEqual(self.scan(event=other), (200, UNKNOWN | {"outcome": "wrong_event"}))
        self.assertEqual((self.admitted_at(), self.scans()), (None, [("wrong_event", "", None)]))

    def test_a_cancelled_ticket_is_refused_at_once(self):
        allocation.cancel_ticket(ticket_id=self.ticket.pk)
        answer = {"outcome": "cancelled", "attendee": "alice", "checked_in_at": None}
        self.assertEqual(self.scan(), (200, answer))
        self.assertEqual((self.admitted_at(), self.scans()), (None, [("cancelled", "", self.ticket.pk)]))

    def test_a_cancelled_event_lets_nobody_in(self):
        steering.revise_event(event_id=self.event.pk, values={"status": "cancelled"})
        answer = {"outcome": "cancelled", "attendee": "alice", "checked_in_at": None}
        self.assertEqual(self.scan(), (200, answer))
        self.assertEqual(self.admitted_at(), None)

    def test_where_a_gate_is_chosen_a_cancelled_event_is_called_so(self):
        make_event(name="Another")
        steering.revise_event(event_id=self.event.pk, values={"status": "cancelled"})
        self.assertContains(visit(self.greta, headers=BROWSER).get("/checkin/"), "(Cancelled)", count=1)

    def test_the_page_of_a_cancelled_event_says_so(self):
        said = "none of its tickets lets anybody in"
        self.assertNotContains(visit(self.greta).get(f"/checkin/?event={self.event.pk}"), said)
        Event.objects.filter(pk=self.event.pk).update(status=Event.Status.CANCELLED)
        self.assertContains(visit(self.greta).get(f"/checkin/?event={self.event.pk}"), said)

    def test_there_is_no_time_window_at_the_door(self):
        for starts_at in (ago(days=-300), ago(hours=5)):
            Event.objects.update(starts_at=starts_at)
            Ticket.objects.update(checked_in_at=None)
            Scan.objects.all().delete()
            self.assertEqual(self.scan()[1]["outcome"], "admitted")

    def test_the_gate_forgives_case_spaces_dashes_and_a_scanners_newline(self):
        code = self.ticket.code
        spaced = "-".join(code[n : n + 4] for n in range(0, len(code), 4))
        for typed in (code.lower(), f"  {spaced} ", f"{code}\r\n", f"\t{code[:37]} {code[37:]}"):
            with self.subTest(typed=typed):
                Ticket.objects.update(checked_in_at=None)
                Scan.objects.all().delete()
                self.assertEqual(self.scan(typed)[1]["outcome"], "admitted")

    def test_whatever_is_no_code_is_an_unknown_code(self):
        code = self.ticket.code
        flipped = code[:-1] + ("A" if code[-1] != "A" else "Q")
        for typed in (
            "x", "\0", f"{code}\0", "Ticket:1:Event:x", "A" * 74, code * 2, "9" * 10_240,
            "https://tickets.example/" + code,
            "𝔸" * 74, "\x1b[A", "' OR 1=1 --", flipped, code[:-1],
        ):  # fmt: skip
            with self.subTest(typed=typed[:40]):
                self.assertEqual(self.scan(typed), (200, UNKNOWN))
        self.assertEqual((self.admitted_at(), {outcome for outcome, *_ in self.scans()}), (None, {"unknown_code"}))

    def test_a_scan_without_a_code_or_an_event_is_400_and_no_attempt(self):
        empty = {"status": "invalid", "field": "code", "detail": "Scan or type a code first."}
        no_event = {"status": "invalid", "field": "event", "detail": "Pick an event."}
        self.assertEqual([self.scan(""), self.scan("  \n")], [(400, empty)] * 2)
        for event in ("x", "1.5", "9" * 5000):
            with self.subTest(event=event[:20]):
                self.assertEqual(self.scan(event=event)[0], 400)
        self.assertEqual(self.scan(event="x"), (400, no_event))
        self.assertEqual(self.scans(), [])

    def test_an_event_that_is_none_is_404(self):
        for number in ("999999", str(2**63 - 1)):
            self.assertEqual(self.scan(event=number)[0], 404)

    def test_a_bad_form_keeps_what_was_typed(self):
        page = visit(self.greta, headers=BROWSER).post("/checkin/scan/", {"code": "abc", "event": "", "gate": "North"})
        self.assertContains(page, 'value="abc"', status_code=400)
        self.assertContains(page, 'value="North"', status_code=400)


class StaffTests(GateCase):
    def answer_to(self, person: Any) -> tuple[int, str | None]:
        response = visit(person).post("/checkin/scan/", {"code": self.ticket.code, "event": self.event.pk})
        return response.status_code, response.json().get("outcome")

    def test_gate_staff_scan_every_published_event(self):
        self.assertEqual(self.answer_to(self.greta), (200, "admitted"))
        events = visit(self.greta, headers=BROWSER).get("/checkin/").context["events"]
        make_event(status="draft")
        self.assertEqual(list(events), [self.event])

    def test_an_organizer_scans_their_own_events_only(self):
        oscar = make_person("oscar")
        his = make_event(created_by=oscar)
        self.assertEqual(self.answer_to(oscar), (404, None))
        self.assertEqual(list(visit(oscar, headers=BROWSER).get("/checkin/").context["events"]), [his])
        self.assertEqual(self.answer_to(self.olga), (200, "admitted"))

    def test_attendees_and_strangers_scan_nothing(self):
        self.assertEqual([self.answer_to(person) for person in (self.bob, None)], [(403, None), (401, None)])
        self.assertEqual((self.admitted_at(), self.scans()), (None, []))

    def test_who_left_the_staff_scans_nothing_from_the_next_request_on(self):
        self.assertEqual(self.gate.get("/checkin/").status_code, 200)
        self.greta.groups.clear()
        self.assertEqual(self.scan()[0], 403)

    def test_nobody_admits_themselves_by_another_event(self):
        ticket = allocation.book(event_id=self.event.pk, user=self.greta)
        self.assertEqual(self.scan(ticket.code)[0], 403)
        self.assertEqual(self.scan(ticket.code, make_event())[0], 403)
        self.assertEqual(Ticket.objects.get(pk=ticket.pk).checked_in_at, None)


class NonceTests(GateCase):
    """A nonce is one press on the button: sent again, because the answer was lost, it is the same scan."""

    def twice(self, *scans: dict[str, Any]) -> list[str]:
        return [self.scan(**scan, nonce="n1")[1]["outcome"] for scan in scans]

    def test_a_repeated_scan_gets_the_same_answer_and_one_row(self):
        other = make_event(name="Ballet")
        for again, outcome in (({}, "admitted"), ({"code": "x"}, "unknown_code"), ({"event": other}, "wrong_event")):
            with self.subTest(outcome=outcome):
                Scan.objects.all().delete()
                Ticket.objects.update(checked_in_at=None)
                answers = [self.scan(**again, nonce="n1") for _ in range(3)]
                self.assertEqual([answers[0][1]["outcome"], *answers[1:]], [outcome, *answers[:1] * 2])
                self.assertEqual(len(self.scans()), 1)

    def test_the_same_nonce_with_another_ticket_is_another_scan(self):
        bobs = allocation.book(event_id=self.event.pk, user=self.bob)
        self.assertEqual(self.twice({}, {"code": bobs.code}, {"code": "x"}), ["admitted", "admitted", "unknown_code"])

    def test_the_same_nonce_with_the_right_event_is_another_scan(self):
        # Back in the browser, the right event picked, and the same page sent again.
        other = make_event(name="Ballet")
        self.assertEqual(self.twice({"event": other}, {}), ["wrong_event", "admitted"])

    def test_the_same_nonce_of_another_member_of_staff_is_another_scan(self):
        self.scan(nonce="n1")
        result = checkin.scan(code=self.ticket.code, event=self.event, staff=self.olga, nonce="n1")
        self.assertEqual(result.outcome, "already_checked_in")

    def test_every_attempt_is_recorded_with_who_and_when(self):
        before = ago()
        self.scan("x", gate="North", nonce="n1")
        scan = Scan.objects.get()
        self.assertEqual((scan.event, scan.staff, scan.gate, scan.nonce), (self.event, self.greta, "North", "n1"))
        self.assertTrue(before <= scan.scanned_at <= ago())
