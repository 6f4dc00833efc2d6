"""Faults of transactions that meet: deadlocks, and serialization failures."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from bench.common import throwaway
from bench.faults.browsers import Browser
from bench.faults.cluster import running_cluster
from bench.faults.points import FAILING
from bench.faults.probe import rows, seconds_until
from bench.faults.report import Fault, Report
from bench.faults.site import Process, running_site
from bench.visits import BUSY, DONE, FOUND, Answer, Ask

if TYPE_CHECKING:  # it is too early for models before Django is set up
    from core.models import Event

LOCK = b"SELECT id FROM core_event WHERE id = %s FOR NO KEY UPDATE"
CHANGE = b"UPDATE core_event SET version = version + 1 WHERE id = %s"
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
SERIALIZABLE = "4"  # psycopg's number
ALONE: dict[str, Any] = {"DJANGO_SETTINGS_MODULE": FAILING, "FAULTS_TRIES": "1"}
WAIT = 5.0  # seconds


def deadlock(report: Report, quick: bool) -> None:
    """F22: somebody locks events the other way round while a login locks them in their order."""
    report.provoked = "a transaction that locks the second event, then the first, which a login has locked"
    with running_cluster() as cluster, throwaway(cluster.url):
        from bench.faults import crowd  # noqa: PLC0415 -- its models need Django set up

        with running_site(cluster, nodes=1) as running:
            trying, alone = running.web[0], running.node(wait=False, **ALONE)
            event = crowd.scene()
            alone.wait()
            with crowd.selling(running, crowd.buyers(event, 60 if quick else 400)) as answers:
                pass
            report.expect(_deadlocks() == 0, f"{_deadlocks()} deadlocks in a sale as usual")
            pair = _pair()
            for _ in range(1 if quick else 5):
                _expect_held(report, trying, pair, expected=2)
            report.expect(_deadlocks() > 0, "there was no deadlock")
            report.note(f"{_deadlocks()} deadlocks, and every login was held both places in its own request")
            _expect_held(report, alone, pair, expected=0)
            report.control = (
                f"{_deadlocks()} deadlocks in pg_stat_database; tried once only, the login was held nothing."
            )
            report.expect_no_traces(running.traces())
            crowd.check(report, event, answers.result())


def _deadlocks() -> int:
    [(count,)] = rows(os.environ["DATABASE_URL"], DEADLOCKS)
    return int(count)


def _pair() -> "list[Event]":
    from bench.stage import make_event  # noqa: PLC0415 -- as above

    return [make_event(50, auto_hold=True) for _ in range(2)]


def _expect_held(report: Report, process: Process, pair: "list[Event]", *, expected: int) -> None:
    """Let somebody log in who meets a lock in the way, and expect so many holds when that is answered."""
    from bench.faults.crowd import who_can_log_in  # noqa: PLC0415 -- as above
    from core.models import TicketHold  # noqa: PLC0415 -- as above

    [person] = who_can_log_in(1)
    first, second = sorted(event.pk for event in pair)
    with _transaction() as other:
        other.execute(LOCK, [second])
        answer = _sent(process, person.logs_in().asks[0], person.pk)
        seconds_until(lambda: rows(os.environ["DATABASE_URL"], WAITING) != [(0,)], WAIT, 0.01)
        other.execute(LOCK, [first])  # waits for the login, which waits for us
    told = answer.result()
    held = TicketHold.objects.filter(user=person.pk, status=TicketHold.Status.HELD).count()
    report.expect(told.status == FOUND, f"a login was answered {told.status}")
    report.expect(held == expected, f"{held} places were held, not {expected}")


@contextmanager
def _transaction() -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=3) as connection:
        connection.execute("SET deadlock_timeout = '1min'")  # so that it is never the one that gives way
        yield connection


def _sent(process: Process, ask: Ask, user: int) -> "Future[Answer]":
    """Ask a process, in a thread of its own."""
    one = ThreadPoolExecutor(1)
    try:
        return one.submit(Browser([process.port]).send, user, ask)
    finally:
        one.shutdown(wait=False)


def conflict(report: Report, quick: bool) -> None:
    """F23: every transaction is SERIALIZABLE, so that whoever waited for a lock is refused."""
    report.provoked = "isolation SERIALIZABLE, in a sale and beside a transaction that changes the event"
    with running_cluster(log_min_error_statement="fatal") as cluster, throwaway(cluster.url):
        from bench.faults import crowd  # noqa: PLC0415 -- as above

        strict: dict[str, Any] = {"DJANGO_SETTINGS_MODULE": FAILING, "FAULTS_ISOLATION": SERIALIZABLE}
        with running_site(cluster, **strict) as running:
            event = crowd.scene(1000)
            with crowd.selling(running, crowd.buyers(event, 100 if quick else 600)) as answers:
                pass
            refused = cluster.log().count("could not serialize")
            report.note(f"in the sale {refused} times refused by PostgreSQL; {crowd.counted(answers.result())}")
            report.expect(refused > 0, "nothing was refused in the sale")
            asked = [
                answer
                for process in running.web
                for _ in range(1 if quick else 5)
                for answer in _meet(report, process, event, DONE)
            ]
            running.node(**strict | ALONE)
            asked += _meet(report, running.web[2], event, BUSY)
            busy = sum(answer.status == BUSY for answer in answers.result())
            report.expect(busy <= len(answers.result()) / 10, f"{busy} of {len(answers.result())} answers were 503")
            report.control = f"{refused} serialization failures in PostgreSQL's log; tried once only, joining was 503."
            report.expect_no_traces(running.traces())
            crowd.check(report, event, [*answers.result(), *asked])
        _expect_refused(report)


def _meet(report: Report, process: Process, event: "Event", expected: int) -> list[Answer]:
    """Let somebody join while the event is changed by somebody else, expect that answer, and let them ask again."""
    from bench.crowd import JOIN, logged_in  # noqa: PLC0415 -- as above

    [person] = logged_in(1)
    [ask] = person.does(("join", JOIN.format(event.pk))).asks
    with _transaction() as other:
        other.execute(CHANGE, [event.pk])
        answer = _sent(process, ask, person.pk)
        seconds_until(lambda: rows(os.environ["DATABASE_URL"], WAITING) != [(0,)], WAIT, 0.01)
    told = answer.result()
    report.expect(told.status == expected, f"who met a change was answered {told.status}, not {expected}")
    return [told, _sent(process, ask, person.pk).result()]


def _expect_refused(report: Report) -> None:
    """Expect that the site's own check refuses such a database."""
    url = os.environ["DATABASE_URL"] + f"?isolation_level={SERIALIZABLE}"
    command = [sys.executable, "manage.py", "check"]
    done = subprocess.run(command, env=os.environ | {"DATABASE_URL": url}, capture_output=True, text=True, check=False)
    report.note(f"manage.py check with isolation SERIALIZABLE: exit code {done.returncode}")
    report.expect(done.returncode != 0 and "core.E001" in done.stderr, "the check took SERIALIZABLE for good")


FAULTS = [
    Fault("F22", "deadlock", deadlock),
    Fault("F23", "serialization failure", conflict),
]
