"""The opening of a sale that people wait for: at its second, exactly the first in line hold a place."""

import argparse
import datetime as dt
import math
import random
import time

from django.db import connections

from bench import flow, history, web
from bench.common import Figures, Outcome, in_each, processes
from bench.evidence import History
from bench.record import record
from bench.stage import make_event, make_people
from core import allocation, arrivals, steering
from core.models import Event, TicketHold, User, UserSession
from core.now import now

PROMISE = 2.0  # seconds from the announced opening until the holds can be seen (DESIGN, rule 2)
AHEAD = 3  # seconds until the opening, once everybody waits
PATIENCE = 30.0  # seconds
HOLD = 10  # minutes
CHECKS = {
    "ledger": history.of_ledger,
    "numbers": history.of_numbers,
    "oversold": flow.of_capacity,
    "inversions": history.of_order,
}


def play(options: argparse.Namespace) -> Outcome:
    """Let people wait, open, and check who was held a place, and how soon."""
    make_people(options.people)
    later = now() + dt.timedelta(days=1)
    fields = {"sales_open_at": later, "line_policy": options.policy, "hold_minutes": HOLD, "auto_hold": True}
    event = make_event(options.capacity, **fields)
    with processes(options.processes, "bench.web.prepare", options.plant) as executor:
        parts = [(options, event.pk, n) for n in range(options.processes)]
        in_each(executor, gather, parts)
        opens = now().replace(microsecond=0) + dt.timedelta(seconds=AHEAD + 1)
        steering.revise_event(event_id=event.pk, values={"sales_open_at": opens})
        visible = _watch(event.pk, min(options.capacity, options.people))
        time.sleep(2)  # whatever the clocks would still do
        notes = web.merge(in_each(executor, web.leave, [()] * options.processes))
    waiting = {user: at for (_, user), at in notes.waiting.items()}
    moments = {"quiet_from": time.time(), "rest": time.time()}
    told = record(event.pk, (), holds=(60 * HOLD,), waiting=waiting, held=notes.held, **moments)
    violations = {name: check(told) for name, check in CHECKS.items()}
    violations["errors logged"] = notes.troubles
    violations["who is held"] = _strangers(told, options)
    figures = _figures(told, violations, opens.timestamp(), visible)
    figures.append(("planted faults that came into play", notes.planted))
    return Outcome({f"the opening, {options.policy}": figures}, violations)


def gather(options: argparse.Namespace, event_id: int, part: int) -> None:
    """Let one process's people log in, in an order that the seed gives, and join in another one.

    Those who are only `present` leave it at that: the opening puts them in line by their login.
    """
    dice = random.Random(f"{options.seed} {part}")
    people = list(User.objects.order_by("pk")[part :: options.processes])
    dice.shuffle(people)
    for person in people:
        arrivals.record_login(user=person, session_key=f"session {person.pk}")
    dice.shuffle(people)
    for person in people[options.present // options.processes :]:
        session = UserSession.objects.get(session_key=f"session {person.pk}")
        allocation.join(event_id=event_id, user=person, session=session)
    connections.close_all()


def _watch(event_id: int, places: int) -> float:
    """Return when, by time.time(), another connection first saw so many holds; infinity if it never did."""
    held = TicketHold.objects.filter(event=event_id, status=TicketHold.Status.HELD)
    give_up = time.monotonic() + AHEAD + PATIENCE
    while time.monotonic() < give_up:
        if held.count() >= places:
            return time.time()
        time.sleep(0.01)
    return math.inf


def _strangers(told: History, options: argparse.Namespace) -> list[str]:
    """Compare who holds a place with who should: the first by login, or those drawn 1, 2, 3 ..."""
    if options.policy == Event.LinePolicy.RANDOMISED_OPEN:
        drawn = {place.user: place.draw or 0 for place in told.places}
        ranks = sorted(drawn, key=drawn.__getitem__)
        wrong = [] if sorted(drawn.values()) == list(range(1, options.people + 1)) else ["numbers drawn are missing"]
    else:
        ranks = list(UserSession.objects.order_by("login_timestamp", "pk").values_list("user", flat=True))
        wrong = []
    first = set(ranks[: options.capacity])
    held = {place.user for place in told.places if place.held_at}
    return wrong + [f"person {user} {'holds' if user in held else 'lacks'} a place" for user in sorted(first ^ held)]


def _figures(told: History, violations: dict[str, list[str]], opens: float, visible: float) -> Figures:
    held = {place.pk: place.held_at for place in told.places if place.held_at}
    announced = max((told.held[pk] for pk in held if pk in told.held), default=math.inf)
    violations["latency"] = [f"seen {visible - opens:.2f} s late"] if visible - opens > PROMISE else []
    early = sum(moment < opens for moment in held.values())
    return [
        ("in line before the opening", sum(place.created_at < opens for place in told.places)),
        ("held", len(held)),
        ("held before the opening", early),
        ("seconds to the last held_at", f"{max(held.values(), default=math.inf) - opens:.3f}"),
        ("seconds to the last announcement, after the commit", f"{announced - opens:.3f}"),
        ("seconds until another connection sees all", f"{visible - opens:.3f}"),
        ("ledger entries", told.event.ledger_seq),
        *((f"violations: {name}", len(found)) for name, found in violations.items()),
    ]
