"""Sessions as Django keeps them, read with the login behind them and its person: one query in place of three."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, UpdateError
from django.db import OperationalError
from django.utils import timezone
from django.utils.crypto import constant_time_compare, get_random_string

from . import arrivals
from .models import User, UserSession

SHORTEST_KEY, LONGEST_KEY = 8, 40  # characters: as Django has it, and as its table does


def could_be_key(text: str) -> bool:
    """Return whether a text could be a session's key: others are not asked for, a database refuses some (a NUL)."""
    return text.isascii() and text.isalnum() and SHORTEST_KEY <= len(text) <= LONGEST_KEY


class SessionStore(db.SessionStore):
    """The engine of `SESSION_ENGINE`; `login` is the live login that was read, or made, with it."""

    login: UserSession | None = None
    _is_new = False  # begun, and in no row yet

    def _validate_session_key(self, key: str | None) -> bool:
        """Take no other key from a cookie."""
        return could_be_key(key or "")

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
        """Store the session. Raises OperationalError where the database is away: for Django somebody ended it then."""
        if self.session_key is None:
            self.create()
        try:
            super().save(must_create=must_create or self._is_new)
        except UpdateError as error:
            why = error.__context__
            if isinstance(why, OperationalError):
                raise why from why.__cause__
            raise
        self._is_new = False

    def flush(self) -> None:
        """End the session."""
        super().flush()
        self.login, self._is_new = None, False


def person_of(session: SessionStore) -> User | None:
    """Return the active person who was read with a session; None if anything is out of the ordinary.

    Then Django must be asked, which knows what else may be: another key, another password, nobody.
    """
    claimed = session.get(SESSION_KEY)  # this reads it
    login = session.login if claimed else None
    return login.user if login and is_of(session, login.user, hashes(login.user)) else None


def hashes(user: User) -> Iterator[str]:
    """Yield the hashes of the password with which a session may be signed: by this key, or by a former one.

    Django gives a session of a former key a new one, and so logs out whoever asks twice at once, or a process that does
    not know the new key yet. A session lasts a day: it may end with the key it has.
    """
    yield user.get_session_auth_hash()
    yield from user.get_session_auth_fallback_hash()


def is_of(session: Any, user: User, known_hashes: Iterable[str]) -> bool:
    """Return whether what a session keeps names a person, signed for one of these states of their password."""
    is_named = session.get(SESSION_KEY) == str(user.pk)
    is_known = session.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
    proof = session.get(HASH_SESSION_KEY) or ""
    return is_named and is_known and any(constant_time_compare(proof, known) for known in known_hashes)
