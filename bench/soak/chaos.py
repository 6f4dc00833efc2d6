"""One fault after the other, drawn by a seed; each is counted only if it was seen to happen."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import psycopg
import redis

from bench.faults.points import Point
from bench.faults.probe import rows
from bench.faults.site import Site
from bench.soak.calls import Span
from bench.soak.hands import Hand
from bench.soak.promises import LONGEST_RECOVERY, OF_REDIS, RECOVERY, RESYNC

STEPS: tuple[int | str, ...] = (0, 1, 2, 3, 4, 5, "commit")  # statements since the lock
STOPPED = 0.6  # seconds
LOCKED = (0.4, 3.3)  # seconds that somebody else has an event's lock: bearable, and longer than it is waited for
LAST = 8  # faults that are named where something went wrong
BACKENDS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


class Sort(NamedTuple):
    """A sort of fault: its name, how often it is drawn, and after how many seconds all must be as before.

    And after how many every open page must show what is so, which nobody may have told it meanwhile.
    """

    name: str
    weight: int
    recovery: float = RECOVERY
    resync: float = RESYNC


class Chaos(Hand):
    """Does something to the site, lets it sell for a moment, and does the next; `faults` counts what was done."""

    def __init__(self, site: Site, point: Point, events: list[int], *, seed: str, quiet: float) -> None:
        super().__init__()
        self.site, self.point, self.events, self.quiet = site, point, events, quiet
        self.url = os.environ["DATABASE_URL"]
        self.dice = random.Random(f"{seed} chaos")
        self.faults: Counter[str] = Counter()
        self.disturbed: list[Span] = []  # from when on something was done, and until when all must be as before
        self.told_by = 0.0  # when every open page must show what is so
        self.past: list[tuple[str, float]] = []  # each fault, and when it was over

    def work(self) -> None:
        """Do its worst until it is over; a fault that does not come about is not counted."""
        sorts: dict[Callable[[], bool], Sort] = {
            self._kill_inside: Sort("web process killed inside a transaction", 30),
            self._stop_inside: Sort("web process stopped inside a transaction", 10),
            self._kill: Sort("web process killed", 15),
            self._terminate: Sort("all connections to PostgreSQL ended", 10),
            self._cancel: Sort("all statements cancelled", 10),
            self._stall: Sort("PostgreSQL's processes stopped", 5),
            self._lock: Sort("an event locked by somebody else", 8),
            self._crash: Sort("PostgreSQL crashed and started", 4, recovery=LONGEST_RECOVERY),
            self._flush: Sort("Redis emptied", 5, resync=OF_REDIS),
            self._disconnect: Sort("all connections to Redis ended", 5, resync=OF_REDIS),
            self._restart_redis: Sort("Redis killed and started", 3, resync=OF_REDIS),
        }
        weights = [sort.weight for sort in sorts.values()]
        recovery = 0.0
        while not self.over.wait(recovery + self.quiet):
            [(act, sort)] = self.dice.choices(list(sorts.items()), weights)
            began = time.time()
            with contextlib.suppress(OSError, psycopg.Error, redis.RedisError):
                self.faults[sort.name] += act()
            ended, recovery = time.time(), sort.recovery
            self.past.append((sort.name, ended))
            self.disturbed.append((began, ended + sort.recovery))
            self.told_by = max(self.told_by, ended + sort.resync)

    def before(self, moment: float) -> list[str]:
        """Return in words which were the last faults before a moment, for whoever looks for what went wrong then."""
        last = [f"{name} until {moment - ended:.1f} seconds before" for name, ended in self.past[-LAST:]]
        return [f"(the last faults before the pages were compared: {'; '.join(last)})"]

    def _kill_inside(self) -> bool:
        return self.point.fail(self.dice.choice(STEPS), signal.SIGKILL) is not None

    def _stop_inside(self) -> bool:
        failed = self.point.fail(self.dice.choice(STEPS[:-1]), signal.SIGSTOP)
        if failed is None:
            return False
        time.sleep(STOPPED)
        failed.send(signal.SIGCONT)
        return True

    def _kill(self) -> bool:
        process = self.dice.choice(self.site.web)
        workers = _children(process.pid)
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        return bool(workers)

    def _terminate(self) -> bool:
        return any(done for (done,) in rows(self.url, f"SELECT pg_terminate_backend(pid) {BACKENDS}"))

    def _cancel(self) -> bool:
        return any(done for (done,) in rows(self.url, f"SELECT pg_cancel_backend(pid) {BACKENDS} AND state <> 'idle'"))

    def _stall(self) -> bool:
        backends = [pid for (pid,) in rows(self.url, f"SELECT pid {BACKENDS}")]
        for sort in (signal.SIGSTOP, signal.SIGCONT):
            for pid in backends:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sort)
            time.sleep(STOPPED if sort == signal.SIGSTOP else 0)
        return bool(backends)

    def _lock(self) -> bool:
        with psycopg.connect(self.url) as other:
            other.execute("SELECT 1 FROM core_event WHERE id = %s FOR UPDATE", [self.dice.choice(self.events)])
            time.sleep(self.dice.choice(LOCKED))
            other.rollback()
        return True

    def _crash(self) -> bool:
        self.site.cluster.stop("immediate")
        self.site.cluster.start()
        return True

    def _redis(self) -> "redis.Redis":
        return redis.Redis.from_url(self.site.redis_url, socket_timeout=2)

    def _flush(self) -> bool:
        return bool(self._redis().flushall())

    def _disconnect(self) -> bool:
        kinds = ("normal", "pubsub")
        return sum(self._redis().client_kill_filter(_type=kind, skipme=True) for kind in kinds) > 0

    def _restart_redis(self) -> bool:
        if self.site.redis is None:
            return False
        self.site.redis.end(signal.SIGKILL)
        time.sleep(STOPPED)
        self.site.redis.start(path="")
        return True


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as told:
        return [int(number) for number in told.read().split()]
