"""F27: a backup in the middle of a sale, restored into another database, where its tickets scan."""

import datetime as dt
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench.crowd import strangers
from bench.faults import crowd
from bench.faults.report import Report
from bench.faults.scenes import site_of
from bench.stage import make_event
from bench.visits import DONE, Answer
from core import allocation
from core.models import Event, Ticket
from core.trust.backups import MANIFEST
from tools.servers import SOCKETS

SOLD, FEW = 100_000, 2_000  # tickets; when quick
FOR_SALE = 5_000  # tickets of which the crowd books what it can meanwhile
BATCH = 500
LONGEST = 15 * 60  # seconds that a restore may take
ROOT = Path(__file__).resolve().parent.parent.parent
SCAN = """
from core import checkin
from core.models import Event
event = Event.objects.get(pk={event})
print(checkin.scan(code={code!r}, event=event, staff=event.created_by).outcome)
"""


def played(report: Report, quick: bool) -> None:
    """Sell many tickets; back up while a crowd books; restore, and scan one of the tickets."""
    sold = FEW if quick else SOLD
    report.provoked = f"a backup while people book, with {sold:,} tickets sold, and its restore."
    with site_of(SOCKETS) as running:
        event, large = crowd.scene(FOR_SALE), make_event(sold)
        people = [person.pk for person in strangers(sold)]
        for at in range(0, sold, BATCH):
            allocation.book_all(event_id=large.pk, user_ids=people[at : at + BATCH])
        file = running.folder / "backup.tar.gz"
        with crowd.selling(running, crowd.buyers(event, FOR_SALE), until_end=True) as answers:
            time.sleep(0.5)
            took = _manage(report, "backup", str(file), **running.database)
            ended = time.time()
        crowd.check(report, event, answers.result())
        meanwhile = _booked(answers.result(), _began(file), ended)
        report.control = f"{meanwhile} tickets were asked for and booked between the backup's beginning and its end."
        report.expect(meanwhile > 0, "nobody booked while the backup was made")
        with _empty_database() as url:
            images = str(running.folder / "images")
            restored = _manage(report, "restore", str(file), DATABASE_URL=url, MEDIA_ROOT=images)
            report.note(f"{file.stat().st_size >> 20} MiB in {took:.1f} s; restored and checked in {restored:.1f} s")
            report.expect(restored <= LONGEST, f"the restore took {restored:.0f} s")
            _scan(report, large, url)


def _began(backup: Path) -> float:
    """Return when a backup began to read the database, as it says itself."""
    with tarfile.open(backup) as tar:
        manifest = tar.extractfile(MANIFEST)
        assert manifest is not None
        return dt.datetime.fromisoformat(json.load(manifest)["made_at"]).timestamp()


def _booked(answers: Sequence[Answer], since: float, until: float) -> int:
    """Return how many bookings were asked for and answered in a time."""
    return sum(a.kind == "book" and a.status == DONE and since < a.sent and a.answered < until for a in answers)


def _manage(report: Report, *arguments: str, says: str = "", **environment: str) -> float:
    """Run a command, which must succeed, and say something; return how many seconds it took."""
    command, began = [sys.executable, "manage.py", *arguments], time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)
    is_good = done.returncode == 0 and says in done.stdout
    report.expect(is_good, f"{arguments[0]} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return time.monotonic() - began


@contextmanager
def _empty_database() -> Iterator[str]:
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bench_restored")
        connection.execute("CREATE DATABASE bench_restored")
        try:
            yield f"{url.rpartition('/')[0]}/bench_restored"
        finally:
            connection.execute("DROP DATABASE bench_restored WITH (FORCE)")


def _scan(report: Report, event: Event, url: str) -> None:
    """Expect that a code that was sold before the backup is admitted in the restored database."""
    code = Ticket.objects.filter(event=event).earliest("pk").code
    _manage(report, "shell", "-c", SCAN.format(event=event.pk, code=code), says="admitted", DATABASE_URL=url)
