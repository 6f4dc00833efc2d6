"""F20: a process with a thousand pages dies; all come back, at once and at the pace of pages, while people book."""

import random
import signal
import time

from bench.common import percentile
from bench.crowd import logged_in
from bench.faults import crowd
from bench.faults.cluster import Cluster
from bench.faults.readings import judge_readings
from bench.faults.report import Report
from bench.faults.scenes import SOCKETS, site_of
from bench.faults.site import Process
from bench.load import raise_file_limit
from bench.sockets import Pages, opening
from bench.visits import Page

OPEN, QUICK = 1000, 200
BACK, LATEST = 60.0, 1.0  # seconds: until all are back, and p95 of bookings
SPREAD = (1.0, 2.0, 4.0)  # seconds at most until a page tries for the first, the second and the third time (live.js)
DASHBOARD, PUBLIC = "/ws/dashboard/", "/ws/events/"


def play(report: Report, quick: bool, cluster: Cluster) -> None:
    """Kill the process that has the sockets; first all return at once, then as pages do."""
    count = QUICK if quick else OPEN
    report.provoked = f"kill -9 of the process with {count} open pages, and all of them back, first in one moment"
    raise_file_limit()
    with site_of(SOCKETS, SOCKETS) as site, opening() as pages:
        event, process = crowd.scene(), site.web[0]
        dashboards = [Page(person.pk, DASHBOARD, person.session) for person in logged_in(count)]
        _restart(process, pages)
        _at_once(report, cluster, process, pages, [Page(0, PUBLIC)] * count)
        _restart(process, pages)
        _at_once(report, cluster, process, pages, dashboards)
        with crowd.selling(site, crowd.buyers(event, 200 if quick else 600)) as answers:
            time.sleep(1.5)
            _restart(process, pages)
            _as_pages_do(report, process, pages, dashboards)
        said = answers.result()
        late = percentile([answer.answered - answer.sent for answer in said if answer.status], 95)
        report.note(f"p95 of who books meanwhile {1000 * late:.0f} ms")
        report.expect(late <= LATEST, f"p95 of bookings beside the storm is {late:.1f} s")
        broken = sum(not each.status for each in said)
        report.control = f"with the process {count} sockets and {broken} requests broke."
        report.expect(broken > 0, "no request broke: the process was not killed among people who book")
        report.expect(not site.traces(), f"tracebacks were logged: {site.traces()[:3]}")
        crowd.check(report, event, said)


def _restart(process: Process, pages: Pages) -> None:
    process.end(signal.SIGKILL)
    pages.all("close")
    process.start()


def _at_once(report: Report, cluster: Cluster, process: Process, pages: Pages, shown: list[Page]) -> None:
    """Let everybody back in one moment, which no page would do."""
    before, began = len(cluster.log()), time.monotonic()
    opened = pages.open([process.port], shown)
    took = time.monotonic() - began
    logged, path = cluster.log()[before:], shown[0].path
    report.note(f"{len(opened)} of {path} back in {took:.1f} s, {_snapshots(report, opened)}")
    judge_readings(report, logged, len(opened) if path == DASHBOARD else 0, took)
    report.expect(took <= BACK, f"all were back after {took:.0f} s")


def _as_pages_do(report: Report, process: Process, pages: Pages, shown: list[Page]) -> None:
    """Let everybody back as live.js does it: each after a wait of its own, drawn up to what its try allows."""
    waits = [random.uniform(0, SPREAD[n % len(SPREAD)]) for n, _ in enumerate(shown)]
    began, opened = time.monotonic(), []
    for second in range(int(max(SPREAD))):
        wave = [page for page, wait in zip(shown, waits, strict=True) if second <= wait < second + 1]
        time.sleep(max(0.0, began + second - time.monotonic()))
        opened += pages.open([process.port], wave) if wave else []
    took = time.monotonic() - began
    report.note(f"{len(opened)} back in {took:.1f} s as pages do, {_snapshots(report, opened)}")
    report.expect(took <= BACK, f"all were back after {took:.0f} s")


def _snapshots(report: Report, opened: list[tuple[float, float]]) -> str:
    """Count it as wrong if somebody got no snapshot; return in words how long it took."""
    lost = sum(snapshot < 0 for _, snapshot in opened)
    report.expect(not lost, f"{lost} of {len(opened)} got no snapshot")
    return f"snapshot p99 {percentile([snapshot for _, snapshot in opened], 99):.2f} s"
