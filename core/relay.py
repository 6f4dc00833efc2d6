"""What changed, from process to process: ids only, through the channel layer, which may drop or repeat them.

This module is the layer's only caller. What is told of a change is read by each process itself (`live.py`, `hub.py`).
"""

import asyncio
import atexit
import logging
import os
import secrets
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer

logger = logging.getLogger(__name__)

GROUP = "changes"
PROCESS = f"{os.getpid()}-{secrets.token_hex(4)}"
SEND_TIMEOUT = 0.5  # seconds the channel layer may take to carry one message
ECHO_TIMEOUT = 3.0  # seconds
GATHER = 0.01  # seconds: what one commit changes, and the commits of a rush, are one message
LAST_WORDS = 2 * SEND_TIMEOUT  # seconds that an exit may wait for what is yet to be told


@dataclass
class Changes:
    """What changed, as ids: events whose numbers, people whose places and tickets, events whose gate did."""

    events: set[int] = field(default_factory=set)
    users: set[int] = field(default_factory=set)
    gates: set[int] = field(default_factory=set)

    def add(self, other: "Changes") -> None:
        """Add what else changed."""
        self.events |= other.events
        self.users |= other.users
        self.gates |= other.gates

    def __bool__(self) -> bool:
        return bool(self.events or self.users or self.gates)


def shared_layer() -> Any:
    """Return the channel layer that reaches other processes; None where there is only this one."""
    layer = get_channel_layer()
    return None if isinstance(layer, InMemoryChannelLayer) else layer


async def publish(changes: Changes) -> None:
    """Tell the other processes what changed. A channel layer that is away is logged, and nothing else."""
    layer = shared_layer()
    if layer is None:
        return
    ids = {"events": list(changes.events), "users": list(changes.users), "gates": list(changes.gates)}
    try:
        async with asyncio.timeout(SEND_TIMEOUT):
            await layer.group_send(GROUP, {"type": "changed", "process": PROCESS, **ids})
    except Exception as error:  # noqa: BLE001 -- whatever the layer raises, pages heal by the resync
        logger.warning("other processes were not told of a change: %s", error or type(error).__name__)


async def echoes() -> bool:
    """Return whether the layer gives back what it is given, within a few seconds."""
    layer = shared_layer()
    try:
        async with asyncio.timeout(ECHO_TIMEOUT):
            channel = await layer.new_channel()
            await layer.group_add(f"{GROUP}-echo", channel)
            await layer.group_send(f"{GROUP}-echo", {"type": "echo", "process": PROCESS})
            heard = await layer.receive(channel)
            await layer.group_discard(f"{GROUP}-echo", channel)
    except Exception:  # noqa: BLE001 -- whatever the layer raises: it does not carry messages
        return False
    return bool(heard["type"] == "echo")


async def changes_elsewhere() -> AsyncIterator[Changes | None]:
    """Yield what other processes changed, after None: from then on they are heard, and nobody knows what was before.

    Ends where all is in this one process.
    """
    layer = shared_layer()
    if layer is None:
        return
    channel = await layer.new_channel()
    await layer.group_add(GROUP, channel)
    yield None
    while True:
        message = await layer.receive(channel)
        if message["process"] != PROCESS:
            yield Changes(set(message["events"]), set(message["users"]), set(message.get("gates", [])))


class Publisher:
    """Tells the other processes what a process without an event loop changed: a command, or a WSGI server's threads.

    One thread with one kept connection gathers what changed and sends it, so no request waits for the layer or fails
    with it. It starts with the first change.
    """

    def __init__(self) -> None:
        self._changed = Changes()
        self._lock = threading.Lock()
        self._noted = threading.Event()
        self._told = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, changes: Changes) -> None:
        """Remember from any thread what is to be told in a moment."""
        if shared_layer() is None:
            return
        with self._lock:
            self._changed.add(changes)
            self._told.clear()
            self._noted.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
                self._thread.start()

    def wait(self, seconds: float = LAST_WORDS) -> bool:
        """Wait until all that was noted was told, or could not be; return False when that takes longer."""
        return self._thread is None or self._told.wait(seconds)

    def _run(self) -> None:
        with asyncio.Runner() as runner:  # one event loop, and so one connection, for good
            while True:
                self._noted.wait()
                runner.run(self._publish())

    async def _publish(self) -> None:
        await asyncio.sleep(GATHER)
        with self._lock:
            changes, self._changed = self._changed, Changes()
            self._noted.clear()
        await publish(changes)
        with self._lock:
            if not self._changed:
                self._told.set()


publisher = Publisher()


def _start_anew() -> None:
    """Forget the thread that a fork leaves behind: a server that loads the application first forks its workers then."""
    global PROCESS, publisher  # noqa: PLW0603 -- one of each per process
    PROCESS = f"{os.getpid()}-{secrets.token_hex(4)}"
    publisher = Publisher()


def publish_from_thread(changes: Changes) -> None:
    """Tell the other processes from one that serves no pages; returns at once."""
    publisher.note(changes)


@atexit.register
def _say_last_words() -> None:
    publisher.wait()


os.register_at_fork(after_in_child=_start_anew)
