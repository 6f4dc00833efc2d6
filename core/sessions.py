"""Sessions as Django keeps them, read with the login behind them and its person: one query in place of three."""

from collections.abc import Iterable
from typing import Any

from channels.auth import AuthMiddleware, get_user
from channels.db import database_sync_to_async
from channels.sessions import CookieMiddleware, SessionMiddleware
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.utils import timezone
from django.utils.crypto import constant_time_compare, get_random_string

from . import arrivals
from .models import User, UserSession


class SessionStore(db.SessionStore):
    """The engine of `SESSION_ENGINE`; `login` is the live login that was read with the session, if there is one."""

    login: UserSession | None = None
    _is_new = False  # begun, and in no row yet

    def load(self) -> dict[str, Any]:
        """Read the session; in Django's own way where no live login stands behind it."""
        login = arrivals.login_and_session(self.session_key or "", timezone.now())
        if login is None or login.session_data is None:
            return super().load()
        self.login = login
        return self.decode(login.session_data)

    def create(self) -> None:
        """Begin a new session; one that replaces none is stored by `save`, at the end of its request.

        Django stores an empty row at once, after a look whether somebody has the key: a login would pay for three
        statements in place of one. Of 165 random bits nobody has the same, and the insert would refuse it.
        """
        if self.session_key is not None:
            super().create()
            return
        self._session_cache: dict[str, Any] = getattr(self, "_session_cache", {})  # what it has so far
        self._session_key = get_random_string(32, VALID_KEY_CHARS)
        self._is_new = self.modified = True

    def save(self, must_create: bool = False) -> None:
        """Store the session."""
        if self.session_key is None:
            self.create()
        super().save(must_create=must_create or self._is_new)
        self._is_new = False

    def flush(self) -> None:
        """End the session."""
        super().flush()
        self.login, self._is_new = None, False


def person_of(session: SessionStore) -> User | None:
    """Return the active person who was read with a session; None if anything is out of the ordinary.

    Then Django must be asked, which knows what else may be: another key, another password, nobody.
    """
    login = _login_of(session)
    return login.user if login and _bears(session, [login.user.get_session_auth_hash()]) else None


def _login_of(session: SessionStore) -> UserSession | None:
    claimed, backend = session.get(SESSION_KEY), session.get(BACKEND_SESSION_KEY)  # these read it
    login = session.login
    if login is None or claimed != str(login.user_id) or backend not in settings.AUTHENTICATION_BACKENDS:
        return None
    return login


def _bears(session: SessionStore, hashes: Iterable[str]) -> bool:
    """Return whether a session was signed for one of these states of a person's password and of our key."""
    borne = session.get(HASH_SESSION_KEY) or ""
    return any(constant_time_compare(borne, known) for known in hashes)


def _person_of_socket(session: SessionStore) -> User | None:
    """Return the same for a socket, that may bear a key of SECRET_KEY_FALLBACKS as well.

    A page that stays open while the key is changed must not be logged out by its socket, as Channels would do; its next
    request gives the session the new key.
    """
    login = _login_of(session)
    if login is None:
        return None
    hashes = [login.user.get_session_auth_hash(), *login.user.get_session_auth_fallback_hash()]
    return login.user if _bears(session, hashes) else None


class SocketPerson(AuthMiddleware):
    """Channels' `AuthMiddleware` without a question of its own for the person."""

    async def resolve_scope(self, scope: Any) -> None:
        """Set who opens the socket."""
        user = await database_sync_to_async(_person_of_socket)(scope["session"]) or await get_user(scope)
        scope["user"]._wrapped = user  # noqa: SLF001 -- as Channels does, and the only way


def with_person(inner: Any) -> Any:
    """Wrap an application of sockets, in place of `AuthMiddlewareStack`."""
    return CookieMiddleware(SessionMiddleware(SocketPerson(inner)))
