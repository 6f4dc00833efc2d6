"""People who look elsewhere: what the window's title and a browser's notification tell them, and when they do not."""

import re

from playwright.sync_api import Page, expect

from core.models import Event

from .attention import AttentionTestCase, come_back, end_soon, go_away
from .cast import ago, join, later, make_event, open_sale, release, statuses

PHONE = {"width": 375, "height": 812}
SERVED = "Dashboard – Box Office"
SWITCH = "Notify me when it is my turn"
# A browser that notes what it is asked to let be heard.
EARS = """
window.heard = [];
window.AudioContext = class { currentTime = 0; destination = {}; async resume() {} };
window.GainNode = class { connect(to) { return to; } };
window.OscillatorNode = class {
  constructor(_, { frequency }) { window.heard.push(frequency); }
  connect(to) { return to; }
  start() {}
  stop() {}
};
"""


def settle(page: Page) -> None:
    """Let two seconds pass at once, in which a page says what it has to say, and the locks it takes for that."""
    page.clock.fast_forward(2_000)
    page.evaluate("navigator.locks.request('settled', () => null)")


def titles(page: Page) -> list[str]:
    """Return the titles of the notifications of a page, that of the switch itself apart."""
    shown: list[dict[str, str]] = page.evaluate("window.shown")
    return [said["title"] for said in shown if said["tag"] != "on"]


class TitleTests(AttentionTestCase):
    def test_the_title_tells_the_time_of_the_last_two_minutes_and_no_other(self) -> None:
        event = make_event(name="Concert", capacity=1)
        page = self.person(self.alice)
        expect(page.locator("[data-countdown]").first).to_contain_text("9:")
        expect(page).to_have_title(SERVED)

        end_soon(event, seconds=110)
        page.reload()
        expect(page).to_have_title(re.compile(r"^1:\d\d to book – Concert · Box Office$"))
        expect(page.locator("[data-announcer]")).to_contain_text("Your hold for Concert ends in less than 2 minutes")
        before = page.title()
        expect(page).not_to_have_title(before)
        expect(page).to_have_title(re.compile(r"^1:\d\d to book – Concert · Box Office$"))
        page.goto(event.get_absolute_url())
        expect(page).to_have_title(re.compile(r"^1:\d\d to book – Concert"))
        page.goto("/dashboard/")

        page.get_by_role("button", name="Release this hold").first.click()
        expect(page.locator("[data-countdown]")).to_have_count(0)
        expect(page).to_have_title(SERVED)

    def test_the_soonest_hold_speaks_and_the_title_outlives_a_refresh_and_follows_other_windows(self) -> None:
        for name, seconds in (("Third", 600), ("Second", 115), ("First", 100)):
            event = make_event(name=name)
            join(event, self.alice)
            end_soon(event, seconds=seconds)
        page = self.person(self.alice)
        expect(page).to_have_title(re.compile(r"^1:\d\d to book – First"))

        page.evaluate("window.sameDocument = true")
        elsewhere = self.window()
        self.log_in(elsewhere, self.alice)
        for released, soonest in (("Third", "First"), ("First", "Second")):
            elsewhere.get_by_role("button", name=f"Release this hold for {released}").first.click()
            expect(page.get_by_role("button", name=f"Release this hold for {released}")).to_have_count(0)
            expect(page).to_have_title(re.compile(rf"^1:\d\d to book – {soonest}"))
        elsewhere.get_by_role("button", name="Book my ticket for Second").first.click()
        elsewhere.wait_for_url("**/ticket/**")
        expect(page).to_have_title(SERVED)
        self.assertTrue(page.evaluate("window.sameDocument"))

    def test_a_hold_that_lapses_leaves_the_title(self) -> None:
        event = make_event(name="Concert", capacity=1)
        page = self.person(self.alice)
        end_soon(event, seconds=100)
        page.reload()
        expect(page).to_have_title(re.compile(r"^1:\d\d to book – Concert"))
        page.clock.fast_forward(100_000)
        expect(page).to_have_title(SERVED)
        end_soon(event, seconds=-1)
        expect(page.get_by_role("button", name="Book my ticket").first).to_be_visible()

    def test_your_turn_is_heard_once_and_a_hold_that_nobody_waited_for_is_not(self) -> None:
        make_event(name="Concert", capacity=1)
        alices, bobs = self.window(), self.window()
        for page, person in ((alices, self.alice), (bobs, self.bob)):
            page.add_init_script(EARS)
            self.log_in(page, person)
            expect(page.locator("[data-live-status]").first).to_contain_text("Live")
        bobs.get_by_role("button", name="Join the line").first.click()
        expect(bobs.locator("[data-region=mine]")).to_contain_text("You are next")
        self.assertEqual(bobs.evaluate("window.heard"), [])
        alices.get_by_role("button", name="Release this hold").first.click()
        expect(bobs.get_by_role("button", name="Book my ticket").first).to_be_visible()
        self.wait_for(bobs, "() => window.heard.length > 0")
        bobs.evaluate("import('/static/core/js/regions.js').then(({ refreshSoon }) => refreshSoon(0))")
        bobs.wait_for_timeout(700)  # the page is fetched anew, and says the same once more
        self.assertEqual(bobs.evaluate("window.heard"), [660, 880, 1320])
        self.assertEqual(alices.evaluate("window.heard"), [])

    def test_your_turn_stands_in_the_title_until_it_is_seen(self) -> None:
        event = make_event(name="Concert", capacity=1)
        alices, bobs = self.person(self.alice), self.person(self.bob)
        bobs.get_by_role("button", name="Join the line").first.click()
        expect(bobs.locator("[data-region=mine]")).to_contain_text("You are next")
        go_away(bobs)
        alices.get_by_role("button", name="Release this hold").first.click()

        expect(bobs.get_by_role("button", name="Book my ticket").first).to_be_visible()
        expect(bobs).to_have_title("Your turn – Concert · Box Office")
        expect(bobs.locator("[data-announcer]")).to_contain_text("A ticket is held for you: Concert.")
        countdown = bobs.locator("[data-countdown]").first  # it stays while the clocks go on
        expect(countdown).not_to_have_text(countdown.inner_text())
        expect(bobs).to_have_title("Your turn – Concert · Box Office")
        come_back(bobs)
        expect(bobs).to_have_title(SERVED)
        self.assertEqual(statuses(event), [("alice", "released"), ("bob", "held")])

    def test_the_title_counts_the_last_two_minutes_before_an_opening_that_the_page_is_about(self) -> None:
        event = make_event(name="Concert", sales_open_at=later(seconds=110))
        page = self.window()
        page.goto(event.get_absolute_url())
        expect(page).to_have_title(re.compile(r"^Opens in (1 min )?\d+ s – Concert · Box Office$"))
        page.goto("/")
        expect(page.locator("[data-opening]")).to_contain_text("Opens in")
        expect(page).to_have_title("Events – Box Office")

    def test_who_awaited_an_opening_is_told_that_a_ticket_is_held(self) -> None:
        event = make_event(name="Concert", capacity=1, sales_open_at=later(hours=1))
        page = self.person(self.alice)
        expect(page.locator("[data-region=all]")).to_contain_text("Not yet on sale")
        go_away(page)
        open_sale(event, milliseconds=1)  # she was there before
        expect(page).to_have_title("Your turn – Concert · Box Office")
        expect(page.locator("[data-announcer]")).to_contain_text("A ticket is held for you: Concert.")

    def test_of_all_steps_of_the_line_the_last_one_is_announced(self) -> None:
        event = make_event(name="Concert", capacity=1, auto_hold=False)
        for person in (self.olga, self.greta, self.alice):
            join(event, person)
        page = self.person(self.bob)
        page.get_by_role("button", name="Join the line").first.click()
        announced = page.locator("[data-announcer]")
        expect(announced).to_have_text("You are in line: number 3.")
        release(event, self.alice)
        expect(page.locator("[data-mine=waiting] [data-position]")).to_have_text("2")
        expect(announced).to_have_text("You are in line: number 3.")
        release(event, self.greta)
        expect(announced).to_have_text("You are next")

    def test_a_turn_that_nobody_saw_leaves_the_title_with_its_hold(self) -> None:
        make_event(name="Concert", capacity=1)
        alices, bobs, elsewhere = self.person(self.alice), self.person(self.bob), self.person(self.bob)
        bobs.get_by_role("button", name="Join the line").first.click()
        expect(bobs.locator("[data-region=mine]")).to_contain_text("You are next")
        go_away(bobs)
        alices.get_by_role("button", name="Release this hold").first.click()
        expect(bobs).to_have_title("Your turn – Concert · Box Office")
        elsewhere.get_by_role("button", name="Release this hold").first.click()
        expect(bobs).to_have_title(SERVED)

    def test_your_turn_is_noticed_on_the_events_page_and_where_there_is_no_socket(self) -> None:
        event = make_event(name="Concert", capacity=1)
        alices = self.person(self.alice)
        join(event, self.bob)
        bobs = self.window()
        self.stage(bobs)
        bobs.route_web_socket(re.compile("/ws/"), lambda socket: socket.close())
        self.log_in(bobs, self.bob)
        bobs.goto(event.get_absolute_url())
        with bobs.expect_response(f"**{event.get_absolute_url()}"):  # the first refresh of a page without a socket
            bobs.clock.fast_forward(11_000)
            bobs.clock.fast_forward(3_000)
        expect(bobs.get_by_role("button", name="Leave the line")).to_be_visible()
        bobs.evaluate("window.sameDocument = true")
        go_away(bobs)
        alices.get_by_role("button", name="Release this hold").first.click()
        expect(alices.get_by_role("button", name="Release this hold")).to_have_count(0)
        bobs.clock.fast_forward(33_000)

        expect(bobs).to_have_title("Your turn – Concert · Box Office")
        expect(bobs.locator("[data-announcer]")).to_contain_text("A ticket is held for you: Concert.")
        self.assertTrue(bobs.evaluate("window.sameDocument"))


class OpeningTests(AttentionTestCase):
    def before(self, page: Page, path: str) -> None:
        """Open a page that is live, of a sale that has not begun, and look elsewhere."""
        page.goto(path)
        expect(page.locator("[data-live-status]").first).to_contain_text("Live")
        expect(page.get_by_role("main")).to_contain_text("Not yet on sale")
        page.evaluate("window.sameDocument = true")
        go_away(page)

    def is_told(self, page: Page) -> None:
        """Look whether the opening was announced, once, on a page that was not loaded again."""
        announced = page.locator("[data-announcer]")
        expect(announced).to_have_text("On sale now: Concert.")
        expect(page.get_by_role("main")).not_to_contain_text("Not yet on sale")
        announced.evaluate("(element) => { element.textContent = ''; }")
        page.evaluate("document.dispatchEvent(new Event('regions-replaced'))")
        self.assertEqual(announced.inner_text(), "")
        self.assertTrue(page.evaluate("window.sameDocument"))

    def test_whoever_is_not_logged_in_is_told_that_a_sale_is_open_and_how_to_get_a_ticket(self) -> None:
        event = make_event(name="Concert", sales_open_at=later(hours=1))
        page = self.window()
        self.stage(page)
        self.before(page, event.get_absolute_url())
        open_sale(event, milliseconds=1)
        expect(page).to_have_title("On sale now – Concert · Box Office")
        expect(page.get_by_role("link", name="Log in to be held a ticket")).to_be_visible()
        self.is_told(page)
        come_back(page)
        expect(page).to_have_title("Concert – Box Office")

    def test_so_is_who_is_logged_in_where_nothing_is_held_by_itself(self) -> None:
        event = make_event(name="Concert", sales_open_at=later(hours=1), auto_hold=False)
        page, list_of_all = self.person(self.alice), self.person(self.bob)
        self.before(page, event.get_absolute_url())
        self.before(list_of_all, "/")
        open_sale(event, milliseconds=1)
        expect(page).to_have_title("On sale now – Concert · Box Office")
        expect(page.get_by_role("button", name="Book my ticket")).to_be_visible()
        self.is_told(page)
        expect(list_of_all.get_by_role("button", name="Book my ticket")).to_be_visible()
        self.is_told(list_of_all)
        expect(list_of_all).to_have_title("Events – Box Office")  # it is about other events as well

    def test_so_is_who_waits_and_is_not_served_at_once(self) -> None:
        event = make_event(name="Concert", capacity=1, sales_open_at=later(hours=1), auto_hold=False)
        for person in (self.greta, self.olga, self.bob):
            join(event, person)
        page = self.person(self.bob)
        go_away(page)
        expect(page.locator("[data-region=mine]")).to_contain_text("2 people ahead of you")
        open_sale(event, milliseconds=1)
        expect(page.locator("[data-announcer]")).to_have_text("On sale now: Concert.")
        expect(page).to_have_title("On sale now – Concert · Box Office")
        expect(page.locator("[data-region=mine]")).to_contain_text("1 person ahead of you")
        expect(page.get_by_role("button", name="Leave the line").first).to_be_visible()

    def test_sales_that_open_at_one_moment_are_told_in_one_sentence(self) -> None:
        for name in ("Ballet", "Concert"):
            make_event(name=name, sales_open_at=later(hours=1))
        page = self.window()
        self.stage(page)
        self.before(page, "/")
        Event.objects.update(sales_open_at=ago(milliseconds=1))
        either = re.compile(r"^On sale now: (Ballet and Concert|Concert and Ballet)\.$")
        expect(page.locator("[data-announcer]")).to_have_text(either)

    def test_it_is_told_where_there_is_no_socket_and_not_while_serving_is_paused(self) -> None:
        event = make_event(name="Concert", sales_open_at=later(hours=1), auto_hold=False)
        paused = make_event(name="Ballet", sales_open_at=later(hours=1), auto_hold=False, paused_at=ago(minutes=1))
        page = self.window()
        self.stage(page)
        page.route_web_socket(re.compile("/ws/"), lambda socket: socket.close())
        self.log_in(page, self.alice)  # the page of nobody in particular is shared for a second
        page.goto("/")
        expect(page.get_by_role("main")).to_contain_text("Not yet on sale")
        page.evaluate("window.sameDocument = true")
        for each in (paused, event):
            open_sale(each, milliseconds=1)
        with page.expect_response("**/"):  # the first refresh of a page without a socket
            page.clock.fast_forward(11_000)
            page.clock.fast_forward(3_000)
        expect(page.get_by_role("main")).to_contain_text("Serving paused")
        self.is_told(page)


class NotificationTests(AttentionTestCase):
    def wait_in_line(self, page: Page) -> None:
        page.get_by_role("button", name="Join the line").first.click()
        expect(page.locator("[data-region=mine]")).to_contain_text("You are next")

    def test_whoever_asked_is_notified_of_their_turn_once_in_all_tabs(self) -> None:
        make_event(name="Concert", capacity=1)
        alices, bobs = self.person(self.alice), self.person(self.bob)
        self.wait_in_line(bobs)
        bobs.get_by_role("button", name=SWITCH).click()
        expect(bobs.get_by_role("button", name=SWITCH, pressed=True)).to_be_visible()
        second = self.beside(bobs)
        expect(second.get_by_role("button", name=SWITCH, pressed=True)).to_be_visible()
        tabs = (bobs, second)
        for tab in tabs:
            go_away(tab)
        alices.get_by_role("button", name="Release this hold").first.click()

        for tab in tabs:
            expect(tab).to_have_title("Your turn – Concert · Box Office")
        for tab in tabs:  # a page that is fetched anew does not say it again, nor does a second message
            tab.evaluate("document.dispatchEvent(new Event('regions-replaced'))")
            settle(tab)
        self.assertEqual([title for tab in tabs for title in titles(tab)], ["Your turn – Concert"])

        told = next(tab for tab in tabs if titles(tab))
        told.evaluate("window.focus = () => { window.wasFocused = true; }; window.last.onclick()")
        self.assertEqual(told.evaluate("[window.wasFocused, window.last.isClosed]"), [True, True])

    def test_whoever_asked_is_notified_once_when_less_than_two_minutes_are_left(self) -> None:
        event = make_event(name="Concert", capacity=1)
        join(event, self.alice)
        end_soon(event, minutes=3)
        page = self.person(self.alice, before="granted")
        page.get_by_role("button", name=SWITCH).click()
        expect(page.get_by_role("button", name=SWITCH, pressed=True)).to_be_visible()
        go_away(page)
        settle(page)
        self.assertEqual((page.title(), titles(page)), (SERVED, []))
        page.clock.fast_forward(65_000)
        page.clock.run_for(2_000)  # whatever has begun to count only now
        expect(page).to_have_title(re.compile(r"^1:\d\d to book – Concert"))
        settle(page)
        self.assertEqual(titles(page), ["Less than 2 minutes left – Concert"])
        self.assertEqual(
            page.evaluate("window.shown.at(-1).body"),
            "Your hold for Concert ends in less than 2 minutes. Book it now to keep it.",
        )

        page.add_init_script("window.away = true")
        page.reload()  # once for each hold, not for each page
        expect(page.locator("[data-live-status]").first).to_contain_text("Live")  # its clock is the server's by now
        expect(page.locator("[data-countdown]").first).to_contain_text("2:")
        page.clock.fast_forward(65_000)
        page.clock.run_for(2_000)  # whatever has begun to count only now
        expect(page).to_have_title(re.compile(r"^1:\d\d to book – Concert"))
        settle(page)
        self.assertEqual(titles(page), [])

    def test_nobody_is_notified_of_what_they_see_or_did_not_ask_for(self) -> None:
        make_event(name="Concert", capacity=1)
        alices, bobs = self.person(self.alice), self.person(self.bob)
        self.wait_in_line(bobs)
        bobs.get_by_role("button", name=SWITCH).click()
        alices.get_by_role("button", name="Release this hold").first.click()
        expect(bobs.get_by_role("button", name="Book my ticket").first).to_be_visible()
        expect(bobs.locator("[data-announcer]")).to_contain_text("A ticket is held for you")
        settle(bobs)
        self.assertEqual(titles(bobs), [])

        self.wait_in_line(alices)  # with the permission, and without having asked for anything
        alices.evaluate("window.Notification.permission = 'granted'")
        go_away(alices)
        bobs.get_by_role("button", name="Release this hold").first.click()
        expect(alices).to_have_title("Your turn – Concert · Box Office")
        settle(alices)
        self.assertEqual(titles(alices), [])

    def test_a_browser_that_refuses_notifications_says_so_and_the_title_does_without(self) -> None:
        make_event(name="Concert", capacity=1)
        alices, bobs = self.person(self.alice), self.person(self.bob, throws=True)
        self.wait_in_line(bobs)
        bobs.get_by_role("button", name=SWITCH).click()
        expect(bobs.locator("[data-notify-words=refused]")).to_be_visible()
        expect(bobs.get_by_role("button", name=SWITCH, pressed=False)).to_be_visible()
        go_away(bobs)
        alices.get_by_role("button", name="Release this hold").first.click()
        expect(bobs).to_have_title("Your turn – Concert · Box Office")


class SwitchTests(AttentionTestCase):
    def test_it_asks_only_when_pressed_is_remembered_and_can_be_switched_off(self) -> None:
        page = self.person(self.alice)
        switch = page.get_by_role("button", name=SWITCH)
        expect(switch).to_have_attribute("aria-pressed", "false")
        expect(switch).to_have_accessible_description(
            re.compile("^Your browser will tell you, .* Keep this page open.$")
        )
        self.assertGreaterEqual((switch.bounding_box() or {"height": 0})["height"], 44)
        self.assertEqual(page.evaluate("window.asked"), 0)

        switch.focus()
        page.keyboard.press("Space")
        expect(switch).to_have_attribute("aria-pressed", "true")
        expect(switch).to_be_focused()
        expect(switch).to_have_accessible_description(re.compile("^On: .* Press to switch off.$"))
        expect(page.locator("[data-announcer]")).to_contain_text("Press to switch off")
        self.assertEqual(page.evaluate("[window.asked, window.shown.map(({ title }) => title)]"),
                         [1, ["Notifications are on"]])  # fmt: skip

        self.stage(page, "granted")
        page.reload()
        expect(switch).to_have_attribute("aria-pressed", "true")
        self.assertEqual(page.evaluate("[window.asked, window.shown]"), [0, []])
        switch.click()
        expect(switch).to_have_attribute("aria-pressed", "false")
        page.reload()
        expect(switch).to_have_attribute("aria-pressed", "false")

    def test_a_browser_that_blocks_notifications_is_named_before_and_after_asking(self) -> None:
        page = self.person(self.alice, after="denied")
        offer, blocked = page.locator("[data-notify-words=off]"), page.locator("[data-notify-words=blocked]")
        expect(offer).to_be_visible()
        expect(blocked).to_be_hidden()
        page.get_by_role("button", name=SWITCH).click()
        expect(blocked).to_be_visible()
        expect(offer).to_be_hidden()
        expect(page.locator("[data-announcer]")).to_contain_text("Your browser blocks notifications")
        self.stage(page, "denied", "denied")
        page.reload()
        expect(blocked).to_be_visible()
        expect(page.get_by_role("button", name=SWITCH, pressed=False)).to_be_visible()

    def test_the_browsers_own_permission_is_believed(self) -> None:
        page = self.window(permissions=["notifications"])
        self.log_in(page, self.alice)
        page.get_by_role("button", name=SWITCH).click()
        expect(page.get_by_role("button", name=SWITCH, pressed=True)).to_be_visible()

    def test_where_it_cannot_work_there_is_none_and_where_it_can_nothing_moves_for_it(self) -> None:
        make_event(name="Concert", capacity=1)
        quiet = self.window(java_script_enabled=False)
        self.log_in(quiet, self.alice)
        expect(quiet.get_by_role("heading", name="Held for you")).to_be_visible()
        expect(quiet.get_by_text(SWITCH)).to_be_hidden()
        without = self.window()
        without.add_init_script("delete window.Notification")
        self.log_in(without, self.alice)
        expect(without.locator("[data-countdown]").first).to_contain_text("9:")
        expect(without.get_by_text(SWITCH)).to_be_hidden()

        page = self.window(viewport=PHONE)
        page.route("**/notify.js", lambda route: route.abort())  # the scripts have not come yet
        self.log_in(page, self.alice)
        page.goto("/dashboard/")
        below = page.get_by_role("heading", name="All events")
        before = below.bounding_box()
        expect(page.get_by_text(SWITCH)).to_be_hidden()
        page.unroute("**/notify.js")
        page.reload()
        expect(page.get_by_role("button", name=SWITCH)).to_be_visible()
        for state in ("off", "on", "blocked", "refused"):
            page.evaluate("(state) => { document.documentElement.dataset.notify = state; }", state)
            expect(page.locator(f"[data-notify-words={state}]")).to_be_visible()
            self.assertEqual(below.bounding_box(), before)

    def test_the_page_of_an_event_has_it_where_the_viewer_has_a_place(self) -> None:
        event = make_event(name="Concert", capacity=1)
        bobs = self.person(self.bob)
        join(event, self.alice)
        page = self.person(self.alice)
        page.goto(event.get_absolute_url())
        switch = page.get_by_role("button", name=SWITCH)
        switch.click()
        expect(switch).to_have_attribute("aria-pressed", "true")
        bobs.get_by_role("button", name="Release this hold").first.click()
        expect(page.get_by_role("button", name="Book my ticket")).to_be_visible()
        expect(switch).to_have_attribute("aria-pressed", "true")  # it came anew, as a part of what changed
        expect(switch).to_be_focused()

        nobodys = self.window()
        nobodys.goto(event.get_absolute_url())
        expect(nobodys.get_by_role("heading", name="Concert")).to_be_visible()
        expect(nobodys.get_by_text(SWITCH)).to_have_count(0)
