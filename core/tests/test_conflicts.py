"""What PostgreSQL gives up for somebody else's sake is done again as a whole; and how long a lock is waited for."""

import datetime as dt
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any
from unittest import mock, skipUnless

import psycopg
from django.db import OperationalError, connection, connections, transaction
from django.test import TransactionTestCase
from django.test.utils import CaptureQueriesContext

from core import allocation, checkin, gathering, locking, ticket_code
from core.checkin import offline
from core.checkin.offline import OfflineScan
from core.gathering import Asked
from core.locking import LOCK_NOT_AVAILABLE, sqlstate, waiting_at_most
from core.models import AuditEntry, Event, Scan, Ticket, UserSession
from core.now import now

from .cast import PATIENCE, CastOfRaces, arrive, book, join, ledger_problems, make_event, numbers, statuses
from .nodes import database_url
from .visits import BROWSER, visit

LOCK = b"SELECT id FROM core_event WHERE id = %s FOR NO KEY UPDATE"
# Whether anybody of this database waits for a lock: tests of other databases run beside it.
WAITING = b"""
SELECT 1 FROM pg_locks AS waiting JOIN pg_locks AS theirs USING (pid)
JOIN pg_database AS here ON here.oid = theirs.database
WHERE NOT waiting.granted AND here.datname = current_database() AND pid <> pg_backend_pid()
"""
ATTEMPTS = 5
# What is refused, as many times as the sequence says; unlike rows, it remembers what was rolled back.
REFUSE = """
CREATE SEQUENCE refusals;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF nextval('refusals') <= {times} THEN RAISE EXCEPTION 'refused' USING ERRCODE = '{code}'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE {on} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse();
"""
ALLOW = "DROP FUNCTION IF EXISTS refuse CASCADE; DROP SEQUENCE IF EXISTS refusals"


def run_sql(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)


def in_thread(call: Callable[[], object], found: list[Any]) -> threading.Thread:
    def run() -> None:
        try:
            found.append(call())
        except OperationalError as error:
            found.append(sqlstate(error))
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@skipUnless(connection.vendor == "postgresql", "SQLite has one writer at a time: nobody meets anybody")
class ConflictCase(CastOfRaces, TransactionTestCase):
    def refuse(self, table: str, *, times: int, code: str = "40001", on: str = "INSERT") -> None:
        run_sql(REFUSE.format(table=table, times=times, code=code, on=on))
        self.addCleanup(self.allow)

    def allow(self) -> None:
        run_sql(ALLOW)

    def tries(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT last_value FROM refusals")
            return int(cursor.fetchone()[0])


class ConflictTests(ConflictCase):
    def log_in_against_the_order(self) -> Any:
        """Let alice log in while somebody has the second event's lock, and then wants the first one's.

        PostgreSQL gives up who finds the deadlock first, a second after they began to wait: nearly always the login.
        """
        for _ in range(ATTEMPTS):
            with suppress(psycopg.errors.DeadlockDetected):
                return self.meet_once()
        raise AssertionError("The login was never the one to be given up.")

    def meet_once(self) -> Any:
        Event.objects.update(status="draft")  # those of the attempt before
        self.pair = sorted((make_event(capacity=2), make_event(capacity=2)), key=lambda event: event.pk)
        session = arrive(self.alice)
        found: list[Any] = []
        with ExitStack() as stack:
            other = stack.enter_context(psycopg.connect(database_url()))
            other.execute(LOCK, [self.pair[1].pk])
            thread = in_thread(lambda: allocation.hold_for_login(user=self.alice, session=session), found)
            stack.callback(thread.join, PATIENCE)
            stack.callback(other.rollback)
            deadline = time.monotonic() + PATIENCE
            while not other.execute(WAITING).fetchall() and time.monotonic() < deadline:
                pass
            other.execute(LOCK, [self.pair[0].pk])
        return found[0]

    def test_a_login_that_was_the_victim_of_a_deadlock_is_held_its_places(self) -> None:
        self.assertIsNone(self.log_in_against_the_order())
        self.assertEqual([statuses(event) for event in self.pair], [[("alice", "held")]] * 2)

    def test_without_a_second_try_it_is_held_nothing(self) -> None:
        with mock.patch.object(locking, "TRIES", 1):
            self.assertEqual(self.log_in_against_the_order(), "40P01")
        self.assertEqual([statuses(event) for event in self.pair], [[], []])

    def test_a_booking_is_done_again_as_a_whole_and_gives_one_ticket(self) -> None:
        event = make_event(capacity=2)
        self.refuse("core_ticket", times=2)
        ticket = book(event, self.alice)
        self.assertEqual(self.tries(), 3)
        self.assertEqual(list(Ticket.objects.all()), [ticket])
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})
        self.assertEqual(ledger_problems(event), [])

    def test_after_the_third_time_it_fails_and_nothing_is_stored(self) -> None:
        event = make_event(capacity=2)
        self.refuse("core_ticket", times=3)
        with self.assertRaisesMessage(OperationalError, "refused"):
            book(event, self.alice)
        self.assertEqual(self.tries(), 3)
        self.assertEqual(numbers(event), {"held": 0, "booked": 0, "waiting": 0})

    def test_inside_another_transaction_it_is_not_done_again(self) -> None:
        event = make_event(capacity=2)
        self.refuse("core_ticket", times=1)
        with self.assertRaisesMessage(OperationalError, "refused"), transaction.atomic():
            book(event, self.alice)
        self.assertEqual(self.tries(), 1)

    def test_what_another_try_would_not_mend_is_not_done_again(self) -> None:
        event = make_event(capacity=2)
        self.refuse("core_ticket", times=1, code="53100")  # the disk is full
        with self.assertRaisesMessage(OperationalError, "refused"):
            book(event, self.alice)
        self.assertEqual(self.tries(), 1)


class EveryWriteTests(ConflictCase):
    """What is given up twice at its last write is done at the third time, as a whole and once."""

    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(auto_hold=False)

    def test_signing_out(self) -> None:
        join(self.event, self.alice)
        browser = visit(self.alice, headers=BROWSER)
        browser.get("/")
        self.refuse("core_auditentry", times=2)
        self.assertEqual(browser.post("/accounts/logout/").status_code, 302)
        self.assertEqual((self.tries(), statuses(self.event)), (3, [("alice", "released")]))
        self.assertEqual(list(AuditEntry.objects.values_list("action", flat=True)), ["signed_out"])
        self.assertFalse(UserSession.objects.filter(is_active=True).exists())

    def test_taking_back_a_scan(self) -> None:
        ticket = book(self.event, self.alice)
        scan = checkin.scan(code=ticket.code, event=self.event, staff=self.greta).scan
        self.refuse("core_auditentry", times=2)
        checkin.undo(scan_id=scan.pk, staff=self.greta, reason="Wrong person")
        ticket.refresh_from_db()
        self.assertEqual((self.tries(), ticket.checked_in_at), (3, None))
        self.assertEqual(list(AuditEntry.objects.values_list("action", flat=True)), ["scan_undone"])

    def test_what_a_device_did_without_a_network(self) -> None:
        ticket = book(self.event, self.alice)
        told = OfflineScan("n1", ticket_code.fingerprint(ticket.code), now(), dt.timedelta(), let_in=True)
        self.refuse("core_scan", times=2)
        [result] = offline.sync(self.event, self.greta, [told]).values()
        ticket.refresh_from_db()
        self.assertEqual((self.tries(), result.outcome, ticket.checked_in_by), (3, "admitted", self.greta))
        self.assertEqual(Scan.objects.count(), 1)


@skipUnless(connection.vendor == "postgresql", "SQLite has one lock, and waits for it in its own way")
class WaitTests(CastOfRaces, TransactionTestCase):
    def test_a_lock_is_waited_for_no_longer_than_is_said_and_after_that_as_long_as_before(self) -> None:
        event = make_event(capacity=2)
        with psycopg.connect(database_url()) as other:
            other.execute(LOCK, [event.pk])
            with waiting_at_most(0.01), self.assertRaises(OperationalError) as caught:
                book(event, self.alice)
        self.assertEqual(sqlstate(caught.exception), LOCK_NOT_AVAILABLE)
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            self.assertEqual(cursor.fetchone(), ("3s",))

    def test_a_batch_waits_as_long_as_who_has_waited_longest_has_patience(self) -> None:
        event = make_event(capacity=2)
        moment = time.monotonic()
        for asked_at, told in ((moment, []), (moment - gathering.PATIENCE + 1, ["SELECT set_config"])):
            asked = Asked("book", self.alice.pk, asked_at=asked_at)
            with CaptureQueriesContext(connection) as queries:
                gathering.carry_out(event.pk, [asked])
            self.assertEqual(asked.answer.result(), Ticket.objects.get())
            said = [query["sql"][:17] for query in queries if "lock_timeout" in query["sql"]]
            self.assertEqual(said, told)
