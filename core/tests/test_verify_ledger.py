"""Anybody can check a ledger: what the verifier accepts, what it finds, and that it stands alone."""

import json
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.test import SimpleTestCase

from core.fairness import verify_ledger
from core.fairness.verify_ledger import verify

from .ledgers import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    ERIN,
    JOINED,
    OPENING,
    RANDOMISED,
    SEAL_BROKEN,
    SEED,
    STORY,
    at,
    draw,
    found,
    join,
    ledger,
    seal,
    seal_of,
    seal_of_seed,
    steering,
    step,
    terms,
)


class GoodLedgerTests(SimpleTestCase):
    def test_a_whole_story_breaks_no_rule(self):
        report = verify(ledger(STORY))
        self.assertEqual((report.problems, report.entries), ([], len(STORY)))
        self.assertEqual(report.seal, ledger(STORY)[-1].split(" ")[0])
        counted = {"terms": 3, "join": 8, "tier": 1, "opening": 1, "draw": 3, "hold": 6, "expiry": 1, "release": 3}
        counted |= {"leave": 2, "booking": 4, "cancellation": 3, "pause": 1, "resume": 1, "extension": 1, "weather": 1}
        counted |= {"transfer": 3}
        self.assertEqual(report.kinds, counted)

    def test_an_empty_ledger_is_whole(self):
        report = verify(ledger([]))
        self.assertEqual((report.problems, report.entries, report.seal), ([], 0, seal_of("ledger of event 7")))

    def test_a_higher_tier_always_comes_first_where_no_tier_is_declared(self):
        line = [terms(), join(1, ALICE), join(2, BOB, tier=1), join(3, CAROL, tier=2)]
        self.assertEqual(found(ledger([*line, step("hold", 3, CAROL), step("hold", 2, BOB)])), [])

    def test_a_second_opening_draws_on_after_the_first_with_a_new_seed(self):
        seed = "a1" * 32
        again = {"policy": "randomised_open", "commitment": seal_of_seed(seed)}
        late = {4: DAVE, 5: ERIN}
        second = [
            terms(opens=at(2), at=at(1), **again),
            *(join(*both) for both in late.items()),
            *({"at": at(2)} | entry for entry in draw(late, after=3, seed=seed)),
        ]
        first = terms(opens=at(0), at=at(-1), **RANDOMISED)
        self.assertEqual(found(ledger([first, *JOINED, *OPENING, *second])), [])

    def test_a_file_that_went_through_windows_is_the_same_ledger(self):
        self.assertEqual(found([line.replace("\n", "\r\n") for line in ledger(STORY)]), [])

    def test_a_seal_noted_earlier_is_found_again(self):
        lines = ledger(STORY)
        noted = {0: seal_of("ledger of event 7"), 9: lines[9].split(" ")[0]}
        self.assertEqual([verify(lines, noted=pair).problems for pair in noted.items()], [[], []])


class ChainTests(SimpleTestCase):
    """Each entry here says something that hurts nobody, so that the chain alone can tell."""

    lines = ledger([terms(), *(steering("extension", minutes=n) for n in range(4))])

    def test_a_skipped_entry_is_missed(self):
        gap = [f"line 4, entry 4: {why}" for why in ("entry 3 should stand here", SEAL_BROKEN)]
        self.assertEqual(found([*self.lines[:3], *self.lines[4:]]), gap)

    def test_a_changed_row_no_longer_fits_its_seal(self):
        changed = [line.replace('"minutes": 1', '"minutes": 9') for line in self.lines]
        self.assertEqual(found(changed), [f"line 4, entry 3: {SEAL_BROKEN}"])

    def test_swapped_rows_are_noticed(self):
        zero, one, two, three, four, five = self.lines
        order = ((4, 4, 3), (5, 3, 5), (6, 5, 4))
        expected = [
            f"line {line}, entry {seq}: {why}"
            for line, seq, due in order
            for why in (f"entry {due} should stand here", SEAL_BROKEN)
        ]
        self.assertEqual(found([zero, one, two, four, three, five]), expected)

    def test_a_header_that_lies_is_found_out(self):
        entries = [terms(), *JOINED]
        number = "line 1: the header says that the last entry is 9, but it is 4"
        self.assertEqual(found(ledger(entries, entries=9)), [number])
        self.assertEqual(found(ledger(entries, seal=SEED)), ["line 1: the header's seal is not that of the last entry"])
        self.assertEqual(found(ledger(entries, event=8)), [f"line 2, entry 1: {SEAL_BROKEN}"])

    def test_a_file_cut_off_between_lines_or_within_one_is_incomplete(self):
        number = "line 1: the header says that the last entry is 5, but it is 4"
        self.assertEqual(found(self.lines[:-1]), [number, "line 1: the header's seal is not that of the last entry"])
        within = [*self.lines[:-1], self.lines[-1][:90]]
        self.assertEqual([text[:38] for text in found(within)], ["line 6: this is no JSON in UTF-8 that c"[:38]])

    def test_a_history_rewritten_and_sealed_anew_does_not_have_the_seal_that_was_noted(self):
        noted = 3, self.lines[3].split(" ")[0]
        anew = ledger([terms(), *(steering("extension", minutes=9) for _ in range(4))])
        doubt = "its past was rewritten, or the note is of another entry"
        rewritten = f"line 4, entry 3: the seal of entry 3 is not the one noted: {doubt}"
        self.assertEqual([str(problem) for problem in verify(anew, noted=noted).problems], [rewritten])
        gone = "line 1: there is no entry 3, whose seal was noted"
        self.assertEqual([str(problem) for problem in verify(ledger([]), noted=noted).problems], [gone])

    def test_any_character_that_was_changed_is_noticed(self):
        text, dice = "".join(ledger(STORY)), random.Random(7)
        header = text.index("\n") + 1  # its name is under no seal
        places = dice.sample([n for n in range(header, len(text)) if text[n] != "\n"], 400)
        unnoticed = [n for n in places if not found([*(text[:n] + "~" + text[n + 1 :]).splitlines(keepends=True)])]
        self.assertEqual(unnoticed, [])


class MalformedTests(SimpleTestCase):
    def test_whatever_is_wrong_with_an_entry_is_said_of_its_line_and_the_next_one_is_read(self):
        unreadable = "line 3: this is no JSON in UTF-8 that can be read"
        good, field = step("hold", 1, ALICE, seq=2, at=at(0)), "line 3, entry 2: the field "
        cases: dict[str, str] = {
            "": unreadable,
            "{": unreadable,
            "[" * 100_000: unreadable,
            '{"seq": ' + "9" * 5000 + "}": unreadable,
            '{"seq": 2, "at": "\udcff"}': "line 3: this is no text in UTF-8",
            '{"seq": NaN}': "line 3: NaN is no number in JSON",
            '{"seq": 2, "seq": 2}': "line 3: a field stands there twice",
            "[]": "line 3: [] is no JSON object",
            "{}": "line 3: the field seq is missing",
            '{"seq": true}': "line 3: the field seq cannot be True",
            '{"seq": 2.0}': "line 3: the field seq cannot be 2.0",
            '{"seq": 2}': field + "at is missing",
        }
        changes: dict[str, dict[str, Any]] = {
            "at cannot be '2030-06-01T12:00:00'": {"at": "2030-06-01T12:00:00"},
            "at cannot be 5": {"at": 5},
            "until cannot be '\\x1b[2J'": {"until": "\x1b[2J"},
            "kind cannot be ['hold']": {"kind": ["hold"]},
            "place cannot be -1": {"place": -1},
            "place cannot be None": {"place": None},
            "place cannot be 9223372036854775808": {"place": 2**63},
            "person cannot be 'Alice'": {"person": "Alice"},
            "reason is missing": {"kind": "pause"},
            "minutes cannot be '5'": {"kind": "extension", "minutes": "5"},
            "minutes cannot be [[[[[[[...]]]]]]]": {"kind": "extension", "minutes": [[[[[[[[]]]]]]]]},
            "opens cannot be 'soon'": terms(opens="soon"),
            "policy cannot be 'whim'": terms(policy="whim"),
            "tiers cannot be {}": terms(tiers={}),
            "places is missing": terms(tiers=[{"tier": 1, "name": "x"}]),
        }
        cases |= {json.dumps(good | change): field + words for words, change in changes.items()}
        last = json.dumps(step("hold", 1, ALICE, seq=3, at=at(0)))
        for body, words in cases.items():
            with self.subTest(body[:80]):
                lines = seal([json.dumps(terms(seq=1, at=at(0))), body.replace("\udcff", "?"), last])
                problems = found([*lines[:2], lines[2][:65] + body, lines[3]])
                self.assertEqual([text[: len(words)] for text in problems[:1]], [words])
                self.assertEqual(problems[1:], ["line 4, entry 3: place 1 is unknown, not waiting"])

    def test_a_line_without_its_seal_is_named_and_the_chain_goes_on_after_it(self):
        lines = ledger([terms(), steering("pause"), steering("resume")])
        self.assertEqual(found([*lines[:2], lines[2][9:], lines[3]]), [f"line 3, entry 2: {SEAL_BROKEN}"])

    def test_what_has_no_header_is_no_ledger(self):
        bad = ["<html>\n", "[]\n", json.dumps({"format": "box-office-ledger-2"}), "", ledger([terms()])[1]]
        self.assertEqual([len(found([first, *ledger(STORY)[1:]])) for first in bad], [1] * 5)
        self.assertEqual(found(bad[2:3]), ["line 1: the field format cannot be 'box-office-ledger-2'"])
        self.assertEqual(found([]), ["line 1: the file is empty"])

    def test_a_hundred_problems_are_enough(self):
        report = verify(ledger([terms(), *([step("release", 1, ALICE)] * 250)]))
        self.assertEqual((len(report.problems), report.unlisted), (100, 150))
        self.assertIn("\nand 150 more\n251 entries, problems: 250\n", str(report))

    def test_numbers_however_large_are_only_numbers(self):
        huge = [
            terms(capacity=2**63 - 1),
            *[steering("extension", minutes=n) for n in (2**63 - 1, 9e18, -9e18, 1e-300)],
        ]
        self.assertEqual(found(ledger([*huge, *JOINED, step("hold", 1, ALICE, until="9999-12-31T23:59:59-23:59")])), [])

    def test_noise_is_answered_and_never_raises(self):
        text, dice = "".join(ledger(STORY)), random.Random(11)
        for _ in range(300):
            start = dice.randrange(len(text))
            noise = "".join(dice.choices('{}[]",:0e-\\\n\ud800é ' + text[:60], k=dice.randrange(9)))
            verify([*(text[:start] + noise + text[start + dice.randrange(99) :]).splitlines(keepends=True)])


class CommandLineTests(SimpleTestCase):
    folder: Path

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        shutil.copy(verify_ledger.__file__, cls.folder)
        (cls.folder / "good.txt").write_text("".join(ledger(STORY)), newline="")
        (cls.folder / "bad.txt").write_bytes("".join(ledger([join(1, ALICE)])).encode() + b"\xff\x1b[2J\n")

    def run_it(self, *options: str, stdin: str = "") -> tuple[int, str, str]:
        """Run a copy of the program on its own, without this project and its environment."""
        command = [sys.executable, "-I", "verify_ledger.py", *options]
        done = subprocess.run(
            command, cwd=self.folder, env={}, input=stdin, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    def test_a_whole_ledger_ends_with_0_from_a_file_and_from_standard_input(self):
        code, said, errors = self.run_it("good.txt")
        lines = said.splitlines()
        self.assertEqual((code, errors, lines[0]), (0, "", "42 entries, chain whole, no rule broken"))
        self.assertEqual(lines[1:3], ["  terms: 3", "  join: 8"])
        self.assertEqual(lines[-2:], ["  'weather': 1, unknown, not checked", f"final seal: {ledger(STORY)[-1][:64]}"])
        for options in ((), ("-",)):
            self.assertEqual(self.run_it(*options, stdin="".join(ledger(STORY))), (0, said, ""))

    def test_problems_are_printed_and_end_with_1(self):
        code, said, _ = self.run_it("bad.txt")
        expected = [
            "line 2, entry 1: the first entry is not the terms",
            "line 3: this is no JSON in UTF-8 that can be read",
        ]
        self.assertEqual((code, [text[:49] for text in said.splitlines()[:2]]), (1, [text[:49] for text in expected]))
        self.assertEqual((said.isascii(), "\x1b" in said), (True, False))

    def test_a_noted_seal_is_compared(self):
        noted = ledger(STORY)[4][:64]
        self.assertEqual(self.run_it("good.txt", "--seal", noted, "--at", "4")[0], 0)
        self.assertEqual(self.run_it("good.txt", "--seal", noted, "--at", "5")[0], 1)
        self.assertEqual(self.run_it("good.txt", "--seal", seal_of("ledger of event 7"), "--at", "0")[0], 0)

    def test_what_cannot_be_done_ends_with_2_and_a_sentence(self):
        noted = "0" * 64
        cases = [("none.txt",), (".",), ("good.txt", "--at", "4"), ("good.txt", "--seal", noted), ("a", "b")]
        cases += [("good.txt", "--seal", seal, "--at", at) for seal, at in (("", "4"), (noted, "-1"), (noted, "x"))]
        results = {case: self.run_it(*case) for case in cases}
        self.assertEqual({case: code for case, (code, _, _) in results.items()}, dict.fromkeys(cases, 2))
        self.assertEqual(results["none.txt",][1:], ("", "none.txt cannot be read: No such file or directory.\n"))
