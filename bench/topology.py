"""A site to throw away: Redis, and web processes as in production, each with a port of its own, by a short spec.

    daphne:2                         two ASGI processes for everything
    granian-wsgi:2x8+uvicorn:1       HTTP by two WSGI processes of eight threads, sockets by one ASGI process

The database is the caller's (`bench.common.throwaway`), by the environment.
"""

import contextlib
import http.client
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.load import raise_file_limit
from tools.ports import free_port
from tools.run_tests import REDIS

OK = 200
START_SECONDS = 60
LOG_LINES = 20  # of a server that does not start
HOST = "127.0.0.1"
THREADS = 8  # of a WSGI process, where the spec says nothing
COMMANDS = {
    "daphne": "daphne -v 0 --no-server-name -b {host} -p {port} {app}.asgi:application",
    "uvicorn": "uvicorn --host {host} --port {port} --loop uvloop --http httptools --ws websockets-sansio"
    " --ws-per-message-deflate false --ws-max-size 4096 --ws-max-queue 8 --lifespan off"
    " --no-access-log --log-level warning --timeout-keep-alive 75"
    " --backlog 8192 {app}.asgi:application",
    "granian-asgi": "granian --interface asginl --loop uvloop --host {host} --port {port} --no-access-log"
    " --log-level warning --backlog 8192 {app}.asgi:application",
    "granian-wsgi": "granian --interface wsgi --host {host} --port {port} --blocking-threads {threads}"
    " --no-access-log --log-level warning --backlog 8192 --backpressure 8192 {app}.wsgi:application",
    "gunicorn": "gunicorn --worker-class gthread --workers 1 --threads {threads} --bind {host}:{port} --keep-alive 75"
    " --worker-connections 16000 --backlog 8192 --log-level warning {app}.wsgi:application",
}
WSGI = {"granian-wsgi", "gunicorn"}
_PART = re.compile(r"(?P<kind>[a-z-]+):(?P<processes>\d+)(?:x(?P<threads>\d+))?")


@dataclass(frozen=True)
class Servers:
    """So many processes of one kind of server; `threads` count where it is WSGI."""

    kind: str
    processes: int
    threads: int = THREADS

    @classmethod
    def of(cls, part: str) -> "Servers":
        """Read `kind:processes` or `kind:processes x threads`; exits with a sentence about anything else."""
        found = _PART.fullmatch(part)
        if found is None or found["kind"] not in COMMANDS:
            sys.exit(f"{part!r} is no servers: write one of {', '.join(COMMANDS)}, and how many, as in uvicorn:2.")
        return cls(found["kind"], int(found["processes"]), int(found["threads"] or THREADS))

    def command(self, app: str, port: int) -> list[str]:
        """Return the command of one process."""
        words = COMMANDS[self.kind].format(app=app, host=HOST, port=port, threads=self.threads).split()
        return [sys.executable, "-m", *words]


@dataclass
class Topology:
    """A running site: the ports that answer HTTP and those that take sockets, its processes, and what they logged."""

    spec: str
    http: list[int] = field(default_factory=list)
    sockets: list[int] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)

    def troubles(self) -> list[str]:
        """Return the lines in which the processes told of errors."""
        lines = [line for log in self.logs for line in log.read_text(errors="replace").splitlines()]
        return [line for line in lines if re.search(r"ERROR|CRITICAL|panicked", line)]


def servers_of(spec: str) -> tuple[Servers, Servers | None]:
    """Return who answers HTTP and who takes sockets; None where nobody can."""
    http, _, sockets = spec.partition("+")
    first = Servers.of(http)
    second = Servers.of(sockets) if sockets else first
    return first, None if second.kind in WSGI else second


@contextmanager
def running(
    spec: str, *, app: str = "event_ticketing", settings: str = "", path: str = "/healthz"
) -> Iterator[Topology]:
    """Run a site until the block ends; `settings` are Django's, where they are not the project's own."""
    raise_file_limit()
    http, sockets = servers_of(spec)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        environment = os.environ | {"REDIS_URL": stack.enter_context(_redis()), "ALLOWED_HOSTS": "localhost"}
        environment |= {"DJANGO_SETTINGS_MODULE": settings} if settings else {}
        site = Topology(spec)
        for servers in {http, sockets or http}:
            ports = [free_port() for _ in range(servers.processes)]
            for port in ports:
                _start(stack, servers.command(app, port), environment, Path(folder, f"{port}.log"), site)
            site.http += ports if servers == http else []
            site.sockets += ports if servers == sockets else []
        for port in {*site.http, *site.sockets}:
            _wait_for(port, path, Path(folder, f"{port}.log"))
        yield site


def _start(stack: ExitStack, command: list[str], environment: dict[str, str], log: Path, site: Topology) -> None:
    with log.open("wb") as written:
        process = subprocess.Popen(command, env=environment, stdout=written, stderr=written)
    stack.callback(_stop, process)
    site.pids.append(process.pid)
    site.logs.append(log)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(START_SECONDS)
    except subprocess.TimeoutExpired:  # thousands of open sockets: some servers wait for each
        process.kill()
        process.wait()


@contextmanager
def _redis() -> Iterator[str]:
    """Run a Redis of our own, where there is one to run: a pub/sub layer knows no databases that keep it apart."""
    program = shutil.which("redis-server")
    if program is None:
        yield REDIS
        return
    port = free_port()
    command = [program, "--port", str(port), "--save", "", "--bind", HOST, "--maxclients", "15000"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield f"redis://{HOST}:{port}/0"
    finally:
        _stop(process)


def _wait_for(port: int, path: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", path, headers={"Host": "localhost"})
            if connection.getresponse().status == OK:
                return
        if time.monotonic() > deadline:
            last = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])
            sys.exit(f"The server on port {port} did not answer {path} within {START_SECONDS} s:\n{last}")
        time.sleep(0.05)
