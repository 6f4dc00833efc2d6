"""What the machine and the usual way can do, in the same run: plain INSERTs, lock-count-insert, a bare broadcast."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from django.db import connection, connections

from bench.common import in_each, percentile, processes
from bench.crowd import logged_in
from bench.onsale.run import Run, event_with
from bench.sockets import opening
from bench.visits import Page
from core import allocation
from core.gathering import LARGEST
from tools.ports import free_port

PROCESSES = 2
THREADS = 4  # of each process: with more writers a hot row collapses
SECONDS = 4.0
ROWS = 10_000  # that lock-count-insert finds
PEOPLE = 8000
SOCKETS = 1000
HEARD = 4.0  # seconds of broadcasts
TABLE = """
CREATE TABLE IF NOT EXISTS bench_event (id int PRIMARY KEY, capacity int);
CREATE TABLE IF NOT EXISTS bench_hold (id bigserial PRIMARY KEY, event int, person int, at timestamptz DEFAULT now());
CREATE INDEX IF NOT EXISTS bench_hold_event ON bench_hold (event);
TRUNCATE bench_hold;
INSERT INTO bench_event VALUES (1, 1000000) ON CONFLICT DO NOTHING;
INSERT INTO bench_hold (event, person) SELECT 1, n FROM generate_series(1, %s) n;
"""


def play(run: Run) -> None:
    """Measure the references, and the allocation called in-process against them."""
    people = [person.pk for person in logged_in(PEOPLE)]
    event = event_with(PEOPLE)
    _lay_out()
    seconds = SECONDS / 2 if run.quick else SECONDS
    with processes(PROCESSES, "bench.onsale.references.prepare") as executor:
        for name in ("insert", "lock_count_insert"):
            done = in_each(executor, repeat, [(name, seconds)] * PROCESSES)
            run.figures[name] = sum(done) / seconds
        parts = [(event.pk, people[n::PROCESSES]) for n in range(PROCESSES)]
        run.figures["allocation_joins"] = len(people) / max(in_each(executor, join_all, parts))
    run.figures["allocation_of_lock_count_insert"] = run.figures["allocation_joins"] / run.figures["lock_count_insert"]
    run.judge([event], [])
    _broadcast(run)


def prepare() -> None:
    """Make a process ready, which has nothing to get ready."""


def _lay_out() -> None:
    with connection.cursor() as cursor:
        cursor.execute(TABLE, [ROWS])
        cursor.execute("ANALYZE bench_hold")


def insert() -> None:
    """Store one row."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_hold (event, person) VALUES (2, 1)")


def lock_count_insert() -> None:
    """Hold a place as most systems do: lock the event, count what is taken, store one more."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT capacity FROM bench_event WHERE id = 1 FOR UPDATE")
        [capacity] = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM bench_hold WHERE event = 1")
        [taken] = cursor.fetchone()
        if taken < capacity:
            cursor.execute("INSERT INTO bench_hold (event, person) VALUES (1, 1)")
        cursor.execute("COMMIT")


WAYS: dict[str, Callable[[], None]] = {"insert": insert, "lock_count_insert": lock_count_insert}


def repeat(name: str, seconds: float) -> int:
    """Do one thing from several threads for so long, each on a connection it keeps; return how often it was done."""
    return _in_threads(seconds, WAYS[name])


def join_all(event_id: int, people: Sequence[int]) -> float:
    """Let people join in-process, as many at once as are gathered in a rush; return how many seconds it took."""
    began = time.monotonic()
    for start in range(0, len(people), LARGEST):
        batch = people[start : start + LARGEST]
        allocation.join_all(event_id=event_id, logins=dict.fromkeys(batch))
        connections.close_all()  # back into the pool, as after each batch
    return time.monotonic() - began


def _in_threads(seconds: float, act: Callable[[], None]) -> int:
    end = time.monotonic() + seconds

    def work() -> int:
        done = 0
        try:
            while time.monotonic() < end:
                act()
                done += 1
            return done
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as threads:
        return sum(future.result() for future in [threads.submit(work) for _ in range(THREADS)])


def _broadcast(run: Run) -> None:
    """Measure the bare broadcast to a thousand sockets."""
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "bench.minimal.broadcast", str(port)])
    try:
        with opening() as crowd:
            time.sleep(2)  # until it listens
            crowd.open([port], [Page(n, "/") for n in range(run.size(SOCKETS))])
            crowd.all("watch", 1)
            time.sleep(HEARD)
            lags = [lag for part in crowd.all("lags") for lag in part]
            crowd.all("close")
    finally:
        server.terminate()
        server.wait()
    run.figures |= {f"broadcast_p{part}_ms": 1000 * percentile(lags, part) for part in (50, 99, 100)}
