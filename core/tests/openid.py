"""A stand-in for Google: an OpenID provider on a port of its own, whose people and faults a test decides."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, urlencode, urlsplit

from allauth.socialaccount.providers.google import views
from django.test import override_settings

CLIENT, SECRET = "box-office", "a secret of the client"
PROVIDERS = {
    "google": {
        "APPS": [{"client_id": CLIENT, "secret": SECRET}],
        "SCOPE": ["openid", "profile", "email"],
        "OAUTH_PKCE_ENABLED": True,
    }
}
CAROL = {"sub": "1001", "email": "carol@example.org", "email_verified": True, "given_name": "Carol", "picture": "x"}
LONGEST_WAIT = 60  # seconds until an answer that never comes is given up


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def token_of(claims: Any) -> str:
    """Return an id token with a signature of nobody: what comes straight from the provider needs none."""
    header = {"alg": "RS256", "kid": "none", "typ": "JWT"}
    return ".".join(_text(json.dumps(part).encode()) for part in (header, claims)) + f".{_text(b'signature')}"


class StandIn:
    """The provider. `person` is whoever sits before its pages; `denies` is what they answer there."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.person: dict[str, Any] = dict(CAROL)
        self.claims: dict[str, Any] = {}  # that differ from what is right
        self.denies = ""
        self.leads_to = ""  # an address, in the head of every answer but the pages
        self.has_id_token = True
        self.answer: Callable[[], tuple[int, str, bytes] | None] = self.exchange  # of the token endpoint
        self.asked: list[dict[str, str]] = []  # at the authorization endpoint
        self.codes: dict[str, dict[str, str]] = {}
        self.posted: dict[str, str] = {}  # to the token endpoint, last
        self.closed = threading.Event()

    def authorize(self, query: dict[str, str]) -> str:
        """Return where the browser is sent back to."""
        self.asked.append(query)
        code = secrets.token_urlsafe(12)
        self.codes[code] = query
        told = {"error": self.denies} if self.denies else {"code": code}
        return f"{query['redirect_uri']}?{urlencode(told | {'state': query['state']})}"

    def exchange(self) -> tuple[int, str, bytes]:
        """Answer a code, once, to the client that can prove to be the one that asked (RFC 7636)."""
        asked = self.codes.pop(self.posted.get("code", ""), {})
        challenge = _text(hashlib.sha256(self.posted.get("code_verifier", "").encode()).digest())
        right = {"client_id": CLIENT, "client_secret": SECRET, "redirect_uri": asked.get("redirect_uri")}
        if asked.get("code_challenge") != challenge or not right.items() <= self.posted.items():
            return 400, "application/json", b'{"error": "invalid_grant"}'
        moment = int(time.time())
        claims = {"iss": self.address, "aud": CLIENT, "iat": moment, "exp": moment + 300}
        claims |= {"nonce": asked.get("nonce")} | self.person | self.claims
        id_token = {"id_token": token_of(claims)} if self.has_id_token else {}
        told = {"access_token": "an access token", "refresh_token": "r", "expires_in": 3600, "token_type": "Bearer"}
        return 200, "application/json", json.dumps(told | id_token).encode()

    def heads(self, kind: str) -> list[tuple[str, str]]:
        """Return what stands above an answer of this kind."""
        return [(name, value) for name, value in (("Content-Type", kind), ("Location", self.leads_to)) if value]

    def says(self, content: bytes, *, status: int = 200, kind: str = "application/json") -> None:
        """Let the token endpoint answer this, whatever it is asked."""
        self.answer = lambda: (status, kind, content)

    def never_answers(self) -> None:
        """Let the token endpoint keep silent."""

        def wait() -> None:
            self.closed.wait(LONGEST_WAIT)

        self.answer = wait


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, query = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
            if path == "/authorize":
                self.send_response(302)
                self.send_header("Location", stand_in.authorize(query))
                self.end_headers()
            else:  # userinfo
                told = {"id" if name == "sub" else name: value for name, value in stand_in.person.items()}
                self.reply(200, "application/json", json.dumps(told).encode())

        def do_POST(self) -> None:
            stand_in.posted = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            answer = stand_in.answer()
            if answer is not None:
                self.reply(*answer)

        def reply(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            for name, value in stand_in.heads(kind):
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def google() -> Iterator[StandIn]:
    """Run the stand-in, and let allauth take it for Google meanwhile."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    stand_in = StandIn(f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass = _handler(stand_in)
    server.daemon_threads = True
    adapter: dict[str, Any] = {
        name: f"{stand_in.address}/{path}"
        for name, path in (("authorize_url", "authorize"), ("access_token_url", "token"), ("identity_url", "userinfo"))
    }
    with ExitStack() as world:
        world.callback(server.server_close)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        world.callback(server.shutdown)
        world.callback(stand_in.closed.set)
        world.enter_context(override_settings(SOCIALACCOUNT_PROVIDERS=PROVIDERS))
        world.enter_context(patch.multiple(views.GoogleOAuth2Adapter, **adapter))
        world.enter_context(patch.object(views, "ID_TOKEN_ISSUER", stand_in.address))
        yield stand_in
