"""The cache while Redis is away: in use from this process's memory, so that logins go on."""

from django.conf import settings
from django.core.cache.backends.locmem import LocMemCache
from django.test import TestCase, override_settings

from core import cache as module
from core.cache import RedisOrLocalCache

from .cast import Cast
from .visits import BROWSER, visit

NOWHERE = {"BACKEND": "core.cache.RedisOrLocalCache", "LOCATION": "redis://127.0.0.1:1/0"}


class RedisAwayTests(Cast, TestCase):
    def setUp(self) -> None:
        module._away_until = 0.0

    def test_it_remembers_what_it_is_told(self) -> None:
        cache = RedisOrLocalCache(NOWHERE["LOCATION"], {})
        cache.clear()
        with self.assertLogs("core.cache", "WARNING") as logs:
            module._away_until = 0.0
            self.assertEqual((cache.add("a", 1), cache.add("a", 2), cache.get("a")), (True, False, 1))
        self.assertEqual(len(logs.records), 1)  # asked once, then left alone for a while
        cache.set_many({"b": 2, "c": 3})
        self.assertEqual((cache.incr("a"), cache.has_key("b"), cache.get_many(["b", "c"])), (2, True, {"b": 2, "c": 3}))
        self.assertEqual((cache.touch("b"), cache.delete("b"), cache.get("b", "none")), (True, True, "none"))
        cache.delete_many(["a", "c"])
        self.assertEqual(cache.get_many(["a", "c"]), {})

    def test_nobody_wipes_out_the_counts_of_others_by_a_thousand_of_their_own(self) -> None:
        in_memory = LocMemCache("a-thousand", {"OPTIONS": settings.LOCAL_CACHE})
        instead_of_redis = RedisOrLocalCache(NOWHERE["LOCATION"], {})._local
        for cache in (in_memory, instead_of_redis):
            cache.clear()
            cache.set("failed-logins", 30)
            for n in range(1_000):
                cache.add(f"name-{n}", 1)
            self.assertEqual(cache.get("failed-logins"), 30)
        if not settings.REDIS_URL:
            self.assertEqual(settings.CACHES["default"]["OPTIONS"], settings.LOCAL_CACHE)

    def test_people_log_in_as_ever(self) -> None:
        self.alice.set_password("correct horse battery")
        self.alice.save()
        with override_settings(CACHES={"default": NOWHERE}), self.assertLogs("core.cache", "WARNING"):
            form = {"login": "alice", "password": "correct horse battery"}
            response = visit(headers=BROWSER).post("/accounts/login/", form)
        self.assertEqual((response.status_code, response.headers["Location"]), (302, "/dashboard/"))
