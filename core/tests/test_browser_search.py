"""Searching the list in a real browser: by keys, on a phone, and with numbers that move in what was found."""

from django.test import tag
from playwright.sync_api import expect

from core import allocation

from .browser import BrowserTestCase
from .cast import make_event


@tag("face")
class SearchTests(BrowserTestCase):
    def test_what_was_found_moves_and_the_words_stay(self) -> None:
        event = make_event(name="Opera", capacity=3, auto_hold=False)
        make_event(name="Jazz", auto_hold=False)
        page = self.window()
        page.goto("/")
        page.get_by_role("searchbox", name="Event or venue").fill("oper")
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="Jazz")).to_have_count(0)
        expect(page.get_by_role("searchbox")).to_have_value("oper")
        card = page.locator(f'[data-event="{event.pk}"]')
        expect(card.locator('[data-number="available"]')).to_have_text("3")
        allocation.book(event_id=event.pk, user=self.alice)
        expect(card.locator('[data-number="available"]')).to_have_text("2")

    def test_on_a_phone_the_bar_is_small_and_nothing_is_wider_than_the_screen(self) -> None:
        page = self.window(viewport={"width": 320, "height": 640})
        page.goto("/?from=never")
        box = page.get_by_role("search").bounding_box()
        assert box is not None
        self.assertLessEqual(box["x"] + box["width"], 320)
        self.assertEqual(page.evaluate("document.documentElement.scrollWidth"), 320)
        expect(page.get_by_text("This is no date")).to_be_visible()
        page.goto("/")
        box = page.get_by_role("search").bounding_box()
        assert box is not None
        self.assertLessEqual(box["height"], 220)  # of 640
