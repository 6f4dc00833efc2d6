"""The style guide has every component that people see, as the pages' own templates make it, and is for developers."""

import re
from pathlib import Path

from django.conf import settings
from django.test import TestCase, override_settings

from core.context import BADGES
from core.models import Event
from core.tests.visits import BROWSER, visit

CORE = Path(settings.BASE_DIR) / "core"
PARTS = CORE / "templates/core/parts"
OF_STAFF = (
    "attendance_chart", "chart", "embed_code", "form_errors", "form_field", "gate_", "message_", "organized_",
    "picture_input", "pulse", "socket_panel",
)  # fmt: skip
OF_GATE_SEEN = {"gate_result", "gate_symbol", "gate_title"}
NOT_HERE = {
    "told", "told_list", "place_templates",  # of a head, and what scripts draw from: nothing of it is seen
    "languages",  # in the foot of every page
    "ledger", "ledger_check", "line_rules", "trail",  # all that one page has to say
    "lead_on", "push",  # a link, and a switch like that of notify.html: not there without a server behind them
}  # fmt: skip


def parts() -> set[str]:
    """Return the names of the parts that attendees see, and of what the gate says of a scan."""
    names = {file.stem for file in PARTS.glob("*.html")}
    staffs = {name for name in names if name.startswith(OF_STAFF) and name != "form_fields"} - OF_GATE_SEEN
    return names - staffs - NOT_HERE


@override_settings(DEBUG=True)
class StyleGuideTests(TestCase):
    def test_it_shows_every_part_that_attendees_see(self):
        response = visit(headers=BROWSER).get("/styleguide/")
        shown = {Path(str(template.name)).stem for template in response.templates if "/parts/" in str(template.name)}
        self.assertEqual(parts() - shown, set())
        self.assertEqual({name for name in NOT_HERE if not (PARTS / f"{name}.html").exists()}, set())

    def test_it_shows_every_badge_and_every_result_of_the_gate(self):
        page = visit(headers=BROWSER).get("/styleguide/").content.decode()
        styles = "".join(file.read_text() for file in (CORE / "static/core/css").glob("*.css"))
        for block in ("badge", "result", "notice", "verdict"):
            looks = set(re.findall(rf"\.{block}--(\w+)", styles))
            looks |= set(BADGES) if block == "badge" else set()
            with self.subTest(block=block):
                self.assertGreater(len(looks), 1)
                self.assertEqual({look for look in looks if f"{block}--{look}" not in page}, set())

    def test_it_shows_every_token(self):
        page = visit(headers=BROWSER).get("/styleguide/").content.decode()
        tokens = re.findall(r"--([\w-]+):", (CORE / "static/core/css/tokens.css").read_text())
        seen_elsewhere = {"shadow", "font", "mono", "glass", "quick", "slow"}  # as those of panels and of text
        self.assertEqual({name for name in tokens if f"<code>--{name}</code>" not in page}, seen_elsewhere)

    def test_no_two_things_on_it_have_one_id(self):
        ids = re.findall(r'\sid="([^"]*)"', visit(headers=BROWSER).get("/styleguide/").content.decode())
        self.assertEqual(sorted({name for name in ids if ids.count(name) > 1}), [])

    def test_it_asks_nothing_of_the_database_and_stores_nothing(self):
        visit(headers=BROWSER).get("/styleguide/")
        with self.assertNumQueries(0):
            visit(headers=BROWSER).get("/styleguide/")
        self.assertEqual(Event.objects.count(), 0)


class ProductionTests(TestCase):
    def test_there_is_none_where_nobody_develops(self):
        self.assertEqual(visit(headers=BROWSER).get("/styleguide/").status_code, 404)
