"""What is reported to Sentry, looked at where it arrives: what failed, and nobody, nor anything that opens a door."""

import gzip
import http.server
import json
import os
import subprocess
import sys
import threading
from typing import Any

import brotli  # type: ignore[import-untyped]  # -- published without types
from django.conf import settings
from django.test import SimpleTestCase

# A process of its own: what the library hooks into stays for good.
REPORT = """
import logging, django
django.setup()
import sentry_sdk
from django.test import Client
from django.urls import path
from core import ticket_code
import core.urls

secret = ticket_code.make(7)

def fails(request, code):
    password, person = "a long password", "alice"
    logging.getLogger("core").warning("asked with %s by alice@example.org", code)
    raise ValueError(f"of {code} for alice@example.org")

core.urls.urlpatterns.append(path("fails/<str:code>/", fails))
client = Client(raise_request_exception=False, REMOTE_ADDR="203.0.113.7")
client.cookies["shibboleth"] = "the-cookie"  # not the session's, which would be looked up in a database
form = {"email": "alice@example.org", "password": "a long password"}
headers = {"X-Request-ID": "of-this-request", "Authorization": "Bearer the-bearer", "Host": "localhost"}
response = client.post(f"/fails/{secret}/?token=in-the-query", form, headers=headers)
sentry_sdk.flush(10)
print(response.status_code, secret)
"""


ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "event_ticketing.settings",
    "SECRET_KEY": "k" * 60,
    "DEBUG": "off",
    "HTTPS": "off",
    "DATABASE_URL": "",
    "REDIS_URL": "",
    "ALLOWED_HOSTS": "localhost",
}
UNPACK: dict[str, Any] = {"": bytes, "gzip": gzip.decompress, "br": brotli.decompress}


class Receiver(http.server.BaseHTTPRequestHandler):
    """Stands in for Sentry: keeps what it is sent."""

    got: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(UNPACK[self.headers.get("Content-Encoding", "")](body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *said: Any) -> None:
        """Say nothing."""


class ReportTests(SimpleTestCase):
    def run_report(self, dsn: str) -> str:
        own = os.environ | ENVIRONMENT | {"SENTRY_DSN": dsn, "PYTHONPATH": str(settings.BASE_DIR)}
        command = [sys.executable, "-c", REPORT]
        done = subprocess.run(command, env=own, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip().splitlines()[-1]

    def test_an_error_arrives_with_its_number_and_without_people_codes_or_forms(self) -> None:
        got: list[bytes] = []
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Kept", (Receiver,), {"got": got}))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        status, code = self.run_report(f"http://public@127.0.0.1:{server.server_address[1]}/1").split()
        self.assertEqual(status, "500")
        envelope = b"\n".join(got).decode()
        events = [json.loads(line) for line in envelope.splitlines() if '"exception"' in line]
        self.assertEqual([event["exception"]["values"][-1]["type"] for event in events], ["ValueError"])
        self.assertEqual(events[0]["tags"]["request_id"], "of-this-request")
        self.assertEqual(events[0]["exception"]["values"][-1]["value"], "of [secret] for [address]")
        for secret in (code, "alice", "a long password", "the-cookie", "the-bearer", "in-the-query", "203.0.113.7"):
            with self.subTest(secret=secret):
                self.assertNotIn(secret, envelope)

    def test_without_an_address_nothing_is_loaded(self) -> None:
        command = "import django, sys; django.setup(); print('sentry_sdk' in sys.modules)"
        own = os.environ | {"DJANGO_SETTINGS_MODULE": "event_ticketing.settings", "SENTRY_DSN": ""}
        done = subprocess.run(
            [sys.executable, "-c", command], env=own, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
        )
        self.assertEqual(done.stdout.strip(), "False")
