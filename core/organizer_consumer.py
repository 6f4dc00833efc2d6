"""The socket of an organizer's page: the numbers of their event, and of its gate."""

from channels.db import database_sync_to_async

from . import live
from .gate_consumer import GateConsumer
from .mailbox import Letter, Mailbox
from .visitors import session_key_of


class OrganizerConsumer(GateConsumer):
    """`/ws/organize/<event>/`: the messages of everybody's pages about one event, and those of its gate."""

    async def may_not_watch(self) -> bool:
        """Return whether the person neither organizes the event nor administers the site."""
        if await super().may_not_watch():
            return True
        return not await database_sync_to_async(live.read_managed)({(self.person().pk, self.event_id())})

    async def greet(self) -> None:
        """Send the numbers of the event and of its gate."""
        snapshot = await database_sync_to_async(live.read_organizer_snapshot)(self.event_id())
        told = [{"type": "gate", **snapshot["gate"]}, *({"type": "stats", **stats} for stats in snapshot["events"])]
        self.mailbox.note_snapshot(map(Letter.of, told))
        await self.send(live.encode(snapshot))

    def make_mailbox(self) -> Mailbox:
        """Return a mailbox for the numbers of this event alone."""
        gate = (self.person().pk, self.event_id())
        return Mailbox(session_key=session_key_of(self.scope), gate=gate, has_numbers=True)
