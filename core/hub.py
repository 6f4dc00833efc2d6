"""How messages reach the pages that one process serves.

A change is noted as ids only. Once a tick the hub reads the numbers of what changed, encodes each message once, and
drops it into the mailbox of every open socket, where a newer value replaces an older one: a slow reader delays nobody,
and no socket costs a query. Every 10 seconds, and as soon as other processes are heard, all that is shown is looked at
again, and what differs is sent.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings

from . import arrivals, live, relay, visitors
from .board import Board
from .gathered import Gathered
from .live import Line
from .mailbox import Letter, Mailbox
from .messages import OwnMessage
from .operations import measures
from .relay import Changes
from .visitors import Visitor

logger = logging.getLogger(__name__)

Owner = int | str  # whose a socket is: a person's id, or the address of somebody who is not logged in

TICK = 0.25  # seconds: at most four messages a second and event (rule 22)
LONGEST_TICK = 0.5  # seconds: every page is told within a second (rule 20)
GATHER = 0.01  # seconds: what one commit changes is told in one tick
RESYNC = 10.0  # seconds (rule 21)
RETRY = 2.0  # seconds until that is done after a tick that failed
SESSION_CHECK = 4.0  # seconds between two looks whether sessions have ended, whose sockets are closed within 5
READER_CHECK = 1.0  # seconds between two looks for readers that have stopped
SIGNS = 60.0  # seconds between two notes that the people of open pages are there
RELISTEN = 5.0  # seconds until a lost channel layer is tried again

_current: "Hub | None" = None


class Hub:
    """One process's mailboxes, and what changed since the last tick."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.mailboxes: set[Mailbox] = set()
        self._sockets: Counter[Owner] = Counter()  # that are open, or being opened
        self._open = 0  # of them, in all
        self._people: dict[int, list[Mailbox]] = {}  # the same by user id; kept, as thousands of lists a tick are not
        self.visitors: Gathered[str, Visitor] = Gathered(visitors.read_visitors)
        self.own: Gathered[int, list[OwnMessage]] = Gathered(live.read_own)
        self.refused: Gathered[tuple[int, int], bool] = Gathered(
            lambda gates: dict.fromkeys(live.read_refused(gates), True)
        )
        self.board = Board()
        self._changed = Changes()
        self._own = Changes()  # of them what this process did, which the others are told
        self._noted = asyncio.Event()
        self._resync_at = self.loop.time() + RESYNC
        self._signs_at = self.loop.time()
        self._told: dict[int, Letter] = {}  # by event id: what every mailbox was left
        self._marks: dict[int, int] = {}  # by user id: what the last resync saw of them
        self._lines: dict[int, Line] = {}  # by event id: what the people in line were told
        self._upcoming_until = 0.0
        self._reading = asyncio.Lock()

    def admit(self, owner: Owner) -> bool:
        """Count one more socket, until it is dismissed; return False, and count none, where there are too many.

        So many may one person have, so many may come from one address (unknown ones share no limit), and so many may
        one process have: a page without a socket asks again every 30 seconds.
        """
        most = settings.SOCKETS_PER_PERSON if isinstance(owner, int) else settings.SOCKETS_PER_ADDRESS
        has_room = owner == "" or self._sockets[owner] < most
        if has_room and self._open < settings.SOCKETS_PER_PROCESS:
            self._sockets[owner] += 1
            self._open += 1
            measures.SOCKETS.inc()
            return True
        return False

    def dismiss(self, owner: Owner) -> None:
        """Count one socket less."""
        self._open -= 1
        measures.SOCKETS.dec()
        self._sockets[owner] -= 1
        if self._sockets[owner] <= 0:
            del self._sockets[owner]

    def enter(self, mailbox: Mailbox) -> None:
        """Leave letters in a mailbox from now on."""
        self.mailboxes.add(mailbox)
        if mailbox.user_id is not None:
            self._people.setdefault(mailbox.user_id, []).append(mailbox)

    def leave(self, mailbox: Mailbox) -> None:
        """Forget a mailbox; nothing, if that was done before."""
        if mailbox not in self.mailboxes:
            return
        self.mailboxes.discard(mailbox)
        if mailbox.user_id is not None:
            theirs = self._people[mailbox.user_id]
            theirs.remove(mailbox)
            if not theirs:
                del self._people[mailbox.user_id]

    async def upcoming(self) -> Board:
        """Return the board with the numbers of all upcoming events, at most a tick old.

        Never older than what pages were sent. Thousands of pages that connect in the same second read them once.
        """
        async with self._reading:
            # All reads go through one database thread: they end in the order they began, so this one cannot put back
            # numbers that a tick has just replaced.
            if self.loop.time() >= self._upcoming_until:
                numbers, moment = await database_sync_to_async(live.read_upcoming)()
                self.board.renew(numbers, moment, self.loop.time())
                self._upcoming_until = self.loop.time() + TICK
        return self.board

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
                async for changes in relay.changes_elsewhere():
                    if changes is None:
                        self._resync_at = self.loop.time()
                        self._noted.set()
                    else:
                        self.note(changes, own=False)
                return
            except Exception as error:  # noqa: BLE001 -- whatever the layer raises, the resync carries on
                logger.warning("changes in other processes are not heard: %s", error or type(error).__name__)
                await asyncio.sleep(RELISTEN)

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            # Not `wait_for`, which takes a cancellation for an answer when both come at once: the hub would never end.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._resync_at):
                    await self._noted.wait()
            await asyncio.sleep(GATHER)
            began = self.loop.time()
            try:
                await self._tick()
            except Exception:
                logger.exception("live numbers could not be read; the next resync heals it")
                self._resync_at = min(self._resync_at, self.loop.time() + RETRY)
            # What took long, with thousands of pages, is not done more often than half of the time.
            await asyncio.sleep(max(TICK, min(self.loop.time() - began, LONGEST_TICK)))

    async def _tick(self) -> None:
        self._noted.clear()
        resync = self.loop.time() >= self._resync_at
        if resync:
            self._resync_at = self.loop.time() + RESYNC
        changes, self._changed = self._changed, Changes()
        own, self._own = self._own, Changes()
        telling = [relay.publish(own)] if own else []
        if self.mailboxes:
            telling.append(self._deliver(changes, resync=resync))
        await asyncio.gather(*telling)  # our own pages do not wait for a slow channel layer

    async def _deliver(self, changes: Changes, *, resync: bool) -> None:
        read = live.read_all_shown if resync else partial(live.read_stats, changes.events)
        for numbers in await database_sync_to_async(read)():
            self._tell_everybody(self.board.pin(numbers))
        if self._people and resync:
            await self._resync_people(changes)
        elif self._people:
            await self._tell_people(changes.users & self._people.keys(), changes.events)
        watching = [mailbox for mailbox in self.mailboxes if mailbox.events]
        shown = {event_id for mailbox in watching for event_id in mailbox.events}
        if gates := shown if resync else shown & changes.gates:
            for gate in await database_sync_to_async(live.read_gates)(gates):
                _leave(Letter.of(gate), (mailbox for mailbox in watching if gate["event"] in mailbox.events))

    async def _resync_people(self, changes: Changes) -> None:
        """Find who is to be told something: among thousands, on most days nobody."""
        people = set(self._people)
        marks, waited_for = await database_sync_to_async(live.read_marks)(people)
        differ = {user_id for user_id, mark in marks.items() if self._marks.get(user_id) != mark}
        await self._tell_people(differ | (changes.users & people), changes.events | waited_for | self._lines.keys())
        self._marks = marks

    async def _tell_people(self, concerned: set[int], event_ids: set[int]) -> None:
        """Tell people what is theirs, and those who wait for these events how they moved."""
        if not concerned and not event_ids:
            return
        said, lines = await database_sync_to_async(live.read_people)(concerned, event_ids)
        for user_id, messages in said.items():
            for letter in map(Letter.of, messages):
                self._tell(user_id, letter)
        for event_id in event_ids | lines.keys():
            self._tell_line(event_id, lines.get(event_id), concerned)

    def _tell_line(self, event_id: int, line: Line | None, concerned: set[int]) -> None:
        """Tell those whose position or wait is another one, and those who are new here."""
        before = self._lines.pop(event_id, None)
        if line is None:
            return
        self._lines[event_id] = line
        has_moved = before != line
        for user_id in (self._people.keys() if has_moved else concerned) & line.positions.keys():
            if user_id in concerned or line.has_news(before, user_id):
                self._tell(user_id, Letter.of(line.message(user_id)))

    def _tell(self, user_id: int, letter: Letter) -> None:
        _leave(letter, self._people.get(user_id, ()))

    def _tell_everybody(self, letter: Letter) -> None:
        event_id = letter.content["event"]
        if self._told.get(event_id) is letter and self.board.has(event_id):  # who came since was told it on entering
            return
        self._told[event_id] = letter
        _leave(letter, (m for m in self.mailboxes if m.watcher is None or m.shows(event_id)))

    def _gates(self) -> set[tuple[int, int]]:
        return {gate for mailbox in self.mailboxes if mailbox.events for gate in mailbox.gates}

    async def watch_readers(self) -> None:
        """Forget the sockets whose readers have stopped, until cancelled."""
        while True:
            await asyncio.sleep(READER_CHECK)
            moment = self.loop.time()
            for mailbox in [mailbox for mailbox in self.mailboxes if mailbox.is_stuck(moment)]:
                self.leave(mailbox)
                mailbox.give_up()

    async def watch_sessions(self) -> None:
        """Close the sockets of sessions that ended, within 5 seconds, until cancelled."""
        while True:
            await asyncio.sleep(SESSION_CHECK)
            try:
                await self._check_sessions()
            except Exception:
                logger.exception("sessions could not be checked; it is tried again in a few seconds")

    async def _check_sessions(self) -> None:
        """Close the sockets of sessions that ended; an open page is a sign of life of the others.

        Whoever may not watch an event any more hears no more of it; a socket for which none is left is closed.
        """
        keys = {mailbox.session_key for mailbox in self.mailboxes if mailbox.session_key}
        if not keys:
            return
        ended = await database_sync_to_async(live.read_ended_sessions)(keys)
        gates = self._gates()
        refused = await database_sync_to_async(live.read_refused)(gates) if gates else set()
        managed = {gate for mailbox in self.mailboxes if mailbox.has_numbers for gate in mailbox.gates}
        lost = managed - await database_sync_to_async(live.read_managed)(managed) if managed else set()
        for mailbox in self.mailboxes:
            barred = mailbox.gates & (refused | lost if mailbox.has_numbers else refused)
            mailbox.events -= {event_id for _, event_id in barred}
            if mailbox.session_key in ended or (barred and not mailbox.events):
                mailbox.hang_up()
        if self.loop.time() >= self._signs_at:
            self._signs_at = self.loop.time() + SIGNS
            await database_sync_to_async(arrivals.note_signs_of_life)(keys - ended)


def _leave(letter: Letter, mailboxes: Iterable[Mailbox]) -> None:
    for mailbox in mailboxes:
        mailbox.put(letter)


def start() -> "tuple[Hub, list[Callable[[], Any]]]":
    """Make the hub of the running event loop; return it with what is to run beside it."""
    global _current  # noqa: PLW0603 -- one hub per process
    _current = Hub()
    return _current, [_current.run, _current.listen, _current.watch_readers, _current.watch_sessions]


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
        relay.publish_from_thread(changes)
    else:
        hub.loop.call_soon_threadsafe(lambda: hub.note(changes, own=True))
