"""What the pages of a ticket say about giving it away: the part of a valid one, and the page of one that is given."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ..forms.people import OfferForm
from ..forms.reasons import ReasonForm
from ..models import Ticket, TicketTransfer
from ..now import now


def offer_form(ticket: Ticket, data: Any = None, *, asks_why: bool) -> OfferForm:
    """Return the form that offers a ticket."""
    return OfferForm(data, owner=ticket.user, asks_why=asks_why)


def new_code_form(data: Any = None) -> ReasonForm:
    """Return the form in which staff say why they make a new code; its ids are not those of the other reasons."""
    return ReasonForm(data, auto_id="new_code_%s")


def transfer_context(ticket: Ticket, *, is_owner: bool) -> dict[str, Any]:
    """Return what `core/parts/ticket_transfer.html` shows."""
    is_over = ticket.event.is_over(now())
    is_valid = ticket.status == "valid"
    return {
        "can_offer": is_valid and not is_over,
        "can_have_new_code": is_valid and not (is_owner and is_over),
        "offer": ticket.transfers.open(now()).select_related("offered_by").first(),
        "offer_form": offer_form(ticket, asks_why=not is_owner),
        "new_code_form": new_code_form(),
    }


def given_page(request: HttpRequest, ticket: Ticket, following: Ticket) -> HttpResponse:
    """Show what became of a ticket that another one has taken the place of, without its code."""
    accepted = TicketTransfer.objects.filter(ticket=ticket, accepted_at__isnull=False).first()
    is_owner = ticket.user_id == request.user.pk
    context = {
        "ticket": ticket,
        "event": ticket.event,
        "zone": ticket.event.zone,
        "is_owner": is_owner,
        "accepted": accepted,
        # Of somebody else's code the giver is told nothing.
        "following": following if not is_owner or following.user_id == ticket.user_id else None,
    }
    return render(request, "core/ticket_given.html", context)
