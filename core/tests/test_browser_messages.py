"""An organizer writes to their attendees in a browser: draft, preview, confirmation, progress that moves, stop."""

from playwright.sync_api import Page, expect
from post_office.models import STATUS, Email

from core import allocation
from core.models import AnnouncementMail
from core.telling import everybody

from .browser import BrowserTestCase
from .cast import make_event, make_people


class MessagesInBrowserTests(BrowserTestCase):
    def test_a_message_is_written_looked_at_sent_and_watched(self) -> None:
        event = make_event(name="Opera Night", capacity=200, auto_hold=False)
        allocation.book_all(event_id=event.pk, user_ids=[person.pk for person in make_people(120)])
        page = self.window(viewport={"width": 375, "height": 812})
        self.log_in(page, self.olga)
        page.goto(f"/events/{event.pk}/")
        page.get_by_role("link", name="Organize it").click()
        page.get_by_role("link", name="Messages to attendees").click()
        self.picture(page, "messages-empty-375")
        page.get_by_label("Subject").fill("Doors open at 7")
        page.get_by_label("Text").fill(
            "Dear all,\n\nthe doors open at 7. Bring your ID, and see https://example.org/map"
        )
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_text("120 people would get it now")).to_be_visible()
        self.picture(page, "message-draft-375")
        page.set_viewport_size({"width": 1280, "height": 900})
        self.picture(page, "message-draft-1280")
        page.get_by_label("Yes, send it to 120 people").check()
        page.get_by_role("button", name="Send the message").click()
        expect(page.get_by_role("heading", name="On its way")).to_be_visible()
        self.watch(page)

    def watch(self, page: Page) -> None:
        """Deliver, in place of a mail server, while the page is open and nobody loads it again."""
        self.picture(page, "message-sending-1280")
        for _ in range(4):  # the server, which has a clock of its own, may do a part of it
            everybody.store()
            Email.objects.exclude(status=STATUS.sent).update(status=STATUS.sent)
        expect(page.get_by_role("definition").filter(has_text="120 of 120")).to_be_visible()
        expect(page.get_by_role("heading", name="Sent")).to_be_visible()
        expect(page.get_by_role("button", name="Stop sending")).to_have_count(0)
        page.set_viewport_size({"width": 375, "height": 812})
        self.picture(page, "message-sent-375")
        page.get_by_role("link", name="Messages about Opera Night").click()
        expect(page.get_by_text("120 of 120 delivered")).to_be_visible()
        page.set_viewport_size({"width": 1280, "height": 900})
        self.picture(page, "messages-1280")
        self.assertEqual(AnnouncementMail.objects.count(), 120)
