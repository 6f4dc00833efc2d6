"""F29: a process may open 256 files, then take hardly more memory; who is there stays, who comes is refused."""

import contextlib
import json
import resource
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.crowd import Person, logged_in
from bench.faults import crowd, probe
from bench.faults.raw import RawSocket
from bench.faults.report import Report
from bench.faults.scenes import PAGES, SOCKETS, ask, site_of, socket_of
from bench.faults.site import Process, Site
from bench.processor import family
from bench.stage import make_event
from bench.visits import BUSY, DONE
from core.models import Event

FILES = 256
RECOVERED = 10.0  # seconds
MORE = 2**20  # bytes of memory that a process may take beyond what it has


def play(report: Report, quick: bool) -> None:
    """Take the files of one process, then the memory of both, while an open page is told what happens."""
    report.provoked = f"prlimit: {FILES} files for the sockets' process, then no memory beyond what it has for either"
    with site_of(SOCKETS, PAGES, SOCKETS_PER_ADDRESS=str(2 * FILES)) as site:  # all are from here
        event = crowd.scene(1000)
        _files(report, site, event)
        _memory(report, site, make_event(1000))
        report.expect_no_traces(site.traces())
        crowd.check(report, event, [])


def _files(report: Report, site: Site, event: Event) -> None:
    sockets, pages = site.web
    resource.prlimit(sockets.pid, resource.RLIMIT_NOFILE, (FILES, FILES))
    with socket_of(sockets) as kept:
        kept.recv(timeout=10)
        crowd_of = _knock(sockets, FILES + 50)
        opened = len(list(Path(f"/proc/{sockets.pid}/fd").iterdir()))
        report.control = (
            f"{opened} of {FILES} files were open, and {sum(raw is None for raw in crowd_of)} more were refused."
        )
        report.expect(opened >= FILES - 4, f"only {opened} files were open")
        [person] = logged_in(1)
        ask(pages, f"/join/{event.pk}/", person.session, form={})
        report.expect("stats" in json.loads(kept.recv(timeout=5))["type"], "an open page was told nothing")
        report.note("without files an open page is told what changes on")
        time.sleep(11)
        report.expect("files are open" in sockets.logged(), "that no file is left is not in the log")
        for raw in crowd_of:
            if raw is not None:
                raw.close()
        time.sleep(1)
        report.expect(ask(sockets, "/healthz").status == DONE, "when files were free again nobody was served")


def _knock(process: Process, count: int) -> list[RawSocket | None]:
    """Open sockets until no more are let in."""
    found: list[RawSocket | None] = []
    for _ in range(count):
        try:
            raw = RawSocket(process)
        except OSError:
            found.append(None)
            continue
        found.append(raw if b"101" in raw.answer else None)
        if found[-3:] == [None] * 3:
            break
    return found


def _memory(report: Report, site: Site, event: Event) -> None:
    """Leave the sockets' process, and one of two that serve pages, what they have: each answers, or says to come again.

    A worker of Granian ends where it gets no memory, as Rust does; its parent starts another one.
    """
    people = logged_in(20)
    sockets, pages = site.web
    poor = [sockets.pid, family([pages.pid])[1]]
    with socket_of(sockets) as kept:
        kept.recv(timeout=10)
        for pid in poor:
            _leave(pid, MORE)
        said = {name: _statuses(process, event, people) for name, process in (("sockets", sockets), ("pages", pages))}
        died = not Path(f"/proc/{poor[1]}").exists()
        for pid in poor:
            _leave(pid, None)
        late = [probe.seconds_until_good(process, "/") for process in site.web]
        report.note(f"without memory the sockets' process answered {said['sockets']}, pages {said['pages']}")
        report.note(f"the worker {'ended and was replaced' if died else 'lived'}; good again after {max(late):.1f} s")
        felt = {name: sum(told.values()) - told.get(DONE, 0) for name, told in said.items()}
        report.control += (
            f" Without memory {felt['sockets']} and {felt['pages']} bookings of {len(people)} were not done."
        )
        report.expect(felt["sockets"] > 0, "the sockets' process felt no limit of its memory")
        report.expect(felt["pages"] > 0 or died, "the pages' worker felt no limit of its memory")
        report.expect(set(said["sockets"]) <= {DONE, BUSY}, f"without memory sockets were answered {said['sockets']}")
        report.expect(set(said["pages"]) <= {0, DONE, BUSY}, f"without memory pages were answered {said['pages']}")
        report.expect(max(late) <= RECOVERED, f"with memory again it took {max(late):.1f} s")
        ask(pages, f"/book/{event.pk}/", logged_in(1)[0].session, form={})
        report.expect("stats" in json.loads(kept.recv(timeout=5))["type"], "an open page was told nothing")


def _leave(pid: int, more: int | None) -> None:
    """Let a process take so many bytes more than it has; None: as many as it likes."""
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        size = 1024 * int(Path(f"/proc/{pid}/status").read_text().partition("VmSize:")[2].split()[0])
        most = resource.RLIM_INFINITY if more is None else size + more
        resource.prlimit(pid, resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def _statuses(process: Process, event: Event, people: Sequence[Person]) -> dict[int, int]:
    """Let people book, all at once; return how many were answered how."""
    with ThreadPoolExecutor(len(people)) as threads:
        path = f"/book/{event.pk}/"
        replies = list(threads.map(lambda person: ask(process, path, person.session, form={}), people))
    return dict(Counter(reply.status for reply in replies))
