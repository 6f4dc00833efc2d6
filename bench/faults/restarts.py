"""F24: processes end by SIGTERM under load, one after the other; what is under way is finished, and nothing is lost.

The other half of a deploy, a migration while people book, needs a former release: `bench/upgrade.py` plays it.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from django.db import connection, transaction

from bench.crowd import logged_in
from bench.faults import crowd
from bench.faults.browsers import Browsers
from bench.faults.raw import RawSocket
from bench.faults.report import Report
from bench.faults.scenes import PAGES, SOCKETS, ask, site_of
from bench.faults.site import Process, Site
from bench.stage import make_event
from bench.visits import DONE, Answer
from core.models import Event, Ticket

ROUNDS, QUICK = 6, 2
EVERY, QUICK_EVERY = 10.0, 2.5  # seconds
LONGEST = 10.0  # seconds until a process that was told to end has ended
KEPT = 1.5  # seconds that a booking is kept waiting across the signal
RESTARTED = 1012
PEOPLE = 2000  # who could come in each round: more than a fast machine serves while a process is restarted


def play(report: Report, quick: bool) -> None:
    """Restart one process after the other while people come; look at requests under way, sockets, and tickets."""
    rounds, every = (QUICK, QUICK_EVERY) if quick else (ROUNDS, EVERY)
    report.provoked = f"SIGTERM to one process after the other, every {every:.0f} s, {rounds} times, under load"
    with site_of(SOCKETS, PAGES) as site:
        event = crowd.scene(2 * PEOPLE)
        cut: list[str] = []  # processes that were told to end while a booking was under way
        answers: list[Answer] = []
        for n in range(rounds):
            began = time.monotonic()
            answers += _restart(report, site, event, site.web[n % len(site.web)], cut)
            time.sleep(max(0.0, every - (time.monotonic() - began)))
        broken = sum(not answer.status for answer in answers)
        report.note(crowd.counted(answers))
        report.control = (
            f"{broken} requests reached a process that was gone, and {len(cut)} were under way at a signal."
        )
        report.expect(len(cut) == rounds, f"{len(cut)} of {rounds} times a request was under way at the signal")
        report.expect(broken > 0, "no request reached a process that was gone")
        report.expect(not site.traces(), f"tracebacks were logged: {site.traces()[:3]}")
        crowd.check(report, event, answers)


def _restart(report: Report, site: Site, event: Event, process: Process, cut: list[str]) -> list[Answer]:
    """Let people come while a process ends and is started again."""
    is_asgi = "uvicorn" in process.command
    raws = [RawSocket(process) for _ in range(10)] if is_asgi else []
    browsers = Browsers(site.ports(), crowd.buyers(event, PEOPLE))
    with ThreadPoolExecutor(2) as threads:
        playing = threads.submit(browsers.play, crowd.CONNECTIONS)
        time.sleep(1.6)
        asked = threading.Event()
        under_way = threads.submit(_slow_booking, report, process, asked)
        asked.wait(LONGEST)
        time.sleep(KEPT / 3)
        told = time.time()
        took = process.end()
        began, ended = under_way.result()
        process.start()
        browsers.close()
        answers = playing.result()
    codes = {raw.code(1) for raw in raws}
    report.note(f"{process.command[2]} ended after {took:.1f} s, sockets closed with {sorted(codes)}")
    report.expect(took <= LONGEST, f"{process.command[2]} ended {took:.1f} s after it was told to")
    report.expect(codes <= {RESTARTED}, f"sockets were closed with {codes}")
    cut += [process.command[2]] if began < told < ended else []
    _expect_finished(report, process, answers, told)
    return answers


def _expect_finished(report: Report, process: Process, answers: Sequence[Answer], told: float) -> None:
    """Count it as wrong if a request was broken that had been sent well before the process was told to end."""
    lost = [answer for answer in answers if not answer.status and answer.sent < told - 0.05]
    report.expect(not lost, f"{process.command[2]}: {len(lost)} requests that were under way were never answered")


def _slow_booking(report: Report, process: Process, asked: threading.Event) -> tuple[float, float]:
    """Book what is locked for a while; the answer must come although the process is told to end once it was `asked`.

    Return when that was, and when it was answered.
    """
    event, [person] = make_event(5), logged_in(1)
    locked = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        keeping = threads.submit(_keep, event.pk, locked)
        locked.wait(5)
        began = time.time()
        asked.set()
        reply = ask(process, f"/book/{event.pk}/", person.session, form={})
        ended = time.time()
        keeping.result()
    report.expect(reply.status == DONE, f"{process.command[2]}: a booking under way was answered {reply.status}")
    report.expect(reply.seconds > KEPT / 2, f"the booking was not under way: {reply.seconds:.1f} s")
    report.expect(Ticket.objects.filter(event=event).count() == 1, "the booking under way left no ticket")
    return began, ended


def _keep(event: int, locked: threading.Event) -> None:
    try:
        with transaction.atomic():
            Event.objects.select_for_update().get(pk=event)
            locked.set()
            time.sleep(KEPT)
    finally:
        connection.close()
