"""Numbers that change under people's eyes: seen to have changed, never counted through, grouped; and nothing moves."""

from django.conf import settings
from django.test import tag
from playwright.sync_api import Page, expect

from core.models import Event

from .browser import BrowserTestCase
from .cast import book, make_event
from .test_grouped_numbers import SAMPLES, by_server

# Notes what each number was when it began to pulse, every text that it ever had, and whatever shifted.
STAGE = """
window.pulses = [];
window.shifts = [];
const animate = Element.prototype.animate;
Element.prototype.animate = function (...how) {
  if (this.dataset.number) window.pulses.push(`${this.dataset.number} ${this.textContent.trim()}`);
  return animate.apply(this, how);
};
new PerformanceObserver((list) => {
  for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) window.shifts.push(value);
}).observe({ type: "layout-shift", buffered: true });
"""
TEXTS = """(element) => {
  window.texts = [element.textContent.trim()];
  new MutationObserver(() => window.texts.push(element.textContent.trim()))
    .observe(element, { childList: true, characterData: true, subtree: true });
}"""
GROUPED = """(numbers) => import("/static/core/js/words.js").then(({ grouped }) => numbers.map(grouped))"""


@tag("face")
class NumbersTests(BrowserTestCase):
    def watch(self, event: Event, *, calm: bool = False) -> Page:
        page = self.window(reduced_motion="reduce" if calm else "no-preference")
        page.add_init_script(STAGE)
        page.goto(event.get_absolute_url())
        expect(page.locator("[data-live-status]")).to_contain_text("Live")
        page.evaluate("window.shifts.length = 0")
        page.locator("[data-number=available]").evaluate(TEXTS)
        return page

    def test_a_number_that_changed_pulses_and_shows_no_number_that_never_was(self) -> None:
        event = make_event(capacity=9, auto_hold=False)
        page, calm = self.watch(event), self.watch(event, calm=True)
        for person in (self.alice, self.bob):
            book(event, person)
        for window in (page, calm):
            expect(window.locator("[data-number=available]")).to_have_text("7")
            expect(window.locator("[data-number=booked]")).to_have_text("2")
            texts = window.evaluate("window.texts")
            self.assertEqual((texts[0], texts[-1], set(texts) - {"9", "8", "7"}), ("9", "7", set()))
        pulses = page.evaluate("window.pulses")
        self.assertLessEqual({"available 7", "booked 2"}, set(pulses))
        self.assertEqual({told.split()[0] for told in pulses}, {"available", "booked"})  # not those that stayed
        self.assertEqual(calm.evaluate("window.pulses"), [])
        self.assertLess(sum(page.evaluate("window.shifts")), 0.001)

    def test_rings_and_bars_move_to_what_is_new_and_stand_still_for_whoever_asks_for_calm(self) -> None:
        event = make_event(capacity=4, auto_hold=False)
        moves = "(element) => getComputedStyle(element).transitionProperty"
        for calm, moving in ((False, "stroke-dasharray"), (True, "none")):
            page = self.watch(event, calm=calm)
            ring = page.locator("[data-ring]")
            with self.subTest(calm=calm):
                self.assertEqual(ring.evaluate(moves), moving)
        book(event, self.alice)
        expect(ring).to_have_attribute("stroke-dasharray", "25 100")


@tag("face")
class GroupedTests(BrowserTestCase):
    def test_scripts_write_them_as_the_server_does_in_every_language(self) -> None:
        event = make_event(capacity=12_000, auto_hold=False)
        page = self.window()
        for language, _name in settings.LANGUAGES:
            page.set_extra_http_headers({"Accept-Language": language})
            page.goto(event.get_absolute_url())
            with self.subTest(language=language):
                self.assertEqual(page.locator("html").get_attribute("lang"), language)
                self.assertEqual(page.evaluate(GROUPED, list(SAMPLES)), by_server(language))

    def test_a_number_that_changes_stays_grouped(self) -> None:
        event = make_event(capacity=12_000, auto_hold=False)
        page = self.window()
        page.goto(event.get_absolute_url())
        expect(page.locator("[data-live-status]")).to_contain_text("Live")
        expect(page.locator("[data-number=available]")).to_have_text("12,000")
        book(event, self.alice)
        expect(page.locator("[data-number=available]")).to_have_text("11,999")
        expect(page.locator("[data-number=capacity]")).to_have_text("12,000")
