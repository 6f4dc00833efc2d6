"""The doctor names each broken part, and what to do about it; it says so when nothing is broken."""

import datetime as dt
import io
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import TestCase, override_settings
from django.utils import timezone
from post_office.models import STATUS, Email

from core import cache, cleanup
from core.models import Event, LastRun, Ticket
from core.tests.cast import ago, book, make_event, make_person
from core.trust import doctor, runs

SMTP = {"BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"}}


def found(part: str) -> list[tuple[str, str]]:
    """Return `(state, what was said)` of each finding about a part."""
    return [(one.state, one.said) for one in doctor.examine() if one.part == part]


class PartTests(TestCase):
    def states(self, part: str) -> set[str]:
        return {state for state, _ in found(part)}

    def test_cron_that_never_ran_or_fell_silent_is_broken(self):
        self.assertEqual(found("cron"), [(doctor.BROKEN, "It has never run.")])
        cleanup.clean()
        self.assertEqual(self.states("cron"), {doctor.OK})
        LastRun.objects.update(at=ago(minutes=20))
        self.assertEqual(found("cron"), [(doctor.BROKEN, "It last ran 20 min ago.")])

    def test_a_clock_that_nobody_has_is_broken(self):
        self.assertEqual(self.states("clock"), {doctor.BROKEN})
        runs.note(runs.Work.CLOCK)
        self.assertEqual(self.states("clock"), {doctor.OK})
        LastRun.objects.update(at=ago(minutes=2))
        self.assertEqual(self.states("clock"), {doctor.BROKEN})

    def test_noting_a_run_again_is_one_row(self):
        for _ in range(3):
            runs.note(runs.Work.CLOCK)
        self.assertEqual(LastRun.objects.count(), 1)

    def test_counters_that_differ_from_rows_are_broken(self):
        self.assertEqual(self.states("numbers"), {doctor.OK})
        Event.objects.filter(pk=make_event().pk).update(held=1)
        self.assertEqual(self.states("numbers"), {doctor.BROKEN})

    def test_mail_that_is_only_printed_is_broken_where_the_site_is_public(self):
        console = {"BACKENDS": {"default": "django.core.mail.backends.console.EmailBackend"}}
        with override_settings(POST_OFFICE=console, DEBUG=False):
            self.assertEqual(self.states("mail"), {doctor.BROKEN})
        with override_settings(POST_OFFICE=console, DEBUG=True):
            self.assertEqual(self.states("mail"), {doctor.WARNING})

    @override_settings(POST_OFFICE=SMTP, EMAIL_HOST="127.0.0.1", EMAIL_PORT=1)
    def test_a_mail_server_that_is_away_is_broken(self):
        self.assertEqual(self.states("mail"), {doctor.BROKEN})

    def test_mail_that_waits_for_long_is_broken(self):
        mail = Email.objects.create(from_email="a@example.org", to=["b@example.org"], status=STATUS.queued)
        self.assertEqual(self.states("queue of mail"), {doctor.OK})
        Email.objects.filter(pk=mail.pk).update(created=timezone.now() - dt.timedelta(minutes=20))
        told = "Waiting for more than 15 minutes: 1, of which 0 were tried and not taken."
        self.assertEqual(found("queue of mail"), [(doctor.BROKEN, told)])

    def test_mail_that_fails_for_long_is_broken_however_soon_it_is_tried_again(self):
        mail = Email.objects.create(from_email="a@example.org", to=["b@example.org"], status=STATUS.requeued)
        soon = {"number_of_retries": 9, "scheduled_time": timezone.now() + dt.timedelta(minutes=20)}
        Email.objects.filter(pk=mail.pk).update(created=timezone.now() - dt.timedelta(hours=3), **soon)
        told = "Waiting for more than 15 minutes: 1, of which 1 were tried and not taken."
        self.assertEqual(found("queue of mail"), [(doctor.BROKEN, told)])

    def test_confirmations_that_nothing_writes_are_broken(self):
        book(make_event(auto_hold=False), make_person("alice"))
        self.assertEqual(self.states("queue of mail"), {doctor.OK})
        Ticket.objects.update(booked_at=ago(minutes=20))
        [(state, said)] = found("queue of mail")
        self.assertEqual((state, said.partition("; ")[2]), (doctor.BROKEN, "confirmations not written yet: 1."))

    def test_a_mail_worker_that_does_not_run_or_always_fails_is_broken(self):
        self.assertEqual(self.states("mail worker"), {doctor.BROKEN})
        runs.note(runs.Work.MAIL)
        self.assertEqual(self.states("mail worker"), {doctor.OK})
        LastRun.objects.update(at=ago(minutes=20))
        self.assertEqual(self.states("mail worker"), {doctor.BROKEN})

    def test_redis_that_is_away_breaks_the_cache_and_the_layer(self):
        nowhere = "redis://127.0.0.1:1/0"
        caches = {"default": {"BACKEND": "core.cache.RedisOrLocalCache", "LOCATION": nowhere}}
        layers = {
            "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [nowhere]}}
        }
        self.addCleanup(setattr, cache, "_away_until", 0.0)
        with override_settings(CACHES=caches, CHANNEL_LAYERS=layers, REDIS_URL=nowhere):
            self.assertEqual(self.states("cache"), {doctor.BROKEN})
            self.assertEqual(self.states("channel layer"), {doctor.BROKEN})

    def test_the_cache_and_the_layer_that_there_are_work(self):
        self.assertEqual((self.states("cache"), self.states("channel layer")), ({doctor.OK}, {doctor.OK}))

    def test_static_files_that_were_not_collected_are_a_warning(self):
        with tempfile.TemporaryDirectory() as name, override_settings(STATIC_ROOT=Path(name), DEBUG=False):
            self.assertEqual(self.states("static files"), {doctor.WARNING})
            Path(name, "staticfiles.json").touch()
            self.assertEqual(self.states("static files"), {doctor.OK})

    def test_a_folder_of_images_that_cannot_be_written_is_broken(self):
        with tempfile.NamedTemporaryFile() as file, override_settings(MEDIA_ROOT=f"{file.name}/media"):
            self.assertEqual(self.states("files"), {doctor.BROKEN})

    def test_nothing_is_left_behind_in_the_folder_of_images(self):
        with tempfile.TemporaryDirectory() as name, override_settings(MEDIA_ROOT=name):
            self.assertEqual(self.states("files"), {doctor.OK})
            self.assertEqual(list(Path(name).iterdir()), [])

    def test_settings_that_are_for_development_are_a_warning(self):
        with override_settings(DEBUG=True):
            self.assertEqual(self.states("settings"), {doctor.WARNING})
        with override_settings(DEBUG=False, HTTPS=False):
            said = "HTTPS is off: passwords travel in the clear, and behind a proxy all visitors count as one address."
            self.assertIn((doctor.WARNING, said), found("settings"))
        with override_settings(DEBUG=False, HTTPS=True):
            self.assertEqual(self.states("settings"), {doctor.OK})

    def test_the_database_is_named_with_its_version(self):
        [(state, said)] = found("database")
        self.assertEqual(state, doctor.OK)
        self.assertIn({"sqlite": "SQLite 3.", "postgresql": "PostgreSQL "}[connection.vendor], said)


class CauseTests(TestCase):
    """One cause is broken once."""

    def test_tables_are_ok_once_they_are_migrated(self):
        self.assertEqual(found("tables"), [(doctor.OK, "all migrations have run")])

    def test_missing_tables_are_what_is_broken_and_not_what_hangs_on_them(self):
        findings = self.found_without("core_lastrun", forgotten="core")
        self.assertEqual(findings["database"].state, doctor.OK)
        tables = findings["tables"]
        self.assertEqual((tables.state, tables.remedy), (doctor.BROKEN, "Run `manage.py migrate`."))
        expected = (doctor.WARNING, "It was not looked at.", "The tables above must be mended first.")
        for one in (findings["clock"], findings["cron"]):
            self.assertEqual((one.state, one.said, one.remedy), expected)

    def test_a_table_that_is_missing_although_all_migrations_have_run_is_broken(self):
        findings = self.found_without("core_lastrun", forgotten="nothing")
        self.assertEqual(findings["tables"].state, doctor.OK)
        clock = findings["clock"]
        self.assertEqual((clock.state, clock.remedy), (doctor.BROKEN, "Run `manage.py migrate`."))

    def found_without(self, table: str, *, forgotten: str) -> dict[str, doctor.Finding]:
        """Return what is found without a table, and without any word of an app's migrations."""
        apart = {part: self.in_savepoint(look) for part, look in doctor.PARTS.items()}
        with transaction.atomic(), patch.dict(doctor.PARTS, apart), connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {table}")
            cursor.execute("DELETE FROM django_migrations WHERE app = %s", [forgotten])
            findings = doctor.examine()
            transaction.set_rollback(True)
        return {one.part: one for one in findings}

    def in_savepoint(self, look: Any) -> Any:
        """Let a part fail by itself: PostgreSQL would refuse whatever follows in the transaction of this test."""

        def looking() -> Any:
            with transaction.atomic():
                return list(look())

        return looking


class CommandTests(TestCase):
    def setUp(self):
        cache._away_until = 0.0  # whatever other tests did to Redis

    def test_it_exits_with_1_and_names_what_is_broken(self):
        said = io.StringIO()
        with self.assertRaises(CommandError) as raised:
            call_command("doctor", stdout=said)
        self.assertEqual(raised.exception.returncode, 1)
        self.assertIn("cron", str(raised.exception))
        self.assertIn("-> Add the cron line", said.getvalue())

    def test_it_says_so_when_nothing_is_broken(self):
        for work in runs.Work:
            runs.note(work)
        said = io.StringIO()
        with override_settings(POST_OFFICE={"BACKENDS": {"default": "console"}}, DEBUG=True):
            call_command("doctor", stdout=said)
        self.assertIn("Nothing is broken.", said.getvalue())
