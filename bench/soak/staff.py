"""Staff beside the crowd: they cancel tickets, add places, pause, extend holds, and remove people."""

import random
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from django.db import InterfaceError, OperationalError, connections

from bench.evidence import Call
from bench.soak.hands import Hand
from core import allocation, steering
from core.models import Cause, Event, Ticket, TicketHold, User
from core.refusals import Refused

PAUSE = 0.5  # seconds that serving is paused
REST = 0.02  # seconds between two deeds
EXTENSION = 0.02  # minutes
MAY_BE_REFUSED = {"resize", "cancel", "pause", "resume"}  # below what is taken; admitted meanwhile; paused already


class Staff(Hand):
    """One colleague with many hands; `calls` has by event what was asked and answered."""

    def __init__(self, events: list[int], staff: User, *, seed: str) -> None:
        super().__init__()
        self.events, self.staff = events, staff
        self.dice = random.Random(f"{seed} staff")
        self.calls: dict[int, list[Call]] = defaultdict(list)

    def work(self) -> None:
        """Do one thing after the other until it is over."""
        deeds: dict[Callable[[int], None], int] = {
            self._cancel: 60,
            self._resize: 8,
            self._pause: 4,
            self._extend: 6,
            self._remove: 12,
        }
        while not self.over.wait(REST):
            event = self.dice.choice(self.events)
            [deed] = self.dice.choices(list(deeds), list(deeds.values()))
            try:
                deed(event)
            except (OperationalError, InterfaceError):  # when it looked for something to do
                time.sleep(PAUSE)
            finally:
                connections.close_all()

    def _ask(self, event: int, kind: str, user: int, function: Callable[[], Any], about: int = 0) -> None:
        sent = time.time()
        detail: Any
        try:
            outcome, detail = "ok", function()
        except Refused as refused:
            outcome, detail = ("refused" if kind in MAY_BE_REFUSED else "error"), repr(refused)
        except (OperationalError, InterfaceError) as error:
            outcome, detail = "busy", about or repr(error)
        except Exception as error:  # noqa: BLE001 -- whatever it is, somebody would have seen a traceback
            outcome, detail = "error", repr(error)
        self.calls[event].append(Call(kind, user, sent, time.time(), outcome, detail))

    def _any(self, found: Any) -> Any:
        keys = list(found.values_list("pk", flat=True)[:200])
        return found.model.objects.get(pk=self.dice.choice(keys)) if keys else None

    def _cancel(self, event: int) -> None:
        ticket = self._any(Ticket.objects.valid().filter(event=event, checked_in_at=None))
        if ticket:
            cancel = lambda: allocation.cancel_ticket(ticket_id=ticket.pk).pk  # noqa: E731
            self._ask(event, "cancel", ticket.user_id, cancel, about=ticket.pk)

    def _resize(self, event: int) -> None:
        capacity = Event.objects.values_list("capacity", flat=True).get(pk=event)
        values = {"capacity": max(1, capacity + self.dice.choice((-2, -1, 1)))}
        self._ask(event, "resize", 0, lambda: steering.revise_event(event_id=event, values=values))

    def _pause(self, event: int) -> None:
        self._ask(event, "pause", 0, lambda: steering.pause(event_id=event, reason="soak"))
        time.sleep(PAUSE)
        self._ask(event, "resume", 0, lambda: steering.resume(event_id=event, reason="soak"))

    def _extend(self, event: int) -> None:
        extend = lambda: steering.extend_holds(event_id=event, minutes=EXTENSION, reason="soak")  # noqa: E731
        self._ask(event, "extend", 0, extend)

    def _remove(self, event: int) -> None:
        place = self._any(TicketHold.objects.waiting().filter(event=event))
        if place:
            places = TicketHold.objects.filter(pk=place.pk)
            end = lambda: allocation.end_places(places, cause=Cause.REMOVED_BY_STAFF, reason="soak")  # noqa: E731
            self._ask(event, "remove", place.user_id, end)
