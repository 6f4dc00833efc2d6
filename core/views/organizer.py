"""What an event's organizer and administrators see: who is coming."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from ..http import PersonRequest, for_people, reads
from ..models import Event, Ticket, TicketQuerySet
from ..now import now
from ..numbers import stats
from ..trust import confirmation, trail
from .lookup import managed_event

PAGE = 100


def _tickets(event: Event) -> TicketQuerySet:
    return Ticket.objects.filter(event=event).select_related("user", "event").order_by("booked_at", "pk")


@reads
@for_people
def attendees(request: PersonRequest, event_id: int) -> HttpResponse:
    """List who has a ticket."""
    event = managed_event(request, event_id)
    trail.record_once(trail.Action.ATTENDEES_SEEN, actor=request.user, event=event.pk)
    page = Paginator(_tickets(event), PAGE).get_page(request.GET.get("page"))
    file = confirmation.file_asked_for(request, [reverse("attendees_csv", args=[event.pk])])
    context = {"event": event, "stats": stats(event, now()), "tickets": page, "page": page, "file": file}
    return render(request, "core/attendees.html", context)


@reads
@for_people
def history(request: HttpRequest, event_id: int) -> HttpResponse:
    """List who did what about the event, newest first."""
    event = managed_event(request, event_id)
    entries = Paginator(trail.entries_of_event(event), PAGE).get_page(request.GET.get("page"))
    return render(request, "core/event_history.html", {"event": event, "entries": entries})
