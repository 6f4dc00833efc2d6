"""A client that speaks the frames of RFC 6455 itself: it may break every rule, and need not read."""

import base64
import os
import select
import socket
import struct
import time

from bench.faults.site import HOST, Process

TEXT, BINARY, CLOSE, CONTINUED = 1, 2, 8, 0
LONG = 126  # from here on the length has bytes of its own
GONE = 1006  # RFC 6455: the connection went without a word


class RawSocket:
    """A socket whose every byte is ours; `answer` is what the server said to the handshake."""

    def __init__(
        self, process: Process, path: str = "/ws/events/", session: str = "", *, buffer: int = 0, deflate: bool = False
    ) -> None:
        self.raw = socket.socket()
        if buffer:
            self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)  # before the connection: it is its window
        self.raw.connect((HOST, process.port))
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Origin: http://localhost", "Upgrade: websocket"]
        lines += ["Connection: Upgrade", "Sec-WebSocket-Version: 13"]
        lines.append(f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}")
        lines += ["Sec-WebSocket-Extensions: permessage-deflate"] * deflate + [f"Cookie: sessionid={session}"] * bool(
            session
        )
        self.raw.sendall("\r\n".join([*lines, "", ""]).encode())
        self.answer, self._read = b"", b""
        while b"\r\n\r\n" not in self._read and (more := self._take(20)):
            self._read += more
        self.answer, _, self._read = self._read.partition(b"\r\n\r\n")

    @property
    def port(self) -> int:
        """Our own port."""
        return int(self.raw.getsockname()[1])

    def say(self, payload: bytes, opcode: int = TEXT, *, is_last: bool = True, reserved: int = 0) -> None:
        """Send a frame; `reserved` are its three bits."""
        head = bytes([is_last << 7 | reserved << 4 | opcode])
        size = len(payload)
        length = bytes([0x80 | size]) if size < LONG else b"\xfe" + struct.pack(">H", size)
        self.raw.sendall(head + length + b"\0\0\0\0" + payload)  # masked with nothing, which a mask may be

    def code(self, seconds: float = 20) -> int:
        """Read on until the server closes; return with which code, 0 if it does not."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if (code := self._next()) is not None:
                return code
            more = self._take(left)
            if more == b"":
                return GONE
            self._read += more or b""
        return 0

    def is_gone(self) -> bool:
        """Return whether the server has dropped the connection, without reading from it."""
        waits = select.poll()
        waits.register(self.raw, 0)  # errors and hang-ups are told unasked
        return bool(waits.poll(0)) or self.raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

    def close(self) -> None:
        """Leave."""
        self.raw.close()

    def _next(self) -> int | None:
        """Drop one frame of what was read; return the code of one that closes."""
        while len(self._read) > 1:
            size, at = self._read[1] & 0x7F, 2
            if size >= LONG:
                width = 2 if size == LONG else 8
                size, at = int.from_bytes(self._read[2 : 2 + width], "big"), 2 + width
            if len(self._read) < at + size:
                return None
            opcode, payload, self._read = self._read[0] & 0xF, self._read[at : at + size], self._read[at + size :]
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big") if payload else 1005
        return None

    def _take(self, seconds: float) -> bytes | None:
        self.raw.settimeout(max(0.01, seconds))
        try:
            return self.raw.recv(65536)
        except TimeoutError:
            return None
        except OSError:
            return b""
