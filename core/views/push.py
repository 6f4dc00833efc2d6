"""Letting a browser be told that it is one's turn, with the page closed, and telling it no more."""

from django import forms
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from ..http import PersonRequest, answer, for_people, invalid, problem, reads, script, writes
from ..push import keys, subscriptions
from ..push.forms import WRONG, BrowserForm, SubscriptionForm


@reads
def push_worker(request: HttpRequest) -> FileResponse:
    """Answer the service worker that shows push messages; also where push is off now, for browsers that have it."""
    return script("push_worker.js")


@writes
@for_people
def push_subscribe(request: PersonRequest) -> HttpResponse:
    """Let the browser that asks be told."""
    if not keys.is_on():
        raise Http404(_("This site sends no push messages."))
    form = SubscriptionForm(request.POST)
    if not form.is_valid():
        return _invalid(request, form)
    key = request.session.session_key or ""
    subscriptions.subscribe(user=request.user, session_key=key, **form.cleaned_data)
    message = _("Your browser will tell you when it is your turn.")
    return answer(request, {"status": "on"}, message=message, to="dashboard")


@writes
@for_people
def push_unsubscribe(request: PersonRequest) -> HttpResponse:
    """Tell the browser that asks no more."""
    form = BrowserForm(request.POST)
    if not form.is_valid():
        return _invalid(request, form)
    subscriptions.forget(request.user, form.cleaned_data["endpoint"])
    return answer(request, {"status": "off"}, message=_("Your browser will not tell you any more."), to="dashboard")


@writes
@for_people
def push_unsubscribe_all(request: PersonRequest) -> HttpResponse:
    """Tell none of the person's browsers any more: from a page, also one without scripts."""
    subscriptions.forget_all(request.user)
    message = _("None of your browsers will tell you any more.")
    return answer(request, {"status": "off"}, message=message, to="account_notices")


def _invalid(request: HttpRequest, form: forms.Form) -> HttpResponse:
    return invalid(request, form, lambda: problem(request, 400, "invalid", str(WRONG)))
