"""Pages for what went wrong; as JSON for clients that prefer it."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseServerError, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views import defaults

from ..http import page_behind, problem, unavailable, wants_json
from ..limits import is_used_up
from ..operations import request_id
from ..trust import too_often


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without a valid token: forged, or too old."""
    detail = _("This form is too old or does not come from our pages. Reload the page and try again; nothing was lost.")
    if wants_json(request):
        return problem(request, 403, "csrf_failed", detail)
    return render(request, "403_csrf.html", {"back": page_behind(request)}, status=403)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer what the person may not do, with the reason."""
    return problem(request, 403, "forbidden", str(exception) or _("You may not do this."))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer what does not exist, or must look as if it did not."""
    return problem(request, 404, "not_found", _("There is nothing at this address."))


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """Answer what was asked too often of allauth's pages, which call this."""
    name = request.resolver_match.url_name if request.resolver_match else None
    return too_often.answer(request, too_often.REQUESTS, too_often.seconds_left_at(request, name or ""))


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer a request that makes no sense."""
    if wants_json(request):
        detail = _("This request could not be understood.")
        return JsonResponse({"status": "bad_request", "detail": detail}, status=400)
    # Django's own, which renders 400.html without the request: it may be refused before anybody knows who made it.
    return defaults.bad_request(request, exception or Exception())


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what failed. What is away, or used up, for a moment is 503: a session that is stored last of all, too."""
    error = sys.exc_info()[1]
    if is_used_up(error) or isinstance(error, OperationalError | InterfaceError):
        return unavailable(request)
    # Without the request, whose context may be what failed.
    return HttpResponseServerError(render_to_string("500.html", {"request_id": request_id.current()}))
