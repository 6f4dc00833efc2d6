"""How every view speaks HTTP: who may, with which method, and an answer in JSON or HTML (DESIGN 3.2)."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from functools import cache, wraps
from typing import Any, ParamSpec
from urllib.parse import urlencode, urlsplit

from asgiref.sync import sync_to_async
from csp.constants import WASM_UNSAFE_EVAL
from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.contrib.staticfiles import finders
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.forms import BaseForm
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve, reverse
from django.utils.encoding import escape_uri_path
from django.utils.http import escape_leading_slashes, url_has_allowed_host_and_scheme
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from . import answers, pictures
from .models import User, UserSession
from .refusals import LoginEnded, Refused

View = Callable[..., HttpResponseBase]
P = ParamSpec("P")
_allow_webassembly: Any = csp_update({"script-src": [WASM_UNSAFE_EVAL]})
RETRY_AFTER = "3"  # seconds


class PersonRequest(HttpRequest):
    """A request of somebody who is logged in; `arrival` is the login it belongs to."""

    user: User
    arrival: UserSession | None


def wants_json(request: HttpRequest) -> bool:
    """Return whether the client prefers JSON to HTML; a browser's `*/*` gets HTML."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def problem(request: HttpRequest, status: int, name: str, detail: str, *, back: str = "") -> HttpResponse:
    """Answer what went wrong: as JSON, or as the page of that status, which may lead `back` to an address."""
    if wants_json(request):
        return JsonResponse({"status": name, "detail": detail}, status=status)
    return render(request, f"{status}.html", {"detail": detail, "back": back}, status=status)


def too_many(request: HttpRequest, detail: str, seconds: int) -> HttpResponse:
    """Answer what was asked too often, and may be asked again in `seconds`, which `detail` says in words."""
    if wants_json(request):
        body = {"status": "too_many", "detail": detail, "retry_after": seconds}
        response: HttpResponse = JsonResponse(body, status=429)
    else:
        response = render(request, "429.html", {"detail": detail, "back": page_behind(request)}, status=429)
    response["Retry-After"] = str(seconds)
    return response


def page_behind(request: HttpRequest) -> str:
    """Return the address of our page that a form was on; nothing where it was on a page of somebody else."""
    address = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
        return ""
    return escape_leading_slashes(urlsplit(address)._replace(scheme="", netloc="", fragment="").geturl())


def in_words(view: View) -> View:
    """Say in words what is not there and what cannot be done; with DEBUG, too, where Django shows its own pages."""

    @wraps(view)
    def said(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except Http404 as error:
            return problem(request, 404, "not_found", str(error))
        return _not_allowed(request, response["Allow"]) if isinstance(response, HttpResponseNotAllowed) else response

    return said


def _not_allowed(request: HttpRequest, allowed: str) -> HttpResponse:
    """Answer a wrong method: what can be opened by the right one, or else the page above it, is the way back."""
    back = request.get_full_path() if "GET" in allowed else _page_above(request.path_info)
    detail = _("This address answers %(methods)s only.") % {"methods": allowed}
    response = problem(request, 405, "method_not_allowed", detail, back=back)
    response["Allow"] = allowed
    return response


def _page_above(path: str) -> str:
    """Return the nearest address above that can be opened: of one that forms are sent to, theirs; empty if none can."""
    while (path := f"{path.rstrip('/').rpartition('/')[0]}/") != "/":
        with suppress(Resolver404):
            if "is_written_to" not in vars(resolve(path).func):
                return escape_uri_path(path)
    return ""


def reads(view: View) -> View:
    """Let GET and HEAD in; a wrong method is 405 before anything else."""
    return csrf_exempt(in_words(require_safe(view)))  # nothing is written here, so there is no forgery to stop


def writes(view: View) -> View:
    """Let POST with a CSRF token in; a wrong method is 405 first, then a wrong token is 403."""
    # Exempt from the middleware only because the same check runs here, after the method was looked at.
    written = csrf_exempt(in_words(require_POST(csrf_protect(view))))
    vars(written)["is_written_to"] = True
    return written


def keeps_uploads(view: View) -> View:
    """Let a form with a file that is too large in, without the file: what else was typed is shown again.

    Above `writes`, which reads the form.
    """

    @wraps(view)
    def keeping(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.upload_handlers = [pictures.KeepingUploads(request)]
        return view(request, *args, **kwargs)

    return keeping


def for_people(view: View) -> View:
    """Let people in who are logged in: others get 401 as JSON, or the login page and then this one."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if wants_json(request):
            return JsonResponse({"status": LoginEnded.status, "detail": str(LoginEnded.detail)}, status=401)
        after = request.get_full_path()
        if request.method == "POST":  # a form's address answers 405 after the login: go to where its button is
            messages.info(request, _("You are not logged in any more, so nothing was done. Log in and try again."))
            after = reverse("event_detail", args=[kwargs["event_id"]]) if "event_id" in kwargs else reverse("dashboard")
        elif _has_lost_login(request):
            messages.info(
                request, _("You are not logged in any more: your login was ended elsewhere, or its time is up.")
            )
        if "X-Refresh" in request.headers:  # a page in the background, which loads itself anew and says why
            return HttpResponse(status=204)  # not 401, which a browser notes as an error of the page
        return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode({'next': after})}")

    return guarded


def _has_lost_login(request: HttpRequest) -> bool:
    """Return whether the browser goes on with a session that is none any more; its own logout takes the cookie away."""
    return bool(request.COOKIES.get(settings.SESSION_COOKIE_NAME)) and request.session.session_key is None


def with_camera(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """Let a page use the camera, and WebAssembly, which reads the codes where the browser has no reader of its own."""

    @wraps(view)
    def seeing(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        response = view(*args, **kwargs)
        response["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=(), payment=()"
        return response

    allowing: Callable[P, HttpResponse] = _allow_webassembly(seeing)
    return allowing


def answer(request: HttpRequest, payload: dict[str, Any], *, message: str, to: Any, status: int = 200) -> HttpResponse:
    """Answer a write that succeeded: the payload as JSON, or a message and a redirect."""
    if wants_json(request):
        return JsonResponse(payload, status=status)
    messages.success(request, message)
    return HttpResponseRedirect(resolve_url(to))


def refuse(request: HttpRequest, refused: Refused, *, to: Any) -> HttpResponse:
    """Answer a refusal: 409 with the reason as JSON, or a message and a redirect."""
    if wants_json(request):
        return JsonResponse(answers.of_refusal(refused), status=409)
    messages.warning(request, refused.detail)
    return HttpResponseRedirect(resolve_url(to))


def invalid(request: HttpRequest, form: BaseForm, page: Callable[[], HttpResponse]) -> HttpResponse:
    """Answer a form that is not right: 400 with its first error as JSON, or the `page` with what was typed."""
    if not wants_json(request):
        return page()
    field, errors = next(iter(form.errors.items()))
    return JsonResponse({"status": "invalid", "field": field, "detail": str(errors[0])}, status=400)


def busy_page() -> str:
    """Return the page for 503, which has no request in it, whose context would ask the database.

    The servers call this as they start: where no file may be opened any more, this one could not be read.
    """
    pages = _busy_pages()
    return pages.get(get_language() or "", pages[settings.LANGUAGE_CODE])


@cache
def _busy_pages() -> dict[str, str]:
    pages: dict[str, str] = {}
    for language in {settings.LANGUAGE_CODE, *dict(settings.LANGUAGES)}:
        with override(language):
            pages[language] = render_to_string("503.html")
    return pages


def unavailable(request: HttpRequest) -> HttpResponse:
    """Answer that the database is away or at its limit: nothing was done, try again in a moment."""
    if wants_json(request):
        response: HttpResponse = JsonResponse(answers.unavailable(), status=503)
    else:
        response = HttpResponse(busy_page(), status=503)
    response["Retry-After"] = RETRY_AFTER
    return response


def script(name: str) -> FileResponse:
    """Answer a service worker of ours from an address of its own: it serves only what is below its address."""
    found = open(str(finders.find(f"core/js/{name}")), "rb")  # noqa: SIM115 -- closed by the answer
    return FileResponse(found, content_type="text/javascript; charset=utf-8", headers={"Cache-Control": "no-cache"})


def download(request: HttpRequest, pieces: Iterator[bytes], content_type: str, name: str) -> StreamingHttpResponse:
    """Answer a file piece by piece, each made when it is its turn.

    Under ASGI Django would make a list of a plain iterator first, so that the whole file was in memory.
    """
    taken = _taken(pieces)
    content = _taken_in_thread(taken) if isinstance(request, ASGIRequest) else taken
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(content, content_type=content_type, headers=disposition)


def _taken(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if not connection.in_atomic_block:  # as a test case is
            connection.close_if_unusable_or_obsolete()  # who reads slowly must not keep it from the pool meanwhile
        yield piece


async def _taken_in_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    take = sync_to_async(lambda: next(pieces, None))
    while (piece := await take()) is not None:
        yield piece
