"""The ledger in words: every entry as one plain sentence."""

import datetime as dt
import json
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from ..models import Cause, Event, LedgerEntry
from ..templatetags.words import minutes

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

SENTENCES = {
    # Translators: what is said of a person in the ledger goes on after their pseudonym; %(group)s may be empty.
    "join": _("joined the line%(group)s, ranked by %(rank)s (%(place)s)."),
    "carried": _("is held a ticket until %(until)s%(group)s (%(place)s), since before this ledger began."),
    "tier": _("goes on in line%(group)s: the declared tiers changed (%(place)s)."),
    "opening": _("The sale opened."),
    "opening with draw": ngettext_lazy(
        "The sale opened, the seed of the draw was published, and %(drawn)d person who waited was drawn.",
        "The sale opened, the seed of the draw was published, and %(drawn)d people who waited were drawn.",
        "drawn",
    ),
    "draw": _("was drawn as number %(draw)s (%(place)s)."),
    "hold": _("is held a ticket until %(until)s (%(place)s)."),
    "expiry": _("did not book in time, so that the hold ended (%(place)s)."),
    "release": _("is no longer held a ticket: %(why)s (%(place)s)."),
    "leave": _("left the line: %(why)s (%(place)s)."),
    "booking": _("booked ticket no. %(ticket)s%(group)s, which was held (%(place)s)."),
    "direct booking": _("booked ticket no. %(ticket)s%(group)s directly: a place was free, and nobody waited."),
    "cancellation": _("no longer has ticket no. %(ticket)s: %(why)s."),
    "transfer": _("gave ticket no. %(ticket)s%(group)s to %(to_person)s, who has ticket no. %(to_ticket)s for it."),
    "new code": _("was given a new code: ticket no. %(to_ticket)s%(group)s for ticket no. %(ticket)s."),
    "pause": _("Staff paused serving."),
    "resume": _("Staff resumed serving."),
    "extension": _("Staff moved the end of every hold by %(minutes)s min."),
    "hold_extension": _("is held the ticket for %(minutes)s min longer: staff moved the end of this hold (%(place)s)."),
}
CAUSES: "dict[str, StrOrPromise]" = {
    Cause.RELEASED: _("they gave it up"),
    Cause.LOGGED_OUT: _("they signed out"),
    Cause.ABSENT: _("they were not seen for a day"),
    Cause.CANCELLED_BY_OWNER: _("they gave it back"),
    Cause.CANCELLED_BY_STAFF: _("staff cancelled it"),
    Cause.REMOVED_BY_STAFF: _("staff removed it"),
    Cause.DEACTIVATED: _("their account was deactivated"),
    Cause.ERASED: _("their account was erased"),
    Cause.BOOKED_ELSEWHERE: _("they have a ticket"),
    Cause.GIVEN_A_TICKET: _("somebody gave them a ticket"),
    Cause.EVENT_OVER: _("the event started"),
    Cause.EVENT_CANCELLED: _("the event was cancelled"),
}
CAUSES_OF_TERMS: "dict[str, StrOrPromise]" = {
    Cause.CAPACITY_RAISED: _("The capacity was raised."),
    Cause.SALE_EXTENDED: _("The sale was extended."),
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
        sentence = gettext("– this entry has no words here. It stands in the file.")
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
        "place": gettext("place no. %(number)s") % {"number": fields.get("place")},
        "drawn": fields.get("drawn", 0),
        "minutes": f"{fields.get('minutes', 0):g}",
        "rank": _time("rank", fields, event, "H:i:s.u"),
        "until": _time("until", fields, event),
        "group": _group(fields.get("tier"), event),
        "why": CAUSES.get(fields.get("cause", ""), fields.get("cause", "")),
    }
    told = SENTENCES[kind] % (fields | words)
    if not fields.get("reason"):
        return told
    return f"{told} {gettext('Their reason: “%(reason)s”') % {'reason': fields['reason']}}"


def _group(tier: int | None, event: Event) -> str:
    if not tier:
        return ""
    names = {declared["tier"]: declared["name"] for declared in event.tiers}
    if tier in names:
        # Translators: the space at the beginning stays.
        return gettext(" in tier %(tier)d (%(name)s)") % {"tier": tier, "name": names[tier]}
    return gettext(" in tier %(tier)d") % {"tier": tier}


def _terms(fields: Fields, event: Event) -> str:
    booked = fields.get("booked", 0)
    older = ngettext("%(count)d ticket is older than this.", "%(count)d tickets are older than this.", booked)
    told = (
        str(CAUSES_OF_TERMS.get(fields.get("cause", ""), "")),
        gettext("From here on this holds: %(terms)s.") % {"terms": "; ".join(_promised(fields, event))},
        older % {"count": booked} if booked else "",
    )
    return " ".join(filter(None, told))


def _promised(fields: Fields, event: Event) -> Iterator[str]:
    capacity, status = fields["capacity"], fields["status"]
    yield ngettext("%(count)d place", "%(count)d places", capacity) % {"count": capacity}
    yield str(Event.LinePolicy(fields["policy"]).label)
    yield gettext("the event starts %(at)s") % {"at": _moment(fields["starts"], event)}
    if fields["opens"]:
        yield gettext("the sale opens %(at)s") % {"at": _moment(fields["opens"], event)}
    if fields["closes"]:
        yield gettext("the sale closes %(at)s") % {"at": _moment(fields["closes"], event)}
    for tier in fields["tiers"]:
        yield gettext("%(name)s are served first for up to %(places)s") % tier
    if "hold_minutes" in fields:
        yield gettext("a hold lasts %(time)s") % {"time": minutes(dt.timedelta(minutes=fields["hold_minutes"]))}
    if fields["commitment"]:
        yield gettext("the seed of the draw is promised by %(commitment)s") % fields
    if status != Event.Status.PUBLISHED:
        yield gettext("the event is %(status)s") % {"status": Event.Status(status).label}
