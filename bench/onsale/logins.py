"""Logins by password, with few and with many events on sale that a login is put forward for."""

from bench.crowd import JOIN, strangers
from bench.onsale.run import Run, event_with
from bench.visits import SESSION, Ask, ask
from core.models import Event

SIZES = (1, 20, 200)
PEOPLE = 400


def play(run: Run) -> None:
    """Measure logins by the number of events."""
    events: list[Event] = []
    for size in SIZES:
        events += [event_with(100_000, auto_hold=True) for _ in range(len(events), size)]
        answers = run.cost(
            f"logins_{size}", run.site, [person.logs_in() for person in strangers(PEOPLE, with_password=True)]
        )
        run.require(answers)
    run.judge(events[:20], answers)
    run.retire(event.pk for event in events)


def joining(event: int) -> Ask:
    """Return the request to join with the session that a login of the same visit gave."""
    return ask("join", JOIN.format(event), SESSION.decode(), post=True)
