"""The one cron line: `*/5 * * * * manage.py cleanup_expired_holds`; or `--watch`, as a service."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandParser
from django.db import connections

from core import cleanup
from core.management.base import DatabaseCommand
from core.trust.causes import cause_of

logger = logging.getLogger(__name__)

EVERY = 60  # seconds, with --watch
TALKATIVE = 2  # Django's own --verbosity from which it is as --verbose


class Command(DatabaseCommand):
    """Serve what is due, end what was left behind, prune old rows."""

    help = "Serves events that are due, ends lapsed holds and abandoned places, prunes old logins, places and sessions."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("--verbose", action="store_true", help="Print every count.")
        parser.add_argument("--dry-run", action="store_true", help="Only count what there is to do; write nothing.")
        parser.add_argument("--watch", action="store_true", help=f"Repeat every {EVERY} seconds until interrupted.")

    def handle(self, **options: Any) -> None:
        """Run once, or until interrupted."""
        run = cleanup.count if options["dry_run"] else cleanup.clean
        tell_all = options["verbose"] or options["verbosity"] >= TALKATIVE
        if not options["watch"]:
            self._report(run(), dry_run=options["dry_run"], tell_all=tell_all)
            return
        with _interruptible() as interrupted:
            while not interrupted.is_set():
                try:
                    self._report(run(), dry_run=options["dry_run"], tell_all=tell_all)
                except Exception as error:
                    cause = cause_of(error)
                    logger.error(  # noqa: TRY400 -- its trace says nothing that the cause does not
                        "the cleanup failed; it tries again in %s seconds%s",
                        EVERY,
                        f": {cause}" if cause else "",
                        exc_info=None if cause else error,
                    )
                connections.close_all()
                interrupted.wait(EVERY)

    def _report(self, counts: cleanup.Counts, *, dry_run: bool, tell_all: bool) -> None:
        """Print the counts: all of them, or what is not zero on one line, or nothing where nothing was done."""
        if tell_all:
            for name, number in counts.items():
                self.stdout.write(f"{name}: {number}")
            return
        done = ", ".join(f"{name}: {number}" for name, number in counts.items() if number)
        if dry_run:
            self.stdout.write(f"Would do: {done or 'nothing'}")
        elif done:
            self.stdout.write(done)


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Yield what SIGINT and SIGTERM set, so that they end the loop between two runs and not inside one."""
    interrupted = threading.Event()
    before = {sort: signal.signal(sort, lambda *_: interrupted.set()) for sort in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupted
    finally:
        for sort, handler in before.items():
            signal.signal(sort, handler)
