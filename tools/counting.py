"""The test runner: it leaves the outcome in a file, for `tools.run_tests` to add up, and readies test databases."""

import faulthandler
import json
import os
import re
import signal
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.db.models.signals import post_migrate
from django.test import runner
from django.test.runner import DiscoverRunner, ParallelTestSuite

DATABASES_OF_REDIS = 16  # as it comes
FIRST_OWN = 10  # of the parallel processes; those before are of whoever runs the tests
LONGEST = 300.0  # seconds in a process without a test, or a part of one, that begins or ends
MOST_SAID = 300  # characters of why a test failed
AGAIN = 20.0  # seconds, where what stood still stands still once more on its way out


class Outcome(TypedDict):
    """One run: how many tests passed, and which did not: `failed` and `skipped` map a test to its reason.

    `unsteady` are those that passed when they were played again, for `tools.run_tests` to fill in.
    """

    passed: int
    failed: dict[str, str]
    skipped: dict[str, str]
    unsteady: list[str]


class CountingResult(unittest.TextTestResult):
    """A result that counts successes: subtests and failing fixtures make `testsRun` useless for that."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.passed = 0

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802 -- unittest's name
        """Count a test that passed as a whole."""
        super().addSuccess(test)
        self.passed += 1

    def outcome(self) -> Outcome:
        """Return what happened, each test once however many of its subtests failed."""
        bad = [*self.failures, *self.errors, *((test, "It passed.") for test in self.unexpectedSuccesses)]
        return {
            "passed": self.passed + len(self.expectedFailures),
            "failed": {_name(test): _said(trace) for test, trace in bad},
            "skipped": {_name(test): reason for test, reason in self.skipped},
            "unsteady": [],
        }


def _said(trace: str) -> str:
    """Return the line of a trace that names the exception that was raised last; of a long one its beginning."""
    last = re.split(r"^Traceback .*\n", trace, flags=re.MULTILINE)[-1]
    named = re.search(r"^\S.*", last, re.MULTILINE)
    return (named[0] if named else last.strip())[:MOST_SAID]


def _name(test: unittest.TestCase) -> str:
    """Return the name of a test; a subtest counts as the test that holds it."""
    return getattr(test, "test_case", test).id()


def _init_worker(*args: Any, **kwargs: Any) -> None:
    """Do what Django does, and give a process a database of Redis of its own for what it caches.

    In a shared one the counts of two processes are one, as their people have the same ids, and `cache.clear()` of one
    forgets those of the other in the middle of a test.
    """
    runner._init_worker(*args, **kwargs)  # type: ignore[attr-defined]  # noqa: SLF001 -- there is no other way in
    if settings.REDIS_URL:
        worker = runner._worker_id  # type: ignore[attr-defined]  # noqa: SLF001 -- as above
        number = (FIRST_OWN + worker) % DATABASES_OF_REDIS
        own = urlsplit(settings.REDIS_URL)._replace(path=f"/{number}").geturl()
        settings.CACHES["default"]["LOCATION"] = own
        caches["default"] = caches.create_connection("default")


STOOD_STILL = "Nothing began or ended for too long; where all threads were is on the screen."


class StandsStillError(Exception):
    """What is around tests waits for what does not come: unittest catches no more than this there."""


class TestStandsStill(BaseException):
    """A test does; no `except Exception` of what it calls makes another ending of it."""


def _wake(*_: Any) -> None:
    """Say where all threads are, and end what the first of them waits for."""
    faulthandler.dump_traceback()
    raise (TestStandsStill if CopyingResult.is_playing else StandsStillError)(STOOD_STILL)


@contextmanager
def _watched() -> Iterator[None]:
    """Let a test that stands still fail; else the run would end when whoever waits for it has had enough."""
    before, was_playing = signal.signal(signal.SIGALRM, _wake), CopyingResult.is_playing  # a test of this itself
    CopyingResult.is_playing = False
    _wind_up()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        CopyingResult.is_playing = was_playing


def _wind_up() -> None:
    signal.setitimer(signal.ITIMER_REAL, LONGEST, AGAIN)


class CopyingResult(runner.RemoteTestResult):
    """Django's, which can send a subtest that failed, whatever its test has, and notices a test that stands still.

    Windows of a browser cannot be sent, nor can some clients: the run would break off, or tell of that alone.
    """

    is_playing = False  # a test, in this process

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 -- unittest's name
        """Give it its time."""
        super().startTest(test)
        CopyingResult.is_playing = True
        _wind_up()

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802 -- unittest's name
        """Give what comes after it as much."""
        CopyingResult.is_playing = False
        super().stopTest(test)
        _wind_up()

    def addSubTest(  # noqa: N802 -- unittest's name
        self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any
    ) -> None:
        """Give what comes after a part its time, and send a part that failed with its name alone."""
        if err is None or not issubclass(err[0], TestStandsStill):  # what stood still has had its time
            _wind_up()
        super().addSubTest(test, subtest if err is None else _bare(subtest), err)


def _bare(subtest: Any) -> unittest.TestCase:
    """Return a part of the same name, with what it says of itself as text; its test has nothing, and was not begun."""
    test = subtest.test_case
    again = type(test)(test._testMethodName)  # noqa: SLF001 -- as below
    return type(subtest)(again, subtest._subDescription(), {})  # type: ignore[no-any-return]  # noqa: SLF001 -- unittest tells its name nowhere else


class CopyingRunner(runner.RemoteTestRunner):
    """Django's, with that result."""

    resultclass = CopyingResult

    def run(self, test: Any) -> Any:
        """Play the tests of a class, in one of the parallel processes."""
        with _watched():
            return super().run(test)


class OwnCacheSuite(ParallelTestSuite):
    """Django's parallel processes, each with a cache of its own."""

    init_worker = _init_worker
    runner_class = CopyingRunner


class CountingRunner(DiscoverRunner):
    """Django's runner, which also writes the `Outcome` as JSON to the file named by TEST_OUTCOME, if any."""

    parallel_test_suite = OwnCacheSuite

    def get_resultclass(self) -> type[CountingResult]:
        """Return the class that counts."""
        return CountingResult

    def setup_databases(self, **kwargs: Any) -> Any:
        """Make the test databases, ready before parallel processes get copies of them."""
        if connection.vendor == "sqlite":
            # Left by processes that ended with it open; SQLite would write an old log into the new copy.
            file = Path(settings.DATABASES["default"]["TEST"]["NAME"])
            for name in (f"{file.name}-*", f"{file.stem}_[0-9]*{file.suffix}-*"):
                for log in file.parent.glob(name):
                    log.unlink(missing_ok=True)
        ready = {"sqlite": _ready_sqlite, "postgresql": _ready_postgresql}[connection.vendor]
        post_migrate.connect(ready)
        try:
            return super().setup_databases(**kwargs)
        finally:
            post_migrate.disconnect(ready)

    def suite_result(self, suite: unittest.TestSuite, result: Any, **kwargs: Any) -> int:
        """Write the outcome of a `CountingResult`, and return the number of failures as Django does."""
        if file := os.environ.get("TEST_OUTCOME"):
            Path(file).write_text(json.dumps(result.outcome()))
        return super().suite_result(suite, result, **kwargs)


def _ready_sqlite(**kwargs: Any) -> None:
    """Drop what refuses to empty tables, which every test of races ends with; and leave all of it in the file itself.

    A copy of the database has nothing of the write-ahead log.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%_never_emptied'")
        for [trigger] in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER {trigger}")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _ready_postgresql(**kwargs: Any) -> None:
    """Switch off what refuses TRUNCATE, which every test of races ends with."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'never_emptied'")
        for [table] in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER never_emptied")
