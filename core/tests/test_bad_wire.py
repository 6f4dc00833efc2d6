"""What no client library sends: requests byte by byte, to the servers of a site (RELIABILITY 4: headers, WebSocket)."""

import re
import socket
import urllib.request
from contextlib import suppress
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from django.test import SimpleTestCase, TransactionTestCase
from websockets.frames import Frame, Opcode

from core.frames import MOST_A_MINUTE, CountedFrames
from tools import servers

from .nodes import Node, start_node

PATIENCE = 3  # seconds for an answer; to much of this there is none, and the connection is closed or left waiting
HELLO = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
POST = "POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
UPGRADE = (
    "GET /ws/events/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
)
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
SMUGGLED = HELLO + "Connection: close\r\n\r\n"
DOUBTFUL = (  # where one reader may see a second request, and another one the body of the first
    POST + f"Content-Length: 0\r\nContent-Length: {len(SMUGGLED)}\r\n\r\n{SMUGGLED}",
    POST + f"Content-Length: 0, {len(SMUGGLED)}\r\n\r\n{SMUGGLED}",
    POST + f"Content-Length: +{len(SMUGGLED)}\r\n\r\n{SMUGGLED}",
    POST + f"Content-Length: 0x0\r\n\r\n{SMUGGLED}",
    POST + f"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
    POST + f"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{SMUGGLED}",
    POST + f"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
    POST + f"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
    POST + f"Content-Length: {len(SMUGGLED)}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
)
MASK = b"\0\0\0\0"
PING, UNASKED_PONG, BEGUN, PIECE = (first + b"\x80" + MASK for first in (b"\x89", b"\x8a", b"\x01", b"\0"))
PONG = b"\x8a\0"
REQUESTS = (
    HELLO + "Host: evil.example\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "GET //evil.example/%2e%2e HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "GET /\0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
    "TRACE / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "nonsense\r\n\r\n",
    "\0" * 100,
    "G" * 100_000,
    HELLO + f"Cookie: a={'x' * 65_536}\r\n\r\n",
    HELLO + "".join(f"X-{n}: x\r\n" for n in range(2000)) + "\r\n",
    HELLO + "X: a\r\n b\r\n\0: x\r\n\r\n",
    POST + "Content-Length: 99\r\n\r\nlogin=x",
    POST + "Content-Length: 3\r\n\r\nlogin=x&password=y",
    POST + "Content-Length: -1\r\n\r\n",
    POST + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    POST + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin/ HTTP/1.1\r\n\r\n",
    POST + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    UPGRADE + "\r\n",
    UPGRADE + KEY + "\r\n",
    UPGRADE + KEY + "Sec-WebSocket-Version: 99\r\n\r\n",
    UPGRADE + "Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n",
    UPGRADE + KEY + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: evil, \x01\r\n\r\n",
    UPGRADE + KEY + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: soap\r\n\r\n",
    UPGRADE + KEY,
    UPGRADE + KEY + "Sec-WebSocket-Version: 13\r\n\r\n\x81\xfe\xff\xff" + "x" * 100,
    UPGRADE + KEY + "Sec-WebSocket-Version: 13\r\n\r\n\xff\xff\xff\xff",
)


class PongTests(SimpleTestCase):
    def test_only_the_pong_that_was_asked_for_counts_for_nothing(self) -> None:
        protocol: Any = CountedFrames.__new__(CountedFrames)
        protocol.transport, protocol.loop = mock.Mock(is_closing=lambda: False), mock.Mock(time=lambda: 1.0)
        protocol.pending_ping_payload = b"asked"
        for _ in range(MOST_A_MINUTE):
            protocol.handle_pong(Frame(Opcode.PONG, b"other"))
        protocol.transport.abort.assert_not_called()
        protocol.handle_pong(Frame(Opcode.PONG, b"other"))
        protocol.transport.abort.assert_called_once()


class WireTests(TransactionTestCase):
    def say(self, node: Node, request: str) -> str:
        """Send that, and return the status of the answer; empty where there is none."""
        place = urlsplit(node.address)
        answer = b""
        with suppress(OSError), socket.create_connection((place.hostname or "", place.port or 0), 1) as connection:
            connection.sendall(request.replace("{host}", place.netloc).encode("latin-1"))
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(PATIENCE)
            while b"\r\n" not in answer and (piece := connection.recv(65_536)):
                answer += piece
        found = re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)
        return found[1].decode() if found else ""

    def expect_to_stand(self, kind: str) -> None:
        """Fail if anything is answered 5xx, or nobody else is served any more."""
        node = start_node(kind.replace("--workers 2", "--workers 1"))
        self.addCleanup(node.stop)
        for request in REQUESTS:
            with self.subTest(request=request[:60]):
                self.assertNotRegex(self.say(node, request), "^5")
        with urllib.request.urlopen(f"{node.address}/", timeout=PATIENCE) as page:
            self.assertEqual(page.status, 200)
        self.assertEqual(node.process.poll(), None)

    def say_frames(self, node: Node, sent: bytes, enough: int = 1_000_000) -> tuple[int, bool]:
        """Open a socket and send frames; return how many pongs came, up to `enough`, and whether the server hung up."""
        place = urlsplit(node.address)
        heard = b""
        handshake = f"{UPGRADE}{KEY}Sec-WebSocket-Version: 13\r\n\r\n".replace("{host}", place.netloc)
        with socket.create_connection((place.hostname or "", place.port or 0), 30) as connection:
            connection.sendall(handshake.encode())
            while b"\r\n\r\n" not in heard:
                heard += connection.recv(65_536)
            try:
                connection.sendall(sent)
                while heard.count(PONG) < enough and (piece := connection.recv(65_536)):
                    heard += piece
            except TimeoutError:
                self.fail("The server neither answers nor hangs up.")
            except OSError:
                return heard.count(PONG), True
        return heard.count(PONG), not piece

    def test_whoever_sends_more_frames_that_are_no_message_than_anybody_has_reason_to_is_dropped(self) -> None:
        node = start_node(servers.SOCKETS)
        self.addCleanup(node.stop)
        self.assertEqual(self.say_frames(node, MOST_A_MINUTE * PING, MOST_A_MINUTE), (MOST_A_MINUTE, False))
        for frames in (PING, UNASKED_PONG, PIECE):
            with self.subTest(frames):
                begun = BEGUN if frames == PIECE else b""
                self.assertTrue(self.say_frames(node, begun + 1_000 * frames)[1])

    def statuses(self, node: Node, request: str) -> list[str]:
        """Send that, and return the status of each answer."""
        place = urlsplit(node.address)
        heard = b""
        with suppress(OSError), socket.create_connection((place.hostname or "", place.port or 0), 1) as connection:
            connection.settimeout(PATIENCE)
            connection.sendall(request.encode())
            while piece := connection.recv(65_536):
                heard += piece
        return re.findall(r"HTTP/1\.[01] (\d{3}) ", heard.decode("latin-1"))

    def test_a_request_whose_end_is_in_doubt_is_followed_by_no_other(self) -> None:
        for kind in (servers.PAGES, servers.SOCKETS):
            node = start_node(kind.replace("--workers 2", "--workers 1"))
            self.addCleanup(node.stop)
            self.assertEqual(self.statuses(node, f"{HELLO}\r\n{SMUGGLED}"), ["200", "200"])
            for request in DOUBTFUL:
                with self.subTest(kind=kind.partition(" ")[0], request=request[len(POST) :]):
                    # 403 is the answer to the first one itself, after which it hangs up (RFC 9112, 6.1).
                    self.assertIn(self.statuses(node, request), (["400"], ["403"]))

    def test_the_server_of_pages_stands(self) -> None:
        self.expect_to_stand(servers.PAGES)

    def test_the_server_of_sockets_stands(self) -> None:
        self.expect_to_stand(servers.SOCKETS)
