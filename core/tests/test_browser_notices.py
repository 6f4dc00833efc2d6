"""Choosing one's mails, and doing without one kind by its link, in a browser."""

from playwright.sync_api import expect

from core.models import Notice
from core.telling import wishes

from .browser import BrowserTestCase


class NoticesInBrowserTests(BrowserTestCase):
    def test_somebody_chooses_by_keyboard_and_it_stays(self) -> None:
        page = self.window(viewport={"width": 375, "height": 812})
        self.log_in(page, self.alice)
        page.goto("/account/notices/")
        self.picture(page, "notices-375")
        page.get_by_label("A reminder on the day before an event").focus()
        page.keyboard.press("Space")
        for _ in range(3):  # past the messages of organizers and the language, to the button
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Saved.")).to_be_visible()
        expect(page.get_by_label("A reminder on the day before an event")).not_to_be_checked()
        page.set_viewport_size({"width": 1280, "height": 800})
        self.picture(page, "notices-1280")
        self.assertEqual(list(self.alice.muted_notices.values_list("notice", flat=True)), ["reminder"])

    def test_a_link_in_a_mail_asks_first_without_scripts_and_without_a_login(self) -> None:
        page = self.window(java_script_enabled=False, viewport={"width": 375, "height": 812})
        page.goto(wishes.unsubscribe_url(self.alice, Notice.TURN).replace("http://127.0.0.1:8000", ""))
        self.picture(page, "unsubscribe-375")
        self.assertFalse(self.alice.muted_notices.exists())
        page.get_by_role("button", name="Do not send them any more").click()
        expect(page.get_by_role("heading", name="Done")).to_be_visible()
        self.picture(page, "unsubscribed-375")
        page.set_viewport_size({"width": 1280, "height": 800})
        self.picture(page, "unsubscribed-1280")
        self.assertTrue(self.alice.muted_notices.filter(notice="turn").exists())
