from typing import Any

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import SimpleTestCase, override_settings

from core.models import UserSession
from core.origins import is_allowed
from core.tests.cast import make_event
from core.tests.sockets import PATIENCE, QUIET, SocketCase, headers_of
from core.tests.visits import visit
from event_ticketing.asgi import application

SOCKETS = ("/ws/events/", "/ws/dashboard/")
FOREIGN = (
    "http://evil.example", "null", None, "", "http://testserver:8000", "https://testserver", "http://testserver.evil.example",
    "http://testserver/", "http://evil.example@testserver", "file://", "HTTP://TESTSERVER",
)  # fmt: skip


class DoorTests(SocketCase):
    async def test_a_foreign_page_is_refused_before_accept(self):
        client = await sync_to_async(visit)(self.alice)
        for path in SOCKETS:
            for origin in FOREIGN:
                with self.subTest(path=path, origin=origin):
                    self.assertEqual(await self.knock(path, client, origin=origin), (False, 1000))

    async def test_a_host_that_is_not_ours_is_refused_even_by_its_own_page(self):
        for host in ("evil.example", "", "a b", "[::1", None):
            with self.subTest(host=host):
                self.assertEqual(await self.knock("/ws/events/", host=host, origin=f"http://{host}"), (False, 1000))

    async def test_unknown_paths_are_refused_before_accept(self):
        for path in (
            "/",
            "/ws/",
            "/ws/events",
            "/ws/events/x/",
            "/ws/dashboard/2/",
            "/admin/",
            "/ws/%00/",
            "/ws//events/",
        ):
            with self.subTest(path=path):
                self.assertEqual(await self.knock(path), (False, 1000))

    async def test_our_own_page_is_let_in_with_its_port(self):
        for origin, host in (("http://testserver", "testserver"), ("http://localhost:8000", "localhost:8000")):
            self.assertEqual(await self.knock("/ws/events/", origin=origin, host=host), (True, None))

    async def test_a_refusal_asks_no_channel_layer(self):
        nowhere = {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": ["redis://127.0.0.1:1"]},
        }
        with override_settings(CHANNEL_LAYERS={"default": nowhere}):
            self.assertEqual(await self.knock("/ws/events/", origin="http://evil.example"), (False, 1000))
            self.assertEqual(await self.knock("/nowhere/"), (False, 1000))

    async def test_who_is_not_logged_in_is_told_so(self):
        ended = await sync_to_async(visit)(self.alice)
        await UserSession.objects.aupdate(is_active=False)
        forged = await sync_to_async(visit)(None)
        forged.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
        for client in (None, ended, forged):
            socket: Any = WebsocketCommunicator(application, "/ws/dashboard/", headers=headers_of(client))
            await socket.send_input({"type": "websocket.connect"})
            sent = [await socket.receive_output(PATIENCE), await socket.receive_output(PATIENCE)]
            self.assertEqual([message["type"] for message in sent], ["websocket.accept", "websocket.close"])
            self.assertEqual(sent[1]["code"], 4401)


class JunkTests(SocketCase):
    def setUp(self):
        super().setUp()
        make_event(auto_hold=False)

    async def test_whatever_a_client_says_is_ignored(self):
        client = await sync_to_async(visit)(self.alice)
        deep = "[" * 4000
        said = (
            "", "not json", "1", "null", "true", '"x"', "[]", "{}", deep, '{"a":' * 800, '{"type": "unknown"}', "\0",
            '{"type": "book", "type": "join"}', '{"type": {"a": []}}', '{"type": "stats", "event": 1}', "NaN",
            "é" * 2048, "x" * 4096,
        )  # fmt: skip
        for path in SOCKETS:
            socket = await self.open(path, client)
            await self.said(socket, 1)
            for text in said:
                await socket.send_input({"type": "websocket.receive", "text": text})
            self.assertTrue(await socket.receive_nothing(QUIET))
        await self.close()

    async def test_a_binary_frame_or_a_large_one_closes_the_socket(self):
        frames = (
            ({"bytes_data": b"\xff\x00"}, 1003), ({"text_data": "x" * 4097}, 1009), ({"text_data": "é" * 2049}, 1009),
        )  # fmt: skip
        for frame, code in frames:
            for path in SOCKETS:
                socket = await self.open(path, await sync_to_async(visit)(self.alice))
                await self.said(socket, 1)
                await socket.send_to(**frame)
                with self.subTest(path=path, code=code):
                    sent = await socket.receive_output(PATIENCE)
                    self.assertEqual((sent["type"], sent["code"]), ("websocket.close", code))
        await self.close()


class OriginTests(SimpleTestCase):
    def allowed(self, scheme: str = "ws", **headers: str) -> bool:
        named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
        return is_allowed({b"host": "testserver"} | named, scheme)

    def test_the_scheme_is_the_handshakes_own(self):
        for scheme, origin, expected in (
            ("ws", "http://testserver", True), ("ws", "https://testserver", False),
            ("wss", "https://testserver", True), ("wss", "http://testserver", False),
        ):  # fmt: skip
            with self.subTest(scheme=scheme, origin=origin), override_settings(SECURE_PROXY_SSL_HEADER=None):
                self.assertEqual(self.allowed(scheme, origin=origin), expected)

    def test_a_proxys_word_counts_where_it_is_trusted_only(self):
        said = {"x_forwarded_proto": "https", "origin": "https://testserver"}
        with override_settings(SECURE_PROXY_SSL_HEADER=None):
            self.assertEqual(self.allowed(**said), False)
        with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
            self.assertEqual(self.allowed(**said), True)
            self.assertEqual(self.allowed(x_forwarded_proto="http", origin="https://testserver"), False)
            self.assertEqual(self.allowed(x_forwarded_proto="https, http", origin="https://testserver"), True)
            self.assertEqual(self.allowed("wss", x_forwarded_proto="http", origin="https://testserver"), False)
            self.assertEqual(self.allowed("wss", origin="https://testserver"), True)  # TLS without a proxy

    def test_origins_that_the_operator_trusts_are_let_in(self):
        with override_settings(CSRF_TRUSTED_ORIGINS=["https://shop.example"]):
            self.assertEqual(self.allowed(origin="https://shop.example"), True)
            self.assertEqual(self.allowed(origin="http://shop.example"), False)
