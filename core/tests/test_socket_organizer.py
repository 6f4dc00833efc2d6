"""The sockets of organizers' pages: the numbers of their events and of the gates, before nobody else."""

from operator import itemgetter
from typing import Any
from unittest.mock import patch

from asgiref.sync import sync_to_async
from django.test import override_settings

from core import allocation, checkin, clock, hub, steering
from core.models import Event, Ticket, User

from .cast import ago, make_event, make_person
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


class ListSocketTests(SocketCase):
    """The socket of a list of events: of those that the person has, and of their gates."""

    mine: Event
    others: Event

    def setUp(self) -> None:
        super().setUp()
        self.mine, self.others = make_event(capacity=9, auto_hold=False), make_event(created_by=self.bob)
        make_event(status="draft")
        make_event(starts_at=ago(days=3))

    async def watch(self, person: User) -> Any:
        return await self.open("/ws/organize/", await sync_to_async(visit)(person))

    async def hand_over(self, event: Event) -> None:
        """Give an event to bob, and look who may watch."""
        await sync_to_async(Event.objects.filter(pk=event.pk).update)(created_by=self.bob)
        await clock.start()._check_sessions()

    async def test_it_begins_with_the_numbers_of_all_that_may_still_move(self) -> None:
        root = await sync_to_async(make_person)("root", is_superuser=True)
        for person, events in ((self.olga, [self.mine]), (root, [self.mine, self.others])):
            (first,) = await self.said(await self.watch(person), 1)
            ids = [event.pk for event in events]
            with self.subTest(person=person.username):
                self.assertEqual(sorted(stats["event"] for stats in first["events"]), ids)
                self.assertEqual(
                    sorted(first["gates"], key=itemgetter("event")),
                    [{"event": event_id, "admitted": 0, "expected": 0} for event_id in ids],
                )
        await self.close()

    async def test_what_happens_at_each_is_told_and_of_others_nothing(self) -> None:
        socket = await self.watch(self.olga)
        await self.said(socket, 1)
        ticket = await sync_to_async(allocation.book)(event_id=self.mine.pk, user=self.alice)
        told = {message["type"]: message for message in await self.said(socket, 2)}
        self.assertEqual((told["stats"]["booked"], told["gate"]["expected"]), (1, 1))
        await sync_to_async(checkin.scan)(code=ticket.code, event=self.mine, staff=self.greta)
        self.assertEqual((await self.said(socket, 1))[0]["admitted"], 1)
        await sync_to_async(allocation.join)(event_id=self.others.pk, user=self.alice)
        self.assertTrue(await socket.receive_nothing(timeout=QUIET))
        await self.close()

    async def test_of_one_that_is_somebody_elses_now_it_tells_nothing_more_and_closes_with_the_last(self) -> None:
        kept = await sync_to_async(make_event)(capacity=9, auto_hold=False)
        with patch.object(hub, "SESSION_CHECK", 3600):
            socket = await self.watch(self.olga)
            await self.said(socket, 1)
            await self.hand_over(self.mine)
            for event in (self.mine, kept):
                await sync_to_async(allocation.book)(event_id=event.pk, user=self.alice)
            self.assertEqual({message["event"] for message in await self.said(socket, 2)}, {kept.pk})
            await self.hand_over(kept)
            closed = await socket.receive_output(timeout=10)
        self.assertEqual((closed["type"], closed.get("code")), ("websocket.close", 4401))
        await self.close()

    async def test_with_a_second_factor_required_a_password_is_not_enough(self) -> None:
        client = await sync_to_async(visit)(self.olga)
        with override_settings(STAFF_NEED_SECOND_FACTOR=True):
            self.assertEqual((await self.knock("/ws/organize/", client))[0], False)
