"""The dashboard's socket is a way in as well (DESIGN 3.3): the same rules, the same answers as by POST."""

import asyncio
import json
from typing import Any

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import Group

from core import arrivals, consumers
from core.models import GATE_STAFF, Event, Ticket, TicketHold, User, UserSession
from core.tests.cast import join, ledger_problems, make_event, make_people, numbers, statuses
from core.tests.sockets import PATIENCE, SocketCase
from core.tests.visits import visit


class QuestionTests(SocketCase):
    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(capacity=1, auto_hold=False)

    async def dashboard(self, person: User) -> WebsocketCommunicator:
        """Return the socket of a person's dashboard whose snapshot was read."""
        socket = await self.open("/ws/dashboard/", await sync_to_async(visit)(person))
        await self.said(socket, 1)
        return socket

    async def ask(self, socket: WebsocketCommunicator, act: str, event_id: Any, key: str = "k1") -> dict[str, Any]:
        """Ask, and return the answer."""
        await socket.send_json_to({"type": act, "event": event_id, "key": key})
        answer: dict[str, Any] = (await self.until(socket, type="result", key=key))[-1]
        return answer

    async def test_a_person_joins_books_and_is_told_the_same_again(self) -> None:
        socket = await self.dashboard(self.alice)
        joined = await self.ask(socket, "join", self.event.pk)
        place = await TicketHold.objects.aget()
        until = place.expires_at and place.expires_at.isoformat()
        self.assertEqual(joined, {"type": "result", "key": "k1", "status": "held", "expires_at": until})
        login = await UserSession.objects.aget()
        self.assertEqual((place.login_timestamp, place.session_id), (login.login_timestamp, login.pk))
        for key in ("k2", "k3"):
            booked = await self.ask(socket, "book", self.event.pk, key)
            ticket = await Ticket.objects.aget()
            self.assertEqual(booked, {"type": "result", "key": key, "status": "booked", "ticket": ticket.code})
        await self.close()

    async def test_a_hold_is_released_and_the_line_is_left(self) -> None:
        alice, bob = await self.dashboard(self.alice), await self.dashboard(self.bob)
        await self.ask(alice, "join", self.event.pk)
        waiting = await self.ask(bob, "join", self.event.pk)
        self.assertEqual(waiting, {"type": "result", "key": "k1", "status": "waiting", "position": 1})
        left = await self.ask(bob, "release", self.event.pk)
        released = await self.ask(alice, "release", self.event.pk)
        self.assertEqual((left["status"], released["status"]), ("left", "released"))
        self.assertEqual(await sync_to_async(statuses)(self.event), [("alice", "released"), ("bob", "left")])
        await self.close()

    async def test_refusals_are_those_of_the_post(self) -> None:
        await sync_to_async(join)(self.event, self.alice)
        over = await sync_to_async(make_event)(status=Event.Status.CANCELLED)
        draft = await sync_to_async(make_event)(status=Event.Status.DRAFT)
        socket, client = await self.dashboard(self.bob), await sync_to_async(visit)(self.bob)
        for event_id in (self.event.pk, over.pk, draft.pk, 10**15):
            with self.subTest(event_id):
                answer = await self.ask(socket, "book", event_id)
                posted = (await sync_to_async(client.post)(f"/book/{event_id}/")).json()
                self.assertEqual(answer, {"type": "result", "key": "k1", **posted})
        await self.close()

    async def test_what_is_no_question_is_ignored_and_the_next_one_answered(self) -> None:
        socket = await self.dashboard(self.alice)
        odd = [
            "{", "[]", "null", '"join"', "7", "[" * 4000, '{"a":' * 600, '{"type":"join"}',
            *(json.dumps(message) for message in (
                {"type": "join", "event": True, "key": "k"},
                {"type": "join", "event": str(self.event.pk), "key": "k"},
                {"type": "join", "event": self.event.pk},
                {"type": "join", "event": self.event.pk, "key": 7},
                {"type": "join", "event": self.event.pk, "key": "k" * 65},
                {"type": "join", "event": -1, "key": "k"},
                {"type": "join", "event": 2**63, "key": "k"},
                {"type": "join", "event": 1e300, "key": "k"},
                {"type": "serve", "event": self.event.pk, "key": "k"},
                {"type": ["join"], "event": self.event.pk, "key": "k"},
                {"type": "join", "event": None, "key": "k"},
            )),
        ]  # fmt: skip
        for text in odd:
            await socket.send_to(text_data=text)
        answer = await self.ask(socket, "release", self.event.pk, "\x00\ud83d😀")
        self.assertEqual(answer["status"], "released")
        self.assertEqual(await TicketHold.objects.acount(), 0)
        await self.close()

    async def test_who_asks_too_much_at_once_is_cut_off(self) -> None:
        socket = await self.dashboard(self.alice)
        for n in range(consumers.MOST_UNANSWERED + 1):
            await socket.send_json_to({"type": "join", "event": self.event.pk, "key": f"{n}"})
        while (message := await socket.receive_output(PATIENCE))["type"] != "websocket.close":
            pass
        self.assertEqual(message["code"], consumers.POLICY)

    async def test_a_session_that_ended_elsewhere_asks_for_nothing_more(self) -> None:
        socket = await self.dashboard(self.alice)
        login = await UserSession.objects.aget()
        await sync_to_async(arrivals.end_session)(login.session_key)
        answer = await self.ask(socket, "join", self.event.pk)
        self.assertEqual(answer["status"], "login_required")
        self.assertEqual(await TicketHold.objects.acount(), 0)
        await self.close()

    async def test_the_public_and_the_gates_socket_are_no_way_in(self) -> None:
        def employ() -> Any:
            self.greta.groups.add(Group.objects.get(name=GATE_STAFF))
            return visit(self.greta)

        client = await sync_to_async(employ)()
        for path in ("/ws/events/", f"/ws/gate/{self.event.pk}/"):
            socket = await self.open(path, client)
            await self.said(socket, 1)
            await socket.send_json_to({"type": "join", "event": self.event.pk, "key": "k1"})
            self.assertTrue(await socket.receive_nothing(0.3))
        self.assertEqual(await TicketHold.objects.acount(), 0)
        await self.close()

    async def test_many_who_ask_at_once_are_all_answered_and_each_place_is_given_once(self) -> None:
        people = await sync_to_async(make_people)(24)
        await Event.objects.filter(pk=self.event.pk).aupdate(capacity=10)
        sockets = [await self.dashboard(person) for person in people]
        answers = await asyncio.gather(*(self.ask(socket, "join", self.event.pk) for socket in sockets))
        self.assertEqual(sorted(answer["status"] for answer in answers), ["held"] * 10 + ["waiting"] * 14)
        self.assertEqual(await sync_to_async(numbers)(self.event), {"held": 10, "booked": 0, "waiting": 14})
        self.assertEqual(await sync_to_async(ledger_problems)(self.event), [])
        await self.close()
