"""The style guide, for developers: every component of the pages in every state."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from ..http import reads
from ..specimens import specimens


@reads
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show the components, made by the templates that the pages are made of; only while developing."""
    if not settings.DEBUG:
        raise Http404("No such page.")
    moment = timezone.now()  # nothing is decided by it, and nothing is asked of the database here
    return render(request, "core/styleguide.html", {"now": moment, **specimens(moment)})
