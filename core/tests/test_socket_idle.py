"""Pages that are left open for hours (RELIABILITY 4, "3 h idle"): told of changes, and closed with their login."""

from asgiref.sync import sync_to_async

from core import clock
from core.models import UserSession
from core.tests.cast import HandClock, make_event, revise
from core.tests.sockets import PATIENCE, SocketCase
from core.tests.visits import visit


class IdleTests(SocketCase):
    async def look_at_sessions(self) -> None:
        """Do what each process does every few seconds; its note of who is there is due."""
        hub = clock.start()
        hub._signs_at = 0
        await hub._check_sessions()

    async def pass_time(self, hand: HandClock, *, hours: int) -> None:
        """Let hours go by in steps of ten minutes."""
        for _ in range(6 * hours):
            hand.move(minutes=10)
            await self.look_at_sessions()

    async def test_three_hours_without_a_word_cost_neither_the_socket_nor_what_it_is_told(self):
        with HandClock() as hand:
            event = await sync_to_async(make_event)(auto_hold=False)
            client = await sync_to_async(visit)(self.alice)
            for path in ("/ws/events/", "/ws/dashboard/"):
                await self.until(await self.open(path, client), type="snapshot")
            await self.pass_time(hand, hours=3)
            await sync_to_async(revise)(event, capacity=7)
            for socket in self.opened:
                await self.until(socket, type="stats", event=event.pk, capacity=7)
            await self.close()

    async def test_an_open_page_is_a_sign_of_life(self):
        with HandClock() as hand:
            await self.open("/ws/dashboard/", await sync_to_async(visit)(self.alice))
            await self.pass_time(hand, hours=3)
            login = await UserSession.objects.aget()
            self.assertEqual((login.last_seen_at, login.is_active), (hand.at, True))
            await self.close()

    async def test_a_login_of_a_day_ago_ends_with_its_socket_and_a_strangers_stays(self):
        with HandClock() as hand:
            strangers = await self.open("/ws/events/")
            await self.until(strangers, type="snapshot")
            socket = await self.open("/ws/dashboard/", await sync_to_async(visit)(self.alice))
            await self.until(socket, type="snapshot")
            await self.pass_time(hand, hours=23)
            self.assertTrue(await socket.receive_nothing(0.3))
            await self.pass_time(hand, hours=1)
            output = await socket.receive_output(PATIENCE)
            self.assertEqual((output["type"], output["code"]), ("websocket.close", 4401))
            self.assertTrue(await strangers.receive_nothing(0.3))
            await self.close()
