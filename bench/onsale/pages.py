"""Pages: the list, an event's page and the dashboard, with 10 and with 200 events, for strangers and for people."""

from collections.abc import Sequence

from bench.crowd import Person, logged_in
from bench.onsale.run import Run, event_with
from bench.visits import Visit

SIZES = (10, 200)
PEOPLE = 64
AGAIN = 200  # times that each may ask


def play(run: Run) -> None:
    """Measure each page, first with few events and then with many."""
    people = logged_in(PEOPLE)
    events: list[int] = []
    for size in SIZES:
        events += [event_with(100, name=f"Concert {n}").pk for n in range(len(events), size)]
        nobody = Person(0, "", "")
        _measure(run, f"list_{size}", [nobody.sees("page", "/")] * PEOPLE * AGAIN)
        _measure(run, f"list_logged_in_{size}", [person.sees("page", "/") for person in people] * AGAIN)
        _measure(run, f"dashboard_{size}", [person.sees("page", "/dashboard/") for person in people] * AGAIN)
        if size == SIZES[0]:
            _measure(run, "event", [nobody.sees("page", f"/events/{events[0]}/")] * PEOPLE * AGAIN)
            _measure(
                run, "event_logged_in", [person.sees("page", f"/events/{events[0]}/") for person in people] * AGAIN
            )
            _measure(run, "stats", [nobody.sees("page", f"/api/ticket-stats/{events[0]}/")] * PEOPLE * AGAIN)
    run.note(list_flat=run.figures["list_200"] / run.figures["list_10"])
    run.retire(events)


def _measure(run: Run, name: str, visits: Sequence[Visit]) -> None:
    run.require(run.cost(name, run.site, visits))
