"""Pages for what went wrong; as JSON for clients that prefer it."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

from ..http import problem, wants_json


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without a valid token: forged, or too old."""
    detail = "This form is too old or does not come from our pages. Reload the page and try again; nothing was lost."
    return problem(request, 403, "csrf_failed", detail)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer what the person may not do, with the reason."""
    return problem(request, 403, "forbidden", str(exception) or "You may not do this.")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer what does not exist, or must look as if it did not."""
    return problem(request, 404, "not_found", "There is nothing at this address.")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer a request that makes no sense."""
    if wants_json(request):
        detail = "This request could not be understood."
        return JsonResponse({"status": "bad_request", "detail": detail}, status=400)
    # Django's own, which renders 400.html without the request: it may be refused before anybody knows who made it.
    return defaults.bad_request(request, exception or Exception())
