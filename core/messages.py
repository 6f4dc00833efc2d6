"""The shape of each message to an open page (DESIGN 3.3)."""

from typing import Literal, Required, TypedDict

from .checkin.figures import GateNumbers
from .numbers import Stats


class HoldState(TypedDict):
    """A person's place: `status` as in the model, `expires_at` (ISO 8601) of a hold, `position` (from 1) in line."""

    event: int
    status: str
    expires_at: str | None
    position: int | None


class TicketState(TypedDict):
    """A person's ticket: `status` is valid, admitted or cancelled."""

    event: int
    code: str
    status: str


class StatsMessage(Stats):
    """An event's numbers changed."""

    type: Literal["stats"]


class HoldMessage(HoldState):
    """A person's place changed."""

    type: Literal["hold"]


class TicketMessage(TicketState):
    """A person's ticket changed."""

    type: Literal["ticket"]


class PositionMessage(TypedDict):
    """A waiting person moved. `ahead` is position - 1; `wait_seconds` is None where no honest estimate exists."""

    type: Literal["position"]
    event: int
    position: int
    ahead: int
    wait_seconds: int | None


class GateMessage(GateNumbers):
    """Somebody was let in at an event's gate, or there is a ticket more or less."""

    type: Literal["gate"]


class ResultMessage(TypedDict, total=False):
    """The answer to a question with this `key`; the rest is what the POST would be answered (DESIGN 3.2)."""

    type: Required[Literal["result"]]
    key: Required[str]
    status: Required[str]
    ticket: str
    expires_at: str | None
    position: int
    detail: str
    can_join: bool


class Snapshot(TypedDict, total=False):
    """The first message of a socket.

    `holds` and `tickets` are on the dashboard's only. A gate's has `gate` alone; an organizer's page that, and the one
    event; a list of an organizer's events `gates`, and the events.
    """

    type: Literal["snapshot"]
    events: list[Stats]
    holds: list[HoldState]
    tickets: list[TicketState]
    gate: GateNumbers
    gates: list[GateNumbers]
    now: str


OwnMessage = HoldMessage | TicketMessage
