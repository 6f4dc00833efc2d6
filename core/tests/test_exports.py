"""Lists to take along: what is in them, for whom, in pieces; no cell is a formula, and nobody's pseudonym is told."""

import csv
import datetime as dt
import io
import json
import zipfile
from typing import Any
from unittest import mock
from urllib.parse import urlsplit
from xml.etree import ElementTree

from django.db import OperationalError, connection
from django.test import RequestFactory, TestCase
from django.test.utils import CaptureQueriesContext

from core import allocation, checkin
from core.exports import files
from core.exports.lists import CHUNK, LISTS
from core.middleware import SecondFactorMiddleware
from core.models import AuditEntry, Event, LedgerEntry, Scan, Ticket, TicketHold
from core.trust import confirmation

from .cast import Cast, book, give, join, make_event, make_people, make_person
from .test_query_counts import queries_of
from .visits import BROWSER, visit

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


class ExportCase(Cast, TestCase):
    def setUp(self) -> None:
        self.event = make_event(capacity=3, auto_hold=False)
        self.ticket = book(self.event, self.alice)
        self.given = give(book(self.event, make_person("carol")), make_person("dora"))
        join(self.event, self.bob)
        join(self.event, make_person("eve", first_name="=1+1"))
        allocation.cancel_ticket(ticket_id=self.given.pk)
        checkin.scan(code=self.ticket.code, event=self.event, staff=self.greta, gate="@North")
        checkin.scan(code="nonsense", event=self.event, staff=self.greta)
        self.client = visit(self.olga)
        self.address = f"/organize/{self.event.pk}/exports/"

    def rows(self, what: str) -> list[list[str]]:
        answer = self.client.get(f"{self.address}{what}.csv")
        self.assertEqual((answer.status_code, answer["Cache-Control"]), (200, "no-store"))
        return list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))

    def sheet(self, what: str) -> list[list[str]]:
        """Return a workbook's cells, read without the library that wrote them; a formula would not be a text."""
        answer = self.client.get(f"{self.address}{what}.xlsx")
        self.assertEqual((answer.status_code, answer["Content-Type"]), (200, files.XLSX_TYPE))
        with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
            texts = ["".join(si.itertext()) for si in ElementTree.fromstring(book.read("xl/sharedStrings.xml"))]
            sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
        self.assertEqual(list(sheet.iter(f"{MAIN}f")), [])
        return [[self.cell(cell, texts) for cell in row] for row in sheet.iter(f"{MAIN}row")]

    def cell(self, cell: Any, texts: list[str]) -> str:
        told = cell.findtext(f"{MAIN}v", "")
        return texts[int(told)] if cell.get("t") == "s" else told


class ContentTests(ExportCase):
    def test_each_list_has_a_row_for_each_thing(self) -> None:
        counts = {"attendees": 3, "tickets": 3, "line": 2, "check-ins": 2, "ledger": LedgerEntry.objects.count()}
        for what, count in counts.items():
            rows = self.rows(what)
            with self.subTest(what=what):
                self.assertEqual((rows[0], len(rows) - 1), (LISTS[what].header, count))
                self.assertEqual({len(row) for row in rows}, {len(rows[0])})

    def test_tickets_say_what_became_of_them(self) -> None:
        told = [(row[0], row[2], row[5]) for row in self.rows("tickets")[1:]]
        first, carols, doras = (str(pk) for pk in Ticket.objects.order_by("pk").values_list("pk", flat=True))
        self.assertEqual(told, [(first, "", "admitted"), (carols, "", "cancelled"), (doras, carols, "cancelled")])

    def test_the_line_says_who_waits_and_who_is_held_a_place(self) -> None:
        held_at = TicketHold.objects.get(user=self.bob).held_at
        row = next(row for row in self.rows("line") if row[1] == "bob")
        self.assertEqual((row[3], row[7]), ("held", held_at and held_at.isoformat(timespec="minutes")))

    def test_moments_are_of_the_events_zone_with_their_offset(self) -> None:
        Event.objects.filter(pk=self.event.pk).update(time_zone="Asia/Kathmandu")
        held_at, scanned_at = TicketHold.objects.get(user=self.bob).held_at, Scan.objects.earliest("pk").scanned_at
        told = next(row for row in self.rows("line") if row[1] == "bob")[7]
        exact = self.rows("check-ins")[1][0]
        self.assertTrue(told.endswith("+05:45") and exact.endswith("+05:45"), (told, exact))
        self.assertEqual(dt.datetime.fromisoformat(exact), scanned_at)
        self.assertEqual(dt.datetime.fromisoformat(told), held_at and held_at.replace(second=0, microsecond=0))
        page = self.client.get(self.address, headers=BROWSER)
        self.assertContains(page, "Times are in Asia/Kathmandu, each with its offset from UTC")

    def test_check_ins_say_who_came_by_which_gate(self) -> None:
        told = [row[1:6] for row in self.rows("check-ins")[1:]]
        self.assertEqual(
            told,
            [["'@North", "alice", "alice@example.org", "admitted", "yes"], ["", "", "", "unknown_code", "no"]],
        )

    def test_a_workbook_has_the_same_rows(self) -> None:
        for what in LISTS:
            with self.subTest(what=what):
                sheet = [[cell for cell in row if cell] for row in self.sheet(what)]
                self.assertEqual(sheet, [[cell for cell in row if cell] for row in self.rows(what)])

    def test_no_cell_is_a_formula(self) -> None:
        for rows in (self.rows("line"), self.sheet("line")):
            self.assertEqual([row[0] for row in rows if row[1] == "eve"], ["'=1+1"])

    def test_no_row_tells_both_a_name_and_what_the_ledger_calls_them(self) -> None:
        texts = LedgerEntry.objects.filter(event=self.event).values_list("text", flat=True)
        exact = {json.loads(text)["at"] for text in texts}
        for what in ("attendees", "line"):
            cells = {cell for row in self.rows(what)[1:] for cell in row}
            numbers = set(Ticket.objects.values_list("pk", flat=True)) | set(
                TicketHold.objects.values_list("pk", flat=True)
            )
            with self.subTest(what=what):
                self.assertEqual(cells & exact, set())
                self.assertNotIn("ticket", LISTS[what].header)
                self.assertNotIn("place", LISTS[what].header)
                self.assertTrue(numbers)
        names = {"alice", "bob", "carol", "dora", "eve"}
        for what in ("tickets", "ledger"):
            self.assertEqual({cell for row in self.rows(what) for cell in row} & names, set())

    def test_no_exact_moment_of_a_ticket_joins_its_number_to_a_name(self) -> None:
        checked_in_at = Ticket.objects.get(pk=self.ticket.pk).checked_in_at
        minute = checked_in_at and checked_in_at.isoformat(timespec="minutes")
        for what in ("attendees", "tickets"):
            told = [row[-1] for row in self.rows(what)[1:] if row[-1]]
            with self.subTest(what=what):
                self.assertEqual(told, [minute])

    def test_another_events_rows_are_not_in_it(self) -> None:
        other = make_event(auto_hold=False)
        self.client.get(f"/organize/{other.pk}/exports/")
        for what in ("attendees", "tickets", "line", "check-ins"):
            answer = self.client.get(f"/organize/{other.pk}/exports/{what}.csv")
            self.assertEqual(len(answer.getvalue().splitlines()), 1)


class PieceTests(ExportCase):
    def many(self, count: int) -> None:
        people = make_people(count)
        Ticket.objects.bulk_create([Ticket(event=self.event, user=person, code=f"C{person.pk}") for person in people])

    def test_a_list_is_read_some_rows_at_a_time_as_it_is_sent(self) -> None:
        self.many(CHUNK * 3)
        pieces = files.as_csv(["name"], LISTS["attendees"].records(self.event))
        counts = []
        for _ in range(3):
            with CaptureQueriesContext(connection) as asked:
                next(pieces)
            counts.append(len(asked))
        self.assertEqual(counts, [0, 2, 1])  # the header; which rows, and the first; the next

    def test_it_is_whole_and_in_order_however_long_it_is(self) -> None:
        self.many(CHUNK * 2 + 1)
        numbers = [int(row[0]) for row in self.rows("tickets")[1:]]
        self.assertEqual(numbers, sorted(Ticket.objects.values_list("pk", flat=True)))

    def test_the_list_of_attendees_keeps_its_address_and_is_in_pieces_as_well(self) -> None:
        self.many(CHUNK + 1)
        answer = self.client.get(f"/events/{self.event.pk}/attendees.csv")
        self.assertTrue(answer.streaming)
        self.assertEqual(answer.getvalue(), self.client.get(f"{self.address}attendees.csv").getvalue())

    def test_a_workbook_that_would_be_too_long_is_refused_in_words(self) -> None:
        with mock.patch.object(files, "MOST_IN_XLSX", 2):
            answer = self.client.get(f"{self.address}tickets.xlsx")
            page = visit(self.olga, headers=BROWSER).get(self.address).content.decode()
        self.assertEqual(answer.status_code, 400)
        self.assertIn("more than 2 rows, which is too many for a workbook. Download it as CSV", answer.json()["detail"])
        self.assertIn("Too long for XLSX", page)


class PageTests(ExportCase):
    def test_the_page_lists_them_with_their_rows_in_as_many_queries_whatever_there_is(self) -> None:
        browser = visit(self.olga, headers=BROWSER)
        page = browser.get(self.address).content.decode()
        for one in LISTS.values():
            self.assertIn(str(one.title), page)
        self.assertIn('data-label="Rows">3<', page)
        before = len(queries_of(lambda: browser.get(self.address)))
        PieceTests.many(self, 50)  # type: ignore[arg-type]  # -- asks for no more than this has
        self.assertEqual(len(queries_of(lambda: browser.get(self.address))), before)

    def test_each_download_is_in_the_trail_and_a_look_at_the_page_is_not(self) -> None:
        self.client.get(self.address)
        self.rows("tickets")
        self.sheet("line")
        told = (
            AuditEntry.objects.filter(action="exported")
            .order_by("pk")
            .values_list("actor__username", "event", "subject")
        )
        event = self.event.pk
        self.assertEqual(list(told), [("olga", event, "tickets.csv"), ("olga", event, "line.xlsx")])

    def test_a_list_that_there_is_not_is_404(self) -> None:
        for name in ("people.csv", "people.xlsx"):
            self.assertEqual(self.client.get(f"{self.address}{name}").status_code, 404)

    def test_an_old_login_is_asked_to_confirm_first(self) -> None:
        self.olga.set_password("a password of olga's")
        self.olga.save()
        browser = visit(None, headers=BROWSER)
        browser.force_login(self.olga)
        for name in ("tickets.csv", "line.xlsx"):
            answer = browser.get(f"{self.address}{name}")
            self.assertEqual(answer.status_code, 302)
            self.assertIn("reauthenticate", answer["Location"])
        self.assertEqual(AuditEntry.objects.filter(action="exported").count(), 0)

    def test_who_has_confirmed_is_back_on_the_page_and_the_download_begins(self) -> None:
        self.olga.set_password("a password of olga's")
        self.olga.save()
        browser = visit(None, headers=BROWSER)
        browser.force_login(self.olga)
        attendees = f"/events/{self.event.pk}/attendees"
        for file, page in (
            (f"{self.address}tickets.csv", self.address),
            (f"{self.address}line.xlsx", self.address),
            (f"{attendees}.csv", f"{attendees}/"),
            ("/account/privacy/data.json", "/account/privacy/"),
        ):
            with self.subTest(file=file):
                session = browser.session
                session.pop("account_authentication_methods", None)
                session.save()
                asked = browser.get(file)["Location"]
                back = browser.post(asked, {"password": "a password of olga's"})["Location"]
                self.assertEqual(urlsplit(back).path, page)
                answer = browser.get(back)
                self.assertContains(answer, f'<meta http-equiv="refresh" content="0; url={file}">')
                for page_again in (answer, browser.get(back)):
                    self.assertContains(page_again, f'<a href="{file}" id="asked-for">Download the file now</a>')
                self.assertNotContains(page_again, "http-equiv")  # once, and not whenever the page is loaded again
                self.assertIn("attachment", browser.get(file)["Content-Disposition"])

    def test_who_would_be_asked_while_the_database_is_away_is_told_so(self) -> None:
        asked = confirmation.FileAskedFor("/organize/", "/organize/1/exports/line.csv")
        gone = mock.patch.object(confirmation, "get_adapter", side_effect=OperationalError("away"))
        with gone, self.assertLogs("core.middleware", "WARNING"):
            answer = SecondFactorMiddleware(mock.Mock()).process_exception(RequestFactory().get("/"), asked)
        self.assertEqual(answer and answer.status_code, 503)

    def test_a_page_leads_to_no_other_file_than_its_own(self) -> None:
        for foreign in ("https://evil.example/a.csv", "/accounts/logout/", "javascript:alert(1)"):
            page = visit(self.olga, headers=BROWSER).get(self.address, {"file": foreign})
            self.assertNotContains(page, "asked-for")
            self.assertNotContains(page, "http-equiv")

    def test_the_name_of_a_file_says_of_which_event_it_is(self) -> None:
        starts_at = dt.datetime(2035, 6, 1, 22, 30, tzinfo=dt.UTC)
        for name, slug in (("Día de la Música!", "dia-de-la-musica"), ("東京", f"event-{self.event.pk}")):
            Event.objects.filter(pk=self.event.pk).update(name=name, starts_at=starts_at, time_zone="Asia/Tokyo")
            for path, file in (
                (f"{self.address}tickets.csv", f"tickets-{slug}-2035-06-02.csv"),
                (f"{self.address}line.xlsx", f"line-{slug}-2035-06-02.xlsx"),
                (f"/events/{self.event.pk}/attendees.csv", f"attendees-{slug}-2035-06-02.csv"),
                (f"/organize/{self.event.pk}/analytics/sale.csv", f"sale-{slug}-2035-06-02.csv"),
            ):
                named = self.client.get(path)["Content-Disposition"]
                self.assertEqual(named, f'attachment; filename="{file}"')
