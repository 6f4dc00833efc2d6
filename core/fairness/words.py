"""The ledger in words: every entry as one plain sentence."""

import datetime as dt
import json
import zoneinfo
from dataclasses import dataclass
from typing import Any

from django.utils.formats import date_format

from ..models import Cause, Event, LedgerEntry
from ..templatetags.words import minutes

SENTENCES = {  # about a person, they go on after the pseudonym
    "join": "joined the line{group}, ranked by {rank} ({place}).",
    "carried": "is held a ticket until {until}{group} (place {place}), since before this ledger began.",
    "tier": "goes on in line{group}: the declared tiers changed ({place}).",
    "opening": "The sale opened.",
    "opening with draw": "The sale opened, the seed of the draw was published, and {drawn} who waited were drawn.",
    "draw": "was drawn as number {draw} ({place}).",
    "hold": "is held a ticket until {until} ({place}).",
    "expiry": "did not book in time, so that the hold ended ({place}).",
    "release": "is no longer held a ticket: {why} ({place}).",
    "leave": "left the line: {why} ({place}).",
    "booking": "booked ticket no. {ticket}{group}, which was held ({place}).",
    "direct booking": "booked ticket no. {ticket}{group} directly: a place was free, and nobody waited.",
    "cancellation": "no longer has ticket no. {ticket}: {why}.",
    "transfer": "gave ticket no. {ticket}{group} to {to_person}, who has ticket no. {to_ticket} for it.",
    "new code": "was given a new code: ticket no. {to_ticket}{group} for ticket no. {ticket}.",
    "pause": "Staff paused serving.",
    "resume": "Staff resumed serving.",
    "extension": "Staff moved the end of every hold by {minutes:g} minutes.",
    "hold_extension": "is held the ticket for {minutes:g} minutes longer: staff moved the end of this hold ({place}).",
}
CAUSES: dict[str, str] = {
    Cause.RELEASED: "they gave it up",
    Cause.LOGGED_OUT: "they signed out",
    Cause.ABSENT: "they were not seen for a day",
    Cause.CANCELLED_BY_OWNER: "they gave it back",
    Cause.CANCELLED_BY_STAFF: "staff cancelled it",
    Cause.REMOVED_BY_STAFF: "staff removed it",
    Cause.DEACTIVATED: "their account was deactivated",
    Cause.ERASED: "their account was erased",
    Cause.BOOKED_ELSEWHERE: "they have a ticket",
    Cause.GIVEN_A_TICKET: "somebody gave them a ticket",
    Cause.EVENT_OVER: "the event started",
    Cause.EVENT_CANCELLED: "the event was cancelled",
}
CAUSES_OF_TERMS: dict[str, str] = {
    Cause.CAPACITY_RAISED: "The capacity was raised. ",
    Cause.SALE_EXTENDED: "The sale was extended. ",
}
DAY = "D j M Y"
Fields = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """An entry as people read it; where it is about a person, the sentence goes on after the pseudonym.

    `to_person` is whoever was given a ticket.
    """

    seq: int
    at: str
    person: str
    sentence: str
    seal: str
    to_person: str = ""


def tell(entry: LedgerEntry, event: Event) -> Told:
    """Return an entry in words, its moments in the event's time zone.

    What cannot be told, of a later version or not written by us, must not hide the rest of the page.
    """
    fields, at = {}, ""
    try:
        fields = json.loads(entry.text)
        at = _moment(fields["at"], event)
        sentence = _terms(fields, event) if fields["kind"] == "terms" else _sentence(fields, event)
    except (ValueError, TypeError, LookupError):
        sentence = "– this entry has no words here. It stands in the file."
    return Told(entry.seq, at, entry.person, sentence, entry.seal, _to_person(fields))


def _to_person(fields: Any) -> str:
    person = fields.get("to_person") if isinstance(fields, dict) else None
    return person if isinstance(person, str) else ""


def _local(text: str, event: Event) -> dt.datetime:
    return dt.datetime.fromisoformat(text).astimezone(zoneinfo.ZoneInfo(event.zone))


def _moment(text: str, event: Event, time: str = "H:i:s") -> str:
    return date_format(_local(text, event), f"{DAY}, {time}")


def _time(name: str, fields: Fields, event: Event, time: str = "H:i:s") -> str:
    """Return a moment of an entry; on the entry's own day without the day, empty if the entry has none."""
    if name not in fields:
        return ""
    same_day = _local(fields[name], event).date() == _local(fields["at"], event).date()
    return date_format(_local(fields[name], event), time if same_day else f"{DAY}, {time}")


def _sentence(fields: Fields, event: Event) -> str:
    kind: str = fields["kind"]
    if kind == "opening" and "seed" in fields:
        kind = "opening with draw"
    elif kind == "booking" and fields["place"] is None:
        kind = "direct booking"
    elif kind == "transfer" and fields["person"] == fields["to_person"]:
        kind = "new code"
    words = {
        "place": f"place no. {fields.get('place')}",
        "drawn": _count(fields.get("drawn", 0), "person", "people"),
        "rank": _time("rank", fields, event, "H:i:s.u"),
        "until": _time("until", fields, event),
        "group": _group(fields.get("tier"), event),
        "why": CAUSES.get(fields.get("cause", ""), fields.get("cause", "")),
    }
    remark = f" Their reason: “{fields['reason']}”" if fields.get("reason") else ""
    return SENTENCES[kind].format_map(fields | words) + remark


def _group(tier: int | None, event: Event) -> str:
    if not tier:
        return ""
    names = {declared["tier"]: declared["name"] for declared in event.tiers}
    return f" in tier {tier} ({names[tier]})" if tier in names else f" in tier {tier}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _terms(fields: Fields, event: Event) -> str:
    opens, closes, tiers = fields["opens"], fields["closes"], fields["tiers"]
    terms = [
        _count(fields["capacity"], "place", "places"),
        Event.LinePolicy(fields["policy"]).label,
        f"the event starts {_moment(fields['starts'], event)}",
        f"the sale opens {_moment(opens, event)}" if opens else "",
        f"the sale closes {_moment(closes, event)}" if closes else "",
        *(f"{tier['name']} are served first for up to {tier['places']}" for tier in tiers),
        f"a hold lasts {minutes(dt.timedelta(minutes=fields['hold_minutes']))}" if "hold_minutes" in fields else "",
        f"the seed of the draw is promised by {fields['commitment']}" if fields["commitment"] else "",
        "" if fields["status"] == Event.Status.PUBLISHED else f"the event is {Event.Status(fields['status']).label}",
    ]
    older = f" {_count(fields['booked'], 'ticket is', 'tickets are')} older than this." if fields.get("booked") else ""
    cause = CAUSES_OF_TERMS.get(fields.get("cause", ""), "")
    return f"{cause}From here on this holds: {'; '.join(filter(None, terms))}.{older}"
