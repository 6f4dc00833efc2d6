"""The socket of an organizer's page: the numbers of one event and of its gate, before nobody else."""

from typing import Any

from asgiref.sync import sync_to_async

from core import allocation, checkin, steering
from core.models import Event, Ticket

from .cast import make_event
from .sockets import QUIET, SocketCase
from .visits import visit


class OrganizerSocketTests(SocketCase):
    event: Event
    ticket: Ticket

    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(capacity=9, auto_hold=False)
        self.ticket = allocation.book(event_id=self.event.pk, user=self.alice)

    async def watch(self) -> Any:
        return await self.open(f"/ws/organize/{self.event.pk}/", await sync_to_async(visit)(self.olga))

    async def test_it_begins_with_the_numbers_of_the_event_and_of_its_gate(self) -> None:
        (first,) = await self.said(await self.watch(), 1)
        (stats,) = first["events"]
        self.assertEqual((first["type"], stats["event"], stats["booked"]), ("snapshot", self.event.pk, 1))
        self.assertEqual(first["gate"], {"event": self.event.pk, "admitted": 0, "expected": 1})
        await self.close()

    async def test_a_booking_is_told_as_it_is_to_everybody_and_an_admission_as_to_the_gate(self) -> None:
        socket = await self.watch()
        await self.said(socket, 1)
        await sync_to_async(allocation.book)(event_id=self.event.pk, user=self.bob)
        told = {message["type"]: message for message in await self.said(socket, 2)}
        self.assertEqual((told["stats"]["booked"], told["gate"]["expected"]), (2, 2))
        await sync_to_async(checkin.scan)(code=self.ticket.code, event=self.event, staff=self.greta)
        self.assertEqual((await self.said(socket, 1))[0]["admitted"], 1)
        await sync_to_async(steering.pause)(event_id=self.event.pk, reason="A storm")
        self.assertTrue((await self.until(socket, type="stats"))[-1]["paused"])
        await self.close()

    async def test_of_other_events_it_is_told_nothing_and_the_gates_sockets_are_told_no_numbers(self) -> None:
        other = await sync_to_async(make_event)(auto_hold=False)
        organizer = await self.watch()
        gate = await self.open(f"/ws/gate/{other.pk}/", await sync_to_async(visit)(self.greta))
        for socket in (organizer, gate):
            await self.said(socket, 1)
        await sync_to_async(allocation.join)(event_id=other.pk, user=self.bob)
        for socket in (organizer, gate):
            self.assertTrue(await socket.receive_nothing(timeout=QUIET))
        await self.close()

    async def test_whose_event_it_is_no_more_is_shown_nothing_even_if_they_may_scan_at_it(self) -> None:
        await sync_to_async(self.event.gate_staff.add)(self.olga)
        socket = await self.watch()
        await self.said(socket, 1)
        await sync_to_async(Event.objects.filter(pk=self.event.pk).update)(created_by=self.bob)
        closed = await socket.receive_output(timeout=10)
        self.assertEqual((closed["type"], closed.get("code")), ("websocket.close", 4401))
        await self.close()
