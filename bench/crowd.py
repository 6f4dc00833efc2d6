"""People who are logged in, by the thousand: their rows as a login would leave them, without its hash of 38 ms."""

import datetime as dt
import secrets
import string
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session

from bench.visits import Ask, Visit, ask
from core.models import User, UserSession
from core.now import now

PASSWORD = "correct horse battery"
LETTERS = string.ascii_lowercase + string.digits
BATCH = 1000
JOIN, BOOK = "/join/{}/", "/book/{}/"


@dataclass(frozen=True)
class Person:
    """Somebody with a browser: who, and the session that its cookie names."""

    pk: int
    name: str
    session: str

    def does(self, *steps: tuple[str, str]) -> Visit:
        """Return a visit of writes, each `(kind, path)`."""
        return Visit(self.pk, tuple(ask(kind, path, self.session, post=True) for kind, path in steps))

    def sees(self, kind: str, path: str) -> Visit:
        """Return a visit of one page."""
        return Visit(self.pk, (ask(kind, path, self.session),))

    def joins(self, event: int, *then: tuple[str, str]) -> Visit:
        """Return a visit that joins a line, and goes on if a place is held."""
        return self.does(("join", JOIN.format(event)), *then)

    def books(self, event: int) -> Visit:
        """Return a visit that books."""
        return self.does(("book", BOOK.format(event)))

    def logs_in(self, *then: Ask) -> Visit:
        """Return a visit that logs in by password, from the start, and goes on with that session."""
        form = f"login={self.name}&password={PASSWORD.replace(' ', '+')}"
        return Visit(self.pk, (ask("log in", "/accounts/login/", post=True, form=form), *then))


def strangers(count: int, *, with_password: bool = False) -> list[Person]:
    """Store people who are not logged in; one hash serves all of them, and costs each login the same."""
    word, prefix = make_password(PASSWORD) if with_password else "!", secrets.token_hex(3)
    people = [User(username=f"{prefix}{n}", email=f"{prefix}{n}@example.org", password=word) for n in range(count)]
    return [Person(user.pk, user.username, "") for user in User.objects.bulk_create(people, batch_size=BATCH)]


def logged_in(count: int, *, minutes_ago: float = 0) -> list[Person]:
    """Store people who logged in one after the other, half a second apart, and were seen so many minutes ago last."""
    people, moment = strangers(count), now()
    keys = ["".join(secrets.choice(LETTERS) for _ in range(32)) for _ in people]
    store, users = SessionStore(), User.objects.in_bulk([person.pk for person in people])
    end, seen = moment + dt.timedelta(days=1), moment - dt.timedelta(minutes=minutes_ago)
    Session.objects.bulk_create(
        [
            Session(session_key=key, session_data=store.encode(_content(users[person.pk])), expire_date=end)
            for key, person in zip(keys, people, strict=True)
        ],
        batch_size=BATCH,
    )
    logins = [
        UserSession(
            user_id=person.pk,
            session_key=key,
            login_timestamp=seen - dt.timedelta(seconds=(count - n) / 2),
            last_seen_at=seen,
        )
        for n, (key, person) in enumerate(zip(keys, people, strict=True))
    ]
    UserSession.objects.bulk_create(logins, batch_size=BATCH)
    return [Person(person.pk, person.name, key) for key, person in zip(keys, people, strict=True)]


def _content(user: User) -> dict[str, str]:
    return {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
