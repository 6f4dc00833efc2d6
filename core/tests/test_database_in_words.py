"""Where the database cannot be used, a command says in a sentence why, and what to do; a bug still has its trace."""

import io
import os
import subprocess
import sys
from typing import Any
from unittest import mock, skipUnless

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import DataError, OperationalError, connection
from django.test import TestCase

from core import audit
from core.tests.nodes import database_url
from core.tests.test_backups import BackupCase, server_of
from core.trust import backups
from core.trust.causes import cause_of

MIGRATE = "The tables are missing, or of another version. Run `manage.py migrate`."


class InWordsTests(BackupCase):
    def setUp(self) -> None:
        super().setUp()
        backups.back_up(self.target)
        self.commands = [
            ["backup", f"{self.folder}/backups"],
            ["restore", str(self.target)],
            ["audit_capacity"],
            ["cleanup_expired_holds"],
            ["verify_ledger", "--all"],
            ["changepassword", "alice"],
            ["createsuperuser", "--noinput", "--username=root", "--email=root@example.org"],
        ]

    def said(self, url: str, commands: list[list[str]]) -> dict[str, tuple[int, str]]:
        """Return `{command: (its exit code, all that it said)}`; they run at the same time."""
        own = {"DATABASE_URL": url, "DEBUG": "on", "REDIS_URL": "", "MEDIA_ROOT": str(self.folder / "images")}
        known: Any = {"cwd": settings.BASE_DIR, "env": os.environ | own, "text": True}
        started = [
            subprocess.Popen(
                [sys.executable, "manage.py", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **known
            )
            for command in commands
        ]
        outputs = [process.communicate()[0] for process in started]
        codes = [process.returncode for process in started]
        return {command[0]: (code, said.strip()) for command, code, said in zip(commands, codes, outputs, strict=True)}

    def assert_all_say(self, sentence: str, url: str, commands: list[list[str]]) -> None:
        expected = {command[0]: (1, f"CommandError: {sentence}") for command in commands}
        self.assertEqual(self.said(url, commands), expected)

    def test_a_database_that_cannot_be_reached_is_told(self) -> None:
        if connection.vendor == "sqlite":
            name = self.folder / "nowhere" / "x.sqlite3"
            url, why = f"sqlite:///{name}", f"The database {name} cannot be used: unable to open database file."
            remedy = "Correct DATABASE_URL, or let the user of the processes write to that file and its folder."
        else:
            url, why = "postgres://nobody@127.0.0.1:1/x", "The database x cannot be used: Connection refused."
            remedy = "Start PostgreSQL, or correct DATABASE_URL."
        self.assert_all_say(f"{why} {remedy}", url, [*self.commands, ["migrate"]])

    def test_tables_that_are_missing_are_told(self) -> None:
        without_restore = [command for command in self.commands if command[0] != "restore"]
        with self.empty_database() as url:
            self.assert_all_say(MIGRATE, url, without_restore)
        self.assertEqual(list((self.folder / "backups").iterdir()), [])

    @skipUnless(connection.vendor == "postgresql", "SQLite makes the file")
    def test_a_database_that_does_not_exist_is_told(self) -> None:
        server, own = server_of(database_url())
        sentence = f"There is no database {own}_nowhere. Create it (`createdb`), or correct DATABASE_URL."
        self.assert_all_say(sentence, f"{server}/{own}_nowhere", self.commands)


class CauseTests(TestCase):
    def test_a_command_has_its_trace_where_it_is_the_bug(self) -> None:
        with mock.patch.object(audit, "differences", side_effect=DataError("a bug")), self.assertRaises(DataError):
            call_command("audit_capacity", stdout=io.StringIO())

    def test_a_refused_statement_and_one_that_took_too_long_say_nothing_of_the_database(self) -> None:
        for cause in (psycopg.errors.QueryCanceled("statement timeout"), psycopg.errors.LockNotAvailable("lock")):
            error = OperationalError(str(cause))
            error.__cause__ = cause
            self.assertIsNone(cause_of(error))
        self.assertIsNone(cause_of(ValueError("no such table")))
