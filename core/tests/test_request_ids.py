"""Every answer and every line about it has one number; lines of the log are JSON, and name nobody."""

import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from channels.testing import WebsocketCommunicator
from django.test import SimpleTestCase, TestCase, override_settings
from django.urls import path

from core import ticket_code
from core.logs import MaskedJson, MaskedLine
from core.operations import request_id
from core.tests.sockets import PATIENCE, SocketCase, headers_of
from core.tests.visits import BROWSER, visit
from core.urls import urlpatterns as ours
from event_ticketing import urls as site
from event_ticketing.asgi import application

NUMBER = re.compile(r"[0-9a-f]{32}")


def fail(request: Any) -> Any:
    """Fail, as no page should."""
    raise ValueError("of alice@example.org")


urlpatterns = [path("fails/", fail), *ours, *site.urlpatterns]
handler500 = site.handler500


@contextmanager
def logged(formatter: logging.Formatter) -> Iterator[io.StringIO]:
    """Collect what is logged within the block, by whatever logger."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(request_id.WithRequestId())
    levels = {name: logging.getLogger(name).level for name in ("", "django")}
    root = logging.getLogger()
    others, root.handlers = root.handlers, [handler]
    for name in levels:
        logging.getLogger(name).setLevel(logging.INFO)
    try:
        yield stream
    finally:
        root.handlers = others
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


class AnswerTests(TestCase):
    def number_of(self, path: str, given: str = "") -> str:
        headers = {request_id.HEADER: given} if given else {}
        number: str = visit(headers=headers).get(path).headers[request_id.HEADER]
        return number

    def test_every_answer_has_a_number_of_its_own(self):
        numbers = [self.number_of(address) for address in ("/", "/healthz", "/nowhere/", "/metrics", "/?q=%00")]
        self.assertEqual([number for number in numbers if not NUMBER.fullmatch(number)], [])
        self.assertEqual(len(set(numbers)), len(numbers))

    def test_the_number_that_a_proxy_gives_is_taken(self):
        for given in ("0123abcd", "A-b_c.d-1", "f" * 64):
            self.assertEqual(self.number_of("/healthz", given), given)

    def test_what_could_write_lines_of_its_own_is_not(self):
        for given in (
            "short",
            "f" * 65,
            "two words ok",
            "line\tbreak1",
            "<script>x</script>",
            "ünïcödë-id",
            "a,b;c=d12",
        ):
            with self.subTest(given=given):
                self.assertTrue(NUMBER.fullmatch(self.number_of("/healthz", given)))

    def test_nothing_is_left_of_it_after_the_answer(self):
        self.number_of("/healthz")
        self.assertEqual(request_id.current(), "-")


class FailureTests(TestCase):
    @override_settings(ROOT_URLCONF=__name__)
    def test_a_page_that_failed_shows_its_number_and_the_log_has_the_same(self):
        client = visit(headers=BROWSER, raise_request_exception=False)
        with logged(MaskedJson()) as stream:
            response = client.get("/fails/")
        number = response.headers[request_id.HEADER]
        self.assertEqual(response.status_code, 500)
        self.assertContains(response, number, status_code=500)
        [line] = [json.loads(line) for line in stream.getvalue().splitlines()]
        self.assertEqual((line["request_id"], line["level"], line["logger"]), (number, "ERROR", "django.request"))
        self.assertIn("ValueError: of [address]", line["exc_info"])
        self.assertEqual(set(line), {"time", "level", "logger", "message", "request_id", "exc_info"})


class LineTests(SimpleTestCase):
    def said(self, formatter: logging.Formatter) -> str:
        """Return what is logged of a code and an address, in a message, its trace, and what a library adds."""
        code = ticket_code.make(7)
        with logged(formatter) as stream:
            try:
                raise ValueError(f"{code} of bob.b+x@mail.example.org")  # noqa: TRY301 -- for its trace
            except ValueError:
                logging.getLogger("core").exception("%s\nof alice@example.org", code, extra={"email": "a@b.example"})
        self.assertNotIn(code, stream.getvalue())
        return stream.getvalue()

    def test_codes_and_addresses_are_in_neither_form(self):
        for formatter in (MaskedJson(), MaskedLine("{asctime} {levelname} {request_id} {message}", style="{")):
            said = self.said(formatter)
            self.assertEqual(
                (said.count("[secret]"), said.count("[address]"), said.count("@")), (2, 3, 0), said
            )  # its line of code is in the trace

    def test_json_is_one_line_a_record_whatever_is_in_it(self):
        [line] = self.said(MaskedJson()).splitlines()
        self.assertEqual(json.loads(line)["message"], "[secret]\nof [address]")

    def test_a_long_line_without_an_address_is_as_soon_looked_at(self):
        record = logging.LogRecord("x", logging.INFO, "x", 1, "a" * 200_000, (), None)
        with patch.object(record, "request_id", "-", create=True):
            self.assertEqual(json.loads(MaskedJson().format(record))["message"], "a" * 200_000)


class SocketNumberTests(SocketCase):
    async def test_a_socket_is_told_its_number_as_it_is_accepted(self):
        for address in ("/ws/events/", "/ws/dashboard/"):
            socket = WebsocketCommunicator(application, address, headers=headers_of(None, x_request_id="socket-12345"))
            self.opened.append(socket)
            await socket.send_input({"type": "websocket.connect"})
            accepted = await socket.receive_output(PATIENCE)
            self.assertEqual(dict(accepted["headers"]), {b"x-request-id": b"socket-12345"})
        await self.close()
