"""A sale that opens to people who are yet to log in, each by password: the hash of 38 ms is the floor."""

import datetime as dt

from bench.crowd import strangers
from bench.onsale.logins import joining
from bench.onsale.run import Run, event_with
from core.now import now

PEOPLE, PLACES = 2000, 500
AHEAD = dt.timedelta(seconds=8)  # in which thousands connect


def play(run: Run) -> None:
    """Let everybody log in when the sale opens, and join."""
    people, places = run.size(PEOPLE), run.size(PLACES)
    crowd = strangers(people, with_password=True)
    opens = (now() + AHEAD).replace(microsecond=0)
    event = event_with(places, sales_open_at=opens, auto_hold=True)
    visits = [person.logs_in(joining(event.pk)) for person in crowd]
    answers = run.ask(visits, connections=len(visits), at=opens.timestamp())
    run.note(password_rush_seconds=max(answer.answered for answer in answers) - opens.timestamp())
    run.expect_given(event, places)
    run.judge([event], answers)
