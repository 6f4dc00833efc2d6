"""A server that takes every connection and never says a word."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Silence:
    """The port, and who has called."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._callers: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def calls(self) -> int:
        """Return how often it was called."""
        return len(self._callers)

    def end(self) -> None:
        """Hang up on everybody."""
        self._listener.close()
        for caller in self._callers:
            caller.close()

    def _take(self) -> None:
        with suppress(OSError):  # it has ended
            while True:
                self._callers.append(self._listener.accept()[0])


@contextmanager
def silent_port() -> Iterator[Silence]:
    """Listen until the block ends."""
    silence = Silence()
    try:
        yield silence
    finally:
        silence.end()
