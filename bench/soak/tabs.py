"""Open dashboards that ask over their sockets, in waves: what all of them ask at one moment is carried out together."""

import random
import time
from collections.abc import Sequence
from typing import Any

from bench.crowd import Person
from bench.faults.probe import seconds_until_good
from bench.faults.site import Process
from bench.soak.calls import differences
from bench.soak.hands import Hand
from bench.sockets import FOREIGN, SILENT, Page, Pages
from bench.visits import Answer
from core.models import Event, Ticket, TicketHold

DASHBOARD = "/ws/dashboard/"
ENOUGH = 0.9  # of the pages: when fewer were answered, all open again
EVERY = 1.6  # seconds between two waves: no page may say more than 60 things a minute
PATIENCE = 20.0  # seconds: an open page is answered by then, if only that it shall come again
HANDSHAKE = 5.0  # seconds until a page is given up that does not open: its process was killed
SOON = 0.1  # seconds until a wave begins
HABITS = {("join", "book"): 40, ("join",): 20, ("book",): 15, ("release",): 25}  # what a person asks, how often


class Tabs(Hand):
    """The dashboards of people; `answers` has what they were answered, each kind with its event."""

    def __init__(
        self, pages: Pages, process: Process, people: Sequence[Person], events: list[int], *, seed: str
    ) -> None:
        super().__init__()
        self.pages, self.process, self.people, self.events = pages, process, people, events
        self.dice = random.Random(f"{seed} tabs")
        self.answers: list[Answer] = []

    def work(self) -> None:
        """Ask, wave after wave, until it is over; whose process was killed opens the page again."""
        self._open()
        while not self.over.is_set():
            began = time.monotonic()
            answers = self._wave()
            self.answers += answers
            if len({answer.user for answer in answers if answer.status}) < ENOUGH * len(self.people):
                self._open()
            self.over.wait(max(0, began + EVERY - time.monotonic()))

    def come_back(self) -> None:
        """Open all pages again if some are closed."""
        if len(self._shown()) < len(self.people):
            self._open()

    def close(self) -> tuple[int, list[str]]:
        """Close the pages; return how many were open at rest, and what they showed that was not so (I11)."""
        rows = {event.pk: _numbers(event) for event in Event.objects.filter(pk__in=self.events)}
        shown = self._shown()
        wrong = [f"a page shows at rest {text}" for page in shown for text in differences(page, rows)]
        if len(shown) < ENOUGH * len(self.people):
            wrong.append(f"only {len(shown)} of {len(self.people)} pages were open at rest")
        return len(shown), wrong + self._leave()

    def _shown(self) -> list[dict[int, dict[str, Any]]]:
        return [page for part in self.pages.all("shown") for page in part]

    def _leave(self) -> list[str]:
        """Close all pages; return what they were told after something newer."""
        told = [text for part in self.pages.all("close") for text in part]
        return [f"a page was told of {text}" for text in told]

    def _open(self) -> None:
        self.troubles += self._leave()
        seconds_until_good(self.process, "/healthz")
        shown = [Page(person.pk, DASHBOARD, person.session) for person in self.people]
        self.pages.open([self.process.port], shown, HANDSHAKE)

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


def _numbers(event: Event) -> dict[str, int]:
    """Return what every page must show of an event, counted."""
    return {
        "capacity": event.capacity,
        "held": TicketHold.objects.filter(event=event, status=TicketHold.Status.HELD).count(),
        "waiting": TicketHold.objects.waiting().filter(event=event).count(),
        "booked": Ticket.objects.valid().filter(event=event).count(),
        "version": event.version,
    }
