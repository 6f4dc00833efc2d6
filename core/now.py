"""The one clock of every moment that decides."""

import datetime as dt
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Func
from django.utils import timezone


def clock() -> Any:
    """Return the same clock for an INSERT: the moment at which the row is written, without asking first."""
    if connection.vendor != "postgresql":
        return timezone.now()
    return Func(function="clock_timestamp", output_field=DateTimeField())


def now() -> dt.datetime:
    """Return the database's clock on PostgreSQL, Python's on SQLite (UTC).

    Read it after taking a lock: `now()` of SQL is fixed when the transaction starts and lags behind by the wait.
    """
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: dt.datetime = cursor.fetchone()[0]
    return moment
