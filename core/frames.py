"""Uvicorn's sockets, with a limit for what is no message: pings, pongs that nobody asked for, pieces of nothing.

Uvicorn answers each ping at once, whether or not the answers are read, and keeps pieces until the last one comes. The
limits of `core/consumers.py` see whole messages alone, and the limit of size sees no empty piece.
"""

from asyncio import BaseTransport

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from .often import AMinute

MOST_A_MINUTE = 60  # of one socket: pages send none, and programs a ping in 20 seconds
CLOSED_IN = 3.0  # seconds in which a client has to answer a close


class CountedFrames(WebSocketsSansIOProtocol):
    """Uvicorn's protocol, which drops whoever sends more of these frames than anybody has reason to."""

    _minute: AMinute | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Take a connection; whoever is sent away does not keep it by never answering."""
        super().connection_made(transport)
        self.close_timeout = CLOSED_IN

    def handle_ping(self) -> None:
        """Answer a ping."""
        if self._has_room():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Take note of a pong; the one that was asked for counts for nothing."""
        if bytes(event.data) == self.pending_ping_payload or self._has_room():
            super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        """Keep a piece of a message, and hand on the message after the last one; a piece of nothing counts."""
        if event.data or self._has_room():
            super().handle_cont(event)

    def _has_room(self) -> bool:
        """Count a frame; where that is once too often, drop the connection with all that is unsent."""
        self._minute = self._minute or AMinute(MOST_A_MINUTE)
        if self.transport.is_closing() or self._minute.is_too_often(self.loop.time()):
            self.transport.abort()
            return False
        return True
