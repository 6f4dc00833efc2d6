"""The gate's socket: who is in, before everyone at the gates, and before nobody else."""

from typing import Any

from asgiref.sync import sync_to_async

from core import allocation, checkin
from core.models import Event, Ticket
from core.tests.cast import make_event, make_person
from core.tests.sockets import QUIET, SocketCase
from core.tests.visits import visit


class GateSocketTests(SocketCase):
    event: Event
    ticket: Ticket

    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(capacity=9, auto_hold=False)
        self.ticket = allocation.book(event_id=self.event.pk, user=self.alice)
        self.path = f"/ws/gate/{self.event.pk}/"

    def numbers(self, admitted: int, expected: int) -> dict[str, int]:
        return {"event": self.event.pk, "admitted": admitted, "expected": expected}

    async def watch(self, person: Any) -> Any:
        return await self.open(self.path, await sync_to_async(visit)(person))

    async def test_every_gate_sees_who_was_let_in_at_another_and_who_booked(self) -> None:
        north, organizer = await self.watch(self.greta), await self.watch(self.olga)
        for socket in (north, organizer):
            (first,) = await self.said(socket, 1)
            first.pop("now")
            self.assertEqual(first, {"type": "snapshot", "gate": self.numbers(0, 1)})
        await sync_to_async(checkin.scan)(code=self.ticket.code, event=self.event, staff=self.olga)
        self.assertEqual(await self.said(north, 1), [{"type": "gate", **self.numbers(1, 1)}])
        self.assertEqual(await self.said(organizer, 1), [{"type": "gate", **self.numbers(1, 1)}])
        await sync_to_async(allocation.book)(event_id=self.event.pk, user=self.bob)
        self.assertEqual(await self.said(north, 1), [{"type": "gate", **self.numbers(1, 2)}])
        await self.close()

    async def test_taking_a_scan_back_is_told_as_well(self) -> None:
        result = await sync_to_async(checkin.scan)(code=self.ticket.code, event=self.event, staff=self.greta)
        socket = await self.watch(self.greta)
        await self.said(socket, 1)
        await sync_to_async(checkin.undo)(scan_id=result.scan.pk, staff=self.greta, reason="Wrong person")
        self.assertEqual(await self.said(socket, 1), [{"type": "gate", **self.numbers(0, 1)}])
        await self.close()

    async def test_another_events_gate_is_told_nothing_of_it(self) -> None:
        other = await sync_to_async(make_event)(auto_hold=False)
        client = await sync_to_async(visit)(self.greta)
        socket = await self.open(f"/ws/gate/{other.pk}/", client)
        await self.said(socket, 1)
        await sync_to_async(checkin.scan)(code=self.ticket.code, event=self.event, staff=self.greta)
        self.assertTrue(await socket.receive_nothing(timeout=QUIET))
        await self.close()

    async def test_whoever_may_not_scan_the_event_is_refused_before_accept(self) -> None:
        def scene() -> list[Any]:
            oscar = make_person("oscar")
            make_event(created_by=oscar)
            return [visit(person) for person in (self.alice, oscar)]

        for client in await sync_to_async(scene)():
            self.assertEqual(await self.knock(self.path, client), (False, 1000))
        greta = await sync_to_async(visit)(self.greta)
        for nowhere in ("/ws/gate/999999/", f"/ws/gate/{2**70}/"):
            self.assertEqual(await self.knock(nowhere, greta), (False, 1000))

    async def test_an_anonymous_page_is_told_to_log_in(self) -> None:
        socket = await self.open(self.path)
        self.assertEqual((await socket.receive_output(timeout=10))["code"], 4401)
        await self.close()

    async def test_who_is_taken_off_the_list_is_shown_nothing_more_within_five_seconds(self) -> None:
        await sync_to_async(self.event.gate_staff.add)(self.bob)
        socket = await self.watch(self.bob)
        await self.said(socket, 1)
        await sync_to_async(self.event.gate_staff.remove)(self.bob)
        closed = await socket.receive_output(timeout=10)
        self.assertEqual((closed["type"], closed.get("code")), ("websocket.close", 4401))
        await self.close()
