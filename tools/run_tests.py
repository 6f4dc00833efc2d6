"""Run the suite on PostgreSQL and Redis where they answer, and on SQLite; say what was left out.

Tests in a browser that are about the page, whatever database is behind it (`@tag("face")`), are played once: in
production's place, or on SQLite where there is no other. With `REQUIRE_SERVICES=1` whatever was left out for want of a
service is a failure. Arguments go to `manage.py test`.

A real browser, its server and a second process share a machine that may be busy: up to three failing tests of
`test_browser_*` are played once more, alone, and named at the end if they pass then. Any other test, a race above
all, has one chance.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import redis

from tools.counting import Outcome

POSTGRESQL = os.environ.get("TEST_DATABASE_URL") or "postgres://postgres@127.0.0.1:5432/postgres"
REDIS = os.environ.get("TEST_REDIS_URL") or "redis://127.0.0.1:6379/0"
OF_BROWSERS = "core.tests.test_browser_"
MOST_UNSTEADY = 3  # more of them are no accident
MOST_SECONDS = 40 * 60  # for one run: three times what it takes here, and twice of it still ends before CI is ended
# Where there is room, SQLite writes there: each commit of the suite would wait for a disk.
MEMORY = Path("/dev/shm")  # nosec B108 -- a folder of its own is made in it
ROOM = 1 << 30  # bytes; three databases take a tenth of it, and the browsers want theirs
LOCK = 20_260_101  # any number: two suites on one server would drop each other's database
# What a developer's .env may say otherwise; the suite expects the defaults of development.
DEVELOPMENT = {"DEBUG": "on", "HTTPS": "off", "EMAIL_URL": "", "GOOGLE_CLIENT_ID": "", "TIME_ZONE": "UTC"}


@contextmanager
def services() -> Iterator[str]:
    """Keep the services to ourselves; yield an empty string, or the sentence that says what is missing."""
    try:
        redis.Redis.from_url(REDIS, socket_timeout=3).ping()
        lock = psycopg.connect(POSTGRESQL, connect_timeout=3, autocommit=True)
    except (redis.RedisError, psycopg.OperationalError) as error:
        yield f"needs PostgreSQL and Redis ({str(error).splitlines()[0].rstrip('.')})"
        return
    with lock:
        if lock.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone() != (True,):
            print("Another test run uses this PostgreSQL; waiting for it to end.", flush=True)
            lock.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        yield ""


def run_suite(title: str, arguments: list[str], database_url: str, redis_url: str) -> Outcome:
    """Run the suite on one database and channel layer, and again, alone, what a busy machine may have upset."""
    outcome = _play(title, ["--parallel", "2", *arguments], database_url, redis_url)
    failed = outcome["failed"]
    if not 0 < len(failed) <= MOST_UNSTEADY or not all(name.startswith(OF_BROWSERS) for name in failed):
        return outcome
    again = _play(f"{title} once more, alone: {', '.join(failed)}", [*failed], database_url, redis_url)
    return {
        "passed": outcome["passed"] + again["passed"],
        "failed": again["failed"],
        "skipped": outcome["skipped"] | again["skipped"],
        # A run that broke off, in which none passed, tells nothing of each.
        "unsteady": [name for name in failed if again["passed"] and name not in again["failed"]],
    }


def _play(title: str, arguments: list[str], database_url: str, redis_url: str) -> Outcome:
    """Run `manage.py test` once; a run that broke off counts as one failure."""
    print(f"\n{title}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "outcome.json")
        environment = DEVELOPMENT | {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "TEST_OUTCOME": str(file),
        }
        command = [sys.executable, "manage.py", "test", "--noinput", *arguments]
        try:
            done = subprocess.run(command, env=os.environ | environment, check=False, timeout=MOST_SECONDS)
            ended = f"with exit code {done.returncode}"
        except subprocess.TimeoutExpired:  # a process of its own that died leaves it waiting for good
            ended = f"after {MOST_SECONDS // 60} minutes"
        if not file.exists():
            return {"passed": 0, "failed": {title.rstrip(":"): f"broke off {ended}"}, "skipped": {}, "unsteady": []}
        outcome: Outcome = json.loads(file.read_text())
    return outcome


def left_out(fullest: Outcome) -> list[str]:
    """Return the reasons of tests that the fullest run did not carry out because something is missing."""
    return sorted({reason for reason in fullest["skipped"].values() if reason.startswith("needs ")})


def _fast_folder() -> str | None:
    return str(MEMORY) if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM else None


def main() -> None:
    """Run, add up, and exit with 1 when anything failed or was left out though it was required."""
    arguments = sys.argv[1:]
    with services() as missing, tempfile.TemporaryDirectory(dir=_fast_folder()) as folder:
        but = [] if missing else ["--exclude-tag", "face"]
        outcomes = [run_suite("On SQLite, in one process:", [*arguments, *but], f"sqlite:///{folder}/db.sqlite3", "")]
        if not missing:
            outcomes.append(run_suite("On PostgreSQL and Redis:", arguments, POSTGRESQL, REDIS))
    reasons = [*left_out(outcomes[-1]), *filter(None, [missing])]
    if reasons:
        print(f"\nLeft out: {'; '.join(reasons)}.")
    if unsteady := [name for outcome in outcomes for name in outcome["unsteady"]]:
        print(f"\nPassed only alone, at the second try: {', '.join(unsteady)}.")
    for where, outcome in zip(("SQLite", "PostgreSQL"), outcomes, strict=False):  # last, as what is above may be cut
        for name, reason in outcome["failed"].items():
            print(f"Failed on {where}: {name}: {reason}")
    failed = sum(len(outcome["failed"]) for outcome in outcomes)
    passed = sum(outcome["passed"] for outcome in outcomes)
    skipped = sum(len(outcome["skipped"]) for outcome in outcomes)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    required = os.environ.get("REQUIRE_SERVICES") == "1"
    sys.exit(1 if failed or (required and reasons) else 0)


if __name__ == "__main__":
    main()
