"""Requests to every route of ours that make no sense (RELIABILITY 4: path ids, query and text, methods, headers, CSRF).

The routes are those of the resolver: a new one is asked by itself. What each address answers to whom, and when it is
asked rightly, is in test_who_may_what.py.
"""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.test import Client, TestCase, override_settings

from core import allocation
from core.models import Event, LedgerEntry, Ticket, User

from .cast import Cast, make_event, make_person
from .routes import encoded, filled_in, ours
from .test_bad_input import HUGE, SENSELESS
from .visits import BROWSER, JSON, token_of, visit

CLEAN = {200, 302, 400, 401, 403, 404, 405, 409}
ODD = (
    "\0", "\ud800", "\udcff", "\u202eevil", "\u200b", "🎫", "{{7*7}}", "{% csrf_token %}", "%s",
    "</script><script>alert(1)", "'\"><img onerror=alert(1) src=x>", "javascript:alert(1)", "x" * 20_000, "-1", "9e9",
    "abc",
)  # fmt: skip
NULS = r"\000" * 8  # in a cookie between quotes: Django makes eight NULs of it
QUERIES = ("page", "month", "q", "person", "size", "event", "gate", "since", "next", "o", "order_by")


class RequestCase(Cast, TestCase):
    root: User
    event: Event
    ticket: Ticket
    right: dict[str, str]

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.root = make_person("root", is_staff=True, is_superuser=True)
        cls.event = make_event(auto_hold=False)
        cls.ticket = allocation.book(event_id=cls.event.pk, user=cls.alice)
        cls.right = {"event_id": str(cls.event.pk), "user_id": str(cls.bob.pk), "code": cls.ticket.code}

    def setUp(self) -> None:
        self.entries = LedgerEntry.objects.count()

    def tearDown(self) -> None:
        self.assertEqual(LedgerEntry.objects.count(), self.entries)

    def allowed(self, path: str) -> str:
        """Return which methods an address takes."""
        return str(visit().put(path).headers["Allow"])

    def writing(self) -> list[str]:
        """Return the addresses that write."""
        return [path for path in (filled_in(route, self.right) for route in ours()) if self.allowed(path) == "POST"]


class AddressTests(RequestCase):
    def test_every_number_in_an_address_may_be_any_text(self) -> None:
        numbered = [route for route in ours() if "<int:" in route]
        client = visit(self.root, headers=JSON)
        for route in numbered:
            for text in (*HUGE, *SENSELESS, "", ".", "..", "1.", "1..", "1 ", "+1", "1;2", "1,2", "1\\", "é", "\ud800"):
                path = filled_in(route, self.right | {"event_id": text})
                method = client.post if self.allowed(filled_in(route, self.right)) == "POST" else client.get
                with self.subTest(route=route, text=text[:20]):
                    self.assertIn(method(path).status_code, {400, 404})
        self.assertGreater(len(numbered), 10)

    def test_slashes_too_many_or_too_few_find_nothing_and_do_nothing(self) -> None:
        client = visit(self.root, headers=BROWSER)
        for route in ours():
            path = filled_in(route, self.right)
            for wrong in (f"/{path}", path.replace("/", "//"), f"{path}/", f"{path}.", f"{path}%2f", path.upper()):
                with self.subTest(path=wrong):  # `//media/events/1` is `/events/1` of a host, which lacks its slash
                    self.assertIn(client.get(wrong).status_code, CLEAN | {301})


class QueryTests(RequestCase):
    def test_whatever_is_asked_for_a_page_is_a_page_or_a_clean_no(self) -> None:
        client = visit(self.root, headers=BROWSER)
        for route in ours():
            for text in ODD:
                query = encoded(dict.fromkeys(QUERIES, text))
                with self.subTest(route=route, text=ascii(text)[:20]):
                    response = client.get(f"{filled_in(route, self.right)}?{query}")
                    self.assertIn(response.status_code, CLEAN)
                    content = b"".join(response)
                    self.assertNotIn(b"<script>alert(1)", content)
                    self.assertNotIn(b"<img onerror", content)
                    self.assertNotIn(b'href="javascript:', content)

    def test_bytes_that_are_no_text_and_fields_without_end(self) -> None:
        client = visit(self.alice, headers=BROWSER)
        many = "&".join(f"f{n}=" for n in range(10_000))
        for query in ("q=%FF%FE", "%FF=%C3", "page=%C3%28", "q=" + "x" * 1_000_000, many, "&&&===", "a[b][c]=1", ";;"):
            for path in ("/", "/dashboard/", "/calendar/", f"/events/{self.event.pk}/", "/accounts/login/", "/admin/"):
                with self.subTest(path=path, query=query[:20]):
                    self.assertIn(client.get(f"{path}?{query}").status_code, CLEAN)

    def test_text_that_is_odd_is_taken_or_refused_by_every_form(self) -> None:
        fields = ("code", "reason", "who", "person", "email", "gate", "nonce", "ticket", "scans", "scan", "event")
        staff = visit(self.olga)
        for path in self.writing():
            for text in ODD:
                form = dict.fromkeys(fields, text) | ({"event": str(self.event.pk)} if "/checkin/" in path else {})
                with self.subTest(path=path, text=ascii(text)[:20]), transaction.atomic():
                    response = staff.post(path, encoded(form), content_type="application/x-www-form-urlencoded")
                    self.assertIn(response.status_code, CLEAN | {429})
                    transaction.set_rollback(True)


class ParameterTests(RequestCase):
    """A parameter is read at one place, and of two of a name the last one counts."""

    def scan(self, code: list[str], query: dict[str, str] | None = None) -> Any:
        form = {"event": str(self.event.pk), "code": code}
        return visit(self.greta).post("/checkin/scan/", form, query_params=query or {})

    def test_what_stands_in_the_query_is_no_field_of_a_form(self) -> None:
        self.assertEqual(self.scan([], {"code": self.ticket.code}).status_code, 400)
        self.assertEqual(self.scan(["x"], {"code": self.ticket.code}).json()["outcome"], "unknown_code")

    def test_of_two_values_the_last_one_counts(self) -> None:
        outcomes = [self.scan(codes).json()["outcome"] for codes in ([self.ticket.code, "x"], ["x", self.ticket.code])]
        self.assertEqual(outcomes, ["unknown_code", "admitted"])


UNSUBSCRIBE = "/unsubscribe/<str:token>/"  # one address for both, as RFC 8058 has it


class MethodTests(RequestCase):
    def test_every_address_either_reads_or_writes_and_says_so(self) -> None:
        client = visit(self.alice, headers=JSON)
        for route in ours():
            path = filled_in(route, self.right)
            allowed = self.allowed(path)
            with self.subTest(route=route):
                self.assertIn(allowed, {"GET, HEAD", "POST"} if route != UNSUBSCRIBE else {"GET, HEAD, POST"})
                for method in ("get", "head", "post", "put", "patch", "delete", "options", "trace"):
                    if method.upper() not in allowed:
                        response = getattr(client, method)(path, headers={"X-HTTP-Method-Override": "POST"})
                        self.assertEqual((response.status_code, response.headers["Allow"]), (405, allowed))

    def test_a_method_that_is_none_is_405(self) -> None:
        for method in ("PROPFIND", "BREW", "GETS", "\u00e9"):
            with self.subTest(method=method):
                self.assertEqual(visit().generic(method, "/dashboard/").status_code, 405)


class HeaderTests(RequestCase):
    def test_headers_that_make_no_sense_change_nothing(self) -> None:
        for name, value in (
            ("Accept", "*/*;q=x"), ("Accept", "," * 5000), ("Accept", "é"), ("Accept-Language", "x" * 5000),
            ("Accept-Encoding", "gzip;q=-1"), ("Cookie", "a=" + "x" * 65_536), ("Cookie", "sessionid=\x01; =;;"),
            ("Cookie", f"{settings.SESSION_COOKIE_NAME}={'x' * 5000}"), ("Cookie", "messages=[[x"),
            ("Cookie", f'{settings.SESSION_COOKIE_NAME}="{NULS}"'),
            ("Range", "bytes=9-1"), ("If-Modified-Since", "yesterday"), ("If-None-Match", '"'), ("Content-Type", "x"),
            ("Content-Type", ""), ("X-Forwarded-Host", "evil.example"), ("Forwarded", "for=x"),
            ("X-Forwarded-Proto", "javascript"), ("Origin", "null"),
            ("Referer", "http://evil.example/\x01"), ("Content-Length", "x"), ("Transfer-Encoding", "chunked"),
            ("X-Original-URL", "/admin/"),
        ):  # fmt: skip
            for path in ("/", "/dashboard/", "/accounts/login/", f"/api/ticket-stats/{self.event.pk}/"):
                with self.subTest(name=name, value=value[:20], path=path):
                    response = visit(self.alice, headers=BROWSER).get(path, headers={name: value})
                    self.assertIn(response.status_code, {200, 302})
                    self.assertNotIn("evil", str(response.headers) + str(response.content))

    def test_a_forged_proxy_header_is_not_believed_without_a_proxy(self) -> None:
        with override_settings(SECURE_PROXY_SSL_HEADER=None, USE_X_FORWARDED_HOST=False):
            response = visit(headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}).get("/")
        self.assertEqual((response.wsgi_request.scheme, response.wsgi_request.get_host()), ("http", "testserver"))

    def test_a_host_that_is_none_is_400_and_shown_to_nobody(self) -> None:
        for host in (
            "evil.example",
            "testserver@evil.example",
            "testserver evil",
            "[::1",
            "",
            "testserver:99999999",
            "é",
        ):
            with self.subTest(host=host):
                response = visit(headers=BROWSER | {"Host": host}).get("/accounts/password/reset/")
                self.assertIn(response.status_code, {200, 400} if host in {"", "testserver:99999999"} else {400})
                self.assertNotContains(response, "evil", status_code=response.status_code)

    def test_a_body_that_is_not_what_it_says_is_refused_or_ignored(self) -> None:
        client = visit(self.alice)
        path = f"/release-hold/{make_event(auto_hold=False).pk}/"
        for kind in ("", "x", "text/xml", "application/json", "multipart/form-data", "multipart/form-data; boundary=",
                     "multipart/form-data; boundary=\x01", "application/x-www-form-urlencoded; charset=utf-7",
                     "application/x-www-form-urlencoded; charset=nonsense"):  # fmt: skip
            for body in (b"", b"\xff\xfe", b"a=%", b"--\r\n--", b'{"event": 1}'):
                with self.subTest(kind=kind, body=body):
                    self.assertIn(client.generic("POST", path, body, content_type=kind).status_code, CLEAN)


class CsrfTests(RequestCase):
    def refused(self, client: Client, **options: Any) -> None:
        for path in set(self.writing()) - {
            "/csp-report/"
        }:  # which browsers send by themselves, and which writes nothing
            with self.subTest(path=path):
                self.assertEqual(client.post(path, **options).status_code, 403)

    def alices(self) -> Client:
        return visit(self.alice, enforce_csrf_checks=True)

    def test_every_writing_address_wants_a_token(self) -> None:
        self.refused(self.alices())
        self.refused(self.alices(), data={"csrfmiddlewaretoken": "x" * 64})

    def test_json_is_no_way_around_it(self) -> None:
        self.refused(self.alices(), data={"csrfmiddlewaretoken": "x"}, content_type="application/json")

    def test_that_of_somebody_else_from_before_the_login_or_a_foreign_page_is_refused(self) -> None:
        make_person("carol", password="correct horse battery")
        client = visit(headers=BROWSER, enforce_csrf_checks=True)
        before = token_of(client)
        form = {"login": "carol", "password": "correct horse battery"}
        self.assertEqual(client.post("/accounts/login/", form, headers={"X-CSRFToken": before}).status_code, 302)
        now, others = token_of(client), token_of(self.alices())
        for token in (before, others):
            self.refused(client, headers={"X-CSRFToken": token})
        for origin in ("http://evil.example", "null", "http://testserver:8000", "https://testserver"):
            self.refused(client, headers={"X-CSRFToken": now, "Origin": origin})
        path = f"/release-hold/{self.event.pk}/"
        self.assertEqual(client.post(path, headers={"X-CSRFToken": now}).status_code, 302)
