"""A connection to PostgreSQL that is given up when nothing comes: a stopped server, a network that went away.

The time-outs of the settings are kept by the server, or by a network that says no. Where neither answers, only this
process can tell, and without it each of its threads would wait for good. What one finds out is told to the pool.
"""

import time
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import IdleInTransactionSessionTimeout, ReadOnlySqlTransaction, _WaitTimeout

from .deadline import is_unlimited, seconds_left

RV = TypeVar("RV")
# Seconds: the server ends a statement after 5 (`statement_timeout`) and says so; what says nothing then is gone.
LIMIT = 5.5
LIMIT_OF_CHECK = 2.0  # seconds, after 3 in which the pool may have had no connection: 5 as well
USED_UP = ("too many clients", "connection slots are reserved", "too many connections")  # PostgreSQL's 53300
INTERVAL = 0.1  # seconds between two looks at what else happens, as psycopg's own


class PatientConnection(psycopg.Connection[Any]):
    """psycopg's connection, with a limit to every wait; whatever ends it is an OperationalError."""

    emptied_at = 0.0  # monotonic: when the pool was emptied last
    refusal = ""  # why there was no new connection, if the last one that was tried failed

    def __init__(self, pgconn: Any) -> None:
        super().__init__(pgconn)
        self.made_at, self._limit = time.monotonic(), LIMIT

    @classmethod
    def connect(cls, *args: Any, **kwargs: Any) -> Any:
        """Connect, and remember why not."""
        try:
            made = super().connect(*args, **kwargs)
        except psycopg.OperationalError as error:
            PatientConnection.refusal = str(error)
            raise
        PatientConnection.refusal = ""
        return made

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Ask as the pool does, to see whether anybody is there: with less patience, as nothing is to be done."""
        self._limit = LIMIT_OF_CHECK
        try:
            return super().execute(*args, **kwargs)
        finally:
            self._limit = LIMIT

    def wait(self, gen: PQGen[RV], interval: float = INTERVAL, timeout: float | None = None) -> RV:
        """Do what is to be done with the server; raise OperationalError if it does not answer in time."""
        limit = None if is_unlimited() else seconds_left(self._limit)
        try:
            return super().wait(gen, interval, limit if timeout is None else timeout)
        except _WaitTimeout as error:
            if timeout is not None:
                raise
            self.pgconn.finish()  # what it would say later belongs to nobody
            if limit == self._limit:  # it said nothing for as long as it may; else this request was out of time
                self._empty_pool()
            raise psycopg.OperationalError("the database does not answer") from error
        except (IdleInTransactionSessionTimeout, ReadOnlySqlTransaction) as error:
            # psycopg's InternalError: but it was this process that stopped, or a standby that answers for a while.
            raise psycopg.OperationalError(str(error)) from error
        except psycopg.OperationalError:
            if self.closed:
                self._empty_pool()
            raise

    def _empty_pool(self) -> None:
        """Take the pool's other connections for as lost as this one, unless it is older than those.

        The pool would find them one by one, waiting longer after each: after a restart, some requests would fail.
        """
        pool: Any = getattr(self, "_pool", None)  # which sets it while the connection is out of it
        if pool is not None and self.made_at > PatientConnection.emptied_at:
            PatientConnection.emptied_at = time.monotonic()
            pool.drain()


def why_away() -> str:
    """Return in words, for operators, why there is no connection to the database."""
    if any(words in PatientConnection.refusal for words in USED_UP):
        return "The database has no connection left for this process."
    return "The database does not answer."
