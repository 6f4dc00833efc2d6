"""Choosing a language: a form at the foot of every page, and a page with it alone.

What is shared among all who are not logged in has no form, whose token would be somebody's own: it links to the page.
"""

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from .. import languages
from ..http import invalid, page_behind, reads, wants_json, writes
from ..models import languages as choices
from ..own_words import OwnWords
from ..telling import wishes


class LanguageForm(OwnWords, forms.Form):
    """A language that the site has, and the page to go back to."""

    language = forms.ChoiceField(choices=choices)
    next = forms.CharField(required=False)


@reads
def language(request: HttpRequest) -> HttpResponse:
    """Show the languages, and lead back to where somebody came from."""
    return render(request, "core/language.html", {"back": page_behind(request)})


@writes
def choose_language(request: HttpRequest) -> HttpResponse:
    """Speak the chosen language from now on, and write to a person in it."""
    form = LanguageForm(request.POST)
    if not form.is_valid():
        page = {"back": page_behind(request), "is_unknown": True}
        return invalid(request, form, lambda: render(request, "core/language.html", page, status=400))
    chosen = form.cleaned_data["language"]
    if request.user.is_authenticated:
        wishes.choose_language(request.user, chosen)
    response: HttpResponse = (
        JsonResponse({"status": "stored"}) if wants_json(request) else HttpResponseRedirect(_back(request, form))
    )
    languages.keep(response, chosen)
    return response


def _back(request: HttpRequest, form: LanguageForm) -> str:
    """Return the page of ours that the form names, or was on."""
    asked = form.cleaned_data["next"]
    is_ours = url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure())
    return (asked if is_ours else page_behind(request)) or reverse("index")
