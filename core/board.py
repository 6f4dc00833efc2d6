"""What a process last read of events: the letter about each, and what a page that connects is told first."""

import datetime as dt

from . import live
from .mailbox import Letter
from .numbers import Stats


class Board:
    """The numbers of events; one letter about each for all mailboxes, as long as they stay the same."""

    def __init__(self) -> None:
        self._letters: dict[int, Letter] = {}  # by event id
        self._upcoming: dict[int, Stats] = {}  # soonest first
        self._text = ""  # of the upcoming ones, encoded once for all who connect; empty: yet to be encoded
        self._moment, self._read_at = dt.datetime.min.replace(tzinfo=dt.UTC), 0.0

    def pin(self, numbers: Stats) -> Letter:
        """Note an event's numbers, and return the letter about them: the same one while they stay the same."""
        event_id = numbers["event"]
        if event_id in self._upcoming:
            self._upcoming[event_id] = numbers
            self._text = ""
        letter = Letter.of({"type": "stats", **numbers})
        if not letter.says_the_same(self._letters.get(event_id)):
            self._letters[event_id] = letter
        return self._letters[event_id]

    def renew(self, upcoming: list[Stats], moment: dt.datetime, read_at: float) -> None:
        """Note all upcoming events, soonest first, read at `moment`, which is `read_at` by the event loop's clock."""
        self._upcoming, self._text = {numbers["event"]: numbers for numbers in upcoming}, ""
        for numbers in upcoming:
            self.pin(numbers)
        self._moment, self._read_at = moment, read_at

    def has(self, event_id: int) -> bool:
        """Return whether a page that connects is told of the event."""
        return event_id in self._upcoming

    def letters(self) -> list[Letter]:
        """Return the letters about all upcoming events."""
        return [self._letters[event_id] for event_id in self._upcoming]

    def text(self) -> str:
        """Return the numbers of all upcoming events as a snapshot has them."""
        self._text = self._text or live.encode(list(self._upcoming.values()))
        return self._text

    def now(self, at: float) -> dt.datetime:
        """Return what the clock that decides says at `at` by the event loop's clock; pages count down by it."""
        return self._moment + dt.timedelta(seconds=at - self._read_at)
