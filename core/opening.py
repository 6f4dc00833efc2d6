"""The opening of a sale: who was there is put in line, and drawn where that was promised, before the first serve.

Carried out by `serving.py`, under the event's lock, once for each announced opening (rules 10 and 11).
"""

from typing import TYPE_CHECKING

from . import arrivals, tiers
from .fairness import draw
from .fairness.ledger import openings, promised_commitment, pseudonym
from .many import update_each
from .models import Event, TicketHold

if TYPE_CHECKING:
    from .serving import Serving  # which calls this


def open_sale(serving: "Serving", event: Event) -> None:
    """Put everybody who is there in line by their login, and draw them where everybody was promised that before.

    A draw that nobody could have known of, since no server ran or the event was a draft, is none: a seed that is told
    only with its outcome could have been chosen for it.
    """
    if event.is_drawn and promised_commitment(event) != draw.commitment(event.draw_seed):
        event.line_policy = Event.LinePolicy.LOGIN_FIFO
        serving.revise(event)
    if event.auto_hold:
        _put_in_line(serving, event)
    serving.link(list(TicketHold.objects.to_link().filter(event=event).order_by("pk")))
    if event.is_drawn:
        _draw(serving, event)
    else:
        serving.ledger.note(event, "opening")
    Event.objects.filter(pk=event.pk).update(opened_at=serving.moment, line_policy=event.line_policy)
    event.opened_at = serving.moment
    serving.touched.add(event.pk)  # its pages say that it is on sale, though no number of it may have changed


def _put_in_line(serving: "Serving", event: Event) -> None:
    present = arrivals.present_at_opening(event)
    tier_of = tiers.tiers_of(present, [event])
    places = [
        TicketHold(
            event=event,
            user_id=user,
            login_timestamp=rank,
            tier=tier_of.get((event.pk, user), 0),
            created_at=serving.moment,
        )
        for user, rank in present.items()
    ]
    serving.insert(places)


def _draw(serving: "Serving", event: Event) -> None:
    """Draw all who wait into a random order; who was drawn at an earlier opening keeps that number."""
    waiting = list(TicketHold.objects.waiting().filter(event=event, draw=None).order_by("pk"))
    serving.link(waiting)
    people = {pseudonym(event, place.user_id): place for place in waiting}
    frozen = draw.freeze(people)
    drawn = sum(opening["drawn"] for opening in openings(event))
    serving.ledger.note(event, "opening", seed=event.draw_seed, frozen=frozen, drawn=len(people))
    for number, person in enumerate(draw.order(event.draw_seed, frozen, people), start=drawn + 1):
        people[person].draw = number
        serving.note(people[person], "draw", draw=number)
    numbers = [(place.draw, place.pk) for place in waiting]
    update_each("core_tickethold", "draw = {draw}", {"draw": "int", "id": "bigint"}, numbers)
