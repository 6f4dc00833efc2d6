"""A site to break: web processes as in production, on a PostgreSQL and a Redis of our own."""

import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.faults.cluster import Cluster
from bench.faults.traces import traces_in
from tools import roles, servers
from tools.ports import free_port

HOST = "127.0.0.1"
OK = 200
START_SECONDS = 60
ENVIRONMENT = {"ALLOWED_HOSTS": "localhost", "EMAIL_URL": "dummymail://", "DEBUG": "off", "HTTPS": "off"}


@dataclass
class Process:
    """One process of the site: its port, and what it has logged. The port stays its own when it is started again."""

    command: list[str]
    port: int
    environment: dict[str, str]
    log: Path
    running: "subprocess.Popen[bytes] | None" = None

    def start(self, *, wait: bool = True, path: str = "/healthz") -> None:
        """Start it, and wait until it answers."""
        with self.log.open("ab") as written:
            self.running = subprocess.Popen(
                self.command, env=self.environment, stdout=written, stderr=written, process_group=0
            )
        if wait:
            self.wait(path)

    def wait(self, path: str = "/healthz") -> None:
        """Wait until it answers a path with 200; a line that is no path is a port that takes connections."""
        deadline = time.monotonic() + START_SECONDS
        while not _answers(self.port, path):
            if time.monotonic() > deadline:
                sys.exit(f"{self.command[2]} does not answer:\n{self.logged()[-2000:]}")
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        """Its number."""
        if self.running is None:
            raise LookupError("it does not run")
        return self.running.pid

    def send(self, sort: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, sort)

    def end(self, sort: signal.Signals = signal.SIGTERM) -> float:
        """Send it a signal that ends it; return the seconds until it was gone."""
        began = time.monotonic()
        if self.running is not None and self.is_running:
            self.send(sort)
            self.send(signal.SIGCONT)
            self.running.wait(START_SECONDS)
        if sort == signal.SIGKILL and self.running is not None:
            with contextlib.suppress(ProcessLookupError):  # its workers outlive it for a moment, with its port
                os.killpg(self.running.pid, signal.SIGKILL)
        return time.monotonic() - began

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.running is not None and self.running.poll() is None

    def logged(self) -> str:
        """Return what it has logged."""
        return self.log.read_text(errors="replace")


@dataclass
class Site:
    """What runs: the database, Redis, and web processes, of which a fault may start more."""

    cluster: Cluster
    redis: Process | None
    folder: Path
    stack: ExitStack
    database: dict[str, str]  # how the web processes reach it: by the role that serves, as in production
    web: list[Process] = field(default_factory=list)

    def node(self, kind: str = servers.SOCKETS, *, wait: bool = True, by: str = "", **environment: str) -> Process:
        """Start one more web process, of a kind of `tools.servers`, with more settings in its environment.

        `by` is a module that runs its command.
        """
        port = free_port()
        own = os.environ | ENVIRONMENT | self.database | {"REDIS_URL": self.redis_url} | environment
        command = [sys.executable, "-m", *filter(None, [by]), *servers.command(kind, host=HOST, port=port)]
        process = Process(command, port, own, self.folder / f"web-{port}.log")
        process.start(wait=wait)
        self.stack.callback(process.end, signal.SIGKILL)
        self.web.append(process)
        return process

    @property
    def redis_url(self) -> str:
        """Where Redis is; empty where there is none."""
        return f"redis://{HOST}:{self.redis.port}/0" if self.redis else ""

    def ports(self) -> list[int]:
        """Return the ports that answer HTTP."""
        return [process.port for process in self.web]

    def traces(self) -> list[str]:
        """Return the error of each traceback that a web process has logged: nobody may have been shown one."""
        return [error for process in self.web for error in traces_in(process.logged())]


@contextmanager
def running_site(
    cluster: Cluster, *, nodes: int = 2, redis: bool = True, by: str = "", **environment: str
) -> Iterator[Site]:
    """Run web processes on the database that Django has, with a Redis, until the block ends.

    `bench.common.throwaway(cluster.url)` must be open: it makes that database, and names it to whatever is started.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        site = Site(cluster, _redis(folder, stack) if redis else None, folder, stack, serving())
        for _ in range(nodes):
            site.node(wait=False, by=by, **environment)
        for process in site.web:
            process.wait()
        yield site


def serving() -> dict[str, str]:
    """Return how a web process reaches the database that Django has: on PostgreSQL by a role that owns nothing."""
    url = os.environ["DATABASE_URL"]
    return {"DATABASE_URL": roles.serving(url, f"bench_{os.getpid()}_app")} if url.startswith("postgres") else {}


def _redis(folder: Path, stack: ExitStack) -> Process:
    program = shutil.which("redis-server")
    if program is None:
        sys.exit("redis-server is not installed: the faults need one (package redis-server).")
    port = free_port()
    command = [program, "--port", str(port), "--save", "", "--bind", HOST, "--dir", str(folder)]
    process = Process(command, port, dict(os.environ), folder / "redis.log")
    process.start(path="")
    stack.callback(process.end, signal.SIGKILL)
    return process


def _answers(port: int, path: str) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        with contextlib.closing(connection):
            connection.connect()
            if not path:
                return True
            connection.request("GET", path, headers={"Host": "localhost"})
            return connection.getresponse().status == OK
    return False
