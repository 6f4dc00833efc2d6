"""The gate with its camera, from the press on the button to the screen that says who comes in."""

from playwright.sync_api import expect

from core.models import Scan

from .test_browser_camera import CameraTestCase
from .videos import BLANK, dark_video, qr_video

PHONE = {"width": 375, "height": 667}
BUTTON = "Scan with the camera"


class CameraAtTheGateTests(CameraTestCase):
    def test_a_ticket_that_is_shown_to_the_camera_is_admitted_once(self) -> None:
        qr_video(self.video, [BLANK, self.ticket.code, BLANK, BLANK, BLANK], 1)
        page = self.gate(viewport=PHONE)
        page.get_by_role("button", name=BUTTON).click()
        screen = page.get_by_role("dialog")
        expect(screen.get_by_role("heading", name="Admitted", exact=True)).to_be_visible()
        expect(screen).to_contain_text("alice")
        self.picture(page, "gate-admitted")

        expect(
            screen.get_by_role("heading", name="Already checked in")
        ).to_be_visible()  # shown again, three seconds later
        self.ticket.refresh_from_db()
        assert self.ticket.checked_in_at is not None
        expect(screen).to_contain_text(f"Used {self.ticket.checked_in_at:%a %-d %b %Y, %H:%M} UTC at North.")
        self.picture(page, "gate-already")
        scans = Scan.objects.order_by("pk").values_list("outcome", "gate", "ticket")[:2]
        told = [(outcome, "North", self.ticket.pk) for outcome in ("admitted", "already_checked_in")]
        self.assertEqual(list(scans), told)

    def test_the_same_without_a_network_and_it_is_told_when_the_network_is_back(self) -> None:
        qr_video(self.video, [BLANK, self.ticket.code, BLANK, BLANK, BLANK], 1)
        page = self.gate(viewport=PHONE)
        expect(page.locator("[data-ready]")).to_be_visible()
        page.context.set_offline(True)
        page.get_by_role("button", name=BUTTON).click()
        screen = page.get_by_role("dialog")
        expect(screen.get_by_role("heading", name="Admitted", exact=True)).to_be_visible()
        expect(screen).to_contain_text("Without a network, this device decides alone")
        expect(screen.get_by_role("heading", name="Already checked in")).to_be_visible()
        expect(screen).to_contain_text("on this device")
        self.picture(page, "gate-camera-offline")
        self.assertEqual(Scan.objects.count(), 0)

        page.context.set_offline(False)
        expect(screen).to_contain_text("at North.")  # as the server says it, shown to the camera once more
        expect(page.locator("[data-unsent]")).to_be_hidden()
        admitted = Scan.objects.get(outcome="admitted")
        self.ticket.refresh_from_db()
        told = (admitted.is_offline, admitted.gate, admitted.scanned_at)
        self.assertEqual(told, (True, "North", self.ticket.checked_in_at))

    def test_the_camera_is_started_and_stopped_with_the_keyboard(self) -> None:
        qr_video(self.video, [BLANK], 1)
        page = self.gate(viewport=PHONE)
        start, stop = (page.get_by_role("button", name=name) for name in (BUTTON, "Stop the camera"))
        start.focus()
        page.keyboard.press("Enter")
        expect(stop).to_be_focused()
        expect(start).to_be_hidden()
        self.wait_for(page, "document.querySelector('[data-video]').currentTime > 0")
        self.picture(page, "gate-camera")
        page.keyboard.press("Enter")
        expect(start).to_be_focused()
        expect(page.locator("[data-view]")).to_be_hidden()
        self.assertEqual(page.evaluate("document.querySelector('[data-video]').srcObject"), None)

    def test_a_refused_camera_is_explained_and_a_dark_one_too(self) -> None:
        dark_video(self.video)
        page = self.gate(allowed=False)
        page.get_by_role("button", name=BUTTON).click()
        words = page.locator("[data-trouble-words]")
        expect(words).to_contain_text("This page may not use the camera.")
        expect(page.get_by_role("button", name=BUTTON)).to_be_focused()
        page.context.grant_permissions(["camera"])
        page.get_by_role("button", name=BUTTON).click()
        expect(words).to_contain_text("The picture is dark.")
        expect(page.locator("[data-view]")).to_be_visible()
