"""The demo: a cast of accounts, and events in every state worth seeing. Its events' texts are in `demo_events.py`."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models import F, Q

from . import accounts, allocation, checkin, steering
from .deadline import unlimited
from .demo_events import EVENTS, DemoEvent
from .models import GATE_STAFF, ORGANIZERS, Event, Scan, Ticket, TicketHold, User
from .now import now

PASSWORD = "demo-tickets-2026"  # noqa: S105 -- published in the README; the command refuses to run without DEBUG
DOMAIN = "tickets.example"


@dataclass(frozen=True)
class Person:
    """One of the cast, who can log in."""

    username: str
    full_name: str
    role: str
    group: str = ""
    is_superuser: bool = False


CAST = (
    Person("alice", "Alice Moreau", "attendee"),
    Person("bob", "Bob Okafor", "attendee"),
    Person("olga", "Olga Sandberg", "organizer", group=ORGANIZERS),
    Person("greta", "Greta Lindholm", "gate staff", group=GATE_STAFF),
    Person("admin", "", "administrator, at /admin/", is_superuser=True),
)
# They fill the events, and cannot log in.
AUDIENCE = (
    "Mara Lindqvist", "Tomasz Zielinski", "Ines Carvalho", "Yusuf Demir", "Hannah Brandt", "Luca Ferraro",
    "Noor Haddad", "Eoin Gallagher", "Sofia Papadakis", "Daniel Osei", "Keiko Tanabe", "Pavel Novotny",
)  # fmt: skip


def create_missing() -> tuple[int, int]:
    """Create the accounts and events that are missing, all or none; return how many accounts and events."""
    with unlimited(), transaction.atomic():
        # Two runs at once: the second waits here, as long as that takes, and then finds everything made.
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = '60s'")
        Group.objects.select_for_update().get_or_create(name=GATE_STAFF)
        before = User.objects.count()
        cast = [_person(person) for person in CAST]
        organizer = cast[2]
        there = set(Event.objects.filter(created_by=organizer).values_list("name", flat=True))
        missing = [event for event in EVENTS if event.name not in there]
        if missing:
            guests = [_guest(name) for name in AUDIENCE]
            for event in missing:
                _make(event, organizer, guests=guests, cast=cast)
        return User.objects.count() - before, len(missing)


def _existing(username: str) -> User | None:
    return User.objects.filter(Q(username=username) | Q(email__iexact=f"{username}@{DOMAIN}")).order_by("pk").first()


def _person(person: Person) -> User:
    """Return the account; one that exists stays as it is."""
    user = _existing(person.username)
    if user is None:
        make = User.objects.create_superuser if person.is_superuser else User.objects.create_user
        user = make(person.username, f"{person.username}@{DOMAIN}", PASSWORD, **_names(person.full_name))
        accounts.verify_email(user)
        if person.group:
            user.groups.add(Group.objects.get_or_create(name=person.group)[0])
    return user


def _guest(full_name: str) -> User:
    """Return somebody of the audience; without a password, so that nobody can log in as them."""
    username = full_name.lower().replace(" ", ".")
    user = _existing(username)
    return user or User.objects.create_user(username, f"{username}@{DOMAIN}", **_names(full_name))


def _names(full_name: str) -> dict[str, str]:
    first, _, last = full_name.partition(" ")
    return {"first_name": first, "last_name": last}


def _make(demo: DemoEvent, organizer: User, *, guests: list[User], cast: list[User]) -> None:
    """Create one event, and let the allocation fill it."""
    moment = now()
    is_past = demo.in_days < 0
    starts_at = _at(demo, moment)
    event = Event.objects.create(
        name=demo.name,
        description=demo.description,
        venue=demo.venue,
        time_zone=demo.time_zone,
        capacity=demo.capacity,
        created_by=organizer,
        starts_at=moment + dt.timedelta(hours=1) if is_past else starts_at,
        ends_at=None if is_past else starts_at + demo.lasts,
        sales_open_at=moment + demo.opens_in if demo.opens_in else None,
        **demo.settings,
    )
    guests = [*cast[:2], *guests] if is_past else guests
    for guest in guests[: demo.booked]:
        allocation.join(event_id=event.pk, user=guest)  # as most people come to a ticket: they are held one first
        allocation.book(event_id=event.pk, user=guest)
    for guest in guests[demo.booked : demo.booked + demo.waiting]:
        allocation.join(event_id=event.pk, user=guest)
    Ticket.objects.filter(event=event).update(mailed_at=F("booked_at"))  # nobody waits for a mail at a made-up address
    if is_past:
        _let_it_be_over(event, starts_at, starts_at + demo.lasts, staff=cast[3])


def _at(demo: DemoEvent, moment: dt.datetime) -> dt.datetime:
    """Return the start: so many days from today, at the hour of the event's own time zone."""
    zone = ZoneInfo(demo.time_zone)
    day = moment.astimezone(zone).date() + dt.timedelta(days=demo.in_days)
    return dt.datetime.combine(day, demo.starts, tzinfo=zone)


def _let_it_be_over(event: Event, starts_at: dt.datetime, ends_at: dt.datetime, *, staff: User) -> None:
    """Admit most people, then move everything to where it would have happened: a demo has no past of its own.

    All but the ledger, which is sealed.
    """
    tickets = list(Ticket.objects.filter(event=event).order_by("pk"))
    for late, ticket in enumerate(tickets[:-2]):
        checkin.scan(code=ticket.code, event=event, staff=staff, gate="Main entrance")
        entered_at = starts_at - dt.timedelta(minutes=40 - 3 * late)
        Ticket.objects.filter(pk=ticket.pk).update(checked_in_at=entered_at)
        Scan.objects.filter(ticket=ticket).update(scanned_at=entered_at, recorded_at=entered_at)
    for early, ticket in enumerate(tickets):
        booked_at = starts_at - dt.timedelta(days=20 - early, minutes=17 * early)
        Ticket.objects.filter(pk=ticket.pk).update(booked_at=booked_at, mailed_at=booked_at)
        _move_place(TicketHold.objects.get(ticket=ticket), booked_at, thought=dt.timedelta(seconds=20 + 13 * early))
    Event.objects.filter(pk=event.pk).update(created_at=starts_at - dt.timedelta(days=30))
    steering.revise_event(event_id=event.pk, values={"starts_at": starts_at, "ends_at": ends_at})


def _move_place(place: TicketHold, booked_at: dt.datetime, *, thought: dt.timedelta) -> None:
    """Move a place that became a ticket to before it was booked; all its moments stay as far apart as they were."""
    moved = booked_at - thought - place.held_at if place.held_at else dt.timedelta()
    TicketHold.objects.filter(pk=place.pk).update(
        login_timestamp=place.login_timestamp + moved,
        created_at=place.created_at + moved,
        held_at=F("held_at") + moved,
        expires_at=F("expires_at") + moved,
        ended_at=booked_at,
    )
