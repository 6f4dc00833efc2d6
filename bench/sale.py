"""The story as a whole: the rush, played by all processes; the quiet, in which only clocks work; what came of it."""

import argparse
import datetime as dt
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from bench import flow, history, story, web
from bench.common import Figures, Outcome, in_each, percentile, processes
from bench.evidence import Call, History
from bench.record import record
from bench.stage import make_event, make_people
from bench.story import Plan
from core import steering
from core.models import Event, TicketHold, User
from core.now import now

LANES = 2  # threads of people in each process
PROMISE = 2.0  # seconds from a place's becoming free to the next hold, for 99 in 100
QUIET = 0.067  # minutes that holds last in the quiet part
SHORTEST = 0.05  # minutes of a hold in the rush
REHEARSAL = 80  # people who join another event first, to see how quick the machine is
BEARABLE = 0.5  # logins for each join that it can do: everybody does more than join
TURNOVER = 0.6  # places freed for each login: fewer, so that there is a line
STUCK = 15.0  # seconds without any change after which the line is given up


def play(options: argparse.Namespace) -> Outcome:
    """Play the story and check its history."""
    make_people(options.people)
    with processes(options.processes, "bench.web.prepare", options.plant) as executor:
        plan = _plan(options, executor)
        lanes = [(plan, list(range(n, plan.lanes, options.processes))) for n in range(options.processes)]
        calls = [call for part in in_each(executor, web.live, lanes) for call in part]
        quiet_from = time.time()
        steering.revise_event(event_id=plan.event, values={"hold_minutes": QUIET})
        steering.resume(event_id=plan.event, reason="bench")
        _wait_for_rest(plan.event)
        notes = web.merge(in_each(executor, web.leave, [()] * options.processes))
    waiting = {user: at for (event, user), at in notes.waiting.items() if event == plan.event}
    noted = {"holds": (plan.hold, 60 * QUIET), "waiting": waiting, "held": notes.held}
    told = record(plan.event, calls, quiet_from=quiet_from, rest=time.time(), **noted)
    violations = {name: check(told) for name, check in history.CHECKS.items()} | {"errors logged": notes.troubles}
    waits = _waits(told, violations)
    figures = [*_figures(plan, told, violations), ("planted faults that came into play", notes.planted)]
    tables = {"the sale": figures, "seconds from freed to held, committed": waits, "answers": _answers(calls)}
    return Outcome(tables, violations)


def _plan(options: argparse.Namespace, executor: ProcessPoolExecutor) -> Plan:
    """Make the event; let people come as quickly as this machine can bear, and places turn over more slowly."""
    rehearsal, first = make_event(1), User.objects.earliest("pk").pk
    parts = [
        list(range(first + n, first + min(REHEARSAL, options.people), options.processes))
        for n in range(options.processes)
    ]
    began, ended = zip(*in_each(executor, story.rehearse, [(rehearsal.pk, part) for part in parts]), strict=True)
    steering.revise_event(event_id=rehearsal.pk, values={"status": Event.Status.CANCELLED})
    rate = options.rate or BEARABLE * sum(map(len, parts)) / (max(ended) - min(began))
    minutes = round(max(SHORTEST, options.capacity / (TURNOVER * rate) / 60), 3)
    later = now() + dt.timedelta(days=1)
    event = make_event(options.capacity, auto_hold=True, hold_minutes=minutes, sales_open_at=later)
    waiting = min(options.people / 3, max(2 * options.capacity, options.people / 10))  # at the opening, at the end
    numbers = {"seed": options.seed, "people": options.people, "lanes": LANES * options.processes}
    times = {"opens": waiting / rate, "paused_from": (options.people - waiting) / rate, "hold": 60 * minutes}
    return Plan(event=event.pk, first=first, rate=rate, **numbers, **times)


def _wait_for_rest(event_id: int) -> None:
    """Wait until everybody was served and every hold has ended, or nothing has changed for long."""
    before, changed = None, time.monotonic()
    while before != set() and time.monotonic() - changed < STUCK:
        time.sleep(0.2)
        states = set(TicketHold.objects.unended().filter(event=event_id).values_list("pk", "status"))
        if states != before:
            before, changed = states, time.monotonic()


def _figures(plan: Plan, told: History, violations: dict[str, list[str]]) -> Figures:
    joins = [call for call in told.calls if call.kind == "join"]
    seconds = max(call.answered for call in joins) - min(call.sent for call in joins)
    ends = Counter(place.status for place in told.places)
    return [
        ("people", len({call.user for call in joins})),
        ("joins", len(joins)),
        ("planned logins a second; seconds of a hold", f"{plan.rate:.1f}; {plan.hold:.1f}"),
        ("joins a second", f"{len(joins) / seconds:.1f}"),
        ("requests of all kinds a second", f"{len(told.calls) / seconds:.1f}"),
        ("seconds of rush, of quiet", f"{seconds:.1f}, {told.rest - told.quiet_from:.1f}"),
        ("places in line, longest line", f"{len(told.places)}, {flow.longest_line(told)}"),
        ("grants", sum(place.held_at is not None for place in told.places)),
        *((f"ended: {status}", count) for status, count in sorted(ends.items())),
        ("ledger entries", told.event.ledger_seq),
        *((f"violations: {name}", len(found)) for name, found in violations.items()),
    ]


def _waits(told: History, violations: dict[str, list[str]]) -> Figures:
    """Return the table of latencies, and add the promise to the violations where it was broken."""
    by_cause = flow.latencies(told)
    freed = [seconds for cause, waits in by_cause.items() if not cause.startswith(flow.BEFORE) for seconds in waits]
    late = percentile(freed, 99)
    violations["latency"] = [f"p99 is {late:.2f} s, promised {PROMISE} s"] if late > PROMISE else []
    rows: Figures = [("freed by", "holds", "p50", "p99", "max")]
    for cause, waits in sorted({**by_cause, "all that was freed": freed}.items()):
        rows.append((cause, len(waits), *(f"{percentile(waits, part):.3f}" for part in (50, 99, 100))))
    return rows


def _answers(calls: list[Call]) -> Figures:
    rows: Figures = [("request", "sent", "ok", "refused", "503", "p50 ms", "p99 ms", "max ms")]
    for kind in sorted({call.kind for call in calls}):
        mine = [call for call in calls if call.kind == kind]
        outcomes = Counter(call.outcome for call in mine)
        refused = len(mine) - outcomes["ok"] - outcomes["busy"]
        took = [1000 * (call.answered - call.sent) for call in mine]
        times = (f"{percentile(took, part):,.0f}" for part in (50, 99, 100))
        rows.append((kind, len(mine), outcomes["ok"], refused, outcomes["busy"], *times))
    return rows
