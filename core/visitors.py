"""Who opened a socket: the login behind the session cookie, of many sockets at once. Nothing is written here."""

import ipaddress
from dataclasses import dataclass
from typing import Any

from allauth.core.internal.httpkit import clean_client_ip
from django.conf import settings
from django.contrib.sessions.models import Session
from django.http import parse_cookie
from django.utils import timezone

from . import arrivals
from .many import among
from .models import User, UserSession
from .sessions import SessionStore, could_be_key, hashes, is_of
from .trust import second_factor


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who is logged in, and the login by which they are."""

    user: User
    arrival: UserSession
    has_used_factor: bool = False  # whether the login was made, or confirmed, with a second factor


def session_key_of(scope: Any) -> str:
    """Return the session key that a handshake's cookie names; empty without one that could be a key of ours.

    One question asks about many keys: what a database refuses to read (a NUL) must not fail those of others.
    """
    cookies = (value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie")
    key = next((parse_cookie(text).get(settings.SESSION_COOKIE_NAME, "") for text in cookies), "")
    return key if could_be_key(key) else ""


def address_of(scope: Any) -> str:
    """Return the address that a handshake came from; empty where nobody tells.

    Behind proxies we trust it is the one that the outermost of them added: what stands before it anybody may write.
    """
    trusted = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    if not trusted:
        return _one_address(str((scope.get("client") or ("",))[0]))
    lines = (value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for")
    said = [part.strip() for line in lines for part in line.split(",")]
    return _one_address(said[-trusted]) if len(said) >= trusted else ""


def _one_address(said: str) -> str:
    """Return an address as it is counted: of IPv6 the network of 64 bits, of which one machine has all addresses."""
    address = clean_client_ip(said) or ""
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if ":" in address else address


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
        login.session_key: Visitor(login.user, login, second_factor.is_noted_in(said[login.session_key]))
        for login in logins
        if is_of(said[login.session_key], login.user, hashes(login.user))
    }
