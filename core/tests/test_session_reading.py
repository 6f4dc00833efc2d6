"""A session, the login behind it and its person are read at once; whatever is out of the ordinary goes Django's way."""

from collections.abc import Callable

from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import CreateError
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from core.models import User, UserSession
from core.sessions import SessionStore

from .cast import Cast, ago
from .sockets import SocketCase
from .visits import visit

SAVEPOINT = 2  # statements: a save is a transaction, within that of the test


class ReadingTests(Cast, TestCase):
    def setUp(self):
        self.browser = visit(self.alice)
        self.browser.get("/dashboard/")  # the first request of a login also holds places

    def who(self) -> str | None:
        """Return who the site takes the browser for."""
        response = self.browser.get("/calendar/")
        return response.context["user"].username if response.status_code == 200 else None

    def test_one_query_tells_the_session_the_login_and_the_person(self):
        with CaptureQueriesContext(connection) as captured:
            self.browser.get("/.well-known/security.txt")
        self.assertEqual(len(captured), 1)
        self.assertEqual(self.who(), "alice")

    def test_nobody_is_let_in_by_a_session_that_is_over(self):
        ways: dict[str, Callable[[], object]] = {
            "ended elsewhere": lambda: UserSession.objects.update(is_active=False),
            "a day old": lambda: UserSession.objects.update(login_timestamp=ago(hours=25)),
            "a login that was never recorded": lambda: UserSession.objects.all().delete(),
            "somebody else's login": lambda: UserSession.objects.update(user=self.bob),
            "expired": lambda: Session.objects.update(expire_date=ago(seconds=1)),
            "gone": lambda: Session.objects.all().delete(),
            "deactivated": lambda: User.objects.filter(pk=self.alice.pk).update(is_active=False),
            "another password": lambda: User.objects.filter(pk=self.alice.pk).update(password="!another"),
        }
        for name, end in ways.items():
            with self.subTest(name):
                User.objects.filter(pk=self.alice.pk).update(is_active=True)
                self.alice.refresh_from_db()
                self.browser = visit(self.alice)
                self.assertEqual(self.who(), "alice")
                end()
                self.assertIsNone(self.who())
                UserSession.objects.all().delete()

    def test_what_a_session_claims_is_not_believed_against_its_login(self):
        session = self.browser.session
        session[SESSION_KEY] = str(self.bob.pk)
        session.save()
        self.assertIsNone(self.who())

    def test_a_session_of_nobody_is_read_as_ever(self):
        stranger = visit()
        session = stranger.session
        session["colour"] = "blue"
        session.save()
        self.assertEqual(stranger.get("/readyz").wsgi_request.session["colour"], "blue")


class StoringTests(Cast, TestCase):
    def test_a_new_session_is_stored_once_with_all_that_is_in_it(self):
        session = SessionStore()
        session["colour"] = "blue"
        session.create()
        session["colour"] = "green"
        key = session.session_key
        with self.assertNumQueries(1 + SAVEPOINT):
            session.save()
        self.assertEqual((session.session_key, SessionStore(key)["colour"]), (key, "green"))
        session["colour"] = "red"
        session.save()
        self.assertEqual((Session.objects.count(), SessionStore(key)["colour"]), (1, "red"))

    def test_a_session_that_was_saved_without_a_beginning_is_stored_too(self):
        session = SessionStore()
        session["colour"] = "blue"
        session.save()
        self.assertEqual(SessionStore(session.session_key)["colour"], "blue")

    def test_a_new_key_for_an_old_session_is_stored_at_once(self):
        session = SessionStore()
        session["colour"] = "blue"
        session.save()
        old = session.session_key
        session.cycle_key()
        self.assertNotEqual(session.session_key, old)
        self.assertEqual(SessionStore(session.session_key)["colour"], "blue")
        self.assertEqual(SessionStore(old).get("colour"), None)

    def test_what_was_begun_and_flushed_is_stored_nowhere(self):
        session = SessionStore()
        session.create()
        session.flush()
        self.assertEqual((session.session_key, Session.objects.count()), (None, 0))
        session["colour"] = "blue"
        session.save()
        self.assertEqual(SessionStore(session.session_key)["colour"], "blue")

    def test_a_key_that_somebody_has_is_not_overwritten(self):
        session, other = SessionStore(), SessionStore()
        session.save()
        other.create()
        other._session_key = session.session_key
        with self.assertRaises(CreateError):
            other.save()


class SocketReadingTests(SocketCase):
    async def test_a_socket_that_comes_back_after_a_change_of_the_secret_key_logs_nobody_out(self):
        with self.settings(SECRET_KEY="old-key"):
            alices = await sync_to_async(visit)(self.alice)
        with self.settings(SECRET_KEY="new-key", SECRET_KEY_FALLBACKS=["old-key"]):
            socket = await self.open("/ws/dashboard/", alices)
            self.assertEqual((await self.said(socket, 1))[0]["type"], "snapshot")
            self.assertEqual((await sync_to_async(alices.get)("/api/my-place/1/")).status_code, 404)
        with self.settings(SECRET_KEY="newer-key"):
            socket = await self.open("/ws/dashboard/", alices)
            self.assertEqual((await socket.receive_output(timeout=10))["code"], 4401)
        await self.close()
