"""A database that does not answer, or has gone: no thread waits for it for good, nor for old connections."""

from typing import Any
from unittest import mock, skipUnless

import psycopg
from django.db import OperationalError, connection
from django.test import SimpleTestCase, TestCase
from psycopg_pool import ConnectionPool, PoolTimeout

from core import gathering
from core.deadline import ANSWER_WITHIN, LEAST, answering_within, seconds_left
from core.gathering import Asked
from core.locking import locked
from core.patience import PatientConnection, why_away

from .cast import make_event, make_person
from .nodes import database_url
from .visits import visit

TOO_LONG = b"SELECT pg_sleep(20)"
HARDLY = "-c statement_timeout=2s"  # so that the server does not go on with it for long
GONE = b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
LEFT = b"SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
NAME = "test_patience"


def connect(**options: Any) -> PatientConnection:
    made: PatientConnection = PatientConnection.connect(database_url(), autocommit=True, **options)
    return made


@skipUnless(connection.vendor == "postgresql", "SQLite is no server")
class PatienceTests(SimpleTestCase):
    databases = {"default"}

    def wait_until_gone(self) -> None:
        with psycopg.connect(database_url(), autocommit=True) as other:
            while other.execute(LEFT, [NAME]).fetchone() != (0,):
                pass

    def end_all(self) -> None:
        with psycopg.connect(database_url(), autocommit=True) as other:
            other.execute(GONE, [NAME])
        self.wait_until_gone()

    def first_of_a_pool(self, kind: type[psycopg.Connection[Any]]) -> Any:
        """Return what the pool's first connection says after the server has ended all four that it had."""
        told = {"autocommit": True, "application_name": NAME}
        check = ConnectionPool.check_connection
        with ConnectionPool(
            database_url(), kwargs=told, connection_class=kind, min_size=4, timeout=1, check=check, open=True
        ) as pool:
            pool.wait()
            self.end_all()
            with pool.connection() as first:
                return first.execute("SELECT 1").fetchone()

    def test_an_answer_is_waited_for_no_longer_than_the_limit_and_the_connection_is_given_up(self) -> None:
        with connect(options=HARDLY) as ours:
            ours._limit = 0.05
            with self.assertRaisesMessage(psycopg.OperationalError, "does not answer"), ours.cursor() as cursor:
                cursor.execute(TOO_LONG)
            self.assertTrue(ours.closed)

    def test_the_look_whether_anybody_is_there_has_a_limit_of_its_own(self) -> None:
        with connect(options=HARDLY) as ours:
            with self.assertRaisesMessage(psycopg.OperationalError, "statement timeout"):
                ours.cursor().execute(TOO_LONG)
            with self.assertRaisesMessage(psycopg.OperationalError, "does not answer"):
                ours.execute("SET statement_timeout = 0; SELECT pg_sleep(3)")

    def test_at_the_end_of_the_time_for_an_answer_hardly_anything_is_waited_for(self) -> None:
        gives_up = self.assertRaisesMessage(psycopg.OperationalError, "does not answer")
        with connect(options=HARDLY) as ours, answering_within(0), gives_up:
            ours.cursor().execute(TOO_LONG)

    def test_who_was_ended_as_idle_in_a_transaction_is_told_that_the_database_is_away(self) -> None:
        with connect(application_name=NAME) as ours:
            ours.cursor().execute("SET idle_in_transaction_session_timeout = '1ms'; BEGIN")
            self.wait_until_gone()
            with self.assertRaises(psycopg.OperationalError):  # which is answered 503; an InternalError is not
                ours.cursor().execute("SELECT 1")

    def test_who_writes_to_a_standby_is_told_that_the_database_is_away(self) -> None:
        with connect(options="-c default_transaction_read_only=on") as ours:  # what a standby says to a write
            with self.assertRaisesMessage(psycopg.OperationalError, "read-only"):
                ours.cursor().execute("CREATE TABLE nowhere (id int)")
            self.assertEqual(ours.execute("SELECT 1").fetchone(), (1,))

    def test_after_a_restart_the_first_connection_of_a_pool_is_a_good_one(self) -> None:
        self.assertEqual(self.first_of_a_pool(PatientConnection), (1,))

    def test_with_plain_connections_it_is_not_there_in_time(self) -> None:
        with self.assertRaises(PoolTimeout):
            self.first_of_a_pool(psycopg.Connection)

    def test_operators_are_told_when_connections_are_used_up(self) -> None:
        self.addCleanup(setattr, PatientConnection, "refusal", "")
        with self.assertRaises(psycopg.OperationalError):
            PatientConnection.connect("host=127.0.0.1 port=1 connect_timeout=3")
        self.assertEqual(why_away(), "The database does not answer.")
        PatientConnection.refusal = "connection failed: FATAL:  sorry, too many clients already"
        self.assertEqual(why_away(), "The database has no connection left for this process.")


class DeadlineTests(TestCase):
    def test_a_request_has_its_time_and_whatever_waits_knows_what_is_left(self) -> None:
        left: list[float] = []

        def note(execute: Any, *asked: Any) -> Any:
            left.append(seconds_left(100))
            return execute(*asked)

        with connection.execute_wrapper(note):
            visit().get("/")
        self.assertGreater(len(left), 0)
        self.assertEqual([seconds for seconds in left if not LEAST <= seconds <= ANSWER_WITHIN], [])
        self.assertEqual(seconds_left(100), 100)

    def test_what_takes_less_by_itself_is_given_no_more(self) -> None:
        with answering_within(50):
            self.assertEqual(seconds_left(3), 3)
        with answering_within(0):
            self.assertEqual(seconds_left(3), LEAST)

    @skipUnless(connection.vendor == "postgresql", "SQLite is waited for in its own way")
    def test_who_is_led_by_somebody_without_an_answer_is_not_kept_waiting(self) -> None:
        event, alice = make_event(), make_person("alice")
        gathering._gathering.put(event.pk, Asked("join", alice.pk))  # whoever is told to lead, and does not
        self.addCleanup(gathering._gathering._give_up, event.pk, [])
        with answering_within(0), self.assertRaisesMessage(OperationalError, "nobody answered in time"):
            gathering.ask("join", event_id=event.pk, user=alice, login=None)


class WorkTests(TestCase):
    """A deadline bounds what a request waits for; whoever has the lock works for everybody, and to the end."""

    def test_who_has_the_lock_has_time_and_has_it_no_more_afterwards(self):
        event = make_event()
        with answering_within(0):
            with locked([event.pk]):
                self.assertEqual(seconds_left(60), 60)
            self.assertEqual(seconds_left(60), LEAST)

    def test_a_batch_has_not_only_the_time_of_the_request_that_leads(self):
        person, event, left = make_person("leader"), make_event(), []

        def look(*_: Any) -> dict[int, Any]:
            left.append(seconds_left(60))
            return {}

        with answering_within(0), mock.patch.dict(gathering.ACTS, join=look):
            gathering.carry_out(event.pk, [Asked("join", person.pk)])
        self.assertEqual(left, [60])
