"""One process of each kind by itself: seconds from its start to its first answer, and the memory it takes."""

import time

from bench import processor
from bench.crowd import logged_in
from bench.onsale.run import Run
from bench.onsale.sockets import DASHBOARD, MIB, expect_all
from bench.sockets import opening
from bench.topology import running
from bench.visits import Page

SOCKETS = 1000
KINDS = {"sockets_process": "uvicorn:1", "pages_process": "granian-wsgi:1x16"}
PAGES = 500  # that are asked for, so that all threads and templates are warm


def play(run: Run) -> None:
    """Start one of each, and let a thousand open their dashboards, or ask for the pages."""
    for name, spec in KINDS.items():
        began = time.time()
        with running(spec, path="/readyz") as site:
            run.note(**{f"{name}_start_s": time.time() - began, f"{name}_fresh_mib": _mib(site.pids)})
            people = logged_in(run.size(SOCKETS))
            if site.sockets:
                with opening() as crowd:
                    opened = crowd.open(site.sockets, [Page(one.pk, DASHBOARD, one.session) for one in people])
                    expect_all(run, name, opened)
                    run.note(**{f"{name}_full_mib": _mib(site.pids)})
                    crowd.all("close")
            else:
                visits = [one.sees("page", "/dashboard/") for one in people[:PAGES]]
                run.require(run.load.play(site.http, visits, connections=32))
                run.note(**{f"{name}_full_mib": _mib(site.pids)})


def _mib(pids: list[int]) -> float:
    return processor.kilobytes(pids, "Rss") / MIB
