"""The gate: the page of those who admit, and one scan."""

import uuid
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render

from .. import checkin
from ..forms import ScanForm
from ..http import PersonRequest, for_people, reads, wants_json, writes


def _gate_page(request: PersonRequest, form: ScanForm, *, status: int = 200, **shown: Any) -> HttpResponse:
    keep = form.data if form.is_bound else {}
    context = {
        "events": checkin.scannable_events(request.user),
        "selected": form.cleaned_data.get("event") if form.is_bound and not form.errors.get("event") else None,
        "gate": keep.get("gate", ""),
        "code": keep.get("code", "") if "error" in shown else "",
        "nonce": uuid.uuid4().hex,
        **shown,
    }
    return render(request, "core/checkin.html", context, status=status)


def _only_staff(request: PersonRequest) -> None:
    if not checkin.can_scan(request.user):
        raise PermissionDenied("Only gate staff and organizers check tickets in.")


@reads
@for_people
def checkin_page(request: PersonRequest) -> HttpResponse:
    """Show the gate page."""
    _only_staff(request)
    return _gate_page(request, ScanForm())


@writes
@for_people
def checkin_scan(request: PersonRequest) -> HttpResponse:
    """Try to admit the bearer of a code."""
    _only_staff(request)
    form = ScanForm(request.POST)
    if not form.is_valid():
        problem = form.problem()
        if wants_json(request):
            return JsonResponse({"status": "invalid", "detail": problem}, status=400)
        return _gate_page(request, form, status=400, error=problem)
    typed = form.cleaned_data
    event = checkin.scannable_events(request.user).filter(pk=typed["event"]).first()
    if event is None:
        raise Http404("No such event.")
    try:
        result = checkin.scan(
            code=typed["code"], event=event, staff=request.user, gate=typed["gate"], nonce=typed["nonce"]
        )
    except checkin.OwnTicket as error:
        own = "Nobody checks in their own ticket. Ask a colleague."
        if wants_json(request):
            raise PermissionDenied(own) from error
        return _gate_page(request, form, status=403, error=own)
    if wants_json(request):
        at = result.checked_in_at.isoformat() if result.checked_in_at else None
        return JsonResponse({"outcome": result.outcome, "attendee": result.attendee, "checked_in_at": at})
    return _gate_page(request, form, result=result)
