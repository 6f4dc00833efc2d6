"""The project's settings, with faults planted from outside, as `bench.faults` tells by the environment.

FAULTS_POINT is a file; while it is there, it says `{"after": 3, "signal": "SIGKILL"}`: whoever finishes the third
statement after it has locked an event takes the file away and sends itself that signal. `"commit"` is the moment after
the commit. FAULTS_TRIES is how often the allocation tries what met something else. FAULTS_ISOLATION is PostgreSQL's
isolation level, a number of psycopg's. FAULTS_LAYER=full is a channel layer that keeps one message.
FAULTS_CONNECTIONS=plain are psycopg's own, in a pool that reconnects in its own way. FAULTS_PLANT is one of
`bench.plants`.
"""

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

from django.db.backends.signals import connection_created

from core import checks
from event_ticketing.settings import *  # noqa: F403 -- all of them
from event_ticketing.settings import CHANNEL_LAYERS, DATABASES, REDIS_URL

POINT = Path(os.environ.get("FAULTS_POINT", "/nowhere"))
LOCK, OF_CLOCK = "FOR NO KEY UPDATE", "SKIP LOCKED"

if os.environ.get("FAULTS_ISOLATION"):
    DATABASES["default"]["OPTIONS"]["isolation_level"] = int(os.environ["FAULTS_ISOLATION"])
    checks.READ_COMMITTED = DATABASES["default"]["OPTIONS"]["isolation_level"]  # or no server would start
if os.environ.get("FAULTS_CONNECTIONS") == "plain":
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 2, "max_size": 8, "timeout": 3}
if os.environ.get("FAULTS_LAYER") == "full":
    CHANNEL_LAYERS["default"] = {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "capacity": 1, "prefix": "tickets"},
    }


class Failpoint:
    """Counts the statements of a connection's transactions since they locked an event."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._count: int | None = None

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Let a statement be executed, and fail after it if that is told."""
        result = execute(sql, params, many, context)
        if not self.connection.in_atomic_block:
            self._count = None
        elif LOCK in str(sql) and "core_event" in str(sql) and OF_CLOCK not in str(sql):
            self._count = 0
            self.connection.on_commit(self._end)
        elif self._count is not None:
            self._count += 1
        if self._count is not None:
            self._fail_at(self._count)
        return result

    def _end(self) -> None:
        self._count = None
        self._fail_at("commit")

    def _fail_at(self, moment: int | str) -> None:
        try:
            told = json.loads(POINT.read_text())
            if told["after"] != moment:
                return
            POINT.rename(POINT.with_suffix(".taken"))  # by one process alone
        except (OSError, ValueError):
            return
        who = {"pid": os.getpid(), "parent": os.getppid(), "backend": self.connection.connection.info.backend_pid}
        POINT.with_suffix(".new").write_text(json.dumps(who))
        POINT.with_suffix(".new").rename(POINT.with_suffix(".who"))
        # This thread by itself: the process as a whole would stop by another one, while this one goes on to its commit.
        signal.pthread_kill(threading.get_ident(), signal.Signals[told["signal"]])


def _plant(connection: Any, **kwargs: Any) -> None:
    if os.environ.get("FAULTS_TRIES"):
        from core import locking  # noqa: PLC0415 -- models, which settings come before

        locking.TRIES = int(os.environ["FAULTS_TRIES"])
    if os.environ.get("FAULTS_PLANT"):
        from bench import plants  # noqa: PLC0415 -- as above

        plants.plant(os.environ.pop("FAULTS_PLANT", ""))  # once, though threads connect at the same time
    if "FAULTS_POINT" in os.environ and not any(isinstance(w, Failpoint) for w in connection.execute_wrappers):
        connection.execute_wrappers.append(Failpoint(connection))


connection_created.connect(_plant, weak=False)
