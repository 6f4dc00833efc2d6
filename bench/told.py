"""What a page was told of what is its own: of its tickets and places, each as it was told last, and all it ever was.

Plain data, as in `bench/visits.py`: nothing here knows Django, or sockets.
"""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bench.evidence import AtRest, Heard

LIVE = {"waiting", "held"}
Place = tuple[str, str | None, int | None]  # status, end of a hold (ISO 8601), position in line


class Shown(NamedTuple):
    """What an open page shows: each event's numbers, and the person's own live places and tickets that stand."""

    user: int
    numbers: dict[int, dict[str, Any]]
    places: dict[int, Place]  # by event
    tickets: dict[tuple[int, str], str]  # by event and code


class Ever(NamedTuple):
    """What a page was ever told, by event: what came after something newer, in words, codes, and ends of holds."""

    user: int
    backwards: list[tuple[int, str]]
    codes: set[tuple[int, str]]
    holds: set[tuple[int, str]]


@dataclass(slots=True)
class Own:
    """What one page is told, message by message."""

    holds: set[tuple[int, str]] = field(default_factory=set)
    _statuses: dict[int, tuple[str, str | None]] = field(default_factory=dict)
    _positions: dict[int, int | None] = field(default_factory=dict)
    _tickets: dict[tuple[int, str], str] = field(default_factory=dict)

    def hear(self, message: dict[str, Any]) -> None:
        """Take in a message; one about nothing of one's own says nothing here."""
        kind = message["type"]
        if kind == "hold":
            self._hear_of_place(message)
        elif kind == "ticket":
            self._tickets[message["event"], message["code"]] = message["status"]
        elif kind == "position":
            self._positions[message["event"]] = message["position"]
        elif kind == "snapshot":
            for hold in message.get("holds", ()):
                self._hear_of_place(hold)
            for ticket in message.get("tickets", ()):
                self._tickets[ticket["event"], ticket["code"]] = ticket["status"]

    def _hear_of_place(self, hold: dict[str, Any]) -> None:
        event, status, until = hold["event"], hold["status"], hold["expires_at"]
        self._statuses[event], self._positions[event] = (status, until), hold["position"]
        if status == "held":
            self.holds.add((event, until))

    @property
    def places(self) -> dict[int, Place]:
        """The live places as they were told last."""
        return {
            event: (status, until, self._positions[event] if status == "waiting" else None)
            for event, (status, until) in self._statuses.items()
            if status in LIVE
        }

    @property
    def tickets(self) -> dict[tuple[int, str], str]:
        """The tickets that stand, as they were told last."""
        return {ticket: status for ticket, status in self._tickets.items() if status != "cancelled"}

    @property
    def codes(self) -> set[tuple[int, str]]:
        """All tickets it was ever told of."""
        return set(self._tickets)


def of_event(event: int, shown: Iterable[Shown], ever: Iterable[Ever]) -> dict[str, Any]:
    """Return what pages showed and were told of one event, as the history checker reads it."""
    heard = [_heard(told, event) for told in ever]
    said = [told for told in heard if told.backwards or told.codes or told.holds]
    return {"pages": [_at_rest(page, event) for page in shown], "heard": said}


def _at_rest(page: Shown, event: int) -> AtRest:
    status, until, position = page.places.get(event, (None, None, None))
    tickets = {code: status for (of, code), status in page.tickets.items() if of == event}
    end = _seconds(until) if until else None
    return AtRest(page.user, page.numbers.get(event, {}), status, end, position, tickets)


def _heard(told: Ever, event: int) -> Heard:
    backwards = [text for of, text in told.backwards if of == event]
    codes = [code for of, code in sorted(told.codes) if of == event]
    holds = [_seconds(until) for of, until in sorted(told.holds) if of == event]
    return Heard(told.user, backwards, codes, holds)


def elsewhere(events: Collection[int], shown: Iterable[Shown], ever: Iterable[Ever]) -> list[str]:
    """Return in words what pages showed as their person's own, or were told, of events other than these.

    There nobody has anything (I13), and what is older does not come after what is newer either (I11).
    """
    own = {(page.user, event) for page in shown for event in [*page.places, *(of for of, _ in page.tickets)]}
    told = list(ever)
    own |= {(page.user, event) for page in told for event, _ in page.codes | page.holds}
    wrong = [
        f"person {user} was told of something of event {event} that is not theirs"
        for user, event in sorted(own)
        if event not in events
    ]
    return wrong + [
        f"a page was told of event {event}: {text}"
        for page in told
        for event, text in page.backwards
        if event not in events
    ]


def _seconds(moment: str) -> float:
    return dt.datetime.fromisoformat(moment).timestamp()
