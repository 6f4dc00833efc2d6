"""F16: 200 clients that send a byte every five seconds, of headers or of a form; others are answered as ever."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.common import percentile
from bench.crowd import logged_in
from bench.faults import crowd, probe
from bench.faults.behind_nginx import nginx
from bench.faults.report import Report
from bench.faults.scenes import PAGES, SOCKETS, site_of
from bench.faults.site import HOST, Process
from bench.load import Load, loading
from bench.visits import DONE, TOKEN, Visit

CLIENTS = 200
EVERY = 5.0  # seconds
LATEST = 0.5  # seconds, of others
OTHERS = 8
TRIES = 20  # looks whether the forms have all threads; they are taken up one after the other
# With the cookie of a token, which must be compared with the form's.
HEAD = b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nCookie: csrftoken=" + TOKEN.encode() + b"\r\n"
FORM = HEAD + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n"


def play(report: Report, quick: bool) -> None:
    """Let others ask for pages while the slow ones are there: at each kind of process, and behind nginx.

    A process of threads has no answer to a form that comes byte by byte: it needs nginx, which takes in the whole form
    first (operations.md). That is the control.
    """
    report.provoked = f"{CLIENTS} connections at {1 / EVERY:.1f} bytes a second, in their headers or in a form"
    seconds = 2.0 if quick else 12.0
    with site_of(PAGES, SOCKETS) as site, loading() as load:
        pages, sockets = site.web
        event = crowd.scene(100_000)
        visits = [person.sees("dashboard", "/dashboard/") for person in logged_in(OTHERS)] * 400
        with nginx(site, pages, sockets) as front:
            for name, process, sorts in (
                ("behind nginx", front, (HEAD, FORM)),
                ("Uvicorn", sockets, (HEAD, FORM)),
                ("Granian, headers", pages, (HEAD,)),
            ):
                before = _p95(load, process, visits, seconds)
                with slow_clients(process, sorts) as slow:
                    late, held = _p95(load, process, visits, seconds), slow.open
                report.note(f"{name}: p95 of others {1000 * late:.0f} ms, before {1000 * before:.0f}; {held} held")
                report.expect(late <= LATEST, f"{name}: p95 of others is {1000 * late:.0f} ms beside {held} slow ones")
                # nginx drops those whose headers take ten seconds.
                report.expect(held >= CLIENTS / 2, f"{name}: only {held} slow clients are connected")
        _without(report, pages)
        report.expect(not site.traces(), f"tracebacks were logged: {site.traces()[:3]}")
        crowd.check(report, event, [], settle=0)


def _without(report: Report, pages: Process) -> None:
    """Show the same forms at threads without nginx, and that they are free again once the clients have gone."""
    with slow_clients(pages, (FORM,)):
        asked = (probe.ask(pages, "/", timeout=2) for _ in range(TRIES))
        status = next((status for status in asked if status == 0), DONE)
    free = probe.seconds_until_good(pages, "/")
    report.control = f"without nginx the forms keep all of Granian's threads: another was answered {status} (0: not)"
    report.control += f", and {free:.1f} s after they had gone as ever."
    report.expect(status == 0, "slow forms were no trouble without nginx: what is measured says nothing")
    report.expect(free <= EVERY, f"{free:.0f} s after the slow clients had gone nobody was served")


def _p95(load: Load, process: Process, visits: list[Visit], seconds: float) -> float:
    """Return within what time others are answered; the time itself where nobody is."""
    answers = load.play([process.port], visits, connections=OTHERS, seconds=seconds)
    good = [answer.answered - answer.sent for answer in answers if answer.status == DONE]
    return percentile(good, 95) if len(good) >= OTHERS and len(good) == len(answers) else float("inf")


class Slow:
    """Clients that are slow, in a thread of their own."""

    def __init__(self, process: Process, sorts: Sequence[bytes]) -> None:
        self.process, self.sorts = process, sorts
        self.loop = asyncio.new_event_loop()
        self.open = 0
        self.connected = threading.Event()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    async def drip(self) -> None:
        """Connect all, then let each send a byte now and then."""
        await asyncio.gather(*(self._one(n) for n in range(CLIENTS)))

    async def _one(self, n: int) -> None:
        reader, writer = await asyncio.open_connection(
            HOST, self.process.port, local_addr=(f"127.8.{n // 200}.{1 + n % 200}", 0)
        )
        writer.write(self.sorts[n % len(self.sorts)])
        self.open += 1
        if self.open == CLIENTS:
            self.connected.set()
        try:
            while True:
                writer.write(b"a")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1000), EVERY)  # an answer, or the end
                    break
        except OSError:
            pass
        finally:
            self.open -= 1
            writer.transport.abort()


@contextmanager
def slow_clients(process: Process, sorts: Sequence[bytes]) -> Iterator[Slow]:
    """Keep slow clients at a process until the block ends."""
    slow = Slow(process, sorts)
    slow.thread.start()
    running = asyncio.run_coroutine_threadsafe(slow.drip(), slow.loop)
    slow.connected.wait(20)
    try:
        yield slow
    finally:
        running.cancel()
        asyncio.run_coroutine_threadsafe(_cancelled(), slow.loop).result(10)
        slow.loop.call_soon_threadsafe(slow.loop.stop)
        slow.thread.join(10)


async def _cancelled() -> None:
    """Wait for all other tasks of this loop to end."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
