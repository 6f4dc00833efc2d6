"""A TCP proxy that goes silent: connections stay open, what is sent is taken, and nothing comes any more."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

HOST = "127.0.0.1"
LARGEST = 65536


class SilentProxy:
    """Hands on both ways until it `is_silent`; a connection that was ever silent stays so, as on a dead route."""

    def __init__(self, to_port: int) -> None:
        self.is_silent = False
        self._to = HOST, to_port
        self._dead: set[socket.socket] = set()
        self._listening = socket.create_server((HOST, 0), backlog=128)
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(self._to)
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._hand_on, args=(one, other), daemon=True).start()

    def _hand_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(LARGEST):
                if self.is_silent:
                    self._dead |= {one, other}
                if one not in self._dead:
                    other.sendall(data)
        if one not in self._dead:  # of a dead route nobody learns that the other side left
            with contextlib.suppress(OSError):
                other.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take no more connections."""
        self._listening.close()


@contextmanager
def silent_proxy(to_port: int) -> Iterator[SilentProxy]:
    """Run a proxy to a port of this machine until the block ends."""
    proxy = SilentProxy(to_port)
    try:
        yield proxy
    finally:
        proxy.close()
