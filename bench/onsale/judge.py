"""What browsers were answered, set against the rows: from answers over HTTP and sockets to the history checker."""

import datetime as dt
import json
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from bench import history
from bench.history import History
from bench.story import Call
from bench.visits import BUSY, DONE, REFUSED, Answer
from core import audit
from core.models import Event, Ticket, TicketHold

SHOWN = 5  # violations of one kind that are told
GOOD = {"join": {200, 202}, "book": {200}, "release": {200}, "log in": {302}}
CHECKS: dict[str, Callable[[History], list[str]]] = {
    "ledger": history.of_ledger,
    "oversold": history.of_capacity,
    "order": history.of_order,
    "answers": history.of_answers,
}


def judge(events: Iterable[int], answers: Sequence[Answer], but: Collection[str] = ()) -> list[str]:
    """Return in words what was not as it must be: in these events' histories, and in what everybody was answered.

    `but` names checks that say nothing here.
    """
    wrong = []
    for event in Event.objects.filter(pk__in=list(events)).order_by("pk"):
        told = _history(event, answers)
        for name in CHECKS.keys() - set(but):
            wrong += _shown(f"event {event.pk}, {name}", CHECKS[name](told))
    return wrong + _shown("numbers", [str(difference) for difference in audit.differences()]) + unanswered(answers)


def unanswered(answers: Iterable[Answer]) -> list[str]:
    """Return who was not answered in the end, or in a way that nobody should be."""
    last = {(answer.user, answer.kind): answer for answer in answers}
    odd = [answer for answer in last.values() if answer.status not in {*GOOD.get(answer.kind, {DONE}), REFUSED}]
    return _shown("answered", [f"{a.kind} of person {a.user}: {a.status} {a.body[:80]!r}" for a in odd])


def _shown(name: str, found: list[str]) -> list[str]:
    rest = [f"{name}: and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return [f"{name}: {text}" for text in found[:SHOWN]] + rest


def _history(event: Event, answers: Sequence[Answer]) -> History:
    """Return the event's history: what its people were answered, and by when their places were there."""
    places = {place.user_id: place for place in TicketHold.objects.filter(event=event).order_by("pk")}
    tickets = {ticket.code: ticket for ticket in Ticket.objects.filter(event=event)}
    people = places.keys() | {ticket.user_id for ticket in tickets.values()}
    calls = [_call(answer, places, tickets) for answer in answers if answer.user in people]
    waiting: dict[tuple[int, int], float] = {}
    for call in calls:
        if call.kind == "join" and call.outcome == "ok":  # what was answered was committed
            waiting.setdefault((event.pk, call.user), call.answered)
    return History(event, (), calls, waiting, {}, time.time(), time.time())


def _call(answer: Answer, places: dict[int, TicketHold], tickets: dict[str, Ticket]) -> Call:
    outcome, said = _outcome(answer)
    detail: Any = said
    if outcome == "ok" and answer.kind == "book":
        ticket = tickets.get(said["ticket"])
        detail = (ticket and ticket.pk, said["ticket"])
    elif outcome == "ok" and answer.kind == "join":
        place, until = places.get(answer.user), said.get("expires_at")
        detail = (place and place.pk, said["status"], until and dt.datetime.fromisoformat(until))
    elif outcome == "ok" and answer.kind == "release":
        detail = None
    return Call(answer.kind, answer.user, answer.sent, answer.answered, outcome, detail)


def _outcome(answer: Answer) -> tuple[str, Any]:
    if answer.status in GOOD.get(answer.kind, {DONE}):
        return "ok", json.loads(answer.body) if answer.kind in {"join", "book", "release"} else None
    if answer.status == BUSY:
        return "busy", None
    if answer.status == REFUSED:
        return str(json.loads(answer.body)["status"]), None
    return "error", f"{answer.status} {answer.body[:80]!r}"
