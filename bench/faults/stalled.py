"""F17: readers that never read, with a window of 4 KiB; they cost little and not for long, and delay nobody."""

import time
from collections.abc import Sequence
from pathlib import Path

from bench import processor
from bench.crowd import Person, logged_in
from bench.faults import crowd
from bench.faults.raw import RawSocket
from bench.faults.report import Report
from bench.faults.scenes import SOCKETS, ask, site_of
from bench.faults.site import Process
from bench.sockets import Pages, opening
from bench.stage import make_event
from bench.visits import Page
from core.models import Event

STALLED, QUICK = 100, 40
READERS = 20
EVENTS = 200  # upcoming: a snapshot of them is 50 kB, more than the system takes for a reader
WINDOW = 4096
MOST = 1024  # KiB each
CLOSED = 30.0  # seconds
TOLD = 2.0  # seconds


def play(report: Report, quick: bool) -> None:
    """Open stalled sockets beside ones that read; change numbers; look at memory, and at who is still connected."""
    count = QUICK if quick else STALLED
    report.provoked = f"{count} sockets with SO_RCVBUF {WINDOW} that never read a first message of {EVENTS} events"
    with site_of(SOCKETS) as site, opening() as pages:
        [process] = site.web
        event = crowd.scene(1000)
        for _ in range(EVENTS - 1):
            make_event(100)
        people = logged_in(6 if quick else 12)
        pages.open([process.port], [Page(0, "/ws/events/") for _ in range(READERS)])
        before, began = processor.kilobytes([process.pid]), time.monotonic()
        stalled = [RawSocket(process, buffer=WINDOW) for _ in range(count)]
        late, most, unsent = [], 0, 0
        for person in people:
            late += _change(pages, process, event, person)
            most, unsent = max(most, processor.kilobytes([process.pid])), max(unsent, _unsent(process))
        while (left := _left(process, stalled)) and time.monotonic() - began < CLOSED:
            time.sleep(0.2)
        took, each = time.monotonic() - began, (most - before) / count
        report.note(f"{each:.0f} KiB each; all closed after {took:.1f} s; others were told within {max(late):.2f} s")
        report.control = f"the system held up to {unsent / 1024:.0f} KiB for them that they did not take."
        report.expect(unsent > 0, "nothing was ever unsent: nobody was stalled")
        report.expect(each <= MOST, f"a stalled socket costs {each:.0f} KiB")
        report.expect(not left, f"after {took:.0f} s {left} stalled sockets are still there")
        report.expect(max(late) <= TOLD, f"others were told after {max(late):.1f} s")
        report.expect(not site.traces(), f"tracebacks were logged: {site.traces()[:3]}")
        for reader in stalled:
            reader.close()
        crowd.check(report, event, [], settle=0.5)


def _change(pages: Pages, process: Process, event: Event, person: Person) -> list[float]:
    """Let somebody join; return after how many seconds each page that reads was told."""
    pages.all("watch", event.pk)
    asked = time.time()
    ask(process, f"/join/{event.pk}/", person.session, form={})
    event.refresh_from_db(fields=["version"])
    time.sleep(0.8)
    return [at - asked for part in pages.all("told", event.version) for at in part]


def _left(process: Process, stalled: Sequence[RawSocket]) -> int:
    """Return how many of them the server still has; looked at twice, as what the system tells is no snapshot."""
    ours = {f"{raw.port:04X}" for raw in stalled}
    return len(ours & {line[2].partition(":")[2] for _ in range(2) for line in _connections(process)})


def _connections(process: Process) -> list[list[str]]:
    """Return what the system knows of the connections to this port that stand (state 01)."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [line for line in lines if line[1].endswith(f":{process.port:04X}") and line[3] == "01"]


def _unsent(process: Process) -> int:
    """Return the bytes that the system could not send from this port."""
    return sum(int(line[4].partition(":")[0], 16) for line in _connections(process))
