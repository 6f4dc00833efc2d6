"""Faults of the database: restarted, stopped, out of reach, out of connections."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg

from bench.common import throwaway
from bench.faults.cluster import Cluster, running_cluster
from bench.faults.points import FAILING
from bench.faults.probe import rows, seconds_until_good, tell
from bench.faults.proxy import silent_proxy
from bench.faults.report import Fault, Report
from bench.faults.site import Process, Site, running_site, serving
from bench.visits import BUSY, Answer

GOOD_IN = 5.0  # seconds after the database is back
LATER = 1.0  # seconds, at least, that the pool's own way to reconnect takes longer
ANSWER_IN = 6.0  # seconds: nothing is waited for after 5, but for 1 that what begins just before has (core/deadline.py)
BEFORE, SILENT = 1.0, 6.5  # seconds
TWICE = 2  # a backend that was ending may have had the last connection the first time


def restarted(report: Report, quick: bool) -> None:
    """F3: PostgreSQL crashes and comes back, at once, and after a time in which its clients lose patience."""
    report.provoked = "pg_ctl stop -m immediate, and start, in the middle of a sale with logins by password"
    with running_cluster() as cluster, throwaway(cluster.url):
        from bench.faults import crowd  # noqa: PLC0415 -- its models need Django set up

        with running_site(cluster) as running:
            event, late, control = crowd.scene(), [], 0.0
            plain = _plain(running)
            with crowd.selling(running, crowd.with_logins(event, 100 if quick else 600)) as answers:
                for outage in (4, 9) if quick else (0, 0, 9, 0, 40, 0, 20):
                    time.sleep(BEFORE)
                    cluster.stop("immediate")
                    time.sleep(outage)
                    _expect_busy(report, running.web)
                    cluster.start()
                    late.append(max(seconds_until_good(process) for process in running.web))
                    if control < LATER:  # it may be about to try again just when the database is back
                        control = seconds_until_good(plain)
            report.note(f"first good answer after {max(late):.1f} s; {crowd.counted(answers.result())}")
            report.control = f"With the pool's own way to reconnect, the first good answer came {control:.1f} s later."
            report.expect(control >= LATER, "the pool's own way to reconnect was as quick: no fault was felt")
            report.expect(any(a.status == BUSY for a in answers.result()), "nobody was told to come again")
            report.expect(max(late) <= GOOD_IN, f"the first good answer came after {max(late):.1f} s, 5 are allowed")
            report.expect_no_traces(running.traces())
            crowd.check(report, event, answers.result())


def _plain(running: Site, **environment: Any) -> Process:
    """Start a process as it would be without our own connections, whom the crowd does not know."""
    process = running.node(DJANGO_SETTINGS_MODULE=FAILING, FAULTS_CONNECTIONS="plain", **environment)
    running.web.remove(process)
    return process


def _expect_busy(report: Report, processes: Sequence[Process]) -> None:
    with ThreadPoolExecutor(len(processes)) as threads:
        answers = list(threads.map(lambda process: tell(process, "/readyz"), processes))
    for told in answers:
        report.expect(told.status == BUSY and bool(told.retry_after), f"without a database /readyz said {told.status}")
        report.expect(told.seconds <= ANSWER_IN, f"without a database /readyz took {told.seconds:.1f} s")


def stalled(report: Report, _quick: bool) -> None:
    """F4: the database's processes stop; then the way to it goes silent, with every connection open."""
    report.provoked = "SIGSTOP of every backend; a TCP proxy that takes what is sent and hands on nothing"
    with running_cluster() as cluster, throwaway(cluster.url), silent_proxy(cluster.port) as proxy:
        from bench.faults import crowd  # noqa: PLC0415 -- as above

        through = serving()["DATABASE_URL"].replace(f":{cluster.port}/", f":{proxy.port}/")
        with running_site(cluster, DATABASE_URL=through) as running:
            event, plain = crowd.scene(), _plain(running, DATABASE_URL=through)
            with crowd.selling(running, crowd.buyers(event, 5000), until_end=True) as answers:
                time.sleep(BEFORE)
                stopped = _stop_for_a_while(report)
                late = [max(seconds_until_good(process) for process in running.web)]
                time.sleep(2 * BEFORE)
                proxy.is_silent, silent = True, time.time()
                time.sleep(SILENT / 2)
                control = tell(plain, "/readyz", timeout=SILENT)
                proxy.is_silent = False
                late.append(max(seconds_until_good(process) for process in running.web))
            for name, since in (("stopped", stopped), ("silent", silent)):
                _judge_wait(report, name, answers.result(), since)
            report.control += f"silent, with psycopg's own connections: {control.status or 'nothing'} in {SILENT:g} s."
            report.expect(not control.status, "psycopg's own connections did not hang")
            report.note(f"first good answer {late[0]:.1f} s and {late[1]:.1f} s after it")
            report.expect(max(late) <= GOOD_IN, f"the first good answer came {max(late):.1f} s after it was over")
            report.expect_no_traces(running.traces())
            crowd.check(report, event, answers.result())


def _stop_for_a_while(report: Report) -> float:
    """Stop the database's processes of the site for some seconds; return when that began."""
    url, mine = os.environ["DATABASE_URL"], "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    backends = [pid for (pid,) in rows(url, f"{mine} AND client_port IS NOT NULL AND pid <> pg_backend_pid()")]
    began = time.time()
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    report.note(f"{len(backends)} backends stopped")
    time.sleep(SILENT)
    for pid in backends:
        os.kill(pid, signal.SIGCONT)
    return began


def _judge_wait(report: Report, name: str, answers: Sequence[Answer], since: float) -> None:
    """Check that nobody waited long in these seconds, and that somebody was told to come again."""
    from bench.faults import crowd  # noqa: PLC0415 -- as above

    then = [answer for answer in answers if answer.answered > since and answer.sent < since + SILENT]
    slowest, busy = crowd.slowest(then), sum(answer.status == BUSY for answer in then)
    which = [(a.kind, a.status) for a in then if a.answered - a.sent == slowest]
    report.note(f"{name}: slowest answer {slowest:.1f} s {which}, {busy} told to come again")
    report.control += f"{name}: {busy} answers 503 in {SILENT:g} s. "
    report.expect(slowest <= ANSWER_IN, f"{name}: an answer took {slowest:.1f} s")
    report.expect(busy > 0, f"{name}: nobody was told to come again")


def used_up(report: Report, _quick: bool) -> None:
    """F5: the database has ten connections, and somebody else has all of them."""
    report.provoked = "max_connections=10, all taken by others, and 50 browsers"
    with running_cluster(max_connections=10, superuser_reserved_connections=0) as cluster, throwaway(cluster.url):
        from django.db import connections  # noqa: PLC0415 -- as above

        from bench.faults import crowd  # noqa: PLC0415 -- as above

        event = crowd.scene()
        visits = crowd.buyers(event, 5000)
        connections["default"].close_pool()  # type: ignore[attr-defined]  # -- PostgreSQL's
        with psycopg.connect(cluster.url, autocommit=True) as first, running_site(cluster) as running:
            with crowd.selling(running, visits, connections_=50, until_end=True) as answers:
                time.sleep(BEFORE)
                with _all_connections(cluster, first) as taken:
                    since = time.time()
                    time.sleep(SILENT / 2)
                    said = [tell(process, "/readyz") for process in running.web]
                late = max(seconds_until_good(process) for process in running.web)
            for process in running.web:
                process.end(signal.SIGKILL)  # ten are too few for them and for us
            report.control = f"{taken} of 10 connections were taken: too many clients for the {taken + 1}th."
            _judge_wait(report, "used up", answers.result(), since)
            _judge_health(report, [told.body for told in said if told.status == BUSY], len(running.web))
            report.note(f"first good answer {late:.1f} s after they were free")
            report.expect(late <= GOOD_IN, f"the first good answer came after {late:.1f} s")
            report.expect_no_traces(running.traces())
            crowd.check(report, event, answers.result(), is_served=False)


def _judge_health(report: Report, bodies: list[bytes], processes: int) -> None:
    report.note(f"/readyz: {bodies[:1]}")
    report.expect(len(bodies) == processes, "/readyz was not 503")
    report.expect(
        all(b"no connection left" in body for body in bodies), "/readyz does not say that connections are missing"
    )


@contextmanager
def _all_connections(cluster: Cluster, first: "psycopg.Connection[tuple[Any, ...]]") -> Iterator[int]:
    """Take every connection that the database has, from those who have them too; `first` is one."""
    with ExitStack() as stack:
        taken = [first]
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'bench%'"
        busy = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'bench%'"
        deadline, alone = time.monotonic() + GOOD_IN, 0
        while time.monotonic() < deadline and alone < TWICE:
            taken[0].execute(others)
            try:
                taken.append(stack.enter_context(psycopg.connect(cluster.url, autocommit=True)))
                alone = 0
            except psycopg.OperationalError:
                alone = alone + 1 if taken[0].execute(busy).fetchone() == (0,) else 0
        yield len(taken)


FAULTS = [
    Fault("F3", "PostgreSQL restart", restarted),
    Fault("F4", "PostgreSQL stalls, or its connections are half open", stalled),
    Fault("F5", "connections used up", used_up),
]
