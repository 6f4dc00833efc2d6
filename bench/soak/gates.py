"""Two gates beside the crowd: each ticket is scanned at both at the same instant, and each scan is sent twice."""

import json
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

from django.db import InterfaceError, OperationalError, connections

from bench.crowd import Person
from bench.evidence import Call
from bench.faults.gate import SCAN
from bench.faults.probe import tell
from bench.faults.site import Site
from bench.soak.hands import Hand
from bench.visits import BUSY, DONE
from core.models import Ticket

EVERY = 2.0  # seconds: who was let in keeps their ticket, and there shall be some to cancel
GONE = 0


class Gates(Hand):
    """Staff with a gate each; `calls` has by event what was asked and answered."""

    def __init__(self, site: Site, events: Sequence[int], staff: Sequence[Person], *, seed: str) -> None:
        super().__init__()
        self.site, self.events, self.staff = site, events, staff
        self.dice = random.Random(f"{seed} gates")
        self.calls: dict[int, list[Call]] = defaultdict(list)

    def work(self) -> None:
        """Scan one ticket after the other until it is over."""
        with ThreadPoolExecutor(len(self.staff)) as gates:
            while not self.over.wait(EVERY):
                ticket = self._some_ticket()
                if ticket is not None:
                    nonces = [f"{self.dice.random()}" for _ in self.staff]
                    told = gates.map(self._scan, self.staff, [ticket] * len(self.staff), nonces)
                    self.calls[ticket.event_id] += [call for calls in told for call in calls]

    def _some_ticket(self) -> Ticket | None:
        try:
            keys = list(Ticket.objects.valid().filter(event__in=self.events).values_list("pk", flat=True)[:500])
            return Ticket.objects.get(pk=self.dice.choice(keys)) if keys else None
        except (OperationalError, InterfaceError):
            return None
        finally:
            connections.close_all()

    def _scan(self, person: Person, ticket: Ticket, nonce: str) -> list[Call]:
        form = urlencode({"code": ticket.code, "event": ticket.event_id, "gate": person.name, "nonce": nonce})
        calls = []
        for process in random.Random(nonce).choices(self.site.web, k=2):
            sent = time.time()
            told = tell(process, SCAN, session=person.session, method="POST", accept="application/json", form=form)
            outcome = {DONE: "ok", GONE: "busy", BUSY: "busy"}.get(told.status, "error")
            said = json.loads(told.body) if outcome == "ok" else {}
            detail = (nonce, said["outcome"]) if said else f"{told.status} {told.body[:80]!r}"
            calls.append(Call("scan", person.pk, sent, time.time(), outcome, detail))
        return calls
