"""Logs say nothing that opens a door: neither codes of tickets nor links of offers. What is away is one line."""

import io
import logging
from collections.abc import Callable
from typing import Any
from unittest import skipUnless

from daphne.access import AccessLogGenerator
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db import InterfaceError, OperationalError, connection, transaction
from django.test import Client, SimpleTestCase, TestCase
from django.urls import reverse
from psycopg.errors import AdminShutdown, QueryCanceled
from redis.exceptions import ConnectionError as RedisConnectionError

from core import ticket_code
from core.logs import AwayInOneLine, MaskedLine, MaskTicketCodes, RefusedInOneLine, mask_access_log
from core.models.transfers import new_token
from core.now import now
from core.tests.cast import make_event, make_person
from core.tests.test_conflicts import run_sql
from core.tests.visits import BROWSER, visit


class MaskTests(TestCase):
    def setUp(self) -> None:
        self.secrets = {"code": ticket_code.make(7), "token": new_token()}
        self.paths = [f"/ticket/{self.secrets['code']}/", f"/transfers/{self.secrets['token']}/accept/"]

    def test_a_record_of_the_log_is_masked_and_the_rest_of_it_stays(self) -> None:
        for path in self.paths:
            record = logging.LogRecord("x", logging.INFO, "x", 1, "GET %s %d", (path, 200), None)
            self.assertTrue(MaskTicketCodes().filter(record))
            said = record.getMessage()
            self.assertEqual([secret for secret in self.secrets.values() if secret in said], [])
            self.assertTrue(said.startswith("GET /") and said.endswith("200"), said)

    def test_the_servers_own_access_log_is_masked(self) -> None:
        before = AccessLogGenerator.write_entry
        self.addCleanup(setattr, AccessLogGenerator, "write_entry", before)
        mask_access_log()
        stream = io.StringIO()
        for path in self.paths:
            entry = {"host": "h", "date": now(), "request": f"GET {path}", "status": 200, "length": 1}
            AccessLogGenerator(stream).write_entry(**entry)
        self.assertEqual([secret for secret in self.secrets.values() if secret in stream.getvalue()], [])
        self.assertEqual(stream.getvalue().count("[secret]"), 2)


class AwayTests(SimpleTestCase):
    def logged(self, error: Exception) -> str:
        """Return what the log says of an error that was raised."""
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.addFilter(AwayInOneLine())
        logger = logging.getLogger("core.tests.away")
        logger.addHandler(handler)
        logger.propagate = False
        self.addCleanup(logger.removeHandler, handler)
        try:
            raise error
        except type(error):
            logger.exception("the clock missed %s", "a second")
        return stream.getvalue()

    def test_of_a_database_or_a_redis_that_is_away_there_is_one_line(self) -> None:
        for kind in (OperationalError, InterfaceError, RedisConnectionError):
            said = self.logged(kind("no route\nto the host"))
            self.assertEqual(said, f"the clock missed a second: {kind.__name__} no route\n")

    def test_of_a_statement_that_took_too_long_there_is_its_trace_and_of_a_database_that_stops_none(self) -> None:
        for cause, has_trace in ((QueryCanceled("statement timeout"), True), (AdminShutdown("terminating"), False)):
            error = OperationalError(str(cause))
            error.__cause__ = cause
            with self.subTest(cause=cause):
                self.assertEqual("Traceback" in self.logged(error), has_trace)

    def test_of_any_other_error_there_is_its_trace(self) -> None:
        self.assertIn("Traceback", self.logged(ValueError("a bug")))


class RefusedTests(TestCase):
    """What people may not do is one line, as the handler of the settings writes it."""

    def logged(self, act: Callable[[], Any], logger: str) -> list[str]:
        """Return the lines that the log has of what somebody does."""
        [handler] = [one for one in logging.getLogger().handlers if isinstance(one.formatter, MaskedLine)]
        with self.assertLogs(logger) as logged:
            act()
        for record in logged.records:
            handler.filter(record)
        return "".join(handler.format(record) + "\n" for record in logged.records).splitlines()

    def test_a_page_that_somebody_may_not_see_is_one_line_with_its_path_and_the_reason(self) -> None:
        event = make_event()
        client = visit(make_person("bob"), headers=BROWSER)
        path = reverse("gate_report", args=[event.pk])
        [line] = self.logged(lambda: self.assertEqual(client.get(path).status_code, 403), "django.request")
        self.assertRegex(line, f" WARNING django.request .*Forbidden .*: {path}: .+")

    def test_a_form_without_a_token_is_one_line(self) -> None:
        client = Client(enforce_csrf_checks=True, headers=BROWSER)
        path = reverse("account_login")
        [line] = self.logged(lambda: self.assertEqual(client.post(path).status_code, 403), "django.security.csrf")
        self.assertRegex(line, f" WARNING django.security.csrf .*Forbidden \\(CSRF cookie not set.\\): {path}$")

    def test_what_else_is_refused_has_no_trace_and_a_bug_has_one(self) -> None:
        for error, is_bug in (
            (SuspiciousOperation("a path"), False),
            (BadRequest("a form"), False),
            (KeyError("x"), True),
        ):
            record = logging.LogRecord("x", logging.WARNING, "x", 1, "Refused", (), (type(error), error, None))
            RefusedInOneLine().filter(record)
            self.assertEqual(
                (record.getMessage(), bool(record.exc_info)), ("Refused" if is_bug else f"Refused: {error}", is_bug)
            )


@skipUnless(connection.vendor == "postgresql", "SQLite gives up no statement")
class SlowStatementTests(TestCase):
    def test_a_request_that_asks_too_much_is_answered_503_and_its_trace_is_logged(self) -> None:
        asked: list[str] = []

        def slow(execute: Any, sql: str, *rest: Any) -> Any:
            asked.append(sql)
            if len(asked) == 1:
                with transaction.atomic():
                    run_sql("SET LOCAL statement_timeout = 1; SELECT pg_sleep(9)")
            return execute(sql, *rest)

        make_event()
        with connection.execute_wrapper(slow), self.assertLogs("core.middleware") as logged:
            response = visit(headers=BROWSER).get("/")
        self.assertEqual((response.status_code, len(logged.records)), (503, 1))
        self.assertIn("Traceback", logged.output[0])
