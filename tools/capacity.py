"""The capacity model of docs/scaling.md: what an opening needs, by the unit costs; prints the document's tables.

    python -m tools.capacity

Put the figures of `make bench` into `COSTS`, and what this prints into the document; a test compares the two.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

TICKS = 4  # messages a second and event, at most (core/hub.py)
FRAME = 90  # bytes of TCP, IP, TLS and WebSocket around a message
POOL = 8  # connections of one process to the database, at most (event_ticketing/stores.py)
FILES = 15_000  # sockets for which one process may have files, of 20,000
BUSY = 0.6  # of a core, planned: the rest is for what was not thought of
CORES = 4  # of a web node
LOGIN_SECONDS = 1800  # before the opening, over which people log in


@dataclass(frozen=True)
class Cost:
    """A unit cost: its figure, what it is of, and where it comes from (a measurement, a target, an assumption)."""

    figure: float
    unit: str
    of: str
    source: str


COSTS = {
    "login": Cost(105, "ms CPU", "a login by password, database included", "measured 92–117 with 32 at a time"),
    "dashboard": Cost(29, "ms CPU", "a dashboard, database included", "measured 28–34, of 200 events"),
    "post": Cost(8, "ms CPU", "a join or booking by POST, database included", "measured 6.9–8.4"),
    "ask": Cost(1.4, "ms CPU", "a join over the socket, database included", "measured 1.0–1.6 of 2,000 at once"),
    "book": Cost(1.7, "ms CPU", "a booking over the socket, database included", "by the rates of joins and bookings"),
    "connect": Cost(1.1, "ms CPU", "opening a socket", "measured, LIMITS 3; without the snapshot's queries"),
    "socket": Cost(30, "KiB", "an open socket", "measured 22–29; promised 60 at most"),
    "message": Cost(20, "µs CPU", "a message to one socket", "measured 17–23 on Uvicorn, LIMITS 3"),
    "line": Cost(2, "µs CPU", "a waiting person, read by one process in one tick", "measured 1.4–1.9 in Python"),
    "rank": Cost(2, "µs CPU", "the same in the database", "measured 1.7–5.5 on a busy machine"),
    "stats": Cost(214, "bytes", "a message of numbers", "counted"),
    "position": Cost(83, "bytes", "a message of a position", "counted"),
    "snapshot": Cost(2200, "bytes", "a first message, 10 events", "ten times the numbers"),
    "join_rate": Cost(1100, "a second", "joins on one hot event over sockets", "measured 994–1,263 on two cores"),
    "book_rate": Cost(950, "a second", "bookings of one hot event over sockets", "measured 857–1,159 on two cores"),
}


@dataclass(frozen=True)
class Opening:
    """One opening: people who wait for it with a page open, and its tickets. All figures are of its first minutes."""

    people: int
    tickets: int

    @property
    def waiting(self) -> int:
        """Who is still in line when the tickets are held."""
        return self.people - self.tickets

    @property
    def processes(self) -> int:
        """Web processes of one core each: by files, and by the work while it sells."""
        return max(2, math.ceil(self.people / FILES), math.ceil(self.cores_of_web / BUSY))

    @property
    def nodes(self) -> int:
        """Machines for them; never one alone, which may fail."""
        return max(2, math.ceil(self.processes / CORES))

    @property
    def logins(self) -> float:
        """Logins a second before the opening."""
        return self.people / LOGIN_SECONDS

    @property
    def cores_of_logins(self) -> float:
        """Cores for logins and the sockets that are opened after them."""
        return self.logins * (cost("login") + cost("dashboard") + cost("connect")) / 1e3

    @property
    def messages(self) -> float:
        """Messages a second to all sockets: the numbers, and to who waits a position."""
        return TICKS * (self.people + self.waiting)

    @property
    def cores_of_messages(self) -> float:
        """Cores to send them."""
        return self.messages * cost("message") / 1e6

    @property
    def cores_of_web(self) -> float:
        """Cores of web processes, their reading of the line apart, in the more demanding of two phases."""
        return max(self.cores_of_logins, self.cores_of_messages + cost("join_rate") * cost("ask") / 2e3)

    @property
    def megabits(self) -> float:
        """Megabit a second to all sockets while it sells."""
        numbers, position = cost("stats") + FRAME, cost("position") + FRAME
        return 8 * TICKS * (self.people * numbers + self.waiting * position) / 1e6

    @property
    def share_of_line(self) -> float:
        """Share of its core that each process takes to read the line in every tick; above 1 it cannot be done."""
        return TICKS * self.waiting * cost("line") / 1e6

    @property
    def cores_of_rank(self) -> float:
        """Cores of the database that rank the line for all processes."""
        return TICKS * self.waiting * cost("rank") * self.processes / 1e6

    @property
    def rows(self) -> Iterator[tuple[str, str]]:
        """What it needs, one line each."""
        yield "logins a second, over half an hour", number(self.logins)
        yield "cores for logins, dashboards, sockets then", number(self.cores_of_logins)
        yield "memory of sockets, GiB", number(self.people * cost("socket") / 1024**2)
        yield "messages a second while it sells", number(self.messages)
        yield "cores to send them", number(self.cores_of_messages)
        yield "bandwidth while it sells, Mbit/s", number(self.megabits)
        yield (
            "snapshots when everybody reconnects within a minute, Mbit/s",
            number(8 * self.people * (cost("snapshot") + FRAME) / 60e6),
        )
        yield "web processes (one core each)", number(self.processes)
        yield f"web nodes of {CORES} cores", number(self.nodes)
        yield "of each process, to read the line in every tick", f"{number(100 * self.share_of_line)} %"
        yield "cores of the database to rank the line for all processes", number(self.cores_of_rank)
        yield "seconds until the last has joined over the socket", number(self.people / cost("join_rate"))
        yield "the same by POST, on these processes", number(self.people * cost("post") / 1e3 / (self.processes * BUSY))
        yield "seconds until all tickets are booked, at the least", number(self.tickets / cost("book_rate"))
        yield "connections to the database at most", number(self.processes * POOL)
        yield "Redis messages in, a second", number(self.processes * TICKS)
        yield "Redis messages out, a second", number(self.processes**2 * TICKS)


OPENINGS = (Opening(10_000, 2_000), Opening(100_000, 20_000), Opening(1_000_000, 50_000))


def cost(name: str) -> float:
    """Return the figure of a unit cost."""
    return COSTS[name].figure


def number(value: float) -> str:
    """Write a figure with the two digits that mean something."""
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"  # noqa: PLR2004 -- two digits are a whole number


def tables() -> str:
    """Return the two tables of the document, as Markdown."""
    units = [f"| {c.of} | {c.figure:,g} {c.unit} | {c.source} |" for c in COSTS.values()]
    names = [name for name, _ in OPENINGS[0].rows]
    columns = [[figure for _, figure in opening.rows] for opening in OPENINGS]
    needs = [f"| {name} | {' | '.join(figures)} |" for name, *figures in zip(names, *columns, strict=True)]
    heads = " | ".join(f"{opening.people:,} people, {opening.tickets:,} tickets" for opening in OPENINGS)
    return "\n".join([
        "| unit cost of | figure | source |", "|---|---|---|", *units, "",
        f"| what it needs | {heads} |", "|---|---|---|---|", *needs,
    ])  # fmt: skip


if __name__ == "__main__":
    print(tables())
