from typing import Any
from unittest.mock import patch

from asgiref.sync import sync_to_async
from django.core.cache import cache as cached
from django.db import OperationalError, connection
from django.test import TestCase, override_settings

from core import cache, cleanup, clock
from core.models import UserSession
from core.tests.cast import ago, arrive, make_event, make_person
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

    def test_also_for_whoever_asks_with_a_session(self):
        def away(*args: Any) -> Any:
            raise OperationalError("the database is away")

        client = visit(make_person("carol"))
        with connection.execute_wrapper(away):
            self.assertEqual(answer_of(client.get("/healthz")), (200, {"status": "ok"}))

    def test_so_is_a_login_whose_session_cannot_be_stored(self):
        def away(execute: Any, sql: str, *args: Any) -> Any:
            if sql.startswith(("INSERT", "UPDATE")) and "django_session" in sql:
                raise OperationalError("the database is away")
            return execute(sql, *args)

        make_person("carol", password="a long password")
        form = {"login": "carol", "password": "a long password"}
        with connection.execute_wrapper(away):
            response = visit().post("/accounts/login/", form, headers=BROWSER)
        self.assertEqual((response.status_code, response.headers["Retry-After"]), (503, "3"))

    def test_so_is_a_session_that_was_begun_before(self):
        def away(execute: Any, sql: str, *args: Any) -> Any:
            if sql.startswith("UPDATE") and "django_session" in sql:
                raise OperationalError("the database is away")
            return execute(sql, *args)

        client = visit(make_person("carol"), headers=BROWSER)
        with connection.execute_wrapper(away), self.assertLogs("core.middleware", "WARNING"):
            response = client.get("/dashboard/")  # which notes in the session that places were held
        self.assertEqual((response.status_code, response.headers["Retry-After"]), (503, "3"))

    def test_so_is_the_way_of_staff_to_their_second_factor(self):
        def away(execute: Any, sql: str, *args: Any) -> Any:
            if "mfa_authenticator" in sql:
                raise OperationalError("the database is away")
            return execute(sql, *args)

        root = make_person("root", is_staff=True, is_superuser=True)
        for path in ("/admin/", "/checkin/"):
            client = visit(root, headers=BROWSER)
            with self.subTest(path=path), self.settings(STAFF_NEED_SECOND_FACTOR=True):
                with connection.execute_wrapper(away), self.assertLogs("core.middleware", "WARNING") as logged:
                    response = client.get(path)
                self.assertEqual((response.status_code, response.headers["Retry-After"]), (503, "3"))
                self.assertEqual([line.count("database unavailable") for line in logged.output], [1])

    def test_nobody_is_locked_out_of_logging_in_by_having_tried_without_it(self):
        def away(execute: Any, sql: str, *args: Any) -> Any:
            raise OperationalError("the database is away")

        make_person("carol", password="a long password")
        form = {"login": "carol", "password": "a long password"}
        cached.clear()
        self.addCleanup(cached.clear)
        with connection.execute_wrapper(away):
            for _ in range(11):  # a minute, of one address: who fails as often is told to come back later
                self.assertEqual(visit().post("/accounts/login/", form, headers=BROWSER).status_code, 503)
        self.assertEqual(visit().post("/accounts/login/", form, headers=BROWSER).status_code, 302)


class ReadyTests(TestCase):
    def test_all_is_well(self):
        self.assertEqual(answer_of(visit().get("/readyz")), (200, {"status": "ok", "missing": []}))

    def test_a_cleanup_that_has_not_run_for_a_quarter_of_an_hour_is_missing(self):
        arrive(make_person("carol"), ago(minutes=14))
        self.assertEqual(answer_of(visit().get("/readyz")), (200, {"status": "ok", "missing": []}))
        UserSession.objects.update(login_timestamp=ago(minutes=16))
        self.assertEqual(answer_of(visit().get("/readyz")), (200, {"status": "degraded", "missing": ["cleanup"]}))
        cleanup.clean()
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
