"""A push service on this machine, as browsers' makers run them (RFC 8030), and a browser that reads what it gets."""

import datetime as dt
import json
import ssl
import tempfile
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import http_ece
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from py_vapid import Vapid02


def text_of(content: bytes) -> str:
    """Return bytes as browsers write them: base64url without padding."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


class Browser:
    """The keys of one browser's subscription."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.secret = b"sixteen bytes !!"

    @property
    def keys(self) -> dict[str, str]:
        """What the browser hands to the site."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"p256dh": text_of(point), "auth": text_of(self.secret)}

    def read(self, body: bytes) -> dict[str, Any]:
        """Return what was sent to this browser."""
        told: dict[str, Any] = json.loads(http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret))
        return told


class PushService:
    """The service, until `stop`; `answer` is the status it gives, `delay` how many seconds each line of it takes."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []  # path, headers in small letters, body
        self.answer, self.location, self.delay = 201, "", threading.Event()
        self.is_slow = False
        self._folder = tempfile.TemporaryDirectory()
        self.certificate = str(Path(self._folder.name, "certificate.pem"))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._make_certificate())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def endpoint(self) -> str:
        """An address of a browser here."""
        return f"https://localhost:{self.port}/send/abc"

    def stop(self) -> None:
        """Let the service be away."""
        self.delay.set()
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()

    def _make_certificate(self) -> str:
        key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
        today = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(today - dt.timedelta(days=1))
            .not_valid_after(today + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=True)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        Path(self.certificate).write_bytes(made.public_bytes(Encoding.PEM) + secret)
        return self.certificate

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.got.append((self.path, {name.lower(): text for name, text in self.headers.items()}, body))
                if service.is_slow:
                    self._drip()
                    return
                self.send_response(service.answer)
                if service.location:
                    self.send_header("Location", service.location)
                self.end_headers()

            def _drip(self) -> None:
                """Answer a letter at a time, without an end."""
                try:
                    while not service.delay.wait(0.02):
                        self.wfile.write(b"x")
                except OSError:
                    pass

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler


def claims_of(authorization: str) -> tuple[dict[str, Any], str]:
    """Return what a VAPID token claims, and the public key it was signed with. Raises AssertionError if it was not."""
    assert Vapid02.verify(authorization)
    parts = dict(part.strip().split("=", 1) for part in authorization.removeprefix("vapid ").split(","))
    claims = parts["t"].split(".")[1]
    return json.loads(urlsafe_b64decode(claims + "==")), parts["k"]
