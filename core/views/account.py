"""One's own account, beyond what allauth does: what happened to it, what is stored about one, and its end."""

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils.translation import gettext as _

from .. import accounts, hub
from ..context import BADGES
from ..forms.people import EraseForm
from ..http import PersonRequest, answer, for_people, invalid, reads, wants_json, writes
from ..many import LARGEST_ID
from ..models import Event, UserSession
from ..now import now
from ..position import places_of
from ..refusals import Refused
from ..trust import confirmation, personal_data, trail

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PAGE = 50
LOGINS = 20  # the latest that are shown


@reads
@for_people
def activity(request: PersonRequest) -> HttpResponse:
    """Show a person their logins, and what they, or staff about them, did."""
    logins = UserSession.objects.filter(user=request.user).order_by("-login_timestamp")[:LOGINS]
    entries = Paginator(trail.entries_of_person(request.user), PAGE).get_page(request.GET.get("page"))
    context = {"logins": logins, "current": request.arrival, "entries": entries}
    return render(request, "core/account/activity.html", context)


@writes
@for_people
def end_login(request: PersonRequest, login_id: int) -> HttpResponse:
    """End another login of whoever asks, and shows again who they are; the one they ask with is signed out instead."""
    found = UserSession.objects.filter(pk=login_id, user=request.user) if login_id <= LARGEST_ID else None
    login = found.first() if found is not None else None
    if login is None or login == request.arrival:
        raise Http404(_("No such login."))
    confirmation.require(request)
    accounts.end_login(login)
    hub.hang_up(login.session_key)
    message = _("That login is ended. What you hold, and your places in line, stay.")
    return answer(request, {"status": "ended"}, message=message, to="account_activity")


@reads
@for_people
def privacy(request: PersonRequest) -> HttpResponse:
    """Say what is stored, and offer to download or erase it."""
    return _privacy_page(request, EraseForm(user=request.user))


def _privacy_page(request: PersonRequest, form: EraseForm, *, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "file": confirmation.file_asked_for(request, [reverse("personal_data")]),
        "ends": _what_ends(request),
    }
    return render(request, "core/account/privacy.html", context, status=status)


def _what_ends(request: PersonRequest) -> "list[tuple[Event, str, StrOrPromise]]":
    """Return what a person would lose with the account: the event of each ticket or place, its badge, and its words."""
    moment = now()
    mine = places_of(request.user, moment, request.arrival)
    tickets = [ticket.event for ticket in mine.tickets.values() if ticket.status == "valid"]
    ends = [(event, "booked") for event in tickets if not event.is_over(moment)]
    ends += [(place.event, place.status) for place in mine.places.values()]
    return [
        (event, badge, BADGES[badge]) for event, badge in sorted(ends, key=lambda end: (end[0].starts_at, end[0].pk))
    ]


@reads
@for_people
def personal_data_file(request: PersonRequest) -> HttpResponse:
    """Answer everything that is stored about a person, as JSON."""
    confirmation.require_before_file(request, reverse("account_privacy"))
    trail.record(trail.Action.DATA_DOWNLOADED, person=request.user.pk)
    told = personal_data.collect(request.user)
    name = f"box-office-{now():%Y-%m-%d}.json"
    answer = JsonResponse(told, json_dumps_params={"indent": 2, "ensure_ascii": False})
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@writes
@for_people
def erase(request: PersonRequest) -> HttpResponse:
    """Erase the account of whoever asks, once they have typed its name and shown again who they are."""
    confirmation.require(request)
    form = EraseForm(request.POST, user=request.user)
    try:
        if form.is_valid():
            accounts.erase_own_account(request.user)
    except Refused as refused:
        form.add_error(None, refused.detail)
    if not form.is_valid():
        return invalid(request, form, lambda: _privacy_page(request, form, status=400))
    return _farewell(request)


def _farewell(request: HttpRequest) -> HttpResponse:
    request.session.flush()
    if wants_json(request):
        return JsonResponse({"status": "erased"})
    messages.success(request, _("Your account is erased. Tickets of the past stay on record without your name."))
    return HttpResponseRedirect(resolve_url("index"))
