"""What nobody thought of, in JSON, in files and by way of Google; `test_fuzz.py` sends forms.

Each address is told what is right, and what is so but for a place of it. Whatever it can answer must have come at the
end, the good and the bad, so that nothing is tried at a door that is shut.
"""

import json
import operator
from collections.abc import Callable
from contextlib import suppress
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import SimpleTestCase, override_settings
from fido2.utils import websafe_encode
from hypothesis import given
from hypothesis import strategies as st

from core import pictures, ticket_code
from core.models import Ticket

from .cast import ago
from .desk import filled
from .fuzzing import ANYTHING, FILES, JUNK, PRINTABLE, TEXTS, Body, File, FuzzCase, as_form, limits, with_files
from .openid import CAROL, CLIENT, google, token_of
from .organizers import CREATE, NEW, path
from .push_service import Browser
from .test_bad_pictures import part_of_png, photograph, picture
from .test_google import CALLBACK, LOGIN, consent
from .test_imports import HEADER, ROW, file_of
from .test_keys import ADD, AGAIN, SoftKey
from .test_keys import LOGIN as KEY_LOGIN
from .visits import BROWSER, JSON, target_of

REPORT = {"csp-report": {"effective-directive": "img-src", "blocked-uri": "https://foreign.example/x.png"}}
ENCODINGS = st.sampled_from(("utf-8-sig", "utf-16", "utf-16-be", "utf-32", "latin-1", "cp037"))
ENDS = st.sampled_from((-1, -2, 1, 0, 20))
KINDS = st.sampled_from((
    "image/png", "text/csv", "", "text/html; charset=x", "multipart/mixed; boundary=boundary",
    "image/png\r\nContent-Transfer-Encoding: base64", pictures.STANDS_FOR_TOO_LARGE,
)) | PRINTABLE  # fmt: skip
FILE_NAMES = st.one_of(
    TEXTS, st.sampled_from(('a"b.png', "..", ".png", "a.php", "C:\\a.csv", "x.png\0.csv", "x" * 300 + ".png"))
)
PICTURES = [*(picture(kind) for kind in pictures.READ), picture(mode="P"), photograph()]
PARTS = st.sampled_from(
    (b"PLTE", b"tRNS", b"iCCP", b"eXIf", b"gAMA", b"zTXt", b"iTXt", b"acTL", b"fcTL", b"fdAT", b"IDAT")
)


def spoiled(good: Any) -> st.SearchStrategy[Any]:
    """Return what is right, or what is so but for one place of it, where there is anything or nothing."""
    if isinstance(good, dict) and good:
        names = st.sampled_from(sorted(good))
        inside = names.flatmap(lambda name: spoiled(good[name]).map(lambda other: good | {name: other}))
        lacking = names.map(lambda name: {other: value for other, value in good.items() if other != name})
        return st.one_of(st.just(good), inside, inside, lacking, ANYTHING)
    if isinstance(good, list):
        return st.just(good) | st.lists(spoiled(good[0]), max_size=3) | ANYTHING
    return st.just(good) | ANYTHING


def mistyped(form: dict[str, str]) -> st.SearchStrategy[dict[str, str]]:
    """Return what is typed into a form: what is right, with junk in a field or two."""
    junk = st.dictionaries(st.sampled_from(sorted(form)), TEXTS, max_size=2)
    return st.just(form) | junk.map(lambda typed: form | typed)


def texts(good: Any) -> st.SearchStrategy[str]:
    """Return what is JSON, or nearly so."""
    whole = spoiled(good).map(json.dumps)
    return st.one_of(whole, whole, st.builds(lambda text, end: text[:end], whole, ENDS), st.sampled_from(JUNK))


def in_encoding(text: str, encoding: str = "utf-8") -> bytes:
    """Return a text as bytes, halves of characters included where the encoding has them."""
    return text.encode(encoding, errors="surrogatepass" if "utf" in encoding else "replace")


def contents(of: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    """Return texts as bytes, in the encoding that is meant or in another one, or bytes that are no text."""
    return of.map(in_encoding) | st.builds(in_encoding, of, ENCODINGS) | st.binary(max_size=40)


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """Return a file as it is, or with some bytes changed, or without its end."""
    place = st.integers(0, len(content) - 1)
    changes = st.lists(st.tuples(place, st.binary(max_size=4)), max_size=4)
    changed = changes.map(lambda found: _changed(content, found))
    return st.just(content) | changed | place.map(lambda end: content[:end])


def _changed(content: bytes, changes: list[tuple[int, bytes]]) -> bytes:
    for place, other in changes:
        content = content[:place] + other + content[place + len(other) :]
    return content


def with_parts(png: bytes) -> st.SearchStrategy[bytes]:
    """Return a picture with something in it that has the right sum, behind the first part or before the last one."""
    part = st.builds(part_of_png, PARTS, st.sampled_from((b"", b"\0", b"x\0")) | st.binary(max_size=30))
    return st.builds(lambda part, place: png[:place] + part + png[place:], part, st.sampled_from((33, len(png) - 12)))


def uploaded_pictures() -> st.SearchStrategy[bytes]:
    """Return pictures, most of them broken."""
    return st.sampled_from(PICTURES).flatmap(damaged) | with_parts(picture())


def files(good: File, content: st.SearchStrategy[bytes]) -> st.SearchStrategy[File]:
    """Return a file that is uploaded: rarely as another one than it is."""
    said = st.builds(good._replace, content=content)
    return st.one_of(said, said, st.builds(File, st.just(good.name) | FILE_NAMES, st.just(good.kind) | KINDS, content))


def table(rows: list[list[str]]) -> st.SearchStrategy[str]:
    """Return a file of these rows, or what is so but for one cell."""
    cells = st.sampled_from([(row, cell) for row, cells in enumerate(rows) for cell in range(len(cells))])

    def changed(place: tuple[int, int], text: str, sign: str) -> str:
        told = [
            [text if place == (row, cell) else old for cell, old in enumerate(cells)] for row, cells in enumerate(rows)
        ]
        return "\r\n".join(map(sign.join, told))

    good = "\r\n".join(map(",".join, rows))
    return st.just(good) | st.builds(
        changed, cells, TEXTS | TEXTS.map('"{}'.format), st.sampled_from((",", ",", ";", "\t"))
    )


@override_settings(ACCOUNT_RATE_LIMITS=False, MFA_RATE_LIMITS=False)
class BodyCase(FuzzCase):
    """Somebody who sends an address one body after the other."""

    def send(
        self,
        who: str,
        address: str,
        bodies: st.SearchStrategy[Body],
        *,
        examples: int,
        headers: tuple[dict[str, str], ...] = (BROWSER, JSON),
        then: Callable[[Any], Any] = operator.attrgetter("status_code"),
    ) -> set[Any]:
        """Send all that; return what became of it."""
        found: set[Any] = set()

        @limits(examples, address)
        @given(body=bodies, accepted=st.sampled_from(headers))
        def one(body: Body, accepted: dict[str, str]) -> None:
            with self.undone(who):
                found.add(then(self.answer(who, "post", address, accepted, body)))

        one()
        return found


class JsonTests(BodyCase):
    def test_a_report_of_a_browser_is_noted_or_refused_whatever_it_says(self) -> None:
        kinds = st.sampled_from(("application/csp-report", "application/json", "application/x-www-form-urlencoded"))
        reports = st.builds(Body, contents(texts(REPORT)), kinds)
        self.assertEqual(self.send("anonymous", "/csp-report/", reports, examples=40), {204, 400})

    def test_what_a_gate_did_without_a_network_is_stored_or_refused(self) -> None:
        ticket = Ticket.objects.get(user=self.alice)
        scan = {
            "nonce": "n", "fingerprint": ticket_code.fingerprint(ticket.code), "let_in": True, "gate": "North",
            "at": round(ago(minutes=5).timestamp() * 1000), "offset": 600_000,
        }  # fmt: skip
        form = {"event": str(self.event.pk)}
        told = texts([scan]).map(lambda text: as_form(form | {"scans": text}))
        self.assertEqual(self.send("greta", "/checkin/sync/", told, examples=25), {200, 400})

    def test_a_browser_that_wants_to_be_told_is_stored_or_refused(self) -> None:
        subscription = mistyped({"endpoint": "https://push.example.org/send/abc", **Browser().keys}).map(as_form)
        self.assertEqual(self.send("alice", "/push/subscribe/", subscription, examples=15), {200, 302, 400})


class KeyTests(BodyCase):
    """What a browser says of a key has JSON and CBOR in it once more."""

    def setUp(self) -> None:
        super().setUp()
        self.key = SoftKey()

    def asked(self, who: str, address: str, name: str, headers: dict[str, str] = BROWSER) -> str:
        """Return what a key is to sign."""
        answer = self.clients[who].get(address, headers=headers)
        told = answer.context["js_data"] if headers is BROWSER else answer.json()
        challenge: str = told[name]["publicKey"]["challenge"]
        return challenge

    def say(self, who: str, address: str, good: dict[str, Any]) -> set[Any]:
        """Send what is said of a key; return where that leads."""
        parts = st.sampled_from([name for name, text in good["response"].items() if isinstance(text, str)])
        question = {"type": "webauthn.get", "challenge": "AAAA", "origin": "https://testserver"}
        inner = contents(texts(question)).map(websafe_encode)
        inside = st.builds(lambda name, text: good | {"response": good["response"] | {name: text}}, parts, inner)
        told = texts(good) | inside.map(json.dumps)
        bodies = told.map(lambda text: as_form({"name": "Phone", "credential": text}))
        then = operator.methodcaller("get", "Location")
        return self.send(who, address, bodies, examples=8, headers=(BROWSER,), then=then)

    def test_a_key_is_taken_or_refused_whatever_is_said_of_it(self) -> None:
        made = self.key.made(self.asked("alice", ADD, "creation_options"))
        self.assertEqual(self.say("alice", ADD, made), {None, "/accounts/2fa/recovery-codes/"})
        body = as_form({"name": "Phone", "credential": json.dumps(made)})
        self.answer("alice", "post", ADD, BROWSER, body)  # it stays
        shown = self.key.shown(self.asked("anonymous", KEY_LOGIN, "request_options", JSON), self.alice)
        self.assertEqual(self.say("anonymous", KEY_LOGIN, shown), {"/accounts/login/", "/dashboard/"})
        shown = self.key.shown(self.asked("alice", AGAIN, "request_options"), self.alice)
        self.assertEqual(self.say("alice", AGAIN, shown), {"/accounts/login/", "/dashboard/"})


class PictureTests(SimpleTestCase):
    @limits(120)
    @given(uploaded_pictures())
    def test_a_file_is_a_picture_or_none(self, content: bytes) -> None:
        with suppress(ValidationError):
            self.assertTrue(pictures.cleaned(SimpleUploadedFile("poster.png", content)).size)


class FileTests(BodyCase):
    def setUp(self) -> None:
        super().setUp()
        self.enterContext(override_settings(MEDIA_ROOT=self.enterContext(TemporaryDirectory())))

    def show_and_import(self, response: Any) -> Any:
        """Return what an upload came to; look at one that was kept, and confirm it."""
        where = response.headers.get("Location")
        if where is None:
            return response.status_code
        self.answer("olga", "get", where, BROWSER)
        return self.answer("olga", "post", f"{where}confirm/", BROWSER, as_form({"again": "yes"})).status_code

    def test_a_file_of_events_is_imported_or_refused_whatever_is_in_it(self) -> None:
        rows = table([row.split(",") for row in (HEADER, ROW)])
        sent = files(FILES["file"], contents(rows) | damaged(file_of(ROW, ROW)))
        uploads = st.builds(with_files, st.just({}), st.fixed_dictionaries({"file": sent}))
        address, told = "/organize/import/upload/", self.show_and_import
        found = self.send("olga", address, uploads, examples=18, headers=(BROWSER,), then=told)
        self.assertEqual(found, {302, 400, 409})

    def test_a_picture_is_stored_or_refused_whatever_is_in_it(self) -> None:
        client = self.clients["olga"]
        event = {
            "name": "Opera", "venue": "House", "capacity": "9", "starts_at_0": "2127-05-01", "starts_at_1": "20:00",
        }  # fmt: skip
        new = filled(client.get(NEW, headers=BROWSER)) | event
        old = filled(client.get(path(self.event, "edit/"), headers=BROWSER)) | event
        sent = files(FILES["image"], st.just(picture()) | uploaded_pictures())
        for address, form in ((CREATE, new), (path(self.event, "save/"), old)):
            uploads = st.builds(with_files, mistyped(form), st.fixed_dictionaries({"image": sent}))
            with self.subTest(address=address):
                self.assertEqual(self.send("olga", address, uploads, examples=12), {200, 302, 400})


class GoogleTests(BodyCase):
    """Carol comes back from Google."""

    def setUp(self) -> None:
        super().setUp()
        self.google = self.enterContext(google())
        token = {"X-CSRFToken": self.tokens["anonymous"]}
        back = consent(target_of(self.clients["anonymous"].post(LOGIN, headers=token)))
        self.query = dict(parse_qsl(urlsplit(back).query))
        (self.asked,) = self.google.asked

    def come_back(self, query: dict[str, str]) -> tuple[int, str]:
        """Return what somebody is answered who comes back with this."""
        self.google.codes[self.query["code"]] = self.asked
        with self.undone("anonymous"):
            answer = self.answer("anonymous", "get", f"{CALLBACK}?{as_form(query).content.decode()}", BROWSER)
        return answer.status_code, answer.headers.get("Location", "")

    def test_who_comes_back_is_let_in_or_not_whatever_the_address_says(self) -> None:
        found = set()

        @limits(12, CALLBACK)
        @given(query=mistyped(self.query) | mistyped(self.query | {"error": ""}))
        def one(query: dict[str, str]) -> None:
            found.add(self.come_back(query))

        one()
        self.assertEqual(found, {(302, "/dashboard/"), (401, "")})

    def test_who_comes_back_is_let_in_or_not_whatever_google_says(self) -> None:
        claims = {
            "iss": self.google.address,
            "aud": CLIENT,
            "iat": 0,
            "exp": 2**32,
            "nonce": self.asked["nonce"],
        } | CAROL
        said = {"access_token": "a", "id_token": token_of(claims)}
        other = spoiled(claims).map(lambda told: json.dumps(said | {"id_token": token_of(told)}))
        found = set()

        @limits(14, "token")
        @given(content=contents(texts(said) | other))
        def one(content: bytes) -> None:
            self.google.says(content)
            found.add(self.come_back(self.query))

        one()
        self.assertEqual(found, {(302, "/dashboard/"), (401, "")})
