"""What people were answered, as the history checker reads it: each answer with the row that it must be about.

A person has many places in a line, one after the other: an answer is about the one that was live while it was made.
"""

import datetime as dt
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from bench.evidence import TOLERANCE, Call
from bench.visits import BUSY, DONE, NO_RETRY_AFTER, REFUSED, Answer
from core.models import Event, Ticket, TicketHold

GONE, WAITING = 0, 202
LATE = 6.0  # seconds: a moment is read under the lock, and what it is the moment of may be committed so much later
REFUSALS = {  # what may be refused while an event is on sale; anything else, no session or no such event, is an error
    "join": {"already_booked", "hold_expired"},
    "book": {"sold_out", "people_waiting", "hold_expired", "not_on_sale"},
    "release": {"already_booked"},
}
Span = tuple[float, float]  # moments, seconds since the epoch


class Rows:
    """An event's places and tickets of each person, and its tickets by their codes.

    `pauses` are the spans in which serving may have been paused.
    """

    def __init__(self, event: Event, pauses: Sequence[Span] = ()) -> None:
        self.pauses = pauses
        # Places that somebody was told of, as there at all and as held: since when that was known.
        self.known: dict[str, dict[int, float]] = {"there": {}, "held": {}}
        self.tickets: dict[str, int] = {}
        self.tickets_of: dict[int, list[Ticket]] = defaultdict(list)
        for ticket in Ticket.objects.filter(event=event):
            self.tickets[ticket.code] = ticket.pk
            self.tickets_of[ticket.user_id].append(ticket)
        self.places: dict[int, list[TicketHold]] = defaultdict(list)
        for place in TicketHold.objects.filter(event=event).order_by("pk"):
            self.places[place.user_id].append(place)

    def calls(self, answers: Iterable[Answer]) -> list[Call]:
        """Return all answers with what they are about: what was told before a question was sent, is known then."""
        return [self.call(answer) for answer in sorted(answers, key=lambda answer: answer.answered)]

    def call(self, answer: Answer) -> Call:
        """Return an answer with what it is about; None where no row bears it out."""
        outcome, said = _outcome(answer)
        detail: Any = said
        if outcome == "ok":
            detail = {"join": self._joined, "book": self._booked, "release": self._released}[answer.kind](answer, said)
        elif answer.status == REFUSED and not self._is_true(answer, outcome):
            outcome, detail = "error", f"{outcome}, which was not so"
        return Call(answer.kind, answer.user, answer.sent, answer.answered, outcome, detail)

    def _is_true(self, answer: Answer, refusal: str) -> bool:
        """Return whether a refusal can be, and the person's own rows bear it out."""
        if self._has(answer, "held" if answer.kind == "book" else "there"):
            return False
        until, since = answer.answered + TOLERANCE, answer.sent - LATE
        ended = [place.ended_at for place in self.places[answer.user] if place.ended_at]
        has = [(t.booked_at, t.cancelled_at) for t in self.tickets_of[answer.user]]
        borne_out = {
            "hold_expired": any(at.timestamp() <= until for at in ended),
            "already_booked": any(
                booked.timestamp() <= until and (over is None or over.timestamp() >= since) for booked, over in has
            ),
            "not_on_sale": any(began <= until and answer.sent <= over for began, over in self.pauses),
        }
        return refusal in REFUSALS.get(answer.kind, ()) and borne_out.get(refusal, True)

    def _has(self, answer: Answer, how: str) -> bool:
        """Return whether a place was known when somebody asked, and there until they were answered."""
        known, then = self.known[how], answer.answered + TOLERANCE
        return any(
            known.get(place.pk, math.inf) <= answer.sent
            and all(over is None or over.timestamp() > then for over in (place.ended_at, place.expires_at))
            for place in self.places[answer.user]
        )

    def _joined(self, answer: Answer, said: dict[str, Any]) -> tuple[int | None, str, float | None]:
        is_held = said["status"] == "held"
        until = dt.datetime.fromisoformat(said["expires_at"]).timestamp() if is_held else None
        for place in self.places[answer.user]:
            over = place.ended_at if is_held else (place.held_at or place.ended_at)
            until_then = over.timestamp() + LATE if over else math.inf
            was_there = place.created_at.timestamp() <= answer.answered + TOLERANCE and answer.sent <= until_then
            if was_there and (
                until is None or (place.expires_at and place.expires_at.timestamp() >= until - TOLERANCE)
            ):
                self.known["there"].setdefault(place.pk, answer.answered)
                if is_held:
                    self.known["held"].setdefault(place.pk, answer.answered)
                return place.pk, said["status"], until
        return None, said["status"], until

    def _booked(self, answer: Answer, said: dict[str, Any]) -> tuple[int | None, str]:
        return self.tickets.get(said["ticket"]), said["ticket"]

    def _released(self, answer: Answer, said: dict[str, Any]) -> tuple[int | None, str] | None:
        """Return the last place that was over by then; none may live on that they were told of before they asked."""
        until = answer.answered + TOLERANCE
        ended = [place for place in self.places[answer.user] if place.ended_at and place.ended_at.timestamp() <= until]
        if self._has(answer, "there"):
            return None, said["status"]
        return (ended[-1].pk, said["status"]) if ended else None


def _outcome(answer: Answer) -> tuple[str, Any]:
    if answer.status in {DONE, WAITING}:
        return "ok", json.loads(answer.body)
    if answer.status in {GONE, BUSY} and answer.body != NO_RETRY_AFTER:
        return "busy", None
    if answer.status == REFUSED:
        return str(json.loads(answer.body)["status"]), None
    return "error", f"{answer.status} {answer.body[:80]!r}"


def wrong_numbers(answers: Iterable[Answer]) -> list[str]:
    """Return what was read of an event's numbers that cannot be (I1)."""
    wrong = []
    for answer in answers:
        if answer.status != DONE:
            outcome, why = _outcome(answer)
            wrong += [] if outcome == "busy" else [f"numbers were answered {why}"]
            continue
        told = json.loads(answer.body)
        taken, free = told["booked"] + told["held"], told["available"]
        if not (0 <= taken <= told["capacity"] and free == told["capacity"] - taken and told["waiting"] >= 0):
            wrong.append(f"the numbers {answer.body!r} cannot be")
    return wrong


def committed_by(calls: Sequence[Call]) -> dict[int, float]:
    """Return by when each person's first place was there: what was answered was committed."""
    by: dict[int, float] = {}
    for call in calls:
        if call.kind == "join" and call.outcome == "ok":
            by.setdefault(call.user, call.answered)
    return by
