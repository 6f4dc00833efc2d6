"""What search engines are told: which pages there are, and which are not for them."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib.sitemaps import Sitemap
from django.contrib.sitemaps.views import sitemap as answer_sitemap
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from ..http import reads
from ..models import Event
from ..now import now
from ..outside import address_of
from ..shared_answers import shared

AN_HOUR = "public, max-age=3600"
MOST_EVENTS = 5000  # the soonest; a file may name 50,000, which would take seconds to write
NOT_FOR_THEM = (
    "/account/", "/accounts/", "/admin/", "/api/", "/book/", "/calendar/", "/checkin/", "/dashboard/", "/embed/",
    "/join/", "/organize/", "/release-hold/", "/status/", "/ticket/", "/transfers/", "/unsubscribe/",
    "/websocket-test/", "/language/",
    *(f"/*{sign}{name}=" for name in ("q", "when", "from", "to", "free") for sign in "?&"),
)  # fmt: skip


class _Pages(Sitemap):  # type: ignore[type-arg]  # -- not subscriptable at run time
    """The list, and the published events to come, soonest first."""

    def __init__(self, address: str) -> None:
        self.protocol, self._domain = urlsplit(address)[:2]

    def items(self) -> list[str]:
        """Return the paths."""
        events = Event.objects.upcoming(now()).values_list("pk", flat=True)[:MOST_EVENTS]
        return [reverse("index"), *(reverse("event_detail", args=[event]) for event in events)]

    def location(self, item: str) -> str:
        """Return a path as it is."""
        return item

    def get_domain(self, site: Any = None) -> str:
        """Return the site's own; Django would take the one that is asked."""
        return self._domain


@reads
@shared
def sitemap(request: HttpRequest) -> HttpResponse:
    """Answer the addresses of the list and of the events to come (sitemaps.org), at the one address of the site.

    It has one page and no query: with any, it would be made anew and kept for each.
    """
    if request.GET:
        raise Http404(_("There is one list of pages, and nothing to ask it."))
    response = answer_sitemap(request, {"pages": _Pages(address_of(request))})
    response["Cache-Control"] = AN_HOUR
    return response.render()


@reads
def robots_txt(request: HttpRequest) -> HttpResponse:
    """Answer which pages are not for search engines (RFC 9309), and where the others are listed."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in NOT_FOR_THEM)]
    lines += ["", f"Sitemap: {address_of(request, reverse('sitemap'))}", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8", headers={"Cache-Control": AN_HOUR})
