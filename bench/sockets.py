"""Open pages, by the thousand: sockets in processes of their own that note when each was told what.

picows parses frames in C; one message to thousands of sockets is the same bytes each time, and is decoded once. Nothing
here knows Django. A process is told what to do through a pipe, one thing at a time.
"""

import asyncio
import contextlib
import functools
import gc
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from typing import Any

import picows
import uvloop

from bench.load import HOST, LEAD, PATIENCE, PROCESSES, raise_file_limit
from bench.told import Ever, Own, Shown
from bench.visits import FOREIGN, REFUSED, SILENT, Answer, Page

OF_ALL = b'"stats"'  # the type of messages to thousands, among their first bytes
FIRST = len(b'{"type": "stats"')
AT_ONCE = 64  # handshakes under way in each process
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
        self.backwards: list[str] = []  # what was told after something newer
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
            self.backwards.append(f"event {event}: version {version} after {before['version']}")
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


class Crowd:
    """The pages of one process; each method is what the other side of the pipe may ask for."""

    def __init__(self) -> None:
        self.sockets: list[Socket] = []

    async def open(
        self, ports: list[int], pages: list[Page], number: int, patience: float
    ) -> list[tuple[float, float]]:
        """Open pages, a number at a time; return `(seconds to the handshake, to the snapshot)` of each; -1: never."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def connect(n: int, page: Page) -> tuple[float, float]:
            async with gate:
                address = f"127.{3 + number}.{n // 250}.{1 + n % 250}"
                return await self._connect(ports[(n + number) % len(ports)], page, address, patience)

        return list(await asyncio.gather(*(connect(n, page) for n, page in enumerate(pages))))

    async def _connect(self, port: int, page: Page, address: str, patience: float) -> tuple[float, float]:
        began = time.time()
        cookie = [("Cookie", f"sessionid={page.session}")] if page.session else []
        headers = [("Host", "localhost"), ("Origin", "http://localhost"), *cookie]
        listener = Socket(page)
        try:
            await picows.ws_connect(
                lambda: listener,
                f"ws://{HOST}:{port}{page.path}",
                extra_headers=headers,
                websocket_handshake_timeout=patience,
                local_addr=(address, 0),
                read_buffer_init_size=2048,
            )
        except Exception:  # noqa: BLE001 -- whatever it is, this page is not open
            return -1, -1
        if listener.transport is None:  # its process was killed in the middle of the handshake
            return -1, -1
        self.sockets.append(listener)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(listener.greeted.wait(), patience)
        return listener.connected_at - began, listener.snapshot_at - began if listener.snapshot_at else -1

    async def watch(self, event: int) -> None:
        """Note from now on what is told of this event."""
        for socket in self.sockets:
            socket.watched, socket.told = event, []

    async def told(self, version: int) -> list[float]:
        """Return when each page that reads was first told this version, or a higher one; infinity: not yet."""
        return [
            next((at for told, at in socket.told if told >= version), float("inf"))
            for socket in self.sockets
            if not socket.page.stalled
        ]

    async def lags(self) -> list[float]:
        """Return how many seconds after the moment that each message names, as its version in ms, it came."""
        return [at - version / 1000 for socket in self.sockets for version, at in socket.told]

    async def shown(self) -> list[Shown]:
        """Return what each open page shows."""
        there = [socket for socket in self.sockets if not socket.closed_at]
        return [Shown(socket.page.user, socket.shown, socket.own.places, socket.own.tickets) for socket in there]

    async def ask(self, asks: dict[int, list[tuple[str, int]]], at: float, patience: float = PATIENCE) -> list[Answer]:
        """Let people ask, all at `at`; return what they were answered, status 0 where nothing came in this time."""
        sockets = [socket for socket in self.sockets if socket.page.user in asks]
        await asyncio.sleep(at - time.time())
        for socket in sockets:
            socket.start(asks[socket.page.user])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                for socket in sockets:
                    await socket.finished.wait()
        return [answer for socket in sockets for answer in socket.take_answers()]

    async def close(self) -> list[Ever]:
        """Leave all pages; return what each was ever told."""
        for socket in self.sockets:
            socket.transport.disconnect()
        return self._forget(self.sockets)

    async def clear(self) -> list[Ever]:
        """Forget the pages that were closed; return what each was ever told."""
        return self._forget([socket for socket in self.sockets if socket.closed_at])

    async def people(self) -> list[int]:
        """Return whose pages are there: once those that were closed are forgotten, whose are open."""
        return [socket.page.user for socket in self.sockets]

    def _forget(self, sockets: Sequence[Socket]) -> list[Ever]:
        gone = set(sockets)
        self.sockets = [socket for socket in self.sockets if socket not in gone]
        return [Ever(each.page.user, each.backwards, each.own.codes, each.own.holds) for each in sockets]


@dataclass
class Pages:
    """The pages of all processes, from the side that tells them what to do."""

    pipes: list[Pipe]

    def each(self, method: str, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Call a method of every process's crowd at once, each with arguments of its own; return what each returned."""
        for pipe, own in zip(self.pipes, arguments, strict=True):
            pipe.send((method, own))
        return [pipe.recv() for pipe in self.pipes]

    def all(self, method: str, *arguments: Any) -> list[Any]:
        """Call a method of every process's crowd at once, with the same arguments."""
        return self.each(method, [arguments] * len(self.pipes))

    def open(self, ports: list[int], pages: Sequence[Page], patience: float = PATIENCE) -> list[tuple[float, float]]:
        """Open pages; return `(seconds to the handshake, to the snapshot)` of each.

        A handshake that is broken off is given up after so many seconds of patience: picows does not notice.
        """
        if not ports:
            sys.exit("These servers take no sockets: add some, as in granian-wsgi:2+uvicorn:1.")
        parts = [(ports, list(pages[n::PROCESSES]), n, patience) for n in range(PROCESSES)]
        return [times for part in self.each("open", parts) for times in part]

    def ask(self, asks: dict[int, list[tuple[str, int]]]) -> list[Answer]:
        """Let people ask over their pages, all at one moment: `{user: [(kind, event)]}`; return all answers."""
        if not asks:
            return []
        parts = self.all("ask", asks, time.time() + LEAD)
        return sorted((answer for part in parts for answer in part), key=lambda answer: answer.answered)


@contextmanager
def opening() -> Iterator[Pages]:
    """Start the processes of the pages, and end them."""
    context = multiprocessing.get_context("spawn")
    pipes, children = [], []
    for _ in range(PROCESSES):
        ours, theirs = context.Pipe()
        child = context.Process(target=_run, args=(theirs,), daemon=True)
        child.start()
        pipes.append(ours)
        children.append(child)
    try:
        yield Pages(pipes)
    finally:
        for child in children:
            child.terminate()
            child.join()


def _run(pipe: Pipe) -> None:
    raise_file_limit()
    gc.disable()
    uvloop.run(_obey(pipe))


async def _obey(pipe: Pipe) -> None:
    crowd = Crowd()
    while True:
        # In a thread: a loop that watched the pipe would make it non-blocking, and what is long would come in pieces.
        method, arguments = await asyncio.to_thread(pipe.recv)
        act: Callable[..., Coroutine[Any, Any, Any]] = getattr(crowd, method)
        await asyncio.to_thread(pipe.send, await act(*arguments))
