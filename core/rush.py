"""Whether there is a rush, in which what can wait waits; told by what all processes have written.

Not by what a process hears of the others: nothing while Redis is away, and it may be one that sells nothing itself.
"""

import time

from . import prepared
from .models import LedgerEntry, Scan

RUSH = 60  # entries of ledgers and scans a second: of twenty people who join, are held a place and book
LONGEST = 300.0  # seconds that anything waits for a rush to end


class RushWatch:
    """What one worker has seen so far; it looks as often as it works."""

    def __init__(self) -> None:
        self._seen: tuple[float, int] | None = None  # when, and how much was written by then
        self._since: float | None = None

    def look(self) -> bool:
        """Return whether so much was written since the last look; False where that has gone on for too long.

        Asks for the last row of two tables. The first look has nothing to compare with.
        """
        moment, written = time.monotonic(), _written()
        before, many = self._seen or (moment, written)
        self._seen = moment, written
        is_rush = written - many > RUSH * (moment - before)
        self._since = (self._since or moment) if is_rush else None
        return self._since is not None and moment - self._since < LONGEST


def _written() -> int:
    """Return a number that grows by one with each row; it may skip some, of what was taken back."""
    return sum(pk for (pk,) in [*_last_entry(), *_last_scan()])


_last_entry = prepared.Rows(lambda: LedgerEntry.objects.order_by("-pk").values_list("pk")[:1])
_last_scan = prepared.Rows(lambda: Scan.objects.order_by("-pk").values_list("pk")[:1])
