"""Looking somebody up at the door, who came without their code."""

from django.db.models import F, Q

from ..models import Event, Ticket

MOST_FOUND = 20
LEAST_TYPED = 2  # characters
_FIELDS = ("username", "first_name", "last_name", "email")


def find_tickets(event: Event, text: str) -> list[Ticket]:
    """Return the event's tickets, at most 20 and valid ones first, in whose person's names or e-mail each word is."""
    tickets = Ticket.objects.filter(event=event).select_related("user", "event")
    for word in text.split():
        is_in_one = Q()
        for name in _FIELDS:
            is_in_one |= Q(**{f"user__{name}__icontains": word})
        tickets = tickets.filter(is_in_one)
    valid_first = F("cancelled_at").asc(nulls_first=True)
    return list(tickets.order_by(valid_first, "user__username", "pk")[:MOST_FOUND])
