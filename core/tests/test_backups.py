"""A backup, made while it sells, and what is restored from it: the same, or a clear refusal."""

import datetime as dt
import errno
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import SimpleTestCase, TransactionTestCase, override_settings
from psycopg import sql

from core import allocation
from core.models import Event, Ticket
from core.tests.cast import PATIENCE, CastOfRaces, book, join, make_event, make_people
from core.tests.nodes import database_url
from core.tests.test_planted_faults import Planted
from core.tests.visits import visit
from core.trust import backups


def server_of(url: str) -> tuple[str, str]:
    """Return the address of a database's server, and the database's name."""
    server, _, name = url.rpartition("/")
    return server, name


class BackupCase(CastOfRaces, TransactionTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        media = self.folder / "media"
        (media / "events").mkdir(parents=True)
        (media / "events" / "hall.png").write_bytes(b"a picture")
        changed = override_settings(MEDIA_ROOT=media)
        changed.enable()
        self.addCleanup(changed.disable)
        self.event = make_event(capacity=3, auto_hold=False)
        self.ticket = book(self.event, self.alice)
        for person in (self.bob, self.olga, self.greta):
            join(self.event, person)
        self.target = self.folder / "whole.tar.gz"

    @contextmanager
    def empty_database(self) -> Iterator[str]:
        """Yield the address of another database of the same kind, in which there is nothing."""
        if connection.vendor == "sqlite":
            yield f"sqlite:///{self.folder / 'other.sqlite3'}"
            return
        server, own = server_of(database_url())
        name = sql.Identifier(f"{own}_restored")
        with psycopg.connect(f"{server}/postgres", autocommit=True) as other:
            other.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
            other.execute(sql.SQL("CREATE DATABASE {}").format(name))
            try:
                yield f"{server}/{own}_restored"
            finally:
                other.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def manage(self, url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command on another database, as an operator does, with an empty folder of images."""
        own = {"DATABASE_URL": url, "DEBUG": "on", "REDIS_URL": "", "MEDIA_ROOT": str(self.folder / "images")}
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=settings.BASE_DIR, env=os.environ | own, capture_output=True, text=True, check=False
        )

    def restored(self, url: str) -> tuple[int, str]:
        done = self.manage(url, "restore", str(self.target))
        return done.returncode, done.stdout + done.stderr

    def rewrite(self, **files: bytes | None) -> None:
        """Change files in the backup, or leave them out."""
        with tarfile.open(self.target) as tar:
            kept = {one.name: tar.extractfile(one) for one in tar.getmembers() if one.isfile()}
            contents = {name: file.read() for name, file in kept.items() if file is not None}
        contents |= {name.replace("__", "."): content for name, content in files.items()}  # type: ignore[misc]  # -- None leaves out
        self.target.unlink()
        with tarfile.open(self.target, "w:gz") as tar:
            for name, content in contents.items():
                if content is not None:
                    told = tarfile.TarInfo(name)
                    told.size = len(content)
                    tar.addfile(told, io.BytesIO(content))


class RoundTests(BackupCase):
    def test_what_is_restored_is_what_was_there(self):
        visit(self.alice)
        call_command("backup", str(self.target), stdout=io.StringIO())
        self.assertEqual(self.target.stat().st_mode & 0o777, 0o600)
        with self.empty_database() as url:
            code, said = self.restored(url)
            self.assertEqual((code, "checked" in said), (0, True), said)
            self.assertEqual(self.manage(url, "audit_capacity").returncode, 0)
            self.assertEqual(self.manage(url, "verify_ledger", "--all").returncode, 0)
            query = f"from core.models import *; print(Ticket.objects.get().code == {self.ticket.code!r})"
            self.assertIn("True", self.manage(url, "shell", "-c", query).stdout)
            query = "from django.contrib.sessions.models import Session; from core.models import UserSession as U; "
            query += "print(U.objects.count(), U.objects.filter(is_active=True).count(), Session.objects.count())"
            self.assertIn("1 0 0", self.manage(url, "shell", "-c", query).stdout)  # nobody is signed in any more
        self.assertEqual((self.folder / "images" / "events" / "hall.png").read_bytes(), b"a picture")

    def test_a_file_system_without_links_takes_one_too_but_never_over_another(self):
        no_links = PermissionError(errno.EPERM, os.strerror(errno.EPERM))  # as vfat says it
        with mock.patch("os.link", side_effect=no_links):
            backups.back_up(self.target)
            self.assertEqual(self.target.stat().st_mode & 0o777, 0o600)
            with tarfile.open(self.target) as tar:
                self.assertIn(backups.MANIFEST, tar.getnames())
            with mock.patch.object(Path, "exists", return_value=False), self.assertRaises(FileExistsError):
                backups.back_up(self.target)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["media", self.target.name])

    def test_the_keys_are_not_in_it(self):
        backups.back_up(self.target)
        with tarfile.open(self.target) as tar:
            self.assertEqual(
                {Path(name).parts[0] for name in tar.getnames()},
                {backups.MANIFEST, "media", backups.DUMPS[connection.vendor]},
            )

    @contextmanager
    def selling(self) -> Iterator[list[float]]:
        """Let people book until the block ends; yield when each booking that was answered was asked for."""
        events = [make_event(capacity=400, auto_hold=False) for _ in range(2)]
        asked_at: list[float] = []
        people, stopped = make_people(400), threading.Event()

        def sell() -> None:
            for person, event in itertools.product(people, events):
                if stopped.is_set():
                    break
                moment = time.monotonic()
                allocation.book(event_id=event.pk, user=person)
                asked_at.append(moment)
            connections.close_all()

        seller = threading.Thread(target=sell)
        seller.start()
        try:
            yield asked_at
        finally:
            stopped.set()
            seller.join()

    def test_it_is_one_state_of_the_database_while_people_book(self):
        def after_a_booking(whole: Any, *of: Any) -> Any:
            """Read what is dumped when somebody has asked for a ticket since the dump began, and has it."""
            begun = time.monotonic()
            while not any(at > begun for at in asked_at[-1:]) and time.monotonic() < begun + PATIENCE:
                time.sleep(0.001)
            return whole(*of)

        with self.selling() as asked_at, Planted(backups, "_contents", after_a_booking) as meanwhile:
            manifest = backups.back_up(self.target)
        self.assertEqual(meanwhile.reached, 1)
        self.assertLess(manifest["rows"]["core_ticket"], Ticket.objects.count())
        with self.empty_database() as url:
            code, said = self.restored(url)
        self.assertEqual(code, 0, said)


class FolderTests(BackupCase):
    """What the cron line of the docs names."""

    def backed_up(self, target: str) -> None:
        call_command("backup", target, stdout=io.StringIO())

    def at(self, day: int) -> Any:
        moment = dt.datetime(2026, 11, day, 3, 43, tzinfo=dt.UTC)
        return mock.patch("core.management.commands.backup.timezone.now", return_value=moment)

    def test_the_documented_line_makes_the_folder_on_the_first_day_and_works_on_the_next(self) -> None:
        text = (settings.BASE_DIR / "docs/operations.md").read_text()
        [documented] = re.findall(r"^[\d* ]+/\S+ /\S+/manage.py backup (\S+)$", text, re.MULTILINE)
        target = documented.replace("/path/to", str(self.folder))
        for day in (26, 27):
            with self.at(day):
                self.backed_up(target)
        found = sorted(path.name for path in Path(target).iterdir())
        self.assertEqual(found, ["tickets-2026-11-26T034300Z.tar.gz", "tickets-2026-11-27T034300Z.tar.gz"])
        self.assertEqual(Path(target).stat().st_mode & 0o777, 0o700)
        self.assertEqual(list(self.folder.glob("backups*")), [Path(target)])

    def test_a_size_below_one_mebibyte_is_told_in_kibibytes(self) -> None:
        said = io.StringIO()
        call_command("backup", f"{self.folder}/backups", stdout=said)
        [file] = (self.folder / "backups").iterdir()
        self.assertIn(f"({file.stat().st_size / 1024:.1f} KiB)", said.getvalue())

    def test_a_name_that_ends_in_a_slash_is_a_folder_whatever_it_looks_like(self) -> None:
        self.backed_up(f"{self.folder}/new.tar.gz/")
        self.assertEqual(len(list((self.folder / "new.tar.gz").iterdir())), 1)

    def test_a_folder_that_is_there_keeps_its_mode(self) -> None:
        (self.folder / "open").mkdir(mode=0o750)
        self.backed_up(f"{self.folder}/open")
        self.assertEqual((self.folder / "open").stat().st_mode & 0o777, 0o750)

    def test_a_file_in_the_place_of_the_folder_is_told_and_stays(self) -> None:
        (self.folder / "backups").write_text("a former backup")
        with self.assertRaisesMessage(CommandError, "backups is a file, and names without .tar.gz are folders"):
            self.backed_up(f"{self.folder}/backups")
        self.assertEqual((self.folder / "backups").read_text(), "a former backup")


class ProgramTests(BackupCase):
    def test_postgresqls_programs_connect_as_the_site_does_and_show_no_password(self):
        (self.folder / "pg_dump").write_text(
            f'#!/bin/sh\nenv > {self.folder}/env\necho "$@" > {self.folder}/arguments\n'
        )
        (self.folder / "pg_dump").chmod(0o700)
        options = {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem", "options": "-c statement_timeout=5s"}
        told = {
            "HOST": "db",
            "NAME": "tickets",
            "PASSWORD": "of nobody",
            "USER": "box",
            "PORT": 6000,
            "OPTIONS": options,
        }
        path = {"PATH": f"{self.folder}:{os.environ['PATH']}"}
        with mock.patch.dict(connection.settings_dict, told), mock.patch.dict(os.environ, path):
            backups._run("pg_dump", "--format=custom")
        said = dict(line.split("=", 1) for line in (self.folder / "env").read_text().splitlines() if line[:2] == "PG")
        self.assertEqual(
            said,
            {"PGHOST": "db", "PGPORT": "6000", "PGUSER": "box", "PGPASSWORD": "of nobody", "PGDATABASE": "tickets",
             "PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/etc/ca.pem"},
        )  # fmt: skip
        self.assertEqual((self.folder / "arguments").read_text(), "--format=custom\n")


class RefusalTests(BackupCase):
    def setUp(self) -> None:
        super().setUp()
        backups.back_up(self.target)

    def test_a_backup_is_not_written_over_another_file(self):
        with self.assertRaisesMessage(CommandError, "exists already"):
            call_command("backup", str(self.target))

    def test_a_folder_that_is_not_there_is_told(self):
        with self.assertRaisesMessage(CommandError, f"There is no folder {self.folder}/nowhere."):
            call_command("backup", str(self.folder / "nowhere" / "x.tar.gz"))

    def test_a_backup_that_is_not_there_is_told(self):
        for name in ("nowhere.tar.gz", "media"):
            with self.assertRaisesMessage(CommandError, f"There is no file {self.folder}/{name}."):
                call_command("restore", f"{self.folder}/{name}")

    def test_nothing_is_restored_over_what_is_there(self):
        tickets = Ticket.objects.count()
        with self.assertRaisesMessage(CommandError, "is not empty"):
            call_command("restore", str(self.target))
        self.assertEqual((Ticket.objects.count(), Event.objects.count()), (tickets, 1))

    def test_what_is_no_whole_backup_of_this_kind_is_refused_before_anything_is_written(self):
        manifest = json.loads(self.manifest())
        other = {"postgresql": "sqlite", "sqlite": "postgresql"}[connection.vendor]
        dump = backups.DUMPS[connection.vendor].replace(".", "__")
        cases: dict[str, dict[str, Any]] = {
            "reads format": {"manifest__json": json.dumps(manifest | {"format": 99}).encode()},
            "DATABASE_URL names": {"manifest__json": json.dumps(manifest | {"database": other}).encode()},
            "is damaged": {dump: b"x"},
            "not a whole backup": {"manifest__json": b"{"},
        }
        whole = self.target.read_bytes()
        with self.empty_database() as url:
            for sentence, files in cases.items():
                with self.subTest(sentence=sentence):
                    self.target.write_bytes(whole)
                    self.rewrite(**files)
                    code, said = self.restored(url)
                    self.assertEqual((code, sentence in said, "Traceback" in said), (1, True, False), said)
            for name, content in {"cut off": whole[: len(whole) // 2], "no archive": b"abc", "empty": b""}.items():
                with self.subTest(name=name):
                    self.target.write_bytes(content)
                    code, said = self.restored(url)
                    self.assertEqual((code, "not a whole backup" in said, "Traceback" in said), (1, True, False), said)
            self.target.write_bytes(whole)
            self.assertEqual(self.restored(url)[0], 0)  # nothing was written before

    def test_an_image_that_is_missing_changed_or_foreign_is_found_before_anything_is_written(self):
        whole = self.target.read_bytes()
        for files in ({"media/events/hall__png": None}, {"media/events/hall__png": b"a Picture"},
                      {"media/events/other__png": b"of nobody"}):  # fmt: skip
            with self.subTest(files=files), self.empty_database() as url:
                self.target.write_bytes(whole)
                self.rewrite(**files)
                code, said = self.restored(url)
                name = next(iter(files)).removeprefix("media/").replace("__", ".")
                self.assertEqual((code, "not what was stored: " + name in said), (1, True), said)
                self.assertFalse((self.folder / "images" / "events").exists())

    def test_no_half_image_is_where_images_are_asked_for(self):
        images = self.folder / "images"
        (images / "events").mkdir(parents=True)
        (images / "events" / "hall.png").write_bytes(b"the former one")
        (images / "events" / "kept.png").write_bytes(b"of another event")
        with backups._laid_aside(self.folder / "media", images) as put_in_place:
            self.assertEqual((images / "events" / "hall.png").read_bytes(), b"the former one")
            put_in_place()
        found = {name: path.read_bytes() for name, path in backups._files(images)}
        self.assertEqual(found, {"events/hall.png": b"a picture", "events/kept.png": b"of another event"})
        self.assertEqual([path.name for path in images.iterdir()], ["events"])

    def test_the_rows_of_every_table_are_compared(self):
        manifest = json.loads(self.manifest())
        self.assertEqual(set(manifest["rows"]), set(connection.introspection.table_names()))
        manifest["rows"]["post_office_email"] += 1
        self.rewrite(manifest__json=json.dumps(manifest).encode())
        with self.empty_database() as url:
            code, said = self.restored(url)
        self.assertEqual((code, "rows of post_office_email" in said), (1, True), said)

    def test_a_row_that_is_missing_is_found(self):
        manifest = json.loads(self.manifest())
        manifest["rows"]["core_ticket"] += 1
        manifest["seals"][str(self.event.pk)][0] += 1
        self.rewrite(manifest__json=json.dumps(manifest).encode())
        with self.empty_database() as url:
            code, said = self.restored(url)
        self.assertEqual((code, "rows of core_ticket" in said, "ledger of event" in said), (1, True, True), said)

    def manifest(self) -> bytes:
        with tarfile.open(self.target) as tar:
            file = tar.extractfile(backups.MANIFEST)
            assert file is not None
            return file.read()


class OlderPythonTests(SimpleTestCase):
    """Debian 12's Python has no filter of its own for what is unpacked."""

    def unpack(self, **member: Any) -> list[str]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name, "inside")
            folder.mkdir()
            stream = io.BytesIO()
            with tarfile.open(fileobj=stream, mode="w") as tar:
                info = tarfile.TarInfo()
                for field, value in ({"name": "media/hall.png", "size": 1} | member).items():
                    setattr(info, field, value)
                tar.addfile(info, io.BytesIO(b"x"))
            stream.seek(0)
            with tarfile.open(fileobj=stream) as tar:
                backups._extract_files(tar, folder)
            return [str(path.relative_to(name)) for path in Path(name).rglob("*") if path.is_file()]

    def test_files_are_unpacked(self) -> None:
        self.assertEqual(self.unpack(), ["inside/media/hall.png"])

    def test_what_leads_out_of_the_folder_is_refused(self) -> None:
        cases: list[dict[str, Any]] = [
            {"name": "../outside"}, {"name": "/tmp/outside"}, {"name": "media/../../outside"},
            {"type": tarfile.SYMTYPE, "linkname": "/etc", "size": 0}, {"type": tarfile.FIFOTYPE, "size": 0},
            {"type": tarfile.LNKTYPE, "linkname": "manifest.json", "size": 0},
        ]  # fmt: skip
        for member in cases:
            with self.subTest(member=member), self.assertRaises(tarfile.TarError):
                self.unpack(**member)
