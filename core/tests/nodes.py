"""Web nodes as a site has them: processes with their own ports on this process's test database and Redis."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection

from tools import servers
from tools.ports import free_port

START_SECONDS = 60
ANSWER_SECONDS = 10


def database_url() -> str:
    """Return the address of this process's test database, for a server beside it."""
    known = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{known['NAME']}"
    password = f":{known['PASSWORD']}" if known["PASSWORD"] else ""
    return f"postgres://{known['USER']}{password}@{known['HOST']}:{known['PORT'] or 5432}/{known['NAME']}"


@dataclass
class Node:
    """One web process, and where it answers."""

    address: str
    process: "subprocess.Popen[bytes]"

    def stop(self) -> None:
        """End it as an operator does."""
        self.process.terminate()
        self.process.wait(START_SECONDS)

    def kill(self) -> None:
        """End it as a power cut does: it has no time for anything."""
        self.process.kill()
        self.process.wait(START_SECONDS)

    def kill_all(self) -> None:
        """End it, and whatever it has started: granian does not hear a signal to end while a worker starts."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(START_SECONDS)


DAPHNE = "daphne -v 0 -b {host} --port {port} event_ticketing.asgi:application"


def start_node(kind: str = "", *, log: Path | None = None, **differs: str) -> Node:
    """Start a node, with an environment that `differs`, and return once it answers; `kind` as `tools.servers` has it.

    Without a kind it is what `make run` starts. What it logs goes into a file, if one is named.
    """
    port = free_port()
    own = {
        "ALLOWED_HOSTS": "",
        "DATABASE_URL": database_url(),
        "EMAIL_URL": "dummymail://",  # confirmations would fill the screen
        "DEBUG": "on",
        "HTTPS": "off",
        "REDIS_URL": settings.REDIS_URL,
    } | differs
    own |= {"ALLOWED_HOSTS": own["ALLOWED_HOSTS"] or "127.0.0.1,localhost"} if kind else {}
    program = (
        servers.command(kind, host="127.0.0.1", port=port)
        if kind
        else DAPHNE.format(host="127.0.0.1", port=port).split()
    )
    command = [sys.executable, "-m", *program]
    with log.open("wb") if log else nullcontext() as written:
        running = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=os.environ | own, stderr=written, process_group=0
        )
    node = Node(f"http://127.0.0.1:{port}", running)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{node.address}/healthz", timeout=ANSWER_SECONDS):
                return node
        except OSError:  # nobody there yet, or nobody who answers
            if time.monotonic() > deadline:
                node.kill()
                raise
            time.sleep(0.1)
