"""The history checker: what clients were answered, what the rows say, and what the ledger says, against the invariants.

    python bench/history.py history.json

Stand-alone, and of the standard library alone: it shares no code with what it checks. `bench/record.py` writes its
file: an event, its places, tickets, scans and logins, the lines of its ledger file, and the calls that clients made,
all moments as seconds since the epoch. Each check returns its violations in words. A call that was not answered, or
answered 503, may have been done or not (`busy`).
"""

import heapq
import importlib.util
import itertools
import json
import math
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

UNDRAWN = 2**63
BEFORE = "already free"
TOLERANCE = 0.001  # seconds that two readings of one clock may differ by rounding
LOCK_TIMEOUT = 3.0  # seconds
SHOWN = 20
VERIFIER = Path(__file__).resolve().parent.parent / "core" / "fairness" / "verify_ledger.py"  # stand-alone as well


class Call(NamedTuple):
    """What was asked and answered: `outcome` is "ok", a refusal's status, "busy" (503, or no answer) or "error".

    `detail` of a success: of a login its session, of a join `(place, status, expires_at)`, of a booking `(ticket,
    code)`, of a release `(place, status)`, of a cancellation the ticket, of a scan `(nonce, outcome)`.
    """

    kind: str
    user: int
    sent: float
    answered: float
    outcome: str
    detail: Any


@dataclass(frozen=True)
class Event:
    """The event at the end."""

    pk: int
    capacity: int
    held: int
    booked: int
    ledger_seq: int


@dataclass(frozen=True)
class Place:
    """A place in line at the end."""

    pk: int
    user: int
    status: str
    tier: int
    draw: int | None
    login_timestamp: float
    created_at: float
    held_at: float | None
    expires_at: float | None
    ended_at: float | None


@dataclass(frozen=True)
class Ticket:
    """A ticket at the end; `replaces` is the one whose right it took over."""

    pk: int
    user: int
    code: str
    hold: int | None
    replaces: int | None
    booked_at: float
    cancelled_at: float | None


@dataclass(frozen=True)
class Scan:
    """An attempt to enter; it stands if it let somebody in and was not taken back."""

    ticket: int | None
    staff: int
    nonce: str
    outcome: str
    stands: bool


@dataclass(frozen=True)
class Login:
    """A login of somebody."""

    user: int
    key: str
    at: float


Step = tuple[float, str, Place | None]  # when a place was freed, and by what; or given or taken away (""), and to whom
Checks = dict[str, Callable[["History"], list[str]]]


@dataclass
class History:
    """What is left when everything has come to rest."""

    event: Event
    places: list[Place]  # by number
    tickets: list[Ticket]
    scans: list[Scan]
    logins: list[Login]
    ledger: list[str]  # the lines of the ledger's file, each with its newline
    holds: tuple[float, ...]  # seconds that the event's holds lasted, one time or another; none: they are not checked
    calls: list[Call]
    waiting: dict[int, float]  # person: their first place was committed by then
    held: dict[int, float]  # place: its hold was committed by then
    quiet_from: float  # from then on nobody asked for anything
    rest: float  # from then on nothing was waited for
    first: dict[int, Place] = field(default_factory=dict, init=False)  # of each person

    def __post_init__(self) -> None:
        self.first = {place.user: place for place in reversed(self.places)}

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The entries of the ledger, without their seals."""
        return [json.loads(line.partition(" ")[2]) for line in self.ledger[1:]]

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        told = asdict(self)
        del told["first"]
        return told


def load(told: dict[str, Any]) -> History:
    """Return the history that `as_dict` has told, also after JSON, which knows no tuples and no numbers as names."""
    kinds = {"places": Place, "tickets": Ticket, "scans": Scan, "logins": Login}
    told = told | {name: [kind(**row) for row in told[name]] for name, kind in kinds.items()}
    told |= {name: {int(key): at for key, at in told[name].items()} for name in ("waiting", "held")}
    told |= {"event": Event(**told["event"]), "holds": tuple(told["holds"])}
    return History(**told | {"calls": [Call(*call) for call in told["calls"]]})


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
    joined = sorted((since, _rank(first[user])) for user, since in history.waiting.items() if user in first)
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


def _rank(place: Place) -> tuple[Any, ...]:
    return (-place.tier, UNDRAWN if place.draw is None else place.draw, place.login_timestamp, place.pk)


def _gone(place: Place) -> float:
    """Return when a place stopped waiting; never, if it still does."""
    return place.held_at or place.ended_at or math.inf


def _grants(places: Iterable[Place], tickets: Iterable[Ticket]) -> list[tuple[float, list[tuple[Any, ...]]]]:
    """Return `(moment, ranks)` of what each transaction gave, in order of time."""
    given = defaultdict(list)
    for place in places:
        if place.held_at is not None:
            given[place.held_at].append(_rank(place))
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


def of_holds(history: History) -> list[str]:
    """Find holds that were longer or shorter than promised (I8), by the event as it was then, or by staff."""
    if not history.holds:
        return []
    kinds = {"extension", "hold_extension"}  # of all holds, and of one place
    extended = [entry for entry in history.entries if entry["kind"] in kinds]
    extensions = [(_at(entry), 60 * entry["minutes"], entry.get("place")) for entry in extended]
    wrong = []
    for place in history.places:
        if place.held_at is None or place.expires_at is None:
            continue
        ended = place.ended_at or math.inf
        added = sum(
            seconds for at, seconds, only in extensions if place.held_at <= at < ended and only in {None, place.pk}
        )
        lasted = place.expires_at - place.held_at - added
        if all(abs(lasted - promised) > TOLERANCE for promised in history.holds):
            wrong.append(f"place {place.pk} was held for {lasted:.3f} s")
    return wrong


def of_late_bookings(history: History) -> list[str]:
    """Find tickets that were made of a hold that was over, swept or not, by the rows or when it was asked for (I8).

    Asked for the first time: who asks again for a ticket they have is given it at any time.
    """
    asked: dict[int, float] = {}
    for call in history.calls:
        if call.kind == "book":
            asked[call.user] = min(call.sent, asked.get(call.user, math.inf))
    holds, late = {place.pk: place for place in history.places}, []
    for ticket in history.tickets:
        hold = holds.get(ticket.hold or 0)
        moment = max(ticket.booked_at, asked.get(ticket.user, 0))
        if hold is not None and hold.expires_at is not None and moment >= hold.expires_at + TOLERANCE:
            late.append(f"ticket {ticket.pk} was booked {moment - hold.expires_at:.3f} s after its hold was over")
    return late


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
            since = max(freed, place.created_at, *(at for at in began if at <= moment), 0)
            quiet = ", quiet" if since > history.quiet_from else ""
            took[f"{by if freed > place.created_at else BEFORE}{quiet}"].append(
                history.held.get(place.pk, moment) - since
            )
    return took


def of_capacity(history: History) -> list[str]:
    """Check that no place was given, at any moment, that had not been freed before (I1)."""
    free, wrong = _first_capacity(history), []
    for moment, cause, _ in _steps(history):
        free += 1 if cause else -1
        if free < 0:
            wrong.append(f"at {moment:.6f} {-free} more places were given than there were")
    return wrong


def _steps(history: History) -> list[Step]:
    return sorted([*_freed(history), *_given(history)], key=lambda step: (step[0], not step[1]))


def _freed(history: History) -> Iterator[Step]:
    """Yield what freed places, and what took free ones away."""
    for place in history.places:
        if place.ended_at and place.held_at and place.status in {"expired", "released"}:
            yield place.ended_at, "lapse" if place.status == "expired" else "release", None
    given_on = {ticket.replaces for ticket in history.tickets}
    for ticket in history.tickets:
        if ticket.cancelled_at and ticket.pk not in given_on:
            yield ticket.cancelled_at, "cancellation", None
    before = _first_capacity(history)
    for entry in history.entries:
        if entry["kind"] == "terms":
            more = entry["capacity"] - before
            for _ in range(abs(more)):
                yield _at(entry), "capacity" if more > 0 else "", None
            before = entry["capacity"]


def _given(history: History) -> Iterator[Step]:
    for place in history.places:
        if place.held_at:
            yield place.held_at, "", place
    for ticket in history.tickets:
        if ticket.hold is None and ticket.replaces is None:
            yield ticket.booked_at, "", None


def _first_capacity(history: History) -> int:
    entries = history.entries
    return int(entries[0]["capacity"]) if entries else history.event.capacity


def _at(entry: dict[str, Any]) -> float:
    from datetime import datetime  # noqa: PLC0415 -- used once a line, and named like what it makes

    return datetime.fromisoformat(entry["at"]).timestamp()


def longest_line(history: History) -> int:
    """Return how many people waited at most at the same time."""
    joined = [(place.created_at, 1) for place in history.places]
    left = [(_gone(place), -1) for place in history.places]
    return max(itertools.accumulate(step for _, step in sorted([*joined, *left])), default=0)


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
    "logins": of_logins,
    "left waiting": of_rest,
}


def main() -> int:
    """Check a file; print what was found; return 1 if anything was."""
    told = load(json.loads(Path(sys.argv[1]).read_text()))
    found = [f"{name}: {text}" for name, check in CHECKS.items() for text in check(told)]
    print("\n".join([*found[:SHOWN], f"Violations: {len(found)}."]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
