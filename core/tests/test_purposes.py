"""Whoever is asked again who they are reads what for: what they had asked for, not what an address says."""

from typing import Any

from django.contrib.sessions.models import Session
from django.test import TestCase
from django.urls import get_resolver

from core.trust.purposes import PURPOSES

from .cast import Cast, make_event, make_person
from .visits import BROWSER, target_of, visit

AGAIN = "/accounts/reauthenticate/"
NOTHING = "<p>You asked"
PASSWORD = "first-password-1"


class PurposeTests(Cast, TestCase):
    def setUp(self) -> None:
        self.root = make_person("root", is_staff=True, is_superuser=True, password=PASSWORD)
        self.event = make_event(name="<b>Opera</b> %s", created_by=self.root, auto_hold=False)
        self.client = visit(self.root, headers=BROWSER)

    def test_each_page_that_asks_is_named_in_a_sentence_of_ours(self) -> None:
        event, exports = f"/events/{self.event.pk}/", f"/organize/{self.event.pk}/exports/"
        name = "“&lt;b&gt;Opera&lt;/b&gt; %s”"
        for address, typed, words in (
            (f"{event}attendees.csv", None, f"You asked to download the attendees of {name}."),
            (f"{exports}line.csv", None, f"You asked to download a list of {name}."),
            (f"{exports}tickets.xlsx", None, f"You asked to download a list of {name}."),
            (f"{event}gate/staff/", {"person": "greta"}, f"You asked to change who can scan the tickets of {name}."),
            ("/account/privacy/data.json", None, "You asked to download what is stored about you."),
            ("/account/privacy/erase/", {"username": "root"}, "You asked to erase your account."),
            ("/accounts/2fa/totp/activate/", None, "You asked for your second factor"),
            ("/admin/auth/group/add/", {"name": "x"}, "You asked for something in the administration."),
        ):
            with self.subTest(address=address):
                asked = self.client.get(address) if typed is None else self.client.post(address, typed)
                to = target_of(asked)
                self.assertTrue(to.startswith(f"{AGAIN}?next="), to)
                self.assertContains(self.client.get(to), words)
                wrong = {"password": "wrong", "next": self.next_of(to)}
                self.assertContains(self.client.post(AGAIN, wrong), words)

    def next_of(self, to: str) -> str:
        found: Any = self.client.get(to).context["redirect_field_value"]
        return str(found)

    def test_an_address_that_somebody_else_made_puts_no_words_on_the_page(self) -> None:
        self.bob.set_password(PASSWORD)
        self.bob.save()
        bobs = visit(self.bob, headers=BROWSER)
        draft = make_event(name="Secret", status="draft", created_by=self.root)
        forged = f"{AGAIN}?next=/events/{draft.pk}/attendees.csv"
        for to in (f"{AGAIN}?next=/account/privacy/erase/", forged, AGAIN, f"{AGAIN}?next=You%20asked"):
            self.assertNotContains(bobs.get(to), NOTHING)
        self.assertNotContains(bobs.get(forged), "Secret")
        to = target_of(bobs.get("/account/privacy/data.json"))
        self.assertContains(bobs.get(to), "what is stored about you")
        self.assertNotContains(bobs.get(forged), NOTHING)  # not what is asked for there

    def test_of_an_event_that_is_gone_nothing_is_said(self) -> None:
        draft = make_event(status="draft", created_by=self.root)
        to = target_of(self.client.get(f"/events/{draft.pk}/attendees.csv"))
        draft.delete()
        self.assertNotContains(self.client.get(to), NOTHING)

    def test_a_stranger_gets_no_session_of_it(self) -> None:
        Session.objects.all().delete()
        visit(None, headers=BROWSER).get("/accounts/2fa/totp/activate/")
        self.assertEqual(Session.objects.count(), 0)

    def test_every_purpose_is_of_a_page_that_there_is(self) -> None:
        names = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
        self.assertEqual(PURPOSES.keys() - names, set())
