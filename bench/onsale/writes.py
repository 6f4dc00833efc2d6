"""Joins and bookings by POST, on one hot event and over twenty, beside a minimal view on the same kind of servers."""

from collections.abc import Sequence

from bench.crowd import Person, logged_in
from bench.onsale.run import Run, event_with
from bench.topology import Topology
from bench.visits import DONE
from core.models import Event

PEOPLE = 2000
EVENTS = 20
AGAIN = 20  # times that each may ask the minimal view, which is quicker


def play(run: Run) -> None:
    """Measure the minimal view, joins and bookings; keep what each is of the minimal view."""
    people = logged_in(PEOPLE)
    _minimal(run, "minimal", run.bare, people)
    _minimal(run, "minimal_behind", run.behind, people)
    _join_and_book(run, people, [event_with(len(people))], "")
    for name in ("joins", "books"):
        run.figures |= {
            f"{name}_of_{against}": run.figures[name] / run.figures[against]
            for against in ("minimal", "minimal_behind")
        }
    _join_and_book(run, people, [event_with(len(people)) for _ in range(EVENTS)], "_spread")


def _minimal(run: Run, name: str, topology: Topology, people: Sequence[Person]) -> None:
    """Measure the minimal view on these servers."""
    run.require(run.cost(name, topology, [person.does(("write", "/write/")) for person in people] * AGAIN))


def _join_and_book(run: Run, people: Sequence[Person], events: Sequence[Event], suffix: str) -> None:
    where = {person.pk: (person, events[n % len(events)].pk) for n, person in enumerate(people)}
    joins = run.cost(f"joins{suffix}", run.site, [person.joins(event) for person, event in where.values()])
    there = [where[answer.user] for answer in joins if answer.status == DONE]
    books = run.cost(f"books{suffix}", run.site, [person.books(event) for person, event in there])
    run.judge(events, [*joins, *books])
