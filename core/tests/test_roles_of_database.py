"""On PostgreSQL whoever serves owns nothing: the site works, and what guards its records stays."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import skipUnless

import psycopg
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase

from core import allocation, cleanup, steering
from core.checkin import scans
from core.models import LedgerEntry, Scan, TicketHold
from core.trust import doctor
from tools import roles

from .cast import CastOfRaces, book, join, make_event
from .nodes import database_url

FORBIDDEN = (
    "TRUNCATE core_ticket CASCADE",
    "TRUNCATE core_ledgerentry",
    "ALTER TABLE core_auditentry DISABLE TRIGGER ALL",
    "ALTER TABLE core_event ADD COLUMN more integer",
    "DROP TRIGGER never_emptied ON core_ledgerentry",
    "DROP TABLE core_scan",
    "DROP INDEX core_ticket_pkey",
    "CREATE TABLE core_more (id integer)",
    "CREATE TEMPORARY TABLE core_ticket (id integer)",
    "CREATE SCHEMA more",
    "CREATE FUNCTION more() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "SET session_replication_role = replica",
    "ALTER SYSTEM SET fsync = off",
    "CREATE ROLE more SUPERUSER",
)


@skipUnless(connection.vendor == "postgresql", "SQLite has no roles")
class ServingRoleTests(CastOfRaces, TransactionTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = self.enterContext(TemporaryDirectory())
        self.role = f"app_of_{connection.settings_dict['NAME']}"
        self.url = roles.serving(database_url(), self.role)
        self.addCleanup(self.drop)

    def drop(self) -> None:
        """Take the role away again: it is the whole server's."""
        with connection.cursor() as cursor:
            cursor.execute(f"DROP OWNED BY {self.role}")
            cursor.execute(f"DROP ROLE {self.role}")
            cursor.execute(f"GRANT TEMPORARY ON DATABASE {connection.settings_dict['NAME']} TO PUBLIC")

    def serve(self) -> None:
        """Let this process be the role, until the test's end."""
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {self.role}")
        self.addCleanup(connection.close)
        self.addCleanup(self.rule)

    def rule(self) -> None:
        """Be who owns the tables again."""
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")

    def test_a_sale_and_its_gate_go_on_as_ever(self) -> None:
        event = make_event(capacity=2, auto_hold=False)
        self.serve()
        alices, bobs = book(event, self.alice), book(event, self.bob)
        join(event, self.olga)
        scanned = scans.scan(code=alices.code, event=event, staff=self.olga)
        self.assertEqual(scanned.outcome, Scan.Outcome.ADMITTED)
        allocation.cancel_ticket(ticket_id=bobs.pk)
        self.assertEqual(TicketHold.objects.get(user=self.olga).status, "held")
        steering.pause(event_id=event.pk, reason="a fire alarm")
        cleanup.clean()
        self.assertGreater(LedgerEntry.objects.count(), 5)

    def test_commands_of_an_operator_run_by_it_and_those_of_the_owner_are_refused_in_a_sentence(self) -> None:
        book(make_event(), self.alice)
        backup = Path(self.folder, "backup.tar.gz")
        for command in ("cleanup_expired_holds", "verify_ledger --all", "audit_capacity", f"backup {backup}"):
            with self.subTest(command=command):
                self.assertEqual(self.manage(command, self.url), (0, ""))
        empty = self.empty_database()
        for command, url in (("migrate", empty), (f"restore {backup}", empty)):
            with self.subTest(command=command):
                code, said = self.manage(command, url)
                self.assertEqual(code, 1)
                self.assertRegex(said, r"^CommandError: .*(denied for schema public|must be owner of .*)\. To ")
        self.assertEqual(self.manage(f"restore {backup}", self.as_owner(empty)), (0, ""))
        for state in (doctor.BROKEN, doctor.OK):  # its tables came without any rights
            self.assertIn(f"{state:8} role: ", self.run_command("doctor", empty).stdout)
            roles.serving(self.as_owner(empty), self.role)

    def manage(self, command: str, url: str) -> tuple[int, str]:
        """Run a command on a database; return its exit code and its complaints."""
        done = self.run_command(command, url)
        return done.returncode, done.stderr

    def run_command(self, command: str, url: str) -> "subprocess.CompletedProcess[str]":
        own = os.environ | {"DATABASE_URL": url, "REDIS_URL": "", "DEBUG": "on", "MEDIA_ROOT": f"{self.folder}/media"}
        return subprocess.run(
            [sys.executable, "manage.py", *command.split()],
            env=own, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def empty_database(self) -> str:
        """Make one that nothing is in, for the time of the test; return its address by the role."""
        name = f"{connection.settings_dict['NAME']}_empty"
        with psycopg.connect(database_url(), autocommit=True) as direct:
            direct.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            direct.execute(f"CREATE DATABASE {name}")
        self.addCleanup(self.drop_database, name)
        return f"{self.url.rpartition('/')[0]}/{name}"

    def drop_database(self, name: str) -> None:
        """Drop it."""
        with psycopg.connect(database_url(), autocommit=True) as direct:
            direct.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def as_owner(self, url: str) -> str:
        """Return the address of a database by whoever owns it."""
        return f"{database_url().rpartition('/')[0]}/{url.rpartition('/')[2]}"

    def test_it_can_take_away_nothing_that_guards_the_records(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as direct:
            for statement in FORBIDDEN:
                with self.subTest(statement=statement), self.assertRaises(psycopg.errors.InsufficientPrivilege):
                    direct.execute(statement)

    def test_what_a_later_migration_adds_is_granted_to_it(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE core_later (id bigint GENERATED BY DEFAULT AS IDENTITY, text text)")
            self.addCleanup(self.forget, "core_later")
        with psycopg.connect(self.url, autocommit=True) as direct:
            direct.execute("INSERT INTO core_later (text) VALUES ('x')")
            direct.execute("UPDATE core_later SET text = 'y'")
            self.assertEqual(direct.execute("SELECT text FROM core_later").fetchall(), [("y",)])
            direct.execute("DELETE FROM core_later")

    def forget(self, table: str) -> None:
        """Drop a table."""
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {table}")

    def test_doctor_tells_the_owner_from_the_role_that_serves(self) -> None:
        self.assertEqual(self.state(), doctor.WARNING)
        self.serve()
        self.assertEqual(self.state(), doctor.OK)

    def state(self) -> str:
        """Return what doctor says of the role."""
        [found] = [one for one in doctor.examine() if one.part == "role"]
        return found.state

    def test_rights_that_somebody_gave_it_are_told_and_taken_back_by_the_script(self) -> None:
        for right in ("TRUNCATE ON core_ticket", "TRIGGER ON core_scan", "CREATE ON SCHEMA public"):
            with self.subTest(right=right):
                with connection.cursor() as cursor:
                    cursor.execute(f"GRANT {right} TO {self.role}")
                self.serve()
                self.assertEqual(self.state(), doctor.WARNING)
                self.rule()
                roles.serving(database_url(), self.role)
                self.serve()
                self.assertEqual(self.state(), doctor.OK)
                self.rule()

    def test_the_script_refuses_to_go_without_a_password_and_to_take_the_owner_for_it(self) -> None:
        cases: list[tuple[dict[str, str], str]] = [
            ({}, "APP_PASSWORD is missing"),
            ({"APP_PASSWORD": ""}, "APP_PASSWORD is missing"),
            ({"APP_PASSWORD": "x", "APP_ROLE": str(connection.settings_dict["USER"])}, "owns the tables"),
        ]
        for own, why in cases:
            with self.subTest(own=own):
                done = subprocess.run(
                    ["psql", f"--dbname={database_url()}", "--no-psqlrc", f"--file={roles.SCRIPT}"],
                    env=os.environ | own, capture_output=True, text=True, check=False,
                )  # fmt: skip
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(why, done.stderr)
