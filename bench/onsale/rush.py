"""The second at which a sale opens: everybody asks at once, everybody is answered, and exactly the places are given."""

import datetime as dt
from collections.abc import Sequence

from bench.common import percentile
from bench.crowd import BOOK, Person, logged_in
from bench.onsale.run import Run, event_with
from bench.visits import BUSY, Answer, Visit
from core.models import Event
from core.now import now

PEOPLE, PLACES = 2000, 500
EARLY = 0.05  # of the people, who are in line before
PRESENT = 0.05  # of the people, who are only logged in, and were seen lately
AWAY = 30  # minutes since the others were seen: they come at the opening, or after it
AHEAD = dt.timedelta(seconds=8)  # in which thousands connect
AT_ONCE, TICKETS = 1000, 500
PACED = 64


def play(run: Run) -> None:
    """Open a sale; then sell two more, to a thousand at once and to 64 at a time."""
    _open(run)
    _sell_at_once(run)
    _sell_paced(run)


def _open(run: Run) -> None:
    people, places = run.size(PEOPLE), run.size(PLACES)
    here = logged_in(round((EARLY + PRESENT) * people))
    away = logged_in(people - len(here), minutes_ago=AWAY)
    event = event_with(places, sales_open_at=now() + dt.timedelta(hours=1), auto_hold=True)
    early = run.ask([person.joins(event.pk) for person in here[: round(EARLY * people)]])
    opens = (now() + AHEAD).replace(microsecond=0)
    Event.objects.filter(pk=event.pk).update(sales_open_at=opens)  # before anybody was told, as a test may
    rest = [person.joins(event.pk) for person in [*away, *here[round(EARLY * people) :]]]
    answers = run.ask(rest, connections=len(rest), at=opens.timestamp())
    run.note(
        rush_seconds=max(answer.answered for answer in answers) - opens.timestamp(),
        rush_p50_s=percentile([answer.answered - opens.timestamp() for answer in answers], 50),
        rush_busy=sum(answer.status == BUSY for answer in answers),  # told to come again
    )
    run.expect_given(event, places)
    run.judge([event], [*early, *answers])


def _sell_at_once(run: Run) -> None:
    people, tickets = logged_in(run.size(AT_ONCE)), run.size(TICKETS)
    event = event_with(tickets)
    answers = run.ask(_buyers(people, event), connections=len(people))
    began = min(answer.sent for answer in answers)
    run.note(at_once_last_winner_s=max(known - began for _, known in _winners(answers)))
    run.expect_given(event, tickets)
    run.judge([event], answers)


def _sell_paced(run: Run) -> None:
    people, tickets = logged_in(run.size(AT_ONCE)), run.size(TICKETS)
    event = event_with(tickets)
    answers = run.ask(_buyers(people, event), connections=PACED)
    waits = [known - asked for asked, known in _winners(answers)]
    run.note(paced_winner_p50_s=percentile(waits, 50), paced_winner_p99_s=percentile(waits, 99))
    run.expect_given(event, tickets)
    run.judge([event], answers)


def _buyers(people: Sequence[Person], event: Event) -> list[Visit]:
    return [person.joins(event.pk, ("book", BOOK.format(event.pk))) for person in people]


def _winners(answers: Sequence[Answer]) -> list[tuple[float, float]]:
    """Return `(when first asked, when told of the ticket)` of everybody who has one."""
    asked: dict[int, float] = {}
    for answer in answers:
        asked[answer.user] = min(answer.sent, asked.get(answer.user, answer.sent))
    return [(asked[answer.user], answer.answered) for answer in answers if answer.kind == "book"]
