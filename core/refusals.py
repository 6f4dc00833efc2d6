"""Why a request is refused: every reason the allocation can give, with its words for people."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Refused(Exception):
    """A request that the rules forbid: `status` and `can_join` for the client (DESIGN 3.2), `detail` for people.

    The words are put into a language where they are told: of those whom the line refuses together, each has their own.
    """

    status = ""
    detail: "StrOrPromise" = ""
    can_join = False

    def __init__(self, detail: "StrOrPromise" = "", *, can_join: bool | None = None) -> None:
        self.detail = detail or self.detail
        self.can_join = self.can_join if can_join is None else can_join
        super().__init__(self.detail)


class LoginEnded(Refused):
    """The session in which somebody asks has ended since its page was opened."""

    status = "login_required"
    detail = _("Log in first: places are given to people, in the order of their logins.")


class StillNeeded(Refused):
    """Somebody without whom events, or the site, would be nobody's wants to erase their account."""

    status = "still_needed"


class SoldOut(Refused):
    """No place is free."""

    status = "sold_out"
    detail = _("Every place is booked or held. Join the line: the next free place goes to the first in it.")
    can_join = True


class PeopleWaiting(Refused):
    """A free place belongs to the first in line."""

    status = "people_waiting"
    detail = _("People are waiting for this event, and the next free place is theirs. Join the line behind them.")
    can_join = True


class HoldExpired(Refused):
    """The hold lapsed before it was booked, and its place is gone."""

    status = "hold_expired"
    detail = _("Your hold ran out before it was booked, and the place went on. Join the line for the next one.")
    can_join = True


class HoldOver(Refused):
    """What staff wanted to extend is not held any more."""

    status = "hold_over"
    detail = _("This place is not held any more: it was booked or released, or its time was up. Nothing was done.")


class NotOnSale(Refused):
    """Outside the sales window."""

    status = "not_on_sale"


class AlreadyBooked(Refused):
    """The person has a valid ticket; one each."""

    status = "already_booked"
    detail = _("You already have a ticket for this event. One ticket per person.")


class EventCancelled(Refused):
    """The event will not take place."""

    status = "cancelled"
    detail = _("This event was cancelled. Nothing can be booked or changed any more.")


class EventOver(Refused):
    """The event has started."""

    status = "over"
    detail = _("This event has already started. Nothing can be booked or cancelled any more.")


class AlreadyCheckedIn(Refused):
    """The ticket was used at the gate."""

    status = "already_checked_in"
    detail = _("This ticket was already used at the gate, so it cannot be cancelled.")


class NotYourScan(Refused):
    """Staff take back their own scans only."""

    status = "not_yours"
    detail = _("Only whoever scanned it, the event's organizer or an administrator can take this scan back.")


class UndoTooLate(Refused):
    """The time in which staff may take a scan back is over."""

    status = "too_late"
    detail = _("A scan can be taken back for 5 minutes. The event's organizer can still do it.")


class NothingToUndo(Refused):
    """Nobody was let in by this scan, or it was taken back before."""

    status = "nothing_to_undo"
    detail = _("There is nothing to take back: nobody is in by this scan.")


class AlreadyGiven(Refused):
    """Another ticket has taken the place of this one."""

    status = "given"
    detail = _(
        "This ticket was given to somebody else, or has a new code: nothing can be done with the old one any more."
    )


class OfferEnded(Refused):
    """An offer of a ticket that can be accepted no more."""

    status = "offer_ended"
    detail = _("This offer has ended: it was withdrawn, declined, or made to somebody else.")


class TooMany(Refused):
    """As often as it may be done for now."""

    status = "too_many"


class AlreadySent(Refused):
    """A message that is on its way is no draft any more."""

    status = "already_sent"
    detail = _("This message was sent, so it stays as it is.")


class Discarded(Refused):
    """A draft that somebody has discarded, in another tab or at the same instant."""

    status = "discarded"
    detail = _("This draft was discarded before, so nobody was sent it.")


class NothingToStop(Refused):
    """A message of which nothing is on its way: a draft, or one that was sent to all."""

    status = "nothing_to_stop"


class NobodyToTell(Refused):
    """A message that is for nobody."""

    status = "nobody"
    detail = _("Nobody can be written to: nobody is in this group now, or nobody of it wants messages.")


class CapacityTooLow(Refused):
    """The capacity asked for is below what is booked and held."""

    status = "capacity_too_low"


class Overtaken(Refused):
    """Somebody else has saved the same of an event while this was on its way."""

    status = "overtaken"
    detail = _(
        "Somebody else saved this event at the same moment, so nothing was saved. Save again to see what differs."
    )


class EventInUse(Refused):
    """The event has places or tickets, so it cannot become a draft again, or be deleted."""

    status = "event_in_use"
    detail = _("People have places or tickets for this event. Cancel it instead of hiding it as a draft.")


class TermsFrozen(Refused):
    """The sale has opened, so what decides about the line stays as it was announced."""

    status = "terms_frozen"
    detail = _("The sale has opened: the order of the line and its tiers stay as they were announced before.")


class NotReady(Refused):
    """A draft lacks what an event that everybody sees must have; `reasons` says what, a sentence each."""

    status = "not_ready"

    def __init__(self, reasons: list[str]) -> None:
        self.reasons = reasons
        super().__init__(" ".join(reasons))


class OpeningSkipped(Refused):
    """The sale would end together with its announced opening, which would not take place."""

    status = "opening_skipped"
    detail = _(
        "The sale has been announced and has not opened: close it after a moment of opening that is still to come, or"
        " cancel the event."
    )


class NotImported(Refused):
    """Events of a file that cannot be created, or were already."""

    status = "not_imported"
