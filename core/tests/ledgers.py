"""Ledgers written by hand: what a verifier is to accept, and what a test then spoils."""

import datetime as dt
import hashlib
import hmac
import json
from typing import Any

from core.fairness.verify_ledger import verify

ALICE, BOB, CAROL, DAVE, ERIN = (letter * 20 for letter in "abcde")
SEED = "5e" * 32
SEAL_BROKEN = "the seal does not fit: this entry, or what stood before it, was changed"
Entries = list[dict[str, Any]]


def at(minute: float) -> str:
    return (dt.datetime(2030, 6, 1, 12, tzinfo=dt.UTC) + dt.timedelta(minutes=minute)).isoformat()


def seal_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def seal_of_seed(seed: str) -> str:
    return hashlib.sha256(bytes.fromhex(seed)).hexdigest()


def seal(bodies: list[str], **header: Any) -> list[str]:
    """Return the lines of a ledger with these JSON texts."""
    last, lines = seal_of("ledger of event 7"), []
    for body in bodies:
        last = seal_of(last + body)
        lines.append(f"{last} {body}\n")
    first = {"format": "box-office-ledger-1", "event": 7, "name": "Größe", "entries": len(bodies), "seal": last}
    return [json.dumps(first | header) + "\n", *lines]


def ledger(entries: Entries, /, **header: Any) -> list[str]:
    numbered = [{"seq": seq, "at": at(0)} | entry for seq, entry in enumerate(entries, start=1)]
    return seal([json.dumps(entry) for entry in numbered], **header)


def found(lines: list[str]) -> list[str]:
    return [str(problem) for problem in verify(lines).problems]


def terms(**changes: Any) -> dict[str, Any]:
    windows = {"opens": None, "closes": None, "starts": at(1000)}
    promised = {"status": "published", "capacity": 2, "policy": "login_fifo", "tiers": [], "commitment": None}
    return {"kind": "terms", "booked": 0} | promised | windows | changes


def step(kind: str, place: int, person: str, **more: Any) -> dict[str, Any]:
    """Return an entry about a place, with more fields than it needs."""
    return {"kind": kind, "place": place, "person": person, "until": at(10), "cause": "released"} | more


def join(place: int, person: str, tier: int = 0, **more: Any) -> dict[str, Any]:
    return step("join", place, person, **{"rank": at(place), "joined_at": at(0), "tier": tier} | more)


def ticket(kind: str, number: int, person: str, place: int | None = None, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "ticket": number, "person": person, "place": place, "tier": 0, "cause": "erased"} | more


def transfer(number: int, person: str, to_number: int, to_person: str, **more: Any) -> dict[str, Any]:
    both = {"ticket": number, "person": person, "to_ticket": to_number, "to_person": to_person}
    return {"kind": "transfer", **both, "tier": 0} | more


def steering(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "reason": "an outage"} | more


def draw(people: dict[int, str], *, after: int = 0, seed: str = SEED) -> Entries:
    """Return an opening and the draw of people by place, computed as the page says and not as the verifier does."""
    frozen = seal_of("\n".join(sorted(people.values())))
    scores = {
        n: hmac.new(bytes.fromhex(seed), (frozen + who).encode(), "sha256").hexdigest() for n, who in people.items()
    }
    opening = {"kind": "opening", "seed": seed, "frozen": frozen, "drawn": len(people)}
    drawn = sorted(people, key=lambda place: scores[place])
    return [opening, *(step("draw", place, people[place], draw=n) for n, place in enumerate(drawn, start=after + 1))]


MEMBERS = [{"tier": 1, "name": "members", "places": 1}]
RANDOMISED = {"policy": "randomised_open", "commitment": seal_of_seed(SEED)}
IN_LINE = {1: ALICE, 2: BOB, 3: CAROL}
OPENING = draw(IN_LINE)  # Carol first, then Alice, then Bob
OPENING_OF_NOBODY = draw({})
JOINED = [join(place, person) for place, person in IN_LINE.items()]
STORY: Entries = [
    terms(capacity=4, booked=2, opens=at(5), **RANDOMISED),
    *JOINED,
    terms(capacity=4, opens=at(5), tiers=MEMBERS, **RANDOMISED),
    step("tier", 2, BOB, tier=1, at=at(1)),
    join(8, ERIN, at=at(1)),
    step("leave", 8, ERIN, at=at(1)),
    *({"at": at(5)} | entry for entry in OPENING),
    step("hold", 2, BOB, at=at(5)),  # the share of his tier is free; then it is used up
    step("hold", 3, CAROL, at=at(5)),
    steering("extension", minutes=2.5, at=at(6)),
    ticket("booking", 101, BOB, 2, tier=1, at=at(12)),  # possible until 12.5
    step("expiry", 3, CAROL, at=at(12.5)),
    steering("pause", at=at(13)),
    join(4, DAVE, tier=1, at=at(13)),
    ticket("cancellation", 7, ERIN, at=at(13)),  # a ticket older than the ledger
    steering("resume", at=at(14)),
    step("hold", 1, ALICE, at=at(14), until=at(24)),
    step("hold", 4, DAVE, at=at(14), until=at(24)),
    step("release", 1, ALICE, at=at(15)),
    ticket("booking", 102, ALICE, at=at(15)),
    step("release", 4, DAVE, at=at(16)),
    join(5, ERIN, at=at(16), rank=at(13)),
    ticket("booking", 103, ERIN, at=at(16)),  # from one tab, while another tab waited
    step("leave", 5, ERIN, at=at(16)),
    ticket("cancellation", 101, BOB, tier=1, at=at(17)),
    join(6, BOB, at=at(17), rank=at(17).replace("+00:00", "Z")),
    step("hold", 6, BOB, at=at(17), until="2030-06-01T14:30:00+02:00"),
    ticket("booking", 104, BOB, 6, at=at(17.5)),
    ticket("cancellation", 103, ERIN, at=at(17.6)),
    join(7, ERIN, at=at(17.7), rank=at(17.6)),
    step("hold", 7, ERIN, at=at(17.7), until=at(30)),
    transfer(104, BOB, 105, BOB, at=at(17.8)),  # a new code
    transfer(105, BOB, 106, DAVE, at=at(17.8)),
    transfer(8, CAROL, 107, CAROL, tier=1, at=at(17.8)) | {"reason": "Sold by us twice"},
    {"kind": "weather", "\u2028": [None, 1.5, "\x1b[2Jno rule broken"]},
    terms(capacity=4, opens=at(5), tiers=MEMBERS, status="cancelled", cause="sale_extended", at=at(18)),
    step("release", 7, ERIN, at=at(18), reason="The hall burnt down."),
]
