from django.conf import settings
from django.test import TestCase, override_settings

from core import allocation
from core.tests.cast import Cast, make_event
from core.tests.visits import BROWSER, JSON, target_of, visit

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
    "worker-src": "'self'",
    "manifest-src": "'self'",
    "report-uri": "/csp-report/",
}


def directives_of(policy: str) -> dict[str, str]:
    """Return the sources of each directive of a content security policy."""
    directives = (directive.strip().partition(" ") for directive in policy.split(";"))
    return {name: sources for name, _, sources in directives}


class HeaderTests(Cast, TestCase):
    def setUp(self):
        self.event = make_event(auto_hold=False)
        self.ticket = allocation.book(event_id=self.event.pk, user=self.alice)

    def test_every_page_says_what_it_may_load(self):
        for path in ("/", "/accounts/login/", "/accounts/signup/", "/nowhere/", f"/events/{self.event.pk}/", "/admin/"):
            with self.subTest(path=path):
                header = visit(headers=BROWSER).get(path).headers["Content-Security-Policy"]
                self.assertEqual(directives_of(header), POLICY)

    def test_every_answer_is_closed_to_frames_sniffers_and_sensors(self):
        expected = {
            "X-Frame-Options": "DENY",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
        }
        for path in ("/", "/healthz", "/nowhere/", f"/ticket/{self.ticket.code}/qr.png", "/dashboard/"):
            with self.subTest(path=path):
                headers = visit(self.alice).get(path).headers
                self.assertEqual({name: headers.get(name) for name in expected}, expected)

    def test_the_gate_alone_may_use_the_camera_and_webassembly(self):
        paths = {
            "/checkin/": True,
            "/checkin/list/": False,
            "/checkin/worker.js": False,
            "/": False,
            "/dashboard/": False,
        }
        for path, may in paths.items():
            with self.subTest(path=path):
                headers = visit(self.greta, headers=BROWSER).get(path, {"event": self.event.pk}).headers
                policy = directives_of(headers["Content-Security-Policy"])
                self.assertEqual(policy, POLICY | ({"script-src": "'self' 'wasm-unsafe-eval'"} if may else {}))
                camera = "camera=(self)" if may else "camera=()"
                self.assertEqual(headers["Permissions-Policy"], f"{camera}, microphone=(), geolocation=(), payment=()")

    def test_the_gate_may_after_a_form_and_an_error_too_and_strangers_may_not(self):
        for person, may in ((self.greta, True), (self.olga, True), (self.alice, False), (None, False)):
            with self.subTest(person=person):
                client = visit(person, headers=BROWSER)
                form = {"event": self.event.pk, "code": "x", "gate": "y" * 61}
                for response in (client.post("/checkin/scan/", form), client.get("/checkin/")):
                    self.assertEqual("camera=(self)" in response.headers["Permissions-Policy"], may)

    def test_whatever_is_text_says_how_its_letters_are_written(self):
        ticket = f"/ticket/{self.ticket.code}/"
        texts = ["/", "/dashboard/", "/checkin/worker.js", "/sw.js", f"{ticket}qr.svg", f"{ticket}calendar.ics"]
        for path in (*texts, "/.well-known/security.txt", f"/events/{self.event.pk}/fairness/ledger.txt", "/nowhere/"):
            with self.subTest(path=path), self.settings(SECURITY_CONTACT="mailto:a@example.org"):
                kind = visit(self.alice, headers=BROWSER).get(path).headers["Content-Type"]
                self.assertIn("; charset=utf-8", kind.lower())

    def test_no_page_of_others_may_read_an_answer(self):
        stats, own = f"/api/ticket-stats/{self.event.pk}/", f"/ticket/{self.ticket.code}/"
        for origin in ("https://evil.example", "null", "http://testserver"):
            asked = {"Origin": origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x"}
            for path in ("/", "/dashboard/", "/accounts/login/", "/nowhere/", f"/embed/{self.event.pk}/", stats, own):
                with self.subTest(origin=origin, path=path):
                    client = visit(self.alice, headers=JSON | asked)
                    told = {*client.get(path).headers, *client.options(path).headers, *client.post(path).headers}
                    self.assertEqual([name for name in told if name.lower().startswith("access-control-")], [])

    def test_nothing_personal_is_kept_anywhere(self):
        ticket = f"/ticket/{self.ticket.code}/"
        alices = ["/", "/dashboard/", "/calendar/", ticket, f"{ticket}qr.png", f"{ticket}calendar.ics"]
        olgas = [f"/events/{self.event.pk}/attendees/", f"/events/{self.event.pk}/attendees.csv", "/checkin/", ticket]
        for person, paths in ((self.alice, alices), (self.olga, olgas)):
            for path in paths:
                with self.subTest(path=path):
                    response = visit(person, headers=BROWSER).get(path)
                    self.assertEqual((response.status_code, response.headers["Cache-Control"]), (200, "no-store"))

    def test_answers_to_writes_are_kept_nowhere_either(self):
        for headers in (BROWSER, JSON):
            response = visit(self.alice, headers=headers).post(f"/book/{self.event.pk}/")
            self.assertEqual(response.headers["Cache-Control"], "no-store")

    @override_settings(SECURE_SSL_REDIRECT=True, SECURE_REDIRECT_EXEMPT=[r"^healthz$"])
    def test_people_are_led_to_https_and_programs_are_refused(self):
        self.assertEqual(visit().get("/healthz").status_code, 200)  # of monitors within one's own network
        stats = f"/api/ticket-stats/{self.event.pk}/"
        cases: tuple[tuple[str, dict[str, str], bool], ...]
        cases = ("/dashboard/", BROWSER, True), ("/dashboard/", JSON, False), (stats, {}, False)
        for path, headers, led in cases:
            with self.subTest(path=path, led=led):
                answer = visit(self.alice, headers=headers).get(path)
                if led:
                    self.assertEqual((answer.status_code, target_of(answer)), (301, f"https://testserver{path}"))
                else:
                    self.assertEqual((answer.status_code, answer.json()["status"]), (403, "https_needed"))
                self.assertIn(visit(headers=headers).get(path, secure=True).status_code, (200, 302, 401))

    def test_scripts_cannot_read_our_cookies(self):
        client = visit(self.alice, headers=BROWSER)
        client.get("/accounts/logout/")
        client.post(f"/join/{self.event.pk}/")  # and is told about it on the next page
        for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.MESSAGES_COOKIE_NAME):
            with self.subTest(cookie=name):
                self.assertEqual((client.cookies[name]["httponly"], client.cookies[name]["samesite"]), (True, "Lax"))
