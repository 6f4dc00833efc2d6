"""Open dashboards that ask over their sockets, in waves: what all of them ask at one moment is carried out together."""

import random
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.crowd import Person
from bench.faults.probe import seconds_until_good
from bench.faults.site import Process
from bench.soak.hands import Hand
from bench.told import Ever, Shown, elsewhere
from bench.visits import FOREIGN, SILENT, Answer, Page

if TYPE_CHECKING:  # its sockets need what tests do not have
    from bench.sockets import Pages

DASHBOARD = "/ws/dashboard/"
EVERY = 1.6  # seconds between two waves: no page may say more than 60 things a minute
PATIENCE = 20.0  # seconds: an open page is answered by then, if only that it shall come again
HANDSHAKE = 5.0  # seconds until a page is given up that does not open: its process was killed
TRIES = 5  # to open all pages once nothing breaks any more
SOON = 0.1  # seconds until a wave begins
HABITS = {("join", "book"): 40, ("join",): 20, ("book",): 15, ("release",): 25}  # what a person asks, how often


class Tabs(Hand):
    """The dashboards of people; `answers` has what they were answered, each kind with its event.

    Whoever's page is closed opens it again, and nobody else: an open page must heal by itself.
    """

    def __init__(
        self, pages: "Pages", process: Process, people: Sequence[Person], events: list[int], *, seed: str
    ) -> None:
        super().__init__()
        self.pages, self.process, self.people, self.events = pages, process, people, events
        self.dice = random.Random(f"{seed} tabs")
        self.answers: list[Answer] = []
        self._ever: list[Ever] = []  # what pages were told that are gone

    def work(self) -> None:
        """Ask, wave after wave, until it is over."""
        while not self.over.is_set():
            self._open()
            began = time.monotonic()
            self.answers += self._wave()
            self.over.wait(max(0, began + EVERY - time.monotonic()))

    def come_back(self) -> None:
        """Open the pages that are closed, until none is."""
        tries = 0
        while self._open() and tries < TRIES:
            tries += 1

    def at_rest(self) -> tuple[list[Shown], list[Ever]]:
        """Return what each page that is open shows at rest, and what each was ever told.

        That is for the history checker, event by event; what it would not see is one of the `troubles`.
        """
        shown, ever = self.shown(), [*self._ever, *self._all("ever")]
        self.troubles += elsewhere(self.events, shown, ever)
        if len(shown) != len(self.people):
            self.troubles.append(f"{len(shown)} of {len(self.people)} pages were open at rest")
        return shown, ever

    def shown(self) -> list[Shown]:
        """Return what each page that is open shows."""
        return self._all("shown")

    def close(self) -> None:
        """Close the pages."""
        self.pages.all("close")

    def _all(self, method: str) -> list[Any]:
        return [each for part in self.pages.all(method) for each in part]

    def _open(self) -> int:
        """Open the pages that are closed; return how many were."""
        self._ever += self._all("clear")
        there = set(self._all("people"))
        closed = [Page(person.pk, DASHBOARD, person.session) for person in self.people if person.pk not in there]
        if closed:
            seconds_until_good(self.process, "/healthz")
            self.pages.open([self.process.port], closed, HANDSHAKE)
        return len(closed)

    def _wave(self) -> list[Answer]:
        asks: dict[int, list[tuple[str, int]]] = {}
        for person in self.people:
            [habit] = self.dice.choices(list(HABITS), list(HABITS.values()))
            event = self.dice.choice(self.events)
            asks[person.pk] = [(kind, event) for kind in habit]
        parts = self.pages.all("ask", asks, time.time() + SOON, PATIENCE)
        told = [answer for part in parts for answer in part]
        silent = [answer.kind for answer in told if answer.body == SILENT]
        self.troubles += [f"{kind} was not answered over an open socket" for kind in silent]
        foreign = [answer for answer in told if answer.status == FOREIGN]
        self.troubles += [f"person {answer.user} was told {answer.body!r}, which is another's" for answer in foreign]
        return [answer._replace(kind=f"{answer.kind} {asks[answer.user][0][1]}") for answer in told]
