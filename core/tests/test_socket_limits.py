"""How many sockets may be open, and how much may be said over one (RELIABILITY F18, F19)."""

from typing import Any

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client, override_settings

from core import clock
from core.consumers import MOST_A_MINUTE
from core.tests.cast import make_event
from core.tests.sockets import PATIENCE, SocketCase, headers_of
from core.tests.visits import visit
from event_ticketing.asgi import application

REFUSED = (False, 1000)
LET_IN = (True, None)


class CrowdTests(SocketCase):
    async def tabs(self, count: int, client: Client | None = None, path: str = "/ws/dashboard/", **options: Any) -> Any:
        """Open so many sockets; return the answers to their handshakes."""
        return [await self.tab(client, path, **options) for _ in range(count)]

    async def tab(self, client: Client | None, path: str, address: str = "", **headers: str | None) -> Any:
        socket: Any = WebsocketCommunicator(application, path, headers=headers_of(client, **headers))
        if address:
            socket.scope["client"] = (address, 50_000)
        answer = await socket.connect(timeout=PATIENCE)
        if answer[0]:
            self.opened.append(socket)
        return answer

    @override_settings(SOCKETS_PER_PERSON=2)
    async def test_a_person_has_so_many_and_another_one_when_one_is_closed(self):
        alice, bob = await sync_to_async(visit)(self.alice), await sync_to_async(visit)(self.bob)
        self.assertEqual(await self.tabs(3, alice), [LET_IN, LET_IN, REFUSED])
        self.assertEqual(await self.tabs(1, bob), [LET_IN])
        await self.opened.pop(0).disconnect()
        self.assertEqual(await self.tabs(2, alice), [LET_IN, REFUSED])
        await self.close()

    @override_settings(SOCKETS_PER_PERSON=1)
    async def test_all_logins_of_a_person_and_the_gate_count_together(self):
        event = await sync_to_async(make_event)()
        phone, laptop = await sync_to_async(visit)(self.greta), await sync_to_async(visit)(self.greta)
        self.assertEqual(await self.tabs(1, phone), [LET_IN])
        self.assertEqual(await self.tabs(1, laptop), [REFUSED])
        self.assertEqual(await self.tabs(1, laptop, f"/ws/gate/{event.pk}/"), [REFUSED])
        await self.close()

    @override_settings(SOCKETS_PER_ADDRESS=2)
    async def test_strangers_share_the_limit_of_their_address_and_people_do_not(self):
        alice = await sync_to_async(visit)(self.alice)
        here = await self.tabs(3, path="/ws/events/", address="192.0.2.1")
        self.assertEqual(here, [LET_IN, LET_IN, REFUSED])
        self.assertEqual(await self.tabs(1, path="/ws/events/", address="192.0.2.2"), [LET_IN])
        self.assertEqual(await self.tabs(3, alice, address="192.0.2.1"), [LET_IN] * 3)
        await self.close()

    @override_settings(SOCKETS_PER_ADDRESS=0)
    async def test_nobody_whose_address_has_too_many_is_told_anything_by_any_socket(self):
        event = await sync_to_async(make_event)()
        for path in ("/ws/events/", "/ws/dashboard/", f"/ws/gate/{event.pk}/", f"/ws/organize/{event.pk}/"):
            with self.subTest(path=path):
                self.assertEqual(await self.tab(None, path, "192.0.2.1"), REFUSED)

    @override_settings(SOCKETS_PER_ADDRESS=1, ALLAUTH_TRUSTED_PROXY_COUNT=1)
    async def test_behind_a_proxy_the_address_is_the_one_that_it_adds(self):
        options: dict[str, Any] = {"path": "/ws/events/", "address": "10.0.0.1"}
        self.assertEqual(await self.tab(None, x_forwarded_for="192.0.2.1", **options), LET_IN)
        self.assertEqual(await self.tab(None, x_forwarded_for="198.51.100.7, 192.0.2.1", **options), REFUSED)
        self.assertEqual(await self.tab(None, x_forwarded_for="192.0.2.1, 198.51.100.7", **options), LET_IN)
        await self.close()

    @override_settings(SOCKETS_PER_ADDRESS=1)
    async def test_all_addresses_of_one_machine_by_ipv6_count_as_one(self):
        path = "/ws/events/"
        self.assertEqual(await self.tab(None, path, "2001:db8:0:1::1"), LET_IN)
        self.assertEqual(await self.tab(None, path, "2001:db8:0:1:ffff::2"), REFUSED)
        self.assertEqual(await self.tab(None, path, "2001:db8:0:2::1"), LET_IN)
        await self.close()

    async def test_a_process_has_so_many_in_all(self):
        alice, bob = await sync_to_async(visit)(self.alice), await sync_to_async(visit)(self.bob)
        with override_settings(SOCKETS_PER_PROCESS=2):
            self.assertEqual(await self.tabs(1, path="/ws/events/"), [LET_IN])
            self.assertEqual(await self.tabs(1, alice), [LET_IN])
            self.assertEqual(await self.tabs(1, bob), [REFUSED])
            self.assertEqual(await self.tabs(1, path="/ws/events/"), [REFUSED])
        await self.close()

    @override_settings(SOCKETS_PER_PERSON=1)
    async def test_who_leaves_before_the_answer_is_counted_no_longer(self):
        alice = await sync_to_async(visit)(self.alice)
        gone: Any = WebsocketCommunicator(application, "/ws/dashboard/", headers=headers_of(alice))

        async def send(message: Any) -> None:
            raise OSError("the client is gone")

        with self.assertRaises(OSError):
            await application(gone.scope, gone_client(), send)
        self.assertEqual(await self.tabs(2, alice), [LET_IN, REFUSED])
        await self.close()
        self.assertFalse(clock.start()._sockets)

    async def test_who_leaves_before_the_snapshot_is_no_error_and_counted_no_longer(self):
        alice = await sync_to_async(visit)(self.alice)
        gone: Any = WebsocketCommunicator(application, "/ws/dashboard/", headers=headers_of(alice))
        answers: list[str] = []

        async def send(message: Any) -> None:
            answers.append(message["type"])
            if message["type"] == "websocket.send":
                raise RuntimeError("Attempt to send on a closed protocol")  # as Daphne says it

        await application(gone.scope, gone_client(), send)
        self.assertEqual(answers, ["websocket.accept", "websocket.send"])
        self.assertFalse(clock.start()._sockets)


def gone_client() -> Any:
    """Return a `receive` that says that a socket is opened, and then that it is gone."""
    said = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1006}])

    async def receive() -> Any:
        return next(said)

    return receive


class ChatterTests(SocketCase):
    async def test_who_says_too_much_in_a_minute_is_cut_off(self):
        for path in ("/ws/events/", "/ws/dashboard/"):
            with self.subTest(path=path):
                socket = await self.open(path, await sync_to_async(visit)(self.alice))
                for _ in range(MOST_A_MINUTE + 1):
                    await socket.send_to(text_data="{}")
                output = await socket.receive_output(PATIENCE)
                while output["type"] == "websocket.send":
                    output = await socket.receive_output(PATIENCE)
                self.assertEqual((output["type"], output["code"]), ("websocket.close", 1008))
        await self.close()

    async def test_who_says_as_much_as_is_allowed_stays(self):
        socket = await self.open("/ws/events/")
        for _ in range(MOST_A_MINUTE):
            await socket.send_to(text_data="{}")
        await self.until(socket, type="snapshot")
        self.assertTrue(await socket.receive_nothing(0.3))
        await self.close()
