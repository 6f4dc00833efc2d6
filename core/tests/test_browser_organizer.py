"""An organizer in a real browser: from the first event to its end, and watching it sell without a reload."""

import datetime as dt
from typing import Any

from playwright.sync_api import Page, expect

from core import checkin, pictures, steering
from core.imports.files import MOST_BYTES, NO_CSV
from core.imports.forms import TOO_LARGE
from core.models import AuditEntry, Event
from core.now import now
from core.sessions import SessionStore

from .browser import PASSWORD, BrowserTestCase, tab_to
from .cast import appoint, book, join, later, make_event, make_people

PHONE = {"width": 375, "height": 812}


class OrganizerTests(BrowserTestCase):
    def setUp(self) -> None:
        super().setUp()
        appoint(self.olga)

    def organizer(self, **options: Any) -> Page:
        page = self.window(**options)
        self.log_in(page, self.olga)
        return page

    def is_live(self, page: Page) -> None:
        expect(page.locator("[data-live-status]").first).to_contain_text("Live")
        page.evaluate("window.sameDocument = true")

    def test_an_event_from_its_first_draft_to_its_end(self) -> None:
        self.meant.append("400")
        page = self.organizer()
        event = self.make_and_publish(page)
        self.watch(page, event)
        self.edit_and_duplicate(page)
        self.cancel(page, event)
        deeds = AuditEntry.objects.filter(event=event, actor=self.olga).order_by("pk").values_list("action", flat=True)
        done = ["event_created", "event_published", "event_changed", "event_cancelled"]
        self.assertEqual(list(deeds), done)

    def make_and_publish(self, page: Page) -> Event:
        """Make the first event, and publish it."""
        page.get_by_role("link", name="Organize", exact=True).click()
        self.picture(page, "organize-empty")
        page.get_by_role("link", name="Make your first event").click()
        page.get_by_label("Name", exact=True).fill("Winter Concert")
        page.get_by_label("Venue").fill("Town Hall")
        page.get_by_label("Time zone").select_option("Asia/Tokyo")
        starts = page.get_by_role("group", name="Starts")
        starts.get_by_label("Day").fill(f"{later(days=9):%Y-%m-%d}")
        starts.get_by_label("Time").fill("19:30")
        page.get_by_label("Capacity").fill("2")
        page.get_by_role("button", name="Save as a draft").click()
        expect(page.get_by_role("main")).to_contain_text("Saved as a draft")
        self.picture(page, "organize-draft")
        page.get_by_role("button", name="Publish").click()
        expect(page.get_by_role("main")).to_contain_text("Published: everybody can see it now.")
        return Event.objects.get()

    def watch(self, page: Page, event: Event) -> None:
        """See what others do to it, without a reload."""
        self.is_live(page)
        ticket = book(event, self.alice)
        expect(page.locator(".numbers [data-number=booked]")).to_have_text("1")
        expect(page.locator("[data-region=pulse]")).to_contain_text("1 booked from")
        expect(page.get_by_role("img", name="1 booked in 15 minutes")).to_be_visible()
        join(event, self.bob)
        join(event, self.greta)
        expect(page.locator(".numbers [data-number=waiting]")).to_have_text("1")
        checkin.scan(code=ticket.code, event=event, staff=self.greta)
        expect(page.locator("[data-gate-number=admitted]")).to_have_text("1")
        steering.pause(event_id=event.pk, reason="A storm")
        expect(page.locator("[data-region=state]")).to_contain_text("Serving is paused since")
        expect(page.locator("[data-region=state]")).to_contain_text("A storm")
        expect(page.get_by_role("link", name="Resume serving, extend holds…")).to_be_visible()
        self.assertTrue(page.evaluate("window.sameDocument"))
        self.picture(page, "organize-event")

    def edit_and_duplicate(self, page: Page) -> None:
        """Change it, which is refused once, and make another like it."""
        page.get_by_role("link", name="Edit", exact=True).click()
        page.get_by_label("Capacity").fill("1")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_contain_text("The capacity must be at least 2")
        self.picture(page, "organize-refused")
        page.get_by_label("Capacity").fill("5")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("main")).to_contain_text("Saved.")
        page.get_by_role("button", name="Duplicate as a draft").click()
        expect(page.get_by_role("main")).to_contain_text("with the dates of the original")
        expect(page.get_by_label("Name", exact=True)).to_have_value("Winter Concert (copy)")

    def cancel(self, page: Page, event: Event) -> None:
        """Cancel it, by its name."""
        page.goto(f"/organize/{event.pk}/")
        page.get_by_role("link", name="Cancel the event…").click()
        page.get_by_label("Reason").fill("The hall is closed")
        page.get_by_label("The event's name").fill("Winter Concert")
        self.picture(page, "organize-cancel")
        page.get_by_role("button", name="Cancel the event").click()
        expect(page.get_by_role("main")).to_contain_text("its tickets open no gate")

    def test_with_the_keyboard_alone_an_event_is_made_published_and_cancelled(self) -> None:
        page = self.organizer()
        page.goto("/organize/new/")
        for role, name, text in (("textbox", "Name", "Opera"), ("textbox", "Venue", "House")):
            tab_to(page, role, name)
            page.keyboard.type(text)
        starts = page.get_by_role("group", name="Starts")
        while not starts.get_by_label("Day").evaluate("(element) => element === document.activeElement"):
            page.keyboard.press("Tab")
        page.keyboard.type(f"{later(days=9):%m%d%Y}")
        page.keyboard.press("Tab")
        while not starts.get_by_label("Time").evaluate("(element) => element === document.activeElement"):
            page.keyboard.press("Tab")
        page.keyboard.type("0730PM")
        tab_to(page, "spinbutton", "Capacity")
        page.keyboard.type("5")
        page.keyboard.press("Enter")
        expect(page.get_by_role("main")).to_contain_text("Saved as a draft")
        event = Event.objects.get()
        self.assertEqual((event.name, event.capacity, f"{event.starts_at:%H:%M}"), ("Opera", 5, "19:30"))
        tab_to(page, "button", "Publish")
        page.keyboard.press("Enter")
        expect(page.get_by_role("main")).to_contain_text("Published")
        tab_to(page, "link", "Cancel the event…")
        page.keyboard.press("Enter")
        tab_to(page, "textbox", "Reason (required)")
        for typed in ("A storm", "The roof leaks.", "Opera"):  # why, what people are told, and the name
            page.keyboard.type(typed)
            page.keyboard.press("Tab")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("main")).to_contain_text("Cancelled: its places")

    def test_everything_works_with_scripts_off(self) -> None:
        self.meant += ["400"]
        page = self.organizer(java_script_enabled=False)
        event = self.make_and_publish(page)
        book(event, self.alice)
        page.goto(f"/organize/{event.pk}/")
        expect(page.locator("[data-region=pulse]")).to_contain_text("1 booked from")
        join(event, self.bob)
        self.edit_and_duplicate(page)
        self.cancel(page, event)

    def test_the_list_follows_sales_and_fits_a_phone(self) -> None:
        event = make_event(name="Long " + "Wordwithoutspaces" * 3, capacity=4, auto_hold=False)
        page = self.organizer(viewport=PHONE)
        page.goto("/organize/")
        self.is_live(page)
        row = page.locator(f"[data-event='{event.pk}']")
        book(event, self.alice)
        expect(row.locator("[data-number=booked]")).to_have_text("1")
        expect(row.locator("[data-bar]")).to_have_js_property("value", 25)
        self.picture(page, "organize-list-phone")
        for path in ("/organize/", "/organize/new/", f"/organize/{event.pk}/", f"/organize/{event.pk}/line/"):
            page.goto(path)
            self.assertEqual(page.evaluate("document.documentElement.scrollWidth"), 375, path)
        links = page.locator(".header").get_by_role("link")
        tops = "links => new Set(links.map((link) => Math.round(link.getBoundingClientRect().top))).size"
        self.assertLessEqual(links.evaluate_all(tops), 3)
        expect(page.get_by_role("link", name="Organize", exact=True)).to_be_in_viewport(ratio=0.99)
        for link in links.all():
            link.focus()
            expect(link).to_be_in_viewport(ratio=0.99)
            self.assertGreaterEqual(link.evaluate("link => link.offsetHeight"), 44)
        page.goto(f"/organize/{event.pk}/")
        self.picture(page, "organize-event-phone")

    def test_a_file_that_a_password_was_asked_for_comes_by_itself_and_the_page_stays(self) -> None:
        exports = f"/organize/{make_event(auto_hold=False).pk}/exports/"
        page = self.organizer()
        [key] = [cookie.get("value") for cookie in page.context.cookies() if cookie.get("name") == "sessionid"]
        session = SessionStore(key)
        del session["account_authentication_methods"]  # the login was long ago
        session.save()
        page.goto(exports)
        page.locator(f'a[href="{exports}tickets.csv"]').click()
        page.get_by_label("Password").fill(PASSWORD)
        with page.expect_download() as coming:
            page.keyboard.press("Enter")
        self.assertTrue(coming.value.suggested_filename.startswith("tickets-"))
        expect(page.get_by_role("link", name="Download the file now")).to_be_visible()

    def test_it_is_asked_again_at_most_once_a_second_and_once_a_minute_while_nothing_changes(self) -> None:
        event = make_event(capacity=99, auto_hold=False)
        page = self.organizer()
        page.clock.install()
        page.goto(f"/organize/{event.pk}/")
        self.is_live(page)
        page.clock.pause_at(now() + dt.timedelta(minutes=5.5))
        page.clock.run_for(5000)  # what the minutes before have brought
        page.wait_for_load_state("networkidle")
        page.evaluate("window.answered = 0")
        page.evaluate("document.addEventListener('regions-replaced', () => { window.answered += 1; })")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if "x-refresh" in request.headers else None)

        def change_and_wait(milliseconds: int, *, times: int = 1) -> int:
            for _ in range(times):
                page.evaluate("document.dispatchEvent(new Event('numbers-changed'))")
            page.clock.run_for(milliseconds)
            while page.evaluate("window.answered") < len(asked):  # by the clock of the server, which goes on
                page.wait_for_timeout(20)
            return len(asked)

        self.assertEqual(change_and_wait(5000, times=0), 0)
        self.assertEqual(change_and_wait(200, times=20), 1)
        self.assertEqual(change_and_wait(700, times=20), 1)
        self.assertEqual(change_and_wait(300, times=20), 2)
        self.assertEqual(change_and_wait(100), 2)
        self.assertEqual(change_and_wait(2000, times=0), 3)  # the last change is not forgotten
        self.assertEqual(change_and_wait(9000, times=0), 3)
        with page.expect_request(lambda request: "x-refresh" in request.headers):
            page.clock.run_for(60_000)  # its bars are those of the last minutes

    def test_a_picture_that_would_be_refused_is_said_to_be_so_before_it_is_sent_and_then_with_what_else_is_wrong(
        self,
    ) -> None:
        self.meant += ["400"]
        page = self.organizer()
        page.goto("/organize/new/")
        for label, text in (("Name", "Opera"), ("Venue", "House"), ("Capacity", "5"), ("Minutes that a place", "0")):
            page.get_by_label(label, exact=not label.startswith("Minutes")).fill(text)
        starts = page.get_by_role("group", name="Starts")
        starts.get_by_label("Day").fill(f"{later(days=9):%Y-%m-%d}")
        starts.get_by_label("Time").fill("19:30")
        field, beside = page.get_by_label("Picture"), page.locator(".upload [role=alert]")
        expect(beside).to_be_hidden()
        sent: list[int] = []
        page.on("request", lambda request: sent.append(len(request.post_data_buffer or b"")))
        for name, kind, size, words in (
            ("poster.png", "image/png", 7 * 2**20, pictures.TOO_LARGE),
            ("poster.pdf", "application/pdf", 9, pictures.UNREADABLE),
        ):
            chosen: Any = {"name": name, "mimeType": kind, "buffer": b"\0" * size}
            field.set_input_files(chosen)
            expect(beside).to_have_text(str(words))
            page.get_by_role("button", name="Save as a draft").click()
            said = page.get_by_role("alert").filter(has_text="Not saved.")
            expect(said).to_contain_text(str(words))
            expect(said).to_contain_text("Type a number of minutes")
            expect(page.get_by_label("Name", exact=True)).to_have_value("Opera")
            page.wait_for_load_state()  # its scripts look at the next choice
        self.assertLess(max(sent), 2**20)  # what was too large stayed here
        self.assertEqual(Event.objects.count(), 0)
        field.set_input_files({"name": "poster.pdf", "mimeType": "application/pdf", "buffer": b"-"})
        expect(field).to_have_attribute("aria-invalid", "true")
        field.set_input_files([])
        expect(beside).to_be_hidden()

    def test_a_file_of_events_that_would_be_refused_is_said_to_be_so_before_it_is_sent(self) -> None:
        self.meant += ["400"]
        page = self.organizer()
        page.goto("/organize/import/")
        field, beside = page.get_by_label("File (CSV"), page.locator("#id_file-refused")
        for name, kind, size, words in (
            ("events.csv", "text/csv", MOST_BYTES + 1, TOO_LARGE),
            ("EVENTS.CSV", "application/vnd.ms-excel", 9, ""),  # as Windows with Excel has it
            ("events.csv", "", 9, ""),
            ("events.xls", "application/vnd.ms-excel", 9, NO_CSV),
        ):
            chosen: Any = {"name": name, "mimeType": kind, "buffer": b"x" * size}
            field.set_input_files(chosen)
            with self.subTest(name=name, kind=kind, size=size):
                expect(beside).to_have_text(str(words))
        sent: list[int] = []
        page.on("request", lambda request: sent.append(len(request.post_data_buffer or b"")))
        field.set_input_files({"name": "events.csv", "mimeType": "text/csv", "buffer": b"x" * 2 * MOST_BYTES})
        page.get_by_role("button", name="Upload and look").click()
        expect(page.locator(".errorlist")).to_have_text(str(TOO_LARGE))
        self.assertLess(max(sent), MOST_BYTES)


class AdministratorTests(BrowserTestCase):
    def test_the_admins_list_of_events_and_the_page_of_one_move_by_themselves(self) -> None:
        event, other = make_event(capacity=4, auto_hold=False), make_event(name="Other", auto_hold=False)
        self.olga.is_superuser = self.olga.is_staff = True
        self.olga.save(update_fields=["is_superuser", "is_staff"])
        page = self.window()
        self.log_in(page, self.olga)
        for address in ("/admin/core/event/", f"/admin/core/event/{event.pk}/change/"):
            with page.expect_websocket(lambda socket: socket.url.endswith("/ws/organize/")) as opened:
                page.goto(address)
            opened.value.wait_for_event("framereceived")
            page.evaluate("window.sameDocument = true")
            for person in make_people(1):
                ticket = book(event, person)
            booked = event.tickets.count()
            cells = f"[data-event='{event.pk}']"
            expect(page.locator(f"{cells} [data-number=booked]")).to_have_text(str(booked))
            checkin.scan(code=ticket.code, event=event, staff=self.olga)
            expect(page.locator(f"{cells} [data-gate-number=admitted]")).to_have_text(str(booked))
            others = page.locator(f"[data-event='{other.pk}'] [data-gate-number=admitted]")
            expect(others.filter(has_text=str(booked))).to_have_count(0)
            expect(page.locator(f"{cells} [data-number=available]")).to_have_text(str(4 - booked))
            expect(page.locator(f"{cells} progress")).to_have_js_property("value", booked)
            self.assertTrue(page.evaluate("window.sameDocument"))
            self.picture(page, f"admin-events-{booked}")
            if "change" not in address:
                expect(page.locator(f"[data-region=pace-{event.pk}]")).to_have_text("1")
                steering.pause(event_id=event.pk, reason="A storm")
                expect(page.locator(f"[data-region=status-{event.pk}]")).to_contain_text("paused")
                steering.resume(event_id=event.pk, reason="It is over")
        page.goto("/admin/core/event/")
        expect(page.locator(f"[data-event='{other.pk}'] [data-number=booked]")).to_have_text("0")
