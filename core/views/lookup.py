"""What a view looks up, or answers 404 for."""

import datetime as dt

from django.http import Http404, HttpRequest

from ..access import may_manage
from ..models import Event
from ..position import with_line


def visible_event(request: HttpRequest, event_id: int, moment: dt.datetime) -> Event:
    """Return the event; a draft only to its organizer and administrators, for others it looks absent."""
    event = with_line(Event.objects.filter(pk=event_id), moment).first()
    if event is None or (event.status == Event.Status.DRAFT and not may_manage(request.user, event)):
        raise Http404("No such event.")
    return event
