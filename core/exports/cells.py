"""One cell of a file that a spreadsheet may open."""

import datetime as dt
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula (ASVS 5.0, 1.2.10)."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def text(value: Any) -> str:
    """Return what is stored as a harmless cell: moments in ISO 8601 with their offset, nothing as an empty one."""
    if isinstance(value, dt.datetime):
        is_exact = value.second or value.microsecond
        return value.isoformat(timespec="auto" if is_exact else "minutes")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return ""
    return harmless(value) if isinstance(value, str) else str(value)
