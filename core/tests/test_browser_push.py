"""The switch for messages with the page closed, in a browser whose push service is staged: it says what is true."""

from typing import ClassVar

from django.test import tag
from playwright.sync_api import expect

from core.push import keys, subscriptions

from .browser import BrowserTestCase
from .nodes import Node, start_node
from .push_service import Browser

KEY, FORMER_KEY = keys.new_private_key(), keys.new_private_key()
ENDPOINT = "https://push.example.org/send/abc"
# A browser that was switched on with a key.
STAGE = """
Object.defineProperty(Notification, "permission", { get: () => "granted" });
const key = Uint8Array.from(atob("%s".replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const getSubscription = async () => ({ endpoint: "%s", options: { applicationServerKey: key.buffer } });
ServiceWorkerContainer.prototype.getRegistration = async () => ({ pushManager: { getSubscription } });
"""


@tag("face")
class SwitchTests(BrowserTestCase):
    takes_away = True

    node: ClassVar[Node]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.node = start_node(VAPID_PRIVATE_KEY=KEY)
        cls.addClassCleanup(cls.node.stop)

    def test_it_is_on_only_where_the_browser_was_switched_on_with_the_key_of_the_site(self) -> None:
        subscriptions.subscribe(user=self.alice, endpoint=ENDPOINT, **Browser().keys)
        for key, pressed in ((KEY, "true"), (FORMER_KEY, "false")):
            with self.subTest(pressed=pressed), self.settings(VAPID_PRIVATE_KEY=key):
                page = self.window(self.node.address)
                page.add_init_script(STAGE % (keys.public_key(), ENDPOINT))
                self.log_in(page, self.alice)
                switch = page.get_by_role("button", name="Notify me with this page closed")
                expect(switch).to_be_visible()
                expect(switch).to_have_attribute("aria-pressed", pressed)
