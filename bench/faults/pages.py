"""Open pages, a few: sockets that note what they are told, and when they are left."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from bench.faults.probe import seconds_until
from bench.faults.site import HOST, Process

EVENTS, DASHBOARD = "/ws/events/", "/ws/dashboard/"
OPEN_SECONDS = 10


class Page:
    """One socket: the newest version of each event's numbers that it was told, and whether it is open."""

    def __init__(self, process: Process, path: str = EVENTS, session: str = "") -> None:
        self.versions: dict[int, int] = {}
        self.closed_at = 0.0
        cookie = {"Cookie": f"sessionid={session}"} if session else {}
        self._socket: ClientConnection = connect(
            f"ws://localhost{path}",
            sock=socket.create_connection((HOST, process.port), OPEN_SECONDS),
            origin="http://localhost",
            additional_headers=cookie,
            open_timeout=OPEN_SECONDS,
            ping_interval=None,
        )
        self._note(json.loads(self._socket.recv(OPEN_SECONDS)))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError, WebSocketException):
            for text in self._socket:
                self._note(json.loads(text))
        self.closed_at = time.time()

    def _note(self, message: dict[str, Any]) -> None:
        for stats in [message] if message["type"] == "stats" else message.get("events", []):
            self.versions[stats["event"]] = max(stats["version"], self.versions.get(stats["event"], 0))

    def seconds_until_told(self, event: int, version: int, patience: float) -> float:
        """Return how long it takes until it was told this version, or a newer one; infinity if it takes longer."""
        return seconds_until(lambda: self.versions.get(event, 0) >= version, patience, 0.01)

    def close(self) -> None:
        """Leave."""
        with contextlib.suppress(OSError, WebSocketException):
            self._socket.close()


@contextmanager
def open_pages(processes: list[Process], path: str = EVENTS, session: str = "") -> Iterator[list[Page]]:
    """Open one page at each process, until the block ends."""
    with ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(Page(process, path, session))) for process in processes]
