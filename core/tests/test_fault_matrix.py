"""The matrix of faults is whole, and a fault that was not played, or was not real, or was not borne, is no pass."""

import os
import signal
import tempfile
from pathlib import Path
from typing import ClassVar
from unittest import mock

from django.db import connection
from django.test import SimpleTestCase, TestCase
from django.test.utils import CaptureQueriesContext

from bench import common
from bench.faults import __main__ as played
from bench.faults import cron, f_google, f_redis, flood, mail_kills, readings
from bench.faults.__main__ import NUMBERS, choose, matrix, play_here
from bench.faults.page import page
from bench.faults.report import Fault, Report
from bench.faults.site import Process
from core import live


def real(report: Report, quick: bool) -> None:
    report.control = "It was seen."


def imagined(report: Report, quick: bool) -> None:
    report.note("all went well")


class MatrixTests(SimpleTestCase):
    def test_there_is_one_fault_of_each_number(self) -> None:
        self.assertEqual([fault.number for fault in matrix()], list(NUMBERS))

    def test_without_names_all_are_played_and_when_quick_those_that_are(self) -> None:
        faults = matrix()
        self.assertEqual(choose(faults, [], quick=False), faults)
        self.assertEqual(choose(faults, [], quick=True), [fault for fault in faults if fault.is_quick])

    def test_one_that_is_named_is_played_quick_or_not(self) -> None:
        for quick in (False, True):
            self.assertEqual([fault.number for fault in choose(matrix(), ["F16", "F3"], quick=quick)], ["F3", "F16"])

    def test_a_name_that_is_none_and_a_matrix_with_a_gap_are_refused(self) -> None:
        with self.assertRaisesMessage(LookupError, "There is no F99. The faults are F1, F2, "):
            choose(matrix(), ["F3", "F99"], quick=False)
        with self.assertRaisesMessage(LookupError, "There is no F30."):
            choose(matrix()[:-1], [], quick=True)


class ControlTests(SimpleTestCase):
    def test_what_nothing_shows_to_be_real_is_no_pass(self) -> None:
        self.assertEqual(play_here(Fault("F1", "real", real), quick=True).wrong, [])
        wrong = play_here(Fault("F1", "imagined", imagined), quick=True).wrong
        self.assertEqual(wrong, ["nothing shows that the fault was real"])


class PageTests(SimpleTestCase):
    TOLD: ClassVar = {
        "name": "a | b", "provoked": "a kill\nwithin", "control": "seen", "did": ["503", "well"], "seconds": 3,
    }  # fmt: skip

    def setUp(self) -> None:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        for module in (played, common):
            self.enterContext(mock.patch.object(module, "RESULTS", Path(folder)))

    def test_it_has_a_row_for_each_fault_that_no_cell_can_end(self) -> None:
        run = {**self.TOLD, "date": "27 November 2026", "together": 30}
        lines = page({"F1": {**run, "wrong": []}, "F2": {**run, "wrong": ["it | hung"]}}, 30).splitlines()
        self.assertIn("2 of 30 faults were played, 1 passed.", lines[2])
        when = "27 November 2026, in a run of 30, 3 s"
        self.assertEqual(
            lines[-2:],
            [
                f"| F1 | a &#124; b | a kill within | 503; well | seen | passed: {when} |",
                f"| F2 | a &#124; b | a kill within | 503; well | seen | **failed**: it &#124; hung: {when} |",
            ],
        )
        self.assertEqual({line.count("|") for line in lines[7:]}, {7})

    def test_of_each_fault_the_last_time_is_kept_with_the_size_of_its_run(self) -> None:
        played.keep({number: {**self.TOLD, "wrong": ["late"]} for number in ("F1", "F10", "F2")})
        played.keep({"F2": {**self.TOLD, "wrong": []}})
        kept = [(number, told["wrong"], told["together"]) for number, told in played.kept().items()]
        self.assertEqual(kept, [("F1", ["late"], 3), ("F2", [], 1), ("F10", ["late"], 3)])
        self.assertIn("3 of 30 faults were played, 1 passed.", played.last_run())

    def test_where_nothing_was_played_there_is_no_page(self) -> None:
        self.assertRaises(SystemExit, played.last_run)


class GoogleTests(SimpleTestCase):
    def test_only_bad_ways_back_that_went_well_are_counted_as_bad_ways(self) -> None:
        said = "\n".join(
            f"{name} ({module}.{kind}.{name}) ... {outcome}"
            for name, module, kind, outcome in (
                ("test_no_code", f_google.REFUSED, "StateAndCodeTests", "ok"),
                ("test_no_state", f_google.REFUSED, "StateAndCodeTests", "FAIL"),
                (f_google.GOOD, "core.tests.test_google", "GoodWayTests", "ok"),
                ("test_a_port_that_nobody_listens_at", f_google.REFUSED, "AwayTests", "ok"),
            )
        )
        self.assertEqual(f_google.refused_in(said), 2)


class ReadingTests(TestCase):
    def test_the_readings_that_are_counted_are_those_of_snapshots(self) -> None:
        for read, text in ((live.read_upcoming, readings.NUMBERS), (lambda: live.read_own({1}), readings.OWN)):
            with self.subTest(text), CaptureQueriesContext(connection) as asked:
                read()
                self.assertEqual(sum(text in query["sql"] for query in asked), 1)


class JudgeTests(SimpleTestCase):
    """Each judge is content with what a site does that bears the fault, and sees one that does not."""

    def test_kills_that_met_no_mail_in_flight_prove_nothing(self) -> None:
        for in_flight, is_wrong in ((3, False), (0, True)):
            with self.subTest(in_flight=in_flight):
                report = Report()
                mail_kills.show_control(report, in_flight, "all went out.")
                self.assertEqual(bool(report.wrong), is_wrong)

    def test_a_redis_that_ended_in_order_was_not_killed(self) -> None:
        for sort, is_wrong in ((signal.SIGKILL, False), (signal.SIGTERM, True)):
            with self.subTest(sort=sort):
                report, process = Report(), Process(["sleep", "60"], 0, {}, Path(os.devnull))
                process.start(wait=False)
                process.end(sort)
                f_redis.expect_killed(report, process)
                self.assertEqual(bool(report.wrong), is_wrong)

    def test_a_socket_that_closes_with_another_code_is_named_with_its_path(self) -> None:
        codes = {name: code for name, _, code in flood.CASES}
        for name, code in codes.items():
            with self.subTest(name):
                report = Report()
                flood.judge_codes(report, "/ws/events/", codes | {name: 1000})
                self.assertEqual(report.wrong, [f"/ws/events/: {name}: closed with 1000, not {code}"])

    def readings(self, numbers: int, own: int, people: int) -> int:
        """Return how much was wrong when so many were read within two seconds."""
        report = Report()
        logged = numbers * f"LOG: {readings.NUMBERS}, ...\n" + own * f"LOG: {readings.OWN}, ...\n"
        readings.judge_readings(report, logged, people, 2.0)
        return len(report.wrong)

    def test_readings_for_each_who_comes_are_seen_on_either_socket(self) -> None:
        for people in (0, 1000):
            with self.subTest(people=people):
                self.assertEqual((self.readings(9, 20, people), self.readings(1000, 20, people)), (0, 1))
        self.assertEqual(self.readings(9, 1000, 1000), 1)

    def test_a_log_in_which_nothing_was_read_says_nothing(self) -> None:
        self.assertEqual((self.readings(0, 0, 0), self.readings(0, 0, 1000)), (1, 2))

    def test_a_table_that_grows_by_more_than_people_did_is_seen(self) -> None:
        before = {"TicketHold": 0, "LedgerEntry": 1, "Session": 80}
        usual = {"TicketHold": 80, "LedgerEntry": 301, "Session": 80}
        for after, is_wrong in ((usual, False), (usual | {"Session": 1000}, True), (before, True)):
            with self.subTest(after=after):
                report = Report()
                cron.judge_growth(report, before, after, 80)
                self.assertEqual(len(report.wrong), is_wrong)
