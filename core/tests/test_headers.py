from django.conf import settings
from django.test import TestCase

from core import allocation
from core.tests.cast import Cast, make_event
from core.tests.visits import BROWSER, JSON, visit

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
}


class HeaderTests(Cast, TestCase):
    def setUp(self):
        self.event = make_event(auto_hold=False)
        self.ticket = allocation.book(event_id=self.event.pk, user=self.alice)

    def test_every_page_says_what_it_may_load(self):
        for path in ("/", "/accounts/login/", "/accounts/signup/", "/nowhere/", f"/events/{self.event.pk}/", "/admin/"):
            with self.subTest(path=path):
                header = visit(headers=BROWSER).get(path).headers["Content-Security-Policy"]
                directives = (directive.strip().partition(" ") for directive in header.split(";"))
                self.assertEqual({name: sources for name, _, sources in directives}, POLICY)

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

    def test_scripts_cannot_read_our_cookies(self):
        client = visit(self.alice, headers=BROWSER)
        client.get("/accounts/logout/")
        for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME):
            with self.subTest(cookie=name):
                self.assertEqual((client.cookies[name]["httponly"], client.cookies[name]["samesite"]), (True, "Lax"))
