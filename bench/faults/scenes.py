"""What several faults need: a database before its models, nodes of a site on it, and somebody who asks them."""

import contextlib
import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.module_loading import import_string
from websockets.sync.client import connect

from bench.common import throwaway
from bench.faults.cluster import Cluster, running_cluster
from bench.faults.report import Play, Report
from bench.faults.site import HOST, Process, Site, running_site
from bench.processor import family
from bench.visits import BUSY, TOKEN
from tools.servers import PAGES, SOCKETS

ONE_WORKER = PAGES.replace("--workers 2", "--workers 1")
BOUNDARY = "------------------------faults"
__all__ = ["ONE_WORKER", "PAGES", "SOCKETS"]


def on_a_database(play: str, *, sqlite: bool = False) -> Play:
    """Return how to play what `play` names, on a database of its own: its module imports models, which must wait."""

    def played(report: Report, quick: bool) -> None:
        with throwaway(sqlite=sqlite):
            import_string(play)(report, quick)

    return played


def on_a_cluster(play: str, **parameters: Any) -> Play:
    """Return the same on a server of its own, the third argument, with parameters as `postgresql.conf` has them."""

    def played(report: Report, quick: bool) -> None:
        with running_cluster(**parameters) as cluster, throwaway(cluster.url):
            import_string(play)(report, quick, cluster)

    return played


@contextmanager
def site_of(*kinds: str, redis: bool = True, **environment: str) -> Iterator[Site]:
    """Run a node of each kind on the database that Django has, on a server that nobody stops."""
    with running_site(Cluster(Path()), nodes=0, redis=redis) as site:
        for kind in kinds:
            site.node(kind, wait=False, **environment)
        for process in site.web:
            process.wait()
        try:
            yield site
        finally:
            for pid in family(process.pid for process in site.web):  # a parent that is killed leaves its workers behind
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@dataclass(frozen=True)
class Reply:
    """What somebody was answered, after how many seconds; status 0: nothing. "Session" is what a login was given."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    seconds: float

    def json(self) -> Any:
        """Return the content, which is JSON."""
        return json.loads(self.content)

    @property
    def is_trace(self) -> bool:
        """Whether it shows what nobody may be shown."""
        return b"Traceback" in self.content

    @property
    def is_busy(self) -> bool:
        """Whether it says to come again, and when."""
        return self.status == BUSY and "retry-after" in {name.lower() for name in self.headers}


def ask(
    process: Process, path: str, session: str = "", *, form: Mapping[str, Any] | None = None, page: bool = False,
    address: str = HOST,
) -> Reply:  # fmt: skip
    """Ask from an address: a page or JSON; with a `form`, by POST. A value `(name, bytes)` in it is a file."""
    began = time.monotonic()
    headers = {"Host": "localhost", "Accept": "text/html" if page else "application/json"}
    body, cookies = b"", [f"sessionid={session}"] * bool(session)
    if form is not None:
        body, kind = _encoded(form)
        cookies.append(f"csrftoken={TOKEN}")
        headers |= {"Content-Type": kind, "X-CSRFToken": TOKEN, "Origin": "http://localhost"}
    headers |= {"Cookie": "; ".join(cookies)} if cookies else {}
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection(HOST, process.port, timeout=60, source_address=(address, 0))
        with contextlib.closing(connection):
            connection.request("GET" if form is None else "POST", path, body or None, headers)
            answer = connection.getresponse()
            given = [text for text in answer.headers.get_all("Set-Cookie", []) if text.startswith("sessionid=")]
            told = dict(answer.getheaders()) | {"Session": given[0][10:].partition(";")[0] if given else ""}
            return Reply(answer.status, told, answer.read(), time.monotonic() - began)
    return Reply(0, {}, b"", time.monotonic() - began)


def _encoded(form: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return a form as `multipart/form-data`, and its type."""
    parts = []
    for name, value in form.items():
        is_file = isinstance(value, tuple)
        named = f'form-data; name="{name}"' + (f'; filename="{value[0]}"' if is_file else "")
        kind = "\r\nContent-Type: image/png" if is_file else ""
        content = value[1] if is_file else str(value).encode()
        parts.append(f"--{BOUNDARY}\r\nContent-Disposition: {named}{kind}\r\n\r\n".encode() + content + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"


@contextmanager
def socket_of(process: Process, path: str = "/ws/events/", session: str = "") -> Iterator[Any]:
    """Open a socket as a page does; `recv(timeout)` returns what it is told."""
    raw = socket.create_connection((HOST, process.port))
    cookie = {"Cookie": f"sessionid={session}"} if session else {}
    with connect(
        f"ws://localhost:{process.port}{path}",
        sock=raw,
        origin=f"http://localhost:{process.port}",
        additional_headers=cookie,
        compression=None,
        ping_interval=None,
        max_queue=None,  # or it would stop to read, and to answer pings, until somebody listens
    ) as opened:
        yield opened


def snapshot_of(process: Process, path: str = "/ws/events/", session: str = "") -> Any:
    """Return what a socket is told first."""
    with socket_of(process, path, session) as opened:
        return json.loads(opened.recv(timeout=20))
