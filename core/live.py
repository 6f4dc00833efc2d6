"""Everything the server says to open pages: the shape of each message, read from the database after the commit.

What does not live here: rules (`allocation.py`), and how a message reaches a page (`hub.py`). Between processes only
ids travel, through the channel layer, which may drop or repeat them; this module is its only caller.
"""

import asyncio
import datetime as dt
import json
import logging
import os
import secrets
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Required, TypedDict

from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db.models import Q

from . import arrivals
from .checkin.figures import GateNumbers, gate_numbers
from .checkin.staff import scannable_events
from .models import Event, EventQuerySet, Ticket, TicketHold, User
from .now import now
from .position import Stats, positions, seconds_per_place, stats, with_line

logger = logging.getLogger(__name__)

GROUP = "changes"
PROCESS = f"{os.getpid()}-{secrets.token_hex(4)}"
SEND_TIMEOUT = 0.5  # seconds the channel layer may take to carry one message
RECENT = dt.timedelta(hours=1)  # ended places and tickets that an open page may still show


@dataclass
class Changes:
    """What changed, as ids: events whose numbers, people whose places and tickets, events whose gate did."""

    events: set[int] = field(default_factory=set)
    users: set[int] = field(default_factory=set)
    gates: set[int] = field(default_factory=set)

    def add(self, other: "Changes") -> None:
        """Add what else changed."""
        self.events |= other.events
        self.users |= other.users
        self.gates |= other.gates

    def __bool__(self) -> bool:
        return bool(self.events or self.users or self.gates)


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
    """The first message of a socket; `holds` and `tickets` on the dashboard's only. A gate's has `gate` alone."""

    type: Literal["snapshot"]
    events: list[Stats]
    holds: list[HoldState]
    tickets: list[TicketState]
    gate: GateNumbers
    now: str


PersonalMessage = HoldMessage | TicketMessage | PositionMessage


def encode(message: Any) -> str:
    """Return a message as the text that is sent."""
    return json.dumps(message, separators=(",", ":"))


def read_stats(event_ids: Iterable[int]) -> list[Stats]:
    """Return the numbers of these public events, in one query."""
    return _read(Event.objects.published().filter(pk__in=event_ids), now())


def read_upcoming() -> list[Stats]:
    """Return the numbers of all upcoming events, soonest first, in one query."""
    moment = now()
    return _read(Event.objects.upcoming(moment), moment)


def read_all_shown() -> list[Stats]:
    """Return the numbers of all events that an open page may still show: started or cancelled ones as well."""
    moment = now()
    return _read(Event.objects.published().filter(starts_at__gt=moment - RECENT), moment)


def _read(events: EventQuerySet, moment: dt.datetime) -> list[Stats]:
    return [stats(event, moment) for event in with_line(events, moment)]


def read_snapshot(events: list[Stats], user: User | None) -> Snapshot:
    """Return the first message for a person, or for anybody, with these events in it."""
    snapshot = Snapshot(type="snapshot", events=events, now=now().isoformat())
    if user is not None:
        said = read_personal({user.pk}, set(), {user.pk}).get(user.pk, [])
        live = {"waiting", "held"}
        snapshot["holds"] = [_bare(m) for m in said if m["type"] == "hold" and m["status"] in live]
        snapshot["tickets"] = [_bare(m) for m in said if m["type"] == "ticket" and m["status"] != "cancelled"]
    return snapshot


def _bare(message: Any) -> Any:
    return {name: value for name, value in message.items() if name != "type"}


def read_personal(user_ids: set[int], event_ids: set[int], people: set[int]) -> dict[int, list[PersonalMessage]]:
    """Return `{user id: messages}`: all of these users, and positions of `people` who wait for these events.

    At most five queries. Of each event a person's newest place and ticket count; long ended ones are left out. A line
    in which none of the people waits is not read.
    """
    moment = now()
    places, tickets = _newest_places(user_ids, moment), _tickets(user_ids, moment)
    waited_for = {place.event_id for place in places if place.status == TicketHold.Status.WAITING}
    if event_ids:
        waiting = TicketHold.objects.waiting().filter(event__in=event_ids, user__in=people)
        waited_for |= set(waiting.values_list("event", flat=True))
    lines = positions(waited_for) if waited_for else {}
    pace = seconds_per_place(lines, moment) if lines else {}
    said: dict[int, list[PersonalMessage]] = {}
    for place in places:
        position = lines.get(place.event_id, {}).get(place.user_id)
        said.setdefault(place.user_id, []).append(_hold_message(place, position, moment))
    for ticket in tickets:
        message = TicketMessage(type="ticket", event=ticket.event_id, code=ticket.code, status=ticket.status)
        said.setdefault(ticket.user_id, []).append(message)
    for event_id, line in lines.items():
        for user_id, position in ((user_id, line[user_id]) for user_id in people & line.keys()):
            said.setdefault(user_id, []).append(_position_message(event_id, position, pace.get(event_id)))
    return said


def _newest_places(user_ids: set[int], moment: dt.datetime) -> list[TicketHold]:
    recent = Q(status__in=TicketHold.UNENDED) | Q(ended_at__gt=moment - RECENT)
    places = TicketHold.objects.filter(recent, user__in=user_ids).order_by("pk") if user_ids else []
    return list({(place.user_id, place.event_id): place for place in places}.values())


def _tickets(user_ids: set[int], moment: dt.datetime) -> list[Ticket]:
    recent = Q(cancelled_at=None) | Q(cancelled_at__gt=moment - RECENT)
    upcoming = Q(event__starts_at__gt=moment - dt.timedelta(days=1))
    tickets = Ticket.objects.filter(recent, upcoming, user__in=user_ids).select_related("event").order_by("pk")
    return list(tickets) if user_ids else []


def _hold_message(place: TicketHold, position: int | None, moment: dt.datetime) -> HoldMessage:
    return HoldMessage(
        type="hold",
        event=place.event_id,
        status="expired" if place.is_lapsed(moment) else place.status,
        expires_at=place.expires_at.isoformat() if place.expires_at else None,
        position=position,
    )


def _position_message(event_id: int, position: int, pace: float | None) -> PositionMessage:
    return PositionMessage(
        type="position",
        event=event_id,
        position=position,
        ahead=position - 1,
        wait_seconds=None if pace is None else round(pace * position),
    )


def read_gates(event_ids: Iterable[int]) -> list[GateMessage]:
    """Return the numbers of these events' gates, in one query."""
    return [GateMessage(type="gate", **numbers) for numbers in gate_numbers(event_ids)]


def read_gate_snapshot(event_id: int) -> Snapshot:
    """Return the first message of a gate's socket."""
    gate = next(iter(gate_numbers([event_id])), GateNumbers(event=event_id, admitted=0, expected=0))
    return Snapshot(type="snapshot", gate=gate, now=now().isoformat())


def may_watch_gate(user: User, event_id: int) -> bool:
    """Return whether the person may scan the event, and so see its gate."""
    return scannable_events(user).filter(pk=event_id).exists()


def read_refused(gates: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return which of these `(user id, event id)` may not see the gate any more; a query or two for each."""
    people = {user.pk: user for user in User.objects.filter(pk__in={user for user, _ in gates}, is_active=True)}
    return {(user, event) for user, event in gates if user not in people or not may_watch_gate(people[user], event)}


def read_ended_sessions(session_keys: set[str]) -> set[str]:
    """Return which of these sessions have ended; their sockets are to be closed."""
    live = arrivals.live_sessions(now()).filter(session_key__in=session_keys)
    return session_keys - set(live.values_list("session_key", flat=True))


def shared_layer() -> Any:
    """Return the channel layer that reaches other processes; None where there is only this one."""
    layer = get_channel_layer()
    return None if isinstance(layer, InMemoryChannelLayer) else layer


async def publish(changes: Changes) -> None:
    """Tell the other processes what changed. A channel layer that is away is logged, and nothing else."""
    layer = shared_layer()
    if layer is None:
        return
    ids = {"events": list(changes.events), "users": list(changes.users), "gates": list(changes.gates)}
    try:
        await asyncio.wait_for(layer.group_send(GROUP, {"type": "changed", "process": PROCESS, **ids}), SEND_TIMEOUT)
    except Exception as error:  # noqa: BLE001 -- whatever the layer raises, pages heal by the resync
        logger.warning("other processes were not told of a change: %s", error or type(error).__name__)


def publish_from_thread(changes: Changes) -> None:
    """Do the same from a process that serves no pages, such as a command."""
    async_to_sync(publish)(changes)


async def changes_elsewhere() -> AsyncIterator[Changes]:
    """Yield what other processes changed; ends where all is in this one process."""
    layer = shared_layer()
    if layer is None:
        return
    channel = await layer.new_channel()
    await layer.group_add(GROUP, channel)
    while True:
        message = await layer.receive(channel)
        if message["process"] != PROCESS:
            yield Changes(set(message["events"]), set(message["users"]), set(message.get("gates", [])))
