"""How tests open our sockets: through the whole ASGI application, as a page of this site or a foreign one does."""

from typing import Any

from channels.testing import WebsocketCommunicator
from django.test import Client, TransactionTestCase

from core.tests.cast import CastOfRaces
from event_ticketing.asgi import application

PATIENCE = 10  # seconds until what must come is missed
QUIET = 0.8  # seconds without a message, after which none will come: three ticks of the hub
OURS = {"host": "testserver", "origin": "http://testserver"}


def headers_of(client: Client | None, **differs: str | None) -> list[tuple[bytes, bytes]]:
    """Return the headers of a handshake: ours, with `differs` (None: left out), and the client's cookies."""
    headers = {name.replace("_", "-"): value for name, value in (OURS | differs).items() if value is not None}
    if client is not None:
        headers["cookie"] = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    return [(name.encode(), value.encode()) for name, value in headers.items()]


class SocketCase(CastOfRaces, TransactionTestCase):
    """A test case whose tests open sockets; all are closed at its end."""

    def setUp(self) -> None:
        super().setUp()
        self.opened: list[WebsocketCommunicator] = []

    async def knock(
        self, path: str, client: Client | None = None, **differs: str | None
    ) -> tuple[bool, int | str | None]:
        """Return whether a handshake is accepted, and the code of a refusal."""
        socket = WebsocketCommunicator(application, path, headers=headers_of(client, **differs))
        accepted, code = await socket.connect(timeout=PATIENCE)
        await socket.disconnect()
        return accepted, code

    async def open(self, path: str, client: Client | None = None, **differs: str | None) -> WebsocketCommunicator:
        """Return a socket that was accepted; its snapshot is yet to be read."""
        socket = WebsocketCommunicator(application, path, headers=headers_of(client, **differs))
        self.assertEqual(await socket.connect(timeout=PATIENCE), (True, None))
        self.opened.append(socket)
        return socket

    async def close(self) -> None:
        """Close all sockets of the test."""
        for socket in self.opened:
            await socket.disconnect()

    async def said(self, socket: WebsocketCommunicator, count: int) -> list[Any]:
        """Return the next `count` messages."""
        return [await socket.receive_json_from(timeout=PATIENCE) for _ in range(count)]

    async def until(self, socket: WebsocketCommunicator, **wanted: Any) -> list[Any]:
        """Return all messages up to the first that has these values."""
        messages = [await socket.receive_json_from(timeout=PATIENCE)]
        while not wanted.items() <= messages[-1].items():
            messages.append(await socket.receive_json_from(timeout=PATIENCE))
        return messages
