"""Colors can be told from the ground they stand on (WCAG 2.2: 1.4.3, 1.4.11; 1.4.6 for those who ask for more)."""

import re
from pathlib import Path

from django.conf import settings
from django.test import SimpleTestCase

TOKENS = Path(settings.BASE_DIR) / "core/static/core/css/tokens.css"
LIGHT, DARK, MORE = "", "(prefers-color-scheme: dark)", "(prefers-contrast: more)"
SCHEMES = {  # by name, whose blocks apply, in their order, and what text and edges keep
    "light": ((LIGHT,), 4.5, 3),
    "dark": ((LIGHT, DARK), 4.5, 3),
    "light, more": ((LIGHT, MORE), 7, 4.5),
    "dark, more": ((LIGHT, DARK, MORE, f"{MORE} and {DARK}"), 7, 4.5),
}
GROUNDS = ("page", "panel-solid")
SOFT = ("accent-soft", "good-soft", "hold-soft", "wait-soft", "bad-soft", "plain-soft")
STRONG = ("good", "hold", "wait", "bad")
TEXT = [
    *[("text", ground) for ground in (*GROUNDS, *SOFT, "control")],
    *[("muted", ground) for ground in (*GROUNDS, "plain-soft")],
    *[(color, ground) for color in ("accent", "accent-strong", *STRONG) for ground in GROUNDS],
    *[(color, f"{color}-soft") for color in STRONG],
    ("accent-strong", "accent-soft"), ("on-accent", "accent"), ("on-accent", "accent-strong"),
    *[("on-strong", color) for color in STRONG],
]  # fmt: skip
EDGES = [(edge, ground) for edge in ("control-edge", "focus") for ground in (*GROUNDS, "control")]


def schemes() -> dict[str, dict[str, str]]:
    """Return the tokens that each of the `SCHEMES` ends up with."""
    text = TOKENS.read_text()
    blocks = re.findall(r"(?:@media ([^{]*?) \{\s*)?:root \{(.*?)\}", text, re.DOTALL)
    told = {media: dict(re.findall(r"--([\w-]+): ([^;]+);", block)) for media, block in blocks}
    return {name: {k: v for media in medias for k, v in told[media].items()} for name, (medias, *_) in SCHEMES.items()}


def luminance(color: str) -> float:
    """Return the relative luminance of `#rgb` or `#rrggbb` (WCAG 2.2)."""
    digits = color.removeprefix("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) < 6 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return how far two colors are apart, 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


class ContrastTests(SimpleTestCase):
    def test_black_and_white_are_as_far_apart_as_colors_can_be(self):
        self.assertAlmostEqual(contrast("#000", "#ffffff"), 21)

    def test_text_and_edges_can_be_told_from_their_ground_in_every_scheme(self):
        for name, tokens in schemes().items():
            _, text, edge = SCHEMES[name]
            wanted = dict.fromkeys(TEXT, text) | dict.fromkeys(EDGES, edge) | {("accent", "track"): 3}
            got = {pair: round(contrast(tokens[pair[0]], tokens[pair[1]]), 2) for pair in wanted}
            with self.subTest(scheme=name):
                self.assertEqual({pair: ratio for pair, ratio in got.items() if ratio < wanted[pair]}, {})

    def test_who_asks_for_more_contrast_has_solid_panels_with_edges(self):
        for name in ("light, more", "dark, more"):
            tokens = schemes()[name]
            with self.subTest(scheme=name):
                self.assertEqual((tokens["panel"], tokens["shadow"]), (tokens["panel-solid"], "none"))
                self.assertEqual({tokens[f"glow-{n}"] for n in (1, 2, 3)}, {tokens["page"]})
                for edge in ("panel-edge", "line"):
                    self.assertGreaterEqual(contrast(tokens[edge], tokens["page"]), 4.5)
                self.assertGreaterEqual(contrast(tokens["track"], tokens["panel-solid"]), 3)
