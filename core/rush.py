"""Whether there is a rush, in which what can wait waits; told by what all processes have written.

Not by what a process hears of the others: nothing while Redis is away, and it may be one that sells nothing itself.
"""

import time

from . import prepared
from .models import LedgerEntry, Scan, TicketHold

RUSH = 20  # rows a second: half of the bookings that the slowest machine is to bear, each of which is one at least
QUIET = 2  # looks in a row by which one is over: one that came late tells little
LONGEST = 300.0  # seconds that anything waits for a rush to end


class RushWatch:
    """What one worker has seen so far; it looks as often as it works."""

    def __init__(self) -> None:
        self._seen: tuple[float, int] | None = None  # when, and how much was written by then
        self._since: float | None = None
        self._quiet = 0

    def look(self) -> bool:
        """Return whether so much was written of late; False where that has gone on for too long.

        Asks for the last row of three tables. The first look has nothing to compare with.
        """
        moment, written = time.monotonic(), _written()
        before, many = self._seen or (moment, written)
        self._seen = moment, written
        is_much = written - many > RUSH * (moment - before)
        self._quiet = 0 if is_much else self._quiet + 1
        if is_much:
            self._since = self._since or moment
        elif self._quiet >= QUIET:
            self._since = None
        return self._since is not None and moment - self._since < LONGEST


def _written() -> int:
    """Return a number that grows by one with each row; it may skip some, of what was taken back."""
    return sum(pk for last in (_last_entry, _last_place, _last_scan) for (pk,) in last())


_last_entry = prepared.Rows(lambda: LedgerEntry.objects.order_by("-pk").values_list("pk")[:1])
_last_place = prepared.Rows(lambda: TicketHold.objects.order_by("-pk").values_list("pk")[:1])  # a join is no entry yet
_last_scan = prepared.Rows(lambda: Scan.objects.order_by("-pk").values_list("pk")[:1])
