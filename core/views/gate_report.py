"""What an event's organizer and administrators see of its gates: attendance, conflicts, scans, and the gate staff."""

from allauth.core import ratelimit
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from ..checkin.attendance import attendance
from ..checkin.figures import conflicts, gate_numbers, recent_scans
from ..checkin.staff import find_person
from ..forms.people import StaffForm
from ..http import PersonRequest, answer, for_people, invalid, reads, writes
from ..models import Event, User
from ..trust import confirmation, too_often, trail
from .gate import RATE, TOO_MANY
from .lookup import managed_event


def _page(request: HttpRequest, event: Event, form: StaffForm, *, status: int = 200) -> HttpResponse:
    context = {
        "event": event,
        "numbers": gate_numbers([event.pk])[0],
        "chart": attendance(event),
        "conflicts": conflicts(event),
        "scans": recent_scans(event),
        "staff": event.gate_staff.order_by("username"),
        "form": form,
    }
    return render(request, "core/gate_report.html", context, status=status)


@reads
@for_people
def gate_report(request: PersonRequest, event_id: int) -> HttpResponse:
    """Show the gates of an event; that somebody looked is in the trail, as who came in by which scan is shown."""
    event = managed_event(request, event_id)
    trail.record_once(trail.Action.GATE_SEEN, actor=request.user, event=event.pk)
    return _page(request, event, StaffForm())


def _person(request: HttpRequest, form: StaffForm) -> User | None:
    if not ratelimit.consume(request, action=RATE, user=request.user):  # whose an address is can be tried out
        form.add_error("person", TOO_MANY.format(when=too_often.in_words(too_often.seconds_left(request, RATE))))
        return None
    person = find_person(form.cleaned_data["person"])
    if person is None:
        nobody = _("There is no account with this user name or e-mail address. Ask them to sign up first.")
        form.add_error("person", nobody)
    return person


@writes
@for_people
def gate_staff_add(request: HttpRequest, event_id: int) -> HttpResponse:
    """Put somebody on the event's own list of gate staff, once whoever asks has shown again who they are."""
    event = managed_event(request, event_id)
    confirmation.require_before_writing(request)
    form = StaffForm(request.POST)
    person = _person(request, form) if form.is_valid() else None
    if person is None:
        return invalid(request, form, lambda: _page(request, event, form, status=400))
    with transaction.atomic():
        event.gate_staff.add(person)
        trail.record(trail.Action.GATE_STAFF_ADDED, person=person.pk, event=event.pk)
    told = _("%(name)s can scan this event now. Only those on the list, you and administrators can.")
    message = told % {"name": person.display_name}
    return answer(request, {"status": "added"}, message=message, to=_report_url(event))


@writes
@for_people
def gate_staff_remove(request: HttpRequest, event_id: int, user_id: int) -> HttpResponse:
    """Take somebody off the list; doing it again changes nothing. An empty one lets the whole group in, so the same."""
    event = managed_event(request, event_id)
    confirmation.require_before_writing(request)
    if listed := event.gate_staff.filter(pk=user_id).first():
        with transaction.atomic():
            event.gate_staff.remove(listed)
            trail.record(trail.Action.GATE_STAFF_REMOVED, person=listed.pk, event=event.pk)
    message = _("Taken off the list.")
    if not event.gate_staff.exists():
        message = _("Taken off the list. It is empty now: all gate staff can scan this event.")
    return answer(request, {"status": "removed"}, message=message, to=_report_url(event))


def _report_url(event: Event) -> str:
    return reverse("gate_report", args=[event.pk])
