"""Tests that run in parallel do not count together, nor forget what others have counted."""

from django.conf import settings
from django.core.cache import cache
from django.test import SimpleTestCase, runner


class OwnCacheTests(SimpleTestCase):
    def test_a_parallel_process_has_a_cache_of_its_own(self) -> None:
        number = runner._worker_id  # type: ignore[attr-defined]  # -- not in the stubs
        if not settings.REDIS_URL or not number:
            return  # in local memory, or the only process: it is its own in any case
        servers = cache._cache._servers  # type: ignore[attr-defined]  # -- not in the stubs
        self.assertEqual(servers, [settings.CACHES["default"]["LOCATION"]])
        self.assertNotEqual(servers, [settings.REDIS_URL])
