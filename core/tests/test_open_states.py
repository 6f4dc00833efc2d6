"""What is said of an event on sale: a page has the words of all its states, so that its numbers choose among them."""

import re

from django.test import TestCase

from core import steering

from .cast import Cast, book, join, make_event, make_person
from .visits import BROWSER, visit


def shown_of(html: str) -> list[tuple[str, str]]:
    """Return `(when, words)` of what the page shows of the parts that its numbers choose."""
    parts = re.findall(r'data-when="([^"]+)"\s*(hidden)?>([^<]*)<', html)
    return [(when, words.strip()) for when, hidden, words in parts if not hidden and words.strip()]


class OpenStateTests(Cast, TestCase):
    def setUp(self) -> None:
        self.event = make_event(capacity=1)

    def shown(self) -> list[tuple[str, str]]:
        page = visit(headers=BROWSER).get(f"/events/{self.event.pk}/").content.decode()
        return [(when, words) for when, words in shown_of(page) if "." not in words]

    def test_whoever_is_not_logged_in_is_offered_what_there_is_and_the_page_has_the_other_words_too(self) -> None:
        held, line = "Log in to be held a ticket", "Log in to join the line"
        self.assertEqual(self.shown(), [("available", "Available"), ("available", held)])
        join(self.event, self.alice)
        self.assertEqual(self.shown(), [("all_held", "All held"), ("line sold_out", line)])
        page = visit(headers=BROWSER).get(f"/events/{self.event.pk}/")
        for words in (held, line):
            self.assertContains(page, f">{words}<", count=1)

    def test_who_logs_in_from_a_list_comes_to_the_event(self) -> None:
        page = visit(headers=BROWSER).get("/")
        self.assertContains(page, f'href="/accounts/login/?next=/events/{self.event.pk}/"', count=1)

    def test_while_people_wait_for_a_sale_without_a_free_place_it_says_both(self) -> None:
        for person in (self.alice, make_person("zoe")):
            join(self.event, person)
        said = [("all_held", "All held"), ("line", "People waiting"), ("line sold_out", "Log in to join the line")]
        self.assertEqual(self.shown(), said)
        page = visit(headers=BROWSER).get(f"/events/{self.event.pk}/").content.decode()
        sentence = "All places are booked or held right now: some may come back."
        self.assertIn(("all_held", sentence), shown_of(page))

    def test_it_is_sold_out_only_where_every_place_is_booked(self) -> None:
        steering.revise_event(event_id=self.event.pk, values={"capacity": 2})
        book(self.event, self.alice)
        join(self.event, self.bob)
        pages = ("/", f"/events/{self.event.pk}/", f"/embed/{self.event.pk}/")
        for badge in ("All held", "Sold out"):
            for page in pages:
                html = visit(headers=BROWSER).get(page).content.decode()
                said = [words for when, words in shown_of(html) if when.startswith("all_") and "." not in words]
                self.assertEqual(said, [badge], page)
            book(self.event, self.bob)
