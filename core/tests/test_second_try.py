"""What a busy machine may have upset is played once more, alone; whatever else fails has one chance."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from django.test import SimpleTestCase

from tools import run_tests
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

    def test_a_run_that_does_not_end_has_failed(self) -> None:
        with (
            mock.patch("tools.run_tests.subprocess.run", side_effect=subprocess.TimeoutExpired("test", 2400)),
            mock.patch("builtins.print"),
        ):
            told = run_tests.run_suite("On SQLite:", ["core.tests"], "", "")
        self.assertEqual(told["failed"], {"On SQLite": "broke off after 40 minutes"})


class LeftOutTests(SimpleTestCase):
    def test_what_a_run_skipped_for_want_of_something_is_told_once_and_nothing_else(self) -> None:
        skipped = {"a": "needs nginx", "b": "needs nginx", "c": "needs chromium", "d": "SQLite is no server"}
        self.assertEqual(run_tests.left_out(outcome(skipped=skipped)), ["needs chromium", "needs nginx"])
