"""The one clock of every moment that decides."""

import datetime as dt

from django.db import connection
from django.utils import timezone


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
