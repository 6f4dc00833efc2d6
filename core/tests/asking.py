"""Alice asks why she is not served: her browser, what it shows, and people of a tier."""

import html
import re
from typing import Any

from django.contrib.auth.models import Group
from django.test import Client, TestCase

from core.models import Event, User

from .cast import Cast, make_event, make_person
from .visits import BROWSER, visit

FIRST = "the next free place is held for the first in line."


def log_in(person: User | None) -> Client:
    """Return the browser of somebody who has just logged in, after their automatic holds were placed."""
    client = visit(person, headers=BROWSER)
    client.get("/readyz")
    return client


def seen(page: Any) -> str:
    """Return the text of a page as a person reads it: without markup, and without what is hidden."""
    body = page.content.decode().partition("<main")[2]
    shown = re.sub(r"<(\w+)[^>]*\shidden>.*?</\1>", "", body, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", shown)).split())


def make_tiered(**fields: Any) -> Event:
    """Store an event that serves members first, up to half of it."""
    return make_event(tier_shares={"members": 50}, **fields)


def make_member(name: str) -> User:
    """Store a person of that tier."""
    person = make_person(name)
    person.groups.add(Group.objects.get_or_create(name="members")[0])
    return person


class ReasonsTestCase(Cast, TestCase):
    """Alice asks, as one who logged in before anything else happened."""

    def setUp(self) -> None:
        self.viewer: User | None = self.alice
        self.client = log_in(self.viewer)

    def ask(self, event: Event) -> Any:
        return self.client.get(f"/api/my-place/{event.pk}/").json()

    def told(self, event: Event) -> tuple[str, str]:
        answer = self.ask(event)
        return answer["reason"], answer["detail"]
