"""Open pages, by the thousand: sockets (`bench/one_socket.py`) in processes of their own.

Nothing here knows Django. A process is told what to do through a pipe, one thing at a time.
"""

import asyncio
import contextlib
import gc
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
from bench.one_socket import Socket
from bench.told import Ever, Shown
from bench.visits import Answer, Page

AT_ONCE = 64  # handshakes under way in each process


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

    async def ever(self) -> list[Ever]:
        """Return what each page was ever told."""
        return [_ever(socket) for socket in self.sockets]

    async def close(self) -> None:
        """Leave all pages."""
        for socket in self.sockets:
            socket.transport.disconnect()
        self.sockets = []

    async def clear(self) -> list[Ever]:
        """Forget the pages that were closed; return what each was ever told."""
        gone = [socket for socket in self.sockets if socket.closed_at]
        self.sockets = [socket for socket in self.sockets if not socket.closed_at]
        return [_ever(socket) for socket in gone]

    async def people(self) -> list[int]:
        """Return whose pages are there: once those that were closed are forgotten, whose are open."""
        return [socket.page.user for socket in self.sockets]


def _ever(socket: Socket) -> Ever:
    return Ever(socket.page.user, socket.backwards, socket.own.codes, socket.own.holds)


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
