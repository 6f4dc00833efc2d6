"""What nobody thought of: made-up addresses, queries, forms and headers for every route, and texts for every socket.

The routes are those of the resolvers, so that a new one is tried by itself. The suite tries the same few every time;
to try new ones, at night say:

    FUZZ_EXAMPLES=500 SECRET_KEY=x DEBUG=on .venv/bin/python manage.py test core.tests.test_fuzz
"""

import json
import operator
import os
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings as site
from django.db import transaction
from django.forms import BaseForm
from django.test import Client, SimpleTestCase, TestCase
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from core import allocation, audit, checkin
from core.consumers import read_question
from core.models import Event, User
from core.routing import websocket_urlpatterns
from event_ticketing.asgi import application

from .cast import Cast, ledger_problems, make_event, make_person, offer
from .routes import ARGUMENT, below, encoded, filled_in, ours
from .sockets import PATIENCE, SocketCase, headers_of
from .visits import BROWSER, JSON, token_of, visit

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
UNAVAILABLE = 503
CLOSED = {1000, 1003, 1008, 1009, 1013, 4401}

JUNK = (
    "", " ", "\0", "a\0b", "\ud800", "\udfff\ud800", "0", "-1", "1.5", "1e309", "NaN", "9" * 5000, str(2**63),
    "٣", "１", "\u202eevil", "\u200b", "🎫👩‍👩‍👧", "x" * 10_000, "{{7*7}}", "%s%n", "</script><script>",
    "'\"><img src=x>", "javascript:x", "../../etc/passwd", "a\r\nSet-Cookie: x=y", "=1+1", "null", "[]", "{}",
    "[" * 2000, "2026-13", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "xn--", "a@b", "é", "e\u0301",
    "\ufeff", "\uffff",
)  # fmt: skip
TEXTS = st.one_of(st.sampled_from(JUNK), st.text(st.characters(), max_size=40), st.integers().map(str))
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
ANYTHING = st.recursive(LEAVES, lambda inner: st.one_of(st.lists(inner), st.dictionaries(TEXTS, inner)), max_leaves=8)
SCAN_FIELDS = st.sampled_from(("nonce", "fingerprint", "at", "offset", "let_in", "gate"))
SCANS = st.lists(st.dictionaries(SCAN_FIELDS, ANYTHING), max_size=4).map(json.dumps)
FIELDS = (
    "event", "code", "gate", "nonce", "ticket", "who", "scan", "reason", "since", "scans", "person", "email", "size",
    "page", "month", "next", "report", "q", "login", "password", "username", "password1", "password2", "oldpassword",
    "action", "action_add", "account", "remember", "process", "key", "_selected_action", "select_across", "confirmed",
    "o", "p", "name", "venue", "capacity", "starts_at_0", "starts_at_1", "ends_at_0", "status", "created_by",
    "groups", "act", "minutes", "seen", "_popup", "_to_field", "field_name", "model_name", "app_label", "term",
    "id__exact", "event__id__exact", "when", "from", "to", "free",
)  # fmt: skip
PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=40)
# Between quotes, Django takes a backslash and three digits for any character.
SESSIONS = st.one_of(PRINTABLE, st.just('"' + r"\000" * 8 + '"')).map(f"{site.SESSION_COOKIE_NAME}={{}}".format)
HEADERS = st.dictionaries(
    st.sampled_from((
        "Accept", "Accept-Language", "Accept-Encoding", "Origin", "Referer", "User-Agent", "Range", "If-None-Match",
        "If-Modified-Since", "X-Forwarded-For", "X-Forwarded-Proto", "X-HTTP-Method-Override", "X-Requested-With",
        "Content-Type", "Host", "Cookie",
    )),
    st.one_of(
        PRINTABLE,
        st.sampled_from(("application/json", "text/html", "multipart/form-data", "a" * 8000, "testserver", "null")),
    ),
    max_size=3,
) | st.fixed_dictionaries({"Cookie": SESSIONS})  # fmt: skip
OTHERS = ("head", "options", "delete", "trace")
NAMES = ("anonymous", "alice", "bob", "greta", "olga", "root")
PEOPLE = st.sampled_from(NAMES)


def names(of: type[BaseForm] = BaseForm) -> set[str]:
    """Return the names of the fields of all forms that are loaded, ours and those of allauth."""
    found = {name for form in of.__subclasses__() for name in names(form)}
    is_known = of.__module__.startswith(("core.", "allauth.")) and not of.__module__.startswith("core.tests.")
    return found | set(getattr(of, "base_fields", ()) if is_known else ())


@cache
def forms() -> st.SearchStrategy[dict[str, str]]:
    """Return what is typed into any fields; once the addresses are loaded, and the forms with them."""
    return st.dictionaries(st.sampled_from(sorted(names() | set(FIELDS))), st.one_of(TEXTS, SCANS), max_size=4)


def limits(examples: int, of: str = "") -> Callable[[Any], Any]:
    """Return how long to go on: the same examples every time, of their own for each name, unless more are asked for."""
    known = settings(
        max_examples=EXAMPLES or examples,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    return lambda test: known(test if EXAMPLES else seed(zlib.crc32(of.encode()))(test))


class RouteTests(Cast, TestCase):
    """Seven people ask for everything, with what is right in most fields, so that junk gets far."""

    event: Event
    root: User
    right: dict[str, str]

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.root = make_person("root", is_staff=True, is_superuser=True)
        cls.event = make_event(capacity=20, auto_hold=False)
        ticket = allocation.book(event_id=cls.event.pk, user=cls.alice)
        bobs = allocation.book(event_id=cls.event.pk, user=cls.bob)
        scan = checkin.scan(code=bobs.code, event=cls.event, staff=cls.greta).scan
        cls.right = {
            "event_id": str(cls.event.pk), "user_id": str(cls.bob.pk), "code": ticket.code, "gate": "North",
            "token": offer(ticket, cls.bob).token, "event": str(cls.event.pk), "scan": str(scan.pk), "scans": "[]",
            "reason": "A reason", "who": "ali", "person": "greta", "email": "dora@example.org",
            "object_id": str(cls.event.pk), "id": str(cls.bob.pk),
        }  # fmt: skip

    def setUp(self) -> None:
        self.clients = {name: visit(getattr(self, name, None), enforce_csrf_checks=True) for name in NAMES}
        self.tokens = {name: token_of(client) for name, client in self.clients.items()}

    def ask(self, who: str, method: str, path: str, form: dict[str, str], headers: dict[str, str]) -> None:
        """Ask, and fail unless the answer is one."""
        body = encoded(form)
        options: dict[str, Any] = {"headers": {"X-CSRFToken": self.tokens[who], **headers}}
        if method in {"post", "put", "delete"}:
            options |= {"data": body, "content_type": "application/x-www-form-urlencoded"}
        else:
            path = f"{path}?{body}"
        with transaction.atomic():
            response = getattr(self.clients[who], method)(path, **options)
            content = b"".join(response) if method != "head" else b""
            busy = UNAVAILABLE if path.startswith("/ticket/") else None  # a PDF waits for those of others
            self.assertTrue(response.status_code < 500 or response.status_code == busy, response.status_code)
            self.assertNotIn(b"Traceback (most recent", content)
            self.assertEqual(audit.differences(), [])
            transaction.set_rollback(True)

    def methods(self, route: str) -> tuple[str, ...]:
        """Return what an address takes, and once what it does not."""
        path = filled_in(route, self.right)
        allowed = str(self.clients["anonymous"].put(path).headers.get("Allow", "GET, POST")).lower().split(", ")
        return (*(method for method in allowed if method != "head"), *allowed, *OTHERS)

    def try_address(self, route: str, examples: int, people: st.SearchStrategy[str] = PEOPLE) -> None:
        """Ask for one address in many ways."""
        arguments = ARGUMENT.findall(route)

        @limits(examples, route)
        @given(
            who=people,
            method=st.sampled_from(self.methods(route)) | st.just(self.methods(route)[0]),
            lost=st.just({}) | st.just({}) | st.dictionaries(st.sampled_from(arguments or [""]), TEXTS, max_size=1),
            form=forms(),
            headers=st.builds(operator.or_, st.sampled_from((BROWSER, JSON)), st.just({}) | HEADERS),
        )
        def one(who: str, method: str, lost: dict[str, str], form: dict[str, str], headers: dict[str, str]) -> None:
            self.ask(who, method, filled_in(route, self.right | lost), self.right | form, headers)

        one()

    def test_no_address_of_ours_fails_whatever_it_is_asked(self) -> None:
        for route in ours():
            with self.subTest(route=route):
                self.try_address(route, 10)
        self.assertEqual(ledger_problems(self.event), [])

    def test_no_address_of_the_accounts_fails_whatever_it_is_asked(self) -> None:
        for route in below("accounts/"):
            with self.subTest(route=route):
                self.try_address(route, 4)

    def test_no_address_of_the_admin_fails_whatever_it_is_asked(self) -> None:
        for route in below("admin/"):
            with self.subTest(route=route):
                self.try_address(route, 2, st.just("root"))


class QuestionTests(SimpleTestCase):
    @limits(300)
    @given(st.one_of(TEXTS, ANYTHING.map(json.dumps)))
    def test_a_text_is_a_question_or_none(self, text: str) -> None:
        question = read_question(text)
        self.assertTrue(question is None or question[0] in {"join", "book", "release"})


class SocketTests(SocketCase):
    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(capacity=1, auto_hold=False)

    def who_may(self, path: str) -> User:
        """Return somebody who is let in at a socket."""
        if "organize" in path:
            return self.olga
        return self.greta if "gate" in path else self.alice

    def made_up(self, examples: int) -> list[list[str]]:
        """Return what clients say, one list for each."""
        question = st.fixed_dictionaries(
            {
                "type": st.sampled_from(("join", "book", "release", "stats")),
                "event": st.one_of(st.just(self.event.pk), LEAVES),
                "key": st.one_of(st.just("k"), TEXTS),
            }
        )
        texts = st.one_of(question.map(json.dumps), ANYTHING.map(json.dumps), st.sampled_from(JUNK))
        said: list[list[str]] = []
        # A server lets no halves of characters through (RFC 6455, 8.1).
        passed = texts.map(lambda text: text.encode(errors="replace").decode())

        @limits(examples)
        @given(st.lists(passed, max_size=12))
        def note(texts: list[str]) -> None:
            said.append(texts)

        note()
        return said

    async def talk(self, path: str, client: Client, texts: list[str]) -> None:
        """Say all that; fail if that raised an error, or the socket was closed with a code that says nothing."""
        socket = WebsocketCommunicator(application, path, headers=headers_of(client))
        self.assertEqual(await socket.connect(timeout=PATIENCE), (True, None))
        for text in texts:
            await socket.send_input({"type": "websocket.receive", "text": text})
        while not await socket.receive_nothing(0.1):
            sent: Any = await socket.receive_output(PATIENCE)
            if sent["type"] == "websocket.close":
                self.assertIn(sent.get("code", 1000), CLOSED)
                break
        await socket.disconnect()

    async def test_no_socket_fails_whatever_it_is_told(self) -> None:
        clients = {person: await sync_to_async(visit)(person) for person in (self.alice, self.greta, self.olga)}
        for pattern in websocket_urlpatterns[:-1]:  # the last one refuses what is none of them
            path = "/" + str(pattern.pattern).replace("<int:event_id>", str(self.event.pk))
            for texts in self.made_up(8):
                with self.subTest(path=path, texts=texts):
                    await self.talk(path, clients[self.who_may(path)], texts)
                    self.assertEqual(await sync_to_async(audit.differences)(), [])
        self.assertEqual(await sync_to_async(ledger_problems)(self.event), [])
