"""The matrix of faults is whole, and a fault that was not played, or was not real, is no pass."""

from django.test import SimpleTestCase

from bench.faults.__main__ import NUMBERS, choose, matrix, play_here
from bench.faults.report import Fault, Report


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
