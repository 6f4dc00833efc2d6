"""The gate: its page, a scan, taking it back, looking somebody up, and devices without a network."""

import datetime as dt
import uuid
from typing import Any

from allauth.core import ratelimit
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import checkin
from ..checkin import offline
from ..checkin.figures import gate_numbers, last_scans
from ..checkin.forms import GateForm, ListForm, PeopleForm, ScanForm, SyncForm, UndoForm
from ..checkin.people import found_ticket, token_of
from ..checkin.scans import UNDO_TIME, WORDS
from ..http import (
    PersonRequest,
    answer,
    for_people,
    invalid,
    problem,
    reads,
    refuse,
    script,
    wants_json,
    with_camera,
    writes,
)
from ..models import Event, Scan, Ticket, User
from ..now import now
from ..refusals import NotYourScan, Refused
from ..trust import second_factor, too_often, trail

RATE = "gate_people"  # its limit is in ACCOUNT_RATE_LIMITS
# Translators: {when} is "in 3 minutes".
TOO_MANY = gettext_lazy("You have looked up many people in a minute. Go on {when}.")


def _only_staff(request: PersonRequest) -> None:
    if not checkin.can_scan(request.user):
        raise PermissionDenied(
            _("Only gate staff and organizers check tickets in. Ask the event's organizer to put you on its list.")
        )
    second_factor.require(request)


def _event(request: PersonRequest, event_id: int) -> Event:
    event = checkin.scannable_events(request.user).filter(pk=event_id).first()
    if event is None:
        _only_staff(request)
        raise Http404(_("No such event."))
    second_factor.require(request)
    return event


@with_camera  # also where the page answers a form
def _gate_page(request: PersonRequest, form: GateForm, *, status: int = 200, **shown: Any) -> HttpResponse:
    """Show the gate of the form's event; without a usable one, what there is to choose."""
    moment = now()
    events = sorted(checkin.scannable_events(request.user), key=lambda event: abs(event.starts_at - moment))
    chosen = form.cleaned_data.get("event") if form.is_bound and not form.errors.get("event") else None
    event = next((event for event in events if event.pk == chosen), None)
    context = {"events": events, "event": event, "form": form, "gate": form["gate"].value() or "", **shown}
    if event is not None:
        context |= {
            "numbers": gate_numbers([event.pk])[0],
            "scans": last_scans(event, request.user),
            "undo_since": moment - UNDO_TIME,
            "is_early": event.starts_at - moment > dt.timedelta(days=1),
            "nonce": uuid.uuid4().hex,
            "statuses": ("valid", "admitted", "cancelled"),
            "outcomes": [(outcome, WORDS[outcome]) for outcome in Scan.Outcome.values],
        }
    return render(request, "core/checkin.html", context, status=status)


def _invalid(request: PersonRequest, form: GateForm, **shown: Any) -> HttpResponse:
    _only_staff(request)
    return invalid(request, form, lambda: _gate_page(request, form, status=400, error=form.problem(), **shown))


@reads
@for_people
def checkin_page(request: PersonRequest) -> HttpResponse:
    """Show the gate page, of the event and gate that the query names."""
    _only_staff(request)
    form = GateForm(request.GET) if "event" in request.GET else GateForm(initial={"gate": request.GET.get("gate", "")})
    if form.is_bound and not form.is_valid():
        return _gate_page(request, form, status=400, error=form.problem())
    if form.is_bound:
        _event(request, form.cleaned_data["event"])
    return _gate_page(request, form)


@writes
@for_people
def checkin_scan(request: PersonRequest) -> HttpResponse:
    """Try to admit the bearer of a code, or a ticket that was found by look-up."""
    form = ScanForm(request.POST)
    if not form.is_valid():
        return _invalid(request, form, code=request.POST.get("code", ""))
    typed = form.cleaned_data
    event = _event(request, typed["event"])
    code, by_name = typed["code"], False
    if not code:
        found = found_ticket(typed["ticket"], event, request.user)
        code, by_name = (found.code if found else ""), True
    try:
        result = checkin.scan(
            code=code, event=event, staff=request.user, gate=typed["gate"], nonce=typed["nonce"], by_name=by_name
        )
    except checkin.OwnTicket:
        own = str(WORDS[Scan.Outcome.OWN_TICKET])
        if wants_json(request):
            return problem(request, 403, "own_ticket", own)
        return _gate_page(request, form, status=403, error=own)
    if wants_json(request):
        return JsonResponse(_result_json(result))
    return _gate_page(request, form, result=result)


def _result_json(result: checkin.ScanResult) -> dict[str, Any]:
    at = result.checked_in_at.isoformat() if result.checked_in_at else None
    return {
        "outcome": result.outcome,
        "attendee": result.attendee,
        "checked_in_at": at,
        "gate": result.gate,
        "detail": result.detail,
        "scan": result.scan.pk,
    }


@writes
@for_people
def checkin_undo(request: PersonRequest) -> HttpResponse:
    """Take back a scan that let somebody in."""
    form = UndoForm(request.POST)
    if not form.is_valid():
        return _invalid(request, form)
    typed = form.cleaned_data
    event = _event(request, typed["event"])
    to = reverse("gate_report", args=[event.pk]) if "report" in request.POST else ""  # from the organizer's page
    if not Scan.objects.filter(pk=typed["scan"], event=event).exists():
        raise Http404(_("No such scan."))
    try:
        checkin.undo(scan_id=typed["scan"], staff=request.user, reason=typed["reason"])
    except NotYourScan as error:
        raise PermissionDenied(error.detail) from error
    except Refused as refused:
        if to or wants_json(request):
            return refuse(request, refused, to=to)
        return _gate_page(request, form, status=409, error=refused.detail)
    if to or wants_json(request):
        message = _("Taken back: the ticket can be used again.")
        return answer(request, {"status": "undone"}, message=message, to=to)
    return _gate_page(request, form, undone=True)


@writes
@for_people
def checkin_people(request: PersonRequest) -> HttpResponse:
    """Find people of an event by name: by POST, so that no log has the names."""
    form = PeopleForm(request.POST)
    if not form.is_valid():
        return _invalid(request, form, who=request.POST.get("who", ""))
    event = _event(request, form.cleaned_data["event"])
    is_free = checkin.may_undo_any(request.user, event)
    if not is_free and not ratelimit.consume(request, action=RATE, user=request.user):
        return _too_many_looked_up(request, form)
    trail.record_once(trail.Action.PEOPLE_SOUGHT, actor=request.user, event=event.pk)
    found = checkin.find_tickets(event, form.cleaned_data["who"])
    if wants_json(request):
        return JsonResponse({"people": [_person_json(ticket, request.user) for ticket in found]})
    people = [(ticket, token_of(ticket, request.user)) for ticket in found]
    return _gate_page(request, form, who=form.cleaned_data["who"], found=people)


def _too_many_looked_up(request: PersonRequest, form: PeopleForm) -> HttpResponse:
    """Answer with the page of the gate, where scanning goes on."""
    seconds = too_often.seconds_left(request, RATE)
    if wants_json(request):
        return too_often.answer(request, TOO_MANY, seconds)
    error = TOO_MANY.format(when=too_often.in_words(seconds))
    response = _gate_page(request, form, status=429, error=error, who=form.cleaned_data["who"])
    response["Retry-After"] = str(seconds)
    return response


def _person_json(ticket: Ticket, staff: User) -> dict[str, Any]:
    name, email = ticket.user.display_name, ticket.user.masked_email
    return {"ticket": token_of(ticket, staff), "attendee": name, "email": email, "status": ticket.status}


@reads
@for_people
def checkin_list(request: PersonRequest) -> HttpResponse:
    """Answer what a device needs to admit without a network."""
    form = ListForm(request.GET)
    if not form.is_valid():
        return _invalid(request, form)
    event = _event(request, form.cleaned_data["event"])
    return JsonResponse(dict(offline.gate_list(event, request.user, form.cleaned_data["since"])))


@writes
@for_people
def checkin_sync(request: PersonRequest) -> HttpResponse:
    """Store what a device did without a network."""
    form = SyncForm(request.POST)
    if not form.is_valid():
        return _invalid(request, form)
    event = _event(request, form.cleaned_data["event"])
    results = offline.sync(event, request.user, form.cleaned_data["scans"])
    return JsonResponse({"results": {nonce: _result_json(result) for nonce, result in results.items()}})


@reads
def gate_worker(request: HttpRequest) -> FileResponse:
    """Answer the gate's service worker."""
    return script("gate_worker.js")
