"""What made-up requests are made of, who sends them, and what no answer to them may be."""

import copy
import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings as site
from django.db import transaction
from django.forms import BaseForm
from django.test import TestCase, override_settings
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st

from core import allocation, audit, checkin
from core.imports.columns import template
from core.models import Event, User
from core.push import keys

from .cast import Cast, appoint, make_event, make_person, offer
from .openid import PROVIDERS
from .push_service import Browser
from .routes import BOUNDARY, encoded, in_parts
from .test_bad_pictures import picture
from .visits import token_of, visit

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
UNAVAILABLE = 503

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
NAMES = ("anonymous", "alice", "bob", "greta", "olga", "root")
PEOPLE = st.sampled_from(NAMES)


class Body(NamedTuple):
    """What is sent, and what it is said to be."""

    content: bytes
    kind: str


class File(NamedTuple):
    """A file that is uploaded: its name, what it is said to be, and what is in it."""

    name: str
    kind: str
    content: bytes


FILES = {
    "image": File("poster.png", "image/png", picture()),
    "file": File("events.csv", "text/csv", template().encode()),
}


def as_form(form: dict[str, str]) -> Body:
    """Return a form as browsers send most of them."""
    return Body(encoded(form).encode(), "application/x-www-form-urlencoded")


def as_json(form: dict[str, str]) -> Body:
    """Return a form as no page of ours sends it."""
    return Body(json.dumps(form).encode(), "application/json")


def with_files(form: dict[str, str], files: dict[str, File] = FILES) -> Body:
    """Return a form as browsers send it with files."""
    return Body(in_parts(form, files), f"multipart/form-data; boundary={BOUNDARY}")


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


@override_settings(VAPID_PRIVATE_KEY=keys.new_private_key(), SOCIALACCOUNT_PROVIDERS=PROVIDERS)
class FuzzCase(Cast, TestCase):
    """Six people who ask, and what is right in most fields, so that junk gets far."""

    event: Event
    root: User
    right: dict[str, str]

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.root = make_person("root", is_staff=True, is_superuser=True)
        appoint(cls.olga)
        cls.event = make_event(capacity=20, auto_hold=False)
        ticket = allocation.book(event_id=cls.event.pk, user=cls.alice)
        bobs = allocation.book(event_id=cls.event.pk, user=cls.bob)
        scan = checkin.scan(code=bobs.code, event=cls.event, staff=cls.greta).scan
        cls.right = {
            "event_id": str(cls.event.pk), "user_id": str(cls.bob.pk), "code": ticket.code, "gate": "North",
            "token": offer(ticket, cls.bob).token, "event": str(cls.event.pk), "scan": str(scan.pk), "scans": "[]",
            "reason": "A reason", "who": "ali", "person": "greta", "email": "dora@example.org",
            "object_id": str(cls.event.pk), "id": str(cls.bob.pk),
            "endpoint": "https://push.example.org/send/abc", **Browser().keys,
        }  # fmt: skip

    def setUp(self) -> None:
        self.clients = {name: visit(getattr(self, name, None), enforce_csrf_checks=True) for name in NAMES}
        self.tokens = {name: token_of(client) for name, client in self.clients.items()}

    @contextmanager
    def undone(self, who: str) -> Iterator[None]:
        """Undo afterwards what somebody does: the rows, and what their browser keeps, or a logout would be for good."""
        cookies = copy.deepcopy(self.clients[who].cookies)
        try:
            with transaction.atomic():
                yield
                transaction.set_rollback(True)
        finally:
            self.clients[who].cookies = cookies

    def answer(self, who: str, method: str, path: str, headers: dict[str, str], body: Body | None = None) -> Any:
        """Ask, and return the answer; fail unless it is one."""
        options: dict[str, Any] = {"headers": {"X-CSRFToken": self.tokens[who], **headers}}
        if body is not None:
            options |= {"data": body.content, "content_type": body.kind}
        response = getattr(self.clients[who], method)(path, **options)
        content = b"".join(response) if method != "head" else b""
        busy = UNAVAILABLE if path.startswith("/ticket/") else None  # a PDF waits for those of others
        self.assertTrue(response.status_code < 500 or response.status_code == busy, response.status_code)
        self.assertNotIn(b"Traceback (most recent", content)
        self.assertEqual(audit.differences(), [])
        return response
