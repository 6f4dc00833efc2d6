"""What happens around every request: headers, the login behind a session, and holds once per login."""

import logging
from collections.abc import Callable
from typing import Any, cast

from django.contrib.auth import get_user
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from . import allocation, arrivals
from .http import PersonRequest, unavailable
from .models import UserSession
from .receivers import ARRIVED
from .sessions import SessionStore, person_of

logger = logging.getLogger(__name__)

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


class NoNulMiddleware:
    """Answer 400 to a NUL in a query: no text has one, and PostgreSQL refuses it only when it is asked."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, or refuse it."""
        if "%00" in request.META.get("QUERY_STRING", ""):
            raise SuspiciousOperation("NUL in the query string")
        return self.get_response(request)


class PersonMiddleware(AuthenticationMiddleware):
    """Django's `request.user`, who was read with the session."""

    def process_request(self, request: HttpRequest) -> None:
        """Set who asks; nothing is read before somebody wants to know."""
        super().process_request(request)
        person: Any = SimpleLazyObject(lambda: person_of(cast("SessionStore", request.session)) or get_user(request))
        request.user = person


class TicketHoldMiddleware:
    """Hold places once per login, and know the login behind each request as `request.arrival`.

    A login by form is served in the same request, before its answer leaves; one that was made elsewhere, with its
    first request.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Hold before the view, so that it sees the holds, and after it, when the view was a login."""
        try:
            self._attend(cast("PersonRequest", request))
            response = self.get_response(request)
            self._hold(cast("PersonRequest", request))
        except (OperationalError, InterfaceError) as error:
            return self.process_exception(request, error) or unavailable(request)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer 503 in place of a traceback when the database is away, or a lock took too long."""
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        logger.warning("database unavailable: %s", type(exception.__cause__ or exception).__name__)
        return unavailable(request)

    def _attend(self, request: PersonRequest) -> None:
        request.arrival = None
        before = request.session.session_key
        if before is None or not request.user.is_authenticated:
            return
        key = request.session.session_key or ""
        if key != before:  # Django gives a new key to a session that was signed with one of SECRET_KEY_FALLBACKS
            arrivals.rename_session(before, key)
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
