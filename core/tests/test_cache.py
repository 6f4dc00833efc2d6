"""The cache: what it stores, and how, while Redis is away, this process's memory is used, so that logins go on."""

import pickle

from django.conf import settings
from django.core.cache.backends.locmem import LocMemCache
from django.test import SimpleTestCase, TestCase, override_settings

from core import cache as module
from core.cache import PlainValues, RedisOrLocalCache

from .cast import Cast
from .visits import BROWSER, visit

NOWHERE = {"BACKEND": "core.cache.RedisOrLocalCache", "LOCATION": "redis://127.0.0.1:1/0"}
RAN: list[str] = []


def note(text: str) -> None:
    """Tell the test that this ran."""
    RAN.append(text)


class Evil:
    """Runs code when it is read as a pickle."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return note, ("evil",)


class PlainValuesTests(SimpleTestCase):
    def test_what_is_stored_comes_back_as_it_was(self) -> None:
        plain = PlainValues()
        for value in (0, 7, -1, True, False, None, "y", "ö", "12", 1701423602.7184925, [1701423602.7184925, 3.5], []):
            with self.subTest(value=value):
                again = plain.loads(plain.dumps(value))
                self.assertEqual((again, type(again)), (value, type(value)))
        self.assertEqual(plain.dumps(7), b"7")  # Redis adds to it

    def test_no_code_runs_whatever_somebody_wrote_to_redis(self) -> None:
        RAN.clear()
        evil = pickle.dumps(Evil())
        with self.assertRaises(ValueError):
            PlainValues().loads(evil)
        self.assertEqual(RAN, [])
        pickle.loads(evil)  # as Django's own would do
        self.assertEqual(RAN, ["evil"])

    def test_the_client_of_the_cache_stores_nothing_else(self) -> None:
        client = RedisOrLocalCache(NOWHERE["LOCATION"], {})._cache
        self.assertIs(type(client._serializer), PlainValues)  # type: ignore[attr-defined]  # -- not in the stubs


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
