"""The shared cache, which may be gone: logins count their rate limits in it, and must not fail with it."""

import json
import logging
import time
from typing import Any

from django.conf import settings
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

RETRY = 10.0  # seconds until Redis is asked again after it failed
_away_until = 0.0  # monotonic; of the process, as cache objects live for one request


def is_away() -> bool:
    """Return whether Redis failed within the last seconds, so that this process's own memory is used."""
    return time.monotonic() < _away_until


class PlainValues:
    """Texts, numbers, truth values and lists of them, as JSON: whoever writes to Redis must not run code here."""

    def dumps(self, obj: Any) -> bytes:
        """Return what is stored; of a number its digits, so that Redis can add to it."""
        return json.dumps(obj).encode()

    def loads(self, data: Any) -> Any:
        """Return what was stored."""
        return json.loads(data)


class OneClient(RedisCacheClient):
    """One client for all commands to the one server: Django makes one for each, which takes longer than the command.

    What it stores is JSON: Django's own would be pickles.
    """

    _kept: Any = None

    def __init__(self, servers: list[str], **options: Any) -> None:
        super().__init__(servers, serializer=PlainValues(), **options)

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        """Return the client."""
        if self._kept is None:
            self._kept = super().get_client(key, write=write)
        return self._kept


class RedisOrLocalCache(RedisCache):
    """Redis; while it is away, this process's own memory.

    A library that swallows errors instead (django-redis, IGNORE_EXCEPTIONS) makes every login a 429: allauth takes a
    key that cannot be added for somebody else's.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = OneClient
        self._local = LocMemCache("while-redis-is-away", {**params, "OPTIONS": settings.LOCAL_CACHE})

    def _ask(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        global _away_until  # noqa: PLW0603 -- see above
        if time.monotonic() >= _away_until:
            try:
                return getattr(super(), operation)(*args, **kwargs)
            except RedisError as error:
                _away_until = time.monotonic() + RETRY
                logger.warning("cache unavailable, using local memory: %s", error or type(error).__name__)
        return getattr(self._local, operation)(*args, **kwargs)

    def add(self, *args: Any, **kwargs: Any) -> Any:
        """Set a key that does not exist."""
        return self._ask("add", *args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """Return a key's value."""
        return self._ask("get", *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> Any:
        """Set a key."""
        return self._ask("set", *args, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> Any:
        """Renew a key's time."""
        return self._ask("touch", *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """Remove a key."""
        return self._ask("delete", *args, **kwargs)

    def has_key(self, *args: Any, **kwargs: Any) -> Any:
        """Return whether a key exists."""
        return self._ask("has_key", *args, **kwargs)

    def incr(self, *args: Any, **kwargs: Any) -> Any:
        """Add to a number."""
        return self._ask("incr", *args, **kwargs)

    def get_many(self, *args: Any, **kwargs: Any) -> Any:
        """Return several values."""
        return self._ask("get_many", *args, **kwargs)

    def set_many(self, *args: Any, **kwargs: Any) -> Any:
        """Set several keys."""
        return self._ask("set_many", *args, **kwargs)

    def delete_many(self, *args: Any, **kwargs: Any) -> Any:
        """Remove several keys."""
        return self._ask("delete_many", *args, **kwargs)

    def clear(self) -> Any:
        """Remove everything."""
        return self._ask("clear")
