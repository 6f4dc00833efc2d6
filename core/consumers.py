"""The sockets: authorize at connect, send one snapshot, then forward; hand on what a page asks. No rules."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable
from concurrent.futures import Future
from functools import partial
from typing import Any

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError, InterfaceError
from django.utils import translation

from . import answers, clock, gathering, languages, live, wire
from .gathering import Asked, Outcome
from .hub import Owner
from .mailbox import ENDED, SLOW, Letter, Mailbox
from .many import LARGEST_ID
from .messages import OwnMessage
from .models import User
from .often import AMinute
from .operations import request_id
from .trust import refused
from .visitors import Visitor, address_of, session_key_of

logger = logging.getLogger(__name__)

FULL = 0.25  # seconds between two looks whether a reader has room again
LARGEST_FRAME = 4096  # bytes a client may send at once
LOGIN_NEEDED = 4401
UNSUPPORTED = 1003
TOO_BIG = 1009
POLICY = 1008
TRY_AGAIN = 1013
LONGEST_KEY = 64  # characters with which a page tells the answers to its questions apart
MOST_UNANSWERED = 8  # questions of one page at the same time
MOST_A_MINUTE = 60  # messages of one page


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

    is_refused = False
    owner: Owner | None = None  # who is counted for it
    _minute: AMinute | None = None  # of what was said

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hear one message after the other until the socket is closed; without Channels' task and wait for each.

        Nor its look at the database thread's connections before each: whatever is read here looks after its own, and
        thousands who come or leave would wait for that one thread.
        """
        self.scope, self.base_send = scope, send
        try:
            with contextlib.suppress(StopConsumer):
                while True:
                    message = await receive()
                    await getattr(self, get_handler_name(message))(message)
        finally:
            if self.owner is not None:
                self.hub.dismiss(self.owner)

    async def connect(self) -> None:
        """Accept, register, and start to forward."""
        self.hub = clock.start()
        if await self.accept_stranger():
            await self.enter()

    async def accept_stranger(self) -> bool:
        """Accept somebody whose address alone is known, and who is counted by it; return False where it is refused."""
        is_admitted = await self.admit(address_of(self.scope))
        if is_admitted:
            await self.accept()
        return is_admitted

    async def accept(self, subprotocol: str | None = None, headers: Any = None) -> None:
        """Accept, and tell the number by which the log knows this socket."""
        await super().accept(subprotocol, [*(headers or ()), *request_id.headers()])

    async def admit(self, owner: Owner) -> bool:
        """Count the socket, or refuse it before accept where there are too many: an answer 403, and no socket."""
        if not self.hub.admit(owner):
            person = owner if isinstance(owner, int) else None
            refused.note("socket_limited", address=address_of(self.scope), person=person)
            await self.close()
            return False
        self.owner = owner
        return True

    async def send(  # type: ignore[override]  # -- as Channels' own is
        self, text_data: str | None = None, bytes_data: bytes | None = None, close: bool = False
    ) -> None:
        """Send; a client that has left meanwhile, as some servers say by an error, is no fault: it is the end."""
        try:
            await super().send(text_data, bytes_data, close)
        except (OSError, RuntimeError) as error:
            raise StopConsumer from error

    async def enter(self) -> None:
        """Register with the hub, greet, and start to forward; a client is asked to come back while that cannot be."""
        wire.limit(self.base_send, SLOW)
        self.mailbox = self.make_mailbox()
        self.hub.enter(self.mailbox)  # before the snapshot is read: nothing is lost in between
        try:
            await self.greet()
        except (DatabaseError, InterfaceError) as error:
            self.hub.leave(self.mailbox)
            await self.ask_back(error)
            return
        except BaseException:  # the client left meanwhile: a mailbox that nobody empties must not stay
            self.hub.leave(self.mailbox)
            raise
        self.mailbox.forwarding = asyncio.create_task(self.forward())

    async def ask_back(self, error: Exception) -> None:
        """Ask the client to come back later."""
        logger.warning("database unavailable: %s", type(error).__name__)
        await self.close(TRY_AGAIN)

    async def greet(self) -> None:
        """Send the snapshot, and note what the page shows now."""
        said = await self.read_own()
        board = await self.hub.upcoming()
        # No await between what is noted and what it says: a tick comes before both, or after.
        self.mailbox.note_snapshot(board.letters())
        self.mailbox.note_snapshot(Letter.of(message) for message in said or () if message["status"] not in ENDED)
        await self.send(live.encode_snapshot(board.text(), said, board.now(self.hub.loop.time())))

    async def read_own(self) -> list[OwnMessage] | None:
        """Return the holds and tickets that the snapshot tells; None on the public socket."""
        return None

    def make_mailbox(self) -> Mailbox:
        """Return the mailbox to register with the hub."""
        return Mailbox()

    async def forward(self) -> None:
        """Send what arrives in the mailbox, and close when the session has ended; leave the hub in any case."""
        try:
            while not self.mailbox.closed:
                for text in await self.mailbox.take():
                    message: Any = {"type": "websocket.send", "text": text}
                    await self.pass_on(self.base_send(message))  # Channels' own `send` would cost two calls more
            await self.pass_on(self.close(LOGIN_NEEDED))
        except (OSError, RuntimeError):  # a server's words for a client that left, or that it has given up
            wire.cut(self.base_send)
        finally:
            self.hub.leave(self.mailbox)

    async def pass_on(self, sending: Awaitable[None]) -> None:
        """Send something, and wait until the reader has room for more; the hub ends a wait that is too long."""
        self.mailbox.sending_since = self.hub.loop.time()
        try:
            await sending
            while wire.is_full(self.base_send):  # noqa: ASYNC110 -- Twisted tells its own producer alone
                await asyncio.sleep(FULL)
        except asyncio.CancelledError:
            # A close would wait behind all that is unsent.
            if self.mailbox.is_stuck(self.hub.loop.time()) and not wire.cut(self.base_send):
                await self.close()
            raise
        self.mailbox.sending_since = None

    async def disconnect(self, code: int) -> None:
        """Leave the hub."""
        if hasattr(self, "mailbox"):
            self.hub.leave(self.mailbox)
            if self.mailbox.forwarding is not None:
                self.mailbox.forwarding.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Refuse binary and large frames, and hear the others, until the socket is refused."""
        if self.is_refused:
            return
        if self._says_too_much():
            await self.refuse(POLICY)
        elif bytes_data is not None:
            await self.refuse(UNSUPPORTED)
        elif text_data is not None and len(text_data.encode()) > LARGEST_FRAME:
            await self.refuse(TOO_BIG)
        elif text_data is not None:
            await self.hear(text_data)

    def _says_too_much(self) -> bool:
        """Count a message; return whether there were too many of them in a minute."""
        self._minute = self._minute or AMinute(MOST_A_MINUTE)
        return self._minute.is_too_often(self.hub.loop.time())

    async def refuse(self, code: int) -> None:
        """Close, and hear nothing more: a client may have sent much before it learns of it."""
        self.is_refused = True
        await self.close(code)

    async def hear(self, text: str) -> None:
        """Ignore what clients say: nothing is asked over this socket."""


class DashboardConsumer(EventsConsumer):
    """`/ws/dashboard/`: one person's holds, places and tickets as well; refused with 4401 without a login."""

    visitor: Visitor | None = None
    unanswered = 0  # questions

    async def connect(self) -> None:
        """Keep who is logged in; whoever is not is accepted too, so that they can be told."""
        self.hub = clock.start()
        try:
            await self.recognize()
        except (DatabaseError, InterfaceError) as error:
            if await self.accept_stranger():
                await self.ask_back(error)
            return
        if self.visitor is None:
            if await self.accept_stranger():
                await self.close(LOGIN_NEEDED)
        elif await self.admit(self.visitor.user.pk):
            await self.accept()
            await self.enter()

    async def recognize(self) -> None:
        """Find out who is logged in; a session that was ended elsewhere is nobody's, as in `TicketHoldMiddleware`."""
        key = session_key_of(self.scope)
        self.visitor = await self.hub.visitors.ask(key) if key else None

    def person(self) -> User:
        """Return the person who is logged in."""
        if self.visitor is None:
            raise LookupError("nobody is logged in: nothing is done on their behalf")
        return self.visitor.user

    def language(self) -> str:
        """Return the language of the page that opened the socket."""
        return languages.of_handshake(self.scope, self.person())

    async def read_own(self) -> list[OwnMessage] | None:
        """Return what is theirs."""
        return await self.hub.own.ask(self.person().pk) or []

    def make_mailbox(self) -> Mailbox:
        """Return the person's mailbox, tied to the session it was opened with."""
        return Mailbox(self.person().pk, session_key_of(self.scope))

    async def hear(self, text: str) -> None:
        """Take up what the person asks of an event; the answer comes through the mailbox. Anything else is ignored."""
        question = read_question(text)
        if question is None or not hasattr(self, "mailbox"):
            return
        if self.unanswered >= MOST_UNANSWERED:
            await self.refuse(POLICY)
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
            with translation.override(self.language()):
                told = answers.of_error(error)
            if told["status"] == answers.FAULT:
                logger.error("a %s over a socket failed", act, exc_info=error)
        self.mailbox.answer(live.encode({"type": "result", "key": key, **told}))
