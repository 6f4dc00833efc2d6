"""The whole history of one event, checked: what the rows say, what clients were answered, what the ledger says.

Each check returns its violations in words. The order of grants, the answers and the latencies are computed here from
rows and from what was noted outside of the transactions; the ledger is judged by the stand-alone verifier.
"""

import datetime as dt
import heapq
import itertools
import json
import math
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bench.story import Call
from core import audit
from core.fairness.ledger import file_of
from core.fairness.verify_ledger import verify
from core.models import Event, Ticket, TicketHold, UserSession

UNDRAWN = 2**63
BEFORE = "already free"
TOLERANCE = 0.001  # seconds that two readings of one clock may differ by rounding
Step = tuple[float, str, TicketHold | None]  # when a place was freed, and by what; or given (""), and to whom


@dataclass
class History:
    """What is left when everything has come to rest; moments as seconds since the epoch."""

    event: Event
    holds: tuple[float, ...]  # seconds that the event's holds lasted, one time or another
    calls: list[Call]
    waiting: dict[tuple[int, int], float]  # event and person: their first place was committed by then
    held: dict[int, float]  # place: its hold was committed by then
    quiet_from: float  # from then on nobody asked for anything
    rest: float  # from then on nothing was waited for

    def __post_init__(self) -> None:
        self.places = list(TicketHold.objects.filter(event=self.event).order_by("pk"))
        self.tickets = list(Ticket.objects.filter(event=self.event).order_by("pk"))
        self.first = {place.user_id: place for place in reversed(self.places)}  # of each person
        self.entries = [json.loads(text) for text in self.event.ledger.order_by("seq").values_list("text", flat=True)]


def of_ledger(history: History) -> list[str]:
    """Let the stand-alone verifier replay the ledger."""
    report = verify(file_of(history.event))
    return [*map(str, report.problems), *([f"and {report.unlisted} more"] if report.unlisted else [])]


def of_numbers(_: History) -> list[str]:
    """Recount the rows of every event."""
    return [str(difference) for difference in audit.differences()]


def of_order(history: History) -> list[str]:
    """Find grants that passed somebody by who was waiting, committed, before the grant's transaction read its clock.

    Among first places, whose rank is the login; a direct booking ranks after everybody who waits.
    """
    first = history.first
    joined = sorted(
        (since, _rank(first[user]))
        for (event, user), since in history.waiting.items()
        if event == history.event.pk and user in first
    )
    passed, at = [], 0
    gone = {_rank(place): _gone(place) for place in first.values()}
    line: list[tuple[Any, ...]] = []
    for moment, ranks in _grants(first.values(), history.tickets):
        while at < len(joined) and joined[at][0] < moment:
            heapq.heappush(line, joined[at][1])
            at += 1
        while line and gone[line[0]] <= moment:
            heapq.heappop(line)
        passed += [
            f"place {rank[-1]} was given at {moment:.6f}, before place {line[0][-1]}"
            for rank in ranks
            if line and line[0] < rank
        ]
    return passed


def _rank(place: TicketHold) -> tuple[Any, ...]:
    draw = UNDRAWN if place.draw is None else place.draw
    return (-place.tier, draw, place.login_timestamp.timestamp(), place.pk)


def _gone(place: TicketHold) -> float:
    """Return when a place stopped waiting; never, if it still does."""
    moment = place.held_at or place.ended_at
    return moment.timestamp() if moment else math.inf


def _grants(places: Iterable[TicketHold], tickets: Iterable[Ticket]) -> list[tuple[float, list[tuple[Any, ...]]]]:
    """Return `(moment, ranks)` of what each transaction gave, in order of time."""
    given = defaultdict(list)
    for place in places:
        if place.held_at is not None:
            given[place.held_at.timestamp()].append(_rank(place))
    for ticket in tickets:
        if ticket.hold_id is None:
            given[ticket.booked_at.timestamp()].append((math.inf, f"of ticket {ticket.pk}"))
    return sorted(given.items())


def of_answers(history: History) -> list[str]:
    """Compare what each client was answered with the rows."""
    places = {place.pk: place for place in history.places}
    tickets = {ticket.pk: ticket for ticket in history.tickets}
    cancels = {call.user for call in history.calls if call.kind == "cancel"}
    books = {call.user for call in history.calls if call.kind == "book"}
    wrong = [f"{ticket} was booked by nobody's request" for ticket in tickets.values() if ticket.user_id not in books]
    for call in history.calls:
        if call.outcome == "error":
            wrong.append(f"{call.kind} of person {call.user} ended in {call.detail}")
        elif call.outcome == "ok" and not _is_borne_out(call, places, tickets, cancels):
            wrong.append(f"{call.kind} of person {call.user} was answered {call.detail}, and the rows say otherwise")
    return wrong


def _is_borne_out(call: Call, places: dict[int, TicketHold], tickets: dict[int, Ticket], cancels: set[int]) -> bool:
    if call.kind == "book":
        ticket = tickets.get(call.detail[0])
        kept = ticket and (ticket.user_id, ticket.code) == (call.user, call.detail[1])
        return bool(kept and ticket and (ticket.cancelled_at is None or call.user in cancels))
    if call.kind == "cancel":
        return call.detail in tickets and tickets[call.detail].cancelled_at is not None
    if call.kind == "join":
        pk, status, expires_at = call.detail
        place = places.get(pk)
        was_held = place and place.expires_at and expires_at and place.expires_at >= expires_at
        return bool(place and place.user_id == call.user and (status == "waiting" or was_held))
    if call.kind == "release" and call.detail is not None:
        return call.detail[0] in places and places[call.detail[0]].ended_at is not None
    return True


def of_holds(history: History) -> list[str]:
    """Find holds that were longer or shorter than promised: as the event had it then, and what staff added since."""
    extensions = [(_at(entry), 60 * entry["minutes"]) for entry in history.entries if entry["kind"] == "extension"]
    wrong = []
    for place in history.places:
        if place.held_at is None or place.expires_at is None:
            continue
        held, ended = place.held_at.timestamp(), place.ended_at.timestamp() if place.ended_at else math.inf
        added = sum(seconds for at, seconds in extensions if held <= at < ended)
        lasted = place.expires_at.timestamp() - held - added
        if all(abs(lasted - promised) > TOLERANCE for promised in history.holds):
            wrong.append(f"place {place.pk} was held for {lasted:.3f} s")
    return wrong


def of_rest(history: History) -> list[str]:
    """Check that nobody waits beside a free place now that everything has come to rest; a lapsed hold is none."""
    waiting = sum(place.status == TicketHold.Status.WAITING for place in history.places)
    holds = [place for place in history.places if place.status == TicketHold.Status.HELD]
    live = sum(place.expires_at is not None and place.expires_at.timestamp() > history.rest for place in holds)
    booked = sum(ticket.cancelled_at is None for ticket in history.tickets)
    free = history.event.capacity - booked - live
    return [f"{waiting} people wait, and {free} places are free"] if waiting and free > 0 else []


def of_logins(history: History) -> list[str]:
    """Check that a login counts as of when it was asked for, and that it is what ranks the person's first place."""
    sessions = UserSession.objects.order_by("-login_timestamp")
    logins = {session.session_key: session.login_timestamp for session in sessions}
    first = {session.user_id: session.login_timestamp for session in sessions}
    spent = {ticket.user_id for ticket in history.tickets if ticket.hold_id is None}  # booked before they joined
    wrong = [
        f"place {place.pk} is ranked by {place.login_timestamp}, and the login was at {first[user]}"
        for user, place in history.first.items()
        if user in first and user not in spent and place.login_timestamp != first[user]
    ]
    for call in history.calls:
        if call.kind == "log in" and call.outcome == "ok":
            moment = logins[call.detail].timestamp()
            if not call.sent - TOLERANCE <= moment <= call.answered + TOLERANCE:
                wrong.append(f"the login of person {call.user} is ranked by {moment:.6f}, when it was not asked for")
    return wrong


def latencies(history: History) -> dict[str, list[float]]:
    """Return `{what freed it: seconds until the next hold was committed}` of each place that somebody waited for.

    The place that was free for longest is taken to be the one that is given. Time in which nobody waited, the sale had
    not opened, or staff had paused serving, does not count.
    """
    began = [_at(entry) for entry in history.entries if entry["kind"] in {"opening", "resume"}]
    free = deque((0.0, BEFORE) for _ in range(_first_capacity(history)))
    took: dict[str, list[float]] = defaultdict(list)
    for moment, cause, place in _steps(history):
        if cause:
            free.append((moment, cause))
            continue
        freed, by = free.popleft() if free else (moment, BEFORE)
        if place is not None:
            joined = place.created_at.timestamp()
            since = max(freed, joined, *(at for at in began if at <= moment), 0)
            quiet = ", quiet" if since > history.quiet_from else ""
            took[f"{by if freed > joined else BEFORE}{quiet}"].append(history.held.get(place.pk, moment) - since)
    return took


def of_capacity(history: History) -> list[str]:
    """Check that no place was given, at any moment, that had not been freed before."""
    free, wrong = _first_capacity(history), []
    for moment, cause, _ in _steps(history):
        free += 1 if cause else -1
        if free < 0:
            wrong.append(f"at {moment:.6f} {-free} more places were given than there were")
    return wrong


def _steps(history: History) -> list[Step]:
    return sorted([*_freed(history), *_given(history)], key=lambda step: (step[0], not step[1]))


def _freed(history: History) -> Iterator[Step]:
    for place in history.places:
        if place.ended_at and place.held_at and place.status in {"expired", "released"}:
            yield place.ended_at.timestamp(), "lapse" if place.status == "expired" else "release", None
    for ticket in history.tickets:
        if ticket.cancelled_at:
            yield ticket.cancelled_at.timestamp(), "cancellation", None
    before = _first_capacity(history)
    for entry in history.entries:
        if entry["kind"] == "terms":
            for _ in range(entry["capacity"] - before):
                yield _at(entry), "capacity", None
            before = entry["capacity"]


def _given(history: History) -> Iterator[Step]:
    for place in history.places:
        if place.held_at:
            yield place.held_at.timestamp(), "", place
    for ticket in history.tickets:
        if ticket.hold_id is None:
            yield ticket.booked_at.timestamp(), "", None


def _first_capacity(history: History) -> int:
    return int(history.entries[0]["capacity"]) if history.entries else history.event.capacity


def _at(entry: dict[str, Any]) -> float:
    return dt.datetime.fromisoformat(entry["at"]).timestamp()


def longest_line(history: History) -> int:
    """Return how many people waited at most at the same time."""
    joined = [(place.created_at.timestamp(), 1) for place in history.places]
    left = [(_gone(place), -1) for place in history.places]
    return max(itertools.accumulate(step for _, step in sorted([*joined, *left])), default=0)
