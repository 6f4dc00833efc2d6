"""A second witness while it sells: whether the counters are the rows' numbers (I1), and no place lies idle (I10)."""

import bisect
import itertools
import os
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import psycopg

from bench.soak.calls import Span
from bench.soak.hands import Hand
from bench.soak.promises import BUSY, IDLE, LOOK

ROWS = """
    SELECT event.id, event.capacity, event.held, event.booked, event.paused_at IS NOT NULL,
        (SELECT count(*) FROM core_tickethold WHERE event_id = event.id AND status = 'held'),
        (SELECT count(*) FROM core_ticket WHERE event_id = event.id AND cancelled_at IS NULL),
        ARRAY(SELECT id FROM core_tickethold WHERE event_id = event.id AND status = 'held'
            AND expires_at <= clock_timestamp()),
        EXISTS (SELECT FROM core_tickethold WHERE event_id = event.id AND status = 'waiting')
    FROM core_event AS event WHERE event.id = ANY(%s)
"""


class Spell(NamedTuple):
    """Since when, and until when, a place of an event was free while somebody waited: that of a hold that lapsed.

    Or of no hold (0), where nobody has the place. `apart` is how many seconds the witness itself was kept from looking.
    """

    since: float
    until: float
    event: int
    hold: int
    apart: float


class Witness(Hand):
    """Looks again and again; `idle` has each spell in which a place was free and somebody waited.

    Of each hold that has lapsed a spell of its own: where many lapse, one of them always has a moment ago. A spell ends
    with the last look that saw it, so none is longer than it was.
    """

    def __init__(self, events: Sequence[int]) -> None:
        super().__init__()
        self.events = list(events)
        self.idle: list[Spell] = []
        self._since: dict[tuple[int, int], float] = {}  # by event and hold
        self._moments: list[float] = []  # of all looks

    def work(self) -> None:
        """Look until it is over; while the database is away nothing is seen, and a spell goes on."""
        while not self.over.is_set():
            try:
                with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, connect_timeout=3) as connection:
                    while not self.over.wait(LOOK):
                        moment = time.time()
                        self.look(connection.execute(ROWS, [self.events]).fetchall(), moment)
            except psycopg.Error:
                self.over.wait(LOOK)
        self._end(set(self._since))

    def look(self, rows: Sequence[tuple[Any, ...]], moment: float) -> None:
        """Take in what was read at a moment."""
        idle: set[tuple[int, int]] = set()
        for event, capacity, held, booked, is_paused, holds, tickets, lapsed, waits in rows:
            if (held, booked) != (holds, tickets) or held + booked > capacity:
                self.troubles.append(
                    f"event {event}: {held} held and {booked} booked of {capacity}, the rows have {holds} and {tickets}"
                )
            if waits and not is_paused:
                idle |= {(event, hold) for hold in [*lapsed, *([0] if holds + tickets < capacity else [])]}
        self._end(self._since.keys() - idle)
        self._since |= dict.fromkeys(idle - self._since.keys(), moment)
        self._moments.append(moment)

    def _end(self, spells: set[tuple[int, int]]) -> None:
        for event, hold in spells:
            since = self._since.pop((event, hold))
            looks = self._moments[bisect.bisect(self._moments, since) - 1 :]
            apart = max((later - look for look, later in itertools.pairwise(looks)), default=0.0)
            self.idle.append(Spell(since, looks[-1], event, hold, apart))

    @property
    def looks(self) -> int:
        """How often it looked."""
        return len(self._moments)


def too_long(idle: Sequence[Spell], disturbed: Sequence[Span]) -> list[str]:
    """Return which spells went on for longer than promised while nothing disturbed the site.

    Where the witness itself was kept from looking, the machine was too busy for any promise of time.
    """
    return [
        f"event {spell.event}: the place of hold {spell.hold} was free for {spell.until - spell.since:.1f} s while"
        f" somebody waited, for {quiet:.1f} s of them beside no fault, with looks up to {spell.apart:.1f} s apart"
        for spell in sorted(idle)
        if (quiet := max(_quiet(spell.since, spell.until, disturbed))) > IDLE and spell.apart <= BUSY
    ]


def _quiet(since: float, until: float, disturbed: Sequence[Span]) -> Iterator[float]:
    """Yield how long each stretch of a spell was that nothing disturbed."""
    for began, ended in sorted(disturbed):
        if since < began:
            yield min(began, until) - since
        since = max(since, ended)
    yield until - since
