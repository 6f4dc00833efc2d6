"""Who gets a place: the only writer of places, tickets (check-in marks apart) and an event's numbers.

What lives here: join, serve, book, release, cancel, for one person and for many at once; how is in `locking.py`,
`serving.py`, `moves.py`, `joining.py` and `booking.py`, which nobody else calls but `steering.py`, where staff change
things, and `transfer.py`. What does not: who is first (`arrivals.py`, `past.py`, `models/line.py`, `tiers.py`), the
gate (`checkin/`), telling anybody (`live.py`).

How it works. Joining where nothing is free appends a waiting row and locks nothing. Everything that frees or gives a
place does it in one transaction that locks the event, reads the clock, ends what lapsed, and gives every free place to
the first in line; so the line and the inventory are one transaction, and a place never passes from hand to hand outside
of it. Counters move by guarded steps that the constraint `event_never_oversold` checks once more.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Set
from typing import TypeVar

from django.db import OperationalError, transaction
from django.utils.translation import gettext_lazy as _

from . import arrivals, booking, position, prepared, tiers
from .joining import new_places, refuse_the_line, store_new, with_ticket
from .locking import LOCK_NOT_AVAILABLE, again_after_conflict, locked, sqlstate
from .models import Cause, Event, Ticket, TicketHold, TicketHoldQuerySet, User, UserSession
from .now import now
from .past import Past, past_of
from .position import newest_places
from .prepared import Prepared
from .refusals import (
    AlreadyBooked,
    AlreadyCheckedIn,
    AlreadyGiven,
    EventCancelled,
    EventOver,
    HoldExpired,
    Refused,
)
from .serving import Serving
from .signals import announce_after_commit
from .trust import trail

Outcome = TypeVar("Outcome")


@again_after_conflict
def serve(event_id: int, *, skip_locked: bool = False, new: Iterable[int] = ()) -> list[TicketHold]:
    """End what lapsed and give every free place of the event to the first in line. Harmless when nothing is due.

    Return the places that changed. With `skip_locked` nothing happens while somebody else has the event's lock: they
    serve it themselves. `new` are the ids of places whose people join just now.
    """
    with locked([event_id], skip_locked=skip_locked, new=new) as serving:
        pass
    return serving.holds


def join(*, event_id: int, user: User, session: UserSession | None = None) -> TicketHold:
    """Take a place in line, held at once when one is free and nobody ranks before; return the place as it is now.

    Its `ahead` says how many rank before it while it waits. A person with a live place gets that one. Raises
    AlreadyBooked, NotOnSale, EventOver, EventCancelled, and Event.DoesNotExist for a draft.
    """
    return _unless_refused(join_all(event_id=event_id, logins={user.pk: session})[user.pk])


@again_after_conflict
def join_all(*, event_id: int, logins: Mapping[int, UserSession | None]) -> dict[int, TicketHold | Refused]:
    """Let many people join at once, each as by `join`; return the place of each, or why there is none, by user id.

    `logins` is `{user id: the login that ranks them}`. Raises Event.DoesNotExist for a draft.
    """
    if not logins:
        return {}
    event, moment = _read(event_id)
    if event.status == Event.Status.DRAFT:
        raise Event.DoesNotExist
    if not _has_something_to_give(event, moment):
        past = past_of(event_id, logins, moment)
        if not past.lapsed:
            return _append(event, logins, past, moment)
    return _join_and_serve(event, logins)


def _append(
    event: Event, logins: Mapping[int, UserSession | None], past: Past, moment: dt.datetime, *, is_locked: bool = False
) -> dict[int, TicketHold | Refused]:
    """Let people join, without a lock; return the place of each, or why there is none."""
    places, refused = new_places(event, logins, past, moment)
    stored = store_new(places) if places else []
    if places:
        announce_after_commit({event.pk}, places, [])
    asking = logins.keys() - refused.keys()
    held: list[TicketHold] = []
    # What was not due before they joined may have become it.
    if asking and not is_locked and _is_due(*_read(event.pk)):
        try:
            held = serve(event.pk, new=[place.pk for place in stored])
        except OperationalError as error:
            # A lock that is kept for long, at a huge opening, is no reason to say no: the place stands, and is served.
            if sqlstate(error) != LOCK_NOT_AVAILABLE:
                raise
    return refused | _places_of(event, asking, held)


def _join_and_serve(event: Event, logins: Mapping[int, UserSession | None]) -> dict[int, TicketHold | Refused]:
    """Let people join in the transaction that serves the event; return the place of each, or why there is none."""
    try:
        with locked([event.pk]) as serving:
            event = _published(serving, event.pk)
            past = past_of(event.pk, logins, serving.moment)
            places, refused = new_places(event, logins, past, serving.moment)
            serving.take_in(event, places, has_line=past.has_line)
    except OperationalError as error:
        if sqlstate(error) != LOCK_NOT_AVAILABLE:
            raise
        event, moment = _read(event.pk)
        past = past_of(event.pk, logins, moment)
        if past.lapsed:  # these must be ended first
            raise
        return _append(event, logins, past, moment, is_locked=True)
    return refused | _places_of(event, logins.keys() - refused.keys(), serving.holds)


def _places_of(event: Event, user_ids: Set[int], moved: Iterable[TicketHold]) -> dict[int, TicketHold | Refused]:
    """Return the place of each of these people, or why there is none any more; of `moved` ones the hold is known."""
    found = {hold.user_id: hold for hold in moved if hold.status == TicketHold.Status.HELD and hold.user_id in user_ids}
    for hold in found.values():
        hold.ahead = 0  # as where places are read
    others = user_ids - found.keys()
    if others:
        found |= {place.user_id: place for place in position.newest_with_ahead(event, others)}
    # Ended at the same instant: the event was cancelled, another tab booked.
    gone = [user_id for user_id, place in found.items() if place.status not in TicketHold.UNENDED]
    return {**found, **(_why_gone(event.pk, gone) if gone else {})}


def _why_gone(event_id: int, user_ids: list[int]) -> dict[int, Refused]:
    event, moment = _read(event_id)
    if event.status == Event.Status.DRAFT:
        raise Event.DoesNotExist
    why = refuse_the_line(event, user_ids, moment, with_ticket(event_id, user_ids))
    return {user_id: why.get(user_id) or HoldExpired() for user_id in user_ids}


def _read(event_id: int) -> tuple[Event, dt.datetime]:
    """Return an event, and the moment after it was read. Raises Event.DoesNotExist."""
    for event in _events(event=event_id):
        return event, now()
    raise Event.DoesNotExist


def _unless_refused(outcome: Outcome | Refused) -> Outcome:
    if isinstance(outcome, Refused):
        raise outcome
    return outcome


def _is_due(event: Event, moment: dt.datetime) -> bool:
    """Return whether somebody could be served now, or the line is to end, as far as can be told without the lock.

    A yes holds of what was read before the joining row was committed as well, a no only of what was read after. What is
    missed, a place freed at this instant, the clock finds.
    """
    has_ended = event.status != Event.Status.PUBLISHED or event.is_over(moment)
    return has_ended or _has_something_to_give(event, moment)


def _has_something_to_give(event: Event, moment: dt.datetime) -> bool:
    """Return whether whoever joins may be held a place now; or whether a draw is to be promised, before the first."""
    if event.is_drawn and event.is_before_sale(moment) and event.ledger_seq == 0:
        return True
    if event.status != Event.Status.PUBLISHED or not event.is_serving(moment):
        return False
    return event.free > 0 or bool(_a_lapsed_hold(event=event.pk, moment=moment))


@again_after_conflict
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
            created_at=serving.moment,
            held_at=serving.moment,
            expires_at=serving.moment + event.hold_time,
        )
        for event in events
    ]
    serving.insert(places)


def book(*, event_id: int, user: User) -> Ticket:
    """Turn the person's hold into a ticket, or book a free place directly when nobody waits (rules 16 and 17).

    Booking again gives the same ticket. Raises Refused with the reason, and Event.DoesNotExist for a draft.
    """
    return _unless_refused(book_all(event_id=event_id, user_ids=[user.pk])[user.pk])


@again_after_conflict
def book_all(*, event_id: int, user_ids: Collection[int]) -> dict[int, Ticket | Refused]:
    """Book for many people at once, each as by `book`, in one transaction; return each one's ticket, or why not."""
    with locked([event_id]) as serving:
        return booking.book(serving, _published(serving, event_id), user_ids)


def _published(serving: Serving, event_id: int) -> Event:
    event = serving.events.get(event_id)
    if event is None or event.status == Event.Status.DRAFT:
        raise Event.DoesNotExist
    return event


def release(*, event_id: int, user: User) -> TicketHold | None:
    """Release the person's hold or leave the line; return the place as it ended, None if there never was one.

    Doing it again changes nothing and answers the same. Raises AlreadyBooked when it was booked meanwhile: a ticket is
    cancelled, not released.
    """
    return _unless_refused(release_all(event_id=event_id, user_ids=[user.pk])[user.pk])


@again_after_conflict
def release_all(*, event_id: int, user_ids: Collection[int]) -> dict[int, TicketHold | Refused | None]:
    """Release for many people at once, each as by `release`, in one transaction, and serve the line once."""
    with locked([event_id]) as serving:
        event = _published(serving, event_id)
        newest = newest_places(event_id, user_ids)
        live = {user_id: place for user_id, place in newest.items() if place.status in TicketHold.UNENDED}
        _end_places(serving, live.values(), Cause.RELEASED)
        if live:
            serving.bring_up_to_date()
        for place in newest.values():
            place.event = event  # so that nobody who reads it waits for a connection
        without = [user_id for user_id in user_ids if user_id not in live]
        booked = with_ticket(event_id, without) if without else {}
    detail = _("You have a ticket for this event, and no hold. To give it back, cancel the ticket.")
    return {user_id: AlreadyBooked(detail) if user_id in booked else newest.get(user_id) for user_id in user_ids}


def _end_places(serving: Serving, places: Iterable[TicketHold], cause: Cause, reason: str = "") -> None:
    ending: dict[bool, list[TicketHold]] = {True: [], False: []}
    for place in places:
        ending[place.status == TicketHold.Status.HELD].append(place)
    serving.end(ending[True], TicketHold.Status.RELEASED, cause, reason)
    serving.end(ending[False], TicketHold.Status.LEFT, cause, reason)


def end_places(places: TicketHoldQuerySet, *, cause: Cause, reason: str = "") -> int:
    """End these places, held or waiting, and serve their events; return how many ended.

    For a person who signed out, was deactivated or erased, and for staff. One transaction per event; a caller who has
    one open, as at a sign-out, keeps the locks of all these events until it ends.
    """
    events = sorted(set(places.unended().values_list("event", flat=True)))
    return sum(_end_places_of(event_id, places, cause, reason) for event_id in events)


@again_after_conflict
def _end_places_of(event_id: int, places: TicketHoldQuerySet, cause: Cause, reason: str) -> int:
    with locked([event_id]) as serving:
        mine = list(places.unended().filter(event=event_id))
        _end_places(serving, mine, cause, reason)
        serving.bring_up_to_date()
    return len(mine)


@again_after_conflict
def end_places_for_good(user: User, cause: Cause) -> None:
    """End the places of somebody who is not active any more, those included that are being given just now.

    Whoever read that they are active has the lock of an event that gives places, until the place can be seen.
    """
    with transaction.atomic():
        list(_on_sale_locked(moment=now()))
    end_places(TicketHold.objects.filter(user=user), cause=cause)


@again_after_conflict
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
            told = {"is_cancel_mail_due": cause == Cause.CANCELLED_BY_STAFF}
            if unused.update(cancelled_at=serving.moment, cancel_reason=reason, **told) != 1:
                raise AlreadyCheckedIn  # the gate takes no lock on the event: it was a moment faster
            serving.cancel(ticket, cause, reason)
            serving.bring_up_to_date()
            trail.record_of_ticket(trail.Action.TICKET_CANCELLED, ticket, detail=reason)
        elif Ticket.objects.filter(replaces=ticket).exists():
            raise AlreadyGiven
    return ticket


def _lapsed_hold() -> TicketHoldQuerySet:
    return TicketHold.objects.lapsed(prepared.moment("moment")).filter(event=prepared.number("event")).order_by()[:1]


_on_sale_locked = Prepared(
    lambda: Event.objects.on_sale(prepared.moment("moment")).order_by("pk").select_for_update(no_key=True)
)
_events = Prepared(lambda: Event.objects.filter(pk=prepared.number("event")))
_a_lapsed_hold = Prepared(_lapsed_hold)
