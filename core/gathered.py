"""Questions that many sockets ask the database within a few milliseconds, asked of it once."""

import asyncio
from collections.abc import Callable, Hashable, Mapping
from contextvars import Context
from typing import Generic, TypeVar

from channels.db import database_sync_to_async

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

GATHER = 0.005  # seconds
MOST = 200  # keys at once: the numbers of a tick wait for the same database thread meanwhile, some 30 ms


class Gathered(Generic[K, V]):
    """A question about a set of keys, for those who ask about one each; of one event loop.

    What is asked while a read is under way waits for the next one, so an answer is never older than its question.
    """

    def __init__(self, read: Callable[[set[K]], Mapping[K, V]]) -> None:
        self._read = read
        self._asked: list[tuple[K, asyncio.Future[V | None]]] = []
        self._reading: asyncio.Task[None] | None = None

    async def ask(self, key: K) -> V | None:
        """Return the answer about `key`; None if the reading says nothing of it. Raises what the reading raises."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[V | None] = loop.create_future()
        self._asked.append((key, answer))
        if self._reading is None:
            # A context of its own: in a request's, its database thread would end with that request.
            self._reading = loop.create_task(self._read_all(), context=Context())
        return await answer

    async def _read_all(self) -> None:
        try:
            await asyncio.sleep(GATHER)
            while self._asked:
                asked, self._asked = self._asked[:MOST], self._asked[MOST:]
                await self._answer(asked)
        finally:
            self._reading = None

    async def _answer(self, asked: list[tuple[K, "asyncio.Future[V | None]"]]) -> None:
        try:
            answers = await database_sync_to_async(self._read)({key for key, _ in asked})
        except BaseException as error:
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(error if isinstance(error, Exception) else asyncio.CancelledError())
            if not isinstance(error, Exception):
                raise
        else:
            for key, answer in asked:
                if not answer.done():
                    answer.set_result(answers.get(key))
