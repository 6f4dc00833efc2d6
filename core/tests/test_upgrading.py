"""An upgrade of a site that sells: it neither dies half-way of a limit nor stands in the way for long."""

import io
from collections.abc import Callable
from typing import Any
from unittest import mock, skipUnless

import psycopg
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models.signals import pre_migrate
from django.test import TransactionTestCase

from core.deadline import is_unlimited
from core.models import Event
from core.tests.nodes import database_url
from core.trust import upgrading

NAMES = tuple(upgrading.LIMITS)


def shown() -> tuple[str, ...]:
    """Return the connection's limits."""
    return tuple(upgrading._show(name) for name in NAMES)


class UpgradeCase(TransactionTestCase):
    def migrate(self, meanwhile: Callable[[], None]) -> None:
        """Run the command, with something that is done as its first step."""
        done: list[str] = []

        def step(app_config: Any, **kwargs: Any) -> None:
            if app_config.label == "core":
                meanwhile()
                done.append("core")

        pre_migrate.connect(step)
        try:
            call_command("migrate", verbosity=0, stdout=io.StringIO())
        finally:
            pre_migrate.disconnect(step)
        self.assertEqual(done, ["core"])


class LimitTests(UpgradeCase):
    def test_this_process_gives_nothing_up(self) -> None:
        seen: list[bool] = []
        self.migrate(lambda: seen.append(is_unlimited()))
        self.assertEqual((seen, is_unlimited()), ([True], False))

    @skipUnless(connection.vendor == "postgresql", "SQLite has no such limits")
    def test_statements_have_no_limit_locks_have_one_and_both_end_with_it(self) -> None:
        before = shown()
        seen: list[tuple[str, ...]] = []
        self.migrate(lambda: seen.append(shown()))
        self.assertEqual(seen, [("0", "2s", "10min")])
        self.assertEqual((shown(), shown() == seen[0]), (before, False))


@skipUnless(connection.vendor == "postgresql", "a lock of one table is PostgreSQL's")
class InUseTests(UpgradeCase):
    def setUp(self) -> None:
        short = mock.patch.dict(upgrading.LIMITS, {"lock_timeout": "20ms"})
        short.start()
        self.addCleanup(short.stop)
        self.reader = psycopg.connect(database_url())
        self.addCleanup(self.reader.close)
        self.reader.execute("SELECT count(*) FROM core_event")  # and its transaction goes on: the table is in use

    def change(self) -> None:
        """Want the lock of an ALTER TABLE."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE core_event IN ACCESS EXCLUSIVE MODE")

    def test_an_upgrade_gives_way_to_a_table_in_use_and_goes_on_when_it_is_free(self) -> None:
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            self.assertEqual(Event.objects.count(), 0)  # whoever sells goes on
            pauses.append(seconds)
            self.reader.rollback()

        with mock.patch("time.sleep", pause), self.assertLogs("core.trust.upgrading"):
            self.migrate(self.change)
        self.assertEqual(pauses, [upgrading.PAUSE])

    def test_one_that_never_gets_it_says_so_in_words(self) -> None:
        quick = mock.patch("time.sleep")
        with quick as pause, self.assertLogs("core.trust.upgrading"), self.assertRaises(CommandError) as raised:
            self.migrate(self.change)
        self.assertEqual((str(raised.exception), pause.call_count), (upgrading.IN_USE, upgrading.TRIES - 1))
