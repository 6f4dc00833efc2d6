"""What keeps people out of a page, by the rules of WCAG 2.2 AA that a program can judge (axe-core)."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # -- comes without types
from playwright.sync_api import Page

AXE = Axe()
DJANGOS = "help-tooltip"  # a sign of the admin's, with a name that its element must not have
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def barriers(page: Page) -> list[str]:
    """Return `rule: element` of what is wrong with a page as it is now, its contrasts in the dark among it."""
    found = _found(page, RULES)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")  # not in the middle of a change of colors
    found += [f"in the dark, {wrong}" for wrong in _found(page, ["color-contrast"])]
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    return found


def _found(page: Page, rules: list[str]) -> list[str]:
    options = {"runOnly": rules, "resultTypes": ["violations"]}
    violations: list[dict[str, Any]] = AXE.run(page, options=options).response["violations"]
    nodes = [(rule["id"], node["html"]) for rule in violations for node in rule["nodes"]]
    return [f"{rule}: {html[:200]}" for rule, html in nodes if DJANGOS not in html]
