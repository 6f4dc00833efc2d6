"""The faults see a traceback in a log, however the log is written."""

import logging
import sys

from django.test import SimpleTestCase

from bench.faults.traces import traces_in
from core.logs import MaskedJson, MaskedLine


def record_of(error: Exception) -> logging.LogRecord:
    """Return what is logged of an error that was caught."""
    try:
        raise error
    except type(error):
        return logging.LogRecord("core", logging.ERROR, "", 1, "it broke", None, sys.exc_info())


class TraceTests(SimpleTestCase):
    def test_a_traceback_is_seen_in_lines_and_in_json_and_nothing_else_is(self) -> None:
        quiet = logging.LogRecord("core", logging.WARNING, "", 1, "Traceback, they said", None, None)
        for form in (MaskedLine("%(asctime)s %(message)s"), MaskedJson()):
            with self.subTest(form=type(form).__name__):
                error = ValueError("cancelled\nCONTEXT:  while locking")
                logged = "\n".join(map(form.format, (quiet, record_of(error), quiet, record_of(KeyError("gone")))))
                found = traces_in(logged)
                self.assertEqual(len(found), 2)
                self.assertTrue(found[0].startswith("ValueError: cancelled"))
                self.assertEqual(found[1], "KeyError: 'gone'")

    def test_in_json_what_the_database_says_besides_is_part_of_it(self) -> None:
        logged = MaskedJson().format(record_of(ValueError("cancelled\nCONTEXT:  while locking")))
        self.assertEqual(traces_in(logged), ["ValueError: cancelled CONTEXT:  while locking"])
