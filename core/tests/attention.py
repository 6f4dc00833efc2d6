"""People who look elsewhere, and a browser that notes what it is asked to show them."""

from typing import Any

from django.test import tag
from playwright.sync_api import Page, expect

from core.models import Event, TicketHold, User

from .browser import BrowserTestCase
from .cast import later

# A browser that notes what it is asked to show, and a person who is `away` when a test says so.
STAGE = """
window.shown = [];
window.asked = 0;
window.away = false;
Object.defineProperty(document, "visibilityState", {
  configurable: true, // staged again before a reload
  get: () => (window.away ? "hidden" : "visible"),
});
document.hasFocus = () => !window.away;
window.Notification = class {
  static permission = "%s";
  static async requestPermission() { window.asked += 1; return (this.permission = "%s"); }
  constructor(title, { tag, body }) {
    if (%s) throw new TypeError("Illegal constructor. Use ServiceWorkerRegistration.showNotification() instead.");
    window.shown.push({ title, tag, body });
    window.last = this;
  }
  close() { this.isClosed = true; }
};
"""
LATE = """
const read = Storage.prototype.getItem;
Storage.prototype.getItem = function (key) { return key === "notified" ? null : read.call(this, key); };
"""


def go_away(page: Page) -> None:
    """Look at another window from now on."""
    page.evaluate("window.away = true")


def come_back(page: Page) -> None:
    """Look at this window again."""
    page.evaluate("window.away = false; window.dispatchEvent(new Event('focus'))")


@tag("face")
class AttentionTestCase(BrowserTestCase):
    takes_away = True

    def stage(self, page: Page, before: str = "default", after: str = "granted", *, throws: bool = False) -> None:
        """Give a window the permission it has before and after it is asked for, in place of the browser's own."""
        page.clock.install()
        page.add_init_script(STAGE % (before, after, str(throws).lower()))

    def person(self, user: User, **options: Any) -> Page:
        """Log in, in a window of one's own, to a dashboard that is live."""
        page = self.window()
        self.stage(page, **options)
        self.log_in(page, user)
        expect(page.locator("[data-live-status]").first).to_contain_text("Live")
        return page

    def beside(self, page: Page) -> Page:
        """Open a second tab of the same browser, in which what the first one keeps arrives too late."""
        tab = page.context.new_page()
        self.stage(tab, "granted")
        tab.add_init_script(LATE)
        tab.goto("/dashboard/")
        expect(tab.locator("[data-live-status]").first).to_contain_text("Live")
        return tab


def end_soon(event: Event, **length: float) -> None:
    """Let the holds of an event end in a moment."""
    TicketHold.objects.filter(event=event, status="held").update(expires_at=later(**length))
