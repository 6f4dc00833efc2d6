"""One open page's socket, which notes when it was told what, asks, and keeps what it was answered.

picows parses frames in C; one message to thousands of sockets is the same bytes each time, and is decoded once.
"""

import asyncio
import functools
import json
import time
from collections.abc import Sequence
from typing import Any

import picows

from bench.told import Own
from bench.visits import FOREIGN, REFUSED, SILENT, Answer, Page

OF_ALL = b'"stats"'  # the type of messages to thousands, among their first bytes
FIRST = len(b'{"type": "stats"')
STATUSES = {"held": 200, "booked": 200, "released": 200, "left": 200, "waiting": 202, "unavailable": 503}


@functools.lru_cache(maxsize=4096)
def _decoded(payload: bytes) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(payload)
    return message


class Socket(picows.WSListener):  # type: ignore[misc]  # -- picows has no types
    """One socket: what it was told of the watched event, and what it asked."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.connected_at = self.snapshot_at = self.closed_at = 0.0
        self.greeted = asyncio.Event()  # or never will be
        self.told: list[tuple[int, float]] = []  # version of an event's numbers, and when it came
        self.shown: dict[int, dict[str, Any]] = {}  # the newest numbers of each event
        self.own = Own()
        self.backwards: list[tuple[int, str]] = []  # what was told after something newer, by event
        self.watched = 0
        self.answers: list[Answer] = []
        self._asks: list[tuple[str, int]] = []
        self._serial = 0  # of the question that is not answered yet
        self._sent = 0.0
        self.finished = asyncio.Event()  # all that it asked was answered, or never will be
        self.transport: Any = None

    def on_ws_connected(self, transport: Any) -> None:
        """Keep what to write to; who is stalled reads nothing from here on."""
        self.transport, self.connected_at = transport, time.time()
        if self.page.stalled:
            self.greeted.set()
            transport.underlying_transport.pause_reading()

    def on_ws_disconnected(self, transport: Any) -> None:
        """Note when the server gave up."""
        self.closed_at = time.time()
        self.greeted.set()
        self.finished.set()

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        """Note what came."""
        if frame.msg_type == picows.WSMsgType.CLOSE:  # picows leaves the answer to us
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        if frame.msg_type != picows.WSMsgType.TEXT:
            return
        moment = time.time()
        payload = frame.get_payload_as_bytes()
        message = _decoded(payload) if OF_ALL in payload[:FIRST] else json.loads(payload)
        kind = message["type"]
        if kind == "stats":
            self._show(message)
            if message["event"] == self.watched:
                self.told.append((message["version"], moment))
        elif kind == "snapshot":
            self.snapshot_at = moment
            for stats in message["events"]:
                self._show(stats)
            self.own.hear(message)
            self.greeted.set()
        elif kind == "result":
            self._note(message, moment)
        else:
            self.own.hear(message)

    def _show(self, stats: dict[str, Any]) -> None:
        event, version = stats["event"], stats["version"]
        before = self.shown.get(event)
        if before is not None and version < before["version"]:
            self.backwards.append((event, f"version {version} after {before['version']}"))
        self.shown[event] = stats

    def start(self, asks: Sequence[tuple[str, int]]) -> None:
        """Ask for one thing after the other, as long as each is granted at once."""
        self._asks, self._sent = list(asks), time.time()
        if not self.closed_at:
            self.finished.clear()
            self._ask()

    def _ask(self) -> None:
        kind, event = self._asks[0]
        self._serial += 1
        self._sent = time.time()
        text = json.dumps({"type": kind, "event": event, "key": self._key()})
        self.transport.send(picows.WSMsgType.TEXT, text.encode())

    def _key(self) -> str:
        return f"{self.page.user}-{self._serial}"

    def _note(self, message: dict[str, Any], moment: float) -> None:
        is_mine = message["key"].startswith(f"{self.page.user}-")
        if is_mine and (not self._asks or message["key"] != self._key()):
            return  # the answer to a question that was given up
        kind = self._asks.pop(0)[0] if self._asks else "other"
        status = STATUSES.get(message["status"], REFUSED) if is_mine else FOREIGN
        body = json.dumps(message).encode()
        self.answers.append(Answer(self.page.user, kind, self._sent, moment, status, body))
        if self._asks and message["status"] == "held":
            self._ask()
        else:
            self.finished.set()

    def take_answers(self) -> list[Answer]:
        """Return what was answered since the start, and status 0 for the answer that did not come."""
        answers, self.answers = self.answers, []
        asks, self._asks = self._asks, []  # given up: an answer that comes later is none to what is asked next
        if asks and (self.closed_at or not self.finished.is_set()):
            why = b"closed" if self.closed_at else SILENT
            answers.append(Answer(self.page.user, asks[0][0], self._sent, time.time(), 0, why))
        return answers
