"""How messages reach the pages that one process serves.

A change is noted as ids only. Once a tick the hub reads the numbers of what changed, encodes each message once, and
drops it into the mailbox of every open socket, where a newer value replaces an older one: a slow reader delays nobody,
and no socket costs a query. Every 10 seconds all that is shown is read again, and what differs is sent.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from channels.db import database_sync_to_async

from . import arrivals, live
from .live import Changes
from .position import Stats

logger = logging.getLogger(__name__)

TICK = 0.25  # seconds: at most four messages a second and event (rule 22)
GATHER = 0.01  # seconds: what one commit changes is told in one tick
RESYNC = 10.0  # seconds (rule 21)
SESSION_CHECK = 5.0  # seconds until the sockets of a session that ended are closed
SIGNS = 60.0  # seconds between two notes that the people of open pages are there
RELISTEN = 5.0  # seconds until a lost channel layer is tried again

Key = tuple[str, int | str]
ENDED = frozenset({"booked", "released", "expired", "left", "cancelled"})  # no news to a page that never showed it
_current: "Hub | None" = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A message made ready once for all mailboxes: what it is about, what makes it differ, and its text."""

    key: Key
    content: dict[str, Any]
    text: str

    @classmethod
    def of(cls, message: Any) -> "Letter":
        """Make a message ready. The moment it was read is no difference; nor a hold's position, which has a message."""
        silent = "position" if message["type"] == "hold" else "now"
        content = {name: value for name, value in message.items() if name != silent}
        return cls((message["type"], message.get("code") or message["event"]), content, live.encode(message))


class Mailbox:
    """What one socket is yet to be sent: per subject the newest message only.

    What the page was sent last is kept without its clock; a message that says nothing new is not sent again.
    """

    def __init__(self, user_id: int | None = None, session_key: str = "", gate: tuple[int, int] | None = None) -> None:
        self.user_id = user_id
        self.session_key = session_key
        self.gate = gate  # of a gate's page `(user id, event id)`: it is sent this gate's numbers, and nothing else
        self.closed = False
        self._shown: dict[Key, dict[str, Any]] = {}
        self._waiting: dict[Key, str] = {}
        self._answers = 0
        self._arrived = asyncio.Event()

    def put(self, letter: Letter) -> None:
        """Leave a message, unless the page shows the same already, or something newer."""
        key, content = letter.key, letter.content
        shown = self._shown.get(key)
        if shown == content or (shown is None and content.get("status") in ENDED):
            return
        if shown is None or content.get("version", 0) >= shown.get("version", 0):
            self._shown[key] = content
            self._waiting[key] = letter.text
            self._arrived.set()

    def answer(self, text: str) -> None:
        """Leave what answers a question of the page: nothing replaces it."""
        self._answers += 1
        self._waiting["answer", self._answers] = text
        self._arrived.set()

    def note_snapshot(self, letters: Iterable[Letter]) -> None:
        """Remember what the page was sent first."""
        for letter in letters:
            shown = self._shown.get(letter.key)
            if shown is None:
                self._shown[letter.key] = letter.content
            elif letter.content.get("version", 0) > shown.get("version", 0):  # that one was put before this was read
                self._shown[letter.key] = letter.content
                self._waiting.pop(letter.key, None)

    def hang_up(self) -> None:
        """Ask the socket to close."""
        self.closed = True
        self._arrived.set()

    async def take(self) -> list[str]:
        """Wait for messages, and return them all."""
        await self._arrived.wait()
        self._arrived.clear()
        taken, self._waiting = list(self._waiting.values()), {}
        return taken


class Hub:
    """One process's mailboxes, and what changed since the last tick."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.mailboxes: set[Mailbox] = set()
        self._changed = Changes()
        self._own = Changes()  # of them what this process did, which the others are told
        self._noted = asyncio.Event()
        self._resync_at = self.loop.time() + RESYNC
        self._signs_at = self.loop.time()
        self._upcoming: dict[int, tuple[Stats, Letter]] = {}
        self._upcoming_until = 0.0
        self._reading = asyncio.Lock()

    async def upcoming(self) -> list[tuple[Stats, Letter]]:
        """Return the numbers of all upcoming events, at most a tick old, and never older than what pages were sent.

        Thousands of pages that connect in the same second read them once.
        """
        async with self._reading:
            # All reads go through one database thread: they end in the order they began, so this one cannot put back
            # numbers that a tick has just replaced.
            if self.loop.time() >= self._upcoming_until:
                numbers = await database_sync_to_async(live.read_upcoming)()
                self._upcoming = {stats["event"]: (stats, Letter.of({"type": "stats", **stats})) for stats in numbers}
                self._upcoming_until = self.loop.time() + TICK
            return list(self._upcoming.values())

    def note(self, changes: Changes, *, own: bool) -> None:
        """Remember what changed until the next tick; this process's `own` changes are passed on to the others."""
        self._changed.add(changes)
        if own:
            self._own.add(changes)
        self._noted.set()

    async def listen(self) -> None:
        """Note what other processes changed, until cancelled; a lost channel layer is tried again every few seconds."""
        while True:
            try:
                async for changes in live.changes_elsewhere():
                    self.note(changes, own=False)
                return
            except Exception as error:  # noqa: BLE001 -- whatever the layer raises, the resync carries on
                logger.warning("changes in other processes are not heard: %s", error or type(error).__name__)
                await asyncio.sleep(RELISTEN)

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._noted.wait(), max(0, self._resync_at - self.loop.time()))
            await asyncio.sleep(GATHER)
            try:
                await self._tick()
            except Exception:
                logger.exception("live numbers could not be read; the next resync heals it")
            await asyncio.sleep(TICK)

    async def _tick(self) -> None:
        self._noted.clear()
        resync = self.loop.time() >= self._resync_at
        if resync:
            self._resync_at = self.loop.time() + RESYNC
        changes, self._changed = self._changed, Changes()
        own, self._own = self._own, Changes()
        telling = [live.publish(own)] if own else []
        if self.mailboxes:
            telling.append(self._deliver(changes, resync=resync))
        await asyncio.gather(*telling)  # our own pages do not wait for a slow channel layer

    async def _deliver(self, changes: Changes, *, resync: bool) -> None:
        read = live.read_all_shown if resync else partial(live.read_stats, changes.events)
        for numbers in await database_sync_to_async(read)():
            self._put_everywhere(numbers)
        people = {mailbox.user_id for mailbox in self.mailboxes if mailbox.user_id is not None}
        if people:
            concerned = people if resync else changes.users & people
            said = await database_sync_to_async(live.read_personal)(concerned, changes.events, people)
            for mailbox in self.mailboxes:
                for message in said.get(mailbox.user_id or 0, []):
                    mailbox.put(Letter.of(message))
        shown = {event_id for _, event_id in self._gates()}
        if gates := shown if resync else shown & changes.gates:
            for gate in await database_sync_to_async(live.read_gates)(gates):
                self._put_at_gate(gate)

    def _put_everywhere(self, numbers: Stats) -> None:
        letter = Letter.of({"type": "stats", **numbers})
        if numbers["event"] in self._upcoming:
            self._upcoming[numbers["event"]] = numbers, letter
        for mailbox in self.mailboxes:
            if mailbox.gate is None:
                mailbox.put(letter)

    def _put_at_gate(self, numbers: live.GateMessage) -> None:
        letter = Letter.of(numbers)
        for mailbox in self.mailboxes:
            if mailbox.gate is not None and mailbox.gate[1] == numbers["event"]:
                mailbox.put(letter)

    def _gates(self) -> set[tuple[int, int]]:
        return {mailbox.gate for mailbox in self.mailboxes if mailbox.gate is not None}

    async def watch_sessions(self) -> None:
        """Close the sockets of sessions that ended, within 5 seconds, until cancelled."""
        while True:
            await asyncio.sleep(SESSION_CHECK)
            try:
                await self._check_sessions()
            except Exception:
                logger.exception("sessions could not be checked; it is tried again in a few seconds")

    async def _check_sessions(self) -> None:
        """Close the sockets of sessions that ended; an open page is a sign of life of the others."""
        keys = {mailbox.session_key for mailbox in self.mailboxes if mailbox.session_key}
        if not keys:
            return
        ended = await database_sync_to_async(live.read_ended_sessions)(keys)
        for mailbox in self.mailboxes:
            if mailbox.session_key in ended:
                mailbox.hang_up()
        if gates := self._gates():
            refused = await database_sync_to_async(live.read_refused)(gates)
            for mailbox in self.mailboxes:
                if mailbox.gate in refused:
                    mailbox.hang_up()
        if self.loop.time() >= self._signs_at:
            self._signs_at = self.loop.time() + SIGNS
            await database_sync_to_async(arrivals.note_signs_of_life)(keys - ended)


def start() -> "tuple[Hub, list[Callable[[], Any]]]":
    """Make the hub of the running event loop; return it with what is to run beside it."""
    global _current  # noqa: PLW0603 -- one hub per process
    _current = Hub()
    return _current, [_current.run, _current.listen, _current.watch_sessions]


def hang_up(session_key: str) -> None:
    """Close the sockets of a session that ended here, from any thread; other processes find out by themselves."""
    hub = _current
    if hub is not None and not hub.loop.is_closed():
        ours = [mailbox for mailbox in list(hub.mailboxes) if mailbox.session_key == session_key]
        for mailbox in ours:
            hub.loop.call_soon_threadsafe(mailbox.hang_up)


def note_change(changes: Changes) -> None:
    """Say from any thread what changed; to this process's pages, and to other processes."""
    hub = _current
    if hub is None or hub.loop.is_closed():
        live.publish_from_thread(changes)
    else:
        hub.loop.call_soon_threadsafe(lambda: hub.note(changes, own=True))
