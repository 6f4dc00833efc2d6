"""Giving a ticket to somebody else, and a new code to the same person: another hand of the allocation.

One mechanism for both: the old ticket ends, so that the gate refuses its code from that instant on, and a new one takes
over its right. The place changes hands and never becomes free, so the event's numbers stay. Offers are made, ended and
accepted under the event's lock as well; the gate, which takes none, is met by a compare-and-swap of the ticket.

What does not live here: who may (the views), and whose address an offer was made to (`accounts.py`).
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import ticket_code
from .fairness.ledger import pseudonym
from .locking import again_after_conflict, locked
from .models import Cause, Event, Ticket, TicketHold, TicketTransfer, TicketTransferQuerySet, User
from .refusals import (
    AlreadyBooked,
    AlreadyCheckedIn,
    AlreadyGiven,
    EventCancelled,
    EventOver,
    LoginEnded,
    OfferEnded,
    TooMany,
)
from .serving import Serving
from .trust import trail
from .trust.trail import Action

HOUR = dt.timedelta(hours=1)
OFFERS_AN_HOUR = 5  # of one person's tickets for an event, new codes included: each is a mail to whomever they like
OFFERS_BY_ONE = 20  # an hour, of all events
NEW_CODES_AN_HOUR = 5  # each is a mail with a PDF

End = TicketTransfer.End
USED = gettext_lazy("This ticket was already used at the gate, so it stays as it is.")
STARTED = gettext_lazy("This event has already started, so tickets do not change any more.")


@contextmanager
def _locked(ticket_id: int, by: User | None = None) -> Iterator[tuple[Serving, Ticket]]:
    """Lock the event of a ticket, and before it whoever acts, if named; the ticket is read after that.

    Raises LoginEnded for somebody named who is not active any more.
    """
    event_id = Ticket.objects.values_list("event", flat=True).get(pk=ticket_id)
    with locked([event_id], person=by) as serving:
        if event_id not in serving.events:
            raise LoginEnded
        yield serving, Ticket.objects.get(pk=ticket_id)


@contextmanager
def _locked_offer(transfer_id: int) -> Iterator[tuple[Serving, TicketTransfer]]:
    event_id = TicketTransfer.objects.values_list("ticket__event", flat=True).get(pk=transfer_id)
    with locked([event_id]) as serving:
        yield serving, TicketTransfer.objects.select_related("ticket__user").get(pk=transfer_id)


@again_after_conflict
def offer(*, ticket_id: int, email: str, by: User, reason: str = "") -> TicketTransfer:
    """Offer a ticket to whoever has this address; an offer to another one ends thereby, the same again is the same.

    Raises AlreadyGiven, AlreadyCheckedIn, EventCancelled, EventOver, LoginEnded, and TooMany.
    """
    email = email.lower()
    with _locked(ticket_id, by) as (serving, ticket):
        _refuse_unless_valid(ticket, serving.events[ticket.event_id])
        _refuse_started(serving.events[ticket.event_id], serving.moment)
        standing = ticket.transfers.unended().first()
        if standing is not None and standing.email == email:
            return standing
        _refuse_many_offers(ticket, by, serving.moment)
        _end(ticket.transfers.unended(), End.REPLACED, serving.moment)
        trail.record_of_ticket(Action.TICKET_OFFERED, ticket, detail=reason)
        made = {"email": email, "offered_by": by, "offered_at": serving.moment, "reason": reason}
        return TicketTransfer.objects.create(ticket=ticket, **made)


def _refuse_unless_valid(ticket: Ticket, event: Event) -> None:
    if ticket.checked_in_at is not None:
        raise AlreadyCheckedIn(str(USED))
    if Ticket.objects.filter(replaces=ticket).exists():
        raise AlreadyGiven
    if ticket.cancelled_at is not None:
        raise EventCancelled(_("This ticket was cancelled: nothing can be done with it any more."))
    if event.status == Event.Status.CANCELLED:
        raise EventCancelled


def _refuse_started(event: Event, moment: dt.datetime) -> None:
    if event.is_over(moment):
        raise EventOver(str(STARTED))


def _refuse_many_offers(ticket: Ticket, by: User, moment: dt.datetime) -> None:
    lately = TicketTransfer.objects.filter(offered_at__gt=moment - HOUR)
    if lately.filter(ticket__event=ticket.event_id, ticket__user=ticket.user_id).count() >= OFFERS_AN_HOUR:
        many = _("A ticket can be offered %(count)d times an hour at most. Try again later.")
        raise TooMany(many % {"count": OFFERS_AN_HOUR})
    if lately.filter(offered_by=by).count() >= OFFERS_BY_ONE:
        many = _("You can offer tickets %(count)d times an hour at most. Try again later.")
        raise TooMany(many % {"count": OFFERS_BY_ONE})


def _end(offers: QuerySet[TicketTransfer], end: End, moment: dt.datetime) -> int:
    """End offers of which nobody need be told, by people or by time; return how many ended."""
    return offers.update(ended_at=moment, end=end, mailed_at=Coalesce("mailed_at", Value(moment)))


@again_after_conflict
def withdraw(*, ticket_id: int) -> None:
    """End the open offer of a ticket; without one nothing changes. Raises AlreadyGiven: somebody was faster."""
    with _locked(ticket_id) as (serving, ticket):
        if ticket.transfers.filter(accepted_at__isnull=False).exists():
            raise AlreadyGiven(_("This ticket was accepted before that, so it is somebody else's now."))
        if _end(ticket.transfers.unended(), End.WITHDRAWN, serving.moment):
            trail.record_of_ticket(Action.TICKET_WITHDRAWN, ticket)


@again_after_conflict
def decline(*, transfer_id: int) -> None:
    """End an offer because its recipient does not want the ticket; again, nothing changes.

    Raises AlreadyGiven once it was accepted, and OfferEnded.
    """
    with _locked_offer(transfer_id) as (serving, transfer):
        if transfer.accepted_at is not None:
            raise AlreadyGiven(_("You have accepted this ticket. To give it back, cancel it."))
        if transfer.end == End.DECLINED:
            return
        if transfer.ended_at is not None:
            raise OfferEnded
        # With mail due again: to whoever made the offer.
        ended = {"ended_at": serving.moment, "end": End.DECLINED, "mailed_at": None}
        TicketTransfer.objects.filter(pk=transfer_id).update(**ended)
        trail.record_of_ticket(Action.TICKET_DECLINED, transfer.ticket)


@again_after_conflict
def end_offers(offers: TicketTransferQuerySet) -> None:
    """End those of these offers that have not ended: the account of somebody concerned is erased."""
    for event_id in sorted(set(offers.unended().values_list("ticket__event", flat=True))):
        with locked([event_id]) as serving:
            _end(offers.unended().filter(ticket__event=event_id), End.VOID, serving.moment)


def end_void_offers(offers: QuerySet[TicketTransfer], moment: dt.datetime) -> int:
    """End offers that cannot be accepted any more; return how many. Without the event's lock: nobody can anyway."""
    return _end(offers, End.VOID, moment)


@again_after_conflict
def accept(*, transfer_id: int, user: User) -> Ticket:
    """Take an offered ticket: the old one ends, and the person has a new one in its place, with a code of its own.

    Accepting again gives the same ticket. A live place of the person ends. Raises AlreadyBooked, AlreadyCheckedIn,
    EventCancelled, EventOver, and OfferEnded.
    """
    with _locked_offer(transfer_id) as (serving, transfer):
        if transfer.accepted_by_id == user.pk:
            return Ticket.objects.get(replaces=transfer.ticket_id)
        if transfer.status != "open":
            raise OfferEnded
        event = serving.events[transfer.ticket.event_id]
        _refuse_unless_valid(transfer.ticket, event)
        _refuse_started(event, serving.moment)
        if Ticket.objects.valid().filter(event=event, user=user).exists():
            raise AlreadyBooked
        ticket = _replace(serving, transfer.ticket, user, transfer.reason)
        accepted = {"accepted_at": serving.moment, "accepted_by": user, "mailed_at": None}
        TicketTransfer.objects.filter(pk=transfer_id).update(**accepted)
        serving.bring_up_to_date()
        trail.record_of_ticket(Action.TICKET_ACCEPTED, transfer.ticket)
    return ticket


@again_after_conflict
def reissue(*, ticket_id: int, by_staff: bool = False, reason: str = "") -> Ticket:
    """Give the same person a new code, because the old one was seen by others; an open offer ends.

    Again for the same old ticket, it is the same new one. Owners can until the event starts, staff after that too.
    Raises AlreadyGiven, AlreadyCheckedIn, EventCancelled, EventOver, and TooMany.
    """
    with _locked(ticket_id) as (serving, old):
        event = serving.events[old.event_id]
        again = Ticket.objects.filter(replaces=old, user=old.user_id).first()
        if again is not None:
            return again
        _refuse_unless_valid(old, event)
        if not by_staff:
            _refuse_started(event, serving.moment)
        _refuse_many_codes(old, serving.moment)
        ticket = _replace(serving, old, old.user, reason)
        _end(old.transfers.unended(), End.VOID, serving.moment)
        serving.bring_up_to_date()
        trail.record_of_ticket(Action.TICKET_REISSUED, old, detail=reason)
    return ticket


def _refuse_many_codes(ticket: Ticket, moment: dt.datetime) -> None:
    mine = Ticket.objects.filter(event=ticket.event_id, user=ticket.user_id, replaces__user=F("user"))
    if mine.filter(booked_at__gt=moment - HOUR).count() >= NEW_CODES_AN_HOUR:
        many = _("A ticket can have a new code %(count)d times an hour at most. Try again later.")
        raise TooMany(many % {"count": NEW_CODES_AN_HOUR})


def _replace(serving: Serving, old: Ticket, person: User, reason: str) -> Ticket:
    """End a ticket and issue another one in its place, of the same tier; the counters stay."""
    unused = Ticket.objects.valid().filter(pk=old.pk, checked_in_at=None)
    if unused.update(cancelled_at=serving.moment, cancel_reason=reason) != 1:
        raise AlreadyCheckedIn(str(USED))  # the gate was a moment faster; nothing was written yet
    old.cancelled_at = serving.moment
    event, is_given = serving.events[old.event_id], person.pk != old.user_id
    _end_place(serving, event, person, Cause.GIVEN_A_TICKET if is_given else Cause.BOOKED_ELSEWHERE)
    ticket = Ticket(event=event, user=person, tier=old.tier, booked_at=serving.moment, replaces=old)
    ticket.code = ticket_code.make(event.pk)
    ticket.save()
    numbers = {"ticket": old.pk, "to_ticket": ticket.pk, "to_person": pseudonym(event, person.pk), "tier": old.tier}
    why = {"reason": reason} if reason else {}
    serving.ledger.note(event, "transfer", user_id=old.user_id, **numbers, **why)
    serving.tickets += [old, ticket]
    return ticket


def _end_place(serving: Serving, event: Event, person: User, cause: Cause) -> None:
    place = TicketHold.objects.unended().filter(event=event, user=person).first()
    if place is not None:
        held = place.status == TicketHold.Status.HELD
        serving.end([place], TicketHold.Status.RELEASED if held else TicketHold.Status.LEFT, cause)
