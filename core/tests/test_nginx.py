"""The example configuration of nginx, with other addresses and folders, in front of two nodes: pages and sockets.

And the proxy of docker-compose.yml, in front of what tells what it was asked for.
"""

import socket
import ssl
import tempfile
import threading
from contextlib import closing
from http.client import HTTPConnection, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import skipUnless
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.test import SimpleTestCase, override_settings
from playwright.sync_api import Page, expect

from core.models import Ticket
from tools.front import NGINX, front, front_of_compose
from tools.servers import PAGES, SOCKETS

from .browser import BrowserTestCase
from .cast import later, make_event
from .nodes import start_node

PAGE_OF_EVENTS = 24
BURST = 30  # logins from one address that nginx lets through at once here
HEAVIEST = 100_000  # bytes, headers among them
MACHINES = ("127.0.0.1", "127.0.0.2")  # nginx's own, and any other
CLOSED = ("content-security-policy", "x-content-type-options")


@skipUnless(NGINX, "needs nginx")
@skipUnless(settings.REDIS_URL, "needs Redis, which carries changes from process to process")
class NginxTests(BrowserTestCase):
    takes_away = True

    site: str
    plain: str
    folder: Path

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        pages, sockets = start_node(PAGES, HTTPS="on"), start_node(SOCKETS, HTTPS="on")
        for node in (pages, sockets):
            cls.addClassCleanup(node.stop)
        own = {"burst=300": f"burst={BURST}"}  # so that it is used up on a slow machine, too
        at = {"pages": pages.address.removeprefix("http://"), "sockets": sockets.address.removeprefix("http://")}
        ports = cls.enterClassContext(front(cls.folder, changes=own, **at))
        with override_settings(STATIC_ROOT=cls.folder / "staticfiles"):
            call_command("collectstatic", interactive=False, verbosity=0)
        cls.site, cls.plain = f"https://127.0.0.1:{ports.secure}", f"http://127.0.0.1:{ports.plain}"

    def visitor(self, **options: Any) -> Page:
        """Open a window on the site as nginx has it."""
        return self.window(self.site, ignore_https_errors=True, **options)

    def test_what_is_booked_by_a_form_on_one_node_is_seen_on_a_socket_of_the_other(self) -> None:
        event = make_event(name="Winter Concert", capacity=3, auto_hold=False)
        alices, bobs = self.visitor(java_script_enabled=False), self.visitor()
        for page, person in ((alices, self.alice), (bobs, self.bob)):
            self.log_in(page, person)
        booked = bobs.locator(f"[data-region=all] [data-event='{event.pk}'] [data-number=booked]")
        expect(bobs.locator("[data-live-status]").first).to_contain_text("Live")
        expect(booked).to_have_text("0")
        alices.get_by_role("button", name="Book my ticket").first.click()
        alices.wait_for_url("**/ticket/**")
        expect(booked).to_have_text("1")
        code = Ticket.objects.get().code
        log = (self.folder / "log/access.log").read_text()
        self.assertIn("GET /ticket/[secret]/ 200", log)
        self.assertNotIn(code, log)
        self.assertEqual({line.split()[0] for line in log.splitlines()}, {"127.0.0.0/24"})

    def test_the_first_page_weighs_less_than_100_kb_for_whoever_was_never_here(self) -> None:
        for n in range(PAGE_OF_EVENTS):
            make_event(name=f"Concert {n} of the winter season", capacity=500 + n)
        page = self.visitor()
        weights: list[float] = []
        protocol = page.context.new_cdp_session(page)
        protocol.on("Network.loadingFinished", lambda told: weights.append(told["encodedDataLength"]))
        protocol.send("Network.enable")
        page.goto("/")
        expect(page.locator("[data-live-status]").first).to_contain_text("Live")  # all scripts have come
        self.assertGreater(len(weights), 20)
        self.assertLess(sum(weights), HEAVIEST)

    def test_what_a_visitor_says_of_the_connection_is_not_passed_on(self) -> None:
        api = self.visitor(extra_http_headers={"X-Forwarded-Proto": "http", "X-Forwarded-For": "1.2.3.4"}).request
        self.assertEqual(api.get("/", max_redirects=0).status, 200)
        self.assertEqual(api.get(f"{self.plain}/dashboard/", max_redirects=0).status, 301)
        self.assertEqual(api.get(f"{self.plain}/healthz").json(), {"status": "ok"})

    def test_whatever_nginx_answers_itself_is_closed_to_frames_and_sniffers_and_pages_say_it_once(self) -> None:
        api = self.visitor().request
        own = [f"{self.plain}/dashboard/", "/static/core/css/base.css", "/static/none.css", "/wait/none/"]
        for path in (*own, "/", "/nowhere/"):
            with self.subTest(path=path):
                headers = api.get(path, max_redirects=0).headers_array
                said = {name: [one["value"] for one in headers if one["name"].lower() == name] for name in CLOSED}
                self.assertEqual(said["x-content-type-options"], ["nosniff"])
                self.assertEqual(len(said["content-security-policy"]), 1)
                self.assertIn("frame-ancestors 'none'", said["content-security-policy"][0])

    def test_a_class_behind_one_address_gets_to_the_form_and_a_single_machine_is_told_when_to_come_again(self) -> None:
        api = self.visitor().request
        looks = {api.get("/accounts/login/").status for _ in range(100)}
        self.assertEqual(looks, {200})
        answers = [api.post("/accounts/login/", max_redirects=0) for _ in range(BURST)]
        self.assertEqual({answer.status for answer in answers}, {403})  # a form without a token
        for _ in range(20 * BURST):
            answer = api.post("/accounts/login/", max_redirects=0)
            if answer.status == 429:
                break
        self.assertEqual((answer.status, answer.headers.get("retry-after")), (429, "5"))

    def test_what_comes_to_the_sockets_has_no_body(self) -> None:
        api = self.visitor().request
        answers = [api.post("/ws/events/", data=data).status for data in ("", b"x" * 100_000)]
        answers += [api.fetch("/ws/events/", method="GET", data=b"x" * 2000).status]
        self.assertEqual(answers, [403, 413, 413])

    def test_the_largest_picture_passes_and_of_what_is_larger_that_is_said_in_words(self) -> None:
        api = self.visitor().request
        form: Any = {
            size: {
                "image": {"name": "a.png", "mimeType": "image/png", "buffer": b"x" * size},
                "description": "x" * 9999,
            }
            for size in (6 * 2**20, 8 * 2**20)
        }
        passed, refused = (api.post("/organize/create/", multipart=multipart) for multipart in form.values())
        self.assertEqual((passed.status, refused.status), (403, 413))  # the one by us: it has no token
        self.assertIn("This file is too large", refused.text())
        self.assertEqual(refused.headers["content-type"], "text/html")

    def test_a_style_that_a_former_version_has_comes_from_its_processes(self) -> None:
        (self.folder / "staticfiles/admin/css/rtl.css").unlink()
        style = self.visitor().request.get("/static/admin/css/rtl.css")
        self.assertEqual((style.status, style.headers["content-type"]), (200, 'text/css; charset="utf-8"'))

    def test_whether_it_is_ready_is_told_on_the_machine_itself_alone(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        port, answers = urlsplit(self.site).port or 0, []
        for source in MACHINES:
            connection = HTTPSConnection("127.0.0.1", port, context=context, timeout=10, source_address=(source, 0))
            with closing(connection) as asking:
                answers += [told(asking, path)[0] for path in ("/readyz", "/healthz")]
        self.assertEqual(answers, [200, 200, 403, 200])

    def test_ciphers_that_keep_a_secret_for_later_are_refused(self) -> None:
        port = urlsplit(self.site).port or 0
        for cipher, is_taken in (
            ("ECDHE-RSA-AES256-GCM-SHA384", True),
            ("ECDHE-RSA-AES128-GCM-SHA256", True),
            ("ECDHE-RSA-AES128-SHA", False),
            ("AES256-GCM-SHA384", False),
        ):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(cipher)
            with self.subTest(cipher=cipher), socket.create_connection(("127.0.0.1", port)) as plain:
                try:
                    context.wrap_socket(plain).close()
                except ssl.SSLError:
                    self.assertFalse(is_taken)
                else:
                    self.assertTrue(is_taken)

    def test_programs_are_not_led_to_https_but_refused(self) -> None:
        api = self.visitor().request
        for path, headers in (("/api/ticket-stats/1/", {}), ("/dashboard/", {"Accept": "application/json"})):
            self.assertEqual(api.get(f"{self.plain}{path}", headers=headers, max_redirects=0).status, 403)

    def test_pages_of_people_are_shared_with_nobody(self) -> None:
        event = make_event(name="Concert")
        alices, strangers = self.visitor(), self.visitor()
        self.log_in(alices, self.alice)
        for path in ("/", event.get_absolute_url()):
            alices.goto(path)
            strangers.goto(path)
            expect(strangers.get_by_role("link", name="Log in", exact=True).first).to_be_visible()
            expect(strangers.get_by_role("button", name="Book my ticket")).to_have_count(0)

    def test_styles_scripts_and_the_waiting_page_come_from_nginx_itself(self) -> None:
        event = make_event(name="Opera", capacity=7, sales_open_at=later(hours=1))
        call_command("waiting_page", event.pk, out=self.folder / f"wait/{event.pk}", stdout=StringIO())
        page = self.visitor()
        page.goto(f"/wait/{event.pk}/")
        expect(page.locator("[data-number=available]")).to_have_text("7")
        style = page.request.get("/static/core/css/base.css")
        self.assertEqual((style.status, style.headers["cache-control"]), (200, "public, max-age=31536000, immutable"))


class Telling(BaseHTTPRequestHandler):
    """Answers every GET, with where it was asked for and what."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        text = f"{self.headers['Host']}{self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@skipUnless(NGINX, "needs nginx")
class ComposeTests(SimpleTestCase):
    def test_whether_it_is_ready_is_told_in_its_own_container_alone(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        server = self.enterContext(ThreadingHTTPServer(("127.0.0.1", 0), Telling))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.addCleanup(server.shutdown)
        behind = f"127.0.0.1:{server.server_address[1]}"
        port, answers = self.enterContext(front_of_compose(folder, pages=behind, sockets=behind)), []
        for source in MACHINES:
            connection = HTTPConnection("127.0.0.1", port, timeout=10, source_address=(source, 0))
            with closing(connection) as asking:
                answers += [told(asking, path) for path in ("/readyz", "/%72eadyz", "/healthz", "/dashboard/")]
        passed = [(200, f"127.0.0.1:{port}{path}") for path in ("/readyz", "/%72eadyz", "/healthz", "/dashboard/")]
        self.assertEqual(answers[:4], passed)
        self.assertEqual([status for status, _ in answers[4:6]], [403, 403])
        self.assertEqual(answers[6:], passed[2:])


def told(asking: HTTPConnection, path: str) -> tuple[int, str]:
    """Return the status and the text of an answer."""
    asking.request("GET", path)
    answer = asking.getresponse()
    return answer.status, answer.read().decode()
