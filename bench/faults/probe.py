"""Single questions to a web process, and to the database, from outside."""

import contextlib
import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from bench.faults.site import HOST, OK, Process

PATIENCE = 60.0  # seconds
STATS = "/api/ticket-stats/1/"
GONE = 0


@dataclass(frozen=True)
class Told:
    """What was answered, after so many seconds; status 0: nothing."""

    status: int
    seconds: float
    body: bytes = b""
    retry_after: str = ""


def tell(  # noqa: PLR0913 -- as many as a request has
    process: Process,
    path: str,
    *,
    session: str = "",
    method: str = "GET",
    timeout: float = 10,
    accept: str = "text/html",
    form: str = "",
) -> Told:
    """Return what is answered; a POST bears the token that its cookie has, and may bear a form, encoded."""
    began = time.monotonic()
    cookies = [f"sessionid={session}"] * bool(session) + ["csrftoken=" + "b" * 32] * (method == "POST")
    headers = {"Host": "localhost", "Accept": accept, "Origin": "http://localhost", "X-CSRFToken": "b" * 32}
    headers |= {"Cookie": "; ".join(cookies)} if cookies else {}
    headers |= {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection(HOST, process.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, path, form or None, headers)
            response = connection.getresponse()
            body = response.read()
            took = time.monotonic() - began
            return Told(response.status, took, body, response.getheader("Retry-After") or "")
    return Told(GONE, time.monotonic() - began)


def ask(
    process: Process,
    path: str,
    *,
    session: str = "",
    method: str = "GET",
    timeout: float = 10,
    accept: str = "text/html",
) -> int:
    """Return the status of an answer; 0 where there was none."""
    return tell(process, path, session=session, method=method, timeout=timeout, accept=accept).status


def seconds_until_good(process: Process, path: str = STATS, *, good: int = OK) -> float:
    """Return how long it takes until a path is answered as it should be; infinity if it never is."""
    return seconds_until(lambda: ask(process, path) == good)


def seconds_until(is_so: Callable[[], bool], patience: float = PATIENCE, pause: float = 0.05) -> float:
    """Return how long it takes until something is so; infinity if it never is."""
    began = time.monotonic()
    while time.monotonic() - began < patience:
        if is_so():
            return time.monotonic() - began
        time.sleep(pause)
    return float("inf")


def rows(url: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Ask a database over a connection of its own."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        return connection.execute(statement.encode(), values).fetchall()
