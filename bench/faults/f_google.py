"""Faults of the login with Google: its tests play them, against a provider of their own."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.faults.report import Fault, Report

ROOT = Path(__file__).resolve().parent.parent.parent
REFUSED = "core.tests.test_google_refused"
TESTS = ("core.tests.test_google", REFUSED)
GOOD = "test_a_new_person_signs_up_is_recorded_and_held_a_place"
CALLBACKS = 12  # bad ones, at least


def refused_in(said: str) -> int:
    """Return how many of the tests that a run tells of were of bad ways back, and went well."""
    return len(re.findall(rf"^test_\w+ \({re.escape(REFUSED)}\..*\) \.\.\. ok$", said, re.MULTILINE))


def refused(report: Report, quick: bool) -> None:
    """F25: Google is down, slow, says no, or somebody forges or repeats what it says."""
    report.provoked = "a provider of our own that is down, silent, denies, and whose answers are forged or repeated."
    with tempfile.TemporaryDirectory() as folder:
        own = {"DATABASE_URL": f"sqlite:///{folder}/faults.sqlite3", "REDIS_URL": "", "DEBUG": "on"}
        command = [sys.executable, "manage.py", "test", "--noinput", "--verbosity", "2", *TESTS]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | own, capture_output=True, text=True, check=False)
    count = refused_in(done.stderr)
    report.note(f"{count} bad ways to come back from Google: a clean page for each, and nobody in who should not be")
    good = re.search(rf"^{GOOD} .*\.\.\. ok$", done.stderr, re.MULTILINE)
    report.control = f"a good answer of the same provider {'logged' if good else 'did not log'} a person in."
    report.expect(good is not None, "a good answer logged nobody in: to refuse the bad ones proves nothing")
    report.expect(done.returncode == 0 and count > CALLBACKS, done.stderr[-1000:])


FAULTS = [Fault("F25", "Google down, slow, or forged", refused)]
