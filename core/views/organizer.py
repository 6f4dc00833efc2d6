"""What an event's organizer and administrators see: who is coming, and what was done about the event."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from ..checkin.people import whose_names_have
from ..http import PersonRequest, for_people, reads
from ..many import LARGEST_ID
from ..models import Event, Ticket, TicketQuerySet
from ..now import now
from ..numbers import stats
from ..trust import confirmation, trail
from .lookup import managed_event

PAGE = 100
LONGEST = 150  # characters of what is looked for


def _tickets(event: Event) -> TicketQuerySet:
    return Ticket.objects.filter(event=event).select_related("user", "event", "replaced_by").order_by("booked_at", "pk")


@reads
@for_people
def attendees(request: PersonRequest, event_id: int) -> HttpResponse:
    """List who has a ticket; with `q` those in whose names or e-mail each of its words is."""
    event = managed_event(request, event_id)
    trail.record_once(trail.Action.ATTENDEES_SEEN, actor=request.user, event=event.pk)
    text = request.GET.get("q", "").strip()[:LONGEST]
    page = Paginator(whose_names_have(text, _tickets(event)), PAGE).get_page(request.GET.get("page"))
    file = confirmation.file_asked_for(request, [reverse("attendees_csv", args=[event.pk])])
    context = {
        "event": event,
        "stats": stats(event, now()),
        "page": page,
        "text": text,
        "query": f"{urlencode({'q': text})}&" if text else "",
        "file": file,
    }
    return render(request, "core/attendees.html", context)


@reads
@for_people
def attendee(request: PersonRequest, event_id: int, ticket_id: int) -> HttpResponse:
    """Lead to somebody's ticket; the list has no codes, which are told one by one, and noted each time."""
    event = managed_event(request, event_id)
    ticket = _tickets(event).filter(pk=ticket_id).first() if ticket_id <= LARGEST_ID else None
    if ticket is None:
        raise Http404(_("No such ticket."))
    return redirect(ticket.page_url)


@reads
@for_people
def history(request: HttpRequest, event_id: int) -> HttpResponse:
    """List who did what about the event, newest first."""
    event = managed_event(request, event_id)
    entries = Paginator(trail.entries_of_event(event), PAGE).get_page(request.GET.get("page"))
    return render(request, "core/event_history.html", {"event": event, "entries": entries})
