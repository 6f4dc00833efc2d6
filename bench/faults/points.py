"""Where a web process is to fail: what `bench.faults.failing` is told, and what it tells."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.faults.probe import rows, seconds_until
from bench.faults.site import Process, Site

FAILING = "bench.faults.failing"
FORKED = "bench.faults.forked"
REACHED_IN = 5.0  # seconds, after which nobody gets to a point
PAUSE = 0.005


@dataclass(frozen=True)
class Failed:
    """Who failed: the process, the one that forked it, and its connection's process in the database."""

    pid: int
    parent: int
    backend: int

    def send(self, sort: signal.Signals) -> None:
        """Send the process a signal, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, sort)

    def others(self, site: Site) -> list[Process]:
        """Return the processes of a site that did not fail."""
        return [process for process in site.web if process.pid not in {self.pid, self.parent}]

    def seconds_in_database(self, url: str, patience: float) -> float:
        """Return how long the database has its transaction, and so the lock, from now on; infinity: longer."""
        asked = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
        return seconds_until(lambda: rows(url, asked, self.backend) == [(0,)], patience, PAUSE)


class Point:
    """A file that says where the next process is to fail."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "point"

    @property
    def settings(self) -> dict[str, Any]:
        """What a web process needs in its environment to heed it."""
        return {"DJANGO_SETTINGS_MODULE": FAILING, "FAULTS_POINT": str(self._file)}

    def fail(self, after: int | str, sort: signal.Signals) -> Failed | None:
        """Let the next process fail there, and return who did; None if nobody got there."""
        told, who = self._file.with_suffix(".told"), self._file.with_suffix(".who")
        told.write_text(json.dumps({"after": after, "signal": sort.name}))
        told.rename(self._file)
        if seconds_until(who.exists, REACHED_IN, PAUSE) == float("inf"):
            with contextlib.suppress(FileNotFoundError):
                self._file.unlink()
                return None
            seconds_until(who.exists, REACHED_IN, PAUSE)
        failed = Failed(**json.loads(who.read_text()))
        who.unlink()
        return failed


@contextmanager
def failpoint() -> Iterator[Point]:
    """Yield a point that nobody fails at yet."""
    with TemporaryDirectory(prefix="faults-") as name:
        yield Point(Path(name))
