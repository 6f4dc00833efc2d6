"""Which language is spoken to whom: the one they chose, or else the best that their browser asks for.

A person's choice is kept with them (`User.language`, of mails as well), and in a cookie for who is not logged in.
"""

from types import SimpleNamespace
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, parse_cookie
from django.utils import translation

from .models import User, languages

YEAR = 365 * 86_400  # seconds


def of_browser(request: HttpRequest) -> str:
    """Return the language that a browser's cookie, or what it accepts, asks for; else the site's."""
    return translation.get_language_from_request(request)


def of_person(user: Any) -> str | None:
    """Return the language that somebody who is logged in has chosen, while the site has it."""
    return user.language if user.language in dict(languages()) else None


def of_handshake(scope: Any, user: User | None) -> str:
    """Return the language in which a socket speaks: that of the page which opens it."""
    said = {name: value.decode("latin-1") for name, value in scope["headers"]}
    asked: Any = SimpleNamespace(
        COOKIES=parse_cookie(said.get(b"cookie", "")), META={"HTTP_ACCEPT_LANGUAGE": said.get(b"accept-language", "")}
    )
    return (of_person(user) if user else None) or of_browser(asked)


def speak_to(user: Any) -> None:
    """Speak a person's own language for the rest of a request; `LanguageMiddleware` ends it."""
    if chosen := of_person(user):
        translation.activate(chosen)


def to_start_with() -> str:
    """Return what a new account keeps: the language in which it was asked for; nothing for the site's own."""
    spoken = translation.get_language() or ""
    return spoken if spoken != settings.LANGUAGE_CODE and spoken in dict(languages()) else ""


def keep(response: HttpResponse, language: str) -> None:
    """Have the browser remember a language."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=YEAR,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite=settings.LANGUAGE_COOKIE_SAMESITE,  # type: ignore[arg-type]  # -- any text, to the stubs
    )
