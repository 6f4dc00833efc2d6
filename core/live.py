"""Everything the server says to open pages, read from the database after the commit.

What does not live here: rules (`allocation.py`), how a message reaches a page (`hub.py`), and how processes tell each
other what changed (`relay.py`).
"""

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from . import arrivals, prepared
from .access import roles_of
from .checkin.figures import GateNumbers, gate_numbers
from .checkin.staff import may_scan
from .many import among
from .messages import GateMessage, HoldMessage, OwnMessage, PositionMessage, Snapshot, TicketMessage
from .models import Event, Ticket, TicketHold, User, status_of_ticket
from .now import now
from .numbers import Stats, stats, with_line
from .position import positions, positions_of, seconds_per_place
from .prepared import Prepared, Rows

RECENT = dt.timedelta(hours=1)  # ended places and tickets that an open page may still show
ADMITTING = dt.timedelta(days=2)  # from an event's start, in which somebody may still be let in
MOST_WATCHED = 500  # events of one list


_encoder = json.JSONEncoder(separators=(",", ":"))  # `json.dumps` would make one for each message


@dataclass(frozen=True, slots=True)
class Line:
    """Everybody who waits for an event: `{user id: position}`, and the seconds between two freed places, if known."""

    event: int
    positions: dict[int, int]
    pace: float | None

    def has_news(self, before: "Line | None", user_id: int) -> bool:
        """Return whether somebody in it was told something else, or nothing, while it was as it was `before`."""
        return before is None or before.pace != self.pace or before.positions.get(user_id) != self.positions[user_id]

    def message(self, user_id: int) -> PositionMessage:
        """Return what one of them is told."""
        position = self.positions[user_id]
        return PositionMessage(
            type="position",
            event=self.event,
            position=position,
            ahead=position - 1,
            wait_seconds=None if self.pace is None else round(self.pace * position),
        )


def encode(message: Any) -> str:
    """Return a message as the text that is sent."""
    return _encoder.encode(message)


def read_stats(event_ids: Iterable[int]) -> list[Stats]:
    """Return the numbers of these public events, in one query."""
    moment = now()
    return [stats(event, moment) for event in _these(events=event_ids, moment=moment)]


def read_upcoming() -> tuple[list[Stats], dt.datetime]:
    """Return the numbers of all upcoming events, soonest first, in one query, and the moment of which they are."""
    moment = now()
    return [stats(event, moment) for event in _upcoming(moment=moment)], moment


def read_all_shown() -> list[Stats]:
    """Return the numbers of all events that an open page may still show: started or cancelled ones as well."""
    moment = now()
    return [stats(event, moment) for event in _shown(since=moment - RECENT, moment=moment)]


_at = prepared.moment("moment")
_these = Prepared(lambda: with_line(Event.objects.published().filter(pk__in=prepared.numbers("events")), _at))
_upcoming = Prepared(lambda: with_line(Event.objects.upcoming(_at), _at))
_shown = Prepared(lambda: with_line(Event.objects.published().filter(starts_at__gt=prepared.moment("since")), _at))


def encode_snapshot(events: str, said: Iterable[OwnMessage] | None, moment: dt.datetime) -> str:
    """Return the first message for a person of whom this is `said`, or for anybody (None), as the text that is sent.

    `events` is the list of their numbers, encoded once for all who connect.
    """
    now = encode(moment.isoformat())
    if said is None:
        return f'{{"type":"snapshot","events":{events},"now":{now}}}'
    holds = encode([_bare(m) for m in said if m["type"] == "hold" and m["status"] in {"waiting", "held"}])
    tickets = encode([_bare(m) for m in said if m["type"] == "ticket" and m["status"] != "cancelled"])
    return f'{{"type":"snapshot","events":{events},"holds":{holds},"tickets":{tickets},"now":{now}}}'


def _bare(message: Any) -> Any:
    return {name: value for name, value in message.items() if name != "type"}


def read_own(user_ids: set[int]) -> dict[int, list[OwnMessage]]:
    """Return `{user id: their places and tickets}`; those who have nothing are left out.

    Four queries, and one for each event that some of them wait for.
    """
    moment = now()
    places, tickets = _newest_places(user_ids, moment), _recent_tickets(user_ids, moment)
    waiting: dict[int, set[int]] = {}
    for place in places:
        if place.status == TicketHold.Status.WAITING:
            waiting.setdefault(place.event_id, set()).add(place.user_id)
    # Not the whole line for a few: after a restart of the server all who wait come within seconds.
    events = Event.objects.filter(pk__in=waiting)
    return _say(places, tickets, {event.pk: positions_of(event, waiting[event.pk]) for event in events}, moment)


def read_people(user_ids: set[int], event_ids: set[int]) -> tuple[dict[int, list[OwnMessage]], dict[int, Line]]:
    """Return `{user id: their places and tickets}`, and `{event id: line}` of these events and of those they wait for.

    At most six queries. Of each event a person's newest place and ticket count; long ended ones are left out.
    """
    moment = now()
    places, tickets = _newest_places(user_ids, moment), _recent_tickets(user_ids, moment)
    waited_for = {place.event_id for place in places if place.status == TicketHold.Status.WAITING}
    lines = read_lines(event_ids | waited_for, moment)
    return _say(places, tickets, {pk: line.positions for pk, line in lines.items()}, moment), lines


def _say(
    places: list["_Place"], tickets: list["_Ticket"], positions: Mapping[int, Mapping[int, int]], moment: dt.datetime
) -> dict[int, list[OwnMessage]]:
    """Return `{user id: messages}`; `positions` is `{event id: {user id: position}}`."""
    said: dict[int, list[OwnMessage]] = {}
    for place in places:
        position = positions.get(place.event_id, {}).get(place.user_id)
        said.setdefault(place.user_id, []).append(_hold_message(place, position, moment))
    for ticket in tickets:
        status = status_of_ticket(ticket.checked_in_at, ticket.cancelled_at, ticket.event_status)
        message = TicketMessage(type="ticket", event=ticket.event_id, code=ticket.code, status=status)
        said.setdefault(ticket.user_id, []).append(message)
    return said


def read_lines(event_ids: set[int], moment: dt.datetime) -> dict[int, Line]:
    """Return `{event id: line}` of those of these events for which somebody waits."""
    lines = positions(event_ids) if event_ids else {}
    pace = seconds_per_place(lines, moment) if lines else {}
    return {event_id: Line(event_id, line, pace.get(event_id)) for event_id, line in lines.items()}


def read_marks(user_ids: set[int]) -> tuple[dict[int, int], set[int]]:
    """Return `{user id: a number}` that differs as soon as their places or tickets do, and which events they wait for.

    Two queries, and nothing is made of their rows: this is how a resync finds, among thousands, the few to read.
    """
    moment = now()
    marks = dict.fromkeys(user_ids, 0)
    waited_for: set[int] = set()
    for user_id, event_id, status, expires_at, pk in _places_of_people(people=user_ids, since=moment - RECENT):
        has_lapsed = status == TicketHold.Status.HELD and expires_at is not None and expires_at <= moment
        marks[user_id] = hash((marks[user_id], pk, status, expires_at, has_lapsed))
        if status == TicketHold.Status.WAITING:
            waited_for.add(event_id)
    for ticket in _recent_tickets(user_ids, moment):
        marks[ticket.user_id] = hash((marks[ticket.user_id], ticket))
    return marks, waited_for


class _Place(NamedTuple):
    """What is told of a person's place; of thousands at once, so no model is made of each."""

    user_id: int
    event_id: int
    status: str
    expires_at: dt.datetime | None


def _newest_places(user_ids: set[int], moment: dt.datetime) -> list[_Place]:
    if not user_ids:
        return []
    rows = _places_of_people(people=user_ids, since=moment - RECENT)
    return list({row[:2]: _Place(*row[:4]) for row in rows}.values())


class _Ticket(NamedTuple):
    """What is told of a person's ticket, as of their place."""

    user_id: int
    event_id: int
    code: str
    cancelled_at: dt.datetime | None
    checked_in_at: dt.datetime | None
    event_status: str


def _recent_tickets(user_ids: set[int], moment: dt.datetime) -> list[_Ticket]:
    if not user_ids:
        return []
    rows = _tickets_of_people(people=user_ids, since=moment - RECENT, yesterday=moment - dt.timedelta(days=1))
    return [_Ticket(*row) for row in rows]


def _recent_places() -> QuerySet[Any, Any]:
    recent = Q(status__in=TicketHold.UNENDED) | Q(ended_at__gt=prepared.moment("since"))
    rows = TicketHold.objects.filter(recent, user__in=prepared.numbers("people")).order_by("pk")
    return rows.values_list("user", "event", "status", "expires_at", "pk")


def _tickets_of_upcoming_events() -> QuerySet[Any, Any]:
    recent = Q(cancelled_at=None) | Q(cancelled_at__gt=prepared.moment("since"))
    upcoming = Q(event__starts_at__gt=prepared.moment("yesterday"))
    rows = Ticket.objects.filter(recent, upcoming, user__in=prepared.numbers("people")).order_by("pk")
    return rows.values_list("user", "event", "code", "cancelled_at", "checked_in_at", "event__status")


_places_of_people = Rows(_recent_places)
_tickets_of_people = Rows(_tickets_of_upcoming_events)


def _hold_message(place: _Place, position: int | None, moment: dt.datetime) -> HoldMessage:
    is_lapsed = place.status == TicketHold.Status.HELD and place.expires_at is not None and place.expires_at <= moment
    return HoldMessage(
        type="hold",
        event=place.event_id,
        status="expired" if is_lapsed else place.status,
        expires_at=place.expires_at.isoformat() if place.expires_at else None,
        position=position,
    )


def read_gates(event_ids: Iterable[int]) -> list[GateMessage]:
    """Return the numbers of these events' gates, in one query."""
    return [GateMessage(type="gate", **numbers) for numbers in gate_numbers(event_ids)]


def read_gate_snapshot(event_id: int) -> Snapshot:
    """Return the first message of a gate's socket."""
    gate = next(iter(gate_numbers([event_id])), GateNumbers(event=event_id, admitted=0, expected=0))
    return Snapshot(type="snapshot", gate=gate, now=now().isoformat())


def read_organizer_snapshot(event_id: int) -> Snapshot:
    """Return the first message of the socket of an organizer's page."""
    return Snapshot(**read_gate_snapshot(event_id), events=read_stats([event_id]))


def read_watched(user: User) -> frozenset[int] | None:
    """Return the events of an organizer, or of all to an administrator, whose numbers may still move; None to others.

    Where there are very many, the soonest.
    """
    if not roles_of(user).can_organize:
        return None
    events = Event.objects.published().filter(starts_at__gt=now() - ADMITTING)
    theirs = events if user.is_superuser else events.filter(created_by=user)
    return frozenset(theirs.order_by("starts_at", "pk").values_list("pk", flat=True)[:MOST_WATCHED])


def read_list_snapshot(event_ids: frozenset[int]) -> Snapshot:
    """Return the first message of the socket of a list of these events."""
    gates = gate_numbers(event_ids)
    return Snapshot(type="snapshot", events=read_stats(event_ids), gates=gates, now=now().isoformat())


def read_managed(pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return which of these `(user id, event id)` organize the event, or administer the site."""
    people, events = {user_id for user_id, _ in pairs}, {event_id for _, event_id in pairs}
    owners = dict(Event.objects.filter(pk__in=among(events)).values_list("pk", "created_by"))
    administrators = User.objects.filter(pk__in=among(people), is_superuser=True)
    all_theirs = set(administrators.values_list("pk", flat=True))
    return {
        (user_id, event_id)
        for user_id, event_id in pairs
        if event_id in owners and (owners[event_id] == user_id or user_id in all_theirs)
    }


def read_refused(gates: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return which of these `(user id, event id)` may not see the gate."""
    return gates - may_scan(gates)


def read_ended_sessions(session_keys: set[str]) -> set[str]:
    """Return which of these sessions have ended; their sockets are to be closed."""
    live = arrivals.live_sessions(now()).filter(session_key__in=among(session_keys))
    return session_keys - set(live.values_list("session_key", flat=True))
