"""The three sockets: authorize at connect, send one snapshot, then forward; hand on what a page asks. No rules."""

import asyncio
import contextlib
import json
import logging
from concurrent.futures import Future
from functools import partial
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError, InterfaceError

from . import answers, clock, gathering, live
from .gathering import Asked, Outcome
from .hub import Letter, Mailbox

logger = logging.getLogger(__name__)

SEND_TIMEOUT = 5.0  # seconds a slow reader may take for one message before the socket is closed
LARGEST_FRAME = 4096  # bytes a client may send at once
LOGIN_NEEDED = 4401
UNSUPPORTED = 1003
TOO_BIG = 1009
POLICY = 1008
TRY_AGAIN = 1013
LARGEST_ID = 2**63 - 1
LONGEST_KEY = 64  # characters with which a page tells the answers to its questions apart
MOST_UNANSWERED = 8  # questions of one page at the same time


def read_question(text: str) -> tuple[str, int, str] | None:
    """Return `(act, event id, key)` of a question that a page asks (DESIGN 3.3); None for any other text."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):  # nested too deeply
        return None
    match message:
        case {"type": str(act), "event": int(event_id), "key": str(key)} if event_id is not True:
            known = act in gathering.ACTS and 0 < event_id <= LARGEST_ID and len(key) <= LONGEST_KEY
            return (act, event_id, key) if known else None
    return None


class EventsConsumer(AsyncWebsocketConsumer):
    """`/ws/events/`: the numbers of all upcoming events, for anyone."""

    # A group per socket costs 250-750 µs a message, the hub 17-66 µs.
    channel_layer_alias = None  # type: ignore[assignment]  # -- Channels' documented way to have none

    async def connect(self) -> None:
        """Accept, register, and start to forward."""
        await self.accept()
        self.hub = clock.start()
        self.mailbox = self.make_mailbox()
        self.hub.mailboxes.add(self.mailbox)  # before the snapshot is read: nothing is lost in between
        try:
            await self.greet()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("database unavailable: %s", type(error).__name__)
            self.hub.mailboxes.discard(self.mailbox)
            await self.close(TRY_AGAIN)
            return
        except BaseException:  # the client left meanwhile: a mailbox that nobody empties must not stay
            self.hub.mailboxes.discard(self.mailbox)
            raise
        self.forwarding = asyncio.create_task(self.forward())

    async def greet(self) -> None:
        """Send the snapshot, and note what the page shows now."""
        upcoming = await self.hub.upcoming()
        events = [numbers for numbers, _ in upcoming]
        snapshot = await database_sync_to_async(live.read_snapshot)(events, self.person())
        self.mailbox.note_snapshot([letter for _, letter in upcoming])
        self.mailbox.note_snapshot([Letter.of({"type": "hold", **hold}) for hold in snapshot.get("holds", [])])
        self.mailbox.note_snapshot([Letter.of({"type": "ticket", **state}) for state in snapshot.get("tickets", [])])
        await self.send(live.encode(snapshot))

    def person(self) -> Any:
        """Return whose holds and tickets the snapshot tells; None on the public socket."""
        return None

    def make_mailbox(self) -> Mailbox:
        """Return the mailbox to register with the hub."""
        return Mailbox()

    async def forward(self) -> None:
        """Send what arrives in the mailbox; close on a reader that is too slow, and when the session has ended."""
        gone = contextlib.suppress(OSError, RuntimeError)  # a server's words for a client that left; OSError: too slow
        with gone:
            while not self.mailbox.closed:
                for message in await self.mailbox.take():
                    await asyncio.wait_for(self.send(message), SEND_TIMEOUT)
        with gone:
            await self.close(LOGIN_NEEDED if self.mailbox.closed else None)

    async def disconnect(self, code: int) -> None:
        """Leave the hub."""
        if hasattr(self, "mailbox"):
            self.hub.mailboxes.discard(self.mailbox)
        if hasattr(self, "forwarding"):
            self.forwarding.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Refuse binary and large frames, and hear the others."""
        if bytes_data is not None:
            await self.close(UNSUPPORTED)
        elif text_data is not None and len(text_data.encode()) > LARGEST_FRAME:
            await self.close(TOO_BIG)
        elif text_data is not None:
            await self.hear(text_data)

    async def hear(self, text: str) -> None:
        """Ignore what clients say: nothing is asked over this socket."""


class DashboardConsumer(EventsConsumer):
    """`/ws/dashboard/`: one person's holds, places and tickets as well; refused with 4401 without a login."""

    async def connect(self) -> None:
        """Accept everybody, so that the reason can be told, and keep who is logged in."""
        if self.person().is_authenticated and not await self.has_ended():
            await super().connect()
        else:
            await self.accept()
            await self.close(LOGIN_NEEDED)

    unanswered = 0  # questions

    async def has_ended(self) -> bool:
        """Return whether the session was ended elsewhere; pages find the same in `TicketHoldMiddleware`."""
        return bool(await database_sync_to_async(live.read_ended_sessions)({self.scope["session"].session_key or ""}))

    def person(self) -> Any:
        """Return the person who is logged in."""
        return self.scope["user"]

    def make_mailbox(self) -> Mailbox:
        """Return the person's mailbox, tied to the session it was opened with."""
        return Mailbox(self.person().pk, self.scope["session"].session_key or "")

    async def hear(self, text: str) -> None:
        """Take up what the person asks of an event; the answer comes through the mailbox. Anything else is ignored."""
        question = read_question(text)
        if question is None or not hasattr(self, "mailbox"):
            return
        if self.unanswered >= MOST_UNANSWERED:
            await self.close(POLICY)
            return
        act, event_id, key = question
        asked = Asked(act, self.mailbox.user_id or 0, session_key=self.mailbox.session_key)
        asked.answer.add_done_callback(partial(self._call_back, asyncio.get_running_loop(), act, key))
        self.unanswered += 1
        gathering.ask_in_loop(asked, event_id)

    def _call_back(self, loop: asyncio.AbstractEventLoop, act: str, key: str, answer: "Future[Outcome]") -> None:
        with contextlib.suppress(RuntimeError):  # the server is stopping, and the loop is closed
            loop.call_soon_threadsafe(self._answer, act, key, answer)

    def _answer(self, act: str, key: str, answer: "Future[Outcome]") -> None:
        self.unanswered -= 1
        error = answer.exception()
        if error is None:
            told = answers.of(answer.result(), is_release=act == "release")
        else:
            told = answers.of_error(error)
            if told is answers.FAULT:
                logger.error("a %s over a socket failed", act, exc_info=error)
        self.mailbox.answer(live.encode({"type": "result", "key": key, **told}))


class GateConsumer(DashboardConsumer):
    """`/ws/gate/<event>/`: who is in, of all gates together; refused before accept to all but the event's staff."""

    async def connect(self) -> None:
        """Accept who may scan the event."""
        user = self.person()
        if user.is_authenticated and not await database_sync_to_async(live.may_watch_gate)(user, self.event_id()):
            await self.close()
        else:
            await super().connect()

    async def greet(self) -> None:
        """Send the gate's numbers."""
        snapshot = await database_sync_to_async(live.read_gate_snapshot)(self.event_id())
        self.mailbox.note_snapshot([Letter.of({"type": "gate", **snapshot["gate"]})])
        await self.send(live.encode(snapshot))

    async def hear(self, text: str) -> None:
        """Ignore what clients say: the gate's page asks by requests."""

    def event_id(self) -> int:
        """Return which event's gate it is."""
        event_id: int = self.scope["url_route"]["kwargs"]["event_id"]
        return event_id

    def make_mailbox(self) -> Mailbox:
        """Return a mailbox for this gate's numbers alone."""
        return Mailbox(session_key=self.scope["session"].session_key or "", gate=(self.person().pk, self.event_id()))


class UnknownConsumer(AsyncWebsocketConsumer):
    """Any other path: refused before accept, without a trace in the log."""

    channel_layer_alias = None  # type: ignore[assignment]  # -- as above

    async def connect(self) -> None:
        """Refuse."""
        await self.close()
