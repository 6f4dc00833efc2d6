"""The number of a request, or of a socket: in each line that is logged about it, and in its answer."""

import logging
import re
import uuid
from contextvars import ContextVar
from typing import Any

HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")
_current: ContextVar[str] = ContextVar("request_id", default="-")


def current() -> str:
    """Return the number of the request that is being answered; `-` outside of one."""
    return _current.get()


def begin(proposed: str) -> str:
    """Take the number that a proxy proposes, or make one; return it. A line of the log must stay one line."""
    number = proposed if _SANE.fullmatch(proposed) else uuid.uuid4().hex
    _current.set(number)
    return number


def end() -> None:
    """Forget it: the thread's next request has its own."""
    _current.set("-")


def headers() -> list[Any]:
    """Return the header that tells a client the number of its socket."""
    return [(HEADER.lower().encode(), current().encode())]


class WithRequestId(logging.Filter):
    """Note the number in each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through."""
        if not hasattr(record, "request_id"):
            record.request_id = current()
        return True


class Numbered:
    """ASGI: give each socket a number."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Pass the handshake on, numbered."""
        proposed = next((value for name, value in scope["headers"] if name.lower() == HEADER.lower().encode()), b"")
        begin(proposed.decode("latin-1"))
        return await self.application(scope, receive, send)
