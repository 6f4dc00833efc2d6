"""A ticket's page and what it can be taken away as; shown to its owner, its organizer and administrators (rule 23)."""

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from .. import allocation, documents
from ..forms.reasons import CancelTicketForm
from ..http import PersonRequest, answer, for_people, invalid, problem, reads, refuse, unavailable, writes
from ..models import Cause, Ticket
from ..now import now
from ..refusals import Refused
from .lookup import visible_ticket
from .transfer_parts import given_page, transfer_context


def _file(content: bytes, content_type: str, name: str) -> HttpResponse:
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'} if name else {}
    return HttpResponse(content, content_type=content_type, headers={"Cache-Control": "no-store", **disposition})


def _opens_something(view: Callable[[HttpRequest, Ticket], HttpResponse]) -> Callable[[HttpRequest, str], HttpResponse]:
    """Let a ticket be taken away in the form that a view makes, unless it opens nothing any more: 410."""

    @wraps(view)
    def opening(request: HttpRequest, code: str) -> HttpResponse:
        ticket = visible_ticket(request, code)
        if ticket.status == "cancelled":
            return problem(request, 410, "cancelled", _("This ticket is cancelled: its code opens no gate any more."))
        return view(request, ticket)

    return opening


def ticket_page(request: HttpRequest, ticket: Ticket, *, status: int = 200, **forms: Form) -> HttpResponse:
    """Show a ticket; `forms` are those that came back with errors, by their name in the template."""
    following = Ticket.objects.filter(replaces=ticket).first()
    if following is not None:
        return given_page(request, ticket, following)
    is_owner = ticket.user_id == request.user.pk
    can_cancel = ticket.status == "valid" and not (is_owner and ticket.event.is_over(now()))
    context = {
        "ticket": ticket,
        "event": ticket.event,
        "is_owner": is_owner,
        "can_cancel": can_cancel,
        "form": CancelTicketForm(),
        "zone": ticket.event.zone,
        **transfer_context(ticket, is_owner=is_owner),
        **forms,
    }
    return render(request, "core/ticket_detail.html", context, status=status)


@reads
@for_people
def ticket_detail(request: HttpRequest, code: str) -> HttpResponse:
    """Show a ticket with its QR code."""
    return ticket_page(request, visible_ticket(request, code))


@reads
@for_people
@_opens_something
def ticket_qr(request: HttpRequest, ticket: Ticket) -> HttpResponse:
    """Answer the ticket's QR code as PNG."""
    return _file(documents.qr_png(ticket.code), "image/png", "")


@reads
@for_people
@_opens_something
def ticket_qr_svg(request: HttpRequest, ticket: Ticket) -> HttpResponse:
    """Answer the ticket's QR code as SVG."""
    return _file(documents.qr_svg(ticket.code), "image/svg+xml; charset=utf-8", "")


@reads
@for_people
@_opens_something
def ticket_pdf(request: HttpRequest, ticket: Ticket) -> HttpResponse:
    """Answer the ticket as PDF, of the size that the query names, in A4 otherwise."""
    size = request.GET.get("size", documents.SIZES[0]).lower()
    if size not in documents.SIZES:
        raise BadRequest(_("A ticket can be had in the sizes a4 and a6."))
    try:
        return _file(documents.pdf(ticket, size), "application/pdf", f"ticket-{ticket.pk}.pdf")
    except documents.PdfBusy:
        return unavailable(request)
    except documents.PdfUnavailable:
        messages.error(request, _("This server cannot make PDFs. The code on this page opens the gate as well."))
        return redirect(ticket.page_url)


@reads
@for_people
def ticket_calendar(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the ticket's event as a calendar entry."""
    ticket = visible_ticket(request, code)
    return _file(documents.calendar_entry(ticket), "text/calendar; charset=utf-8", f"ticket-{ticket.pk}.ics")


@writes
@for_people
def ticket_cancel(request: PersonRequest, code: str) -> HttpResponse:
    """Cancel a ticket; its place goes to the first in line.

    Staff say why, in the field `reason`: the page asks for it. A client that does not send the field, which the
    interface does not name, is let through without one.
    """
    ticket = visible_ticket(request, code)
    is_owner = ticket.user_id == request.user.pk
    form = CancelTicketForm(request.POST)
    asks_why = not is_owner and "reason" in request.POST
    if asks_why and not form.is_valid():
        return invalid(request, form, lambda: ticket_page(request, ticket, form=form, status=400))
    cause = Cause.CANCELLED_BY_OWNER if is_owner else Cause.CANCELLED_BY_STAFF
    reason = form.cleaned_data["reason"] if asks_why else ""
    try:
        allocation.cancel_ticket(ticket_id=ticket.pk, cause=cause, reason=reason)
    except Refused as refused:
        return refuse(request, refused, to=ticket.page_url)
    message = _("Cancelled. The ticket no longer opens the gate, and its place goes to the first in line.")
    to = "dashboard" if is_owner else ticket.page_url
    return answer(request, {"status": "cancelled"}, message=message, to=to)
