"""People in real browsers: what they see, and that it moves by itself."""

import re

from playwright.sync_api import expect

from core.models import Ticket, TicketHold

from .browser import BrowserTestCase
from .cast import book, join, later, make_event, open_sale, statuses

PHONE = {"width": 375, "height": 812}


class JourneyTests(BrowserTestCase):
    takes_away = True

    def test_one_person_books_and_the_other_sees_it_without_reload(self) -> None:
        event = make_event(name="Winter Concert", capacity=3)
        alices, bobs = self.window(), self.window(viewport=PHONE)
        self.fill_in_login(alices, self.alice)
        self.fill_in_login(bobs, self.bob)

        for page in (alices, bobs):
            expect(page.locator("[data-live-status]").first).to_contain_text("Live")
            countdown = page.locator("[data-countdown]").first
            expect(countdown).to_contain_text("9:")
            before = countdown.inner_text()
            expect(countdown).not_to_have_text(before)
        row = bobs.locator(f"[data-region=all] [data-event='{event.pk}']")
        expect(row.locator("[data-number=booked]")).to_have_text("0")
        bobs.evaluate("window.sameDocument = true")
        self.picture(bobs, "dashboard-phone")

        alices.get_by_role("button", name="Book my ticket").first.click()
        alices.wait_for_url("**/ticket/**")
        expect(row.locator("[data-number=booked]")).to_have_text("1")
        self.assertTrue(bobs.evaluate("window.sameDocument"))
        expect(alices.get_by_role("img", name="QR")).to_be_visible()
        self.picture(alices, "ticket")
        self.assertEqual(list(Ticket.objects.values_list("user__username", "event")), [("alice", event.pk)])

    def test_a_name_without_a_space_widens_no_page_of_a_phone(self) -> None:
        make_event(name="W" * 200, venue="V" * 200, capacity=3)
        make_event(name="M" * 200, venue="N" * 200, capacity=3, auto_hold=False)
        page = self.window(viewport=PHONE)
        self.fill_in_login(page, self.alice)
        for path in ("/dashboard/", "/"):
            page.goto(path)
            with self.subTest(path=path):
                self.assertEqual(page.evaluate("document.documentElement.scrollWidth"), PHONE["width"])

    def test_whoever_waits_is_told_the_moment_the_place_is_theirs(self) -> None:
        make_event(name="Last place", capacity=1)
        alices, bobs = self.window(), self.window()
        self.fill_in_login(alices, self.alice)
        self.fill_in_login(bobs, self.bob)
        bobs.get_by_role("button", name="Join the line").first.click()
        expect(bobs.locator("[data-region=mine]")).to_contain_text("You are next")
        bobs.evaluate("window.sameDocument = true")
        self.picture(bobs, "waiting")

        alices.get_by_role("button", name="Release this hold").first.click()
        expect(bobs.get_by_role("button", name="Book my ticket").first).to_be_visible()
        self.assertTrue(bobs.evaluate("window.sameDocument"))
        self.picture(bobs, "held")
        held = TicketHold.objects.filter(status="held").values_list("user__username", flat=True)
        self.assertEqual(list(held), ["bob"])

    def test_a_hold_that_lapses_goes_to_the_next_in_line_while_both_watch(self) -> None:
        event = make_event(name="Short hold", capacity=1)
        join(event, self.alice)
        join(event, self.bob)
        alices, bobs = self.window(), self.window()
        self.fill_in_login(alices, self.alice)
        self.fill_in_login(bobs, self.bob)
        expect(bobs.get_by_role("button", name="Leave the line").first).to_be_visible()
        TicketHold.objects.filter(user=self.alice).update(expires_at=later(seconds=1))
        expect(bobs.get_by_role("button", name="Book my ticket").first).to_be_visible()
        expect(alices.get_by_role("button", name="Join the line").first).to_be_visible()
        self.assertEqual(statuses(event), [("alice", "expired"), ("bob", "held")])

    def test_without_a_socket_the_page_refreshes_itself_every_thirty_seconds(self) -> None:
        event = make_event(name="Proxy without sockets", capacity=3, auto_hold=False)
        page = self.window()
        page.route_web_socket(re.compile("/ws/"), lambda socket: socket.close())
        page.clock.install()
        self.fill_in_login(page, self.alice)
        row = page.locator(f"[data-region=all] [data-event='{event.pk}']")
        expect(row.locator("[data-number=booked]")).to_have_text("0")
        with page.expect_response("**/dashboard/"):  # the first refresh, as soon as it is plain that there is no socket
            page.clock.fast_forward(11_000)
            page.clock.fast_forward(3_000)
        expect(page.locator("[data-live-status]").first).to_contain_text("Updates every 30 s")
        page.evaluate("window.sameDocument = true")
        book(event, self.bob)
        page.clock.fast_forward(33_000)
        expect(row.locator("[data-number=booked]")).to_have_text("1")
        self.assertTrue(page.evaluate("window.sameDocument"))

    def test_everything_works_with_scripts_off(self) -> None:
        make_event(name="Quiet evening", capacity=1)
        page = self.window(java_script_enabled=False)
        self.fill_in_login(page, self.alice)
        page.get_by_role("button", name="Release this hold").first.click()
        expect(page.get_by_role("main")).to_contain_text("Released")
        page.get_by_role("button", name="Book my ticket").first.click()
        expect(page.get_by_role("main")).to_contain_text("This is your ticket")
        page.get_by_text("Cancel", exact=False).first.click()
        page.get_by_role("button", name="Cancel this ticket").click()
        expect(page.get_by_role("main")).to_contain_text("Cancelled")
        self.assertEqual(Ticket.objects.valid().count(), 0)

    def test_an_opening_is_served_before_everyones_eyes(self) -> None:
        event = make_event(name="Opening night", capacity=1, sales_open_at=later(hours=1))
        page = self.window()
        self.fill_in_login(page, self.alice)
        page.goto(event.get_absolute_url())
        expect(page.get_by_role("main")).to_contain_text("Not yet on sale")
        page.goto("/dashboard/")
        expect(page.get_by_role("main")).to_contain_text("Not yet on sale")
        open_sale(event)
        expect(page.get_by_role("button", name="Book my ticket").first).to_be_visible()

    def test_the_pages_of_every_role_open_without_a_complaint_of_the_browser(self) -> None:
        event = make_event(name="Long day", capacity=5)
        self.olga.is_superuser = self.olga.is_staff = True
        self.olga.save(update_fields=["is_superuser", "is_staff"])
        page = self.window()
        self.fill_in_login(page, self.olga)
        addresses = (
            "/", f"/events/{event.pk}/", f"/events/{event.pk}/attendees/", "/calendar/", "/checkin/",
            "/websocket-test/", "/admin/", "/admin/core/event/", f"/admin/core/event/{event.pk}/change/",
            "/accounts/email/", "/accounts/password/change/", "/accounts/logout/",
        )  # fmt: skip
        for address in addresses:
            with self.subTest(address=address):
                response = page.goto(address)
                self.assertEqual(response.status if response else None, 200)
