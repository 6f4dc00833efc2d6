"""One's turn on the page itself: the banner that books, the card that lights up, and the hold that lapsed."""

import re

from playwright.sync_api import Page, ViewportSize, expect

from core.models import Event, TicketHold

from .attention import AttentionTestCase, end_soon
from .browser import look_away
from .cast import book, join, make_event, statuses

PHONE: ViewportSize = {"width": 375, "height": 812}
BANNER = "[data-turns] > *"


class TurnTests(AttentionTestCase):
    def one_who_holds_and_one_who_waits(self) -> tuple[Page, Page]:
        """Return the dashboards of alice, who holds the only place of an event, and of bob, who is next in line."""
        make_event(name="Concert", capacity=1)
        alices, bobs = self.person(self.alice), self.person(self.bob)
        bobs.get_by_role("button", name="Join the line").first.click()
        expect(bobs.locator("[data-region=mine]")).to_contain_text("You are next")
        return alices, bobs

    def test_a_banner_tells_whoever_looks_at_another_part_of_the_page_and_books(self) -> None:
        event = make_event(name="Concert", capacity=1)
        alices, bobs, elsewhere = self.person(self.alice), self.person(self.bob), self.person(self.bob)
        bobs.get_by_role("button", name="Join the line").first.click()
        for page in (bobs, elsewhere):
            expect(page.locator("[data-region=mine]")).to_contain_text("You are next")
            look_away(page)
        expect(bobs.locator(BANNER)).to_have_count(0)
        alices.get_by_role("button", name="Release this hold").first.click()
        for page in (bobs, elsewhere):
            expect(page.locator(BANNER)).to_have_count(1)  # of two messages one
            expect(page.locator(BANNER).get_by_role("button", name="Book my ticket for Concert")).to_be_in_viewport()
            expect(page.locator(BANNER).get_by_role("timer")).to_have_text(re.compile(r"^0?9:\d\d$"))
            expect(page.get_by_role("link", name="Your turn – Concert")).to_have_attribute(
                "href", re.compile(f"{event.get_absolute_url()}$")
            )
        elsewhere.get_by_role("button", name="Close").click()
        expect(elsewhere.locator(BANNER)).to_have_count(0)
        bobs.locator(BANNER).get_by_role("button", name="Book my ticket").click()
        bobs.wait_for_url("**/ticket/**")
        self.assertEqual(statuses(event)[-1], ("bob", "booked"))

    def test_it_goes_with_the_hold(self) -> None:
        make_event(name="Concert", capacity=1)
        alices, bobs, elsewhere = self.person(self.alice), self.person(self.bob), self.person(self.bob)
        bobs.get_by_role("button", name="Join the line").first.click()
        expect(elsewhere.locator("[data-region=mine]")).to_contain_text("You are next")
        look_away(elsewhere)
        alices.get_by_role("button", name="Release this hold").first.click()
        expect(elsewhere.locator(BANNER)).to_have_count(1)
        bobs.get_by_role("button", name="Release this hold").first.click()
        expect(elsewhere.locator(BANNER)).to_have_count(0)

    def test_it_does_not_lie_over_the_button_that_it_speaks_of(self) -> None:
        alices, bobs = self.one_who_holds_and_one_who_waits()
        look_away(bobs)
        alices.get_by_role("button", name="Release this hold").first.click()
        expect(bobs.locator(BANNER)).to_have_count(1)
        bobs.set_viewport_size(PHONE)
        bobs.locator("[data-mine=held]").get_by_role("button", name="Book my ticket").scroll_into_view_if_needed()
        expect(bobs.locator(BANNER)).to_have_count(0)
        expect(bobs.locator("[data-mine=held] .is-turn")).to_have_count(1)

    def test_of_a_turn_that_is_in_sight_the_card_alone_tells(self) -> None:
        alices, bobs = self.one_who_holds_and_one_who_waits()
        alices.get_by_role("button", name="Release this hold").first.click()
        expect(bobs.locator(".is-turn").first).to_contain_text("Concert")
        expect(bobs.locator(BANNER)).to_have_count(0)

    def test_the_focus_does_not_get_lost_with_it(self) -> None:
        alices, bobs = self.one_who_holds_and_one_who_waits()
        look_away(bobs)
        alices.get_by_role("button", name="Release this hold").first.click()
        book = bobs.locator(BANNER).get_by_role("button", name="Book my ticket")
        expect(book).to_be_enabled()  # it comes where a thumb may be, and rests for a second
        book.focus()
        bobs.set_viewport_size(PHONE)
        bobs.locator("[data-mine=held]").get_by_role("button", name="Book my ticket").scroll_into_view_if_needed()
        expect(bobs.locator(BANNER)).to_have_count(0)
        expect(bobs.locator("#main")).to_be_focused()

    def test_the_card_stays_lit_when_the_page_is_fetched_anew_and_goes_out_with_the_hold(self) -> None:
        alices, bobs = self.one_who_holds_and_one_who_waits()
        alices.get_by_role("button", name="Release this hold").first.click()
        expect(bobs.locator("[data-mine=held] .is-turn")).to_have_count(1)
        with bobs.expect_response("**/dashboard/"):
            bobs.evaluate("import('/static/core/js/regions.js').then(({ refreshSoon }) => refreshSoon(0))")
            bobs.clock.fast_forward(1_000)
        expect(bobs.locator("[data-mine=held] .is-turn")).to_have_count(1)
        bobs.get_by_role("button", name="Release this hold").first.click()
        expect(bobs.locator(".is-turn")).to_have_count(0)

    def test_a_press_on_it_is_not_lost_with_it(self) -> None:
        alices, bobs = self.one_who_holds_and_one_who_waits()
        look_away(bobs)
        alices.get_by_role("button", name="Release this hold").first.click()
        expect(bobs.locator(BANNER)).to_have_count(1)
        bobs.evaluate("WebSocket.prototype.send = () => {}")  # what is said gets lost
        bobs.locator(BANNER).get_by_role("button", name="Book my ticket").click()
        bobs.set_viewport_size(PHONE)
        bobs.locator("[data-mine=held]").get_by_role("button", name="Book my ticket").scroll_into_view_if_needed()
        expect(bobs.locator(BANNER)).to_have_count(0)
        bobs.clock.fast_forward(4_000)
        bobs.wait_for_url("**/ticket/**")
        self.assertEqual(statuses(Event.objects.get())[-1], ("bob", "booked"))

    def test_holds_that_lapse_together_are_told_in_one_sentence_until_there_is_another_place(self) -> None:
        events = [make_event(name=name, capacity=1) for name in ("Concert", "Opera")]
        page = self.person(self.alice)
        for event in events:
            end_soon(event, seconds=2)
        page.reload()
        expect(page.locator("[data-lapses]")).to_contain_text("Opera: Your hold lapsed on")
        expect(page.locator("[data-announcer]")).to_have_text(
            "Your hold for Concert and Opera lapsed, before it was booked."
        )
        for event in events:
            book(event, self.bob)
        for event, left in zip(events, (1, 0), strict=True):
            page.get_by_role("button", name=f"Join the line for {event.name}").first.click()
            expect(page.locator("[data-mine=waiting]")).to_contain_text(event.name)
            expect(page.locator("[data-lapsed]")).to_have_count(left)
        expect(page.locator("[data-lapses]")).to_be_hidden()

    def test_several_turns_are_told_in_one_banner(self) -> None:
        for name in ("Concert", "Opera"):
            make_event(name=name, capacity=1)
        alices, bobs = self.person(self.alice), self.person(self.bob)
        for name in ("Concert", "Opera"):
            bobs.get_by_role("button", name=f"Join the line for {name}").first.click()
            expect(bobs.locator("[data-mine=waiting]")).to_contain_text(name)
        look_away(bobs)
        for name in ("Concert", "Opera"):
            alices.get_by_role("button", name=f"Release this hold for {name}").first.click()
            expect(bobs.locator(BANNER)).to_contain_text(name)
        expect(bobs.locator(BANNER)).to_have_count(1)
        expect(bobs.locator(BANNER)).to_contain_text("Your turn – Concert and Opera")
        expect(bobs.locator(BANNER).get_by_role("button", name="Book my ticket")).to_have_count(0)
        bobs.get_by_role("link", name="See what is held for you").click()
        first = bobs.locator("[data-mine=held]").get_by_role("link", name="Concert")
        expect(first).to_be_in_viewport()
        expect(first).to_be_focused()
        expect(bobs.locator("[data-mine=held] .is-turn")).to_have_count(2)
        expect(bobs.locator(BANNER)).to_have_count(0)

    def test_the_banner_tells_the_end_of_the_hold_as_pages_do_in_the_zone_of_the_event(self) -> None:
        event = make_event(name="Concert", capacity=1, time_zone="America/New_York")
        alices = self.person(self.alice)
        bobs = self.window(timezone_id="Asia/Tokyo")
        self.stage(bobs)
        self.log_in(bobs, self.bob)
        bobs.get_by_role("button", name="Join the line").first.click()
        expect(bobs.locator("[data-region=mine]")).to_contain_text("You are next")
        look_away(bobs)
        alices.get_by_role("button", name="Release this hold").first.click()

        expect(bobs.locator(BANNER)).to_have_count(1)
        until = event.local(TicketHold.objects.get(status="held").expires_at).rpartition(", ")[2]
        self.assertRegex(until, r"^\d\d:\d\d E[SD]T$")
        expect(bobs.locator("[data-turn-body]")).to_contain_text(f"held for you until {until}.")
        bobs.goto(event.get_absolute_url())
        expect(bobs.locator(".sentence")).to_contain_text(f", {until}.")

    def test_a_hold_that_nobody_waited_for_is_no_turn(self) -> None:
        event = make_event(name="Concert", capacity=1, auto_hold=False)
        page = self.person(self.alice)
        expect(page.get_by_role("button", name="Book my ticket").first).to_be_visible()
        join(event, self.alice)  # as by a press in another window
        expect(page.get_by_role("button", name="Release this hold").first).to_be_visible()
        expect(page.locator(BANNER)).to_have_count(0)
