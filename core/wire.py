"""The connection under a socket, as the servers have it: whether its reader keeps up, and how to cut it.

ASGI knows neither. Uvicorn's `send` waits while more than 64 KiB are unsent, and so does its close: a reader that has
stopped would keep its socket for good. Daphne's never waits and buffers without end. Both hand out their protocol with
the `send` they call an application with; under any other server a socket is closed as ASGI knows it.
"""

from collections.abc import Callable
from typing import Any


def _transport(send: Any) -> Any:
    """Return the transport behind a server's `send`: a bound method (Uvicorn), or a partial of one (Daphne)."""
    owners = (getattr(send, "__self__", None), *getattr(send, "args", ()))
    return next((owner.transport for owner in owners if getattr(owner, "transport", None)), None)


def is_full(send: Any) -> bool:
    """Return whether more than 64 KiB wait for the reader, where the server's own `send` does not wait for it."""
    return bool(getattr(_transport(send), "producerPaused", False))  # Twisted's word; asyncio's transports have none


def cut(send: Any) -> bool:
    """Drop the connection with all that is unsent; return False where the server hands out none."""
    transport = _transport(send)
    abort: Callable[[], None] | None = getattr(transport, "abort", None) or getattr(transport, "abortConnection", None)
    if abort is not None:
        abort()
    return abort is not None
