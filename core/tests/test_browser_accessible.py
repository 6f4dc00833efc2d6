"""In every state that a sale can be in, the pages of people keep nobody out, and hold still while they load.

All pages as they are in the middle of a sale are opened by `test_browser_policy`.
"""

import re

from django.contrib.auth.models import Group
from django.test import tag
from playwright.sync_api import Page, ViewportSize, expect

from core.models import GATE_STAFF, Event, Ticket, TicketHold, User
from core.tests.barriers import barriers
from core.tests.browser import BrowserTestCase, look_away
from core.tests.cast import ago, appoint, book, give, join, lapse, later, make_event, offer, open_sale, release

PHONE: ViewportSize = {"width": 375, "height": 812}
DESK: ViewportSize = {"width": 1280, "height": 800}
SHIFTED = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => { sum += entry.value; }))
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(sum), 300);
})"""
# The entries on top, and those of them that are not wholly on the screen, or in a row that scrolls.
CUT = """() => {
  const links = [...document.querySelectorAll(".header .nav a")];
  const isCut = (link) => {
    const { left, right } = link.getBoundingClientRect();
    const row = link.closest("ul");
    return left < 0 || right > innerWidth || link.scrollWidth > link.clientWidth || row.scrollWidth > row.clientWidth;
  };
  return { entries: links.length, cut: links.filter(isCut).map(({ textContent }) => textContent) };
}"""
# What is pressed with a thumb and is lower than the 44 px of `--target`, its label included (of a box: beside it).
SMALL = """() => {
  const height = (element) => element.getBoundingClientRect().height;
  const isBox = (element) => element.matches("[type=checkbox], [type=radio]");
  const pressed = (element) => (isBox(element) ? [element, ...element.labels] : [element.closest("label") ?? element]);
  return [...document.querySelectorAll("button, .button, summary, select, .nav a, input:not([type=hidden])")]
    .filter((element) => element.checkVisibility())
    .map((element) => [element, Math.max(...pressed(element).map(height))])
    .filter(([, pixels]) => pixels < 43.5)
    .map(([element, pixels]) => `${element.outerHTML.slice(0, 90)} ${pixels}`);
}"""
# Text that is longer than the box around it: it is cut off, or lies on what is beside it.
STICKS = """() => [...document.querySelectorAll("main *, .header *, .footer *")]
  .filter((element) => element.checkVisibility() && !element.closest("svg, .visually-hidden"))
  .filter(({ childNodes }) => [...childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()))
  .filter((element) => !["inline", "contents"].includes(getComputedStyle(element).display))
  .filter((element) => !["auto", "scroll"].includes(getComputedStyle(element).overflowX))
  .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1)
  .map(({ outerHTML }) => outerHTML.slice(0, 90))"""
WATCH = """() => {
  window.shifted = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => { window.shifted += entry.value; }))
    .observe({ type: "layout-shift" });
}"""
STILL = 0.01  # of the cumulative layout shift,
GOOD = 0.1  # which is called good up to this (web.dev/cls): a place that is drawn takes its room


@tag("face")
class StatesTests(BrowserTestCase):
    maxDiff = None

    def states(self) -> dict[str, Event]:
        """Make an event in each state that alice can find it in."""
        plain = {"capacity": 5, "auto_hold": False}
        made = {
            "not open yet": make_event(sales_open_at=later(days=1)),
            "to be drawn": make_event(sales_open_at=later(hours=1), line_policy="randomised_open"),
            "places free": make_event(**plain),
            "held": make_event(**plain),
            "waiting": make_event(capacity=1, auto_hold=False),
            "booked": make_event(**plain),
            "offered to somebody": make_event(**plain),
            "given away": make_event(**plain),
            "sold out": make_event(capacity=1, auto_hold=False),
            "paused": make_event(**plain, paused_at=ago(minutes=1)),
            "cancelled": make_event(**plain, status="cancelled"),
            "over": make_event(**plain),
        }
        join(made["held"], self.alice)
        join(made["waiting"], self.bob)
        join(made["waiting"], self.alice)
        offer(book(made["offered to somebody"], self.alice), self.bob)
        give(book(made["given away"], self.alice), self.bob)
        book(made["sold out"], self.bob)
        for state in ("booked", "over"):
            book(made[state], self.alice)
        Event.objects.filter(pk=made["over"].pk).update(starts_at=ago(hours=5))
        return made

    def look(self, page: Page, path: str, *, is_live: bool = True) -> None:
        """Open a page, and find no barrier, nothing that moved, and nothing wider than the screen."""
        answer = page.goto(path)
        assert answer is not None
        self.assertTrue(answer.ok, path)
        if is_live:
            expect(page.locator("[data-live-status]").first).to_contain_text(re.compile("Live|مباشر"))  # all has come
        self.assertLess(page.evaluate(SHIFTED), STILL)
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), page.viewport_size["width"])  # type: ignore[index]
        self.assertEqual(barriers(page), [])
        self.assertEqual(page.evaluate(SMALL), [])

    def test_no_state_of_an_event_keeps_anybody_out_or_moves_while_it_loads(self) -> None:
        states = self.states()
        for language in ("en", "ar"):
            for size in (PHONE, DESK):
                page = self.window(viewport=size)
                self.log_in(page, self.alice)
                page.context.set_extra_http_headers({"Accept-Language": language})
                with self.subTest("all of them", language=language, size=size):
                    self.look(page, "/dashboard/")
                    self.look(page, "/")
                for state, event in states.items():
                    with self.subTest(state, language=language, size=size):
                        self.look(page, event.get_absolute_url())

    def test_long_words_and_letters_of_twice_the_size_fit_the_smallest_phones(self) -> None:
        states = self.states()
        page = self.window(viewport=PHONE)
        self.log_in(page, self.alice)
        paths = [
            "/",
            "/dashboard/",
            *(event.get_absolute_url() for event in states.values()),
            Ticket.objects.get(event=states["booked"]).page_url,
        ]
        for language, width, letters in (
            *((language, 320, "100%") for language in ("de", "es")),
            *((language, 375, "200%") for language in ("en", "de", "es", "ar")),
        ):
            page.context.set_extra_http_headers({"Accept-Language": language})
            page.set_viewport_size({"width": width, "height": 812})
            for path in paths:
                with self.subTest(path, language=language, letters=letters):
                    answer = page.goto(path)
                    self.assertTrue(answer and answer.ok)
                    expect(page.locator("[data-live-status][data-state=live]")).to_be_visible()
                    page.evaluate("(size) => { document.documentElement.style.fontSize = size; }", letters)
                    self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), width)
                    self.assertEqual(page.evaluate(STICKS), [])

    def test_no_moment_does_either(self) -> None:
        """What comes and goes: the turn, its banner, the last two minutes, what was not found, nothing at all."""
        appoint(self.alice)
        page = self.window(viewport=PHONE)
        self.log_in(page, self.alice)
        for path in ("/", "/?q=nothing", "/calendar/", "/dashboard/", "/organize/"):
            with self.subTest(path):
                self.look(page, path, is_live=path != "/calendar/")
        event = make_event(name="Concert", capacity=1)
        join(event, self.bob)
        join(event, self.alice)
        self.look(page, "/dashboard/")
        look_away(page)
        release(event, self.bob)
        expect(page.locator("[data-turns] > *")).to_be_visible()
        page.evaluate("Promise.all(document.getAnimations().map(({ finished }) => finished))")
        self.assertEqual(barriers(page), [])
        page.set_viewport_size(PHONE)
        page.locator("[data-mine=held] .button").first.scroll_into_view_if_needed()
        expect(page.locator(".is-turn").first).to_be_visible()
        self.assertEqual(barriers(page), [])
        TicketHold.objects.filter(user=self.alice).update(expires_at=later(seconds=100))
        page.reload()
        expect(page.locator("[data-countdown][data-urgent]").first).to_be_visible()
        self.assertEqual(barriers(page), [])

    def test_what_others_do_moves_no_number_and_hardly_a_page(self) -> None:
        page = self.window(viewport=PHONE)
        self.log_in(page, self.alice)
        for is_list in (True, False):
            full, other = make_event(capacity=1, auto_hold=False), make_event(capacity=5, auto_hold=False)
            soon = make_event(capacity=5, sales_open_at=later(hours=1))
            join(full, self.bob)
            join(full, self.alice)
            for name, event, happens, most in (
                ("somebody books", other, lambda event=other: book(event, self.bob), STILL),
                ("it is one's turn", full, lambda event=full: release(event, self.bob), GOOD),
                ("the hold lapses", full, lambda event=full: lapse(TicketHold.objects.filter(event=event)), GOOD),
                ("the sale opens", soon, lambda event=soon: open_sale(event), GOOD),
            ):
                with self.subTest(name, is_list=is_list):
                    page.goto("/dashboard/" if is_list else event.get_absolute_url())
                    expect(page.locator("[data-live-status]").first).to_contain_text("Live")
                    page.wait_for_timeout(300)
                    page.evaluate(WATCH)
                    before = page.locator("main").inner_text()
                    happens()
                    self.wait_for(page, "(before) => document.querySelector('main').innerText !== before", before)
                    page.wait_for_timeout(1500)
                    self.assertLess(page.evaluate("window.shifted"), most)

    def test_no_component_in_any_of_its_states_does_either(self) -> None:
        for size in (PHONE, DESK):
            with self.subTest(size=size):
                page = self.window(viewport=size)
                page.goto("/styleguide/")
                self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), size["width"])
                self.assertEqual(barriers(page), [])

    def test_every_entry_on_top_is_whole_on_the_smallest_phones(self) -> None:
        appoint(self.olga)
        self.olga.groups.add(Group.objects.get(name=GATE_STAFF))
        User.objects.filter(pk=self.olga.pk).update(is_staff=True, is_superuser=True)
        page = self.window(viewport=PHONE)
        self.log_in(page, self.olga)
        for language in ("en", "de", "es", "ar"):
            for width in (320, 375):
                with self.subTest(language=language, width=width):
                    page.context.set_extra_http_headers({"Accept-Language": language})
                    page.set_viewport_size({"width": width, "height": 812})
                    page.goto("/organize/")  # the current entry is one of the last
                    self.assertEqual(page.evaluate(CUT), {"entries": 8, "cut": []})
