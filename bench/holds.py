"""Holds: that each lasts as long as it was promised, is booked in that time (I8), and ends in one way, once (I9)."""

import math
from collections import Counter

from bench.evidence import TOLERANCE, History, moment_of

LIVE = {"waiting", "held"}


def of_holds(history: History) -> list[str]:
    """Find holds that were longer or shorter than promised (I8), by the event as it was then, or by staff."""
    if not history.holds:
        return []
    kinds = {"extension", "hold_extension"}  # of all holds, and of one place
    extended = [entry for entry in history.entries if entry["kind"] in kinds]
    extensions = [(moment_of(entry), 60 * entry["minutes"], entry.get("place")) for entry in extended]
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


def of_ends(history: History) -> list[str]:
    """Find places that ended in no way, or in two (I9): booked, and no ticket is there; over, and a ticket is."""
    made = Counter(ticket.hold for ticket in history.tickets if ticket.hold is not None)
    wrong = [
        f"place {place.pk} is {place.status}, and {made[place.pk]} tickets were made of it"
        for place in history.places
        if made[place.pk] != (place.status == "booked")
    ]
    return wrong + [
        f"place {place.pk} is {place.status}, and {'has not ended' if place.ended_at is None else 'has ended'}"
        for place in history.places
        if (place.ended_at is None) != (place.status in LIVE)
    ]
