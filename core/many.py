"""Thousands of values in one question."""

import json
from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import BigIntegerField
from django.db.models.expressions import RawSQL

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
