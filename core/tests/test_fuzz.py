"""What nobody thought of: made-up addresses, queries, forms and headers for every route, and texts for every socket.

The routes are those of the resolvers, so that a new one is tried by itself. The suite tries the same few every time;
to try new ones, at night say:

    FUZZ_EXAMPLES=500 SECRET_KEY=x DEBUG=on .venv/bin/python manage.py test -p "test_fuzz*.py"
"""

import json
import operator
from typing import Any

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client, SimpleTestCase
from hypothesis import given
from hypothesis import strategies as st

from core import audit
from core.consumers import read_question
from core.models import User
from core.routing import websocket_urlpatterns
from event_ticketing.asgi import application

from .cast import ledger_problems, make_event
from .fuzzing import (
    ANYTHING,
    HEADERS,
    JUNK,
    LEAVES,
    PEOPLE,
    TEXTS,
    FuzzCase,
    as_form,
    as_json,
    forms,
    limits,
    with_files,
)
from .routes import ARGUMENT, below, encoded, filled_in, ours
from .sockets import PATIENCE, SocketCase, headers_of
from .visits import BROWSER, JSON, visit

CLOSED = {1000, 1003, 1008, 1009, 1013, 4401}
OTHERS = ("head", "options", "delete", "trace")


class RouteTests(FuzzCase):
    """Six people ask for everything."""

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
            send=st.sampled_from((as_form, as_form, as_form, as_json, with_files)),
        )
        def one(
            who: str, method: str, lost: dict[str, str], form: dict[str, str], headers: dict[str, str], send: Any
        ) -> None:
            path, typed = filled_in(route, self.right | lost), self.right | form
            with self.undone(who):
                if method in {"post", "put", "delete"}:
                    self.answer(who, method, path, headers, send(typed))
                else:
                    self.answer(who, method, f"{path}?{encoded(typed)}", headers)

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
