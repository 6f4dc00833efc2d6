"""F21: sixteen write at once for a minute; then another program keeps the lock for longer than anybody waits."""

import contextlib
import sqlite3
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.db import connection

from bench.crowd import PASSWORD, Person, logged_in, strangers
from bench.faults import crowd
from bench.faults.report import Report
from bench.faults.scenes import SOCKETS, Reply, ask, site_of
from bench.faults.site import Process
from bench.load import loading
from bench.stage import make_event
from bench.visits import DONE, REFUSED

WRITERS = 16
ACCEPTED = 202
HUNDREDS = 100
SECONDS, QUICK = 60.0, 10.0
LOCKED, WAIT = 25.0, 20.0  # seconds: that somebody has the lock, and that SQLite waits for it (stores.py)


def play(report: Report, quick: bool) -> None:
    """Write from sixteen connections; lock the file; and show what happens without IMMEDIATE."""
    seconds = QUICK if quick else SECONDS
    report.provoked = f"{WRITERS} writers for {seconds:.0f} s; another program has BEGIN IMMEDIATE for {LOCKED:.0f} s"
    path = Path(connection.settings_dict["NAME"])
    with site_of(SOCKETS, redis=False) as site, loading() as load:
        [process] = site.web
        event = crowd.scene(100_000)
        people = logged_in(2000)
        visits = [person.joins(event.pk, ("book", f"/book/{event.pk}/")) for person in people]
        answers = load.play([process.port], visits, connections=WRITERS, seconds=seconds)
        said = Counter(answer.status for answer in answers)
        slowest = max(answer.answered - answer.sent for answer in answers)
        report.note(f"{WRITERS} writers: {dict(said)}, the slowest after {slowest:.1f} s")
        report.expect(
            not [status for status in said if status not in {DONE, ACCEPTED, REFUSED}],
            f"writers were answered {dict(said)}",
        )
        report.expect(not site.traces(), f"tracebacks were logged: {site.traces()[:3]}")
        if not quick:
            _lock(report, process, path)
        failed = _deferred(path.with_name("control.sqlite3"), QUICK / 4)
        report.control = f"with DEFERRED in place of IMMEDIATE {failed} of such writes fail in {QUICK / 4:.1f} s."
        report.expect(failed >= HUNDREDS, f"with DEFERRED only {failed} writes fail")
        is_fault = "Internal Server Error" in process.logged()  # beside it the clock says which seconds it missed
        report.expect(not is_fault, "a request was answered as a fault")
        crowd.check(report, event, answers)


def _lock(report: Report, process: Process, path: Path) -> None:
    """Have the file locked; whoever writes is told to come again, whoever reads is served."""
    event = make_event(10)
    [person], [other] = logged_in(1), strangers(1, with_password=True)
    held = threading.Event()
    with ThreadPoolExecutor(3) as threads:
        locking = threads.submit(_hold, path, held)
        held.wait(5)
        booking = threads.submit(ask, process, f"/book/{event.pk}/", person.session, form={})
        logging_in = threads.submit(_log_in, process, other)
        page = ask(process, "/", page=True)
        report.note(f"while it is locked a page is {page.status} after {page.seconds:.1f} s")
        report.expect(page.status == DONE and page.seconds < 1, f"a page was {page.status} after {page.seconds:.1f} s")
        for name, reply in (("a booking", booking.result()), ("a login", logging_in.result())):
            report.note(f"{name} is {reply.status} after {reply.seconds:.1f} s")
            report.expect(reply.is_busy, f"locked out, {name} was answered {reply.status}")
            report.expect(WAIT - 1 <= reply.seconds <= LOCKED + 5, f"{name} was answered after {reply.seconds:.1f} s")
        locking.result()
    again = ask(process, f"/book/{event.pk}/", person.session, form={})
    report.expect(again.status == DONE, f"after the lock a booking was answered {again.status}")


def _log_in(process: Process, person: Person) -> Reply:
    return ask(process, "/accounts/login/", form={"login": person.name, "password": PASSWORD}, page=True)


def _hold(path: Path, held: threading.Event) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as other:
        other.execute("BEGIN IMMEDIATE")
        held.set()
        time.sleep(LOCKED)
        other.execute("ROLLBACK")


def _deferred(path: Path, seconds: float) -> int:
    """Read, then write, in transactions that begin without a lock, as SQLite's own default has it; count failures."""
    with contextlib.closing(sqlite3.connect(path)) as maker:
        maker.executescript("PRAGMA journal_mode=WAL; CREATE TABLE event (held integer); INSERT INTO event VALUES (0);")

    def write() -> int:
        failed, until = 0, time.monotonic() + seconds
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as own:
            while time.monotonic() < until:
                try:
                    own.execute("BEGIN DEFERRED")
                    own.execute("SELECT held FROM event").fetchone()
                    own.execute("UPDATE event SET held = held + 1")
                    own.execute("COMMIT")
                except sqlite3.OperationalError:
                    failed += 1
                    own.execute("ROLLBACK")
        return failed

    with ThreadPoolExecutor(WRITERS) as threads:
        return sum(threads.map(lambda _: write(), range(WRITERS)))
