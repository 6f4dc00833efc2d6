"""Browsers that do not give up: who gets 503 or no answer asks the same again, as people and `ask.js` do.

Threads, not the light load of `bench/load.py`: a fault needs a few dozen requests a second, and patience.
"""

import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException, HTTPResponse

from bench.visits import BUSY, DONE, FOUND, SESSION, Answer, Ask, Visit

HOST = "127.0.0.1"
GONE = 0  # in place of a status: the connection broke, or nothing came
RUDE = 599  # in place of a 503 that does not say when to come again
AGAIN = 0.5  # seconds until the same is asked again
PATIENCE = 30.0  # seconds until an answer is given up
GIVE_UP = 90.0  # seconds until the same is not asked any more
LARGEST_KEPT = 4000  # bytes of an answer


class Browsers:
    """Visits that are made by threads, each taking the next one; `close` lets nobody begin another."""

    def __init__(self, ports: Sequence[int], visits: Sequence[Visit], patience: float = PATIENCE) -> None:
        self.ports, self.patience = list(ports), patience
        self._visits = deque(visits)
        self._answers: list[Answer] = []
        self._closed = threading.Event()

    def play(self, connections: int) -> list[Answer]:
        """Make all visits over so many connections; return the answers as they came."""
        with ThreadPoolExecutor(connections) as threads:
            for future in [threads.submit(self._run, n) for n in range(connections)]:
                future.result()
        return sorted(self._answers, key=lambda answer: answer.answered)

    def close(self) -> None:
        """Let nobody begin a visit any more."""
        self._closed.set()

    def _run(self, number: int) -> None:
        browser = Browser(self.ports, number, self.patience)
        with contextlib.suppress(IndexError), contextlib.closing(browser):
            while not self._closed.is_set():
                self._make(browser, self._visits.popleft())

    def _make(self, browser: "Browser", visit: Visit) -> None:
        browser.session = b""
        for ask in visit.asks:
            deadline = time.time() + GIVE_UP
            while True:
                answer = browser.send(visit.user, ask)
                self._answers.append(answer)
                if answer.status not in {GONE, BUSY, RUDE} or time.time() > deadline:
                    break
                time.sleep(AGAIN)
            if answer.status not in {DONE, FOUND}:
                return


class Browser:
    """One connection at a time; from an address of its own, as logins are limited by address."""

    def __init__(self, ports: Sequence[int], number: int = 0, patience: float = PATIENCE) -> None:
        self.ports, self.patience, self.session = ports, patience, b""
        self._next, self._address = number, f"127.9.{number // 250}.{1 + number % 250}"
        self._socket: socket.socket | None = None

    def send(self, user: int, ask: Ask) -> Answer:
        """Ask, and wait for the answer; whatever goes wrong, the next question goes to the next process."""
        sent = time.time()
        try:
            status, body = self._ask(ask.request.replace(SESSION, self.session))
        except (OSError, HTTPException) as error:
            status, body = GONE, repr(error).encode()
        if status in {GONE, BUSY, RUDE}:
            self.close()
            self._next += 1
        return Answer(user, ask.kind, sent, time.time(), status, body)

    def _ask(self, request: bytes) -> tuple[int, bytes]:
        if self._socket is None:
            to = HOST, self.ports[self._next % len(self.ports)]
            self._socket = socket.create_connection(to, self.patience, (self._address, 0))
        self._socket.sendall(request)
        response = HTTPResponse(self._socket)
        response.begin()
        body = response.read()[:LARGEST_KEPT]
        self._keep_session(response)
        if response.will_close:
            self.close()
        is_rude = response.status == BUSY and not response.getheader("Retry-After")
        return RUDE if is_rude else response.status, body

    def _keep_session(self, response: HTTPResponse) -> None:
        for cookie in response.headers.get_all("Set-Cookie") or ():
            if cookie.startswith("sessionid="):
                self.session = cookie.partition("=")[2].partition(";")[0].encode()

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
