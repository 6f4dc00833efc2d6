"""Faults of web processes: killed, or stopped, in the middle of the transaction that gives places."""

import os
import signal
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bench.common import percentile, throwaway
from bench.faults.browsers import AGAIN, GONE, Browsers
from bench.faults.cluster import running_cluster
from bench.faults.points import FORKED, Failed, Point, failpoint
from bench.faults.probe import STATS, seconds_until_good, tell
from bench.faults.report import Fault, Report
from bench.faults.site import OK, Site, running_site
from bench.visits import Answer

if TYPE_CHECKING:  # it is too early for models before Django is set up
    from core.models import Event

KILLS, QUICK_KILLS = 200, 8
STEPS: tuple[int | str, ...] = (0, 3, "commit", 5, 1, 6, 2, 4, 7)  # statements since the lock
HELD: tuple[int, ...] = (0, 3, 5, 1, 4, 2)  # of which each stops one
FREE_IN = 1.0  # seconds until the lock of the killed is free
SELLING = 1.6 * AGAIN  # seconds in which all goes well before the next one: all who ask again are not killed again
ANSWER_IN = 1.0  # seconds in which the other process answers
SLOW = 0.05  # of its answers may come later: two processes are loaded anew on two cores meanwhile
IDLE = 5.0  # seconds: idle_in_transaction_session_timeout
TOLD_IN = 4.0  # seconds: lock_timeout is 3, and it takes a moment, on a busy machine, to say so


def killed(report: Report, quick: bool) -> None:
    """F1: kill -9 of a web process inside the transactions of join and book."""
    report.provoked = (
        "SIGKILL of a process to itself after the n-th statement since it locked the event, and after the commit"
    )
    with running_cluster() as cluster, throwaway(cluster.url):
        from bench.faults import crowd  # noqa: PLC0415 -- its models need Django set up

        people = 400 if quick else 8000
        with failpoint() as point, running_site(cluster, by=FORKED, **point.settings) as running:
            event = crowd.scene(people)
            with crowd.selling(running, crowd.buyers(event, people), until_end=True) as answers:
                kills = _kill(report, running, point, QUICK_KILLS if quick else KILLS)
            logged = sum(process.logged().count("ended by signal -9") for process in running.web)
            report.control = f"{kills} kills were told, {logged} processes were seen to end by signal 9."
            report.expect(logged == kills, "not every kill was real")
            report.expect_no_traces(running.traces())
            report.note(crowd.counted(answers.result()))
            _judge_retries(report, event, answers.result())
            crowd.check(report, event, answers.result())


def _kill(report: Report, running: Site, point: Point, wanted: int) -> int:
    freed, served, kills = [], [], 0
    for n in range(3 * wanted):
        failed = point.fail(STEPS[n % len(STEPS)], signal.SIGKILL)
        if failed is not None:
            kills += 1
            freed.append(failed.seconds_in_database(os.environ["DATABASE_URL"], IDLE))
            [other] = failed.others(running)
            told = tell(other, STATS)
            served.append(told.seconds if told.status == OK else float("inf"))
            for process in running.web:
                seconds_until_good(process)
            time.sleep(SELLING)
        if kills == wanted:
            break
    report.expect(kills == wanted, f"{kills} of {wanted} kills came about")
    report.note(f"{kills} kills; lock free after {max(freed):.3f} s at most, p50 {percentile(freed, 50):.3f} s")
    report.note(f"the other process answered within {max(served):.2f} s")
    report.expect(max(freed) <= FREE_IN, f"a lock was free after {max(freed):.1f} s, {FREE_IN:g} are allowed")
    silent, late = served.count(float("inf")), sum(seconds > ANSWER_IN for seconds in served)
    report.expect(not silent, f"{silent} of {len(served)} times the other process did not answer well")
    report.expect(late <= len(served) * SLOW, f"{late} of {len(served)} times the other process was slow")
    return kills


def _judge_retries(report: Report, event: "Event", answers: Sequence[Answer]) -> None:
    """Check that whoever asked again after a broken answer has one ticket, and count what had been done before."""
    from core.models import Ticket  # noqa: PLC0415 -- as above

    broken = {a.user: a.answered for a in answers if a.kind == "book" and a.status == GONE}
    told = {a.user for a in answers if a.kind == "book" and a.status == OK}
    tickets = list(Ticket.objects.valid().filter(event=event))
    booked = {ticket.user_id: ticket.booked_at.timestamp() for ticket in tickets}
    report.expect(len(booked) == len(tickets), "somebody has two tickets")
    report.expect(
        told == booked.keys(), f"{len(told ^ booked.keys())} people have a ticket or were told of one, not both"
    )
    before = sum(booked.get(user, at) < at for user, at in broken.items())
    report.note(f"{len(broken)} bookings broke off and were asked again: one ticket each, {before} were booked before")
    report.expect(bool(broken), "no booking broke off")


def hung(report: Report, quick: bool) -> None:
    """F2: a web process stops in the middle of a transaction, and comes back, or is killed, after it was given up."""
    report.provoked = "SIGSTOP after a statement under the event's lock; SIGCONT or SIGKILL when the lock is free"
    with running_cluster() as cluster, throwaway(cluster.url):
        from bench.faults import crowd  # noqa: PLC0415 -- as above

        people, steps = (300, HELD[:1]) if quick else (3000, HELD)
        with failpoint() as point, running_site(cluster, by=FORKED, **point.settings) as running:
            event = crowd.scene(people + 500)
            asked: list[Answer] = []
            with crowd.selling(running, crowd.buyers(event, people), until_end=True) as answers:
                for n, after in enumerate(steps):
                    failed = point.fail(after, signal.SIGSTOP)
                    report.expect(failed is not None, "no process got to the point where it was to stop")
                    if failed is not None:
                        asked += _outlive(report, running, failed, event)
                        failed.send(signal.SIGCONT if n % 2 == 0 else signal.SIGKILL)
            ended = cluster.log().count("due to idle-in-transaction timeout")
            report.control = f"PostgreSQL ended {ended} transactions as idle, of {len(steps)} stopped processes."
            # Of a process that stops another thread may be in a transaction as well.
            report.expect(ended >= len(steps), "the transactions did not end by their time-out")
            report.note(crowd.counted([*asked, *answers.result()]))
            report.expect_no_traces(running.traces())
            crowd.check(report, event, [*asked, *answers.result()])


def _outlive(report: Report, running: Site, failed: Failed, event: "Event") -> list[Answer]:
    """Let people ask the other process while one is stopped; return what they were answered."""
    from bench.faults import crowd  # noqa: PLC0415 -- as above

    [other] = failed.others(running)
    visits = crowd.buyers(event, 12)
    with ThreadPoolExecutor(1) as one:
        asking = one.submit(Browsers([other.port], visits).play, 6)
        seconds = failed.seconds_in_database(os.environ["DATABASE_URL"], 3 * IDLE)
        answers = asking.result()
    slowest = crowd.slowest(answers)
    report.note(f"stopped: lock free after {seconds:.1f} s, others answered within {slowest:.1f} s")
    report.expect(seconds <= IDLE + 1, f"the lock was free after {seconds:.1f} s")
    report.expect(slowest <= TOLD_IN, f"others were answered after {slowest:.1f} s, {TOLD_IN:g} are allowed")
    return answers


FAULTS = [
    Fault("F1", "worker killed in the booking transaction", killed),
    Fault("F2", "worker hangs in a transaction", hung),
]
