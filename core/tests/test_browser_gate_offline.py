"""Greta at the gate in a real browser: by hand scanner, by name, without a network and back, and signing out."""

from typing import Any

from django.test import tag
from playwright.sync_api import Page, expect

from core.models import Event, Scan, Ticket

from .browser import BrowserTestCase
from .cast import book, make_event

PHONE = {"width": 375, "height": 812}
KEPT = """async () => {
  const database = await new Promise((done) => {
    const asked = indexedDB.open("gate", 1);
    asked.onsuccess = () => done(asked.result);
  });
  const count = (store) => new Promise((done) => {
    const asked = database.transaction(store).objectStore(store).count();
    asked.onsuccess = () => done(asked.result);
  });
  const pages = await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys())));
  const kept = pages.flat().filter(({ url }) => url.includes("/checkin/")).length;
  return { lists: await count("lists"), marks: await count("marks"), queue: await count("queue"), pages: kept };
}"""


@tag("face")
class GateCase(BrowserTestCase):
    takes_away = True

    event: Event
    tickets: list[Ticket]

    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(name="Opera", capacity=9, auto_hold=False)
        self.tickets = [book(self.event, person) for person in (self.alice, self.bob, self.olga)]

    def gate(self, name: str, person: Any = None) -> Page:
        """Open the gate in a window of its own, ready to go on without a network."""
        page = self.window(viewport=PHONE)
        self.log_in(page, person or self.greta)
        page.goto("/checkin/")
        page.get_by_label("Event").select_option(str(self.event.pk))
        page.get_by_label("Gate").fill(name)
        page.get_by_role("button", name="Go to the gate").click()
        expect(page.locator("[data-live-status]")).to_contain_text("Live")
        expect(page.locator("[data-ready]")).to_be_visible()
        return page

    def scan(self, page: Page, code: str) -> Any:
        """Scan by the field, once the screen of the scan before is gone; return the screen of the result."""
        screen = page.locator("dialog[open]")
        if screen.count():
            page.keyboard.press("Escape")
            expect(screen).to_be_hidden()
        page.get_by_label("Ticket code").fill(code)
        page.keyboard.press("Enter")
        expect(screen).to_be_visible()
        return screen

    def outcomes(self) -> list[tuple[str, bool, bool]]:
        return list(Scan.objects.order_by("scanned_at").values_list("outcome", "let_in", "is_offline"))


class OnlineTests(GateCase):
    def test_every_gate_sees_who_is_in_and_the_second_scan_says_when_and_where(self) -> None:
        self.meant.append("403")
        north, south = self.gate("North"), self.gate("South", self.olga)
        expect(self.scan(north, self.tickets[0].code)).to_contain_text("Admitted")
        expect(south.locator("[data-gate-number=admitted]")).to_have_text("1")
        second = self.scan(south, self.tickets[0].code)
        expect(second).to_contain_text("Already checked in")
        expect(second).to_contain_text("at North")
        expect(self.scan(south, "nonsense")).to_contain_text("Unknown code")
        expect(self.scan(south, self.tickets[2].code)).to_contain_text("Nobody checks in their own ticket")
        self.picture(south, "gate-own")

    def test_a_hand_scanner_needs_no_field_and_no_press_between_two_tickets(self) -> None:
        page = self.gate("North")
        for ticket, name in ((self.tickets[1], "bob"), (self.tickets[0], "alice")):
            page.evaluate("document.activeElement.matches('input') && document.activeElement.blur()")
            page.keyboard.type(ticket.code.lower())
            page.keyboard.press("Enter")
            expect(page.locator("dialog[open]")).to_contain_text(name)
        self.assertEqual(Ticket.objects.exclude(checked_in_at=None).count(), 2)

    def test_a_code_goes_on_that_begins_before_the_screen_of_the_one_before_closes_by_itself(self) -> None:
        page = self.gate("North")
        screen = self.scan(page, self.tickets[0].code)
        code = self.tickets[1].code
        page.keyboard.type(code[:5])
        while page.locator("dialog[open]").count():
            page.keyboard.press("Shift")  # a slow scanner: time goes by, and the code is not over
            page.wait_for_timeout(100)
        page.keyboard.type(code[5:])
        page.keyboard.press("Enter")
        expect(screen).to_contain_text("bob")
        expect(screen).to_contain_text("Admitted")

    def test_spaces_of_a_code_press_no_button_of_the_screen_before(self) -> None:
        page = self.gate("North")
        self.scan(page, self.tickets[0].code)
        screen = self.scan(page, self.tickets[0].code)
        expect(screen).to_contain_text("Already checked in")
        code = self.tickets[1].code
        page.keyboard.type(" ".join(code[at : at + 4] for at in range(0, len(code), 4)))
        page.keyboard.press("Enter")
        expect(screen).to_contain_text("Admitted")

    def test_a_code_that_a_hand_scanner_puts_into_another_field_is_a_scan_all_the_same(self) -> None:
        page = self.gate("North")
        page.get_by_label("Name or e-mail").fill("bo")
        page.keyboard.type(self.tickets[0].code)
        page.keyboard.press("Enter")
        expect(page.locator("dialog[open]")).to_contain_text("Admitted")
        expect(page.get_by_label("Name or e-mail")).to_have_value("bo")

    def test_a_login_in_another_tab_does_not_make_the_page_useless(self) -> None:
        self.meant += ["403"]
        page = self.gate("North")
        other = page.context.new_page()
        other.goto("/accounts/logout/")
        page.context.clear_cookies()
        self.log_in(other, self.greta)
        expect(self.scan(page, self.tickets[0].code)).to_contain_text("Admitted")

    def test_who_is_taken_off_the_list_is_told_so(self) -> None:
        self.meant += ["404"]
        page = self.gate("North")
        self.event.gate_staff.add(self.bob)
        expect(page.locator("[data-gone]")).to_contain_text("You cannot scan this event any more")
        expect(page.locator("[data-ready]")).to_be_hidden()
        expect(self.scan(page, self.tickets[0].code)).to_contain_text("You cannot scan this event any more")
        self.assertEqual(page.evaluate(KEPT)["lists"], 0)

    def test_a_press_whose_answer_was_lost_is_the_same_scan_when_it_is_pressed_again(self) -> None:
        page = self.gate("North")
        page.get_by_label("Name or e-mail").fill("bob")
        page.get_by_role("button", name="Look up").click()
        page.route("**/checkin/scan/", lambda route: (route.fetch(), route.abort()))
        page.get_by_role("button", name="Check in bob").click()
        expect(page.locator("dialog[open]")).to_contain_text("nothing is done twice")
        page.unroute("**/checkin/scan/")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Check in bob").click()
        expect(page.locator("dialog[open]")).to_contain_text("Admitted")
        self.assertEqual(Scan.objects.count(), 1)

    def test_a_scan_is_taken_back_and_a_name_looked_up_on_the_same_page(self) -> None:
        page = self.gate("North")
        page.evaluate("window.sameDocument = true")
        self.scan(page, self.tickets[0].code)
        page.get_by_role("button", name="Next").click()
        page.get_by_text("Take back…").click()
        page.get_by_label("Why?").fill("Wrong person")
        page.get_by_role("button", name="Take back").click()
        expect(page.locator("dialog[open]")).to_contain_text("Taken back")
        page.keyboard.press("Escape")
        expect(page.get_by_label("Ticket code")).to_be_focused()
        expect(page.locator("[data-region=scans]")).to_contain_text("taken back: Wrong person")
        expect(page.locator("[data-gate-number=admitted]")).to_have_text("0")
        page.get_by_label("Name or e-mail").fill("bob")
        page.get_by_role("button", name="Look up").click()
        expect(page.locator("[data-people]")).to_contain_text("b…@example.org")
        page.get_by_role("button", name="Check in bob").click()
        expect(page.locator("dialog[open]")).to_contain_text("Admitted")
        expect(page.locator("[data-gate-number=admitted]")).to_have_text("1")
        self.assertTrue(page.evaluate("window.sameDocument"))

    def test_everything_works_with_scripts_off(self) -> None:
        page = self.window(viewport=PHONE, java_script_enabled=False)
        self.log_in(page, self.greta)
        page.goto("/checkin/")
        page.get_by_label("Event").select_option(str(self.event.pk))
        page.get_by_role("button", name="Go to the gate").click()
        page.get_by_label("Ticket code").fill(self.tickets[0].code)
        page.keyboard.press("Enter")
        expect(page.locator(".result")).to_contain_text("Admitted")
        page.get_by_text("Take back…").click()
        page.get_by_label("Why?").fill("Wrong person")
        page.get_by_role("button", name="Take back").click()
        expect(page.get_by_role("main")).to_contain_text("the ticket can be used again")
        page.get_by_label("Name or e-mail").fill("ali")
        page.get_by_role("button", name="Look up").click()
        page.get_by_role("button", name="Check in alice").click()
        expect(page.locator(".result")).to_contain_text("Admitted")


class OfflineTests(GateCase):
    def test_without_a_network_a_ticket_is_admitted_once_and_told_when_it_is_back(self) -> None:
        page = self.gate("North")
        self.scan(page, self.tickets[0].code)
        page.context.set_offline(True)
        first = self.scan(page, self.tickets[1].code)
        expect(first).to_contain_text("Admitted")
        expect(first).to_contain_text("Without a network")
        page.get_by_role("button", name="Next").click()
        expect(page.locator("[data-unsent]")).to_contain_text("Scans not sent yet: 1")
        expect(page.locator("[data-no-network]")).to_contain_text(
            "No network. This device goes on with its own list, as it was"
        )
        self.picture(page, "gate-offline")
        for ticket, where in ((self.tickets[1], "on this device"), (self.tickets[0], "North")):
            again = self.scan(page, ticket.code)
            expect(again).to_contain_text("Already checked in")
            expect(again).to_contain_text(where)
        expect(self.scan(page, "nonsense")).to_contain_text("Not on the list")
        self.assertEqual(Scan.objects.count(), 1)

        page.context.set_offline(False)
        expect(page.locator("[data-unsent]")).to_be_hidden()
        expect(page.locator("[data-no-network]")).to_be_hidden()
        expect(page.locator("[data-gate-number=admitted]")).to_have_text("2")
        told = [
            ("admitted", True, False),
            ("admitted", True, True),
            ("already_checked_in", False, True),
            ("already_checked_in", False, True),
            ("unknown_code", False, True),
        ]
        self.assertEqual(self.outcomes(), told)

    def test_the_page_opens_without_a_network_and_knows_what_it_did(self) -> None:
        page = self.gate("North")
        page.context.set_offline(True)
        self.scan(page, self.tickets[0].code)
        page.reload()
        expect(page.locator("[data-unsent]")).to_contain_text("Scans not sent yet: 1")
        expect(page.locator("[data-scans]")).to_contain_text("Not sent yet")
        expect(self.scan(page, self.tickets[0].code)).to_contain_text("Already checked in")
        expect(self.scan(page, self.tickets[1].code)).to_contain_text("Admitted")
        page.goto("/checkin/")  # as its icon does
        expect(page.get_by_role("heading", name="Opera")).to_be_visible()
        expect(page.locator("[data-unsent]")).to_contain_text("Scans not sent yet: 3")
        page.context.set_offline(False)
        expect(page.locator("[data-gate-number=admitted]")).to_have_text("2")
        self.assertEqual(Ticket.objects.exclude(checked_in_at=None).count(), 2)

    def test_two_gates_without_a_network_are_a_conflict_that_the_organizer_sees(self) -> None:
        north, south = self.gate("North"), self.gate("South", self.olga)
        for page in (north, south):
            page.context.set_offline(True)
            expect(self.scan(page, self.tickets[0].code)).to_contain_text("Admitted")
        for page in (south, north):
            page.context.set_offline(False)
            expect(page.locator("[data-unsent]")).to_be_hidden()
        self.assertEqual(self.outcomes(), [("admitted", True, True), ("already_checked_in", True, True)])
        south.goto(f"/events/{self.event.pk}/gate/")
        conflict = south.locator("[data-region=conflicts]")
        for told in ("Conflicts: 1", "alice: let in twice", "at South, by olga", "at North, by greta"):
            expect(conflict).to_contain_text(told)
        self.picture(south, "gate-conflict")

    def test_an_answer_that_is_lost_is_no_second_scan(self) -> None:
        page = self.gate("North")
        page.route("**/checkin/scan/", lambda route: (route.fetch(), route.abort()))
        expect(self.scan(page, self.tickets[0].code)).to_contain_text("Admitted")
        page.unroute("**/checkin/scan/")
        expect(page.locator("[data-unsent]")).to_be_hidden()
        self.assertEqual(self.outcomes(), [("admitted", True, False)])

    def test_signing_out_wipes_the_device(self) -> None:
        page = self.gate("North")
        self.scan(page, self.tickets[0].code)
        expect(page.locator("[data-scans]")).to_contain_text("alice")
        self.assertEqual(page.evaluate(KEPT), {"lists": 1, "marks": 1, "queue": 0, "pages": 1})
        page.goto("/accounts/logout/")
        page.get_by_role("main").get_by_role("button", name="Log out").click()
        page.wait_for_url(f"{self.address}/")
        self.assertEqual(page.evaluate(KEPT), {"lists": 0, "marks": 0, "queue": 0, "pages": 0})

    def test_the_device_of_somebody_else_is_wiped_and_what_was_not_sent_waits_for_its_staff(self) -> None:
        page = self.gate("North")
        page.context.set_offline(True)
        expect(self.scan(page, self.tickets[0].code)).to_contain_text("Admitted")
        page.route("**/checkin/sync/", lambda route: route.abort())
        page.context.set_offline(False)
        page.goto("/accounts/logout/")
        expect(page.get_by_role("main")).to_contain_text("has scans of a gate that were not sent yet")
        page.get_by_role("main").get_by_role("button", name="Log out").click()
        page.wait_for_url(f"{self.address}/")
        page.unroute("**/checkin/sync/")
        kept = page.evaluate(KEPT)
        self.assertEqual((kept["lists"], kept["queue"]), (0, 1))
        self.log_in(page, self.greta)
        page.goto(f"/checkin/?event={self.event.pk}&gate=North")
        expect(page.locator("[data-gate-number=admitted]")).to_have_text("1")
        self.assertEqual(self.outcomes(), [("admitted", True, True)])
