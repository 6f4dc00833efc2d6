"""Faults of Redis: absent, killed, emptied, full, slow. It holds no truth, so nothing but liveliness may suffer."""

import contextlib
import signal
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import redis

from bench.common import percentile, throwaway
from bench.faults.browsers import Browsers
from bench.faults.cluster import running_cluster
from bench.faults.pages import DASHBOARD, open_pages
from bench.faults.probe import tell
from bench.faults.report import Fault, Report
from bench.faults.site import OK, Process, Site, running_site
from bench.visits import BUSY, Answer, Visit
from tools import servers

if TYPE_CHECKING:
    from core.models import Event

SLOWER = 0.1  # seconds that the 99th percentile may be worse than with Redis
FEW = 4  # browsers: a queue for two cores would hide what Redis costs
MANY = 500  # answers
PAUSE = 5000  # milliseconds
FOUND_OUT = 0.5  # seconds that a process waits for Redis, once in ten
AWAY = "cache unavailable"  # what a process logs that looked for Redis in vain


def down(report: Report, quick: bool) -> None:
    """F7: Redis is killed in the middle of a sale, processes start without it, and it comes back."""
    report.provoked = "SIGKILL of Redis; web processes started while it is away; Redis started again"
    with running_cluster() as cluster, throwaway(cluster.url):
        from bench.crowd import logged_in  # noqa: PLC0415 -- its models need Django set up
        from bench.faults import changes, crowd  # noqa: PLC0415 -- as above

        people = 60 if quick else 800
        with running_site(cluster) as running:
            event, first = crowd.scene(10 * people), list(running.web)
            # Processes that have just started are slower for a while, with Redis as well: like is compared with like.
            cold, fresh = _sell_by_new(running, event, people, quick=quick)
            for process in running.web[len(first) :]:
                process.end()
            before = _sell(first, _visits(event, people))
            with open_pages(first, DASHBOARD, logged_in(1)[0].session) as pages:
                _redis(running).end(signal.SIGKILL)
                expect_killed(report, _redis(running))
                during = _sell(first, _visits(event, people))
                if not quick:
                    late = changes.seconds_until_told(first[0], event, pages)
                    report.note(f"killed: a change reached the other process' page in {late:.1f} s")
                    report.expect(late <= changes.RESYNC_IN, "without Redis a change did not reach a page")
                colder, started = _sell_by_new(running, event, people, quick=quick)
                _expect_degraded(report, [process for process in running.web if process.is_running])
                _redis(running).start(path="")
                changes.expect_lively(report, "back", first[0], event, pages)
                report.expect(not any(page.closed_at for page in pages), "a page was closed")
            _compare(report, "killed", before, during)
            _compare(report, "absent at the start", fresh, started)
            _expect_noticed(report, running, AWAY)
            report.expect_no_traces(running.traces())
            crowd.check(report, event, [*cold, *fresh, *before, *during, *colder, *started])


def emptied(report: Report, quick: bool) -> None:
    """F8: Redis is emptied again and again, has no memory left, and is restarted."""
    report.provoked = "FLUSHALL in a loop, maxmemory 1mb, and a restart, in the middle of a sale with logins"
    with running_cluster() as cluster, throwaway(cluster.url):
        from bench.faults import changes, crowd  # noqa: PLC0415 -- as above

        seconds, people = (2.0, 400) if quick else (20.0, 4000)
        with running_site(cluster) as running, open_pages(running.web) as pages:
            event = crowd.scene(people + 500)  # a place for everybody, and for each change
            client = redis.Redis.from_url(running.redis_url)
            with crowd.selling(running, crowd.with_logins(event, people), until_end=True) as answers:
                flushes = _empty(client, seconds)
                changes.expect_lively(report, "emptied", running.web[0], event, pages)
                client.config_set("maxmemory", "1mb")
                refused = _is_full(client)
                time.sleep(seconds)
                changes.expect_lively(report, "full", running.web[0], event, pages)
                client.config_set("maxmemory", "0")
                _redis(running).end()
                time.sleep(1)
                _redis(running).start(path="")
                changes.expect_lively(report, "restarted", running.web[0], event, pages)
            report.control = f"{flushes} FLUSHALL; with maxmemory 1mb a SET was {'refused' if refused else 'taken'}. "
            report.expect(refused, "the memory limit was not felt")
            report.expect(not any(page.closed_at for page in pages), "a page was closed")
            report.note(crowd.counted(answers.result()))
            _expect_all_answered(report, answers.result())
            _expect_noticed(report, running, AWAY)
            report.expect_no_traces(running.traces())
            crowd.check(report, event, answers.result())


def slow(report: Report, quick: bool) -> None:
    """F9: Redis does not answer for five seconds, again and again."""
    report.provoked = f"CLIENT PAUSE {PAUSE} in the middle of a sale with logins"
    with running_cluster() as cluster, throwaway(cluster.url):
        from bench.faults import changes, crowd  # noqa: PLC0415 -- as above

        people = 60 if quick else 300
        with running_site(cluster) as running, open_pages(running.web) as pages:
            event = crowd.scene(10 * people)
            before = _sell(running.web, crowd.with_logins(event, people))
            during: list[Answer] = []
            for _ in range(1 if quick else 3):
                redis.Redis.from_url(running.redis_url).client_pause(PAUSE, all=True)
                over = time.time() + PAUSE / 1000
                report.expect(not _answers(running.redis_url), "Redis answered all the same")
                answers = _sell(running.web, crowd.with_logins(event, people))
                during += [answer for answer in answers if answer.sent < over]
                before += [answer for answer in answers if answer.sent >= over]
                time.sleep(max(0, over - time.time()))
            _compare(report, "paused", before, during, found_out=FOUND_OUT)
            changes.expect_lively(report, "going on", running.web[0], event, pages)
            _expect_noticed(report, running, "other processes were not told")
            report.expect_no_traces(running.traces())
            crowd.check(report, event, [*before, *during])


def _redis(running: Site) -> Process:
    if running.redis is None:
        raise LookupError("this site has no Redis")
    return running.redis


def expect_killed(report: Report, process: Process) -> None:
    """Expect that a process ended by SIGKILL, so that it could save nothing and say nothing."""
    code = process.running.wait() if process.running else None
    report.expect(code == -signal.SIGKILL, f"Redis ended with {code}, not by SIGKILL")


def _sell(processes: Sequence[Process], visits: Sequence[Visit]) -> list[Answer]:
    """Let a few browsers make visits."""
    return Browsers([process.port for process in processes], visits).play(FEW)


def _sell_by_new(site: Site, event: "Event", people: int, *, quick: bool) -> tuple[list[Answer], list[Answer]]:
    """Let processes that have just started have their first visits, then the others; return the answers of both."""
    from bench.faults import crowd  # noqa: PLC0415 -- its models need Django set up

    new = [site.node(), *([] if quick else [site.node(servers.PAGES)])]
    return _sell(new, crowd.with_logins(event, people // 4)), _sell(new, _visits(event, people))


def _visits(event: "Event", people: int) -> list[Visit]:
    from bench.faults import crowd, gate  # noqa: PLC0415 -- as above

    return [*crowd.with_logins(event, people), *gate.scans(people)]


def _empty(client: "redis.Redis", seconds: float) -> int:
    until, flushes = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        client.flushall()
        flushes += 1
        time.sleep(0.02)
    return flushes


def _is_full(client: "redis.Redis") -> bool:
    try:
        client.set("something", "x")
    except redis.RedisError:
        return True
    return False


def _answers(url: str) -> bool:
    with contextlib.suppress(redis.RedisError):
        return bool(redis.Redis.from_url(url, socket_timeout=0.5).ping())
    return False


def _expect_degraded(report: Report, processes: Sequence[Process]) -> None:
    for process in processes:
        told = tell(process, "/readyz")
        report.expect((told.status, b"degraded" in told.body) == (OK, True), f"/readyz: {told.status} {told.body!r}")


def _expect_noticed(report: Report, running: Site, text: str) -> None:
    times = sum(process.logged().count(text) for process in running.web)
    report.control += f"{times} lines in the logs: {text}."
    report.expect(times > 0, "no process noticed anything")


def _expect_all_answered(report: Report, answers: Sequence[Answer]) -> None:
    unanswered = sum(answer.status in {0, BUSY} for answer in answers)
    report.expect(not unanswered, f"{unanswered} questions were not answered, or by 503")


def _compare(
    report: Report, name: str, before: Sequence[Answer], during: Sequence[Answer], *, found_out: float = 0
) -> None:
    """Expect that all was answered, and hardly slower than before: bookings, logins, and whatever else, each.

    Logins count what fails: the slowest may be those that have `found_out`, in so many seconds, that Redis is silent.
    """
    _expect_all_answered(report, during)
    # Of few, the 99th percentile is the slowest, which tells of the machine.
    percent = 99 if len(during) > MANY else 50
    for kind in sorted({answer.kind for answer in during}):
        usual, now = _seconds(before, kind, percent), _seconds(during, kind, percent)
        report.note(f"{name}: {kind} p{percent} {1000 * now:.0f} ms, before {1000 * usual:.0f} ms")
        allowed = SLOWER + (found_out if kind == "log in" else 0)
        report.expect(now <= usual + allowed, f"{name}: p{percent} of {kind} went from {usual:.3f} s to {now:.3f} s")


def _seconds(answers: Sequence[Answer], kind: str, percent: float) -> float:
    return percentile([answer.answered - answer.sent for answer in answers if answer.kind == kind], percent)


FAULTS = [
    Fault("F7", "Redis down, at the start and in the middle", down, is_timed=True),
    Fault("F8", "Redis emptied, full, restarted", emptied),
    Fault("F9", "Redis slow", slow, is_timed=True),
]
