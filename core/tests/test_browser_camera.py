"""The camera reads a ticket's code, once while it is shown, and says what is wrong where it cannot."""

import tempfile
from pathlib import Path
from typing import Any

from django.test import tag
from playwright.sync_api import Page

from core.models import Event, Ticket

from .browser import BrowserTestCase
from .cast import book, make_event
from .videos import BLANK, camera_arguments, dark_video, qr_video

START = """async (name) => {
  const { startCamera, ...camera } = await import("/static/core/js/camera.js");
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
  Object.assign(window, { codes: [], troubles: [], camera, video });
  const { wasm } = document.querySelector("[data-wasm]").dataset;
  const tell = { onCode: (code) => codes.push(code), onTrouble: (trouble) => troubles.push(trouble) };
  window.can = await startCamera(video, { wasm, ...tell }) ?? null;
}"""
REFUSE = "(name) => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name); } }"
NATIVE = """window.BarcodeDetector = class {
  static async getSupportedFormats() { return ["ean_13", "qr_code"]; }
  async detect(picture) {
    if (window.isBroken) throw new DOMException("Barcode detection service unavailable.", "NotSupportedError");
    return [{ rawValue: `${picture.width} x ${picture.height}` }];
  }
};"""


@tag("face")
class CameraTestCase(BrowserTestCase):
    takes_away = True

    video: Path
    event: Event
    ticket: Ticket

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.video = Path(folder.name, "camera.y4m")
        cls.browser_args = cls.camera_args()
        super().setUpClass()

    @classmethod
    def camera_args(cls) -> tuple[str, ...]:
        return camera_arguments(cls.video)

    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(name="Opera", auto_hold=False)
        self.ticket = book(self.event, self.alice)

    def gate(self, *, before: str = "", allowed: bool = True, **options: Any) -> Page:
        """Return greta's gate page, whose camera may be used or is refused."""
        page = self.window(permissions=["camera"] if allowed else [], **options)
        if before:
            page.add_init_script(before)
        self.log_in(page, self.greta)
        page.goto(f"/checkin/?event={self.event.pk}&gate=North")
        return page

    def start(self, page: Page) -> Any:
        """Start the camera beside the page's own; return what it can."""
        page.evaluate(START)
        return page.evaluate("window.can")

    def codes(self, page: Page, count: int) -> list[str]:
        """Return the codes that were told, once there are so many."""
        self.wait_for(page, "(count) => codes.length >= count", count)
        told: list[str] = page.evaluate("codes")
        return told

    def troubles(self, page: Page, *names: str) -> None:
        """Wait for troubles, and see that there are no others."""
        self.wait_for(page, "(count) => troubles.length >= count", len(names))
        self.assertEqual(page.evaluate("troubles"), list(names))


class CameraTests(CameraTestCase):
    def test_the_code_of_a_ticket_is_read_within_the_policy_and_from_this_site_alone(self) -> None:
        qr_video(self.video, [self.ticket.code], 1)
        page = self.gate()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        can = self.start(page)
        self.assertEqual(self.codes(page, 1), [self.ticket.code])
        self.assertEqual(can, {"torch": False, "switch": False})
        self.assertEqual([url for url in asked if not url.startswith(self.address)], [])

    def test_it_is_told_once_while_it_is_shown_and_again_when_it_comes_back(self) -> None:
        other = book(self.event, self.bob)
        twice = [self.ticket.code, BLANK, self.ticket.code]
        qr_video(self.video, [*twice, other.code, *[BLANK] * 3], 1)
        page = self.gate()
        self.start(page)
        # For one second it is not seen in between, as when a hand shakes; at the end both are gone for three.
        self.assertEqual(self.codes(page, 4)[:4], [self.ticket.code, other.code] * 2)

    def test_another_one_in_between_is_enough_to_tell_it_again(self) -> None:
        other = book(self.event, self.bob)
        qr_video(self.video, [self.ticket.code, other.code], 1)
        page = self.gate()
        self.start(page)
        self.assertEqual(self.codes(page, 5)[:5], [*[self.ticket.code, other.code] * 2, self.ticket.code])

    def test_when_stopped_the_camera_is_free(self) -> None:
        qr_video(self.video, [self.ticket.code, BLANK, BLANK, BLANK], 1)
        page = self.gate()
        self.start(page)
        self.codes(page, 1)
        page.evaluate("window.track = video.srcObject.getTracks()[0]; camera.stopCamera()")
        self.assertEqual(page.evaluate("[track.readyState, video.srcObject]"), ["ended", None])
        self.assertEqual(page.evaluate("[codes.length, troubles]"), [1, []])

    def test_stopped_while_it_starts_it_does_not_go_on(self) -> None:
        qr_video(self.video, [self.ticket.code], 1)
        page = self.gate()
        page.evaluate("""async () => {
          const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          navigator.mediaDevices.getUserMedia = async (what) => {
            window.stream = await ask(what);
            camera.stopCamera();
            return stream;
          };
          window.camera = await import("/static/core/js/camera.js");
        }""")
        self.assertEqual(self.start(page), None)
        self.assertEqual(page.evaluate("[stream.getTracks()[0].readyState, video.srcObject]"), ["ended", None])

    def test_nothing_is_read_while_nobody_looks(self) -> None:
        qr_video(self.video, [self.ticket.code], 1)
        page = self.gate()
        page.evaluate("Object.defineProperty(document, 'hidden', { get: () => window.away, configurable: true })")
        page.evaluate("window.away = true")
        self.start(page)
        self.wait_for(page, "video.currentTime > 0.5")
        self.assertEqual(page.evaluate("codes"), [])
        page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
        self.assertEqual(self.codes(page, 1), [self.ticket.code])

    def test_the_browsers_own_reader_is_preferred_and_gets_small_pictures(self) -> None:
        qr_video(self.video, [self.ticket.code], 1)
        page = self.gate(before=NATIVE)
        self.start(page)
        self.assertEqual(self.codes(page, 1), ["640 x 480"])

    def test_where_the_browsers_own_reader_fails_the_other_one_reads(self) -> None:
        qr_video(self.video, [self.ticket.code], 1)
        page = self.gate(before=NATIVE + "window.isBroken = true;")
        self.start(page)
        self.assertEqual(self.codes(page, 1), [self.ticket.code])
        self.assertEqual(page.evaluate("troubles"), [])

    def test_the_light_is_switched_where_the_camera_has_one(self) -> None:
        qr_video(self.video, [BLANK], 1)
        page = self.gate(before="""
          const { prototype } = MediaStreamTrack;
          prototype.getCapabilities = () => ({ torch: true });
          prototype.applyConstraints = async (what) => { window.applied = what; };
        """)  # fmt: skip
        self.assertEqual(self.start(page), {"torch": True, "switch": False})
        self.assertEqual(page.evaluate("(async () => [await camera.toggleTorch(), applied])()"),
                         [True, {"advanced": [{"torch": True}]}])  # fmt: skip
        self.assertEqual(page.evaluate("camera.toggleTorch()"), False)


class TroubleTests(CameraTestCase):
    def test_a_refusal_is_told(self) -> None:
        qr_video(self.video, [BLANK], 1)
        page = self.gate(allowed=False)
        self.assertEqual(self.start(page), None)
        self.troubles(page, "denied")

    def test_a_covered_lens_is_told_and_that_it_is_light_again(self) -> None:
        dark_video(self.video)
        page = self.gate()
        self.start(page)
        self.troubles(page, "dark")
        page.evaluate("""() => {
          const { getImageData } = CanvasRenderingContext2D.prototype;
          CanvasRenderingContext2D.prototype.getImageData = function (...area) {
            const picture = getImageData.apply(this, area);
            picture.data.fill(200);
            return picture;
          };
        }""")
        self.troubles(page, "dark", "light")

    def test_a_camera_that_goes_away_is_told(self) -> None:
        qr_video(self.video, [BLANK], 1)
        page = self.gate()
        self.start(page)
        page.evaluate("video.srcObject.getTracks()[0].dispatchEvent(new Event('ended'))")
        self.troubles(page, "lost")
        self.assertEqual(page.evaluate("video.srcObject"), None)

    def test_what_the_browser_says_has_our_names(self) -> None:
        qr_video(self.video, [BLANK], 1)
        page = self.gate()
        names = {
            "NotAllowedError": "denied", "NotFoundError": "none", "NotReadableError": "busy", "AbortError": "failed",
        }  # fmt: skip
        for said, told in names.items():
            with self.subTest(said=said):
                page.evaluate(REFUSE, said)
                self.assertEqual(self.start(page), None)
                self.troubles(page, told)

    def test_a_page_that_is_not_over_https_is_told_so(self) -> None:
        page = self.gate(before="delete Navigator.prototype.mediaDevices")
        self.assertEqual(self.start(page), None)
        self.troubles(page, "insecure")

    def test_a_reader_that_cannot_be_loaded_is_told_the_camera_is_free_and_the_next_start_asks_again(self) -> None:
        self.meant += ["wasm", "ArrayBuffer"]
        qr_video(self.video, [self.ticket.code], 1)
        page = self.gate(before="delete Navigator.prototype.serviceWorker")
        page.route("**/*.wasm", lambda route: route.abort())
        self.start(page)
        self.troubles(page, "failed")
        self.assertEqual(page.evaluate("video.srcObject"), None)
        page.unroute("**/*.wasm")
        self.start(page)
        self.assertEqual(self.codes(page, 1), [self.ticket.code])


class OtherCameraTests(CameraTestCase):
    @classmethod
    def camera_args(cls) -> tuple[str, ...]:
        return ("--use-fake-device-for-media-stream=device-count=2",)

    def test_with_two_cameras_the_next_one_takes_over(self) -> None:
        page = self.gate()
        self.assertEqual(self.start(page), {"torch": False, "switch": True})
        which = "video.srcObject.getTracks()[0].getSettings().deviceId"
        seen = [page.evaluate(which)]
        for _ in range(2):
            page.evaluate("camera.switchCamera()")
            seen.append(page.evaluate(which))
        self.assertEqual((seen[0] == seen[1], seen[0] == seen[2]), (False, True))


class NoCameraTests(CameraTestCase):
    @classmethod
    def camera_args(cls) -> tuple[str, ...]:
        return ("--use-fake-device-for-media-stream=device-count=0",)

    def test_a_device_without_a_camera_is_told(self) -> None:
        page = self.gate()
        self.assertEqual(self.start(page), None)
        self.troubles(page, "none")
