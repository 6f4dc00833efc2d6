"""What organizers do to their events: list, make, change and copy them. Its sale is `organize_event.py`."""

import datetime as dt
import logging
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .. import organizing, readiness, steering
from ..context import EventCard, event_card
from ..fairness.promise import shares_of
from ..formats import fill
from ..forms.events import NO_ROOM
from ..http import PersonRequest, answer, for_people, invalid, keeps_uploads, reads, refuse, writes
from ..models import Event
from ..now import now
from ..numbers import stats
from ..organizer_form import FrozenForm, OrganizerForm
from ..position import PersonPlaces
from ..refusals import EventCancelled, Refused
from ..telling.changes import TOLD
from ..telling.everybody import people_to_tell
from .lookup import creator_or_404, managed_event, organizer_or_404

logger = logging.getLogger(__name__)

PAGE = 24
SAME_DATES = gettext_lazy(
    "This is a copy, as a draft, with the dates of the original: change them before you publish it."
)


@reads
@for_people
def organize(request: PersonRequest) -> HttpResponse:
    """List a person's events with their numbers; to administrators all there are."""
    roles, moment = organizer_or_404(request), now()
    page = Paginator(organizing.events_of(request.user), PAGE).get_page(request.GET.get("page"))
    groups = [
        (organizing.GROUPS[number], [_card(event, moment) for event in events])
        for number, events in groupby(page, key=attrgetter("group"))
    ]
    context = {"groups": groups, "page": page, "can_create": roles.can_create, "now": moment}
    return render(request, "core/organize.html", context)


def _card(event: Event, moment: dt.datetime) -> EventCard:
    return event_card(event, stats(event, moment), PersonPlaces(), moment)


def _form_of(event: Event | None, *sent: Any) -> OrganizerForm:
    """Return the form of an event, without the terms of its line where people rely on them.

    One that was opened before still has them when it comes back: what was typed is refused in words.
    """
    is_frozen = event is not None and steering.are_terms_frozen(event, now())
    is_typed = "line_policy" in sent[0] if sent else not is_frozen
    return (OrganizerForm if is_typed else FrozenForm)(*sent, instance=event)


def _page(request: HttpRequest, event: Event | None, form: OrganizerForm, *, status: int = 200) -> HttpResponse:
    context = {
        "event": event,
        "form": form,
        "shares": shares_of(event) if event else [],
        "is_over": event is not None and event.is_over(now()),
    }
    return render(request, "core/organize_form.html", context, status=status)


@reads
@for_people
def organize_new(request: PersonRequest) -> HttpResponse:
    """Show an empty form."""
    creator_or_404(request)
    return _page(request, None, _form_of(None))


@keeps_uploads
@writes
@for_people
def organize_create(request: PersonRequest) -> HttpResponse:
    """Store a new event, as a draft."""
    creator_or_404(request)
    form = _form_of(None, request.POST, request.FILES)
    try:
        if form.is_valid():
            event = organizing.create(form.instance, by=request.user)
            told = _("Saved as a draft, which only you see. Publish it when it is ready.")
            return _done(request, form, event, told)
    except OSError as error:
        _note_no_room(form, error)
    return invalid(request, form, lambda: _page(request, None, form, status=400))


@reads
@for_people
def organize_edit(request: PersonRequest, event_id: int) -> HttpResponse:
    """Show the form of an event."""
    event = managed_event(request, event_id)
    return _page(request, event, _form_of(event))


@keeps_uploads
@writes
@for_people
def organize_save(request: PersonRequest, event_id: int) -> HttpResponse:
    """Change an event, or say why not and keep what was typed."""
    event = managed_event(request, event_id)
    form = _form_of(event, request.POST, request.FILES)
    try:
        if form.is_valid():
            values = form.changed_values()
            is_change = organizing.revise(event_id=event.pk, values=values, seen=form.stored)
            return _done(request, form, event, _saved(event, values) if is_change else _("Nothing was changed."))
    except EventCancelled as refused:
        return refuse(request, refused, to=_url(event))
    except Refused as refused:
        form.add_error(None, refused.detail)
    except OSError as error:
        _note_no_room(form, error)
    return invalid(request, form, lambda: _page(request, managed_event(request, event_id), form, status=400))


def _saved(event: Event, values: dict[str, Any]) -> str:
    """Say that it is saved, and how many people will be told of that, if any will."""
    people = people_to_tell(event) if values.keys() & TOLD else 0
    if not people:
        return _("Saved.")
    told = ngettext(
        "Saved. %(count)d person will be told by mail.", "Saved. %(count)d people will be told by mail.", people
    )
    return fill(told, count=people)


def _done(request: HttpRequest, form: OrganizerForm, event: Event, told: str) -> HttpResponse:
    told = " ".join([told, *form.notes(), *_lacking(event)])
    return answer(request, {"status": "saved", "event": event.pk}, message=told, to=_url(event))


def _lacking(event: Event) -> list[str]:
    """Return what is to be known of a draft that cannot be published as it was saved; it may wait for the rest."""
    is_draft = event.status == Event.Status.DRAFT
    lacks = readiness.missing(event, now()) if is_draft else []
    return [_("Before it can be published:"), *lacks] if lacks else []


def _note_no_room(form: OrganizerForm, error: OSError) -> None:
    """Say that the media folder is full: nothing was saved."""
    logger.warning("A picture could not be stored: %s.", error.strerror)
    form.add_error("image", NO_ROOM)


def _url(event: Event) -> str:
    return reverse("organize_event", args=[event.pk])


@writes
@for_people
def organize_duplicate(request: PersonRequest, event_id: int) -> HttpResponse:
    """Make a draft like an event."""
    event = managed_event(request, event_id)  # first: whoever may not change it is answered as everywhere
    creator_or_404(request)
    copied = organizing.copy(event, by=request.user)
    to = reverse("organize_edit", args=[copied.pk])
    return answer(request, {"status": "copied", "event": copied.pk}, message=str(SAME_DATES), to=to)
