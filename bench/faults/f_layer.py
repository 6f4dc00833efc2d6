"""Faults of the channel layer: it is full, and drops what is new."""

import contextlib
import signal
import time
from typing import TYPE_CHECKING

from bench.common import throwaway
from bench.faults.cluster import running_cluster
from bench.faults.pages import DASHBOARD, EVENTS, open_pages
from bench.faults.points import FAILING
from bench.faults.report import Fault, Report
from bench.faults.site import Process, running_site
from bench.visits import DONE

if TYPE_CHECKING:  # it is too early for models before Django is set up
    from core.models import Event

CHANGES = 500
TICK = 0.6  # seconds, in which what changed is told
FULL = "channels over capacity"  # what channels_redis logs of a message that it drops


def full(report: Report, quick: bool) -> None:
    """F10: a process is paused, and its one-slot channel gets no more of five hundred changes than the first."""
    report.provoked = "a channel layer of capacity 1, and SIGSTOP of the process that listens, during 500 changes"
    with running_cluster() as cluster, throwaway(cluster.url):
        from bench.crowd import logged_in  # noqa: PLC0415 -- its models need Django set up
        from bench.faults import browsers, changes, crowd  # noqa: PLC0415 -- as above
        from bench.stage import make_event  # noqa: PLC0415 -- as above

        count = CHANGES // 5 if quick else CHANGES
        with running_site(cluster, DJANGO_SETTINGS_MODULE=FAILING, FAULTS_LAYER="full") as running:
            telling, listening = running.web
            event, other = crowd.scene(2 * CHANGES), make_event(10)
            session = logged_in(1)[0].session
            with open_pages([listening], EVENTS) as anybody, open_pages([listening], DASHBOARD, session) as somebody:
                listening.send(signal.SIGSTOP)
                with contextlib.ExitStack() as stack:
                    stack.callback(listening.send, signal.SIGCONT)
                    _fill(telling, other)
                    visits = crowd.buyers(event, count // 2)
                    answers = browsers.Browsers([telling.port], visits).play(4)
                pages, went_on = [*anybody, *somebody], time.monotonic()
                version = changes.version_of(event)
                told = [page.seconds_until_told(event.pk, version, 2 * changes.RESYNC_IN) for page in pages]
                report.note(
                    f"the newest of {version} versions reached all pages {time.monotonic() - went_on:.1f} s later"
                )
                in_time = max(told) <= changes.RESYNC_IN and not any(page.closed_at for page in pages)
                report.expect(in_time, f"a page was told the newest after {max(told):.1f} s, or closed")
            dropped = telling.logged().count(FULL)
            report.control = f"{dropped} messages were dropped: {FULL}."
            report.expect(dropped > 0, "the layer was never full")
            report.expect(sum(a.status == DONE for a in answers) >= count, f"fewer than {count} changes came about")
            report.expect_no_traces(running.traces())
            crowd.check(report, event, answers)


def _fill(telling: Process, other: "Event") -> None:
    """Let changes of another event take the slot, and what the listening process has asked for already."""
    from bench.faults import changes  # noqa: PLC0415 -- as above

    for _ in range(3):
        changes.change(telling, other)
        time.sleep(TICK)


FAULTS = [Fault("F10", "channel layer full", full)]
