"""Who gets a place: the only writer of places, tickets (check-in marks apart) and an event's numbers.

What lives here: join, serve, book, release, cancel; what staff may change is in `steering.py`. What does not: who is
first (`arrivals.py`, `models/line.py`, `tiers.py`), the gate (`checkin/`), telling anybody (`live.py`).

How it works. Joining appends a waiting row and locks nothing. Everything that frees or gives a place does it in
one transaction that locks the event, reads the clock, ends what lapsed, and gives every free place to the first in
line; so the line and the inventory are one transaction, and a place never passes from hand to hand outside of it.
Counters move by guarded steps that the constraint `event_never_oversold` checks once more.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from django.db import OperationalError, transaction
from django.db.models import Exists

from . import arrivals, position, ticket_code, tiers
from .models import Cause, Event, Ticket, TicketHold, TicketHoldQuerySet, User, UserSession
from .now import now
from .refusals import (
    AlreadyBooked,
    AlreadyCheckedIn,
    AlreadyGiven,
    EventCancelled,
    EventOver,
    HoldExpired,
    NotOnSale,
    PeopleWaiting,
    Refused,
    SoldOut,
)
from .serving import Serving
from .signals import announce_after_commit

PAUSED = "Staff have paused the serving of this event."


@contextmanager
def locked(event_ids: Iterable[int], *, skip_locked: bool = False, person: User | None = None) -> Iterator[Serving]:
    """Lock events in the order of their ids, bring them up to date, and write and announce what the caller changes.

    A refusal raised inside keeps what was brought up to date: it is committed, then the refusal goes on. With
    `skip_locked` an event that somebody else has locked is left out. With `person` their logins wait for each other,
    and nothing is locked for somebody who is not active any more.
    """
    refusal: Refused | None = None
    with transaction.atomic():
        # NO KEY: the foreign key of a row that joins must not wait for this lock. Evaluated: a lazy one locks nothing.
        events = Event.objects.select_for_update(no_key=True, skip_locked=skip_locked).filter(pk__in=event_ids)
        if person is not None:
            # Once, and before any event: what no row hangs on, and what locks, PostgreSQL evaluates first.
            events = events.filter(Exists(arrivals.locking_person(person)))
        locked = list(events.order_by("pk"))
        serving = Serving({event.pk: event for event in locked}, now())
        serving.bring_up_to_date()
        try:
            yield serving
        except Refused as refused:
            refusal = refused
        serving.finish()
    if refusal is not None:
        raise refusal


def serve(event_id: int, *, skip_locked: bool = False) -> None:
    """End what lapsed and give every free place of the event to the first in line. Harmless when nothing is due.

    With `skip_locked` nothing happens while somebody else has the event's lock: they serve it themselves.
    """
    with locked([event_id], skip_locked=skip_locked):
        pass


def join(*, event_id: int, user: User, session: UserSession | None = None) -> TicketHold:
    """Take a place in line, held at once when one is free and nobody ranks before; return the place as it is now.

    Its `ahead` says how many rank before it while it waits. A person with a live place gets that one. Raises
    AlreadyBooked, NotOnSale, EventOver, EventCancelled, and Event.DoesNotExist for a draft.
    """
    event = Event.objects.published().get(pk=event_id)
    mine = TicketHold.objects.filter(event=event, user=user)
    moment = now()
    last = mine.order_by("pk").last()
    if last is not None and last.is_lapsed(moment):
        serve(event_id)
        last.refresh_from_db()
    if last is None or last.status not in TicketHold.UNENDED:
        _refuse_the_line(event, user, moment)
        login = session.login_timestamp if session else moment
        rank = arrivals.rank(user=user, event=event, login_timestamp=login)
        tier = tiers.tiers_of([user.pk], [event]).get((event_id, user.pk), 0)
        place = TicketHold(event=event, user=user, session=session, login_timestamp=rank, tier=tier, created_at=moment)
        # From another tab at the same instant: the constraint keeps one row, and both tabs find it below.
        TicketHold.objects.bulk_create([place], ignore_conflicts=True)
        announce_after_commit({event.pk}, [place], [])
    if _is_due(Event.objects.get(pk=event_id)):
        # A lock that is kept for long, at a huge opening, is no reason to say no: the place stands, the clock serves.
        with suppress(OperationalError):
            serve(event_id)
    place = mine.with_ahead().latest("pk")
    position.set_ahead([place])
    if place.status not in TicketHold.UNENDED:  # ended at the same instant: the event was cancelled, another tab booked
        _refuse_the_line(Event.objects.published().get(pk=event_id), user, now())
        raise HoldExpired
    return place


def _is_due(event: Event) -> bool:
    """Return whether somebody could be served now, or the line is to end, as far as can be told without the lock.

    The event was read after the joining row was committed. What is missed, a place freed at this instant, the clock
    finds.
    """
    moment = now()
    if event.is_drawn and event.is_before_sale(moment) and event.ledger_seq == 0:
        return True  # the draw is promised before the first who takes part
    lapsed = TicketHold.objects.lapsed(moment).filter(event=event)
    has_ended = event.status != Event.Status.PUBLISHED or event.is_over(moment)
    return has_ended or (event.is_serving(moment) and (event.free > 0 or lapsed.exists()))


def _refuse_the_line(event: Event, user: User, moment: dt.datetime) -> None:
    _refuse_ended(event, moment)
    if Ticket.objects.valid().filter(event=event, user=user).exists():
        raise AlreadyBooked
    if event.is_sale_closed(moment):
        raise NotOnSale("The sale of this event has closed. Nobody new can take a place in line.")


def _refuse_ended(event: Event, moment: dt.datetime) -> None:
    if event.status == Event.Status.CANCELLED:
        raise EventCancelled
    if event.is_over(moment):
        raise EventOver


def hold_for_login(*, user: User, session: UserSession) -> None:
    """Hold a place on each event that a login is put forward for, if one is free and nobody waits (rule 12)."""
    forward = arrivals.put_forward(user, session.login_timestamp)
    if not forward:
        return
    with locked(forward, person=user) as serving:
        # The line was served a moment ago: where a place is still free, nobody waits.
        clear = arrivals.still_put_forward(user, serving.moment, forward)
        free = [e for e in serving.events.values() if e.free > 0 and e.is_serving(serving.moment) and e.pk in clear]
        _hold_at_once(serving, free, user, session)


def _hold_at_once(serving: Serving, events: list[Event], user: User, session: UserSession) -> None:
    tier_of = tiers.tiers_of([user.pk], events)
    places = [
        TicketHold(
            event=event,
            user=user,
            session=session,
            status=TicketHold.Status.HELD,
            login_timestamp=session.login_timestamp,
            tier=tier_of.get((event.pk, user.pk), 0),
            held_at=serving.moment,
            expires_at=serving.moment + event.hold_time,
        )
        for event in events
    ]
    for place in serving.insert(places):
        serving.note(place, "hold", until=place.expires_at)
        serving.count(place.event_id, held=1)


def book(*, event_id: int, user: User) -> Ticket:
    """Turn the person's hold into a ticket, or book a free place directly when nobody waits (rules 16 and 17).

    Booking again gives the same ticket. Raises Refused with the reason, and Event.DoesNotExist for a draft.
    """
    Event.objects.published().only("pk").get(pk=event_id)
    with locked([event_id]) as serving:
        event = serving.events[event_id]
        ticket = Ticket.objects.valid().filter(event=event, user=user).first()
        if event.status == Event.Status.CANCELLED:
            raise EventCancelled
        if ticket is None:
            ticket = _book_now(serving, event, user)
    return ticket


def _book_now(serving: Serving, event: Event, user: User) -> Ticket:
    _refuse_ended(event, serving.moment)
    last = TicketHold.objects.filter(event=event, user=user).order_by("pk").last()
    ticket = Ticket(event=event, user=user, code=ticket_code.make(event.pk), booked_at=serving.moment)
    if last is not None and last.status == TicketHold.Status.HELD:
        serving.end([last], TicketHold.Status.BOOKED)
        ticket.hold, ticket.tier = last, last.tier
    else:
        _refuse_direct_booking(serving, event, last)
        if last is not None and last.status == TicketHold.Status.WAITING:  # joined in another tab a moment ago
            serving.end([last], TicketHold.Status.LEFT, Cause.BOOKED_ELSEWHERE)
        ticket.tier = tiers.tiers_of([user.pk], [event]).get((event.pk, user.pk), 0)
    return serving.issue(ticket)


def _refuse_direct_booking(serving: Serving, event: Event, last: TicketHold | None) -> None:
    """Raise the reason unless a place is free; after serving, a free place means that nobody waits."""
    if event.is_before_sale(serving.moment):
        raise NotOnSale(
            "The sale has not opened yet. Take a place in line, and you are served in order.", can_join=True
        )
    if not event.is_on_sale(serving.moment):
        raise NotOnSale("The sale of this event has closed.")
    if event.paused_at is not None:
        can_join = last is None or last.status not in TicketHold.UNENDED
        raise NotOnSale(f"{PAUSED} Everybody keeps their place in line, and it goes on in order.", can_join=can_join)
    if event.free > 0:
        return
    if last is not None and last.status == TicketHold.Status.EXPIRED:
        raise HoldExpired
    if last is not None and last.status == TicketHold.Status.WAITING:
        raise PeopleWaiting("You are in line. A place is held for you as soon as it is your turn.", can_join=False)
    if TicketHold.objects.waiting().filter(event=event).exists():
        raise PeopleWaiting
    raise SoldOut


def release(*, event_id: int, user: User) -> TicketHold | None:
    """Release the person's hold or leave the line; return the place as it ended, None if there never was one.

    Doing it again changes nothing and answers the same. Raises AlreadyBooked when it was booked meanwhile: a ticket is
    cancelled, not released.
    """
    Event.objects.published().only("pk").get(pk=event_id)
    with locked([event_id]) as serving:
        last = TicketHold.objects.filter(event=event_id, user=user).order_by("pk").last()
        if last is not None and last.status in TicketHold.UNENDED:
            _end_place(serving, last, Cause.RELEASED)
            serving.bring_up_to_date()
        elif Ticket.objects.valid().filter(event=event_id, user=user).exists():
            raise AlreadyBooked("You have a ticket for this event, and no hold. To give it back, cancel the ticket.")
    return last


def _end_place(serving: Serving, place: TicketHold, cause: Cause, reason: str = "") -> None:
    held = place.status == TicketHold.Status.HELD
    serving.end([place], TicketHold.Status.RELEASED if held else TicketHold.Status.LEFT, cause, reason)


def end_places(places: TicketHoldQuerySet, *, cause: Cause, reason: str = "") -> int:
    """End these places, held or waiting, and serve their events; return how many ended.

    For a person who signed out, was deactivated or erased, and for staff. One transaction per event; a caller who has
    one open, as at a sign-out, keeps the locks of all these events until it ends.
    """
    ended = 0
    for event_id in sorted(set(places.unended().values_list("event", flat=True))):
        with locked([event_id]) as serving:
            mine = list(places.unended().filter(event=event_id))
            for place in mine:
                _end_place(serving, place, cause, reason)
            serving.bring_up_to_date()
        ended += len(mine)
    return ended


def cancel_ticket(*, ticket_id: int, cause: Cause = Cause.CANCELLED_BY_OWNER, reason: str = "") -> Ticket:
    """Cancel a ticket and free its place; doing it again changes nothing.

    Owners can until the event starts, for any other cause it goes after that too. Raises AlreadyCheckedIn, EventOver,
    EventCancelled; and AlreadyGiven, lest anybody who sees an old page takes the ticket in its place for cancelled.
    """
    event_id = Ticket.objects.values_list("event", flat=True).get(pk=ticket_id)
    with locked([event_id]) as serving:
        ticket, event = Ticket.objects.get(pk=ticket_id), serving.events[event_id]
        if ticket.cancelled_at is None:
            if ticket.checked_in_at is not None:
                raise AlreadyCheckedIn
            if event.status == Event.Status.CANCELLED:
                raise EventCancelled
            if cause == Cause.CANCELLED_BY_OWNER and event.is_over(serving.moment):
                raise EventOver
            unused = Ticket.objects.valid().filter(pk=ticket_id, checked_in_at=None)
            if unused.update(cancelled_at=serving.moment, cancel_reason=reason) != 1:
                raise AlreadyCheckedIn  # the gate takes no lock on the event: it was a moment faster
            serving.cancel(ticket, cause, reason)
            serving.bring_up_to_date()
        elif Ticket.objects.filter(replaces=ticket).exists():
            raise AlreadyGiven
    return ticket
