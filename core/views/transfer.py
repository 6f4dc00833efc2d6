"""Giving a ticket away: its owner, or its organizer, offers it, and the person it is offered to accepts or declines."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from .. import transfer
from ..http import PersonRequest, answer, for_people, invalid, reads, refuse, writes
from ..models import Ticket, TicketHold
from ..now import now
from ..refusals import Refused
from .lookup import visible_offer, visible_ticket
from .ticket import ticket_page
from .transfer_parts import new_code_form, offer_form


@writes
@for_people
def ticket_transfer(request: PersonRequest, code: str) -> HttpResponse:
    """Offer a ticket to whoever has an e-mail address. Staff say why, where the form has the field `reason`."""
    ticket = visible_ticket(request, code)
    asks_why = ticket.user_id != request.user.pk and "reason" in request.POST
    form = offer_form(ticket, request.POST, asks_why=asks_why)
    if not form.is_valid():
        return invalid(request, form, lambda: ticket_page(request, ticket, status=400, offer_form=form))
    typed = {"email": form.cleaned_data["email"], "reason": form.cleaned_data.get("reason", "")}
    try:
        offer = transfer.offer(ticket_id=ticket.pk, by=request.user, **typed)
    except Refused as refused:
        return refuse(request, refused, to=ticket.page_url)
    message = _("Offered to %(email)s. The ticket stays as it is until they accept.") % {"email": offer.email}
    return answer(request, {"status": "offered", "email": offer.email}, message=message, to=ticket.page_url)


@writes
@for_people
def ticket_withdraw(request: PersonRequest, code: str) -> HttpResponse:
    """Withdraw the offer of a ticket."""
    ticket = visible_ticket(request, code)
    try:
        transfer.withdraw(ticket_id=ticket.pk)
    except Refused as refused:
        return refuse(request, refused, to=ticket.page_url)
    message = _("Withdrawn. The offer cannot be accepted any more.")
    return answer(request, {"status": "withdrawn"}, message=message, to=ticket.page_url)


@writes
@for_people
def ticket_reissue(request: PersonRequest, code: str) -> HttpResponse:
    """Make a new code for the same person. Staff say why, where the form has the field `reason`."""
    ticket = visible_ticket(request, code)
    is_owner = ticket.user_id == request.user.pk
    form = new_code_form(request.POST)
    asks_why = not is_owner and "reason" in request.POST
    if asks_why and not form.is_valid():
        return invalid(request, form, lambda: ticket_page(request, ticket, status=400, new_code_form=form))
    reason = form.cleaned_data["reason"] if asks_why else ""
    try:
        new = transfer.reissue(ticket_id=ticket.pk, by_staff=not is_owner, reason=reason)
    except Refused as refused:
        return refuse(request, refused, to=ticket.page_url)
    message = _("This is the new code. The old one does not open the gate any more.")
    return answer(request, {"status": "reissued", "ticket": new.code}, message=message, to=new.page_url)


@reads
@for_people
def transfer_detail(request: PersonRequest, token: str) -> HttpResponse:
    """Show an offer to the person it was made to."""
    offer, moment = visible_offer(request, token), now()
    event = offer.ticket.event
    mine = {"event": event, "user": request.user}
    context = {
        "offer": offer,
        "event": event,
        "zone": event.zone,
        "is_open": offer.is_open(moment),
        "taken": Ticket.objects.filter(replaces=offer.ticket, user=request.user).first() if offer.accepted_at else None,
        "own": Ticket.objects.valid().filter(**mine).first(),
        "place": TicketHold.objects.live(moment).filter(**mine).first(),
    }
    return render(request, "core/transfer.html", context)


@writes
@for_people
def transfer_accept(request: PersonRequest, token: str) -> HttpResponse:
    """Accept an offered ticket."""
    offer = visible_offer(request, token)
    try:
        ticket = transfer.accept(transfer_id=offer.pk, user=request.user)
    except Refused as refused:
        return refuse(request, refused, to=offer.page_url)
    message = _("Accepted. This is your ticket.")
    return answer(request, {"status": "accepted", "ticket": ticket.code}, message=message, to=ticket.page_url)


@writes
@for_people
def transfer_decline(request: PersonRequest, token: str) -> HttpResponse:
    """Decline an offered ticket."""
    offer = visible_offer(request, token)
    try:
        transfer.decline(transfer_id=offer.pk)
    except Refused as refused:
        return refuse(request, refused, to=offer.page_url)
    message = _("Declined. Whoever offered the ticket keeps it, and is told.")
    return answer(request, {"status": "declined"}, message=message, to="dashboard")
