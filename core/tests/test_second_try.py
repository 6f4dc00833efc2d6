"""What a busy machine may have upset is played once more, alone; whatever else fails has one chance."""

import io
import json
import signal
import socket
import subprocess
import threading
import time
import traceback
import unittest
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from django.test import SimpleTestCase

from tools import counting, run_tests
from tools.counting import Outcome

SHAKY = [f"core.tests.test_browser_gate.GateTests.test_{n}" for n in range(4)]
SURE = "core.tests.test_races.RaceTests.test_1"


def outcome(*failed: str, **fields: Any) -> Outcome:
    """Return what came of a run in which these failed."""
    came: Outcome = {"passed": 9, "failed": dict.fromkeys(failed, "1 != 2"), "skipped": {}, "unsteady": []}
    return came | fields  # type: ignore[return-value]  # -- fields of an outcome


class SecondTryTests(SimpleTestCase):
    def play(self, *outcomes: Outcome | None) -> tuple[Outcome, list[list[str]]]:
        """Run a suite whose runs come to these outcomes, or break off (None); return what is told, and who played."""
        left, asked = list(outcomes), []

        def run(command: list[str], *, env: dict[str, str], check: bool, timeout: float) -> SimpleNamespace:
            asked.append(command[command.index("--noinput") + 1 :])
            if (came := left.pop(0)) is not None:
                Path(env["TEST_OUTCOME"]).write_text(json.dumps(came))
            return SimpleNamespace(returncode=1)

        with mock.patch("tools.run_tests.subprocess.run", run), mock.patch("builtins.print"):
            told = run_tests.run_suite("On SQLite:", ["core.tests"], "", "")
        self.assertEqual(left, [])
        return told, asked

    def test_up_to_three_of_browsers_are_played_once_more_alone(self) -> None:
        skipped = {"core.tests.test_x": "needs PostgreSQL"}
        for count in (1, 3):
            failed = SHAKY[:count]
            first = outcome(*failed, skipped=skipped)
            told, asked = self.play(first, outcome(passed=count))
            with self.subTest(count=count):
                self.assertEqual(asked, [["--parallel", "2", "core.tests"], failed])
                self.assertEqual(told, outcome(passed=9 + count, unsteady=failed, skipped=skipped))

    def test_what_fails_again_has_failed_and_there_is_no_third_try(self) -> None:
        told, asked = self.play(outcome(*SHAKY[:2]), outcome(SHAKY[1], passed=1))
        self.assertEqual(len(asked), 2)
        self.assertEqual(told, outcome(SHAKY[1], passed=10, unsteady=SHAKY[:1]))

    def test_a_second_try_that_breaks_off_has_failed(self) -> None:
        told, _ = self.play(outcome(SHAKY[0]), None)
        [(name, reason)] = told["failed"].items()
        self.assertEqual(reason, "broke off with exit code 1")
        self.assertRegex(name, "once more, alone: ")
        self.assertEqual(told["unsteady"], [])

    def test_nothing_else_is_played_again(self) -> None:
        for failed in ([], SHAKY, [SURE], [SHAKY[0], SURE]):
            with self.subTest(failed=failed):
                told, asked = self.play(outcome(*failed))
                self.assertEqual((told, len(asked)), (outcome(*failed), 1))

    def test_a_run_that_breaks_off_is_not_played_again(self) -> None:
        told, asked = self.play(None)
        self.assertEqual((told["failed"], len(asked)), ({"On SQLite": "broke off with exit code 1"}, 1))

    def test_why_a_test_failed_is_one_line(self) -> None:
        class Failing(unittest.TestCase):
            def test_lists(self) -> None:
                self.assertEqual([1, 2], [1, 3])

            def test_parts(self) -> None:
                for part in range(2):
                    with self.subTest(part):
                        self.fail("no: neither")

            @unittest.expectedFailure
            def test_unexpected(self) -> None:
                pass

        result = unittest.TextTestRunner(io.StringIO(), resultclass=counting.CountingResult).run(
            unittest.defaultTestLoader.loadTestsFromTestCase(Failing)
        )
        self.assertEqual(
            [*result.outcome()["failed"].values()],  # type: ignore[attr-defined]  # -- it is ours
            ["AssertionError: Lists differ: [1, 2] != [1, 3]", "AssertionError: no: neither", "It passed."],
        )

    def test_a_run_that_does_not_end_has_failed(self) -> None:
        with (
            mock.patch("tools.run_tests.subprocess.run", side_effect=subprocess.TimeoutExpired("test", 2400)),
            mock.patch("builtins.print"),
        ):
            told = run_tests.run_suite("On SQLite:", ["core.tests"], "", "")
        self.assertEqual(told["failed"], {"On SQLite": "broke off after 40 minutes"})


class StandsStillTests(SimpleTestCase):
    """A test that waits for what does not come fails, whatever it waits for, and those after it are played."""

    def test_each_fails_in_time_and_says_where_it_was(self) -> None:
        class Around(unittest.TestCase):
            @classmethod
            def setUpClass(cls) -> None:
                threading.Event().wait()

            def test_it_is_not_played(self) -> None:
                pass

        class Waiting(unittest.TestCase):
            def test_a_lock(self) -> None:
                locked = threading.Lock()
                locked.acquire()
                with suppress(Exception):
                    locked.acquire()

            def test_b_socket(self) -> None:
                ours, _theirs = socket.socketpair()
                ours.recv(1)

            def test_c_goes_on(self) -> None:
                pass

            def test_d_parts(self) -> None:
                for part in range(8):
                    with self.subTest(part):
                        time.sleep(0.25)

        load = unittest.defaultTestLoader.loadTestsFromTestCase
        suite = unittest.TestSuite(map(load, (Around, Waiting)))
        with (
            mock.patch.object(counting, "LONGEST", 1.0),
            mock.patch("tools.counting.faulthandler.dump_traceback") as told,
        ):
            events = counting.CopyingRunner().run(suite).events
        kinds = [kind for kind, *_ in events if kind.startswith("add")]
        self.assertEqual(kinds, ["addError", "addError", "addError", "addSuccess", "addSuccess"])
        self.assertIn("locked.acquire()", "".join(traceback.format_exception(*events[2][2])))
        self.assertEqual(told.call_count, 3)
        self.assertEqual(signal.getitimer(signal.ITIMER_REAL), (0.0, 0.0))


class PartsTests(SimpleTestCase):
    class Having(SimpleTestCase):  # here, where nobody looks for tests, and it can be sent
        def test_parts(self) -> None:
            self.unsendable = threading.Lock()
            with self.subTest("first", unsendable=self.unsendable):
                self.fail("no")

    def test_a_part_that_failed_is_sent_whatever_its_test_has(self) -> None:
        events = counting.CopyingRunner().run(unittest.TestSuite([self.Having("test_parts")])).events
        [(subtest, error)] = [event[2:] for event in events if event[0] == "addSubTest"]
        self.assertRegex(str(subtest), r"test_parts .*\[first\] \(unsendable=.*<unlocked _thread.lock")
        self.assertEqual(str(error[1]), "no")
        self.assertFalse(hasattr(subtest.test_case, "unsendable"))
