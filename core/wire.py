"""The connection under a socket, as the servers have it: how long its reader may take nothing, and how to cut it.

ASGI knows neither. The system's own buffer takes four megabytes for a reader that has stopped before a server notices,
so the system is told to drop the connection. A reader that takes a little now and then is the server's: Uvicorn's
`send` waits while more than 64 KiB are unsent, and so does its close; Daphne's never waits, and buffers without end.
Both hand out their protocol with the `send` they call an application with; under any other server a socket is closed as
ASGI knows it.
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any


def _transport(send: Any) -> Any:
    """Return the transport behind a server's `send`: a bound method (Uvicorn), or a partial of one (Daphne)."""
    owners = (getattr(send, "__self__", None), *getattr(send, "args", ()))
    return next((owner.transport for owner in owners if getattr(owner, "transport", None)), None)


def limit(send: Any, seconds: float) -> None:
    """Have the system drop the connection when its reader takes nothing for so long (RFC 5482), where it can."""
    transport = _transport(send)
    get_info = getattr(transport, "get_extra_info", None)
    handle: Any = get_info("socket") if get_info else getattr(transport, "socket", None)
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux
    if option is not None and getattr(handle, "family", None) in {socket.AF_INET, socket.AF_INET6}:
        with suppress(OSError, ValueError):  # who has left while the handshake was answered
            handle.setsockopt(socket.IPPROTO_TCP, option, round(1000 * seconds))


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
