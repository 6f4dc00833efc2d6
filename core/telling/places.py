"""What one person is told about a place or a ticket of theirs: your turn, about to lapse, cancelled by staff.

Each is told once, which is noted on the row (`noted.py`).
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext, ngettext
from post_office.models import PRIORITY, Email

from .. import prepared
from ..documents import absolute
from ..models import Notice, Ticket, TicketHold, TicketHoldQuerySet
from ..now import now
from ..push import sending
from . import noted, wishes
from .letters import about, in_language_of, letter, local, name_of, stored
from .noted import Letter

SETTLED = dt.timedelta(seconds=10)  # since a hold was placed: whoever watches the page has booked by then,
SETTLED_IN_RUSH = dt.timedelta(seconds=60)  # and most people do in a rush
WARNED_BEFORE = dt.timedelta(minutes=2)  # the end of a hold, as on the page (rule 15)
TOO_LATE = dt.timedelta(seconds=20)  # before its end: a mail would come after it
LONG_ENOUGH = dt.timedelta(minutes=5)  # for a mail that says that a hold is about to lapse


def _turns(settled: Any, moment: Any) -> TicketHoldQuerySet:
    held = TicketHold.objects.filter(status=TicketHold.Status.HELD, is_turn_due=True)
    return held.filter(held_at__lte=settled, expires_at__gt=moment).order_by("held_at", "pk")


def _lapsing(soon: Any, latest: Any) -> TicketHoldQuerySet:
    held = TicketHold.objects.filter(status=TicketHold.Status.HELD, lapse_mailed_at=None)
    ending = held.filter(expires_at__lte=latest, expires_at__gt=soon)
    return ending.filter(expires_at__gte=F("held_at") + LONG_ENOUGH).order_by("user", "pk")


def _cancelled() -> QuerySet[Ticket]:
    return Ticket.objects.filter(is_cancel_mail_due=True).order_by("pk")


# Every process asks these every second.
_a_turn = prepared.Rows(lambda: _turns(prepared.moment("settled"), prepared.moment("moment")).values_list("pk")[:1])
_one_lapsing = prepared.Rows(lambda: _lapsing(prepared.moment("soon"), prepared.moment("latest")).values_list("pk")[:1])
_one_cancelled = prepared.Rows(lambda: _cancelled().values_list("pk")[:1])


def tell(*, in_rush: bool = False) -> int:
    """Store the mails that are due, a batch of each kind at most; return how many rows were noted."""
    return _tell_turns(SETTLED_IN_RUSH if in_rush else SETTLED) + _warn() + _tell_of_cancellations()


def _tell_turns(settled: dt.timedelta) -> int:
    moment = now()
    if not _a_turn(settled=moment - settled, moment=moment):
        return 0
    return noted.store(_turns(moment - settled, moment), _write_turns, beside=sending.store, is_turn_due=False)


def _warn() -> int:
    moment = now()
    span = {"soon": moment + TOO_LATE, "latest": moment + WARNED_BEFORE}
    if not _one_lapsing(**span):
        return 0
    return noted.store(_lapsing(**span), _write_warnings, lapse_mailed_at=moment)


def _tell_of_cancellations() -> int:
    if not _one_cancelled():
        return 0
    return noted.store(_cancelled(), _write_cancellations, is_cancel_mail_due=False)


def _write_turns(places: list[TicketHold]) -> Iterator[Letter]:
    muted = wishes.muted_by((place.user_id for place in places), Notice.TURN)
    for place in places:
        rows = frozenset({place.pk})
        yield Letter(rows, None if place.user_id in muted else _turn(place))


def _turn(place: TicketHold) -> Email | None:
    with in_language_of(place.user):
        subject = gettext("Your turn: %(event)s") % {"event": name_of(place.event)}
        message = letter("turn", subject, place.user, about(place.event) | _hold(place), Notice.TURN)
    return stored(message, PRIORITY.high, {"turn": place.pk})


def _hold(place: TicketHold) -> dict[str, Any]:
    assert place.held_at is not None  # noqa: S101 -- a constraint has it so
    assert place.expires_at is not None  # noqa: S101 -- as above
    return {
        "name": place.event.name,
        "until": local(place.expires_at, place.event),
        "minutes": round((place.expires_at - place.held_at) / dt.timedelta(minutes=1)),
        "url": absolute(place.event.get_absolute_url()),
    }


def _write_warnings(places: list[TicketHold]) -> Iterator[Letter]:
    """Yield one mail for each person: a login may hold ten places, which lapse at the same moment."""
    muted = wishes.muted_by((place.user_id for place in places), Notice.LAPSE)
    of_person: dict[int, list[TicketHold]] = defaultdict(list)
    for place in places:
        of_person[place.user_id].append(place)
    for user_id, theirs in of_person.items():
        rows = frozenset(place.pk for place in theirs)
        yield Letter(rows, None if user_id in muted else _warning(theirs))


def _warning(places: list[TicketHold]) -> Email | None:
    event, person, count = places[0].event, places[0].user, len(places)
    with in_language_of(person):
        several = ngettext("%(count)d event", "%(count)d events", count) % {"count": count}
        what = name_of(event) if count == 1 else several
        subject = gettext("Your hold is about to lapse: %(what)s") % {"what": what}
        context = {"holds": [_hold(place) for place in places], **about(event)}
        message = letter("lapse", subject, person, context, Notice.LAPSE)
    return stored(message, PRIORITY.high, {"lapse": [place.pk for place in places]})


def _write_cancellations(tickets: list[Ticket]) -> Iterator[Letter]:
    for ticket in tickets:
        with in_language_of(ticket.user):
            subject = gettext("Your ticket was cancelled: %(event)s") % {"event": name_of(ticket.event)}
            message = letter("ticket_cancelled", subject, ticket.user, about(ticket.event) | {"ticket": ticket})
        yield Letter(frozenset({ticket.pk}), stored(message, PRIORITY.medium, {"cancelled_ticket": ticket.pk}))


def over(context: dict[str, Any]) -> str:
    """Return why a mail about holds is not to be sent any more; empty if it is.

    Of several holds some may be over, or be extended: then the others are due again, in a mail of their own.
    """
    ids = [context["turn"]] if "turn" in context else context.get("lapse", [])
    if not ids:
        return ""
    moment = now()
    live = TicketHold.objects.filter(pk__in=ids, status=TicketHold.Status.HELD, expires_at__gt=moment)
    concerned = live if "turn" in context else live.filter(expires_at__lte=moment + WARNED_BEFORE)
    left = list(concerned.values_list("pk", flat=True))
    if len(left) == len(ids):
        return ""
    TicketHold.objects.filter(pk__in=left).update(lapse_mailed_at=None)
    return "The hold ended, or was extended, before this mail was sent."
