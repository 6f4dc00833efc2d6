"""What one socket is yet to be sent: letters, made ready once for all mailboxes, and per subject the newest only."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import live

SLOW = 5.0  # seconds in which a reader may take nothing, or not all of one message, before the socket is closed

Key = tuple[str, int | str]
ENDED = frozenset({"booked", "released", "expired", "left", "cancelled"})  # no news to a page that never showed it


@dataclass(frozen=True, slots=True, eq=False)
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

    def says_the_same(self, other: "Letter | None") -> bool:
        """Return whether a page that shows the other one shows this one as well."""
        return other is self or (other is not None and other.content == self.content)


class Mailbox:
    """What one socket is yet to be sent: per subject the newest message only.

    Which letter the page was sent last is kept (they are shared by all mailboxes); one that says nothing new is not
    sent again.
    """

    __slots__ = (
        "_answers", "_arrived", "_is_greeted", "_shown", "_waiting", "closed", "events", "forwarding", "has_numbers",
        "sending_since", "session_key", "user_id", "watcher",
    )  # fmt: skip

    def __init__(
        self,
        user_id: int | None = None,
        session_key: str = "",
        *,
        watcher: int | None = None,
        events: frozenset[int] = frozenset(),
        has_numbers: bool = False,
    ) -> None:
        self.user_id = user_id
        self.session_key = session_key
        self.watcher = watcher  # the id of staff, whose page is sent the numbers of the gates of these events,
        self.events = events
        self.has_numbers = has_numbers  # and, if it is an organizer's, those of the events; nothing else
        self.closed = False
        self.sending_since: float | None = None  # by the loop's clock: since when the server has not taken a message
        self.forwarding: asyncio.Task[None] | None = None
        self._shown: dict[Key, Letter] = {}
        self._waiting: dict[Key, str] = {}
        self._answers = 0
        self._is_greeted = False  # until the snapshot is read nobody knows what is no news to the page
        self._arrived: asyncio.Future[None] | None = None  # an asyncio.Event costs 0.7 kB more

    def put(self, letter: Letter) -> None:
        """Leave a message, unless the page shows the same already, or something newer."""
        shown = self._shown.get(letter.key)
        is_old = shown is None and self._is_greeted and letter.content.get("status") in ENDED
        if is_old or letter.says_the_same(shown):
            return
        if shown is None or letter.content.get("version", 0) >= shown.content.get("version", 0):
            self._shown[letter.key] = letter
            self._waiting[letter.key] = letter.text
            self._wake()

    def answer(self, text: str) -> None:
        """Leave what answers a question of the page: nothing replaces it."""
        self._answers += 1
        self._waiting["answer", self._answers] = text
        self._wake()

    def note_snapshot(self, letters: Iterable[Letter]) -> None:
        """Remember what the page was sent first."""
        self._is_greeted = True
        for letter in letters:
            shown = self._shown.setdefault(letter.key, letter)
            is_newer = letter.content.get("version", 0) > shown.content.get("version", 0)  # than what was put before
            if is_newer or letter.says_the_same(shown):
                self._shown[letter.key] = letter
                self._waiting.pop(letter.key, None)

    @property
    def gates(self) -> set[tuple[int, int]]:
        """The gates whose numbers the page is sent, each `(user id, event id)`."""
        return set() if self.watcher is None else {(self.watcher, event_id) for event_id in self.events}

    def shows(self, event_id: int) -> bool:
        """Return whether the page of staff is told the numbers of an event as well."""
        return self.has_numbers and event_id in self.events

    def hang_up(self) -> None:
        """Ask the socket to close."""
        self.closed = True
        self._wake()

    def give_up(self) -> None:
        """Stop sending: the reader has stopped."""
        self.closed = True
        if self.forwarding is not None:
            self.forwarding.cancel()

    def is_stuck(self, moment: float) -> bool:
        """Return whether the reader has taken nothing for too long at `moment`, of the loop's clock."""
        return self.sending_since is not None and moment - self.sending_since > SLOW

    async def take(self) -> list[str]:
        """Wait for messages, and return them all; none when the socket is to close."""
        if not self._waiting and not self.closed:
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived
            self._arrived = None
        taken, self._waiting = list(self._waiting.values()), {}
        return taken

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)
