"""How messages reach the pages that one process serves.

A change is noted as ids only. Once a tick the hub reads the numbers of what changed, encodes each message once, and
drops it into the mailbox of every open socket, where a newer value replaces an older one: a slow reader delays nobody,
and no socket costs a query. Every 10 seconds all that is shown is read again, and what differs is sent.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from typing import Any

from channels.db import database_sync_to_async

from . import arrivals, live

logger = logging.getLogger(__name__)

TICK = 0.25  # seconds: at most four messages a second and event (rule 22)
GATHER = 0.01  # seconds: what one commit changes is told in one tick
RESYNC = 10.0  # seconds (rule 21)
RELISTEN = 5.0  # seconds until a lost channel layer is tried again

Key = tuple[str, int | str]
_current: "Hub | None" = None


class Mailbox:
    """What one socket is yet to be sent: per subject the newest message only.

    What the page was sent last is kept without its clock; a message that says nothing new is not sent again.
    """

    def __init__(self, user_id: int | None = None, session_key: str = "") -> None:
        self.user_id = user_id
        self.session_key = session_key
        self.closed = False
        self._shown: dict[Key, Any] = {}
        self._waiting: dict[Key, str] = {}
        self._arrived = asyncio.Event()

    def put(self, message: Any, encoded: str) -> None:
        """Leave a message, unless the page shows the same already, or something newer."""
        key, content = _key(message), _content(message)
        news = key in self._shown or message.get("status") not in {"booked", "released", "expired", "left", "cancelled"}
        if news and self._shown.get(key) != content and not self._is_older(key, content):
            self._shown[key] = content
            self._waiting[key] = encoded
            self._arrived.set()

    def note_snapshot(self, snapshot: live.Snapshot) -> None:
        """Remember what the page was sent first."""
        states: dict[str, Iterable[Any]] = {
            "stats": snapshot["events"],
            "hold": snapshot.get("holds", []),
            "ticket": snapshot.get("tickets", []),
        }
        for message in ({"type": kind, **state} for kind, part in states.items() for state in part):
            key, content = _key(message), _content(message)
            if key not in self._shown:
                self._shown[key] = content
            elif content.get("version", 0) > self._shown[key].get("version", 0):  # put before this was read
                self._shown[key] = content
                self._waiting.pop(key, None)

    def _is_older(self, key: Key, content: Any) -> bool:
        return bool(content.get("version", 0) < self._shown.get(key, content).get("version", 0))

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


def _key(message: Any) -> Key:
    return message["type"], message.get("code") or message["event"]


def _content(message: Any) -> Any:
    """Return what makes a message differ: not the moment it was read, nor a position, which has its own message."""
    silent = {"now"} if message["type"] != "hold" else {"position"}
    return {name: value for name, value in message.items() if name not in silent}


class Hub:
    """One process's mailboxes, and what changed since the last tick."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.mailboxes: set[Mailbox] = set()
        self._events: set[int] = set()
        self._users: set[int] = set()
        self._own: tuple[set[int], set[int]] = (set(), set())
        self._noted = asyncio.Event()
        self._resync_at = self.loop.time() + RESYNC

    def note(self, event_ids: Iterable[int], user_ids: Iterable[int], *, own: bool) -> None:
        """Remember what changed until the next tick; this process's `own` changes are passed on to the others."""
        self._events.update(event_ids)
        self._users.update(user_ids)
        if own:
            self._own[0].update(event_ids)
            self._own[1].update(user_ids)
        self._noted.set()

    async def listen(self) -> None:
        """Note what other processes changed, until cancelled; a lost channel layer is tried again every few seconds."""
        while True:
            try:
                async for event_ids, user_ids in live.changes_elsewhere():
                    self.note(event_ids, user_ids, own=False)
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
        events, self._events = self._events, set()
        users, self._users = self._users, set()
        own, self._own = self._own, (set(), set())
        telling = [live.publish(*own)] if any(own) else []
        if self.mailboxes:
            telling.append(self._deliver(events, users, resync=resync))
        await asyncio.gather(*telling)  # our own pages do not wait for a slow channel layer

    async def _deliver(self, events: set[int], users: set[int], *, resync: bool) -> None:
        if resync:
            await self._check_sessions()
        for numbers in await database_sync_to_async(live.read_stats)(None if resync else events):
            self._put_everywhere({"type": "stats", **numbers})
        people = {mailbox.user_id for mailbox in self.mailboxes if mailbox.user_id is not None}
        if people:
            concerned = people if resync else users & people
            said = await database_sync_to_async(live.read_personal)(concerned, events)
            for mailbox in self.mailboxes:
                for message in said.get(mailbox.user_id or 0, []):
                    mailbox.put(message, live.encode(message))

    def _put_everywhere(self, message: Any) -> None:
        encoded = live.encode(message)
        for mailbox in self.mailboxes:
            mailbox.put(message, encoded)

    async def _check_sessions(self) -> None:
        """Close the sockets of sessions that ended; an open page is a sign of life of the others."""
        keys = {mailbox.session_key for mailbox in self.mailboxes if mailbox.session_key}
        if not keys:
            return
        ended = await database_sync_to_async(live.read_ended_sessions)(keys)
        for mailbox in self.mailboxes:
            if mailbox.session_key in ended:
                mailbox.hang_up()
        await database_sync_to_async(arrivals.note_signs_of_life)(keys - ended)


def start() -> "tuple[Hub, list[Callable[[], Any]]]":
    """Make the hub of the running event loop; return it with what is to run beside it."""
    global _current  # noqa: PLW0603 -- one hub per process
    _current = Hub()
    return _current, [_current.run, _current.listen]


def note_change(event_ids: Iterable[int], user_ids: Iterable[int]) -> None:
    """Say from any thread that these events and people changed; to this process's pages, and to other processes."""
    hub = _current
    if hub is None or hub.loop.is_closed():
        live.publish_from_thread(event_ids, user_ids)
    else:
        hub.loop.call_soon_threadsafe(lambda: hub.note(event_ids, user_ids, own=True))
