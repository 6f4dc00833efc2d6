"""What was refused at the doors: a line in the log for each, of each kind so many a minute and process.

As of logins, nobody reads in the log who it was: an account is its number, an address a keyed hash (`attempts.py`).
"""

import logging
import threading
from time import monotonic
from typing import Any

from django.http import HttpRequest, HttpResponse

from . import trail
from .attempts import hashed

logger = logging.getLogger(__name__)

MOST = 30  # lines of a kind in a minute: whoever asks a thousand times must not fill the disk
MINUTE = 60.0  # seconds
KINDS = {403: "page_refused", 429: "page_limited"}

_lock = threading.Lock()
# By kind: when its minute began, how many lines there were, and how many refusals had none since the last.
_minutes: dict[str, tuple[float, int, int]] = {}


def note(kind: str, *, address: str, person: Any = None, **told: object) -> None:
    """Log that something was refused to whoever asks from an address; `person` is an id, where it is known."""
    without = _take(kind)
    if without is None:
        return
    about = {"person": person or "-", "from": hashed(address)} | told | ({"without_line": without} if without else {})
    logger.warning("event=%s %s", kind, " ".join(f"{name}={value}" for name, value in about.items()))


def note_page(request: HttpRequest, response: HttpResponse) -> None:
    """Log what a person may not do, or did too often, by the name of the route: addresses may open something."""
    kind = KINDS.get(response.status_code)
    if kind is not None:
        route = request.resolver_match.view_name if request.resolver_match else "-"
        note(kind, address=trail.address_of(request), person=request.user.pk, route=route)


def forget() -> None:
    """Begin to count anew."""
    with _lock:
        _minutes.clear()


def _take(kind: str) -> int | None:
    """Take one of a minute's lines; return how many refusals had none before, or None where there is none left."""
    moment = monotonic()
    with _lock:
        began, lines, without = _minutes.get(kind, (moment, 0, 0))
        if moment - began >= MINUTE:
            began, lines = moment, 0
        if lines >= MOST:
            _minutes[kind] = (began, lines, without + 1)
            return None
        _minutes[kind] = (began, lines + 1, 0)
        return without
