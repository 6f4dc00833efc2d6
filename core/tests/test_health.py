from typing import Any
from unittest.mock import patch

from asgiref.sync import sync_to_async
from django.db import OperationalError, connection
from django.test import TestCase, override_settings

from core import cache, clock
from core.tests.cast import make_event, make_person
from core.tests.sockets import PATIENCE, SocketCase
from core.tests.visits import BROWSER, answer_of, visit


class DatabaseAwayTests(TestCase):
    def test_every_page_is_503_and_says_when_to_try_again(self):
        def away(*args: Any) -> Any:
            raise OperationalError("the database is away")

        for headers in (BROWSER, {"Accept": "application/json"}):
            for path in ("/", "/readyz", "/api/ticket-stats/1/"):
                with self.subTest(path=path, headers=headers), connection.execute_wrapper(away):
                    response = visit(headers=headers).get(path)
                self.assertEqual((response.status_code, response.headers["Retry-After"]), (503, "3"))

    def test_the_process_is_alive_without_it(self):
        def away(*args: Any) -> Any:
            raise OperationalError("the database is away")

        with connection.execute_wrapper(away):
            self.assertEqual(answer_of(visit().get("/healthz")), (200, {"status": "ok"}))


class ReadyTests(TestCase):
    def test_all_is_well(self):
        self.assertEqual(answer_of(visit().get("/readyz")), (200, {"status": "ok", "missing": []}))

    def test_without_redis_it_is_degraded_and_people_log_in_and_book(self):
        make_person("carol", password="a long password")
        event = make_event()
        nowhere = "redis://127.0.0.1:1/0"
        away: dict[str, Any] = {
            "CACHES": {"default": {"BACKEND": "core.cache.RedisOrLocalCache", "LOCATION": nowhere}},
            "CHANNEL_LAYERS": {
                "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [nowhere]}}
            },
            "REDIS_URL": nowhere,
        }
        client = visit()
        with override_settings(**away), patch.object(cache, "_away_until", 0.0):
            self.assertEqual(answer_of(client.get("/readyz")), (200, {"status": "degraded", "missing": ["redis"]}))
            form = {"login": "carol", "password": "a long password"}
            self.assertEqual(client.post("/accounts/login/", form, headers=BROWSER).status_code, 302)
            with self.captureOnCommitCallbacks(execute=True):
                self.assertEqual(client.post(f"/book/{event.pk}/").status_code, 200)


class SocketWithoutDatabaseTests(SocketCase):
    async def test_a_socket_is_asked_to_come_back_and_forgotten(self):
        def away(*args: Any) -> Any:
            raise OperationalError("the database is away")

        await sync_to_async(lambda: connection.execute_wrappers.append(away))()
        try:
            socket = await self.open("/ws/events/")
            sent = await socket.receive_output(PATIENCE)
        finally:
            await sync_to_async(lambda: connection.execute_wrappers.remove(away))()
        self.assertEqual((sent["type"], sent["code"]), ("websocket.close", 1013))
        self.assertEqual(clock.start().mailboxes, set())
        await self.close()
