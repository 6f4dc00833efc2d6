"""The socket of a gate's page: the numbers of its event's gates, for who may scan there."""

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError, InterfaceError

from . import clock, live
from .consumers import DashboardConsumer
from .mailbox import Letter, Mailbox
from .many import LARGEST_ID
from .trust import refused
from .visitors import address_of, session_key_of


class GateConsumer(DashboardConsumer):
    """`/ws/gate/<event>/`: who is in, of all gates together; refused before accept to all but the event's staff."""

    async def connect(self) -> None:
        """Accept who may scan the event."""
        self.hub = clock.start()
        try:
            await self.recognize()
            is_barred = self.visitor is not None and await self.may_not_watch()
        except (DatabaseError, InterfaceError) as error:
            if await self.accept_stranger():
                await self.ask_back(error)
            return
        if is_barred:
            refused.note("socket_refused", address=address_of(self.scope), person=self.person().pk)
            await self.close()
        else:
            await super().connect()

    async def may_not_watch(self) -> bool:
        """Return whether the person may not see this gate; an id that no database could have is not asked for."""
        if self.lacks_factor() or self.event_id() > LARGEST_ID:
            return True
        return bool(await self.hub.refused.ask((self.person().pk, self.event_id())))

    def lacks_factor(self) -> bool:
        """Return whether staff must log in with a second factor, and this person has not."""
        return settings.STAFF_NEED_SECOND_FACTOR and not (self.visitor and self.visitor.has_used_factor)

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
        own, event = session_key_of(self.scope), frozenset({self.event_id()})
        return Mailbox(session_key=own, watcher=self.person().pk, events=event)
