"""The crowd beside a fault: people who join and book over HTTP while it lasts, and what is checked when it is over."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from allauth.account.models import EmailAddress
from django.db import connections

from bench.crowd import BOOK, JOIN, Person, logged_in, strangers
from bench.faults.browsers import GONE, RUDE, Browser, Browsers
from bench.faults.report import Report
from bench.faults.site import Site
from bench.history import CHECKS
from bench.onsale.judge import judge
from bench.stage import make_event, make_people
from bench.visits import BUSY, DONE, REFUSED, SESSION, Answer, Visit, ask
from core.clock import due_events
from core.models import Event
from core.now import now

PLACES = 40
PEOPLE = 200
CONNECTIONS = 16
TRACE = b"Traceback"
USUAL = {DONE, 202, 302, REFUSED}
SHOWN = 5
REST_IN, LOOK = 5.0, 0.1  # seconds in which clocks, which tick once a second, have done what is to do


def scene(places: int = PLACES, **fields: object) -> Event:
    """Store an organizer and an event on sale."""
    make_people(1)
    return make_event(places, hold_minutes=60, **fields)


def buyers(event: Event, people: int = PEOPLE) -> list[Visit]:
    """Return visits of people who are logged in: each joins, and books if a place is held."""
    return [person.joins(event.pk, ("book", BOOK.format(event.pk))) for person in logged_in(people)]


def who_can_log_in(count: int) -> list[Person]:
    """Return people who can log in by password: their addresses are confirmed."""
    people = strangers(count, with_password=True)
    EmailAddress.objects.bulk_create(
        EmailAddress(user_id=one.pk, email=f"{one.name}@example.org", verified=True, primary=True) for one in people
    )
    return people


def with_logins(event: Event, people: int = PEOPLE) -> list[Visit]:
    """Return visits of people of whom every fourth has to log in by password first."""
    there, others = buyers(event, people - people // 4), who_can_log_in(people // 4)
    steps = [("join", JOIN.format(event.pk)), ("book", BOOK.format(event.pk))]
    late = [one.logs_in(*(ask(kind, path, SESSION, post=True) for kind, path in steps)) for one in others]
    mixed = [there[3 * n : 3 * n + 3] + late[n : n + 1] for n in range(-(-len(there) // 3))]
    return [visit for part in mixed for visit in part]


@contextmanager
def selling(
    site: Site, visits: Sequence[Visit], *, connections_: int = CONNECTIONS, until_end: bool = False
) -> Iterator["Future[list[Answer]]"]:
    """Let people make their visits while the block does its worst; the result is ready at its end.

    Whoever gets 503, or no answer, asks the same again, elsewhere if there is more than one process; what broke off may
    have been done. With `until_end` nobody comes any more once the block is over.
    """
    browsers = Browsers(site.ports(), visits)
    with ThreadPoolExecutor(1) as one:
        answers = one.submit(browsers.play, connections_)
        try:
            yield answers
        except BaseException:
            browsers.close()
            raise
        if until_end:
            browsers.close()
        answers.result()


def check(
    report: Report, event: Event, answers: Sequence[Answer], *, settle: float = 1.5, is_served: bool = True
) -> None:
    """Check what the invariants say once all rests: rows, ledger, order, and what everybody was answered.

    An answer that never came, and 503, may or may not have been done; whatever else is not 200, 202 or 409 is wrong.
    The clocks of the processes bring the event to rest; unless it `is_served` there is none any more.
    """
    time.sleep(settle)
    connections.close_all()
    if is_served:
        _expect_rest(report, event)
    else:
        report.note("no process was left to give what is free: that nobody waits beside it is not checked")
    # To the judge both are the same: asked, and maybe done.
    asked = [a._replace(status=BUSY) if a.status == GONE else a for a in answers]
    report.wrong += judge([event.pk], asked, () if is_served else {"left waiting"}, CHECKS)
    judge_answers(report, answers)


def _expect_rest(report: Report, event: Event) -> None:
    """Expect that the clocks of the processes find nothing more to do for an event, within seconds."""
    deadline = time.monotonic() + REST_IN
    while (is_due := event.pk in due_events(now())) and time.monotonic() < deadline:
        time.sleep(LOOK)
    report.expect(not is_due, f"after {REST_IN:g} s the clocks had left something to do")


def judge_answers(report: Report, answers: Sequence[Answer]) -> None:
    """Count as wrong: a traceback, a 503 that does not say when to come again, a status that nobody should see."""
    report.expect(not any(TRACE in answer.body for answer in answers), "an answer had a traceback")
    rude = sum(answer.status == RUDE for answer in answers)
    report.expect(not rude, f"{rude} answers 503 had no Retry-After")
    odd = [answer for answer in answers if answer.status not in {GONE, BUSY, RUDE, *USUAL}]
    report.wrong += [f"{a.kind} was answered {a.status} {a.body[:80]!r}" for a in odd[:SHOWN]]


def sells(report: Report, site: Site, event: Event) -> list[Answer]:
    """Expect that every process lets somebody new join and book; return what they were answered."""
    answers = []
    for n, (port, visit) in enumerate(zip(site.ports(), buyers(event, len(site.web)), strict=True)):
        browser = Browser([port], 240 + n)
        answers += [browser.send(visit.user, ask) for ask in visit.asks]
        browser.close()
    report.expect({answer.status for answer in answers} == {DONE}, "when it was over, nobody could book")
    return answers


def slowest(answers: Sequence[Answer], *, since: float = 0, until: float = float("inf")) -> float:
    """Return how many seconds the slowest answer took, or was waited for in vain, of those asked for in a time."""
    return max((a.answered - a.sent for a in answers if since <= a.sent <= until), default=0.0)


def counted(answers: Sequence[Answer]) -> str:
    """Return how many were answered how, in words."""
    broken = sum(answer.status == GONE for answer in answers)
    busy = sum(answer.status == BUSY for answer in answers)
    return f"{len(answers) - broken - busy} answered, {busy} told to come again (503), {broken} connections broken"
