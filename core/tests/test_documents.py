import base64
import csv
import datetime as dt
import io
import re
import socketserver
import threading
from contextlib import closing
from tempfile import TemporaryDirectory
from typing import Any, ClassVar
from unittest.mock import patch
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pypdfium2
import zxingcpp
from django.core.files.base import ContentFile
from django.db import transaction
from django.test import TestCase, override_settings
from icalendar import Calendar
from PIL import Image
from weasyprint import HTML

from core import allocation, checkin, documents
from core.exports.cells import harmless
from core.models import Cause, Event, Ticket
from core.tests.cast import Cast, make_event, make_person
from core.tests.visits import BROWSER, visit

NAMES = (
    "مهرجان الموسيقى", "東京コンサート 李雷", "Fête 🎫👩‍👩‍👧", "<script>alert(1)</script>", "{{ 7*7 }} %s",
    "'\"><img src=x>", "x" * 200, "\u202eevil",
)  # fmt: skip


DOTS_PER_INCH = 150


def pages_of(pdf: bytes) -> list[Any]:
    """Return the pages of a PDF as images."""
    with closing(pypdfium2.PdfDocument(pdf)) as document:
        return [page.render(scale=DOTS_PER_INCH / 72).to_pil() for page in document]


def codes_on(image: Any) -> list[str]:
    """Return what an independent reader finds on an image."""
    return [code.text for code in zxingcpp.read_barcodes(image)]


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

    def test_an_independent_reader_reads_the_code_from_the_image(self):
        self.assertEqual(codes_on(Image.open(io.BytesIO(self.get("qr.png").content))), [self.ticket.code])

    def test_it_can_be_had_as_a_drawing_of_the_same_modules(self):
        response = self.get("qr.svg")
        self.assertEqual(response.headers["Content-Type"], "image/svg+xml; charset=utf-8")
        drawn = pages_of(self.drawing_on_paper(response.content))[0]
        self.assertEqual(codes_on(drawn), [self.ticket.code])

    def drawing_on_paper(self, svg: bytes) -> bytes:
        """Return a PDF with the drawing: another program than ours, which draws what SVG says."""
        source = f'<img src="data:image/svg+xml;base64,{base64.b64encode(svg).decode()}">'
        pdf: bytes = HTML(string=source).write_pdf()
        return pdf

    def test_two_tickets_have_two_codes(self):
        other = allocation.book(event_id=self.event.pk, user=self.bob)
        self.assertNotEqual(documents.qr_png(self.ticket.code), documents.qr_png(other.code))


class CancelledTests(TicketCase):
    def test_what_opens_no_gate_any_more_cannot_be_taken_away_as_if_it_did(self):
        for end in (
            lambda: allocation.cancel_ticket(ticket_id=self.ticket.pk, cause=Cause.CANCELLED_BY_OWNER),
            lambda: Event.objects.filter(pk=self.event.pk).update(status="cancelled"),
        ):
            with transaction.atomic():
                end()
                for what in ("qr.png", "qr.svg", "download/", "download/?size=a6"):
                    with self.subTest(what=what):
                        said = "This ticket is cancelled: its code opens no gate any more."
                        self.assertContains(self.get(what), said, status_code=410)
                        answer = visit(self.alice).get(f"/ticket/{self.ticket.code}/{what}")
                        self.assertEqual((answer.status_code, answer.json()["status"]), (410, "cancelled"))
                        self.assertEqual(visit(self.bob).get(f"/ticket/{self.ticket.code}/{what}").status_code, 404)
                self.assertContains(self.get("calendar.ics"), "STATUS:CANCELLED")
                transaction.set_rollback(True)
        self.assertEqual(self.get("qr.png").status_code, 200)


class PdfTests(TicketCase):
    def test_it_is_a_pdf_to_keep(self):
        response = self.get("download/")
        self.assertEqual(
            (response.status_code, response.headers["Content-Type"], response.headers["Content-Disposition"]),
            (200, "application/pdf", f'attachment; filename="ticket-{self.ticket.pk}.pdf"'),
        )
        self.assertTrue(response.content.startswith(b"%PDF-"))
        self.assertTrue(response.content.rstrip().endswith(b"%%EOF"))

    def test_its_code_is_read_from_either_size_of_paper(self):
        millimetres = {"a4": (210, 297), "a6": (105, 148)}
        for size, (width, height) in millimetres.items():
            with self.subTest(size=size):
                (page,) = pages_of(self.get(f"download/?size={size}").content)
                inches = [round(pixels / DOTS_PER_INCH, 1) for pixels in page.size]
                self.assertEqual(inches, [round(width / 25.4, 1), round(height / 25.4, 1)])
                self.assertEqual(codes_on(page), [self.ticket.code])

    def test_there_is_no_other_size(self):
        for size in ("", "a5", "../a4", "a4\0"):
            with self.subTest(size=size):
                self.assertEqual(self.get(f"download/?size={quote(size)}").status_code, 400)

    def test_the_picture_of_the_event_is_on_it_and_one_that_cannot_be_read_is_left_out(self):
        red = io.BytesIO()
        Image.new("RGBA", (3000, 900), "red").save(red, "PNG")
        for content, is_shown in ((red.getvalue(), True), (b"no image", False)):
            with self.subTest(is_shown=is_shown), TemporaryDirectory() as folder, override_settings(MEDIA_ROOT=folder):
                self.ticket.event.image.save("picture.png", ContentFile(content), save=False)
                (page,) = pages_of(documents.pdf(self.ticket))
                reds = sum(
                    count for count, (_, green, blue) in page.getcolors(page.width * page.height) if green + blue < 40
                )
                self.assertEqual(reds > page.width * page.height / 20, is_shown)
        event = make_event(image="events/gone.png")
        self.assertEqual(documents._picture(event), "")

    def test_it_shows_the_time_where_the_event_is(self):
        page = documents._page(self.ticket, "a4")
        self.assertInHTML("<dd>Monday 1 July 2030</dd>", page)
        self.assertInHTML("<dd>20:15 <small>Europe/Berlin</small></dd>", page)

    def test_names_of_any_script_are_text_and_never_fail(self):
        for name in NAMES:
            with self.subTest(name=name[:20]):
                ticket = self.ticket
                ticket.event.name = ticket.event.venue = ticket.user.first_name = name
                page = documents._page(ticket, "a4")
                self.assertEqual(re.findall(r"<(?:script|img src=x)", page), [])
                read = [codes_on(pages_of(documents.pdf(ticket, size))[0]) for size in documents.SIZES]
                self.assertEqual(read, [[ticket.code]] * 2)

    def test_with_the_longest_names_and_a_picture_it_is_still_one_page(self):
        ticket = self.ticket
        ticket.event.name = ticket.event.venue = "Conservatory 東京コンサート مهرجان " * 6
        ticket.user.first_name = ticket.user.last_name = "Hohenstein-Langenfeld " * 6
        picture = io.BytesIO()
        Image.new("RGB", (300, 600), "red").save(picture, "PNG")
        with TemporaryDirectory() as folder, override_settings(MEDIA_ROOT=folder):
            ticket.event.image.save("picture.png", ContentFile(picture.getvalue()), save=False)
            for size in documents.SIZES:
                with self.subTest(size=size):
                    (page,) = pages_of(documents.pdf(ticket, size))
                    self.assertEqual(codes_on(page), [ticket.code])

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

    def test_it_has_the_event_and_its_time_where_it_takes_place(self):
        entry = self.entry()
        shown = {name: str(entry[name]) for name in ("SUMMARY", "LOCATION", "STATUS", "URL", "UID")}
        self.assertEqual(shown, {
            "SUMMARY": "Opera",
            "LOCATION": "Hall, 1st floor; left",
            "STATUS": "CONFIRMED",
            "URL": f"http://127.0.0.1:8000/events/{self.ticket.event_id}/",
            "UID": f"ticket-{self.ticket.pk}@127.0.0.1",
        })  # fmt: skip
        self.assertEqual(
            [(entry[name].params.get("TZID"), entry[name].to_ical()) for name in ("DTSTART", "DTEND")],
            [("Europe/Berlin", b"20300701T201500"), ("Europe/Berlin", b"20300701T221500")],
        )

    def test_the_zone_is_told_with_its_summer_time_so_that_no_calendar_has_to_know_it(self):
        calendar = Calendar.from_ical(self.get("calendar.ics").content)
        zone: Any
        (zone,) = calendar.walk("VTIMEZONE")
        offsets = {str(part.name): part["TZOFFSETTO"].td for part in zone.subcomponents}
        self.assertEqual(str(zone["TZID"]), "Europe/Berlin")
        self.assertEqual(offsets, {"STANDARD": dt.timedelta(hours=1), "DAYLIGHT": dt.timedelta(hours=2)})

    def test_an_event_without_a_zone_is_in_that_of_the_site(self):
        Event.objects.update(time_zone="")
        self.assertEqual(self.entry()["DTSTART"].to_ical(), b"20300701T181500Z")

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

    def test_of_a_cancelled_event_it_says_so_and_shows_no_code_also_to_those_who_were_in(self):
        code = self.ticket.code
        for is_in in (False, True):
            Event.objects.update(status="published")
            if is_in:
                checkin.scan(code=code, event=self.event, staff=self.greta)
            self.assertContains(self.get(""), "/qr.svg")
            Event.objects.update(status="cancelled")
            for person in (self.alice, self.olga):
                page = visit(person, headers=BROWSER).get(f"/ticket/{code}/")
                self.assertContains(page, "The event was cancelled, and its tickets are refused at the gate.")
                for told in ("/qr.svg", "Admitted", "Download as PDF"):
                    self.assertNotContains(page, told)

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
        there = Ticket.objects.get().booked_at.astimezone(ZoneInfo(self.event.zone))
        booked_at = there.isoformat(timespec="minutes")
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
            [harmless(cell) for cell in ("\tx", "\rx", "\0x", "x-1", "")], ["'\tx", "'\rx", "'\0x", "x-1", ""]
        )

    def test_quotes_and_newlines_stay_in_their_cell(self):
        self.alice.first_name = 'Al "the\nace", ice'
        self.alice.save()
        self.assertEqual([row[0] for row in self.rows()], ["name", 'Al "the\nace", ice'])
