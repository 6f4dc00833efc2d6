"""A sale that looks like one, made up row by row: for figures, which need a past, and for looking at them."""

import datetime as dt
import random
from typing import Any

from bench.stage import make_event, make_people, store
from core import ticket_code
from core.models import Event, Scan, Ticket, TicketHold, User, UserSession
from core.now import now

DAYS = 30  # from the opening of the sale to now
GATES = (*["Main entrance"] * 6, *["North"] * 3, *["South"] * 2, "")  # of twelve people
Status = TicketHold.Status
WAIT, IN_TIER = 0.6, 0.12  # shares of the people
ENDINGS = (*[Status.EXPIRED] * 5, *[Status.RELEASED] * 3, *[Status.LEFT] * 2)  # of ten who get no ticket


def sell(tickets: int, *, seed: int = 1, **fields: Any) -> Event:
    """Store an event with so many tickets: a rush at the opening, a slow month, and the doors a few hours ago."""
    chance = random.Random(seed)
    moment = now()
    opened = moment - dt.timedelta(days=DAYS)
    make_people(tickets * 3 // 2 + 1)
    times = {"created_at": opened - dt.timedelta(days=2), "starts_at": moment - dt.timedelta(hours=1)}
    event = make_event(tickets, **times | {"ends_at": moment + dt.timedelta(hours=3)} | fields)
    people = list(User.objects.filter(username__startswith="person").order_by("pk"))
    arrivals = sorted(_arrival(chance, opened, moment) for _ in people)
    logins = [
        UserSession(user=person, session_key=f"sale{n}", login_timestamp=at, last_seen_at=at)
        for n, (person, at) in enumerate(zip(people, arrivals, strict=True))
    ]
    store(logins)
    places = [_place(chance, event, login, n < tickets) for n, login in enumerate(logins)]
    store(places)
    booked = [_ticket(event, place) for place in places if place.status == Status.BOOKED]
    for ticket in booked[:: max(1, len(booked) // 40)]:  # a few are given back
        ticket.cancelled_at = ticket.booked_at + (moment - ticket.booked_at) * chance.random()
    coming = [ticket for ticket in booked if not ticket.cancelled_at]
    scans = [_let_in(chance, event, ticket, people[0]) for ticket in coming[: len(coming) * 9 // 10]]
    store(booked)
    store(scans)
    # By rows alone, which no allocation has made: its numbers follow.
    valid = Ticket.objects.filter(event=event, cancelled_at=None).count()
    Event.objects.filter(pk=event.pk).update(booked=valid)
    return event


def _arrival(chance: random.Random, opened: dt.datetime, moment: dt.datetime) -> dt.datetime:
    """Return when somebody logs in: a third at the opening, the rest by day, and more towards the end."""
    if chance.random() < 1 / 3:
        return opened + dt.timedelta(minutes=chance.expovariate(1 / 50))
    at = opened + (moment - opened) * chance.triangular(0, 0.999, 0.9)
    return at.replace(hour=min(23, int(abs(chance.gauss(15, 5))))) if at < moment - dt.timedelta(days=1) else at


def _place(chance: random.Random, event: Event, login: UserSession, is_sold: bool) -> TicketHold:
    """Return somebody's place, as it ended."""
    at = login.login_timestamp
    wait = dt.timedelta(seconds=chance.expovariate(1 / 400)) * (chance.random() < WAIT)
    use = dt.timedelta(seconds=min(599, chance.expovariate(1 / 90)))
    place = TicketHold(event=event, user=login.user, session=login, login_timestamp=at, created_at=at, is_linked=True)
    place.tier = int(chance.random() < IN_TIER)
    place.held_at, place.expires_at = at + wait, at + wait + dt.timedelta(minutes=10)
    place.status = Status.BOOKED if is_sold else chance.choice(ENDINGS)
    place.ended_at = place.expires_at if place.status == Status.EXPIRED else place.held_at + use
    if place.status == Status.LEFT:
        place.held_at, place.expires_at, place.ended_at = None, None, at + wait
    return place


def _ticket(event: Event, place: TicketHold) -> Ticket:
    code, at = ticket_code.make(event.pk), place.ended_at or place.created_at
    return Ticket(event=event, user=place.user, hold=place, tier=place.tier, code=code, booked_at=at, mailed_at=at)


def _let_in(chance: random.Random, event: Event, ticket: Ticket, staff: User) -> Scan:
    """Mark a ticket as admitted, about half an hour before the event; return the scan that did."""
    at = event.starts_at + dt.timedelta(minutes=min(55, chance.gauss(-25, 22)))
    ticket.checked_in_at, ticket.checked_in_by = at, staff
    told = {"outcome": "admitted", "let_in": True, "scanned_at": at, "recorded_at": at}
    return Scan(event=event, ticket=ticket, staff=staff, gate=chance.choice(GATES), **told)
