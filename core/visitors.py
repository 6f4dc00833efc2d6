"""Who opened a socket: the login behind the session cookie, of many sockets at once. Nothing is written here."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.http import parse_cookie
from django.utils import timezone

from . import arrivals
from .many import among
from .models import User, UserSession
from .sessions import SessionStore, is_of

LONGEST_KEY = 40  # characters, as the session table has it


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who is logged in, and the login by which they are."""

    user: User
    arrival: UserSession


def session_key_of(scope: Any) -> str:
    """Return the session key that a handshake's cookie names; empty without one that could be a key of ours.

    One question asks about many keys: what a database refuses to read (a NUL) must not fail those of others.
    """
    cookies = (value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie")
    key = next((parse_cookie(text).get(settings.SESSION_COOKIE_NAME, "") for text in cookies), "")
    return key if key.isascii() and key.isalnum() and len(key) <= LONGEST_KEY else ""


def read_visitors(session_keys: set[str]) -> dict[str, Visitor]:
    """Return `{session key: who is logged in with it}` of the sessions that can still act, in two queries.

    As Django's `get_user` decides it, but without a write: a session whose password was changed is nobody's.
    """
    sessions = Session.objects.filter(session_key__in=among(session_keys), expire_date__gt=timezone.now())
    store = SessionStore()
    said = {key: store.decode(data) for key, data in sessions.values_list("session_key", "session_data")}
    if not said:
        return {}
    logins = arrivals.live_sessions(timezone.now()).filter(session_key__in=among(said)).select_related("user")
    return {
        login.session_key: Visitor(login.user, login)
        for login in logins
        if is_of(said[login.session_key], login.user, _hashes(login.user))
    }


def _hashes(user: User) -> Iterator[str]:
    """Yield the hashes of the password with which a session may be signed: by this key, or by a former one.

    A page that stays open while the key is changed must not be logged out by its socket; its next request gives the
    session the new key.
    """
    yield user.get_session_auth_hash()
    yield from user.get_session_auth_fallback_hash()
