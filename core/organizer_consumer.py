"""The sockets of organizers' pages: the numbers of their events, and of their gates."""

from channels.db import database_sync_to_async

from . import live
from .gate_consumer import GateConsumer
from .mailbox import Letter, Mailbox
from .messages import Snapshot
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
        await self.show(await database_sync_to_async(live.read_organizer_snapshot)(self.event_id()))

    async def show(self, snapshot: Snapshot) -> None:
        """Send a snapshot, and note what the page shows now."""
        gates = [*snapshot.get("gates", ()), *([snapshot["gate"]] if "gate" in snapshot else ())]
        told = [{"type": "gate", **gate} for gate in gates]
        told += [{"type": "stats", **stats} for stats in snapshot["events"]]
        self.mailbox.note_snapshot(map(Letter.of, told))
        await self.send(live.encode(snapshot))

    def make_mailbox(self) -> Mailbox:
        """Return a mailbox for the numbers of these events alone."""
        own = session_key_of(self.scope)
        return Mailbox(session_key=own, watcher=self.person().pk, events=self.events(), has_numbers=True)

    def events(self) -> frozenset[int]:
        """Return which events the page is about."""
        return frozenset({self.event_id()})


class OrganizerListConsumer(OrganizerConsumer):
    """`/ws/organize/`: the same of all events that the person has when it opens, for a list of them."""

    watched: frozenset[int] = frozenset()

    async def may_not_watch(self) -> bool:
        """Return whether the person organizes nothing; keep what they organize."""
        watched = None if self.lacks_factor() else await database_sync_to_async(live.read_watched)(self.person())
        self.watched = watched or frozenset()
        return watched is None

    async def greet(self) -> None:
        """Send the numbers of the events and of their gates."""
        await self.show(await database_sync_to_async(live.read_list_snapshot)(self.watched))

    def events(self) -> frozenset[int]:
        """Return which events the page is about."""
        return self.watched
