"""One run: the site, its load, the references beside them, and what was found."""

import datetime as dt
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from post_office.models import STATUS, Email

from bench import processor
from bench.common import percentile
from bench.load import Load
from bench.onsale.judge import GOOD, judge, unanswered
from bench.stage import make_event
from bench.topology import Topology
from bench.visits import BUSY, DONE, Answer, Visit
from core.models import Event, Ticket, TicketHold, UserSession
from core.now import now

CONNECTIONS = 32  # browsers that ask at the same time, where a scenario says nothing else
SECONDS = 4.0  # that one thing is measured
SETTLE = 1.0  # seconds between two parts, in which the clocks of the processes link and serve what is left
RETIRED = dt.timedelta(days=2)
Figures = dict[str, float]


@dataclass
class Run:
    """A running site; beside it the minimal view on such servers, `bare` and `behind` the project's middleware."""

    site: Topology
    bare: Topology
    behind: Topology
    load: Load
    quick: bool
    figures: Figures = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def size(self, full: int) -> int:
        """Return how many people take part, where `full` do in a run that is not quick."""
        return max(1, full // 4) if self.quick else full

    def ask(self, visits: Sequence[Visit], *, connections: int = CONNECTIONS, at: float = 0) -> list[Answer]:
        """Let people make their visits at the site, and return what they were answered."""
        return self.load.play(self.site.http, visits, connections=connections, at=at)

    def cost(self, name: str, topology: Topology, visits: Sequence[Visit]) -> list[Answer]:
        """Let people make visits for some seconds; keep the rate, the 99th percentile, processor time per answer."""
        seconds = SECONDS / 2 if self.quick else SECONDS
        before, before_database = processor.used(topology.pids), processor.used(processor.backends())
        answers = self.load.play(topology.http, visits, connections=CONNECTIONS, seconds=seconds)
        web = processor.since(before, topology.pids)
        database = processor.since(before_database, processor.backends())
        self.figures |= {
            name: rate(answers),
            f"{name}_p99_ms": milliseconds(answers, 99),
            f"{name}_web_cpu_ms": 1000 * web / max(1, len(done(answers))),
            f"{name}_database_cpu_ms": 1000 * database / max(1, len(done(answers))),
            f"{name}_busy": sum(answer.status == BUSY for answer in answers),
        }
        return answers

    def note(self, **figures: float) -> None:
        """Keep figures."""
        self.figures |= figures

    def judge(self, events: Iterable[Event], answers: Sequence[Answer], but: Collection[str] = ()) -> None:
        """Check the history of these events, `but` for some checks, once all rests, and take them out of sight."""
        time.sleep(SETTLE)
        keys = [event.pk for event in events]
        self.wrong += judge(keys, answers, but)
        self.retire(keys)

    def expect_given(self, event: Event, places: int) -> None:
        """Count it as wrong unless exactly so many places are held or booked."""
        event.refresh_from_db(fields=["held", "booked"])
        given = event.held + event.booked
        self.wrong += [f"{given} places were given, there are {places}"] if given != places else []

    def retire(self, events: Iterable[int]) -> None:
        """Let events be long over, so that the next scenario does not see them, and nobody is sent their mail.

        Half a second of a core for each PDF would be part of whatever is measured next. Nobody is there any more,
        either: an opening puts everybody in line who was seen lately.
        """
        waiting = TicketHold.objects.waiting().filter(event__in=events)
        waiting.update(status=TicketHold.Status.LEFT, ended_at=now(), is_linked=True)
        UserSession.objects.update(last_seen_at=now() - RETIRED / 4)
        Ticket.objects.filter(event__in=events, mailed_at=None).update(mailed_at=now())
        Email.objects.filter(status=STATUS.queued).update(status=STATUS.failed)
        Event.objects.filter(pk__in=events).update(starts_at=now() - RETIRED)

    def require(self, answers: Sequence[Answer]) -> None:
        """Count what was not answered as it should be."""
        self.wrong += unanswered(answers)


def event_with(capacity: int, **fields: object) -> Event:
    """Store an event on sale whose holds outlast any run."""
    return make_event(capacity, **{"hold_minutes": 60, **fields})


def done(answers: Sequence[Answer]) -> list[Answer]:
    """Return the answers to what was done, without the refusals and those who were told to come again."""
    return [answer for answer in answers if answer.status in GOOD.get(answer.kind, {DONE})]


def rate(answers: Sequence[Answer]) -> float:
    """Return how much was done a second, from the first that was sent to the last that was answered."""
    took = max(answer.answered for answer in answers) - min(answer.sent for answer in answers)
    return len(done(answers)) / took


def milliseconds(answers: Sequence[Answer], percent: float) -> float:
    """Return within how many milliseconds so many percent were answered."""
    return 1000 * percentile([answer.answered - answer.sent for answer in answers], percent)
