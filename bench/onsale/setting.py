"""Where the scenarios play: the project's site, and the minimal view beside it on servers of the same kind."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from bench.crowd import BOOK, logged_in
from bench.load import Load
from bench.onsale.run import Run, event_with
from bench.stage import make_people
from bench.topology import running

WARMING = 32  # people, on connections of their own
AGAIN = 4  # times that each asks the minimal view, which is quicker


def prepare() -> None:
    """Make the minimal view's table, and somebody who organizes."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_minimal (id bigserial PRIMARY KEY, number integer NOT NULL)")
    make_people(1)


@contextmanager
def site_of(spec: str, load: Load, *, quick: bool) -> Iterator[Run]:
    """Run a site by a spec, and the minimal view twice, without sockets: bare, and behind the project's middleware."""
    http = spec.partition("+")[0]
    with (
        running(spec) as site,
        running(http, app="bench.minimal", settings="bench.minimal.bare") as bare,
        running(http, app="bench.minimal", settings="bench.minimal.behind") as behind,
    ):
        run = Run(site, bare, behind, load, quick)
        _warm(run)
        yield run


def _warm(run: Run) -> None:
    """Let every process import and connect first: the first second of one cost four times what the others do."""
    people = logged_in(WARMING)
    event = event_with(WARMING)
    run.ask([person.joins(event.pk, ("book", BOOK.format(event.pk))) for person in people])
    run.ask([person.sees("page", "/dashboard/") for person in people])
    for topology in (run.bare, run.behind):
        visits = [person.does(("write", "/write/")) for person in people] * AGAIN
        run.load.play(topology.http, visits, connections=WARMING)
    run.retire([event.pk])
