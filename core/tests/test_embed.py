"""An event's numbers in a frame on another site: that page alone may be framed, and it knows nobody."""

import html
import re
from typing import Any

from django.test import TestCase, override_settings

from core import allocation, shared_answers
from core.models import Event

from .cast import Cast, ago, join, make_event
from .test_headers import POLICY, directives_of
from .visits import BROWSER, visit


class EmbedTests(Cast, TestCase):
    def setUp(self) -> None:
        self.event = make_event(name="Opera <b>", capacity=3, auto_hold=False)
        self.path = f"/embed/{self.event.pk}/"

    def get(self, path: str = "", person: Any = None) -> Any:
        return visit(person, headers=BROWSER).get(path or self.path)

    def test_it_alone_may_be_framed(self) -> None:
        ticket = allocation.book(event_id=self.event.pk, user=self.alice)
        headers = self.get().headers
        self.assertEqual(directives_of(headers["Content-Security-Policy"]), POLICY | {"frame-ancestors": "*"})
        self.assertNotIn("X-Frame-Options", headers)
        self.assertEqual(headers["Cross-Origin-Resource-Policy"], "cross-origin")
        others = (
            "/", f"/events/{self.event.pk}/", "/dashboard/", f"/ticket/{ticket.code}/", "/accounts/login/", "/embed/",
            f"/organize/{self.event.pk}/", "/embed/999999/", f"/events/{self.event.pk}/calendar.ics",
        )  # fmt: skip
        for path in others:
            for person in (None, self.alice, self.olga):
                with self.subTest(path=path, person=person):
                    headers = self.get(path, person).headers
                    self.assertEqual(headers["X-Frame-Options"], "DENY")
                    self.assertEqual(directives_of(headers["Content-Security-Policy"])["frame-ancestors"], "'none'")

    def test_a_shared_answer_may_be_framed_as_well(self) -> None:
        self.addCleanup(shared_answers.forget)
        with override_settings(SHARED_SECONDS=60):
            answers = [self.get() for _ in range(2)]
        self.assertEqual(len(shared_answers._answers), 1)
        for response in answers:
            self.assertNotIn("X-Frame-Options", response.headers)
            policy = directives_of(response.headers["Content-Security-Policy"])
            self.assertEqual(policy["frame-ancestors"], "*")

    def test_it_is_the_same_for_everybody_and_sets_no_cookie(self) -> None:
        join(self.event, self.alice)
        answers = [self.get(person=person) for person in (None, self.alice, self.olga)]
        self.assertEqual({response.content for response in answers}, {answers[0].content})
        self.assertEqual([dict(response.cookies) for response in answers], [{}, {}, {}])
        for own in ("alice", "csrf", "/release-hold/", "Log out", "<form"):
            self.assertNotContains(answers[1], own)

    def test_it_has_the_numbers_that_its_socket_moves_and_one_link_that_opens_a_new_window(self) -> None:
        join(self.event, self.alice)
        page = self.get().content.decode()
        self.assertIn('data-live="events"', page)
        self.assertIn(f'data-event="{self.event.pk}"', page)
        self.assertRegex(page, r'<strong data-number="available">2</strong> of <span data-number="capacity">3</span>')
        self.assertIn("Opera &lt;b&gt;", page)
        links = re.findall(r"<a [^>]+>", page)
        self.assertEqual(len(links), 1)
        for part in (f'/events/{self.event.pk}/"', 'target="_blank"', 'rel="noopener"'):
            self.assertIn(part, links[0])
        self.assertEqual(re.findall(r'data-region="(\w+)"', page), ["badge"])  # what alone is asked for again

    def test_it_says_that_an_event_is_cancelled_or_over_and_shows_no_draft(self) -> None:
        Event.objects.update(status="cancelled")
        self.assertContains(self.get(), "Cancelled")
        Event.objects.update(status="published", starts_at=ago(hours=1))
        self.assertContains(self.get(), "Already started")
        Event.objects.update(status="draft")
        self.assertEqual([self.get(person=person).status_code for person in (None, self.olga)], [404, 404])

    @override_settings(SITE_URL="https://tickets.example/", SITE_URL_IS_KNOWN=True)
    def test_organizers_copy_its_markup(self) -> None:
        page = self.get(f"/organize/{self.event.pk}/", self.olga).content.decode()
        found = re.search(r'id="embed-code">(.*?)</code>', page, re.DOTALL)
        assert found is not None
        markup = html.unescape(found[1])
        source = f'<iframe src="https://tickets.example{self.path}" title="Opera &lt;b&gt;" '
        self.assertEqual(markup, f'{source}width="360" height="280" loading="lazy"></iframe>')
        self.assertIn('data-copy="embed-code"', page)

    def test_a_draft_has_no_markup_to_copy(self) -> None:
        Event.objects.update(status="draft")
        self.assertNotContains(self.get(f"/organize/{self.event.pk}/", self.olga), "embed-code")
