"""What pages showed and were told, against the rows: at rest (I11), and ever (I13); of the standard library alone."""

from collections import defaultdict
from typing import Any

from bench.evidence import AtRest, History, Place

NOWHERE = (None, None, None)  # who has no live place: no status, no end, no position


def of_pages(history: History) -> list[str]:
    """Find what open pages show at rest and is not so, and what came after something newer (I11).

    Of everybody's numbers, and of one's own place and tickets.
    """
    numbers, places, tickets = _numbers(history), _places(history), _tickets(history)
    wrong = [f"a page was told of {text}" for heard in history.heard for text in heard.backwards]
    for page in history.pages:
        is_so = [
            ("as numbers", {name: page.numbers.get(name) for name in numbers}, numbers),
            (f"as the place of person {page.user}", _shown(page), places.get(page.user, NOWHERE)),
            (f"as tickets of person {page.user}", page.tickets, tickets.get(page.user, {})),
        ]
        wrong += [
            f"a page shows at rest {told} {what}, and the rows have {row}" for what, told, row in is_so if told != row
        ]
    return wrong


def of_told(history: History) -> list[str]:
    """Find what a page was told, at any time, as one's own, and was another's, or nobody's (I13)."""
    owners = {ticket.code: ticket.user for ticket in history.tickets}
    held: dict[int, list[Place]] = defaultdict(list)
    for place in history.places:
        held[place.user].append(place)
    wrong = []
    for heard in history.heard:
        said = [f"ticket {code}" for code in heard.codes if owners.get(code) != heard.user]
        said += [f"a hold until {until}" for until in heard.holds if not _was_held(held[heard.user], until)]
        wrong += [f"person {heard.user} was told of {what}, which is not theirs" for what in said]
    return wrong


def _was_held(places: list[Place], until: float) -> bool:
    """Return whether one of a person's places was a hold that once ended then; staff may have moved its end since."""
    return any(
        place.held_at is not None and place.expires_at is not None and place.held_at < until <= place.expires_at
        for place in places
    )


def _numbers(history: History) -> dict[str, int]:
    """Return what every page must show of the event, counted."""
    statuses = [place.status for place in history.places]
    return {
        "capacity": history.event.capacity,
        "held": statuses.count("held"),
        "waiting": statuses.count("waiting"),
        "booked": sum(ticket.cancelled_at is None for ticket in history.tickets),
        "version": history.event.version,
    }


def _places(history: History) -> dict[int, tuple[Any, ...]]:
    """Return the live place of each person who has one: its status, its end, its position."""
    waiting = sorted((place for place in history.places if place.status == "waiting"), key=lambda place: place.rank)
    live: dict[int, tuple[Any, ...]] = {place.user: ("waiting", None, n) for n, place in enumerate(waiting, start=1)}
    return live | {place.user: ("held", place.expires_at, None) for place in history.places if place.status == "held"}


def _tickets(history: History) -> dict[int, dict[str, str]]:
    """Return the tickets of each person that stand: their status by code."""
    tickets: dict[int, dict[str, str]] = defaultdict(dict)
    for ticket in history.tickets:
        if ticket.cancelled_at is None:
            tickets[ticket.user][ticket.code] = "valid" if ticket.checked_in_at is None else "admitted"
    return tickets


def _shown(page: AtRest) -> tuple[Any, ...]:
    return page.status, page.until, page.position
