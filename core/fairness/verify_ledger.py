"""Verify a ledger: replay it, entry by entry, against the rules of docs/ledger-format.md.

Stands alone, so that nobody has to trust the project for it: Python 3.11 and its standard library. Whatever a file
holds ends as a problem with the number of its line, never as an exception; what is quoted from it is escaped, so that
no ledger writes "no rule broken" on a terminal by itself.

    python3 verify_ledger.py ledger.txt [--seal HEX --at SEQ]
"""

import argparse
import datetime as dt
import hashlib
import hmac
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from heapq import heappop, heappush
from reprlib import repr as quote
from typing import Any

MOST_PROBLEMS = 100  # whoever has read these knows; the others are counted
LARGEST = NEVER = NOT_DRAWN = 2**63 - 1  # no database counts further, and sums of such numbers can still be printed
EPOCH, MICROSECOND, MINUTE = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.timedelta(microseconds=1), 60_000_000
WAITING, HELD, ENDED = "waiting", "held", "ended"
KINDS = {  # the fields that each must have; "?": may be null
    "terms": "status capacity policy tiers opens? closes? starts commitment?",
    "join": "place person rank tier joined_at",
    "carried": "place person rank tier joined_at until",
    "tier": "place person tier",
    "opening": "",
    "draw": "place person draw",
    "hold": "place person until",
    "expiry": "place person",
    "release": "place person cause",
    "leave": "place person cause",
    "booking": "ticket person place? tier",
    "cancellation": "ticket person tier cause",
    "transfer": "ticket person tier to_ticket to_person",
    "pause": "reason",
    "resume": "reason",
    "extension": "minutes reason",
    "hold_extension": "place person minutes reason",
}
NO_TERMS = {"status": "published", "capacity": LARGEST, "policy": "", "opens": None, "closes": None, "starts": NEVER}
Entry = dict[str, Any]  # moments and minutes as microseconds, which cannot overflow; tiers as {tier: places}


@dataclass(frozen=True)
class Problem:
    """Something that is not as it should be; `line` counts from 1, the header."""

    line: int
    seq: int | None
    message: str

    def __str__(self) -> str:
        return f"line {self.line}{'' if self.seq is None else f', entry {self.seq}'}: {self.message}"


@dataclass
class Report:
    """What was found: `kinds` counts the entries by kind, `unlisted` the problems beyond MOST_PROBLEMS."""

    entries: int = 0
    problems: list[Problem] = field(default_factory=list)
    unlisted: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    seal: str | None = None

    def __str__(self) -> str:
        found = len(self.problems) + self.unlisted
        more = [f"and {self.unlisted} more"] if self.unlisted else []
        verdict = f"problems: {found}" if found else "chain whole, no rule broken"
        known = [f"  {kind}: {self.kinds[kind]}" for kind in KINDS if kind in self.kinds]
        unknown = [f"  {quote(kind)}: {n}, unknown, not checked" for kind, n in self.kinds.items() if kind not in KINDS]
        summary = [f"{self.entries} entries, {verdict}", *known, *unknown[:10], f"final seal: {self.seal}"]
        return "\n".join([*map(str, self.problems), *more, *summary])


class Malformed(Exception):
    """A line that cannot be read, in words."""


def _number(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= LARGEST else None  # True is an int, too


def _minutes(value: Any) -> int | None:
    return round(value * MINUTE) if type(value) in {int, float} and abs(value) <= LARGEST else None


def _moment(value: Any) -> int | None:
    try:
        return (dt.datetime.fromisoformat(value) - EPOCH) // MICROSECOND
    except (TypeError, ValueError):  # without an offset, a TypeError
        return None


def _tiers(value: Any) -> dict[int, int] | None:
    if not isinstance(value, list):
        return None
    tiers = sorted((_read(tier, "tier name places") for tier in value), key=lambda tier: tier["tier"], reverse=True)
    return {tier["tier"]: tier["places"] for tier in tiers}


def _matching(pattern: str) -> Callable[[Any], str | None]:
    matches = re.compile(pattern).fullmatch
    return lambda value: value if isinstance(value, str) and matches(value) else None


READERS: dict[str, Callable[[Any], Any]] = {  # of each field; their None says no
    name: reader
    for names, reader in {
        "event entries seq capacity booked place places ticket to_ticket tier draw drawn": _number,
        "at opens closes starts rank joined_at until": _moment,
        "minutes hold_minutes": _minutes,
        "tiers": _tiers,
        "name kind status cause reason": _matching("(?s).*"),
        "format": _matching("box-office-ledger-1"),
        "policy": _matching("login_fifo|randomised_open"),
        "person to_person": _matching("[0-9a-f]{20}"),
        "seal commitment seed frozen": _matching("[0-9a-f]{64}"),
    }.items()
    for name in names.split()
}


def _read(entry: Any, names: str) -> Entry:
    """Turn the named fields of a JSON object into what READERS make of them; raise Malformed at the first refused."""
    if not isinstance(entry, dict):
        raise Malformed(f"{quote(entry)} is no JSON object")
    for name, reader, may_be_null in _readers(names):
        if name not in entry:
            raise Malformed(f"the field {name} is missing")
        value = reader(entry[name])
        if value is None and not (may_be_null and entry[name] is None):
            raise Malformed(f"the field {name} cannot be {quote(entry[name])}")
        entry[name] = value
    return entry


@cache
def _readers(names: str) -> list[tuple[str, Callable[[Any], Any], bool]]:
    return [(name.rstrip("?"), READERS[name.rstrip("?")], name.endswith("?")) for name in names.split()]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise Malformed("a field stands there twice")
    return found


def _constant(name: str) -> None:
    raise Malformed(f"{name} is no number in JSON")


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def _parse(text: str, names: str) -> Entry:
    try:
        text.encode()  # fails where the file is not UTF-8
        return _read(DECODER.decode(text), names)
    except UnicodeError as error:
        raise Malformed("this is no text in UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise Malformed(f"this is no JSON in UTF-8 that can be read ({error})") from error


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(eq=False, slots=True)
class Place:
    """One entry of one person in the line. Its hold ends at `until`, and what holds were extended by since."""

    number: int
    person: str
    tier: int = 0
    rank: int = 0
    draw: int = NOT_DRAWN
    state: str = "unknown"
    until: int = NEVER


class Line:
    """Those who wait, and who is first: heaps, from which outdated turns are dropped when they come up."""

    EVERYBODY, BY_TIER = -1, -2

    def __init__(self) -> None:
        self.turns: dict[int, tuple[int, ...]] = {}  # by place
        self.undrawn: dict[int, str] = {}  # their people, by place
        self.heaps: defaultdict[int, list[tuple[int, ...]]] = defaultdict(list)  # two, and one for each tier
        self.shares: dict[int, int] = {}  # places by tier, the highest first
        self.taken: Counter[int] = Counter()  # holds and tickets by tier

    def add(self, place: Place) -> None:
        """Put a place in line, or elsewhere in line."""
        turn = self.turns[place.number] = (-place.tier, place.draw, place.rank, place.number)
        for heap, key in ((place.tier, turn), (self.BY_TIER, turn), (self.EVERYBODY, turn[1:])):
            heappush(self.heaps[heap], key)
        if place.draw == NOT_DRAWN:
            self.undrawn[place.number] = place.person

    def remove(self, place: Place) -> None:
        """Take a place out of the line, if it is there."""
        self.turns.pop(place.number, None)
        self.undrawn.pop(place.number, None)

    def first(self) -> int | None:
        """Return the place that is next, None when nobody waits."""
        for tier, places in self.shares.items():
            if self.taken[tier] < places and (first := self._head(tier)) is not None:
                return first
        return self._head(self.EVERYBODY if self.shares else self.BY_TIER)

    def _head(self, name: int) -> int | None:
        heap = self.heaps[name]
        while heap and self.turns.get(heap[0][-1], ())[-len(heap[0]) :] != heap[0]:
            heappop(heap)
        return heap[0][-1] if heap else None


class Ledger:
    """What a ledger says as far as it was read, and what is wrong with it; one method `_<kind>` for each of KINDS."""

    def __init__(self, noted: tuple[int, str] | None) -> None:
        self.report, self.noted = Report(), noted
        self.header: Entry = {}
        self.terms: Entry = NO_TERMS
        self.at_line, self.seq, self.last_seq = 0, None, 0
        self.line = Line()
        self.places: dict[int, Place] = {}
        self.live: dict[str, Place] = {}  # by person
        self.tickets: dict[int, tuple[str, int] | None] = {}  # person and tier; None once cancelled
        self.holders: set[str] = set()
        self.to_draw: dict[int, int] = {}  # numbers by place
        self.taken = self.excess = self.older = self.drawn = self.extended = 0
        self.paused = False
        self.is_promised = False  # a draw that is yet to come, and by which seed
        self.commitment: str | None = None
        self.seeds: set[str] = set()  # that were published
        self.begun: set[int] | None = None  # the tiers there were when the sale opened or a place was first given
        self.spent: dict[str, int] = {}  # by person, when a place or ticket of theirs ended last
        self.hold_minutes: int | None = None

    def read(self, text: str) -> None:
        """Check one more line."""
        self.at_line, self.seq = self.at_line + 1, None
        try:
            if self.at_line == 1:
                self._read_header(text)
            elif self.header:  # without one, this is some other file
                self._read_entry(text)
        except Malformed as malformed:
            self._blame(str(malformed))

    def close(self) -> Report:
        """Check what only the end can tell, and return what was found."""
        self._check_drawn()
        is_empty = self.at_line == 0
        self.at_line, self.seq = 1, None
        self._check(not is_empty, "the file is empty")
        if self.header:
            stated, last = self.header["entries"], self.last_seq
            self._check(stated == last, f"the header says that the last entry is {stated}, but it is {last}")
            self._check(self.header["seal"] == self.report.seal, "the header's seal is not that of the last entry")
        if self.noted:
            self._blame(f"there is no entry {self.noted[0]}, whose seal was noted")
        return self.report

    def _check(self, is_right: bool, message: str) -> None:
        if not is_right:
            self._blame(message)

    def _blame(self, message: str) -> None:
        if len(self.report.problems) < MOST_PROBLEMS:
            self.report.problems.append(Problem(self.at_line, self.seq, message))
        else:
            self.report.unlisted += 1

    def _read_header(self, text: str) -> None:
        self.header = _parse(text, "format event name entries seal")
        self.report.seal = _sha256(f"ledger of event {self.header['event']}")
        self._compare_with_noted()

    def _read_entry(self, text: str) -> None:
        self.report.entries, expected = self.report.entries + 1, self.last_seq + 1
        seal, _, body = text.partition(" ")
        before, self.report.seal, self.last_seq = self.report.seal, READERS["seal"](seal), expected
        entry = _parse(body, "seq")
        self.seq = self.last_seq = entry["seq"]
        self._check(self.seq == expected, f"entry {expected} should stand here")
        fits = before is None or self.report.seal == _sha256(before + body)
        self._check(fits, "the seal does not fit: this entry, or what stood before it, was changed")
        self._compare_with_noted()
        self._apply(_read(entry, "at kind"))

    def _compare_with_noted(self) -> None:
        if self.noted and self.noted[0] == self.last_seq:
            is_same = self.noted[1] == self.report.seal
            doubt = "its past was rewritten, or the note is of another entry"
            self._check(is_same, f"the seal of entry {self.last_seq} is not the one noted: {doubt}")
            self.noted = None

    def _apply(self, entry: Entry) -> None:
        kind = entry["kind"]
        self._check(kind == "terms" or self.report.entries > 1, "the first entry is not the terms")
        if kind != "draw":
            self._check_drawn()
        self.report.kinds[kind] += 1
        if kind in KINDS:
            getattr(self, f"_{kind}")(_read(entry, KINDS[kind]))
        excess = max(0, self.taken - self.terms["capacity"])
        if excess > self.excess:
            capacity = self.terms["capacity"]
            self._blame(f"oversold: {self.taken} places are booked or held, the capacity is {capacity}")
        self.excess = excess

    def _check_drawn(self) -> None:
        if self.to_draw:
            place = min(self.to_draw, key=self.to_draw.__getitem__)
            self._blame(f"{len(self.to_draw)} of those frozen at the opening were not drawn, first place {place}")
            self.to_draw = {}

    def _begin(self) -> None:
        if self.begun is None:
            self.begun = set(self.terms.get("tiers", ()))

    def _check_window(self, at: int) -> None:
        self._begin()
        terms = self.terms
        self._check(not self.is_promised, "a place was given before the draw that was promised")
        self._check(not self.paused, "a place was given while staff had paused serving")
        self._check(terms["status"] == "published", "a place was given while the event was not published")
        self._check(terms["opens"] is None or terms["opens"] <= at, "a place was given before the sale opened")
        self._check(terms["closes"] is None or at < terms["closes"], "a place was given after the sale had closed")
        self._check(at < terms["starts"], "a place was given after the event had started")

    def _place(self, entry: Entry, *states: str) -> Place:
        number, person = entry["place"], entry["person"]
        place = self.places.get(number) or self.places.setdefault(number, Place(number, person, entry.get("tier", 0)))
        if place.state not in states:
            self._blame(f"place {number} is {place.state}, not {' or '.join(states)}")
        if place.person != person:
            self._blame(f"place {number} is not of person {person}")
        return place

    def _end(self, place: Place, at: int) -> None:
        self._move(place, ENDED)
        self._spend(place.person, at)

    def _spend(self, person: str, at: int) -> None:
        self.spent[person] = max(at, self.spent.get(person, at))

    def _move(self, place: Place, state: str) -> None:
        self._take(place.tier, (state == HELD) - (place.state == HELD))
        place.state = state
        if state == WAITING:
            self.line.add(place)
        else:
            self.line.remove(place)
        if state != ENDED:
            self.live[place.person] = place
        elif self.live.get(place.person) is place:
            del self.live[place.person]

    def _take(self, tier: int, places: int) -> None:
        self.taken += places
        self.line.taken[tier] += places

    def _terms(self, entry: Entry) -> None:
        if self.report.entries == 1:
            self.older = _read(entry, "booked")["booked"]
            self._take(0, self.older)  # of ordinary people: nobody else was served first by then
        self.hold_minutes = _read(entry, "hold_minutes")["hold_minutes"] if "hold_minutes" in entry else None
        before, self.terms, self.line.shares = self.terms, entry, entry["tiers"]
        if entry["status"] == "draft":  # which nobody sees, so nothing of it is promised or begun
            self._check(not self.live and not self.taken, "hidden as a draft, though people have places")
            self.is_promised, self.begun = False, None
            return
        if self.begun is not None:
            is_kept = entry["policy"] in {"login_fifo", before["policy"]}
            self._check(is_kept, "the line is to be drawn, after the sale had opened")
            self._check(entry["tiers"].keys() <= self.begun | {0}, "a tier was added after the sale had opened")
        if entry["at"] < (entry["opens"] or 0):
            commitment = entry["commitment"]
            is_kept = commitment is None or self.commitment in {None, commitment}
            self._check(is_kept, "the commitment to the seed was changed before the draw")
            self.is_promised, self.commitment = commitment is not None, commitment or self.commitment

    def _join(self, entry: Entry) -> None:
        number, person = entry["place"], entry["person"]
        if number in self.places:
            self._blame(f"place {number} joined before")
            return
        if person in self.live:
            self._blame(f"person {person} joins, and their place {self.live[person].number} has not ended")
        is_spent = entry["rank"] < self.spent.get(person, entry["rank"])
        self._check(not is_spent, f"place {number} has the rank of a login that a former place has spent")
        self.places[number] = place = Place(number, person, entry["tier"], entry["rank"])
        self._move(place, WAITING)

    def _carried(self, entry: Entry) -> None:
        is_beginning = self.report.entries == 1 + self.report.kinds["carried"]
        self._check(is_beginning, f"place {entry['place']} is held from before the ledger, which has begun long ago")
        self._join(entry)
        self._move(place := self._place(entry, WAITING), HELD)
        place.until = entry["until"]
        self._begin()

    def _tier(self, entry: Entry) -> None:
        place = self._place(entry, WAITING)
        is_early = self.begun is None and entry["at"] < (self.terms["opens"] or 0)
        self._check(is_early, f"the tier of place {place.number} was changed after the sale had opened")
        place.tier = entry["tier"]
        self._move(place, WAITING)

    def _opening(self, entry: Entry) -> None:
        self._check((self.terms["opens"] or 0) <= entry["at"], "the sale opened before its time")
        self._begin()
        if self.terms["policy"] != "randomised_open":
            return
        _read(entry, "seed frozen drawn")
        self._check(entry["seed"] not in self.seeds, "the seed was published at an earlier opening")
        self.seeds.add(entry["seed"])
        self._check(self.is_promised, "the seed was told with the draw, and not promised before")
        self.is_promised, self.commitment = False, None
        key, people, self.line.undrawn = bytes.fromhex(entry["seed"]), self.line.undrawn, {}
        frozen = _sha256("\n".join(sorted(people.values())))
        scores = {place: hmac.digest(key, (frozen + person).encode(), "sha256") for place, person in people.items()}
        self.to_draw = {place: n for n, place in enumerate(sorted(people, key=scores.__getitem__), self.drawn + 1)}
        self.drawn += len(people)
        is_committed = hashlib.sha256(key).hexdigest() == self.terms["commitment"]
        self._check(is_committed, "the seed is not the one that the terms committed to")
        self._check(entry["frozen"] == frozen, "frozen is not the hash of those who wait undrawn")
        self._check(entry["drawn"] == len(people), f"{entry['drawn']} are to be drawn, but {len(people)} wait undrawn")

    def _draw(self, entry: Entry) -> None:
        place = self._place(entry, WAITING)
        due = self.to_draw.pop(place.number, None)
        self._check(due is not None, f"place {place.number} was not to be drawn, or not again")
        self._check(due in {None, entry["draw"]}, f"place {place.number} has number {due} by the seed")
        place.draw = entry["draw"]
        self._move(place, place.state)

    def _hold(self, entry: Entry) -> None:
        self._check_window(entry["at"])
        first, place = self.line.first(), self._place(entry, WAITING)
        is_first = place.state != WAITING or place.number == first
        self._check(is_first, f"place {place.number} is held, and so overtakes place {first}, which is first in line")
        self._check(place.person not in self.holders, f"person {place.person} has a ticket, and is held another")
        lasts, promised = entry["until"] - entry["at"], self.hold_minutes
        self._check(lasts > 0, f"the hold of place {place.number} is over before it begins")
        is_as_long = promised is None or abs(lasts - promised) <= 1  # of microseconds, one may be rounded
        self._check(is_as_long, f"the hold of place {place.number} is not as long as the terms say")
        self._move(place, HELD)
        place.until = entry["until"] - self.extended

    def _expiry(self, entry: Entry) -> None:
        place = self._place(entry, HELD)
        is_over = place.state != HELD or place.until + self.extended <= entry["at"]
        self._check(is_over, f"the hold of place {place.number} expired before its end")
        self._end(place, min(entry["at"], place.until + self.extended))

    def _release(self, entry: Entry) -> None:
        self._end(self._place(entry, HELD), entry["at"])

    def _leave(self, entry: Entry) -> None:
        self._end(self._place(entry, WAITING), entry["at"])

    def _booking(self, entry: Entry) -> None:
        number, person, tier = entry["ticket"], entry["person"], entry["tier"]
        self._check(number not in self.tickets, f"ticket {number} was issued before")
        self._check(person not in self.holders, f"person {person} has a valid ticket")
        if entry["place"] is None:
            self._check_direct_booking(entry)
        else:
            self._book_hold(entry)
        self.tickets[number] = (person, tier)
        self.holders.add(person)
        self._take(tier, 1)

    def _check_direct_booking(self, entry: Entry) -> None:
        self._check_window(entry["at"])
        own = self.live.get(entry["person"])
        others = len(self.line.turns) - (own is not None and own.state == WAITING)
        self._check(
            others == 0, f"booked directly, and so overtakes {others} who wait, first place {self.line.first()}"
        )

    def _book_hold(self, entry: Entry) -> None:
        place = self._place(entry, HELD)
        is_live = place.state != HELD or entry["at"] < place.until + self.extended
        self._check(is_live, f"place {place.number} is booked after its hold ended")
        self._check(place.tier == entry["tier"], f"place {place.number} is of tier {place.tier}, its ticket is not")
        self._end(place, entry["at"])

    def _cancellation(self, entry: Entry) -> None:
        self._spend(entry["person"], entry["at"])
        self._end_ticket(entry, "cancel")

    def _transfer(self, entry: Entry) -> None:
        number, giver, person, tier = entry["to_ticket"], entry["person"], entry["to_person"], entry["tier"]
        self._check(self.terms["status"] == "published", "a ticket was transferred while the event was not published")
        if person != giver:  # a new code for the same person changes nothing about them
            self._spend(giver, entry["at"])
            self._check(entry["at"] < self.terms["starts"], "a ticket changed hands after the event had started")
        self._end_ticket(entry, "transfer")
        self._check(number not in self.tickets, f"ticket {number} was issued before")
        self._check(person not in self.holders, f"person {person} has a valid ticket, and is given another")
        if person in self.live:
            self._blame(f"person {person} is given a ticket, and their place {self.live[person].number} has not ended")
        self.tickets[number] = (person, tier)
        self.holders.add(person)
        self._take(tier, 1)

    def _end_ticket(self, entry: Entry, verb: str) -> None:
        number, ticket = entry["ticket"], (entry["person"], entry["tier"])
        if number not in self.tickets and self.older:
            self.older -= 1
            self._take(0, -1)
        elif self.tickets.get(number) == ticket:
            self.holders.discard(entry["person"])
            self._take(entry["tier"], -1)
        else:
            self._blame(f"there is no valid ticket {number} of this person and tier to {verb}")
        self.tickets[number] = None

    def _pause(self, _: Entry) -> None:
        self.paused = True

    def _resume(self, _: Entry) -> None:
        self.paused = False

    def _extension(self, entry: Entry) -> None:
        self.extended += entry["minutes"]

    def _hold_extension(self, entry: Entry) -> None:
        place = self._place(entry, HELD)
        is_live = place.state != HELD or entry["at"] < place.until + self.extended
        self._check(is_live, f"place {place.number} is extended after its hold ended")
        place.until += entry["minutes"]


def verify(lines: Iterable[str], *, noted: tuple[int, str] | None = None) -> Report:
    """Check the lines of a ledger file; with `noted`, also that this entry (by number) has this seal."""
    ledger = Ledger(noted)
    for line in lines:
        ledger.read(line.rstrip("\r\n"))
    return ledger.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Verify a ledger of the box office.")
    parser.add_argument("ledger", nargs="?", default="-", help="its file; - or nothing: standard input")
    parser.add_argument("--seal", metavar="HEX", help="a seal that was noted earlier")
    parser.add_argument("--at", metavar="SEQ", type=int, help="the number of the entry whose seal it was")
    options = parser.parse_args()
    if (options.seal is None) != (options.at is None):
        parser.error("--seal and --at go together")
    if options.seal is not None and not (READERS["seal"](options.seal) and options.at >= 0):
        parser.error("--seal is 64 hexadecimal digits in small letters, --at a number from 0")
    return options


def main() -> int:
    """Verify the ledger that the command line names; return 0, 1 if there are problems, 2 if it cannot be read."""
    options = _options()
    source = 0 if options.ledger == "-" else options.ledger
    try:
        with open(source, encoding="utf-8", errors="surrogateescape", newline="\n", closefd=source != 0) as lines:
            report = verify(lines, noted=options.seal and (options.at, options.seal))
    except OSError as error:
        sys.stderr.write(f"{options.ledger} cannot be read: {error.strerror}.\n")
        return 2
    sys.stdout.write(f"{report}\n".encode("ascii", "backslashreplace").decode())
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
