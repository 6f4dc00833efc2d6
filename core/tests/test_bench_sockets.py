"""The benches' own sockets: they keep what a page is told, and an answer that comes too late answers nothing else."""

import json
from importlib.util import find_spec
from typing import Any
from unittest import mock, skipUnless

from django.test import SimpleTestCase

from bench.visits import SILENT, Page


@skipUnless(find_spec("picows"), "needs the packages of the benches (make setup-bench)")
class SocketTests(SimpleTestCase):
    async def open(self) -> None:
        """Open a page of person 7."""
        from bench.one_socket import Socket  # noqa: PLC0415 -- needs those packages

        self.socket = Socket(Page(7, "/ws/dashboard/"))
        self.socket.on_ws_connected(mock.Mock())

    def tell(self, kind: str, **said: Any) -> None:
        """Let a message come, as the server writes it."""
        from picows import WSMsgType  # noqa: PLC0415 -- as above

        text = json.dumps({"type": kind, **said}, separators=(",", ":")).encode()
        self.socket.on_ws_frame(None, mock.Mock(msg_type=WSMsgType.TEXT, get_payload_as_bytes=lambda: text))

    async def test_what_is_ones_own_is_kept_beside_the_numbers(self) -> None:
        await self.open()
        hold = {"event": 1, "status": "waiting", "expires_at": None, "position": 4}
        self.tell("snapshot", events=[{"event": 1, "version": 1}], holds=[hold], tickets=[], now="")
        self.tell("stats", event=1, version=2)
        self.tell("position", event=1, position=3, ahead=2, wait_seconds=None)
        self.tell("ticket", event=2, code="A", status="valid")
        self.assertEqual(self.socket.shown, {1: {"type": "stats", "event": 1, "version": 2}})
        self.assertEqual(self.socket.own.places, {1: ("waiting", None, 3)})
        self.assertEqual(self.socket.own.tickets, {(2, "A"): "valid"})

    async def test_an_answer_to_what_was_given_up_is_none_to_what_is_asked_next(self) -> None:
        await self.open()
        self.socket.start([("join", 1), ("book", 1)])
        self.tell("result", key="7-1", status="held")
        first, given_up = self.socket.take_answers()
        self.assertEqual((first.kind, given_up.kind, given_up.body), ("join", "book", SILENT))
        self.tell("result", key="7-2", status="booked", ticket="A")
        self.assertEqual(self.socket.take_answers(), [])
