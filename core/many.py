"""Thousands of values in one question."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import BigIntegerField, Model
from django.db.models.constants import OnConflict
from django.db.models.expressions import RawSQL
from django.db.models.sql import InsertQuery

LARGEST_ID = BigIntegerField.MAX_BIGINT  # no row has a larger one, and SQLite takes no larger number


def among(values: Iterable[int] | Iterable[str], parameter: Any = None) -> RawSQL:
    """Return these numbers, or texts, as the right side of `__in`: one parameter, however many they are.

    Django writes a parameter for each, which takes longer than the answer, and SQLite takes 32,766 at most. `parameter`
    stands for numbers that are known later. Not in a condition on a window, where Django would take the first alone.
    """
    listed: list[Any] = list(values)
    given = as_parameter(listed) if parameter is None else parameter
    if connection.vendor == "postgresql":
        kind = "text[]" if listed and isinstance(listed[0], str) else "bigint[]"
        return RawSQL(f"SELECT unnest(%s::{kind})", [given])  # noqa: S611 -- of the two kinds above
    return RawSQL("SELECT value FROM json_each(%s)", [given])


def as_parameter(values: Iterable[Any]) -> Any:
    """Return a list of values as the database's driver takes it."""
    return list(values) if connection.vendor == "postgresql" else json.dumps(list(values))


def insert_new(rows: Sequence[Model], *returning: str) -> list[tuple[Any, ...]]:
    """Insert rows of one model, in one statement, but those that collide with others; return fields of the new ones.

    Of what `bulk_create(ignore_conflicts=True)` inserted it tells nothing. `returning` are names of fields.
    """
    options = rows[0]._meta  # noqa: SLF001 -- Django's documented name
    query = InsertQuery(type(rows[0]), on_conflict=OnConflict.IGNORE)
    query.insert_values([field for field in options.concrete_fields if not field.primary_key], list(rows))
    compiler: Any = query.get_compiler(connection=connection)
    compiler.returning_fields = [options.get_field(name) for name in returning]
    [(sql, params)] = compiler.as_sql()
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        found = cursor.fetchall()
    converters = compiler.get_converters([field.get_col(options.db_table) for field in compiler.returning_fields])
    return [tuple(row) for row in compiler.apply_converters(found, converters)]


def update_each(table: str, to: str, columns: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Update thousands of rows, each with values of its own, in one statement.

    `columns` are `{name: its type in PostgreSQL}` of what each of `rows` tells, `id` the last one; `to` is what follows
    SET, with `{name}` where a value goes, in that order. An ORM expression for each takes as many milliseconds.
    """
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"%s::{kind}[]" for kind in columns.values())
            told = f"unnest({arrays}) AS told ({', '.join(columns)})"
            values = to.format(**{name: f"told.{name}" for name in columns})
            lists = [list(column) for column in zip(*rows, strict=True)]
            cursor.execute(f"UPDATE {table} SET {values} FROM {told} WHERE {table}.id = told.id", lists)  # noqa: S608 -- names of ours
        else:
            values = to.format(**dict.fromkeys(columns, "%s"))
            cursor.executemany(f"UPDATE {table} SET {values} WHERE id = %s", rows)  # noqa: S608 -- as above
