"""What staff may do to an event's line: change its terms, pause and resume serving, extend holds.

Each happens under the event's lock and is entered in its ledger, what interferes with the line with a reason; for a
draft that a colleague deleted meanwhile it raises Event.DoesNotExist. Who may is decided by the caller; ending single
places and tickets is in `allocation.py`.
"""

import datetime as dt
from typing import Any

from django.utils.translation import gettext as _

from .fairness.ledger import extensions, extensions_of_hold, openings
from .formats import fill
from .locking import again_after_conflict, locked, locked_event
from .models import Event, Ticket, TicketHold, new_secret
from .readiness import missing, with_values
from .refusals import CapacityTooLow, EventCancelled, EventInUse, HoldOver, NotReady, OpeningSkipped, TermsFrozen
from .serving import Serving
from .telling.changes import announce_revision, facts_of

LONGEST_EXTENSION = 24 * 60  # minutes: more is a typing error
TERMS = {"line_policy", "tier_shares"}  # what people rely on when they take a place


@again_after_conflict
def revise_event(*, event_id: int, values: dict[str, Any]) -> None:
    """Change an existing event: details, capacity, sales window, status; serve whoever can be served then.

    Raises CapacityTooLow (it names the least possible number), EventInUse, TermsFrozen and OpeningSkipped. Cancelling
    ends places and holds; a sale that is moved into the future opens again, and one that is on sale by this revision
    opens with it.
    """
    with locked_event(event_id) as (serving, event):
        _revise(serving, event, values)


@again_after_conflict
def publish_event(*, event_id: int) -> bool:
    """Show a draft to everybody. Return False if that was so before. Raises NotReady, EventCancelled."""
    with locked_event(event_id) as (serving, event):
        _refuse_cancelled(event)
        is_change = event.status != Event.Status.PUBLISHED
        if is_change:
            if reasons := missing(event, serving.moment):
                raise NotReady(reasons)
            _revise(serving, event, {"status": Event.Status.PUBLISHED})
    return is_change


@again_after_conflict
def cancel_event(*, event_id: int, told: str = "") -> bool:
    """Cancel an event (rule 19): its places and holds end, its tickets open no gate. Return False if it was before.

    What is `told` stands in the mail to everybody whom it concerns.
    """
    with locked_event(event_id) as (serving, event):
        is_change = event.status != Event.Status.CANCELLED
        if is_change:
            _revise(serving, event, {"status": Event.Status.CANCELLED}, told)
    return is_change


def _revise(serving: Serving, event: Event, values: dict[str, Any], told: str = "") -> None:
    _refuse_revision(event, values, serving.moment)
    has_opened, shares = event.opened_at is not None or event.is_on_sale(serving.moment), event.tier_shares
    awaits_opening, facts = _awaits_opening(event, serving.moment), facts_of(event)
    for name, value in values.items():
        setattr(event, name, value)
    if has_opened and not awaits_opening:
        _stay_opened(event, serving.moment)
    if (awaits_opening or event.is_to_open) and event.is_on_sale(serving.moment):
        event.sales_open_at = serving.moment  # this is the opening: whoever is there now was there
    serving.ledger.store()  # an opening of just now, too
    if event.is_to_open and event.draw_seed in {opening["seed"] for opening in openings(event)}:
        event.draw_seed = new_secret()  # a second opening: everybody knows the seed of the first
    serving.write_numbers()  # of holds that lapsed: a capacity lowered to what is left must not meet the old ones
    event.save(update_fields={*values, "sales_open_at", "opened_at", "draw_seed"})
    serving.revise(event)
    announce_revision(event, facts, serving.moment, told)
    if event.tier_shares != shares:
        serving.retier(TicketHold.objects.waiting().filter(event=event))
    if event.status == Event.Status.CANCELLED:
        serving.tickets += Ticket.objects.valid().filter(event=event)  # which no longer open the gate
    serving.bring_up_to_date()
    if event.ledger_seq:  # one that has begun: an event nobody ever touched has nothing to tell
        serving.ledger.note_terms(event)


def _stay_opened(event: Event, moment: dt.datetime) -> None:
    """Keep in mind that a sale has opened; another moment told for that, a past one too, is no second opening."""
    is_retold = event.is_to_open and event.sales_open_at is not None and event.sales_open_at <= moment
    if event.opened_at is None or is_retold:
        event.opened_at = moment


def _refuse_revision(event: Event, values: dict[str, Any], moment: dt.datetime) -> None:
    taken = event.booked + event.held
    if values.get("capacity", event.capacity) < taken:
        told = _("Booked: %(booked)d, held: %(held)d. The capacity cannot go below %(taken)d.")
        raise CapacityTooLow(fill(told, booked=event.booked, held=event.held, taken=taken))
    hidden = values.get("status") == Event.Status.DRAFT and event.status != Event.Status.DRAFT
    if hidden and (taken or TicketHold.objects.unended().filter(event=event).exists()):
        raise EventInUse
    after = with_values(event, values)
    if _awaits_opening(event, moment) and _skips_opening(after, moment):
        raise OpeningSkipped
    is_revised = any(values[name] != getattr(event, name) for name in TERMS & values.keys())
    # Nor together with the opening itself: nobody could have known them before.
    is_late = event.status != Event.Status.DRAFT and not after.is_before_sale(moment)
    if is_revised and (is_late or are_terms_frozen(event, moment)):
        raise TermsFrozen


def _awaits_opening(event: Event, moment: dt.datetime) -> bool:
    return event.is_to_open and event.is_before_sale(moment)


def _skips_opening(after: Event, moment: dt.datetime) -> bool:
    """Return whether the moment of an opening is gone from an event that will be published without being on sale.

    Nobody would be put in line or drawn, as was promised, and the sale could go on later as if they had been.
    """
    is_gone = after.sales_open_at is None or after.sales_open_at <= moment
    return is_gone and after.status == Event.Status.PUBLISHED and not after.is_on_sale(moment)


def are_terms_frozen(event: Event, moment: dt.datetime) -> bool:
    """Return whether people rely on the event's terms by now: its sale has opened before, or a place of it is taken.

    A sale that is moved into the future once more keeps its terms: some have waited since it opened.
    """
    is_taken = event.booked + event.held > 0
    has_opened = event.opened_at is not None or not event.is_before_sale(moment)
    return event.status != Event.Status.DRAFT and (is_taken or has_opened)


@again_after_conflict
def pause(*, event_id: int, reason: str) -> bool:
    """Stop giving free places; people may join, and live holds stay bookable. Return False if that was so before.

    Raises EventCancelled.
    """
    with locked_event(event_id) as (serving, event):
        _refuse_cancelled(event)
        is_change = event.paused_at is None
        if is_change:
            serving.ledger.note(event, "pause", reason=reason)
            _set_pause(serving, event, serving.moment, reason)
    return is_change


@again_after_conflict
def resume(*, event_id: int, reason: str) -> bool:
    """Go on serving, in the order that the line has. Return False if it was not paused. Raises EventCancelled."""
    with locked_event(event_id) as (serving, event):
        _refuse_cancelled(event)
        is_change = event.paused_at is not None
        if is_change:
            serving.ledger.note(event, "resume", reason=reason)
            _set_pause(serving, event, None, "")
            serving.bring_up_to_date()
    return is_change


def _refuse_cancelled(event: Event) -> None:
    if event.status == Event.Status.CANCELLED:  # its line has ended, and its ledger is about that line
        raise EventCancelled


def _set_pause(serving: Serving, event: Event, moment: dt.datetime | None, reason: str) -> None:
    event.paused_at, event.pause_reason = moment, reason
    event.save(update_fields=["paused_at", "pause_reason"])
    serving.revise(event)


@again_after_conflict
def extend_holds(*, event_id: int, minutes: float, reason: str, seen: int | None = None) -> int | None:
    """Give everybody who holds a place of the event so many minutes more, after an outage say; return how many do.

    Who waits, waits on in the same order. Holds that had lapsed before stay lapsed. With `seen`, the number of
    extensions that the caller knows of, nothing is done and None returned if there are more: a button pressed twice, or
    two colleagues, are one extension. Raises EventCancelled, and ValueError for a length that is none: 0 or less, or
    more than a day.
    """
    by = _extension(minutes)
    with locked_event(event_id) as (serving, event):
        _refuse_cancelled(event)
        if seen is not None and seen != extensions(event):
            return None
        return serving.extend(event, by, reason)


@again_after_conflict
def extend_hold(*, event_id: int, hold_id: int, minutes: float, reason: str, seen: int | None = None) -> bool:
    """Give one person who holds a place so many minutes more; who waits, waits on in the same order.

    With `seen`, the number of extensions of this hold that the caller knows of, nothing is done and False returned if
    there are more. Raises HoldOver for a place that is not held any more, and ValueError as `extend_holds` does.
    """
    by = _extension(minutes)
    with locked([event_id]) as serving:  # what has lapsed ends with that
        held = TicketHold.objects.filter(pk=hold_id, event=event_id, status=TicketHold.Status.HELD)
        place = held.select_related("event").first()
        if place is None:
            raise HoldOver
        if seen is not None and seen != extensions_of_hold(place):
            return False
        serving.extend_one(place, by, reason)
    return True


def _extension(minutes: float) -> dt.timedelta:
    if not 0 < minutes <= LONGEST_EXTENSION:
        raise ValueError(f"Holds are extended by more than 0 and at most {LONGEST_EXTENSION} minutes, not {minutes}.")
    return dt.timedelta(minutes=minutes)
