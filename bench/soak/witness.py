"""A second witness while it sells: it looks at the rows again and again, each time as of one moment (I1-I6, I10)."""

import bisect
import datetime as dt
import itertools
import os
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import psycopg

from bench.soak.calls import LATE, Span
from bench.soak.hands import Hand
from bench.soak.promises import BUSY, IDLE, LOOK

ROWS = """
    SELECT event.id, event.capacity, event.held, event.booked, event.paused_at IS NOT NULL,
        (SELECT count(*) FROM core_tickethold WHERE event_id = event.id AND status = 'held'),
        (SELECT count(*) FROM core_ticket WHERE event_id = event.id AND cancelled_at IS NULL),
        ARRAY(SELECT id FROM core_tickethold WHERE event_id = event.id AND status = 'held'
            AND expires_at <= clock_timestamp()),
        (SELECT id FROM core_tickethold WHERE event_id = event.id AND status = 'waiting'
            ORDER BY tier DESC, draw, login_timestamp, id LIMIT 1),
        (SELECT count(*) FROM core_ticket WHERE event_id = event.id), clock_timestamp()
    FROM core_event AS event WHERE event.id = ANY(%s)
"""
# What no moment may show, in words; PostgreSQL and SQLite read it alike. Whoever was first in line at the look before,
# after which the clock was read, and still waits, was seen by whoever gave a place later: that is for who ranks before.
RANK = "(-{0}.tier, {0}.draw IS NULL, COALESCE({0}.draw, 0), {0}.login_timestamp, {0}.id)"
WRONG = f"""
    SELECT 'place ' || place.id || ' is booked, and has no ticket' FROM core_tickethold AS place
        LEFT JOIN core_ticket AS ticket ON ticket.hold_id = place.id
        WHERE place.event_id IN ({{events}}) AND place.status = 'booked' AND place.ended_at > '{{lately}}'
            AND ticket.id IS NULL
    UNION ALL SELECT 'ticket ' || ticket.id || ' is of place ' || place.id || ', which is ' || place.status
        FROM core_ticket AS ticket JOIN core_tickethold AS place ON place.id = ticket.hold_id
        WHERE ticket.event_id IN ({{events}}) AND ticket.cancelled_at IS NULL AND place.status <> 'booked'
    UNION ALL SELECT 'ticket ' || ticket_id || ' was admitted ' || count(*) || ' times' FROM core_scan
        WHERE event_id IN ({{events}}) AND outcome = 'admitted' AND undone_at IS NULL
        GROUP BY ticket_id HAVING count(*) > 1
    UNION ALL SELECT 'scan ' || nonce || ' is there ' || count(*) || ' times' FROM core_scan
        WHERE event_id IN ({{events}}) AND nonce <> '' GROUP BY staff_id, nonce HAVING count(*) > 1
    UNION ALL SELECT 'ticket ' || ticket.id || ' is admitted, and no scan says so' FROM core_ticket AS ticket
        LEFT JOIN core_scan AS scan
            ON scan.ticket_id = ticket.id AND scan.outcome = 'admitted' AND scan.undone_at IS NULL
        WHERE ticket.event_id IN ({{events}}) AND ticket.checked_in_at IS NOT NULL AND scan.id IS NULL
    UNION ALL SELECT 'place ' || place.id || ' was given before place ' || first.id FROM core_tickethold AS first
        JOIN core_tickethold AS place ON place.event_id = first.event_id AND place.status = 'held'
        WHERE first.id IN ({{first}}) AND first.status = 'waiting' AND place.held_at > '{{since}}'
            AND {RANK.format("first")} < {RANK.format("place")}
    UNION ALL SELECT 'ticket ' || ticket.id || ' was booked past place ' || first.id FROM core_tickethold AS first
        JOIN core_ticket AS ticket ON ticket.event_id = first.event_id AND ticket.cancelled_at IS NULL
        WHERE first.id IN ({{first}}) AND first.status = 'waiting' AND ticket.booked_at > '{{since}}'
            AND ticket.hold_id IS NULL AND ticket.replaces_id IS NULL
    UNION ALL SELECT 'place ' || place.id || ' is ranked before its login' FROM core_tickethold AS place
        JOIN core_usersession AS login ON login.id = place.session_id
        WHERE place.event_id IN ({{events}}) AND place.status IN ('waiting', 'held')
            AND place.login_timestamp < login.login_timestamp
    UNION ALL SELECT 'person ' || user_id || ' has ' || count(*) || ' places of event ' || event_id
        FROM core_tickethold WHERE event_id IN ({{events}}) AND status IN ('waiting', 'held')
        GROUP BY event_id, user_id HAVING count(*) > 1
    UNION ALL SELECT 'person ' || user_id || ' has ' || count(*) || ' tickets of event ' || event_id
        FROM core_ticket WHERE event_id IN ({{events}}) AND cancelled_at IS NULL
        GROUP BY event_id, user_id HAVING count(*) > 1
"""


class Row(NamedTuple):
    """An event at one moment: its numbers, its rows, which holds have lapsed, and which place is first in line."""

    event: int
    capacity: int
    held: int
    booked: int
    is_paused: bool
    holds: int
    tickets: int
    lapsed: Sequence[int]
    first: int | None
    ever: int = 0  # tickets, those that were cancelled included
    read_at: dt.datetime | None = None  # by the database's clock, when what is seen could no longer change


def question(events: Sequence[int], before: Sequence[Row] = ()) -> str:
    """Return what to ask about events after a look at their rows."""
    since = min((row.read_at for row in before if row.read_at), default=dt.datetime.max.replace(tzinfo=dt.UTC))
    places = {
        "events": ", ".join(map(str, events)),
        "first": ", ".join(str(row.first or 0) for row in before) or "0",
        "since": since.astimezone(dt.UTC),
        "lately": since.astimezone(dt.UTC) - dt.timedelta(seconds=LATE),
    }
    return WRONG.format(**places)


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
        self._last: list[Row] = []
        self._told: set[str] = set()

    def work(self) -> None:
        """Look until it is over; while the database is away nothing is seen, and a spell goes on."""
        while not self.over.is_set():
            try:
                with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, connect_timeout=3) as connection:
                    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                    while not self.over.wait(LOOK):
                        moment = time.time()
                        with connection.transaction():
                            rows = connection.execute(ROWS, [self.events]).fetchall()
                            wrong = connection.execute(question(self.events, self._last).encode()).fetchall()
                        self.look(rows, moment, [text for (text,) in wrong])
            except psycopg.Error:
                self.over.wait(LOOK)
        self._end(set(self._since))

    def look(self, rows: Sequence[tuple[Any, ...]], moment: float, wrong: Sequence[str] = ()) -> None:
        """Take in what was read at a moment; what was wrong and still is, is told once."""
        idle: set[tuple[int, int]] = set()
        seen, ever = [Row(*row) for row in rows], {row.event: row.ever for row in self._last}
        for row in seen:
            taken = f"{row.held} held and {row.booked} booked of {row.capacity}"
            if (row.held, row.booked) != (row.holds, row.tickets) or row.held + row.booked > row.capacity:
                self._tell(f"event {row.event}: {taken}, the rows have {row.holds} and {row.tickets}")
            if row.ever < ever.get(row.event, 0):
                self._tell(f"event {row.event}: {row.ever} tickets are left of {ever[row.event]}")
            if row.first and not row.is_paused:
                nobodys = [0] if row.holds + row.tickets < row.capacity else []
                idle |= {(row.event, hold) for hold in [*row.lapsed, *nobodys]}
        for text in wrong:
            self._tell(text)
        self._last = seen
        self._end(self._since.keys() - idle)
        self._since |= dict.fromkeys(idle - self._since.keys(), moment)
        self._moments.append(moment)

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self.troubles.append(text)

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
