"""The open socket as the way in: two thousand dashboards are open, and all ask at once, for a place and then for it."""

from collections.abc import Sequence

from bench.crowd import Person, logged_in
from bench.onsale.run import Run, event_with, milliseconds, rate
from bench.onsale.sockets import DASHBOARD, expect_all
from bench.sockets import Pages, opening
from bench.visits import DONE, Answer, Page
from core.models import Event

PEOPLE = 2000
EVENTS = 20


def play(run: Run) -> None:
    """Let all join one hot event, then book; then both in one go; then over twenty events."""
    people = logged_in(run.size(PEOPLE))
    with opening() as crowd:
        pages = [Page(person.pk, DASHBOARD, person.session) for person in people]
        expect_all(run, "socket writes", crowd.open(run.site.sockets, pages))
        _one_after_the_other(run, crowd, people)
        _in_one_go(run, crowd, people)
        _spread(run, crowd, people)
        crowd.all("close")


def _one_after_the_other(run: Run, crowd: Pages, people: Sequence[Person]) -> None:
    event = event_with(len(people))
    joins = crowd.ask({person.pk: [("join", event.pk)] for person in people})
    books = crowd.ask({answer.user: [("book", event.pk)] for answer in joins if answer.status == DONE})
    _note(run, "socket_joins", joins)
    _note(run, "socket_books", books)
    run.expect_given(event, len(people))
    run.judge([event], [*joins, *books])


def _in_one_go(run: Run, crowd: Pages, people: Sequence[Person]) -> None:
    places = len(people) // 4
    event = event_with(places)
    answers = crowd.ask({person.pk: [("join", event.pk), ("book", event.pk)] for person in people})
    _note(run, "socket_rush", answers)
    run.expect_given(event, places)
    run.judge([event], answers)


def _spread(run: Run, crowd: Pages, people: Sequence[Person]) -> None:
    events: list[Event] = [event_with(len(people)) for _ in range(EVENTS)]
    joins = crowd.ask({person.pk: [("join", events[n % EVENTS].pk)] for n, person in enumerate(people)})
    _note(run, "socket_joins_spread", joins)
    run.judge(events, joins)


def _note(run: Run, name: str, answers: Sequence[Answer]) -> None:
    if not answers:
        return
    last = max(answer.answered for answer in answers) - min(answer.sent for answer in answers)
    run.figures |= {
        f"{name}_a_second": rate(answers),
        f"{name}_p50_ms": milliseconds(answers, 50),
        f"{name}_p99_ms": milliseconds(answers, 99),
        f"{name}_last_s": last,
    }
