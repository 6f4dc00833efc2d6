import csv
import datetime as dt
import io
import re
import socketserver
import threading
from typing import Any, ClassVar
from unittest.mock import patch

from django.test import TestCase
from icalendar import Calendar
from PIL import Image

from core import allocation, documents
from core.models import Event, Ticket
from core.tests.cast import Cast, make_event, make_person
from core.tests.visits import BROWSER, visit
from core.views.organizer import _harmless

NAMES = (
    "مهرجان الموسيقى", "東京コンサート 李雷", "Fête 🎫👩‍👩‍👧", "<script>alert(1)</script>", "{{ 7*7 }} %s",
    "'\"><img src=x>", "x" * 200, "\u202eevil",
)  # fmt: skip


class TicketCase(Cast, TestCase):
    event: Event
    ticket: Ticket

    @classmethod
    def setUpTestData(cls):
        super().setUpTestData()
        starts_at = dt.datetime(2030, 7, 1, 18, 15, tzinfo=dt.UTC)
        cls.event = make_event(
            name="Opera", venue="Hall, 1st floor; left", starts_at=starts_at, time_zone="Europe/Berlin", auto_hold=False
        )
        cls.ticket = allocation.book(event_id=cls.event.pk, user=cls.alice)

    def get(self, what: str) -> Any:
        return visit(self.alice, headers=BROWSER).get(f"/ticket/{self.ticket.code}/{what}")


class QrTests(TicketCase):
    def test_it_is_a_png_of_version_four_with_its_quiet_zone(self):
        response = self.get("qr.png")
        image = Image.open(io.BytesIO(response.content))
        modules = 33 + 2 * 4  # version 4 at level M, as 74 alphanumeric characters need, and four modules around
        self.assertEqual((response.headers["Content-Type"], image.format, image.size),
                         ("image/png", "PNG", (10 * modules, 10 * modules)))  # fmt: skip

    def test_two_tickets_have_two_codes(self):
        other = allocation.book(event_id=self.event.pk, user=self.bob)
        self.assertNotEqual(documents.qr_png(self.ticket.code), documents.qr_png(other.code))


class PdfTests(TicketCase):
    def test_it_is_a_pdf_to_keep(self):
        response = self.get("download/")
        self.assertEqual(
            (response.status_code, response.headers["Content-Type"], response.headers["Content-Disposition"]),
            (200, "application/pdf", f'attachment; filename="ticket-{self.ticket.pk}.pdf"'),
        )
        self.assertTrue(response.content.startswith(b"%PDF-"))
        self.assertTrue(response.content.rstrip().endswith(b"%%EOF"))

    def test_it_shows_the_time_where_the_event_is(self):
        page = documents._page(self.ticket)
        self.assertInHTML("<dd>Monday 1 July 2030</dd>", page)
        self.assertInHTML("<dd>20:15 <small>Europe/Berlin</small></dd>", page)

    def test_names_of_any_script_are_text_and_never_fail(self):
        for name in NAMES:
            with self.subTest(name=name[:20]):
                ticket = self.ticket
                ticket.event.name = ticket.event.venue = ticket.user.first_name = name
                page = documents._page(ticket)
                self.assertEqual(re.findall(r"<(?:script|img src=x)", page), [])
                self.assertTrue(documents.pdf(ticket).startswith(b"%PDF-"))

    def test_nothing_is_fetched_but_our_own_data(self):
        asked: list[bytes] = []

        class Listener(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                asked.append(self.request.recv(100))

        with socketserver.TCPServer(("127.0.0.1", 0), Listener) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_address[1]}/x.png"
            fetcher = documents._fetcher()
            for address in (url, f"file://{__file__}", "ftp://127.0.0.1/x", "/etc/passwd"):
                with self.subTest(address=address), self.assertRaisesRegex(ValueError, "disallowed|absolute"):
                    fetcher(address)
            server.shutdown()
        self.assertEqual(asked, [])
        self.assertEqual(fetcher("data:text/plain,ours").read(), b"ours")


class CrowdTests(TicketCase):
    def test_whoever_would_wait_too_long_for_a_pdf_is_asked_to_try_again(self):
        with documents._AT_ONCE, documents._AT_ONCE, patch.object(documents, "PATIENCE", 0.01):
            response = self.get("download/")
        self.assertEqual((response.status_code, response.headers["Retry-After"]), (503, "3"))
        self.assertEqual(self.get("download/").status_code, 200)


class CalendarEntryTests(TicketCase):
    def entry(self) -> Any:
        response = self.get("calendar.ics")
        self.assertEqual(response.headers["Content-Type"], "text/calendar; charset=utf-8")
        (entry,) = Calendar.from_ical(response.content).walk("VEVENT")
        return entry

    def test_it_has_the_event_and_its_time_in_utc(self):
        entry = self.entry()
        shown = {name: str(entry[name]) for name in ("SUMMARY", "LOCATION", "STATUS", "URL", "UID")}
        self.assertEqual(shown, {
            "SUMMARY": "Opera",
            "LOCATION": "Hall, 1st floor; left",
            "STATUS": "CONFIRMED",
            "URL": f"http://testserver/events/{self.ticket.event_id}/",
            "UID": f"ticket-{self.ticket.pk}@testserver",
        })  # fmt: skip
        self.assertEqual(
            (entry["DTSTART"].to_ical(), entry["DTEND"].to_ical()), (b"20300701T181500Z", b"20300701T201500Z")
        )

    def test_the_code_is_not_in_what_people_share(self):
        self.assertNotContains(self.get("calendar.ics"), self.ticket.code[:20])

    def test_it_ends_when_the_event_does(self):
        Event.objects.update(ends_at=dt.datetime(2030, 7, 2, 1, 0, tzinfo=dt.UTC))
        self.assertEqual(self.entry()["DTEND"].dt, dt.datetime(2030, 7, 2, 1, 0, tzinfo=dt.UTC))

    def test_it_says_when_the_ticket_was_cancelled(self):
        allocation.cancel_ticket(ticket_id=self.ticket.pk)
        self.assertEqual(str(self.entry()["STATUS"]), "CANCELLED")

    def test_names_of_any_script_stay_one_entry(self):
        for name in (*NAMES, "a\r\nATTENDEE:mailto:evil@example.org"):
            with self.subTest(name=name[:20]):
                Event.objects.update(name=name[:200])
                entry = self.entry()
                self.assertEqual(
                    str(entry["SUMMARY"]).replace("\n", ""), name[:200].replace("\r", "").replace("\n", "")
                )
                self.assertNotIn("ATTENDEE", entry)


class TicketPageTests(TicketCase):
    def test_names_are_text_on_the_page(self):
        Event.objects.update(name=NAMES[3], venue=NAMES[5])
        page = self.get("")
        self.assertContains(page, "&lt;script&gt;alert(1)&lt;/script&gt;")
        self.assertNotContains(page, "<script>alert")
        self.assertNotContains(page, "<img src=x>")

    def test_the_code_is_in_no_page_of_somebody_else(self):
        for person in (self.bob, self.greta, None):
            for path in ("/", "/dashboard/", f"/events/{self.event.pk}/"):
                page = visit(person, headers=BROWSER).get(path, follow=True)
                self.assertNotContains(page, self.ticket.code[:20])
        self.assertContains(visit(self.alice, headers=BROWSER).get("/dashboard/"), self.ticket.code)


class AttendeeListTests(TicketCase):
    HEADER: ClassVar = ["name", "user name", "e-mail", "booked at", "status", "checked in at"]

    def rows(self) -> list[list[str]]:
        response = visit(self.olga).get(f"/events/{self.event.pk}/attendees.csv")
        self.assertEqual(response.headers["Content-Type"], "text/csv; charset=utf-8")
        text = b"".join(response).decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text)))

    def test_it_lists_everybody_with_a_ticket(self):
        booked_at = Ticket.objects.get().booked_at.isoformat(timespec="minutes")
        self.assertEqual(self.rows(), [self.HEADER, ["alice", "alice", "alice@example.org", booked_at, "valid", ""]])

    def test_no_cell_is_taken_for_a_formula(self):
        dangers = ("=1+1", "+1", "-1", "@SUM(A1)")
        Event.objects.update(capacity=20)
        for number, danger in enumerate(dangers):
            person = make_person(f"eve{number}", first_name=danger)
            allocation.book(event_id=self.event.pk, user=person)
        names = [row[0] for row in self.rows()[2:]]
        self.assertEqual(names, [f"'{danger}" for danger in dangers])
        self.assertEqual(
            [_harmless(cell) for cell in ("\tx", "\rx", "\0x", "x-1", "")], ["'\tx", "'\rx", "'\0x", "x-1", ""]
        )

    def test_quotes_and_newlines_stay_in_their_cell(self):
        self.alice.first_name = 'Al "the\nace", ice'
        self.alice.save()
        self.assertEqual([row[0] for row in self.rows()], ["name", 'Al "the\nace", ice'])
