"""A second witness while it sells: whether the counters are the rows' numbers (I1), and no place lies idle (I10)."""

import os
import time
from collections.abc import Sequence

import psycopg

from bench.soak.calls import Span
from bench.soak.hands import Hand

EVERY = 0.25  # seconds between two looks
PROMISED = 2.0  # seconds that a place may be free while somebody waits
RECOVERY = 5.0  # seconds until a fault is over for good: a process is started, connections are made
LONGEST = 20.0  # seconds beside faults, one of which follows the other
LOOK = """
    SELECT event.id, event.capacity, event.held, event.booked, event.paused_at IS NOT NULL,
        (SELECT count(*) FROM core_tickethold WHERE event_id = event.id AND status = 'held'),
        (SELECT count(*) FROM core_tickethold WHERE event_id = event.id AND status = 'held'
            AND expires_at > clock_timestamp()),
        (SELECT count(*) FROM core_ticket WHERE event_id = event.id AND cancelled_at IS NULL),
        EXISTS (SELECT FROM core_tickethold WHERE event_id = event.id AND status = 'waiting')
    FROM core_event AS event WHERE event.id = ANY(%s)
"""


class Witness(Hand):
    """Looks again and again; `idle` has each spell in which a place was free and somebody waited: since when, until."""

    def __init__(self, events: Sequence[int]) -> None:
        super().__init__()
        self.events, self.looks = list(events), 0
        self.idle: list[tuple[float, float]] = []
        self._since: dict[int, float] = {}

    def work(self) -> None:
        """Look until it is over; while the database is away nothing is seen, and a spell goes on."""
        while not self.over.is_set():
            try:
                with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, connect_timeout=3) as connection:
                    while not self.over.wait(EVERY):
                        self._look(connection)
            except psycopg.Error:
                self.over.wait(EVERY)
        for event in self.events:
            self._end(event)

    def _look(self, connection: "psycopg.Connection[tuple[int, ...]]") -> None:
        for event, capacity, held, booked, is_paused, holds, live, tickets, waits in connection.execute(
            LOOK, [self.events]
        ):
            if (held, booked) != (holds, tickets) or held + booked > capacity:
                self.troubles.append(
                    f"event {event}: {held} held and {booked} booked of {capacity}, the rows have {holds} and {tickets}"
                )
            if live + tickets < capacity and waits and not is_paused:
                self._since.setdefault(event, time.time())
            else:
                self._end(event)
        self.looks += 1

    def _end(self, event: int) -> None:
        since = self._since.pop(event, None)
        if since is not None:
            self.idle.append((since, time.time()))


def too_long(idle: Sequence[Span], faults: Sequence[Span]) -> list[str]:
    """Return which spells were too long: than promised, with no fault in or shortly before them, or than any allows."""
    wrong = []
    for since, until in idle:
        is_beside_a_fault = any(began < until and since < ended + RECOVERY for began, ended in faults)
        if until - since > (LONGEST if is_beside_a_fault else PROMISED + EVERY):
            wrong.append(f"a place was free for {until - since:.1f} s while somebody waited")
    return wrong
