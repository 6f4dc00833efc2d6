"""Tiers: groups whose members an event serves first, up to a declared share of its capacity (rule 9).

A tier is the number of a group in the setting `TIERS`, from 1; ordinary people are tier 0. While the holds and valid
tickets of a tier are fewer than its share, its waiting people come before all others, the highest such tier first. Once
the share is used up they are ranked like everybody else, and so nobody ordinary waits for a tier that had its part.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from django.db.models import Count, Exists, F, OuterRef

from . import prepared
from .many import LARGEST_ID
from .models import Event, Ticket, TicketHold, TicketHoldQuerySet, User
from .models.line import NOT_DRAWN, RANK
from .prepared import Prepared


def tiers_of(user_ids: Iterable[int], events: Iterable[Event]) -> dict[tuple[int, int], int]:
    """Return `{(event id, user id): tier}` of those who are in a group that the event serves first: their highest one.

    One query at most; none where no event has tiers.
    """
    declared = [(event.pk, tier["name"], tier["tier"]) for event in events for tier in event.tiers]
    if not declared:
        return {}
    members = User.groups.through.objects.filter(
        user__in=list(user_ids), group__name__in={name for _, name, _ in declared}
    )
    groups: dict[str, list[int]] = {}
    for user_id, name in members.values_list("user_id", "group__name"):
        groups.setdefault(name, []).append(user_id)
    lowest_first = sorted(declared, key=lambda tier: tier[2])
    return {(event_id, user_id): tier for event_id, name, tier in lowest_first for user_id in groups.get(name, [])}


def shares_left(event: Event) -> dict[int, int]:
    """Return `{tier: places}` that each declared tier may still be served first, highest tier first, in two queries."""
    used: Counter[int] = Counter()
    held = TicketHold.objects.filter(event=event, status=TicketHold.Status.HELD, tier__gt=0)
    for rows in (held, Ticket.objects.valid().filter(event=event, tier__gt=0)):
        used.update(dict(rows.order_by().values("tier").annotate(n=Count("pk")).values_list("tier", "n")))
    return {tier["tier"]: max(0, tier["places"] - used[tier["tier"]]) for tier in event.tiers}


def in_turn(event: Any) -> TicketHoldQuerySet:
    """Return who waits for an event, with `has_ticket` and `is_active`: what may have changed since they joined.

    Joined in one tab while another tab booked, or just before they were deactivated.
    """
    booked = Ticket.objects.valid().filter(event=OuterRef("event"), user=OuterRef("user"))
    waiting = TicketHold.objects.waiting().filter(event=event)
    return waiting.annotate(has_ticket=Exists(booked), is_active=F("user__is_active"))


def first_in_line(event: Event, count: int) -> list[TicketHold]:
    """Return the first `count` of the places waiting for an event; read under its lock, or it is only a picture."""
    if not event.tiers:
        return _first_of_plain_line((count - 1).bit_length())(event=event.pk)[:count]
    waiting = in_turn(event)
    left, by_rank = shares_left(event), waiting.order_by(*RANK)
    pool = {place.pk: place for place in by_rank[:count]}
    for tier, places in left.items():
        pool |= {place.pk: place for place in by_rank.filter(tier=tier)[: min(places, count)]}
    return in_order(pool.values(), left)[:count]


@cache
def _first_of_plain_line(bits: int) -> Prepared[TicketHold]:
    """Return the question for the first of a line, as many as the next power of two: one question is kept of each."""
    return Prepared(lambda: in_turn(prepared.number("event")).in_line_order()[: 1 << bits])


def in_order(places: Iterable[TicketHold], left: dict[int, int]) -> list[TicketHold]:
    """Return waiting places in the order in which they are served while each tier has so many places `left`."""
    by_rank = sorted(places, key=rank)
    first: list[TicketHold] = []
    for tier in sorted(left, reverse=True):
        first += [place for place in by_rank if place.tier == tier][: left[tier]]
    chosen = {place.pk for place in first}
    return first + [place for place in by_rank if place.pk not in chosen]


def ahead(tier: int, line: Mapping[int, Sequence[int]], left: dict[int, int]) -> tuple[int, int | None]:
    """Return how many are served before a place, and the highest other tier that comes before it by its share.

    The place is of this `tier`; `line` is `{tier: (how many wait, how many of them rank before the place)}`. The same
    order as that of `in_order`, counted.
    """
    first = {other: min(left[other], waiting) for other, (waiting, _) in line.items() if left.get(other)}
    is_first = line[tier][1] < left.get(tier, 0)
    others = {other: places for other, places in first.items() if other > tier or (not is_first and other != tier)}
    highest = max(others, default=None)
    if is_first:
        return sum(others.values()) + line[tier][1], highest
    before = sum(earlier for _, earlier in line.values())
    return before + sum(max(0, places - line[other][1]) for other, places in others.items()), highest


def rank(place: TicketHold) -> tuple[int, dt.datetime, int]:
    """Return what orders places of one tier (rule 4); one that is not stored yet comes after others of its moment."""
    return (NOT_DRAWN if place.draw is None else place.draw, place.login_timestamp, place.pk or LARGEST_ID)
