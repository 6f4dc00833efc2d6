"""Who opened a socket: read for many at once, and as Django decides it for a request."""

from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import TestCase, override_settings

from core.models import UserSession
from core.visitors import read_visitors, session_key_of

from .cast import Cast, ago, make_people
from .visits import visit


def scope(cookie: str) -> Any:
    return {"headers": [(b"host", b"testserver"), (b"cookie", cookie.encode())]}


class VisitorTests(Cast, TestCase):
    def key_of(self, person: Any) -> str:
        return str(visit(person).cookies[settings.SESSION_COOKIE_NAME].value)

    def names(self, *keys: str) -> dict[str, str]:
        return {key: visitor.user.username for key, visitor in read_visitors(set(keys)).items()}

    def test_everybody_is_known_by_their_own_session_in_two_queries(self) -> None:
        people = {self.key_of(person): person.username for person in (self.alice, self.bob, *make_people(20))}
        with self.assertNumQueries(2):
            self.assertEqual(self.names(*people, "a" * 32), people)

    def test_nobody_is_behind_a_session_that_has_ended_by_whatever_way(self) -> None:
        keys = [self.key_of(person) for person in (self.alice, self.bob, self.olga, self.greta)]
        UserSession.objects.filter(session_key=keys[0]).update(is_active=False)
        Session.objects.filter(session_key=keys[1]).update(expire_date=ago(seconds=1))
        self.olga.set_password("another long password")
        self.olga.save()
        self.greta.is_active = False
        self.greta.save()
        self.assertEqual(self.names(*keys), {})

    def test_a_session_of_a_former_secret_key_is_still_theirs(self) -> None:
        with override_settings(SECRET_KEY="former"):
            key = self.key_of(self.alice)
        self.assertEqual(self.names(key), {})
        with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["former"]):
            self.assertEqual(self.names(key), {key: "alice"})

    def test_a_cookie_that_can_be_no_key_of_ours_is_not_asked_for(self) -> None:
        name = settings.SESSION_COOKIE_NAME
        self.assertEqual(session_key_of(scope(f"a=b; {name}=abcd1234; c=d")), "abcd1234")
        for key in ("", "a\0bcdefgh", "äbcdefgh", "a" * 7, "a" * 41, '"a bcdefgh"'):
            with self.subTest(key=key):
                self.assertEqual(session_key_of(scope(f"{name}={key}")), "")
        for cookie in ("", "a=b"):
            self.assertEqual(session_key_of(scope(cookie)), "")
        self.assertEqual(session_key_of({"headers": []}), "")
