"""What the history checker reads: the rows of an event and its ledger, what clients were answered, and pages told.

Plain records, and of the standard library alone; all moments are seconds since the epoch.
"""

import datetime as dt
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

TOLERANCE = 0.001  # seconds that two readings of one clock may differ by rounding
UNDRAWN = 2**63


class Call(NamedTuple):
    """What was asked and answered: `outcome` is "ok", a refusal's status, "busy" (503, or no answer) or "error".

    `detail` of a success: of a login its session, of a join `(place, status, expires_at)`, of a booking `(ticket,
    code)`, of a release `(place, status)`, of a cancellation the ticket, of a scan `(nonce, outcome)`.
    """

    kind: str
    user: int
    sent: float
    answered: float
    outcome: str
    detail: Any


@dataclass(frozen=True)
class Event:
    """The event at the end."""

    pk: int
    capacity: int
    held: int
    booked: int
    ledger_seq: int
    version: int = 0


@dataclass(frozen=True)
class Place:
    """A place in line at the end."""

    pk: int
    user: int
    status: str
    tier: int
    draw: int | None
    login_timestamp: float
    created_at: float
    held_at: float | None
    expires_at: float | None
    ended_at: float | None

    @property
    def rank(self) -> tuple[Any, ...]:
        """What orders the line."""
        return (-self.tier, UNDRAWN if self.draw is None else self.draw, self.login_timestamp, self.pk)

    @property
    def gone(self) -> float:
        """When it stopped waiting; never, if it still does."""
        return self.held_at or self.ended_at or math.inf


@dataclass(frozen=True)
class Ticket:
    """A ticket at the end; `replaces` is the one whose right it took over."""

    pk: int
    user: int
    code: str
    hold: int | None
    replaces: int | None
    booked_at: float
    cancelled_at: float | None
    checked_in_at: float | None = None


@dataclass(frozen=True)
class Scan:
    """An attempt to enter; it stands if it let somebody in and was not taken back."""

    ticket: int | None
    staff: int
    nonce: str
    outcome: str
    stands: bool


@dataclass(frozen=True)
class Login:
    """A login of somebody."""

    user: int
    key: str
    at: float


@dataclass(frozen=True)
class AtRest:
    """What a person's open page shows of the event at rest: the numbers, their live place, and tickets that stand."""

    user: int
    numbers: dict[str, Any]
    status: str | None  # of the place, if there is one
    until: float | None
    position: int | None
    tickets: dict[str, str]  # status by code


@dataclass(frozen=True)
class Heard:
    """What a person's page was ever told of the event, of their own, and of versions that had been newer before."""

    user: int
    backwards: list[str]
    codes: list[str]
    holds: list[float]  # their ends


@dataclass
class History:
    """What is left when everything has come to rest."""

    event: Event
    places: list[Place]  # by number
    tickets: list[Ticket]
    scans: list[Scan]
    logins: list[Login]
    ledger: list[str]  # the lines of the ledger's file, each with its newline
    holds: tuple[float, ...]  # seconds that the event's holds lasted, one time or another; none: they are not checked
    calls: list[Call]
    waiting: dict[int, float]  # person: their first place was committed by then
    held: dict[int, float]  # place: its hold was committed by then
    quiet_from: float  # from then on nobody asked for anything
    rest: float  # from then on nothing was waited for
    pages: list[AtRest] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    first: dict[int, Place] = field(default_factory=dict, init=False)  # of each person

    def __post_init__(self) -> None:
        self.first = {place.user: place for place in reversed(self.places)}

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The entries of the ledger, without their seals."""
        return [json.loads(line.partition(" ")[2]) for line in self.ledger[1:]]

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        told = asdict(self)
        del told["first"]
        return told


Checks = dict[str, Callable[[History], list[str]]]


def load(told: dict[str, Any]) -> History:
    """Return the history that `as_dict` has told, also after JSON, which knows no tuples and no numbers as names."""
    kinds = {"places": Place, "tickets": Ticket, "scans": Scan, "logins": Login, "pages": AtRest, "heard": Heard}
    told = told | {name: [kind(**row) for row in told.get(name, ())] for name, kind in kinds.items()}
    told |= {name: {int(key): at for key, at in told[name].items()} for name in ("waiting", "held")}
    told |= {"event": Event(**told["event"]), "holds": tuple(told["holds"])}
    return History(**told | {"calls": [Call(*call) for call in told["calls"]]})


def moment_of(entry: dict[str, Any]) -> float:
    """Return when an entry of the ledger was made."""
    return dt.datetime.fromisoformat(entry["at"]).timestamp()
