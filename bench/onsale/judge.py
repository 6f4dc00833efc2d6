"""What browsers were answered, set against the rows: from answers over HTTP and sockets to the history checker."""

import datetime as dt
import json
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from bench import flow, history, holds
from bench.evidence import TOLERANCE, Call, Checks, History
from bench.record import record
from bench.visits import BUSY, DONE, REFUSED, Answer
from core import audit
from core.models import Event, Ticket, TicketHold, UserSession

SHOWN = 5  # violations of one kind that are told
LOGIN = "log in"
WRITES = {"join", "book", "release"}  # what is asked of one event
GOOD = {"join": {200, 202}, "book": {200}, "release": {200}, LOGIN: {302}}
CHECKS: Checks = {
    "ledger": history.of_ledger,
    "oversold": flow.of_capacity,
    "order": history.of_order,
    "answers": history.of_answers,
    "one each": history.of_one_each,
    "scans": history.of_scans,
    "late bookings": holds.of_late_bookings,
}


def judge(
    events: Iterable[int], answers: Sequence[Answer], but: Collection[str] = (), checks: Checks = CHECKS
) -> list[str]:
    """Return in words what was not as it must be: in these events' histories, and in what everybody was answered.

    `but` names checks that say nothing here. Where everything has come to rest, and holds have always lasted as long as
    the event says now, `checks` may be all of the history checker's.
    """
    wrong = []
    for event, theirs in _by_event(events, answers).items():
        told = _history(event, theirs)
        for name, check in checks.items():
            wrong += _shown(f"event {event.pk}, {name}", check(told)) if name not in but else []
    return wrong + _shown("numbers", [str(difference) for difference in audit.differences()]) + unanswered(answers)


def unanswered(answers: Iterable[Answer]) -> list[str]:
    """Return who was not answered in the end, or in a way that nobody should be."""
    last = {(answer.user, answer.kind): answer for answer in answers}
    odd = [answer for answer in last.values() if answer.status not in {*GOOD.get(answer.kind, {DONE}), REFUSED}]
    return _shown("answered", [f"{a.kind} of person {a.user}: {a.status} {a.body[:80]!r}" for a in odd])


def _shown(name: str, found: list[str]) -> list[str]:
    rest = [f"{name}: and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return [f"{name}: {text}" for text in found[:SHOWN]] + rest


def _by_event(events: Iterable[int], answers: Iterable[Answer]) -> dict[Event, list[Answer]]:
    """Return the answers about each event's places: of those whose rows it has, and in the first of all others.

    Whoever was told of a place or a ticket and has no row anywhere lost it, which is what must never happen.
    """
    by_event: dict[Event, list[Answer]] = {e: [] for e in Event.objects.filter(pk__in=list(events)).order_by("pk")}
    people = {event: _people(event) for event in by_event}
    for answer in answers:
        theirs = [event for event in by_event if answer.user in people[event]]
        if answer.kind in WRITES and not theirs:
            theirs = list(by_event)[:1]
        for event in theirs if answer.kind in {*WRITES, LOGIN} else []:
            by_event[event].append(answer)
    return by_event


def _people(event: Event) -> set[int]:
    """Return who has a place or a ticket of an event, or had one."""
    held = TicketHold.objects.filter(event=event).values_list("user", flat=True)
    return {*held, *Ticket.objects.filter(event=event).values_list("user", flat=True)}


def _history(event: Event, answers: Sequence[Answer]) -> History:
    """Return the event's history: what people were answered, and by when their places were there."""
    places = {place.user_id: place for place in TicketHold.objects.filter(event=event).order_by("pk")}
    tickets = {ticket.code: ticket for ticket in Ticket.objects.filter(event=event)}
    calls = [_call(answer, places, tickets) for answer in answers]
    logins = _logins({call.user for call in calls if call.kind == LOGIN})
    calls = [_with_login(call, logins) if call.kind == LOGIN and call.outcome == "ok" else call for call in calls]
    waiting: dict[int, float] = {}
    for call in calls:
        if call.kind == "join" and call.outcome == "ok":  # what was answered was committed
            waiting.setdefault(call.user, call.answered)
    moments = {"quiet_from": time.time(), "rest": time.time()}
    return record(event.pk, calls, holds=(event.hold_time.total_seconds(),), waiting=waiting, held={}, **moments)


def _logins(people: Iterable[int]) -> dict[int, list[tuple[float, str]]]:
    """Return when these people logged in, and the session of each login, by person."""
    logins = defaultdict(list)
    for login in UserSession.objects.filter(user__in=people).order_by("login_timestamp"):
        logins[login.user_id].append((login.login_timestamp.timestamp(), login.session_key))
    return logins


def _with_login(call: Call, logins: dict[int, list[tuple[float, str]]]) -> Call:
    """Return a call with its session, which nobody is told: the one of its time, or where there is none the last."""
    keys = [key for at, key in logins[call.user] if call.sent - TOLERANCE <= at <= call.answered + TOLERANCE]
    return call._replace(detail=(keys or [key for _, key in logins[call.user]] or [""])[-1])


def _call(answer: Answer, places: dict[int, TicketHold], tickets: dict[str, Ticket]) -> Call:
    outcome, said = _outcome(answer)
    detail: Any = said
    if outcome == "ok" and answer.kind == "book":
        ticket = tickets.get(said["ticket"])
        detail = (ticket and ticket.pk, said["ticket"])
    elif outcome == "ok" and answer.kind == "join":
        place, until = places.get(answer.user), said.get("expires_at")
        detail = (place and place.pk, said["status"], until and dt.datetime.fromisoformat(until).timestamp())
    elif outcome == "ok" and answer.kind == "release":
        detail = None
    return Call(answer.kind, answer.user, answer.sent, answer.answered, outcome, detail)


def _outcome(answer: Answer) -> tuple[str, Any]:
    if answer.status in GOOD.get(answer.kind, {DONE}):
        return "ok", json.loads(answer.body) if answer.kind in WRITES else None
    if answer.status == BUSY:
        return "busy", None
    if answer.status == REFUSED:
        return str(json.loads(answer.body)["status"]), None
    return "error", f"{answer.status} {answer.body[:80]!r}"
