"""Looking somebody up at the door, who came without their code."""

from functools import reduce
from operator import or_

from django.core import signing
from django.db.models import F, Q

from ..folding import folded
from ..models import Event, Ticket, TicketQuerySet, User

MOST_FOUND = 20
LEAST_TYPED = 2  # characters
KEPT = 15 * 60  # seconds in which somebody who was found can be let in
_NAMES = ("username", "first_name", "last_name")
_SALT = "found at the gate"


def whose_names_have(text: str, tickets: TicketQuerySet, *, whole_email: bool = False) -> TicketQuerySet:
    """Return those of the tickets in whose person's names or e-mail each word of the text is, or is the e-mail."""
    for word in text.split():
        is_in_email = Q(user__email__iexact=word) if whole_email else Q(user__email__folded__contains=folded(word))
        is_in_name = (Q(**{f"user__{name}__folded__contains": folded(word)}) for name in _NAMES)
        tickets = tickets.filter(reduce(or_, is_in_name, is_in_email))
    return tickets


def find_tickets(event: Event, text: str) -> list[Ticket]:
    """Return the event's tickets, at most 20 and valid ones first, in whose person's names each word is.

    An e-mail address counts as a whole: letter by letter, what is masked could be found out.
    """
    tickets = whose_names_have(text, Ticket.objects.filter(event=event), whole_email=True)
    valid_first = F("cancelled_at").asc(nulls_first=True)
    return list(tickets.select_related("user", "event").order_by(valid_first, "user__username", "pk")[:MOST_FOUND])


def token_of(ticket: Ticket, staff: User) -> str:
    """Return what lets one member of staff scan a ticket that they have found, for a while; ids could be counted up."""
    return signing.dumps([ticket.pk, staff.pk], salt=_SALT)


def found_ticket(token: str, event: Event, staff: User) -> Ticket | None:
    """Return the ticket that a token of `token_of` names; None for any other text, and once its time is over."""
    try:
        ticket_id, staff_id = signing.loads(token, salt=_SALT, max_age=KEPT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Ticket.objects.filter(pk=ticket_id, event=event).first() if staff_id == staff.pk else None
