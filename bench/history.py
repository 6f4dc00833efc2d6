"""The history checker: what clients were answered, what the rows say, and what the ledger says, against the invariants.

    python bench/history.py history.json

Stand-alone, and of the standard library alone: it shares no code with what it checks. `bench/record.py` writes its
file: an event, its places, tickets, scans and logins, the lines of its ledger file, the calls that clients made, and
what open pages showed and were told (`bench/evidence.py`). Each check returns its violations in words. A call that was
not answered, or answered 503, may have been done or not (`busy`).
"""

import heapq
import importlib.util
import itertools
import json
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for who runs it by its path

from bench.evidence import TOLERANCE, Call, Checks, History, Place, Ticket, load
from bench.flow import of_capacity, of_entries
from bench.holds import of_ends, of_holds, of_late_bookings
from bench.pages import of_pages, of_told

LOCK_TIMEOUT = 3.0  # seconds
SHOWN = 20
VERIFIER = Path(__file__).resolve().parent.parent / "core" / "fairness" / "verify_ledger.py"  # stand-alone as well


def of_ledger(history: History) -> list[str]:
    """Let the stand-alone verifier replay the ledger (I1, I4, I9, I12 at every prefix)."""
    report = _verifier().verify(iter(history.ledger))
    return [*map(str, report.problems), *([f"and {report.unlisted} more"] if report.unlisted else [])]


def _verifier() -> Any:
    name = "stand_alone_verify_ledger"
    if name not in sys.modules:
        found = importlib.util.spec_from_file_location(name, VERIFIER)
        assert found is not None and found.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
    return sys.modules[name]


def of_numbers(history: History) -> list[str]:
    """Recount the rows (I1)."""
    event = history.event
    held = sum(place.status == "held" for place in history.places)
    booked = sum(ticket.cancelled_at is None for ticket in history.tickets)
    wrong = [f"{event.held} are said to be held, the rows have {held}"] if event.held != held else []
    wrong += [f"{event.booked} are said to be booked, the rows have {booked}"] if event.booked != booked else []
    return wrong + ([f"{held + booked} places are taken of {event.capacity}"] if held + booked > event.capacity else [])


def of_order(history: History) -> list[str]:
    """Find grants that passed somebody by who was waiting, committed, before the grant's transaction read its clock.

    I4, among first places, whose rank is the login; a direct booking ranks after everybody who waits.
    """
    first = history.first
    joined = sorted((since, first[user].rank) for user, since in history.waiting.items() if user in first)
    passed, at = [], 0
    gone = {place.rank: place.gone for place in first.values()}
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


def _grants(places: Iterable[Place], tickets: Iterable[Ticket]) -> list[tuple[float, list[tuple[Any, ...]]]]:
    """Return `(moment, ranks)` of what each transaction gave, in order of time."""
    given = defaultdict(list)
    for place in places:
        if place.held_at is not None:
            given[place.held_at].append(place.rank)
    for ticket in tickets:
        if ticket.hold is None and ticket.replaces is None:
            given[ticket.booked_at].append((math.inf, f"of ticket {ticket.pk}"))
    return sorted(given.items())


def of_answers(history: History) -> list[str]:
    """Compare what each client was answered with the rows (I2, I7)."""
    places = {place.pk: place for place in history.places}
    tickets = {ticket.pk: ticket for ticket in history.tickets}
    maybe = {"ok", "busy"}  # done, or maybe done
    # Of one that was not answered the ticket may be unknown: then it may have been any of the person's.
    cancels = {
        call.detail if isinstance(call.detail, int) else f"any of {call.user}"
        for call in history.calls
        if call.kind == "cancel" and call.outcome in maybe
    }
    wrong = _unasked(history)
    for call in history.calls:
        if call.outcome == "error":
            wrong.append(f"{call.kind} of person {call.user} ended in {call.detail}")
        elif call.outcome == "ok" and not _is_borne_out(call, places, tickets, cancels):
            wrong.append(f"{call.kind} of person {call.user} was answered {call.detail}, and the rows say otherwise")
    return wrong


def _unasked(history: History) -> list[str]:
    """Return which tickets nobody was told of, but for as many of each person as they have bookings not answered."""
    books = [call for call in history.calls if call.kind == "book"]
    told = {(call.user, call.detail[0]) for call in books if call.outcome == "ok"}
    maybe = Counter(call.user for call in books if call.outcome == "busy")
    wrong = []
    for ticket in history.tickets:
        if ticket.replaces is None and (ticket.user, ticket.pk) not in told:
            maybe[ticket.user] -= 1
            wrong += [f"{ticket.pk} was booked by nobody's request"] if maybe[ticket.user] < 0 else []
    return wrong


def _is_borne_out(call: Call, places: dict[int, Place], tickets: dict[int, Ticket], cancels: set[int | str]) -> bool:
    if call.kind == "book":
        ticket = tickets.get(call.detail[0])
        if ticket is None or (ticket.user, ticket.code) != (call.user, call.detail[1]):
            return False
        return ticket.cancelled_at is None or bool({ticket.pk, f"any of {call.user}"} & cancels)
    if call.kind == "cancel":
        return call.detail in tickets and tickets[call.detail].cancelled_at is not None
    if call.kind == "join":
        pk, status, expires_at = call.detail
        place = places.get(pk)
        was_held = place and place.expires_at and expires_at and place.expires_at >= expires_at - TOLERANCE
        return bool(place and place.user == call.user and (status == "waiting" or was_held))
    if call.kind == "release" and call.detail is not None:
        return call.detail[0] in places and places[call.detail[0]].ended_at is not None
    return True


def of_one_each(history: History) -> list[str]:
    """Find people who had two live places, or two valid tickets, at the same time (I6).

    Who joins while their former place is being ended waits for that at the unique index, as long as a lock is waited
    for: their new place bears the moment at which they asked, and a rank that is no better than that end (rule 4).
    """
    had: dict[tuple[str, int], list[tuple[float, float, int]]] = defaultdict(list)
    for place in history.places:
        began = max(place.created_at, min(place.login_timestamp, place.created_at + LOCK_TIMEOUT))
        had["places", place.user].append((began, place.ended_at or math.inf, place.pk))
    for ticket in history.tickets:
        had["tickets", ticket.user].append((ticket.booked_at, ticket.cancelled_at or math.inf, ticket.pk))
    return [
        f"person {user} had two {what} at once, {first[2]} and {second[2]}"
        for (what, user), spans in had.items()
        for first, second in itertools.pairwise(sorted(spans))
        if second[0] < first[1] - TOLERANCE
    ]


def of_scans(history: History) -> list[str]:
    """Find tickets that stand as admitted twice, scans stored twice, and scans of cancelled tickets (I3).

    And scans of which the gate was told something else than what is stored, each time they were sent; and tickets that
    were turned away as admitted, which nobody had admitted, or as cancelled, which they are not.
    """
    let_in = {scan.ticket for scan in history.scans if scan.outcome == "admitted"}
    cancelled: set[int | None] = {ticket.pk for ticket in history.tickets if ticket.cancelled_at is not None}
    true_of: dict[str, set[int | None]] = {"already_checked_in": let_in, "cancelled": cancelled}
    turned_away = [
        f"ticket {scan.ticket} was turned away as {scan.outcome}, which was not so"
        for scan in history.scans
        if scan.outcome in true_of and scan.ticket not in true_of[scan.outcome]
    ]
    admitted = [scan for scan in history.scans if scan.stands and scan.outcome == "admitted"]
    valid = {ticket.pk for ticket in history.tickets if ticket.cancelled_at is None}
    void = [
        f"ticket {scan.ticket} was admitted, and is none, or cancelled" for scan in admitted if scan.ticket not in valid
    ]
    twice = [f"ticket {ticket} was admitted twice" for ticket in _repeated(scan.ticket for scan in admitted)]
    sent = ((scan.staff, scan.nonce) for scan in history.scans if scan.nonce)
    stored = {scan.nonce: scan.outcome for scan in history.scans}
    told = [call.detail for call in history.calls if call.kind == "scan" and call.outcome == "ok"]
    void += [
        f"scan {nonce} was answered {outcome}, and the rows say {stored.get(nonce)}"
        for nonce, outcome in told
        if stored.get(nonce) != outcome
    ]
    twice += [f"scan {nonce} of person {staff} is there twice" for staff, nonce in _repeated(sent)]
    return turned_away + void + twice


def _repeated(values: Iterable[Any]) -> list[Any]:
    seen: set[Any] = set()
    return [value for value in values if value in seen or seen.add(value)]  # type: ignore[func-returns-value]


def of_rest(history: History) -> list[str]:
    """Check that nobody waits beside a free place now that everything has come to rest (I10)."""
    waiting = sum(place.status == "waiting" for place in history.places)
    holds = [place for place in history.places if place.status == "held"]
    live = sum(place.expires_at is not None and place.expires_at > history.rest for place in holds)
    free = history.event.capacity - live - sum(ticket.cancelled_at is None for ticket in history.tickets)
    return [f"{waiting} people wait, and {free} places are free"] if waiting and free > 0 else []


def of_logins(history: History) -> list[str]:
    """Check that a login counts as of when it was asked for, and that it is what ranks the person's first place (I5).

    Two logins of which one was answered before the other was sent are ranked in that order by it.
    """
    logins = {login.key: login.at for login in history.logins}
    ranks: dict[int, set[int]] = defaultdict(set)  # of each person, in microseconds: that of any of their logins
    for login in history.logins:
        ranks[login.user].add(round(login.at * 1e6))
    spent = {ticket.user for ticket in history.tickets if ticket.hold is None}  # booked before they joined
    wrong = [
        f"place {place.pk} is ranked by {place.login_timestamp:.6f}, when person {user} did not log in"
        for user, place in history.first.items()
        if user in ranks and user not in spent and round(place.login_timestamp * 1e6) not in ranks[user]
    ]
    for call in history.calls:
        if call.kind == "log in" and call.outcome == "ok":
            moment = logins.get(call.detail, math.nan)
            if not call.sent - TOLERANCE <= moment <= call.answered + TOLERANCE:
                wrong.append(f"the login of person {call.user} is ranked by {moment:.6f}, when it was not asked for")
    return wrong


CHECKS: Checks = {
    "ledger": of_ledger,
    "numbers": of_numbers,
    "oversold": of_capacity,
    "inversions": of_order,
    "answers": of_answers,
    "one each": of_one_each,
    "scans": of_scans,
    "holds": of_holds,
    "late bookings": of_late_bookings,
    "ends": of_ends,
    "entries": of_entries,
    "logins": of_logins,
    "left waiting": of_rest,
    "pages": of_pages,
    "told": of_told,
}


def main() -> int:
    """Check a file; print what was found; return 1 if anything was."""
    told = load(json.loads(Path(sys.argv[1]).read_text()))
    found = [f"{name}: {text}" for name, check in CHECKS.items() for text in check(told)]
    print("\n".join([*found[:SHOWN], f"Violations: {len(found)}."]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
