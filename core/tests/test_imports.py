"""Events from a file: what is read, what is refused and in which words, and that all are created, or none."""

import codecs
import datetime as dt
import zoneinfo
from collections.abc import Callable
from typing import Any
from unittest import mock

from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import SimpleTestCase, TestCase, TransactionTestCase

from core import cleanup
from core.exports.cells import text as as_exported
from core.imports import create
from core.imports.columns import COLUMNS, template
from core.imports.files import MOST_BYTES, MOST_ROWS, Unreadable, read
from core.models import ORGANIZERS, AuditEntry, Event, EventImport
from core.refusals import NotImported
from core.trust import trail

from .cast import Cast, CastOfRaces, ago, make_person, race
from .tables import all_rows, changed_tables
from .visits import BROWSER, answer_of, redirect_of, visit

HEADER = "name,venue,starts at,capacity,time zone"
ROW = "Concert,Hall,2127-05-01 20:00,200,Europe/Berlin"
OTHER_FILES = (b"\xef\xbb\xbf<!doctype html>", b"%PDF-1.4\n", b"\x89PNG\r\n\x1a\n", b"{\\rtf1}", b"name\x02,venue")


def file_of(*rows: str, header: str = HEADER) -> bytes:
    return "\r\n".join([header, *rows, ""]).encode()


class ReadingTests(SimpleTestCase):
    def problem(self, content: bytes) -> str:
        with self.assertRaises(Unreadable) as refused:
            read(content)
        return str(refused.exception)

    def test_the_template_can_be_read(self) -> None:
        [(number, cells)] = read(template().encode())
        self.assertEqual((number, list(cells)), (2, list(COLUMNS)))

    def test_encodings_with_a_mark_and_plain_utf_8_are_read(self) -> None:
        text = f"{HEADER}\n{ROW.replace('Hall', 'Säle “Ω”')}\n"
        for content in (
            text.encode(), codecs.BOM_UTF8 + text.encode(), text.encode("utf-16"),
            codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        ):  # fmt: skip
            self.assertEqual(read(content)[0][1]["venue"], "Säle “Ω”")

    def test_semicolons_and_tabs_and_other_spellings_of_columns_are_read(self) -> None:
        for separator in (";", "\t", ","):
            header = separator.join(["Name", "VENUE", "Starts_at", " capacity "])
            row = separator.join(["Concert", '"Hall; A, B"', "2127-05-01 20:00", "5"])
            [(_, cells)] = read(f"{header}\n{row}\n".encode())
            self.assertEqual((cells["venue"], cells["starts at"]), ("Hall; A, B", "2127-05-01 20:00"))

    def test_rows_are_numbered_as_in_a_spreadsheet_and_empty_ones_left_out(self) -> None:
        self.assertEqual([number for number, _ in read(file_of(ROW, "", ",,,,", ROW))], [2, 5])

    def test_what_cannot_be_read_is_said_in_words(self) -> None:
        cases = {
            b"": "The file is empty",
            b" \r\n \r\n": "The file is empty",
            codecs.BOM_UTF8: "The file is empty",
            HEADER.encode(): "no events below it",
            "name;Größe".encode("latin-1"): "not in UTF-8: byte 8 belongs to another encoding, Latin-1 perhaps",
            f"{HEADER}\n{ROW}".encode("utf-16-le"): "null characters",
            file_of(ROW.replace("Hall", "Ha\0ll")): "null characters",
            codecs.BOM_UTF16_LE + b"x": "not in UTF-8",
            b"PK\x03\x04rest of a workbook": "not a CSV file, but a workbook",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "not a CSV file, but a workbook",
            **dict.fromkeys(OTHER_FILES, "This is not a CSV file:"),
            file_of("x", header="name,venue"): "Columns that are missing: starts at, capacity.",
            file_of(ROW, header=f"{HEADER},colour,"): "Columns that nobody knows: colour, (one without a name).",
            file_of(ROW, header=f"{HEADER},NAME"): "Columns that are there twice: name.",
            file_of('"Concert,Hall'): "is a quotation mark left open?",
            file_of(*[ROW] * (MOST_ROWS + 1)): f"at most {MOST_ROWS} can be imported at once",
            file_of(*[ROW] * 10_000): "The file has 10000 events",
            b"x" * (MOST_BYTES + 1): "larger than 1 MB",
        }
        for content, said in cases.items():
            with self.subTest(content=content[:30]):
                self.assertIn(said, self.problem(content))

    def test_of_columns_that_nobody_knows_the_first_are_named_and_of_each_what_a_sentence_has_room_for(self) -> None:
        long = self.problem(file_of(ROW, header=f"{HEADER},{'a' * 40},{'b' * 41},c\u200bd"))
        self.assertIn(f"Columns that nobody knows: {'a' * 40}, {'b' * 40}…, cd. There can be", long)
        many = self.problem(file_of(ROW, header=",".join([HEADER, *(f"x{n}" for n in range(3000))])))
        self.assertIn("nobody knows: x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, …. There can be", many)


class ImportCase(Cast, TestCase):
    def setUp(self) -> None:
        self.olga.groups.add(Group.objects.get_or_create(name=ORGANIZERS)[0])
        self.browser = visit(self.olga, headers=BROWSER)

    def upload(self, content: bytes, name: str = "events.csv", browser: Any = None) -> Any:
        sent = {"file": SimpleUploadedFile(name, content)}
        return (browser or self.browser).post("/organize/import/upload/", sent)

    def preview(self, *rows: str, header: str = HEADER) -> str:
        answer = self.upload(file_of(*rows, header=header))
        self.assertEqual(answer.status_code, 302, answer.content)
        self.address = answer["Location"]
        page: str = self.browser.get(self.address).content.decode()
        return page

    def confirm(self, **form: str) -> Any:
        return self.browser.post(f"{self.address}confirm/", form)


class PreviewTests(ImportCase):
    def test_it_shows_what_would_be_created_and_creates_nothing(self) -> None:
        before = all_rows()
        page = self.preview(ROW, ROW.replace("Concert", "<b>Ball</b>"))
        self.assertIn("2 events can be created", page)
        self.assertIn("&lt;b&gt;Ball&lt;/b&gt;", page)
        self.assertIn("Thu 1 May 2127, 20:00 CEST", page)
        self.assertEqual(set(changed_tables(before, all_rows())) - {"sessions.Session"}, {"core.EventImport"})

    def test_each_problem_has_its_row_its_column_and_what_is_wrong(self) -> None:
        header = "name,venue,starts at,capacity,time zone,ends at,auto hold,hold minutes"
        cases = {
            ",Hall,2127-05-01 20:00,5,,,,": ("name", "This cannot be left empty."),
            "A,Hall,tomorrow,5,,,,": ("starts at", "Write a day and a time, as 2027-05-01 20:00."),
            "A,Hall,2127-05-01,5,,,,": ("starts at", "Write a day and a time"),
            "A,Hall,05/01/2127 20:00,5,,,,": ("starts at", "Write a day and a time"),
            "A,Hall,2127-02-30 20:00,5,,,,": ("starts at", "There is no such day: type one as 2027-05-01."),
            "A,Hall,2127-05-01 25:00,5,,,,": ("starts at", "There is no such time: type one as 20:00."),
            "A,Hall,,5,,,,": ("starts at", "Type a day and a time."),
            "A,Hall,2127-02-30T20:00Z,5,,,,": ("starts at", "There is no such moment"),
            "A,Hall,0001-01-01T00:00+14:00,5,,,,": ("starts at", "Type a year from 1970 to 2199."),
            "A,Hall,2026-03-29 02:30,5,Europe/Berlin,,,": ("starts at", "There is no 02:30 on this day"),
            "A,Hall,2127-05-01 20:00,many,,,,": ("capacity", "Type a whole number, in digits."),
            "A,Hall,2127-05-01 20:00,-1,,,,": ("capacity", "Type a number of at least 0."),
            "A,Hall,2127-05-01 20:00,2000000,,,,": ("capacity", "Type a number of at most 1000000."),
            "A,Hall,2127-05-01 20:00,5,Mars/Base,,,": ("time zone", "“Mars/Base” is no time zone"),
            "A,Hall,2127-05-01 20:00,5,,2127-05-01 19:00,,": ("ends at", "must end after it starts"),
            "A,Hall,2127-05-01 20:00,5,,,perhaps,": ("auto hold", "Write yes or no."),
            "A,Hall,2127-05-01 20:00,5,,,,0": ("hold minutes", "more than 0, less than 10,000"),
            "=cmd(),Hall,2127-05-01 20:00,5,,,,": ("name", "begins with “=”, as a formula does"),
            "  =cmd(),Hall,2127-05-01 20:00,5,,,,": ("name", "begins with “=”, as a formula does"),  # it is stored bare
            f"{'A' * 201},Hall,2127-05-01 20:00,5,,,,": ("name", "At most 200 characters: this has 201."),
        }
        for row, (column, said) in cases.items():
            page = self.preview("Good,Hall,2127-05-01 20:00,5,,,,", row, header=header)
            with self.subTest(row=row[:40]):
                self.assertIn("Nothing can be imported yet", page)
                self.assertIn('<th scope="row">Row 3</th>', page)
                self.assertIn(f'data-label="Column">{column}<', page)
                self.assertIn(said, page)
                self.assertEqual(self.confirm().status_code, 409)
        self.assertEqual(Event.objects.count(), 0)

    def test_moments_are_those_of_the_rows_zone_or_else_of_the_site(self) -> None:
        self.preview(ROW, ROW.replace("Europe/Berlin", ""))
        self.confirm()
        starts = list(Event.objects.order_by("pk").values_list("starts_at", flat=True))
        self.assertEqual(starts, [dt.datetime(2127, 5, 1, hour, 0, tzinfo=dt.UTC) for hour in (18, 20)])

    def test_a_moment_with_an_offset_is_that_in_every_zone_as_exports_write_it(self) -> None:
        at = dt.datetime(2127, 10, 26, 1, 30, tzinfo=dt.UTC)  # the second of two in Berlin, whose clocks show 02:30
        there = as_exported(at.astimezone(zoneinfo.ZoneInfo("Europe/Berlin")))
        for written in (there, "2127-10-26T01:30Z", "2127-10-25 21:30:00.000-0400"):
            with self.subTest(written=written):
                self.preview(ROW.replace("2127-05-01 20:00", written))
                self.confirm(again="yes")
                self.assertEqual(Event.objects.latest("pk").starts_at, at)
        self.assertEqual((there, Event.objects.count()), ("2127-10-26T02:30+01:00", 3))

    def test_the_page_says_that_names_of_columns_are_english_and_has_a_file_to_begin_with(self) -> None:
        page = self.browser.get("/organize/import/", headers={"Accept-Language": "de"})
        self.assertContains(page, "starts at, capacity")
        self.assertContains(page, "/organize/import/template.csv")
        self.assertContains(self.browser.get("/organize/import/"), "yes and no, are English in every language")

    def test_what_cannot_be_read_is_said_by_the_form(self) -> None:
        answer = self.upload(b"name\nx")
        self.assertContains(answer, "Columns that are missing: venue, starts at, capacity.", status_code=400)
        self.assertContains(self.upload(b""), "The file is empty", status_code=400)
        self.assertContains(self.browser.post("/organize/import/upload/"), "Choose a file.", status_code=400)

    def test_a_file_of_a_hundred_megabytes_is_refused(self) -> None:
        answer = self.upload(b"x" * 100_000_000)
        self.assertContains(answer, "The file is larger than 1 MB: divide it.", status_code=400)
        self.assertEqual(EventImport.objects.count(), 0)

    def test_an_upload_is_nobody_elses_and_forgotten_after_a_day(self) -> None:
        self.preview(ROW)
        root = visit(make_person("root", is_superuser=True))
        self.assertEqual(root.get(self.address).status_code, 404)
        self.assertEqual(root.post(f"{self.address}confirm/").status_code, 404)
        self.assertEqual(self.browser.get(f"/organize/import/{2**63}/").status_code, 404)
        EventImport.objects.update(at=ago(hours=25))
        self.assertEqual(cleanup.clean()["old imports removed"], 1)
        self.assertEqual(self.browser.get(self.address).status_code, 404)


class ConfirmTests(ImportCase):
    def test_the_events_are_drafts_of_whoever_imports_them(self) -> None:
        header = f"{HEADER},auto hold,hold minutes,description"
        self.preview(f'{ROW},no,7.5,"Two lines,\nof text"', header=header)
        answer = redirect_of(self.confirm())
        said = "1 event was created as a draft: nobody else sees it before it is published."
        self.assertEqual(answer, (302, "/organize/", [said]))
        event = Event.objects.get()
        self.assertEqual((event.status, event.created_by, event.capacity), ("draft", self.olga, 200))
        self.assertEqual((event.auto_hold, float(event.hold_minutes or 0)), (False, 7.5))
        self.assertEqual(event.description.splitlines(), ["Two lines,", "of text"])
        [entry] = AuditEntry.objects.filter(action="events_imported")
        self.assertEqual((entry.actor, entry.detail), (self.olga, "1 events"))

    def test_all_are_created_or_none(self) -> None:
        self.preview(ROW, ROW.replace("200", "none"))
        self.assertEqual(self.confirm().status_code, 409)
        self.preview(ROW, ROW.replace("Concert", "Ball"))
        with mock.patch.object(trail, "record", side_effect=RuntimeError), self.assertRaises(RuntimeError):
            self.confirm()
        self.assertEqual((Event.objects.count(), EventImport.objects.exclude(done_at=None).count()), (0, 0))

    def test_the_same_upload_is_imported_once(self) -> None:
        self.preview(ROW)
        self.confirm()
        self.assertContains(self.confirm(), "These events were imported already", status_code=409)
        self.assertIn("These events were imported", self.browser.get(self.address).content.decode())
        self.assertEqual(Event.objects.count(), 1)

    def test_the_same_file_twice_is_noticed_and_needs_a_tick(self) -> None:
        self.preview(ROW)
        self.confirm()
        page = self.preview(ROW, ROW.replace("Concert", "Ball"))
        self.assertIn("1 of them is a repetition", page)
        self.assertInHTML('<span class="badge">there already</span>', page, count=1)
        self.assertContains(self.confirm(), "Tick the box to create them once more", status_code=409)
        self.confirm(again="yes")
        self.assertEqual(Event.objects.count(), 3)

    def test_a_row_that_is_twice_in_a_file_is_noticed(self) -> None:
        page = self.preview(ROW, "", ROW)
        self.assertIn("1 of them is a repetition", page)
        self.assertInHTML('<span class="badge">the same as row 2</span>', page)

    def test_a_row_with_too_many_cells_is_one_problem_among_the_others(self) -> None:
        page = self.preview(ROW, f"{ROW},more", ROW.replace("200", "many"))
        self.assertIn("2 things must be put right", page)
        self.assertIn("It has 6 cells, and the header 5: put a text", page)
        self.assertIn("Type a whole number, in digits.", page)

    def test_rows_are_checked_again_when_they_are_confirmed(self) -> None:
        self.preview(ROW)
        EventImport.objects.update(rows=[[2, {"name": "", "venue": "x", "starts at": "", "capacity": "1"}]])
        self.assertContains(self.confirm(), "some rows are not right", status_code=409)
        self.assertEqual(Event.objects.count(), 0)

    def test_programs_are_answered_in_json(self) -> None:
        client = visit(self.olga)
        where = answer_of(self.upload(file_of(ROW), browser=client))
        address = where[1]["preview"]
        self.assertEqual(where, (200, {"status": "uploaded", "preview": address}))
        done = answer_of(client.post(f"{address}confirm/"))
        self.assertEqual(done, (200, {"status": "imported", "events": 1}))
        self.assertEqual(client.post(f"{address}confirm/").status_code, 409)


class WhoMayTests(ImportCase):
    def test_organizers_and_administrators_may_and_for_others_it_looks_absent(self) -> None:
        root = make_person("root", is_superuser=True)
        for person, code in ((self.olga, 200), (root, 200), (self.alice, 404), (self.greta, 404)):
            for page in ("", "template.csv"):
                with self.subTest(person=person, page=page):
                    self.assertEqual(visit(person).get(f"/organize/import/{page}").status_code, code)
        self.assertEqual(self.upload(file_of(ROW), browser=visit(self.alice)).status_code, 404)


class RaceTests(CastOfRaces, TransactionTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.kept = create.keep(content=file_of(ROW), file_name="events.csv", user=self.olga)

    def confirm(self) -> int:
        return create.create_events(import_id=self.kept.pk, user=self.olga, may_repeat=True)

    def test_confirmed_by_many_at_once_it_is_created_once(self) -> None:
        outcomes = race([self.confirm] * 8)
        self.assertEqual(sorted(isinstance(outcome, NotImported) for outcome in outcomes), [False, *[True] * 7])
        self.assertEqual(Event.objects.count(), 1)

    def test_without_the_lock_it_is_created_more_than_once(self) -> None:
        if connection.vendor != "postgresql":
            return  # SQLite has one writer at a time, whatever is locked
        unlocked = mock.patch.object(type(EventImport.objects.all()), "select_for_update", lambda rows: rows)
        with unlocked:
            self.repeat_until(lambda: Event.objects.count() > 1)

    def repeat_until(self, happened: Callable[[], bool]) -> None:
        for _ in range(20):
            Event.objects.all().delete()
            EventImport.objects.update(done_at=None)
            race([self.confirm] * 8)
            if happened():
                return
        self.fail("it was created once, twenty times: what this test takes out is no lock")
