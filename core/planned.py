"""Statements that PostgreSQL plans once for each connection: planning takes it longer than most of our answers.

Django writes all values into the text (client-side binding), so that PostgreSQL parses and plans each time anew. The
questions of `prepared.py` are sent apart from what is given, and prepared by psycopg. What never changes in a question
is written into its text: only a condition that can be read there tells the planner that a partial index serves.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db.models import Value

PERCENT = "%"


def plans(connection: Any) -> bool:
    """Return whether a database is to plan our questions once: PostgreSQL, where a connection stays the same one.

    Behind PgBouncer in transaction mode it does not; Django's DISABLE_SERVER_SIDE_CURSORS says so.
    """
    return connection.vendor == "postgresql" and not connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")


def written_out(text: str, params: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return a statement and its parameters with all but those that are given (`Value`) written into the text."""
    from psycopg.sql import Literal  # noqa: PLC0415 -- only where there is PostgreSQL

    parts = text.split("%s")
    written, left = [parts[0]], []
    for part, param in zip(parts[1:], params, strict=True):
        if isinstance(param, Value):
            left.append(param)
            written.append("%s")
        else:
            written.append(Literal(param).as_string(None).replace(PERCENT, 2 * PERCENT))
        written.append(part)
    return "".join(written), left


@cache
def _cursor() -> Any:
    """Return the class of such cursors; psycopg is loaded only where there is PostgreSQL."""
    from django.db.backends.postgresql.base import ServerBindingCursor  # noqa: PLC0415 -- as above

    class PlannedCursor(ServerBindingCursor):
        """Django's, which remembers what it was asked in every case: the log of queries wants to know."""

        def _convert_query(self, query: Any, params: Any = None) -> Any:
            self._query = super()._convert_query(query, params)  # type: ignore[misc]  # -- in C
            return self._query

    return PlannedCursor


class Planned:
    """A connection of Django's whose cursors send values apart from the text, and prepare it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def cursor(self) -> Any:
        """Return such a cursor, wrapped as Django wraps its own."""
        self._connection.close_if_health_check_failed()
        self._connection.ensure_connection()
        with self._connection.wrap_database_errors:
            return self._connection._prepare_cursor(_cursor()(self._connection.connection))  # noqa: SLF001
