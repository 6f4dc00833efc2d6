"""What others show of an event that everybody may see: a calendar, a preview of a link, a frame on another site."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.decorators import csp_replace
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.clickjacking import xframe_options_exempt

from .. import artwork, documents
from ..context import event_card
from ..http import reads
from ..many import LARGEST_ID
from ..models import Event
from ..now import now
from ..numbers import stats, with_line
from ..outside import address_of
from ..position import PersonPlaces
from ..shared_answers import shared
from .lookup import visible_event

View = Callable[..., HttpResponse]
A_YEAR = "public, max-age=31536000, immutable"
A_WHILE = "public, max-age=300"
_open_to_frames: Any = csp_replace({"frame-ancestors": ["*"]})


def _for_frames(view: View) -> View:
    """Let every site show a page in a frame. No other page is: a frame could be laid under what a person clicks."""

    @wraps(view)
    def framed(*args: Any, **kwargs: Any) -> HttpResponse:
        response = view(*args, **kwargs)
        response["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    allowing: View = _open_to_frames(xframe_options_exempt(framed))
    return allowing


@reads
@_for_frames
@shared
def embed(request: HttpRequest, event_id: int) -> HttpResponse:
    """Show an event's numbers in a frame on another site: the same to everybody, and nobody's in particular."""
    moment = now()
    events = with_line(Event.objects.published(), moment)
    event = events.filter(pk=event_id).first() if event_id <= LARGEST_ID else None
    if event is None:
        raise Http404("No such event.")
    card = event_card(event, stats(event, moment), PersonPlaces(), moment)
    context = {"card": card, "event": event, "url": address_of(request, event.get_absolute_url())}
    return HttpResponse(render_to_string("core/embed.html", context))  # without the request: it may be somebody's


@reads
def event_picture(request: HttpRequest, event_id: int, mark: str) -> HttpResponse:
    """Answer the drawn picture of an event; by the mark of what is on it now, it may be kept for a year."""
    event = visible_event(request, event_id, now())
    kept = A_YEAR if mark == artwork.mark_of(event) else A_WHILE
    headers = {"Cache-Control": _kept(event, kept), "Cross-Origin-Resource-Policy": "cross-origin"}
    return HttpResponse(artwork.picture_of(event), content_type="image/png", headers=headers)


@reads
def event_calendar(request: HttpRequest, event_id: int) -> HttpResponse:
    """Answer an event as a calendar entry."""
    event = visible_event(request, event_id, now())
    disposition = f'attachment; filename="event-{event.pk}.ics"'
    headers = {"Content-Disposition": disposition, "Cache-Control": _kept(event, A_WHILE)}
    content = documents.calendar_entry_of_event(event)
    return HttpResponse(content, content_type="text/calendar; charset=utf-8", headers=headers)


def _kept(event: Event, by_all: str) -> str:
    """Return how long caches may keep what is told of an event; nothing of a draft is kept."""
    return "no-store" if event.status == Event.Status.DRAFT else by_all
