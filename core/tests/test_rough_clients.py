"""Clients that break the rules of sockets at a real server: each is closed with its code, and the log is quiet."""

import base64
import os
import socket
import struct
from pathlib import Path
from tempfile import TemporaryDirectory

from django.test import TransactionTestCase

from tools.servers import SOCKETS

from .cast import make_person
from .nodes import start_node
from .visits import visit

TEXT, BINARY, CONTINUED, CLOSE = 1, 2, 0, 8


def encoded(opcode: int, is_last: bool, payload: bytes) -> bytes:
    """Return a frame, masked with nothing."""
    return struct.pack(">BBH", is_last << 7 | opcode, 0x80 | 126, len(payload)) + b"\0\0\0\0" + payload


class RoughClientsTests(TransactionTestCase):
    def setUp(self):
        folder = self.enterContext(TemporaryDirectory())
        self.log = Path(folder, "log")
        self.node = start_node(SOCKETS, log=self.log)
        self.addCleanup(self.node.stop)

    def shake_hands(self, path: str = "/ws/events/", cookie: str = "") -> socket.socket:
        host, _, port = self.node.address.removeprefix("http://").partition(":")
        opened = socket.create_connection((host, int(port)), timeout=10)
        self.addCleanup(opened.close)
        key = base64.b64encode(os.urandom(16)).decode()
        asked = (
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nUpgrade: websocket\r\n{cookie}"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        )
        opened.sendall(asked.encode())
        return opened

    def closed_with(self, *frames: tuple[int, bool, bytes]) -> int:
        """Send frames `(opcode, is it the last, payload)`; return the code with which the server closes."""
        opened = self.shake_hands()
        while not opened.recv(65536).endswith(b"}"):  # the snapshot
            pass
        for frame in frames:
            opened.sendall(encoded(*frame))
        read, close = b"", bytes([0x80 | CLOSE])
        # Not until the server hangs up: it waits for ten seconds for our own farewell.
        while close not in read[:-3] and (more := opened.recv(65536)):
            read += more
        at = read.index(close)
        return int.from_bytes(read[at + 2 : at + 4], "big")

    def test_what_is_too_large_no_text_or_binary_is_closed_with_its_code(self):
        cases = {
            "one byte too much": ([(TEXT, True, b"x" * 4097)], 1009),
            "too much in fragments": ([(TEXT, False, b"x" * 3000), (CONTINUED, True, b"x" * 3000)], 1009),
            "no UTF-8": ([(TEXT, True, b"\xff\xfe")], 1007),
            "a character cut in two": ([(TEXT, False, b"\xe2\x82"), (CONTINUED, True, b"{}")], 1007),
            "binary": ([(BINARY, True, b"\0")], 1003),
        }
        codes = {name: self.closed_with(*frames) for name, (frames, _) in cases.items()}
        self.assertEqual(codes, {name: code for name, (_, code) in cases.items()})
        self.assertNotIn("Traceback", self.log.read_text())

    def test_who_is_cut_off_before_the_greeting_leaves_no_trace(self):
        browser = visit(make_person("alice"))
        browser.get("/readyz")  # records the login
        cookie = f"Cookie: sessionid={browser.cookies['sessionid'].value}\r\n"
        for _ in range(20):
            opened = self.shake_hands("/ws/dashboard/", cookie)
            opened.recv(65536)  # accepted, and not yet greeted
            opened.sendall(encoded(TEXT, True, b"x" * 4097))
            while opened.recv(65536):
                pass
        self.assertEqual(self.closed_with((BINARY, True, b"\0")), 1003)
        self.assertNotIn("Traceback", self.log.read_text())
