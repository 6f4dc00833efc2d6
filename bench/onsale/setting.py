"""Where the scenarios play: the project's site, and the minimal view beside it on servers of the same kind."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from bench.load import Load
from bench.onsale.run import Run
from bench.stage import make_people
from bench.topology import running


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
        yield Run(site, bare, behind, load, quick)
