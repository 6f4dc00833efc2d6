"""Browsers, from processes of their own: connections kept open, each asking one thing after the other.

A parser in C on uvloop: a request costs the load some 50 microseconds, so that the two cores are the servers'. Nothing
here knows Django.
"""

import asyncio
import contextlib
import gc
import math
import multiprocessing
import resource
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httptools
import uvloop

from bench.visits import BUSY, DONE, FOUND, NO_RETRY_AFTER, SESSION, Answer, Visit

HOST = "127.0.0.1"
PROCESSES = 2
PATIENCE = 300.0  # seconds until who is not answered is given up
LEAD = 1.0  # seconds in which all connections are made, before the first asks
BACK = 0.2  # seconds between two tries of a lasting browser to connect again
AGAIN = 1.0  # seconds until what was answered 503 is asked again
LARGEST_KEPT = 2000  # bytes of an answer that are kept


@dataclass(frozen=True)
class Part:
    """What one process of the load does: visits, over so many connections, from `begins` on, for `seconds` if any."""

    number: int
    ports: list[int]
    visits: Sequence[Visit]
    connections: int
    begins: float
    seconds: float
    lasting: bool


class Connection(asyncio.Protocol):
    """One browser: makes its visits in turn; where a time is set until which it may ask, no more after that."""

    def __init__(self, visits: Sequence[Visit], until: float, answers: list[Answer]) -> None:
        self.visits, self.until, self.answers = visits, until or math.inf, answers
        self.done = asyncio.get_running_loop().create_future()
        self.transport: Any = None
        self._visit, self._step = 0, 0
        self._sent = 0.0
        self._session = b""
        self._parser: Any = None
        self._again: asyncio.TimerHandle | None = None  # when what was answered 503 is asked again
        self.connect_again: Callable[[], Coroutine[Any, Any, object]] | None = None  # what a lasting browser does

    def connection_made(self, transport: Any) -> None:
        """Keep what to write to."""
        self.transport = transport

    def start(self) -> None:
        """Ask for the first time."""
        if self.visits:
            self._ask()
        else:
            self._finish()

    def _ask(self) -> None:
        if self.done.done():  # the connection broke before its turn came
            return
        request = self.visits[self._visit].asks[self._step].request
        if SESSION in request:
            request = request.replace(SESSION, self._session)
        self._parser, self._body, self._size = httptools.HttpResponseParser(self), b"", 0
        self._is_told_when = False
        self._sent = time.time()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the session that a login gives, and whether it is said when to come again."""
        self._is_told_when = self._is_told_when or name.lower() == b"retry-after"
        if name.lower() == b"set-cookie" and value.startswith(b"sessionid="):
            self._session = value.partition(b"=")[2].partition(b";")[0]

    def on_body(self, body: bytes) -> None:
        """Keep a short answer."""
        self._size += len(body)
        if self._size <= LARGEST_KEPT:
            self._body += body

    def on_message_complete(self) -> None:
        """Note the answer, and go on."""
        status = self._parser.get_status_code()
        if status == BUSY and not self._is_told_when:
            self._body = NO_RETRY_AFTER
        self._note(status)
        if status == BUSY:
            self._again = asyncio.get_running_loop().call_later(AGAIN, self._ask)
            return
        self._step += 1
        self._go_on(gives_up=status not in {DONE, FOUND})

    def _go_on(self, *, gives_up: bool) -> None:
        if gives_up or self._step == len(self.visits[self._visit].asks):
            self._visit, self._step = self._visit + 1, 0
        if self._visit == len(self.visits) or self.until < time.time():
            self._finish()
        else:
            self._ask()

    def _note(self, status: int) -> None:
        visit = self.visits[self._visit]
        kind = visit.asks[self._step].kind
        self.answers.append(Answer(visit.user, kind, self._sent, time.time(), status, self._body))

    def connection_lost(self, error: Exception | None) -> None:
        """Note that there will be no answer, unless all were there; a lasting browser comes back for its next visit."""
        if self.done.done():
            return
        if self._again is not None and self._again.when() > asyncio.get_running_loop().time():
            self._again.cancel()  # nothing was asked meanwhile
        else:
            self._body = repr(error).encode()
            self._note(0)
        if self.connect_again is None:
            self._finish()
        else:
            self._coming_back = asyncio.ensure_future(self._come_back(self.connect_again))

    async def _come_back(self, connect: Callable[[], Coroutine[Any, Any, object]]) -> None:
        while time.time() < self.until:
            await asyncio.sleep(BACK)
            with contextlib.suppress(OSError):
                await connect()
                self._go_on(gives_up=True)
                return
        self._finish()

    def leave(self) -> None:
        """Break off."""
        self.transport.abort()

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class Load:
    """The processes of the load, and the ports that they ask in turn."""

    def __init__(self, executor: ProcessPoolExecutor) -> None:
        self._executor = executor

    def play(
        self,
        ports: Sequence[int],
        visits: Sequence[Visit],
        *,
        connections: int,
        at: float = 0,
        seconds: float = 0,
        lasting: bool = False,
    ) -> list[Answer]:
        """Make all visits over so many connections, from `at` (time.time()) on; return the answers as they came.

        With `seconds` nobody asks any more once they are over, whoever is left. A `lasting` browser whose connection
        breaks connects again, and goes on with its next visit.
        """
        begins = at or time.time() + LEAD
        each = -(-connections // PROCESSES)
        rest = (each, begins, seconds, lasting)
        parts = [Part(n, list(ports), visits[n::PROCESSES], *rest) for n in range(PROCESSES)]
        running = [self._executor.submit(_play_part, part) for part in parts]
        return sorted((answer for part in running for answer in part.result()), key=lambda answer: answer.answered)


def raise_file_limit() -> None:
    """Let this process, and those it starts, open as many sockets as the machine allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextmanager
def loading() -> Iterator[Load]:
    """Start the processes of the load, and end them."""
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as executor:
        for future in [executor.submit(time.sleep, 0.2) for _ in range(PROCESSES)]:  # so that all are there
            future.result()
        yield Load(executor)


def _play_part(part: Part) -> list[Answer]:
    raise_file_limit()
    gc.disable()  # a pause of the load would be taken for one of the server
    try:
        answers: list[Answer] = uvloop.run(_play(part))
        return answers
    finally:
        gc.enable()


async def _play(part: Part) -> list[Answer]:
    answers: list[Answer] = []
    browsers = [await _connect(part, n, answers) for n in range(min(part.connections, len(part.visits)))]
    await asyncio.sleep(part.begins - time.time())
    for browser in browsers:
        browser.start()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE + part.seconds):
            await asyncio.gather(*(browser.done for browser in browsers))
    for browser in browsers:
        browser.leave()
    await asyncio.sleep(0)
    return answers


async def _connect(part: Part, n: int, answers: list[Answer]) -> Connection:
    """Connect from an address of its own, as on a public site: logins are limited by address."""
    until = part.begins + part.seconds if part.seconds else 0
    browser = Connection(part.visits[n :: part.connections], until, answers)
    address = f"127.{1 + part.number}.{n // 250}.{1 + n % 250}"
    port = part.ports[(n + part.number) % len(part.ports)]

    async def connect() -> None:
        await asyncio.get_running_loop().create_connection(lambda: browser, HOST, port, local_addr=(address, 0))

    while True:
        try:
            await connect()
        except OSError:
            if not part.lasting:
                raise
            await asyncio.sleep(BACK)
        else:
            break
    if part.lasting:
        browser.connect_again = connect
    return browser
