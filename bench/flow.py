"""Places over time: what freed each, and who was given one next, whether there was one to give, and how soon.

And whether the ledger has each of these steps.
"""

import itertools
from collections import Counter, defaultdict, deque
from collections.abc import Iterator

from bench.evidence import History, Place, moment_of

BEFORE = "already free"
ENDS = {"expired": "expiry", "released": "release", "left": "leave"}
STEPS = {"hold", *ENDS.values(), "booking", "transfer", "cancellation"}
Step = tuple[float, str, Place | None]  # when a place was freed, and by what; or given or taken away (""), and to whom


def latencies(history: History) -> dict[str, list[float]]:
    """Return `{what freed it: seconds until the next hold was committed}` of each place that somebody waited for.

    The place that was free for longest is taken to be the one that is given. Time in which nobody waited, the sale had
    not opened, or staff had paused serving, does not count.
    """
    began = [moment_of(entry) for entry in history.entries if entry["kind"] in {"opening", "resume"}]
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
                yield moment_of(entry), "capacity" if more > 0 else "", None
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


def of_entries(history: History) -> list[str]:
    """Compare the steps of places and tickets with the ledger's entries of them: one for each, and no other (I12).

    What was entered stays as it was, says the chain of seals; that nothing was left out before it was sealed, this.
    """
    steps = [entry for entry in history.entries if entry["kind"] in STEPS]
    entered = Counter((str(entry["kind"]), int(entry.get("ticket") or entry.get("place") or 0)) for entry in steps)
    done = Counter(_to_be_entered(history))
    wrong = [f"no entry says that there was a {kind} of {number}" for kind, number in (done - entered).elements()]
    return wrong + [f"an entry of a {kind} of {number} is too many" for kind, number in (entered - done).elements()]


def _to_be_entered(history: History) -> Iterator[tuple[str, int]]:
    carried = {entry["place"] for entry in history.entries if entry["kind"] == "carried"}  # held before it began
    for place in history.places:
        if place.held_at is not None and place.pk not in carried:
            yield "hold", place.pk
        if place.status in ENDS:
            yield ENDS[place.status], place.pk
    given_on = {ticket.replaces for ticket in history.tickets}
    for ticket in history.tickets:
        if ticket.replaces is None:
            yield "booking", ticket.pk
        if ticket.pk in given_on:
            yield "transfer", ticket.pk
        elif ticket.cancelled_at is not None:
            yield "cancellation", ticket.pk


def longest_line(history: History) -> int:
    """Return how many people waited at most at the same time."""
    joined = [(place.created_at, 1) for place in history.places]
    left = [(place.gone, -1) for place in history.places]
    return max(itertools.accumulate(step for _, step in sorted([*joined, *left])), default=0)
