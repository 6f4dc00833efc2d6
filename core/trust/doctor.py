"""What is broken here, and how to mend it: every part that a box office needs, looked at in turn."""

import datetime as dt
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import django
from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.mail import get_connection
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.crypto import get_random_string
from post_office.models import Email

from .. import audit, cleanup, relay
from ..cache import is_away
from ..mail_rows import GIVEN_UP, WAITING
from ..models import Ticket
from ..now import now
from ..push import keys
from . import runs
from .causes import cause_of

CLOCK_SILENCE = dt.timedelta(seconds=90)
LATELY = dt.timedelta(hours=24)
MAIL_PATIENCE = dt.timedelta(minutes=15)  # that a mail may wait, and that nothing is done about any
SKEW = dt.timedelta(seconds=2)  # between this machine's clock and the database's
LEAST_ROOM = 200 * 2**20  # bytes free where images are stored

OK, WARNING, BROKEN = "ok", "warning", "BROKEN"


@dataclass(frozen=True)
class Finding:
    """What was found about one part, and what to do about it if it is not ok."""

    part: str
    state: str
    said: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.state:8} {self.part}: {self.said}" + (f"\n{'':9}-> {self.remedy}" if self.remedy else "")


Findings = Iterator[Finding]


def examine() -> list[Finding]:
    """Look at every part; a part that cannot be looked at is broken, and the next one is looked at all the same."""
    found: list[Finding] = []
    for part, look in PARTS.items():
        try:
            found += look()
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is what is broken
            found.append(_not_looked_at(part, error, {one.part for one in found if one.state == BROKEN}))
    return found


def _not_looked_at(part: str, error: Exception, broken: set[str]) -> Finding:
    """Return why there was no looking at a part: one cause is broken once, and whatever hangs on it is not known."""
    cause = cause_of(error)
    if cause is None:
        return Finding(part, BROKEN, _first_line(error), REMEDIES.get(part, ""))
    if cause.part in broken:
        return Finding(part, WARNING, "It was not looked at.", f"The {cause.part} above must be mended first.")
    return Finding(part, BROKEN, cause.said, cause.remedy)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0] or type(error).__name__


def _version() -> Findings:
    runs_on = f"Python {platform.python_version()}, Django {django.get_version()}"
    newest = max(name for app, name in MigrationLoader(None).disk_migrations if app == "core")
    yield Finding("version", OK, f"{runs_on}, tables as of {newest}")


def _settings() -> Findings:
    if settings.DEBUG:
        yield Finding("settings", WARNING, "DEBUG is on.", "For a public site, take DEBUG out of .env.")
    elif not settings.HTTPS:
        said = "HTTPS is off: passwords travel in the clear, and behind a proxy all visitors count as one address."
        yield Finding("settings", WARNING, said, "Set HTTPS=on.")
    else:
        yield Finding("settings", OK, f"for {', '.join(settings.ALLOWED_HOSTS)}, by HTTPS")
    if not settings.TICKET_SIGNING_KEYS and not settings.DEBUG:
        yield Finding(
            "signing keys",
            WARNING,
            "Codes of tickets are signed by SECRET_KEY.",
            "Set TICKET_SIGNING_KEYS before the first sale, so that their signatures outlive a change of that key.",
        )


def _database() -> Findings:
    with connection.cursor() as cursor:
        version = "sqlite_version()" if connection.vendor == "sqlite" else "current_setting('server_version')"
        cursor.execute(f"SELECT {version}")
        yield Finding("database", OK, f"{connection.display_name} {cursor.fetchone()[0].split()[0]}")
        if connection.vendor == "postgresql":
            cursor.execute("SHOW transaction_isolation")
            level = cursor.fetchone()[0]
            if level != "read committed":
                yield Finding(
                    "isolation", BROKEN, f"It is {level}.", "Whoever waits for a lock would oversell: mend it."
                )


def _tables() -> Findings:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        yield Finding("tables", BROKEN, f"Migrations to run: {len(pending)}.", "Run `manage.py migrate`.")
    else:
        yield Finding("tables", OK, "all migrations have run")
    skew = abs(now() - timezone.now())
    if skew > SKEW:
        yield Finding(
            "time", WARNING, f"The database's clock differs by {skew.total_seconds():.0f} s.", "Run NTP on both."
        )


# What the role is called; whether it may act as who owns the database or a table, make a table, empty one or give it a
# trigger; and how many tables it may not read or write.
ROLE = """
SELECT current_user,
  (SELECT pg_has_role(current_user, datdba, 'MEMBER') FROM pg_database WHERE datname = current_database())
  OR has_schema_privilege(current_schema(), 'CREATE')
  OR coalesce(bool_or(pg_has_role(current_user, tableowner, 'MEMBER')), false)
  OR coalesce(bool_or(has_table_privilege(name, 'TRUNCATE, TRIGGER')), false),
  count(*) FILTER (WHERE NOT (
    has_table_privilege(name, 'SELECT') AND has_table_privilege(name, 'INSERT')
    AND has_table_privilege(name, 'UPDATE') AND has_table_privilege(name, 'DELETE')
  ))
FROM (SELECT *, format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = current_schema()) there
"""
ROLES = "docs/operations.md, Roles of PostgreSQL."


def _role() -> Findings:
    """Whoever serves PostgreSQL and may do more than that could switch off what guards the ledger and the trail."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(ROLE)
        role, is_mighty, lacks = cursor.fetchone()
    if lacks:
        yield Finding(
            "role",
            BROKEN,
            f"{role} may not read and write {lacks} of the tables.",
            f"Run deploy/roles.sql again: {ROLES}",
        )
    elif is_mighty:
        said = f"{role} owns the tables, or could change them, and what guards the ledger and the trail."
        yield Finding("role", WARNING, said, f"Serve by a role that cannot: {ROLES}")
    else:
        yield Finding("role", OK, f"{role} reads and writes, and owns nothing")


def _numbers() -> Findings:
    differences = audit.differences()
    for difference in differences:
        yield Finding(
            "numbers", BROKEN, str(difference), "Somebody wrote to the database by hand: see `audit_capacity`."
        )
    if not differences:
        yield Finding("numbers", OK, "rows and counters of every event agree")


def _cache() -> Findings:
    key, value = f"doctor-{get_random_string(12)}", get_random_string(12)
    cache.set(key, value, 10)
    if cache.get(key) != value:
        yield Finding("cache", BROKEN, "It does not give back what it was given.", "Is Redis full, or read-only?")
    elif not settings.REDIS_URL:
        yield Finding("cache", OK, "in the memory of the process")
    elif is_away():
        yield Finding(
            "cache", BROKEN, "Redis does not answer.", "Start it, or correct REDIS_URL. Login limits are per process."
        )
    else:
        yield Finding("cache", OK, "Redis")
    cache.delete(key)


def _channel_layer() -> Findings:
    if relay.shared_layer() is None:
        yield Finding("channel layer", OK, "in memory: exactly one web process may run")
    elif async_to_sync(relay.echoes)():
        yield Finding("channel layer", OK, "Redis carries messages between processes")
    else:
        yield Finding(
            "channel layer",
            BROKEN,
            "Redis carries no messages.",
            "Start it, or correct REDIS_URL. Pages are up to 10 s late.",
        )


def _mail() -> Findings:
    backend = settings.POST_OFFICE["BACKENDS"]["default"]
    if "smtp" not in backend:
        state = WARNING if settings.DEBUG else BROKEN
        yield Finding("mail", state, "Mails are printed, and reach nobody.", "Set EMAIL_URL to a mail server.")
    else:
        with get_connection(backend):
            yield Finding("mail", OK, f"{settings.EMAIL_HOST} takes mail")


def _queue() -> Findings:
    moment = timezone.now()
    waits = Email.objects.filter(WAITING)
    # However soon it is tried again: one that fails for days is never late for its next try.
    late = waits.filter(created__lte=moment - MAIL_PATIENCE).aggregate(
        all=Count("pk"), tried=Count("pk", filter=Q(number_of_retries__gte=1))
    )
    unwritten = Ticket.objects.valid().filter(mailed_at=None, booked_at__lte=moment - MAIL_PATIENCE).count()
    if late["all"] or unwritten:
        said = f"Waiting for more than 15 minutes: {late['all']}, of which {late['tried']} were tried and not taken"
        said += f"; confirmations not written yet: {unwritten}." if unwritten else "."
        remedy = (
            "Does a web process for sockets run? Does the mail server answer, and take mail from DEFAULT_FROM_EMAIL?"
            " The log has the reason of each try."
        )
        yield Finding("queue of mail", BROKEN, said, remedy)
    else:
        yield Finding("queue of mail", OK, f"{waits.count()} waiting")
    given_up = Email.objects.filter(GIVEN_UP, last_updated__gt=moment - LATELY).count()
    if given_up:
        yield Finding(
            "mail given up",
            WARNING,
            f"In the last 24 hours: {given_up}.",
            "The admin's Emails says why of each: addresses that take no mail, or a sender that is refused.",
        )


def _push() -> Findings:
    if keys.is_on():
        yield Finding("push", OK, f"on; push services write to {keys.subject()}, the key is {keys.public_key()[:8]}…")
    else:
        yield Finding("push", OK, "off; `manage.py push_key` makes a key for VAPID_PRIVATE_KEY")


def _clock() -> Findings:
    yield from _runs(
        "clock", runs.Work.CLOCK, CLOCK_SILENCE, "Start a web process that serves sockets: it has the clock."
    )


def _mail_worker() -> Findings:
    remedy = "Start a web process that serves sockets: it sends the mail. If one runs, its log says what fails."
    yield from _runs("mail worker", runs.Work.MAIL, MAIL_PATIENCE, remedy)


def _cron() -> Findings:
    remedy = (
        "Add the cron line of docs/operations.md, or run `cleanup_expired_holds --watch`. If it is there: look at its"
        " log."
    )
    yield from _runs("cron", runs.Work.CLEANUP, cleanup.OVERDUE, remedy)


def _runs(part: str, work: runs.Work, longest: dt.timedelta, remedy: str) -> Findings:
    silence = runs.silence_of(work, now())
    state = WARNING if settings.DEBUG else BROKEN
    if silence is None:
        yield Finding(part, state, "It has never run.", remedy)
    elif silence > longest:
        yield Finding(part, state, f"It last ran {in_words(silence)} ago.", remedy)
    else:
        yield Finding(part, OK, f"it ran {in_words(silence)} ago")


def in_words(time: dt.timedelta) -> str:
    """Return a length of time in its largest unit."""
    seconds = max(0, round(time.total_seconds()))
    minutes, hours = seconds // 60, seconds // 3600
    return f"{hours} h" if hours else f"{minutes} min" if minutes else f"{seconds} s"


def _static_files() -> Findings:
    if settings.DEBUG or (Path(settings.STATIC_ROOT) / "staticfiles.json").exists():
        yield Finding(
            "static files", OK, "served from their sources" if settings.DEBUG else "collected, with far-future names"
        )
    else:
        yield Finding(
            "static files",
            WARNING,
            "They were not collected: browsers keep none of them.",
            "Run `manage.py collectstatic`.",
        )


def _media() -> Findings:
    name = default_storage.save(f"doctor-{get_random_string(8)}", ContentFile(b"written by doctor"))
    default_storage.delete(name)
    room = shutil.disk_usage(settings.MEDIA_ROOT).free
    if room < LEAST_ROOM:
        yield Finding("files", WARNING, f"{room >> 20} MiB are free in {settings.MEDIA_ROOT}.", "Make room.")
    else:
        yield Finding("files", OK, f"{settings.MEDIA_ROOT} takes images; {room >> 30} GiB are free")
    if not os.access(tempfile.gettempdir(), os.W_OK):
        yield Finding("temporary files", BROKEN, f"{tempfile.gettempdir()} cannot be written.", "PDFs need it.")


REMEDIES = {
    "mail": "Start the mail server, or correct EMAIL_URL. Mails wait as rows, and go out once it answers.",
    "channel layer": "Start Redis, or correct REDIS_URL.",
    "files": "Let the user of the processes write to MEDIA_ROOT, and make room there.",
}  # where to look was not possible
PARTS: dict[str, Callable[[], Findings]] = {
    "version": _version,
    "settings": _settings,
    "database": _database,
    "role": _role,
    "tables": _tables,
    "numbers": _numbers,
    "cache": _cache,
    "channel layer": _channel_layer,
    "mail": _mail,
    "queue of mail": _queue,
    "mail worker": _mail_worker,
    "push": _push,
    "clock": _clock,
    "cron": _cron,
    "static files": _static_files,
    "files": _media,
}
