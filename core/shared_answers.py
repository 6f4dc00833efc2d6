"""Answers that are the same for everybody who is not logged in: made once, and shared for a second in each process.

At an opening hundreds of people who are yet to log in ask for the same page in the same second. What they get is at
most `SHARED_SECONDS` old, and made correct by the numbers that its socket brings (`core/static/core/js/numbers.js`).
"""

import gzip
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import wraps
from http import HTTPStatus
from time import monotonic
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import re_accepts_gzip
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language

from .search import is_search

View = Callable[..., HttpResponse]

WORTH_ZIPPING = 1000  # bytes; a list of 24 events has 57 kB, compressed 4
LARGEST = 128  # answers of one process, of up to 60 kB; the sitemap of 5,000 events has 500
PATIENCE = 5.0  # seconds to wait for an answer that is being made; then one makes it oneself


@dataclass(frozen=True)
class _Answer:
    """What is shared: the content, compressed as well where that is worth it, and the headers."""

    content: bytes
    zipped: bytes
    headers: dict[str, str]

    @classmethod
    def of(cls, response: HttpResponse) -> "_Answer":
        """Keep a response. Nothing in it is secret, so that its length when compressed tells nothing."""
        if len(response.content) < WORTH_ZIPPING:
            return cls(response.content, b"", dict(response.items()))
        patch_vary_headers(response, ["Accept-Encoding"])
        return cls(response.content, gzip.compress(response.content, mtime=0), dict(response.items()))

    def response_to(self, request: HttpRequest) -> HttpResponse:
        """Return a response of its own for a request."""
        if self.zipped and re_accepts_gzip.search(request.headers.get("Accept-Encoding", "")):
            return HttpResponse(self.zipped, headers={**self.headers, "Content-Encoding": "gzip"})
        return HttpResponse(self.content, headers=self.headers)


@dataclass(frozen=True)
class _Shared:
    """An answer, or that it is being made; None in it: it is not for sharing, or making it failed."""

    until: float  # monotonic
    answer: "Future[_Answer | None]" = field(default_factory=Future)


_answers: dict[tuple[str, ...], _Shared] = {}
_lock = threading.Lock()


def shared(view: View) -> View:
    """Share what a view answers to people without a session: 200 and no cookie, so no draft, no form, no message.

    It depends on the address with its query, the host, the scheme, and the language that is spoken, of the few that the
    site has, whatever words asked for it. What else a client accepts matters to errors alone, which are not shared.
    While it is made, all others wait for it. Searches, of which there is no end and few are alike, are answered to each
    by itself.
    """

    @wraps(view)
    def sharing(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.SHARED_SECONDS or is_known(request) or is_search(request.GET):
            return view(request, *args, **kwargs)
        key = (request.scheme or "", request.get_host(), request.get_full_path(), get_language() or "")
        entry, is_mine = _entry(key)
        if is_mine:
            return _make(entry, key, request, lambda: view(request, *args, **kwargs))
        try:
            found = entry.answer.result(PATIENCE)
        except TimeoutError:
            found = None
        return found.response_to(request) if found else view(request, *args, **kwargs)

    return sharing


def forget() -> None:
    """Forget every answer."""
    with _lock:
        _answers.clear()


def is_known(request: HttpRequest) -> bool:
    """Return whether the request may be somebody's, or has a message to show."""
    return not {settings.SESSION_COOKIE_NAME, settings.MESSAGES_COOKIE_NAME}.isdisjoint(request.COOKIES)


def _entry(key: tuple[str, ...]) -> tuple[_Shared, bool]:
    """Return the answer of a key that is still good, or a new one, and whether it is the caller's to make."""
    now = monotonic()
    with _lock:
        entry = _answers.get(key)
        if entry is not None and now < entry.until:
            return entry, False
        if len(_answers) >= LARGEST:
            _answers.clear()
        entry = _answers[key] = _Shared(now + settings.SHARED_SECONDS)
        return entry, True


def _make(entry: _Shared, key: tuple[str, ...], request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    found: _Answer | None = None
    try:
        response = view()
        if response.status_code == HTTPStatus.OK and not _is_own(request, response):
            found = _Answer.of(response)
        return found.response_to(request) if found else response
    finally:
        entry.answer.set_result(found)
        if found is None:
            with _lock:
                if _answers.get(key) is entry:
                    del _answers[key]


def _is_own(request: HttpRequest, response: HttpResponse) -> bool:
    """Return whether the answer sets a cookie, or will: the one that belongs to the token of a form, or a session's."""
    return bool(response.cookies or request.META.get("CSRF_COOKIE_NEEDS_UPDATE") or request.session.modified)
