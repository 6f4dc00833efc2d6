"""What happens around every request: headers, the login behind a session, and holds once per login."""

import logging
import re
from collections.abc import Callable
from typing import Any, cast

from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from . import allocation, arrivals, languages
from .deadline import answering_within
from .http import PersonRequest, problem, unavailable, wants_json
from .logs import is_too_slow
from .models import Event, UserSession
from .receivers import ARRIVED
from .sessions import SessionStore, person_of
from .trust import confirmation, purposes, refused, second_factor, trail
from .views.errors import bad_request

logger = logging.getLogger(__name__)

ALIVE = "/healthz"  # answers without the database, also whoever has a session
EMBEDDED = "/embed/"  # frames on other sites, which know nobody
GetResponse = Callable[[HttpRequest], HttpResponse]


class PrivacyHeadersMiddleware:
    """Personal pages are kept nowhere, and no page may use the camera but the gate's."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add the headers."""
        response = self.get_response(request)
        response.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if response.cookies:
            response["Cache-Control"] = "no-store"  # whatever the view thought
        elif "Cookie" in response.get("Vary", ""):
            response.setdefault("Cache-Control", "no-store")
        return response


class ProgramsByHttpsMiddleware:
    """Refuse programs that come by HTTP where people are led to HTTPS: they would not see that they spoke openly."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, or refuse it."""
        if settings.SECURE_SSL_REDIRECT and not request.is_secure() and self._is_of_program(request):
            detail = _("This site is spoken to by HTTPS alone. What was sent went openly over the network.")
            return JsonResponse({"status": "https_needed", "detail": detail}, status=403)
        return self.get_response(request)

    def _is_of_program(self, request: HttpRequest) -> bool:
        path = request.path_info.lstrip("/")
        is_exempt = any(re.search(pattern, path) for pattern in settings.SECURE_REDIRECT_EXEMPT)
        return not is_exempt and (path.startswith("api/") or wants_json(request))


class NoNulMiddleware:
    """Answer 400 to a NUL in a query: no text has one, and PostgreSQL refuses it only when it is asked."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, or refuse it; not by raising, which would be a traceback in the log for each."""
        if "%00" in request.META.get("QUERY_STRING", ""):
            return bad_request(request)
        return self.get_response(request)


class LanguageMiddleware:
    """Speak the language that the browser asks for, until it is known who asks, and not a moment longer.

    `TicketHoldMiddleware` knows whose request it is, and speaks theirs. Django's own middleware would go on in the
    language of one request where the next one of the thread is refused before it gets here.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Speak, and say of a page what its words depend on."""
        with translation.override(languages.of_browser(request)):
            response = self.get_response(request)
            if response.get("Content-Type", "").startswith("text/html"):
                response.setdefault("Content-Language", translation.get_language() or "")
                patch_vary_headers(response, ["Accept-Language", "Cookie"])
        return response


class StoredSessionMiddleware(SessionMiddleware):
    """Django's, which stores a session after the view: when the database is gone by then, that is a 503 as well.

    What comes after it may wait for the database, all in all no longer than is good for a page.
    """

    def __call__(self, request: HttpRequest) -> Any:
        """Answer in time."""
        with answering_within():
            return super().__call__(request)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Store the session."""
        try:
            return super().process_response(request, response)
        except (OperationalError, InterfaceError) as error:
            logger.warning("a session was not stored: %s", type(error.__cause__ or error).__name__)
            return unavailable(request)


class PersonMiddleware(AuthenticationMiddleware):
    """Django's `request.user`, who was read with the session."""

    def process_request(self, request: HttpRequest) -> None:
        """Set who asks; nothing is read before somebody wants to know."""
        super().process_request(request)
        person: Any = SimpleLazyObject(lambda: person_of(cast("SessionStore", request.session)) or get_user(request))
        request.user = person


class TrailMiddleware:
    """Whatever is recorded in the audit trail while a request is served, was asked by it; a refusal is logged."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Keep the request at hand."""
        with trail.asking(request):
            response = self.get_response(request)
            refused.note_page(request, response)
            return response


class SecondFactorMiddleware:
    """Staff without a second factor are sent to set one up, or to use it (`trust/second_factor.py`)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Look at whoever enters the administration; other pages ask for themselves."""
        match = request.resolver_match
        is_admin = match is not None and match.app_name == "admin" and match.url_name != "logout"
        if is_admin and request.user.is_authenticated and request.user.is_staff:
            try:
                second_factor.require(request)
                confirmation.require_after_pause(request, cast("PersonRequest", request).arrival)
            except second_factor.SecondFactorNeeded as needed:
                return self.process_exception(request, needed)
            except ReauthenticationRequired as needed:
                return self.process_exception(request, needed) or confirmation.ask(request)
            except (OperationalError, InterfaceError) as error:
                return _away(request, error)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Send people where they use their second factor, or confirm a download; tell a program so."""
        if isinstance(exception, ReauthenticationRequired) and wants_json(request):
            return problem(request, 403, "confirmation_needed", _("Log in again before that: your login is too old."))
        if isinstance(exception, second_factor.SecondFactorNeeded) and wants_json(request):
            return problem(request, 403, "second_factor_needed", exception.detail)
        try:  # both ask the database, where no other middleware takes what it raises
            if isinstance(exception, ReauthenticationRequired):
                purposes.note(request, getattr(exception, "page", request.get_full_path()))
            if isinstance(exception, confirmation.FileAskedFor):
                return HttpResponseRedirect(confirmation.where_to(request, exception))
            if not isinstance(exception, second_factor.SecondFactorNeeded):
                return None
            to = second_factor.where_to(request)
        except (OperationalError, InterfaceError) as error:
            return _away(request, error)
        messages.info(request, exception.detail)
        return HttpResponseRedirect(to)


def _away(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer 503 in place of a traceback: the database is away, or a lock took too long."""
    trace = error if is_too_slow(error) else None
    logger.warning("database unavailable: %s", type(error.__cause__ or error).__name__, exc_info=trace)
    return unavailable(request)


class TicketHoldMiddleware:
    """Hold places once per login, and know the login behind each request as `request.arrival`.

    A login by form is served in the same request, before its answer leaves; one that was made elsewhere, with its
    first request.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Hold before the view, so that it sees the holds, and after it, when the view was a login."""
        if request.path_info == ALIVE or request.path_info.startswith(EMBEDDED):
            return self.get_response(request)
        try:
            self._attend(cast("PersonRequest", request))
            response = self.get_response(request)
            self._hold(cast("PersonRequest", request))
        except (OperationalError, InterfaceError) as error:
            return self.process_exception(request, error) or unavailable(request)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer 503 when the database fails a view, and 404 for a draft that was deleted since the view read it."""
        if isinstance(exception, Event.DoesNotExist):
            return problem(request, 404, "not_found", _("No such event."))
        return _away(request, exception) if isinstance(exception, OperationalError | InterfaceError) else None

    def _attend(self, request: PersonRequest) -> None:
        request.arrival = None
        if request.session.session_key is None or not request.user.is_authenticated:
            return
        languages.speak_to(request.user)
        key = request.session.session_key or ""
        self._hold(request)
        known = cast("SessionStore", request.session).login
        request.arrival = arrivals.session_of(user_id=request.user.pk, session_key=key, known=known)
        if request.arrival is None:
            # Ended elsewhere. Not `logout()`: that is a person signing out, which ends their holds.
            request.session.flush()
            request.user = AnonymousUser()  # type: ignore[assignment]  # -- from here on nobody is logged in

    def _login_of(self, request: PersonRequest) -> UserSession | None:
        """Return the login that was recorded or read in this request, or else look for it."""
        key, known = request.session.session_key, cast("SessionStore", request.session).login
        if known is not None and known.session_key == key:
            return known
        return UserSession.objects.filter(session_key=key, is_active=True).first()

    def _hold(self, request: PersonRequest) -> None:
        """Hold places for a login that is yet to be put forward.

        When an event is locked for too long, the login stands, and its next request tries again: Django keeps no
        session of an answer 5xx, and whoever had to log in again would have lost their rank.
        """
        if not request.session.session_key or ARRIVED not in request.session or not request.user.is_authenticated:
            return
        try:
            session = self._login_of(request)
            if session is not None and session.user_id == request.user.pk:
                allocation.hold_for_login(user=request.user, session=session)
        except (OperationalError, InterfaceError) as error:
            logger.warning("a login is held places later: %s", type(error.__cause__ or error).__name__)
        else:
            del request.session[ARRIVED]
