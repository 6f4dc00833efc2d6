"""Thousands of values in one question."""

import json
from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models.expressions import RawSQL


def among(values: Iterable[int] | Iterable[str]) -> RawSQL:
    """Return these numbers, or texts, as the right side of `__in`: one parameter, however many they are.

    Django writes a parameter for each, which takes longer than the answer, and SQLite takes 32,766 at most.
    """
    listed: list[Any] = list(values)
    if connection.vendor == "postgresql":
        kind = "text[]" if listed and isinstance(listed[0], str) else "bigint[]"
        return RawSQL(f"SELECT unnest(%s::{kind})", [listed])  # noqa: S611 -- of the two kinds above
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(listed)])
