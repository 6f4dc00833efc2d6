"""The open socket as the way in: a press on a button is asked over it, and by the form where that does not do."""

import json
import re
from typing import Any

from playwright.sync_api import Page, WebSocketRoute, expect

from core.models import Event, Ticket, TicketHold, User

from .browser import BrowserTestCase
from .cast import book, join, later, make_event, open_sale, release, statuses

JOIN = "Join the line"
BOOK = "Book my ticket"
ASKS = {"join", "book", "release"}


def silent(socket: WebSocketRoute) -> None:
    """Be a server that hears nothing of what is asked, and goes on telling what changes."""
    server = socket.connect_to_server()
    socket.on_message(lambda text: None if json.loads(text)["type"] in ASKS else server.send(text))


class AskingTestCase(BrowserTestCase):
    takes_away = True

    def person(self, user: User, address: str = "/dashboard/") -> Page:
        """Open a live page as somebody; what it asks from now on is noted, by HTTP and over the socket."""
        page = self.window()
        self.asked: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str]] = []
        page.on("websocket", lambda socket: socket.on("framesent", lambda text: self.asked.append(json.loads(text))))
        self.log_in(page, user)
        page.goto(address)
        expect(page.locator("[data-live-status]").first).to_contain_text("Live")
        page.on("request", self.note)
        return page

    def note(self, request: Any) -> None:
        """Note a request for a page; `picture.svg` and its like are none."""
        if request.resource_type in {"document", "fetch"}:
            self.requests.append((request.method, re.sub(r"^https?://[^/]+", "", request.url)))

    def press(self, page: Page, name: str) -> None:
        """Press the first such button."""
        page.get_by_role("button", name=name).first.click()


class OverTheSocketTests(AskingTestCase):
    def test_joining_is_answered_over_the_socket_and_shown_without_asking_for_a_page(self) -> None:
        event = make_event(name="Full house", capacity=1, auto_hold=False)
        join(event, self.bob)
        page = self.person(self.alice)
        self.press(page, JOIN)
        mine = page.locator("[data-region=mine]")
        expect(mine).to_contain_text("You are next")
        expect(mine.get_by_role("button", name="Leave the line")).to_be_visible()
        expect(page.locator("[data-region=all]").get_by_role("button", name="Leave the line")).to_be_visible()
        expect(mine).not_to_contain_text("Nothing is held for you")
        self.assertEqual(statuses(event), [("bob", "held"), ("alice", "waiting")])
        self.assertEqual([(ask["type"], ask["event"]) for ask in self.asked], [("join", event.pk)])
        self.assertEqual(self.requests, [])

    def test_booking_leads_to_the_ticket_and_asks_for_no_other_page(self) -> None:
        event = make_event(name="Concert", capacity=3)
        page = self.person(self.alice)
        self.press(page, BOOK)
        page.wait_for_url("**/ticket/**")
        code = Ticket.objects.get(event=event, user=self.alice).code
        said = page.get_by_text("Booked. This is your ticket.")
        expect(said).to_be_visible()
        page.wait_for_url(f"**/ticket/{code}/")  # without what made it say so,
        self.assertEqual(self.requests, [("GET", f"/ticket/{code}/")])
        page.reload()
        expect(page.locator("[data-live-status]")).to_contain_text("Live")
        expect(said).to_be_hidden()  # as it is said once

    def test_on_the_page_of_the_event_a_place_can_be_held_released_and_held_again(self) -> None:
        event = make_event(name="Concert", capacity=1, auto_hold=False)
        book(event, self.bob)
        page = self.person(self.alice, event.get_absolute_url())
        for _ in range(2):
            self.press(page, JOIN)
            expect(page.locator("[data-region=state]")).to_contain_text("You are next")
            self.press(page, "Leave the line")
            expect(page.get_by_role("button", name=JOIN)).to_be_visible()
        self.assertEqual(statuses(event), [("alice", "left")] * 2)
        self.assertEqual([(method, path) for method, path in self.requests if method == "POST"], [])

    def test_a_hold_that_comes_while_the_page_is_open_is_shown_without_asking_for_it(self) -> None:
        event = make_event(name="Last place", capacity=1, auto_hold=False)
        join(event, self.bob)
        join(event, self.alice)
        page = self.person(self.alice)
        release(event, self.bob)
        mine = page.locator("[data-mine=held]")
        expect(mine.get_by_role("button", name=BOOK)).to_be_visible()
        expect(mine.locator("[data-countdown]")).to_contain_text(":")
        expect(page.locator("[data-mine=waiting]")).to_be_hidden()
        self.assertEqual(self.requests, [])
        self.press(page, BOOK)
        page.wait_for_url("**/ticket/**")
        self.assertEqual(statuses(event)[1], ("alice", "booked"))

    def test_the_page_of_the_event_says_what_to_do_next_without_asking_for_it(self) -> None:
        event = make_event(name="Last place", capacity=1, auto_hold=False)
        join(event, self.bob)
        page = self.person(self.alice, event.get_absolute_url())
        state = page.locator("[data-region=state]")
        self.press(page, JOIN)
        expect(state).to_contain_text("we hold a ticket for you for 10 minutes and say so here; you keep your place")
        notify = state.get_by_role("button", name="Notify me")
        notify.focus()
        release(event, self.bob)
        expect(state).to_contain_text("Book it before the time is up")
        expires = TicketHold.objects.get(user=self.alice).expires_at
        assert expires
        expect(state).to_contain_text(f"A ticket is held for you until {expires:%H:%M} UTC.")
        expect(notify).to_be_focused()
        expect(state.locator(".notify")).to_have_count(1)
        self.assertEqual(self.requests, [])

    def test_who_is_served_at_the_opening_can_book_on_the_page_as_it_is(self) -> None:
        event = make_event(name="Opening night", capacity=1, sales_open_at=later(hours=1))
        page = self.person(self.alice, event.get_absolute_url())
        open_sale(event)
        self.press(page, BOOK)
        page.wait_for_url("**/ticket/**")
        self.assertEqual(self.requests[-1][1], Ticket.objects.get(user=self.alice).page_url)

    def test_a_second_press_does_not_end_the_place_whose_button_has_come_under_the_pointer(self) -> None:
        event = make_event(name="Full house", capacity=1, auto_hold=False)
        join(event, self.bob)
        page = self.person(self.alice, event.get_absolute_url())
        page.clock.install()
        page.clock.pause_at(later(seconds=60))  # two presses within a second, however slow the machine
        box = page.get_by_role("button", name=JOIN).bounding_box()
        assert box
        spot = box["x"] + 20, box["y"] + 10
        page.mouse.click(*spot)
        leave = page.get_by_role("button", name="Leave the line")
        expect(leave).to_be_disabled()
        page.mouse.click(*spot)
        page.clock.run_for(1_000)
        expect(leave).to_be_enabled()
        self.assertEqual(statuses(event), [("bob", "held"), ("alice", "waiting")])
        page.clock.resume()
        leave.click()
        expect(page.get_by_role("button", name=JOIN)).to_be_visible()
        self.assertEqual(statuses(event), [("bob", "held"), ("alice", "left")])

    def test_without_a_network_the_page_says_so_and_stays(self) -> None:
        event = make_event(name="Full house", capacity=1, auto_hold=False)
        join(event, self.bob)
        page = self.person(self.alice, event.get_absolute_url())
        page.context.set_offline(True)
        expect(page.locator("[data-live-status]").first).to_have_text("Offline")
        self.press(page, JOIN)
        expect(page.locator("ul.messages")).to_contain_text("You are offline. Nothing was sent")
        self.assertEqual((statuses(event), self.asked), ([("bob", "held")], []))
        page.context.set_offline(False)
        expect(page.locator("[data-live-status]").first).to_contain_text("Live")
        self.press(page, JOIN)
        expect(page.locator("[data-region=state]")).to_contain_text("You are next")

    def test_a_refusal_is_said_where_messages_are_and_the_button_keeps_the_focus(self) -> None:
        event = make_event(name="Concert", capacity=1, auto_hold=False)
        page = self.person(self.alice)
        button = page.get_by_role("button", name=BOOK).first
        button.focus()
        Event.objects.filter(pk=event.pk).update(starts_at=later(seconds=-1))  # nobody is told
        page.keyboard.press("Enter")
        expect(page.locator("ul.messages")).to_contain_text("already started")
        expect(page.locator("[data-announcer]")).to_contain_text("already started")
        expect(button).to_be_focused()
        expect(button).to_be_enabled()
        self.assertEqual([method for method, _ in self.requests if method == "POST"], [])


class ByTheFormTests(AskingTestCase):
    def test_without_an_answer_the_form_goes_its_own_way_after_three_seconds_and_a_double_click_asks_once(self) -> None:
        event = make_event(name="Full house", capacity=0, auto_hold=False)
        page = self.window()
        page.clock.install()
        page.route_web_socket(re.compile("/ws/"), silent)
        self.log_in(page, self.alice)
        expect(page.locator("[data-live-status]").first).to_contain_text("Live")
        button = page.locator(f"#all-join-{event.pk}")
        button.dblclick()
        expect(button).to_contain_text("Joining the line…")
        expect(button).to_be_disabled()
        expect(page.locator("[data-announcer]")).to_have_text("Joining the line…")
        self.assertEqual(TicketHold.objects.count(), 0)
        with page.expect_request(lambda request: request.method == "POST"):
            page.clock.fast_forward(3_100)
        expect(page.locator("ul.messages")).to_contain_text("You are in line")
        self.assertEqual(statuses(event), [("alice", "waiting")])

    def test_without_a_socket_the_form_goes_its_own_way_at_once(self) -> None:
        event = make_event(name="Full house", capacity=0, auto_hold=False)
        page = self.window()
        page.route_web_socket(re.compile("/ws/"), lambda socket: socket.close())
        self.log_in(page, self.alice)
        with page.expect_request(lambda request: request.method == "POST"):
            self.press(page, JOIN)
        expect(page.locator("ul.messages")).to_contain_text("You are in line")
        self.assertEqual(statuses(event), [("alice", "waiting")])

    def test_where_nobody_answers_the_page_says_so_and_stays(self) -> None:
        event = make_event(name="Full house", capacity=0, auto_hold=False)
        for name, socket, told, until_form in (
            ("no socket", lambda socket: socket.close(), "Nothing was sent: press again in a moment.", 100),
            ("a silent one", silent, "The page shows what you have as soon as it does.", 3_100),
        ):
            with self.subTest(name):
                page = self.window()
                page.clock.install()
                page.route_web_socket(re.compile("/ws/"), socket)
                self.log_in(page, self.alice)
                page.goto(event.get_absolute_url())
                if socket is silent:
                    expect(page.locator("[data-live-status]").first).to_contain_text("Live")
                page.route("**/*", lambda route: route.abort("connectionrefused"))
                self.press(page, JOIN)
                page.clock.run_for(3_100)
                expect(page.locator("ul.messages")).to_contain_text(f"The site does not answer. {told}")
                expect(page.get_by_role("button", name=JOIN)).to_be_enabled()
                page.unroute("**/*")
                self.press(page, JOIN)
                page.clock.run_for(until_form)  # and not until the answer to whether anybody is there is too late
                expect(page.locator("ul.messages")).to_contain_text("You are in line")
                self.complaints.clear()  # of the browser, that nobody was there
                release(event, self.alice)

    def test_an_answer_that_never_comes_and_a_page_that_was_lost_leave_one_place(self) -> None:
        event = make_event(name="Full house", capacity=0, auto_hold=False)
        page = self.window()
        page.clock.install()
        page.route_web_socket(re.compile("/ws/"), deaf)
        self.log_in(page, self.alice)
        expect(page.locator("[data-live-status]").first).to_contain_text("Live")
        self.press(page, JOIN)
        with page.expect_request(lambda request: request.method == "POST"):
            page.clock.fast_forward(3_100)
        expect(page.locator("ul.messages")).to_contain_text("You are in line")
        self.assertEqual(statuses(event), [("alice", "waiting")])


def deaf(socket: WebSocketRoute) -> None:
    """Carry what is asked to the server, and lose all that it says after its first message."""
    server = socket.connect_to_server()
    heard: list[str | bytes] = []

    def pass_on(text: str | bytes) -> None:
        if not heard:
            socket.send(text)
        heard.append(text)

    server.on_message(pass_on)
