"""Logins, those that failed and those that were let in no more: a line in the log for each, and a few in the trail.

Nobody reads in the log what was typed. A name and an address are told apart in it by keyed hashes, as long as
`SECRET_KEY` is the same; an account by its number.
"""

import datetime as dt
import logging

from django.core.cache import cache
from django.utils.crypto import salted_hmac

from ..models import AuditEntry, User
from ..now import now
from . import trail

logger = logging.getLogger(__name__)

Action = AuditEntry.Action
HOUR = dt.timedelta(hours=1)
MOST = 5  # entries of a kind, account and hour: whoever guesses must not fill the trail
QUIET = 900  # seconds in which being let in no more is told once for a name and address


def note_login(person: User, *, methods: list[str]) -> None:
    """Log that somebody is in, and by what: `password`, `mfa`, `socialaccount`."""
    _log(logging.INFO, "logged_in", person=person, by=",".join(dict.fromkeys(methods)) or "-")


def note_failure(action: Action, *, person: User | None, name: str = "") -> None:
    """Log one of FAILED_LOGINS, and tell the person in the trail, if the account exists."""
    _log(logging.WARNING, action.value, person=person, name=hashed(name))
    if person is not None:
        _tell(action, person)


def is_news(name: str) -> bool:
    """Return whether it was not told lately that a name is let in no more from this address."""
    return bool(cache.add(f"login-limited:{hashed(name)}:{hashed(trail.address_here())}", 1, QUIET))


def _log(level: int, what: str, *, person: User | None, **told: str) -> None:
    about = {"person": str(person.pk) if person else "-", "from": hashed(trail.address_here())} | told
    logger.log(level, "event=%s %s", what, " ".join(f"{name}={value}" for name, value in about.items()))


def _tell(action: Action, person: User) -> None:
    lately = AuditEntry.objects.filter(person=person, action=action, at__gt=now() - HOUR)
    number = len(lately[:MOST].values_list("pk"))
    if number < MOST:
        detail = "More of these are not listed within the hour." if number == MOST - 1 else ""
        trail.record(action, person=person.pk, detail=detail)


def hashed(text: str) -> str:
    """Return what a text is known by in the log, or `-` where there is none."""
    return salted_hmac("core.trust.attempts", text.casefold(), algorithm="sha256").hexdigest()[:16] if text else "-"
