"""An upgrade under load: people book by the former release's code while this one migrates, and by this one after.

    python -m bench.upgrade --before 4c0b29d [--seconds 20] [--server postgres://...]

It needs the history of this repository (a worktree of the former release) and PostgreSQL. Exit code 1: somebody was
refused, waited for more than five seconds, or a number differs from its rows.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.common import PRODUCTION, _postgresql
from tools.run_tests import POSTGRESQL

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 5.0  # seconds that a booking may take
PEOPLE = 4000
# Run by either release: people book, one after the other in six threads, until a file is there.
LOAD = """
import sys, threading, time
from pathlib import Path
import django
django.setup()
from django.db import connections
from core import allocation
from core.models import Event, User
from core.tests.cast import make_event, make_people
event = Event.objects.first() or make_event(capacity=100_000, auto_hold=False)
people = list(User.objects.filter(tickets=None, username__startswith="person").order_by("pk")) or make_people(PEOPLE)
until, waits, failed = Path(sys.argv[1]), [], []
def book(mine):
    for person in mine:
        if until.exists():
            break
        began = time.monotonic()
        try:
            allocation.book(event_id=event.pk, user=person)
        except Exception as error:
            failed.append(repr(error))
        waits.append(time.monotonic() - began)
    connections.close_all()
connections.close_all()
threads = [threading.Thread(target=book, args=(people[n::6],)) for n in range(6)]  # a pool has eight connections
print("books", flush=True)
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(waits), len(failed), round(max(waits), 2), *failed[:3], flush=True)
""".replace("PEOPLE", str(PEOPLE))


class Load:
    """People who book by the code in a folder, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._stop = Path(tempfile.mkdtemp()) / "stop"
        command = [sys.executable, "-c", LOAD, str(self._stop)]
        environment = os.environ | {"PYTHONPATH": str(folder)}
        self._process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
        if self._process.stdout is None or self._process.stdout.readline().strip() != "books":
            sys.exit("Nobody could book by the code of this release.")

    def end(self) -> tuple[int, int, float, str]:
        """Stop; return how many booked, how many failed, how long the longest took, and what was said."""
        self._stop.touch()
        said, _ = self._process.communicate()
        count, failed, longest, *errors = said.split(maxsplit=3)
        return int(count), int(failed), float(longest), " ".join(errors)


def play(before: Path, seconds: float) -> bool:
    """Upgrade from one folder's release to this one while people book; return whether all went well."""
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=before, check=True)
    load = Load(before)
    time.sleep(seconds / 4)
    began = time.monotonic()
    migrated = subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, check=False).returncode == 0
    print(f"migrated in {time.monotonic() - began:.1f} s, while people booked")
    time.sleep(seconds / 4)
    results = [load.end()]
    load = Load(ROOT)
    time.sleep(seconds / 2)
    results.append(load.end())
    for name, (count, failed, longest, errors) in zip(("former", "this"), results, strict=True):
        print(f"{name} release: {count} booked, {failed} failed, the longest took {longest} s {errors}")
    audited = subprocess.run([sys.executable, "manage.py", "audit_capacity"], cwd=ROOT, check=False).returncode == 0
    return (
        migrated
        and audited
        and all(count and not failed and longest < LONGEST for count, failed, longest, _ in results)
    )


def main() -> None:
    """Make a database and a worktree, and play."""
    parser = argparse.ArgumentParser(description="Upgrade while people book.")
    parser.add_argument("--before", required=True, help="a commit of the former release")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--server", default=POSTGRESQL)
    options = parser.parse_args()
    with _postgresql(options.server) as url, tempfile.TemporaryDirectory() as folder:
        own = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "event_ticketing.settings", "SECRET_KEY": "k" * 60}
        os.environ.update(PRODUCTION | own)
        tree = Path(folder, "before")
        subprocess.run(["git", "worktree", "add", "--detach", str(tree), options.before], cwd=ROOT, check=True)
        try:
            sys.exit(0 if play(tree, options.seconds) else 1)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, check=False)


if __name__ == "__main__":
    main()
