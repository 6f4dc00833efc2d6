"""Backups of everything but the settings, made while it sells; and restoring one, with a check.

A backup is a tar file: `manifest.json`, the database (`database.dump` of pg_dump, or `database.sqlite3`), and
`media/`. The manifest tells what the database has at the moment of the backup: the number of rows of each table, the
last seal of each event's ledger, and the digest of each image, so that whoever restores it sees that nothing is
missing. Keys are not in it (docs/operations.md).
"""

import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.utils import timezone

from .. import audit
from ..deadline import unlimited
from ..fairness.check import check
from ..models import Event, UserSession
from .causes import DENIED_REMEDY

FORMAT = 2
DUMPS = {"postgresql": "database.dump", "sqlite": "database.sqlite3"}
COMPRESSION = 3  # of the tar file: a dump is compressed already
MANIFEST = "manifest.json"
TABLES = {
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename",
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
}
TOLD = {"people": "core_user", "events": "core_event", "tickets": "core_ticket"}  # of the rows, when all is done


class BackupError(Exception):
    """A backup could not be made or restored; says why, and what to do."""


def back_up(target: Path) -> dict[str, Any]:
    """Write a backup to a file that does not exist yet, readable by its owner alone; return its manifest."""
    with unlimited():
        return _back_up(target)


def _back_up(target: Path) -> dict[str, Any]:
    if target.exists():
        raise BackupError(f"{target} exists already: choose another name.")
    if not target.parent.is_dir():
        raise BackupError(f"There is no folder {target.parent}.")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as name:
        folder = Path(name)
        dump, media = folder / DUMPS[connection.vendor], Path(settings.MEDIA_ROOT).resolve()  # not a link to it
        dumped = _dump_postgresql if connection.vendor == "postgresql" else _dump_sqlite
        manifest = {
            "format": FORMAT,
            "made_at": timezone.now().isoformat(),
            "database": connection.vendor,
            **dumped(dump),
            "sha256": _digest(dump),
        }
        whole = folder / "whole.tar.gz"
        with open(whole, "xb", opener=_private) as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=COMPRESSION) as tar:
                tar.add(dump, dump.name)
                manifest["images"] = _add_images(tar, media)
                (folder / MANIFEST).write_text(json.dumps(manifest, indent=2))
                tar.add(folder / MANIFEST, MANIFEST)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(whole, target)  # whole or not at all; and never over another one
        except OSError:  # a file system without links, which says EPERM (link(2)): take the name, then put it there
            with open(target, "xb", opener=_private):
                os.replace(whole, target)
    return manifest


def in_words(manifest: dict[str, Any]) -> str:
    """Return what a backup has, for whoever made or restored it."""
    rows, images = manifest["rows"], len(manifest["images"])
    told = ", ".join(f"{name}: {rows.get(table, 0)}" for name, table in TOLD.items())
    return f"{sum(rows.values())} rows of {len(rows)} tables ({told}), images: {images}."


def _add_images(tar: tarfile.TarFile, media: Path) -> dict[str, str]:
    """Add each image; return `{name: digest}` of what was added. One that goes meanwhile was replaced."""
    added = {}
    for name, path in _files(media):
        with suppress(FileNotFoundError):
            content = path.read_bytes()
            told = tarfile.TarInfo(f"media/{name}")
            told.size, told.mtime = len(content), path.stat().st_mtime
            tar.addfile(told, io.BytesIO(content))
            added[name] = hashlib.sha256(content).hexdigest()
    return added


def _files(folder: Path) -> list[tuple[str, Path]]:
    """Return `(name, path)` of each file below a folder, but for hidden ones, which are no images."""
    found = ((path.relative_to(folder), path) for path in sorted(folder.rglob("*")) if path.is_file())
    return [(str(name), path) for name, path in found if not any(part.startswith(".") for part in name.parts)]


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _contents(ask: Callable[[str], list[Any]]) -> dict[str, Any]:
    """Return the number of rows of each table, and `{event id: [last entry, its seal]}`.

    `ask` answers SQL of one state of a database. In SQL, since the copy of a SQLite database is none that Django knows,
    and a backup of an older version has tables that no model has any more.
    """
    tables = [name for (name,) in ask(TABLES[connection.vendor])]
    quoted = connection.ops.quote_name
    rows = {name: ask(f"SELECT count(*) FROM {quoted(name)}")[0][0] for name in tables}  # noqa: S608 -- the database's own names
    seals = ask("SELECT id, ledger_seq, ledger_seal FROM core_event ORDER BY id")
    return {"rows": rows, "seals": {str(pk): [seq, seal] for pk, seq, seal in seals}}


def _ask_here(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _dump_postgresql(dump: Path) -> dict[str, Any]:
    """Dump what one transaction sees, and read the same for the manifest (PostgreSQL manual, 9.28.5)."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # while pg_dump works
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SELECT pg_export_snapshot()")
        [snapshot] = cursor.fetchone()
        _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={dump}")
        return _contents(_ask_here)


def _dump_sqlite(dump: Path) -> dict[str, Any]:
    """Copy the database as SQLite does it, which waits for no writer; read the copy for the manifest."""
    name = str(connection.settings_dict["NAME"])
    with closing(sqlite3.connect(name, timeout=20)) as live, closing(sqlite3.connect(dump)) as copy:
        live.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a second one beside it
        return _contents(lambda sql: copy.execute(sql).fetchall())


def _run(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL on our database.

    Its password goes by the environment, where no list of processes has it.
    """
    if shutil.which(program) is None:
        raise BackupError(f"{program} is not installed: it comes with PostgreSQL's client (postgresql-client).")
    own = _ways_in(connection.settings_dict)
    command, own_environment = [program, *arguments], os.environ | own
    done = subprocess.run(command, env=own_environment, capture_output=True, text=True, check=False)  # noqa: S603 -- ours
    if done.returncode:
        said = done.stderr.strip().partition("\n")[0] or "no word"
        remedy = f". {DENIED_REMEDY}" if "permission denied" in said else ""
        raise BackupError(f"{program} failed: {said}{remedy}")


def _ways_in(told: dict[str, Any]) -> dict[str, str]:
    """Return how to connect, as variables of libpq: what DATABASE_URL says, `sslmode` and certificates included.

    Not `options`, which are the limits of a web process; and what has no variable of its own is left out.
    """
    from psycopg.pq import Conninfo  # noqa: PLC0415 -- psycopg is loaded only where there is PostgreSQL

    variables = {option.keyword.decode(): option.envvar.decode() for option in Conninfo.get_defaults() if option.envvar}
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
    said = told.get("OPTIONS", {}) | {name: told[key] for name, key in names.items() if told.get(key)}
    return {variables[name]: str(value) for name, value in said.items() if name in variables and name != "options"}


def restore(source: Path) -> dict[str, Any]:
    """Put a backup into the database that DATABASE_URL names, which must be empty, and check it; return its manifest.

    Everybody is signed out then; places in line and holds are as they were.

    Raises BackupError before anything is written where the file is not a whole backup, or of another kind of database;
    after that, where what was restored is not what the backup says it is.
    """
    with unlimited(), tempfile.TemporaryDirectory(prefix="restore-") as name:
        folder = Path(name)
        manifest = _unpacked(source, folder)
        _refuse_full_database()
        dump = folder / DUMPS[connection.vendor]
        with _laid_aside(folder / "media", Path(settings.MEDIA_ROOT)) as put_in_place:
            if connection.vendor == "postgresql":
                plain, into = ("--no-owner", "--no-privileges"), f"--dbname={connection.settings_dict['NAME']}"
                _run("pg_restore", *plain, "--exit-on-error", "--single-transaction", into, str(dump))
            else:
                _replace_sqlite(dump)
            put_in_place()
        found = [*_differences(manifest)]
        call_command("migrate", verbosity=0)  # a backup of an older version becomes one of this version
        found += [*map(str, audit.differences()), *_broken_ledgers()]
        if found:
            raise BackupError("The database was restored, but is not what the backup says:\n" + "\n".join(found))
        _sign_everybody_out()
    return manifest


def _sign_everybody_out() -> None:
    """End all sessions: one that was ended after the backup, because a phone was stolen, must not live again."""
    UserSession.objects.filter(is_active=True).update(is_active=False)
    Session.objects.all().delete()


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    """Unpack: nothing outside of the folder, no links out of it. Raises TarError."""
    if hasattr(tarfile, "data_filter"):
        tar.extractall(folder, filter="data")
    else:  # Python before 3.11.4, as Debian 12 has it
        _extract_files(tar, folder)


def _extract_files(tar: tarfile.TarFile, folder: Path) -> None:
    """Unpack plain files and folders, which is all that a backup has."""
    for member in tar:
        inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
        if not (inside and (member.isfile() or member.isdir())):
            raise tarfile.TarError(f"{member.name} does not belong into a backup")
        member.mode &= 0o700
        tar.extract(member, folder)


def _unpacked(source: Path, folder: Path) -> dict[str, Any]:
    if not source.is_file():
        raise BackupError(f"There is no file {source}.")
    try:
        with tarfile.open(source, "r:gz") as tar:
            _extract(tar, folder)
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    except (OSError, tarfile.TarError, ValueError, EOFError, zlib.error) as error:
        raise BackupError(f"{source} is not a whole backup: {error}") from error
    if manifest.get("format") != FORMAT:
        raise BackupError(
            f"{source} is of format {manifest.get('format')}; this version reads format {FORMAT}. The version that"
            " wrote it can restore it, and a migration brings that up to date."
        )
    if manifest["database"] != connection.vendor:
        raise BackupError(f"{source} is of {manifest['database']}, and DATABASE_URL names {connection.vendor}.")
    if _digest(folder / DUMPS[connection.vendor]) != manifest["sha256"]:
        raise BackupError(f"{source} is damaged: its database is not the one that was stored.")
    found = {name: _digest(path) for name, path in _files(folder / "media")}
    if wrong := sorted(name for name, _ in found.items() ^ manifest["images"].items()):
        raise BackupError(f"{source} is damaged: of its images these are not what was stored: {', '.join(wrong)}.")
    return manifest


@contextmanager
def _laid_aside(images: Path, media: Path) -> Iterator[Callable[[], None]]:
    """Copy images to where they belong, but under names that nobody asks for; yield what gives them their own.

    A disk that is full is found before anything is restored, and nobody is sent half an image.
    """
    media.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=media, prefix=".restore-") as name:
        aside = Path(name)
        if images.is_dir():
            shutil.copytree(images, aside, dirs_exist_ok=True)

        def put_in_place() -> None:
            for relative, path in _files(aside):
                (media / relative).parent.mkdir(parents=True, exist_ok=True)
                path.replace(media / relative)

        yield put_in_place


def _refuse_full_database() -> None:
    if connection.introspection.table_names():
        name = connection.settings_dict["NAME"]
        raise BackupError(
            f"The database {name} is not empty. Make a new one, name it in DATABASE_URL, and restore into that."
        )


def _replace_sqlite(dump: Path) -> None:
    name = Path(connection.settings_dict["NAME"])
    connections.close_all()
    for left in (name, *(name.with_name(f"{name.name}{end}") for end in ("-wal", "-shm"))):
        left.unlink(missing_ok=True)  # an empty one, which looking at it has made
    with open(dump, "rb") as copied, open(name, "xb", opener=_private) as file:
        shutil.copyfileobj(copied, file)
        os.fsync(file.fileno())


def _differences(manifest: dict[str, Any]) -> Iterator[str]:
    now = _contents(_ask_here)
    for name in sorted({*manifest["rows"], *now["rows"]}):
        there, stored = now["rows"].get(name), manifest["rows"].get(name)
        if there != stored:
            yield f"rows of {name}: {there}, the backup has {stored}"
    for event, sealed in manifest["seals"].items():
        if now["seals"].get(event) != sealed:
            yield f"ledger of event {event}: ends with {now['seals'].get(event)}, the backup with {sealed}"


def _broken_ledgers() -> Iterator[str]:
    for event_id in Event.objects.order_by("pk").values_list("pk", flat=True):
        checked = check(event_id)
        if checked.problems:
            yield str(checked)
