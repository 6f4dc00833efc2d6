"""An event's page for its organizer, which shows the sale as it goes; and what they do to it there."""

import datetime as dt
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from .. import acts, organizing, readiness
from ..access import roles_of
from ..acts import Act
from ..checkin.figures import gate_numbers
from ..context import event_card
from ..forms.reasons import ReasonForm
from ..http import PersonRequest, answer, for_people, invalid, reads, refuse, writes
from ..models import Event
from ..now import now
from ..numbers import stats
from ..organizer_form import CancelForm
from ..outside import frame_of
from ..position import PersonPlaces
from ..pulse import pulse
from ..refusals import NotReady, Refused
from ..telling.messages import messages_of
from .lookup import managed_event


@reads
@for_people
def organize_event(request: PersonRequest, event_id: int) -> HttpResponse:
    """Show how an event's sale goes."""
    event, moment = managed_event(request, event_id), now()
    context = {
        "event": event,
        "ends_that_day": event.ends_at is not None and _day(event, event.starts_at) == _day(event, event.ends_at),
        "card": event_card(event, stats(event, moment), PersonPlaces(), moment),
        "pulse": pulse(event, moment),
        "numbers": gate_numbers([event.pk])[0],
        "can_create": roles_of(request.user).can_create,
        "frame": frame_of(request, event),
        "missing": readiness.missing(event, moment) if event.status == Event.Status.DRAFT else [],
        "now": moment,
    }
    return render(request, "core/organize_event.html", context)


def _day(event: Event, moment: dt.datetime) -> dt.date:
    """Return on which day of its zone a moment of an event is."""
    return moment.astimezone(ZoneInfo(event.zone)).date()


@writes
@for_people
def organize_publish(request: PersonRequest, event_id: int) -> HttpResponse:
    """Show a draft to everybody, or say what it lacks."""
    event = managed_event(request, event_id)
    try:
        is_change = organizing.publish(event_id=event.pk)
    except NotReady as refused:
        kept = _("Not published: it stays a draft, as it was saved.")
        return refuse(request, NotReady([kept, *refused.reasons]), to=_url(event))
    except Refused as refused:
        return refuse(request, refused, to=_url(event))
    told = _("Published: everybody can see it now.")
    told = told if is_change else _("It was published before; nothing has changed.")
    return answer(request, {"status": "published"}, message=told, to=_url(event))


@reads
@for_people
def organize_cancelling(request: PersonRequest, event_id: int) -> HttpResponse:
    """Ask before an event is cancelled: say whom it concerns."""
    event = managed_event(request, event_id)
    return _cancelling(request, event, CancelForm(event=event))


def _cancelling(request: HttpRequest, event: Event, form: CancelForm, *, status: int = 200) -> HttpResponse:
    moment = now()
    context = {"event": event, "form": form, "stats": stats(event, moment), "is_over": event.is_over(moment)}
    return render(request, "core/organize_cancel.html", context, status=status)


@writes
@for_people
def organize_cancel(request: PersonRequest, event_id: int) -> HttpResponse:
    """Cancel an event, once its name and a reason were typed."""
    event = managed_event(request, event_id)
    form = CancelForm(request.POST, event=event)
    if not form.is_valid():
        return invalid(request, form, lambda: _cancelling(request, event, form, status=400))
    why = {name: form.cleaned_data[name] for name in ("reason", "told")}
    is_change = organizing.cancel(event_id=event.pk, **why)
    told = _("Cancelled: its places and holds have ended, and its tickets open no gate.")
    told = told if is_change else _("It was cancelled before; nothing has changed.")
    return answer(request, {"status": "cancelled"}, message=told, to=_url(event))


@reads
@for_people
def organize_deleting(request: PersonRequest, event_id: int) -> HttpResponse:
    """Ask before a draft is deleted: say what is lost."""
    event = managed_event(request, event_id)
    drafts = messages_of(event).filter(begin_at=None).count()
    context = {"event": event, "is_deletable": organizing.is_deletable(event), "drafts": drafts}
    return render(request, "core/organize_delete.html", context)


@writes
@for_people
def organize_delete(request: PersonRequest, event_id: int) -> HttpResponse:
    """Delete a draft that nobody has anything of."""
    event = managed_event(request, event_id)
    try:
        organizing.delete(event_id=event.pk)
    except Refused as refused:
        return refuse(request, refused, to=_url(event))
    told = _("The draft “%(name)s” was deleted.") % {"name": event.name}
    return answer(request, {"status": "deleted"}, message=told, to=reverse("organize"))


@reads
@for_people
def organize_line(request: PersonRequest, event_id: int) -> HttpResponse:
    """Show what can be done to an event's line."""
    return _line(request, managed_event(request, event_id))


def _line(
    request: HttpRequest, event: Event, act: Act | None = None, form: ReasonForm | None = None, *, status: int = 200
) -> HttpResponse:
    forms = acts.forms_of(event, act=act, typed=form)
    context = {"event": event, "forms": forms, "form": form, "stats": stats(event, now())}
    return render(request, "core/organize_line.html", context, status=status)


@writes
@for_people
def organize_serving(request: PersonRequest, event_id: int) -> HttpResponse:
    """Pause or resume serving, or extend all holds, with a public reason."""
    event = managed_event(request, event_id)
    act = acts.asked_for(request.POST.get("act", ""))
    form = act.filled(request.POST)
    if not form.is_valid():
        return invalid(request, form, lambda: _line(request, event, act, form, status=400))
    line = reverse("organize_line", args=[event.pk])
    try:
        told, is_done = organizing.carry_out(act, event, form.cleaned_data)
    except Refused as refused:
        return refuse(request, refused, to=line)
    return answer(request, {"status": act.name if is_done else "unchanged"}, message=told, to=line)


def _url(event: Event) -> str:
    return reverse("organize_event", args=[event.pk])
