"""What every benchmark needs: a database to throw away, processes that use it, and a table to print."""

import json
import math
import multiprocessing
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, TypeVar

import django
import psycopg
from django.core.management import call_command
from django.db import connections
from django.utils.module_loading import import_string
from psycopg import sql

from tools.run_tests import POSTGRESQL

T = TypeVar("T")
RESULTS = Path(__file__).parent / "results"
PATIENCE = 120  # seconds in which all processes must have started
# Not DEBUG: Django would keep every query. No Redis: these benchmarks are about the allocation, not the pages.
PRODUCTION = {"DEBUG": "off", "HTTPS": "off", "REDIS_URL": "", "EMAIL_URL": "", "TIME_ZONE": "UTC", "TIERS": ""}
Figures = list[tuple[object, ...]]  # the rows of a table
_barrier: Barrier | None = None  # where the processes of `processes` meet


@dataclass
class Outcome:
    """What a benchmark found: its tables by title, and by check what was not as promised."""

    tables: dict[str, Figures]
    violations: dict[str, list[str]]


@contextmanager
def throwaway(server: str = POSTGRESQL, *, sqlite: bool = False) -> Iterator[None]:
    """Make a database, migrate it and let Django use it; drop it at the end, whatever happened."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Terminated."))  # so that `finally` is heard
    with _sqlite() if sqlite else _postgresql(server) as url:
        os.environ |= PRODUCTION | {
            "DATABASE_URL": url,
            "MEDIA_ROOT": f"{tempfile.gettempdir()}/bench-media",  # where a cleanup may remove what no event here has
            "DJANGO_SETTINGS_MODULE": "event_ticketing.settings",
            "SECRET_KEY": secrets.token_urlsafe(48),
        }
        django.setup()
        call_command("migrate", verbosity=0)
        try:
            yield
        finally:
            connections.close_all()


@contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/bench.sqlite3"


@contextmanager
def _postgresql(server: str) -> Iterator[str]:
    if not server.startswith(("postgres://", "postgresql://")):
        sys.exit(f"This needs a PostgreSQL server, and {server.partition(':')[0]!r} is none: try {POSTGRESQL}.")
    name = sql.Identifier(f"bench_{os.getpid()}")
    _tell(server, sql.SQL("CREATE DATABASE {}").format(name))
    try:
        yield f"{server.rpartition('/')[0]}/bench_{os.getpid()}"
    finally:
        _tell(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        _tell(server, sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(f"bench_{os.getpid()}_app")))  # of a site


def _tell(server: str, statement: sql.Composed) -> None:
    """Tell a server something, over a connection of its own: one that was kept would not outlive a restart."""
    try:
        with psycopg.connect(server, connect_timeout=3, autocommit=True) as connection:
            connection.execute(statement)
    except psycopg.OperationalError as error:
        sys.exit(f"PostgreSQL does not answer: {str(error).splitlines()[0]}")


@contextmanager
def processes(count: int, prepare: str, *arguments: Any) -> Iterator[ProcessPoolExecutor]:
    """Yield an executor of `count` processes that use the same database; each calls what `prepare` names first."""
    context = multiprocessing.get_context("spawn")  # as web servers start theirs; a fork would share connections
    with ProcessPoolExecutor(count, context, _start, (context.Barrier(count), prepare, *arguments)) as executor:
        try:
            yield executor
        except BaseException:  # Ctrl-C too: nobody waits for what is left of a long story
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def in_each(executor: ProcessPoolExecutor, function: Callable[..., T], arguments: Iterable[tuple[Any, ...]]) -> list[T]:
    """Call a function once in each process, at one moment, each with arguments of its own; return the results."""
    return [future.result() for future in [executor.submit(_in_step, function, *own) for own in arguments]]


def _start(barrier: Barrier, prepare: str, *arguments: Any) -> None:
    global _barrier  # noqa: PLW0603 -- one per process
    _barrier = barrier
    django.setup()
    import_string(prepare)(*arguments)  # by its name: to unpickle a function imports models, for which it was too early


def _in_step(function: Callable[..., T], *arguments: Any) -> T:
    """Wait for all processes, so that no process can take two turns; then call."""
    if _barrier is not None:
        _barrier.wait(PATIENCE)
    return function(*arguments)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that so many percent of the values do not exceed (nearest rank); NaN when there are none."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)] if ranked else math.nan


def print_table(title: str, rows: Figures) -> None:
    """Print rows below a title, in columns: the first one to the left, figures to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[n]) for row in cells if n < len(row)) for n in range(max(map(len, cells), default=0))]
    print(f"\n{title}")
    for first, *others in cells:
        columns = [
            first.ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=False)),
        ]
        print(f"  {'  '.join(columns)}".rstrip())
    sys.stdout.flush()


def save(name: str, outcome: dict[str, Any]) -> None:
    """Keep what a run found as bench/results/<name>.json, in place of what the last one found."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(outcome, indent=2, default=str) + "\n")
