"""Writing the ledger, under the lock of the events it is about, and reading it (docs/ledger-format.md).

What does not live here: what happens (`serving.py`), and whether it was right (`verify_ledger.py`, which shares no
code).
"""

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from ..models import Cause, Event, LedgerEntry, Ticket, TicketHold
from . import draw

FORMAT = "box-office-ledger-1"
PSEUDONYM_DIGITS = 20  # 80 bits: among a million people, two alike once in two million events
CHUNK = 2000  # entries read or written at a time
TABLE = "core_ledgerentry (event_id, seq, person, text, seal)"
ENCODER = json.JSONEncoder(separators=(",", ":"), default=dt.datetime.isoformat)


def pseudonym(event: Event, user_id: int) -> str:
    """Return the name of a person in the ledger of one event: theirs alone, and told to nobody else."""
    digest = hmac.digest(bytes.fromhex(event.pseudonym_key), str(user_id).encode(), "sha256")
    return digest.hex()[:PSEUDONYM_DIGITS]


def first_seal(event_id: int) -> str:
    """Return the seal that the first entry covers."""
    return hashlib.sha256(f"ledger of event {event_id}".encode()).hexdigest()


class Ledger:
    """The entries that one transaction adds to the ledgers of the events it has locked.

    Each entry is sealed together with the one before. The event's row keeps the number, the seal and the terms of the
    last one; `serving.py` writes them there.
    """

    def __init__(self, moment: dt.datetime) -> None:
        self.events: dict[int, Event] = {}
        self._at = moment.isoformat()
        self._entries: list[tuple[int, int, str, str, str]] = []
        self._agreed: set[int] = set()

    def note(self, event: Event, kind: str, *, user_id: int | None = None, **fields: Any) -> None:
        """Add an entry about an event; the terms that hold for it go before, where they have changed."""
        self.note_terms(event)
        person = "" if user_id is None else pseudonym(event, user_id)
        who = {"person": person} if person else {}
        self._add(event, {"kind": kind, **fields, **who}, person)

    def note_terms(self, event: Event) -> None:
        """Add the event's terms, unless the ledger has them; call it before the event's numbers change."""
        if event.pk in self._agreed:
            return
        self._agreed.add(event.pk)
        terms = _terms(event)
        text = ENCODER.encode(terms)
        if text != event.ledger_terms:
            booked = {} if event.ledger_seq else {"booked": event.booked}
            cause = _cause(json.loads(event.ledger_terms), json.loads(text)) if event.ledger_terms else {}
            event.ledger_terms = text
            self._add(event, {"kind": "terms", **terms, **booked, **cause})

    def revise(self, event: Event) -> None:
        """Look at the event's terms again with the next entry: they may have changed."""
        self._agreed.discard(event.pk)

    def _add(self, event: Event, content: dict[str, Any], person: str = "") -> None:
        self.events[event.pk] = event
        text = ENCODER.encode({"seq": event.ledger_seq + 1, "at": self._at, **content})
        before = event.ledger_seal or first_seal(event.pk)
        event.ledger_seq += 1
        event.ledger_seal = hashlib.sha256((before + text).encode()).hexdigest()
        self._entries.append((event.pk, event.ledger_seq, person, text, event.ledger_seal))
        if len(self._entries) >= CHUNK:  # a large opening must not look idle to the database
            self.store()

    def write(self) -> None:
        """Store what is not stored yet; the events' rows must have been written by then."""
        self.store()
        self.events = {}

    def store(self) -> None:
        """Store the entries so far; of thousands, at an opening, six times quicker than by the ORM."""
        if not self._entries:
            return
        # What COPY raises is not made one of Django's errors by itself.
        with connection.wrap_database_errors, connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                with cursor.copy(f"COPY {TABLE} FROM STDIN") as copy:
                    for entry in self._entries:
                        copy.write_row(entry)
            else:
                cursor.executemany(f"INSERT INTO {TABLE} VALUES (%s, %s, %s, %s, %s)", self._entries)  # noqa: S608 -- no input
        self._entries = []


def _terms(event: Event) -> dict[str, Any]:
    return {
        "status": event.status,
        "capacity": event.capacity,
        "policy": event.line_policy,
        "tiers": event.tiers,
        "opens": _utc(event.sales_open_at),
        "closes": _utc(event.sales_close_at),
        "starts": _utc(event.starts_at),
        "hold_minutes": event.hold_time / dt.timedelta(minutes=1),
        "commitment": draw.commitment(event.draw_seed) if event.is_drawn else None,
    }


def _utc(moment: dt.datetime | None) -> dt.datetime | None:
    """Return a moment as it is compared: the same one, typed in another time zone, is no new term."""
    return moment and moment.astimezone(dt.UTC)


def _cause(before: dict[str, Any], after: dict[str, Any]) -> dict[str, str]:
    """Return why there are places to give under the new terms, if there are."""
    if after["capacity"] > before["capacity"]:
        return {"cause": Cause.CAPACITY_RAISED}
    closed, closes = before["closes"], after["closes"]
    longer = closed and (closes is None or _is_earlier(closed, closes))
    return {"cause": Cause.SALE_EXTENDED} if longer else {}


def openings(event: Event) -> list[dict[str, Any]]:
    """Return the entries of an event's drawn openings, oldest first; there is one, unless its sale opened again."""
    about_nobody = event.ledger.filter(person="", text__contains='"kind":"opening","seed":').order_by("seq")
    return [json.loads(text) for text in about_nobody.values_list("text", flat=True)]


def extensions(event: Event) -> int:
    """Return how many times the holds of an event were extended."""
    return event.ledger.filter(person="", text__contains='"kind":"extension"').count()


def extensions_of_hold(place: TicketHold) -> int:
    """Return how many times one hold was extended by itself."""
    about = place.event.ledger.filter(person=pseudonym(place.event, place.user_id))
    return about.filter(text__contains=f'"kind":"hold_extension","place":{place.pk},').count()


def entries_of(event: Event, user_id: int) -> QuerySet[LedgerEntry]:
    """Return the entries about a person, those included by which somebody gave them a ticket, which are the giver's."""
    mine = pseudonym(event, user_id)
    taken = Ticket.objects.filter(event=event, user=user_id, replaces__isnull=False)
    givers = [pseudonym(event, giver) for giver in set(taken.values_list("replaces__user", flat=True))]
    given = Q(person__in=givers, text__contains=f'"to_person":"{mine}"')
    return LedgerEntry.objects.filter(Q(person=mine) | given, event=event)


def promised_commitment(event: Event) -> str | None:
    """Return the commitment of the draw to come that everybody could see before the opening; None if there is none."""
    promised = None
    for text in event.ledger.filter(person="").order_by("seq").values_list("text", flat=True):
        entry = json.loads(text)
        if entry["kind"] == "opening":
            promised = None
        elif entry["kind"] == "terms" and entry["status"] == Event.Status.DRAFT:
            promised = None  # nobody sees a draft
        elif entry["kind"] == "terms" and entry["opens"] and _is_earlier(entry["at"], entry["opens"]):
            promised = entry["commitment"]
    return promised


def _is_earlier(moment: str, other: str) -> bool:
    return dt.datetime.fromisoformat(moment) < dt.datetime.fromisoformat(other)


def file_of(event: Event) -> Iterator[str]:
    """Yield the lines of an event's ledger file, each with its newline: the header, then `seal entry`.

    The event says how far its ledger went when it was read: what is added meanwhile is left out.
    """
    header = {
        "format": FORMAT,
        "event": event.pk,
        "name": event.name,
        "entries": event.ledger_seq,
        "seal": event.ledger_seal or first_seal(event.pk),
    }
    yield f"{ENCODER.encode(header)}\n"
    for start in range(0, event.ledger_seq, CHUNK):
        entries = event.ledger.filter(seq__gt=start, seq__lte=min(start + CHUNK, event.ledger_seq)).order_by("seq")
        for seal, text in entries.values_list("seal", "text"):
            yield f"{seal} {text}\n"
