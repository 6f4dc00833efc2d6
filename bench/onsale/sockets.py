"""Open dashboards by the thousand: memory, idle cost, how soon a change is on every screen, storms, stalled readers."""

import time
from collections.abc import Sequence

from bench import processor
from bench.common import percentile
from bench.crowd import Person, logged_in
from bench.onsale.run import Run, event_with
from bench.sockets import Pages, opening
from bench.visits import Page
from core.models import Event

SIZES = (200, 1000, 3000)
CHANGES = 5
SPREAD = 2.0  # seconds that a change may take to reach the last
IDLE = 6.0  # seconds
STALLED = 0.1  # of the pages, in the last part
DASHBOARD = "/ws/dashboard/"
MIB = 1024


def play(run: Run) -> None:
    """Measure with few and with many sockets, then with some that never read."""
    for size in SIZES[:2] if run.quick else SIZES:
        measure(run, size)
    people, changing = logged_in(SIZES[1]), logged_in(CHANGES)
    pages = [
        Page(person.pk, DASHBOARD, person.session, stalled=n < STALLED * len(people)) for n, person in enumerate(people)
    ]
    _stall(run, pages, changing)


def measure(run: Run, size: int) -> None:
    """Open so many dashboards; keep what they cost, and how soon changes are on every screen."""
    name, changing = f"sockets_{size}", logged_in(CHANGES)
    pages = [Page(person.pk, DASHBOARD, person.session) for person in logged_in(size)]
    event = event_with(100_000)
    before = processor.kilobytes(run.site.pids)
    with opening() as crowd:
        began = time.time()
        opened = crowd.open(run.site.sockets, pages)
        took = time.time() - began
        expect_all(run, name, opened)
        memory = processor.kilobytes(run.site.pids)
        run.figures |= {
            f"{name}_storm_a_second": len(pages) / took,
            f"{name}_snapshot_p99_ms": 1000 * percentile([snapshot for _, snapshot in opened], 99),
            f"{name}_kb_each": (memory - before) / len(pages),
            f"{name}_mib_in_all": memory / MIB,
        }
        _idle(run, name)
        _note_changes(run, name, crowd, event, changing)
        crowd.all("close")
    run.retire([event.pk])


def expect_all(run: Run, name: str, opened: Sequence[tuple[float, float]]) -> None:
    """Count it as wrong if a page never got its snapshot."""
    lost = sum(snapshot < 0 for _, snapshot in opened)
    run.wrong += [f"{name}: {lost} of {len(opened)} sockets got no snapshot"] if lost else []


def _idle(run: Run, name: str) -> None:
    time.sleep(SPREAD)
    before, asked, began = processor.used(run.site.pids), processor.transactions(), time.time()
    time.sleep(IDLE)
    took = time.time() - began
    run.figures |= {
        f"{name}_idle_cpu_percent": 100 * processor.since(before, run.site.pids) / took,
        f"{name}_idle_transactions_a_second": (processor.transactions() - asked) / took,
    }


def _note_changes(run: Run, name: str, crowd: Pages, event: Event, changing: Sequence[Person]) -> None:
    """Let people join, one at a time, and keep how long after each request the pages were told."""
    crowd.all("watch", event.pk)
    late: list[float] = []
    answers = []
    for person in changing:
        [answer] = run.ask([person.joins(event.pk)], connections=1)
        answers.append(answer)
        event.refresh_from_db(fields=["version"])
        time.sleep(SPREAD)
        late += [at - answer.sent for part in crowd.all("told", event.version) for at in part]
    run.require(answers)
    run.figures |= {f"{name}_change_p{part}_ms": 1000 * percentile(late, part) for part in (50, 99, 100)}


def _stall(run: Run, pages: Sequence[Page], changing: Sequence[Person]) -> None:
    """Let a tenth of the pages read nothing: the others are told as soon as ever."""
    event = event_with(100_000)
    with opening() as crowd:
        crowd.open(run.site.sockets, pages)
        _note_changes(run, "beside_stalled", crowd, event, changing)
        crowd.all("close")
    run.retire([event.pk])
