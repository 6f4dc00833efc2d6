"""One round of the long run: new events and people, a crowd, staff and faults, rest, and the check of everything."""

import json
import math
import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Group
from django.db import connections

from bench import history
from bench.common import RESULTS
from bench.crowd import BOOK, JOIN, Person, logged_in
from bench.evidence import Call, History
from bench.faults import crowd
from bench.faults.points import Point
from bench.faults.probe import seconds_until_good
from bench.faults.site import Site
from bench.load import Load
from bench.record import record
from bench.soak.calls import GONE, Rows, Span, committed_by, wrong_numbers
from bench.soak.chaos import Chaos
from bench.soak.gates import Gates
from bench.soak.hands import at_work
from bench.soak.promises import OF_REDIS, REST
from bench.soak.staff import Staff
from bench.soak.supervisor import Supervisor
from bench.soak.tabs import Tabs
from bench.soak.witness import Witness, too_long
from bench.sockets import Pages
from bench.stage import make_event, make_people
from bench.told import Ever, Shown, of_event
from bench.visits import BUSY, FOREIGN, FOUND, SESSION, Answer, Visit, ask
from core import audit, steering
from core.models import GATE_STAFF, Event, User

CAPACITIES = (1, 10, 80, 250)
PEOPLE, BROWSERS, LOGINS = 500, 32, 24
HOLD, LONG = 0.05, 10  # minutes that holds last in the round, and at rest
GATES = 2
CANCELLED = "canceling statement due to user request"  # by the fault; one that took too long keeps its trace as well
RELEASE, STATS = "/release-hold/{}/", "/api/ticket-stats/{}/"
MOST = 400  # visits a second that a quick machine makes
HABITS = {  # what people do on one visit: how often
    ("join", "book"): 30,
    ("join", "book", "book"): 8,
    ("join", "join"): 6,
    ("join", "release"): 14,
    ("join",): 14,
    ("book",): 12,
    ("release",): 8,
    ("stats",): 8,
}
PATHS = {"join": JOIN, "book": BOOK, "release": RELEASE, "stats": STATS}


@dataclass(frozen=True)
class Stage:
    """What all rounds are played on; the site's first process has the sockets."""

    site: Site
    point: Point  # at which its processes fail
    load: Load
    pages: Pages


@dataclass
class Told:
    """What a round came to."""

    operations: Counter[str]
    faults: Counter[str]
    wrong: list[str] = field(default_factory=list)


def play(stage: Stage, *, seed: str, seconds: float, quiet: float) -> Told:
    """Play a round, and check it."""
    site = stage.site
    if not User.objects.exists():
        make_people(1)
    events = [make_event(capacity, hold_minutes=HOLD).pk for capacity in CAPACITIES]
    people = logged_in(PEOPLE)
    visits = _visits(events, people, seed, seconds)
    tabs = Tabs(stage.pages, site.web[0], people, events, seed=seed)
    gates = Gates(site, events[-2:], _gate_staff(), seed=seed)
    witness = Witness(events)
    staff = Staff(events, User.objects.earliest("pk"), seed=seed)
    chaos = Chaos(site, stage.point, events, seed=seed, quiet=quiet)
    supervisor = Supervisor(site)
    connections.close_all()
    with at_work(supervisor, witness):
        with ThreadPoolExecutor(1) as one, at_work(tabs, staff, gates, chaos):
            playing = one.submit(
                stage.load.play, site.ports(), visits, connections=BROWSERS, seconds=seconds, lasting=True
            )
            answers = playing.result()
        wrong = _come_to_rest(site, events, tabs, chaos)
    (shown, ever), at_rest = tabs.at_rest(), time.time()
    wrong += [trouble for hand in (tabs, staff, gates, chaos, supervisor, witness) for trouble in hand.troubles]
    wrong += too_long(witness.idle, chaos.disturbed)
    calls = {event: [*staff.calls[event], *gates.calls[event]] for event in events}
    wrong += _judge(site, [*answers, *tabs.answers], calls, shown, ever)
    if wrong:
        wrong += [*_healed(tabs, shown, at_rest), *chaos.before(at_rest)]
    tabs.close()
    Event.objects.filter(pk__in=events).update(status=Event.Status.CANCELLED)  # the clock has enough to do
    counted = _counted([*answers, *tabs.answers], calls) + Counter(
        {
            "looks at the rows meanwhile": witness.looks,
            "servers started again": supervisor.restarts,
            "pages compared with the database at rest": len(shown),
        }
    )
    return Told(counted, chaos.faults, wrong)


def _visits(events: Sequence[int], people: Sequence[Person], seed: str, seconds: float) -> list[Visit]:
    """Return what people will do over HTTP, more than there is time for."""
    dice = random.Random(f"{seed} crowd")
    asks = {
        (kind, event, person.pk): ask(f"{kind} {event}", path.format(event), person.session, post=kind != "stats")
        for kind, path in PATHS.items()
        for event in events
        for person in people
    }
    visits = []
    for _ in range(int(MOST * seconds)):
        event, person = dice.choice(events), dice.choice(people)
        [habit] = dice.choices(list(HABITS), list(HABITS.values()))
        visits.append(Visit(person.pk, tuple(asks[kind, event, person.pk] for kind in habit)))
    for person in crowd.who_can_log_in(LOGINS):
        visits.insert(dice.randrange(len(visits) // 4), _login(person, dice.choice(events)))
    return visits


def _login(person: Person, event: int) -> Visit:
    steps = {"join": JOIN, "book": BOOK}
    then = (ask(f"{kind} {event}", path.format(event), SESSION, post=True) for kind, path in steps.items())
    return person.logs_in(*then)


def _gate_staff() -> list[Person]:
    staff = logged_in(GATES)
    Group.objects.get(name=GATE_STAFF).user_set.add(*(person.pk for person in staff))
    return staff


def _come_to_rest(site: Site, events: Sequence[int], tabs: Tabs, chaos: Chaos) -> list[str]:
    """Heal the site, and let its clocks give every place that is free, for so long that none lapses.

    Return which of its processes did not come back.
    """
    lost = [p.command[2] for p in site.web if seconds_until_good(p, "/readyz") == float("inf")]
    connections.close_all()
    tabs.come_back()
    for event in events:
        steering.revise_event(event_id=event, values={"hold_minutes": LONG})
        steering.resume(event_id=event, reason="soak")
    connections.close_all()
    time.sleep(max(REST, chaos.told_by - time.time()))
    return [f"{name} did not come back" for name in lost]


def _healed(tabs: Tabs, shown: Sequence[Shown], at_rest: float) -> list[str]:
    """Return in words which pages show something else some resyncs later, though nothing happens any more."""
    time.sleep(max(0, at_rest + OF_REDIS - time.time()))
    before = {page.user: page for page in shown}
    changed = [page for page in tabs.shown() if page != before.get(page.user)]
    return [f"(person {page.user}'s page shows {page} {OF_REDIS:g} seconds later)" for page in changed]


def _judge(
    site: Site,
    answers: Sequence[Answer],
    staff: dict[int, list[Call]],
    shown: Sequence[Shown],
    ever: Sequence[Ever],
) -> list[str]:
    by_event: dict[int, list[Answer]] = {event: [] for event in staff}
    others = []
    for answer in answers:
        kind, _, number = answer.kind.partition(" ")
        if kind in {"join", "book", "release"}:
            by_event[int(number)].append(answer._replace(kind=kind))
        else:
            others.append(answer)
    numbers = [answer for answer in others if answer.kind.startswith("stats")]
    logins = [answer.status for answer in others if answer.kind == "log in"]
    wrong = wrong_numbers(numbers)
    wrong += [f"a login was answered {status}" for status in logins if status not in {FOUND, BUSY, GONE}]
    for event, theirs in by_event.items():
        wrong += _violations(event, theirs, staff[event], of_event(event, shown, ever))
    wrong += [f"numbers: {difference}" for difference in audit.differences()]
    wrong += [f"a traceback was logged: {line}" for line in set(site.traces()) if CANCELLED not in line]
    return wrong


def _counted(answers: Sequence[Answer], staff: dict[int, list[Call]]) -> Counter[str]:
    counted = Counter({"checked": 0})
    for answer in answers:
        if answer.status == FOREIGN:
            continue
        if answer.status in {GONE, BUSY}:
            counted["broken off" if answer.status == GONE else "told to come again (503)"] += 1
        else:
            counted["checked"] += 1
            counted[f"answered: {answer.kind.partition(' ')[0]}"] += 1
    for calls in staff.values():
        for call in calls:
            counted["checked" if call.outcome != "busy" else "staff told to come again"] += 1
            counted[f"staff: {call.kind}"] += call.outcome != "busy"
    return counted


def _violations(event: int, answers: Sequence[Answer], staff: Sequence[Call], pages: dict[str, Any]) -> list[str]:
    rows = Rows(Event.objects.get(pk=event), _pauses(staff))
    calls = sorted([*rows.calls(answers), *staff], key=lambda call: call.answered)
    moment = time.time()
    told = record(
        event,
        calls,
        holds=(60 * HOLD, 60.0 * LONG),
        waiting=committed_by(calls),
        held={},
        quiet_from=moment,
        rest=moment,
        **pages,
    )
    found = [f"event {event}, {name}: {text}" for name, check in history.CHECKS.items() for text in check(told)]
    if found:
        _keep(told)
    return found


def _pauses(calls: Sequence[Call]) -> list[Span]:
    """Return when serving may have been paused: from when it was asked for until it surely was over."""
    spans: list[Span] = []
    began = None
    for call in sorted(calls, key=lambda call: call.sent):
        if call.kind == "pause" and began is None:
            began = call.sent
        elif call.kind == "resume" and call.outcome == "ok" and began is not None:
            spans.append((began, call.answered))
            began = None
    return spans if began is None else [*spans, (began, math.inf)]


def _keep(told: History) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"soak-violated-{told.event.pk}.json").write_text(json.dumps(told.as_dict(), default=str))
