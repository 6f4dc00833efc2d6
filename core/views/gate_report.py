"""What an event's organizer and administrators see of its gates: attendance, conflicts, scans, and the gate staff."""

from allauth.core import ratelimit
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse

from ..checkin.attendance import attendance
from ..checkin.figures import conflicts, gate_numbers, recent_scans
from ..checkin.staff import find_person
from ..forms import StaffForm
from ..http import answer, for_people, reads, wants_json, writes
from ..models import Event, User
from .gate import RATE, TOO_MANY
from .lookup import managed_event


def _page(request: HttpRequest, event: Event, form: StaffForm, *, status: int = 200) -> HttpResponse:
    context = {
        "event": event,
        "numbers": gate_numbers([event.pk])[0],
        "chart": attendance(event),
        "conflicts": conflicts(event),
        "scans": recent_scans(event),
        "staff": _listed(event).order_by("username"),
        "form": form,
    }
    return render(request, "core/gate_report.html", context, status=status)


@reads
@for_people
def gate_report(request: HttpRequest, event_id: int) -> HttpResponse:
    """Show the gates of an event."""
    return _page(request, managed_event(request, event_id), StaffForm())


def _person(request: HttpRequest, form: StaffForm) -> User | None:
    if not ratelimit.consume(request, action=RATE, user=request.user):  # whose an address is can be tried out
        form.add_error("person", TOO_MANY)
        return None
    person = find_person(form.cleaned_data["person"])
    if person is None:
        form.add_error(
            "person", "There is no account with this user name or e-mail address. Ask them to sign up first."
        )
    return person


@writes
@for_people
def gate_staff_add(request: HttpRequest, event_id: int) -> HttpResponse:
    """Put somebody on the event's own list of gate staff."""
    event = managed_event(request, event_id)
    form = StaffForm(request.POST)
    person = _person(request, form) if form.is_valid() else None
    if person is None:
        if wants_json(request):
            return JsonResponse({"status": "invalid", "detail": str(form.errors["person"][0])}, status=400)
        return _page(request, event, form, status=400)
    event.gate_staff.add(person)
    message = f"{person.display_name} can scan this event now. Only those on the list, you and administrators can."
    return answer(request, {"status": "added"}, message=message, to=_report_url(event))


@writes
@for_people
def gate_staff_remove(request: HttpRequest, event_id: int, user_id: int) -> HttpResponse:
    """Take somebody off the list; doing it again changes nothing."""
    event = managed_event(request, event_id)
    event.gate_staff.remove(*User.objects.filter(pk=user_id))
    whole_group = not _listed(event).exists()
    message = "Taken off the list." + (" It is empty now: all gate staff can scan this event." if whole_group else "")
    return answer(request, {"status": "removed"}, message=message, to=_report_url(event))


def _listed(event: Event) -> QuerySet[User]:
    people: QuerySet[User] = event.gate_staff.filter(is_active=True)  # nobody else is on it any more
    return people


def _report_url(event: Event) -> str:
    return reverse("gate_report", args=[event.pk])
