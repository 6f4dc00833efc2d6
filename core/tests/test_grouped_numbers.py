"""Numbers of four digits and more are grouped where people read them, and nowhere else."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

from django.test import SimpleTestCase
from django.utils.translation import override

from core.analytics import report
from core.analytics.periods import between
from core.analytics.reading import Figures, Kind
from core.formats import fill, grouped

AT = dt.datetime(2035, 6, 1, tzinfo=dt.UTC)


class WordsTests(SimpleTestCase):
    def test_each_language_has_its_own_signs(self) -> None:
        for language, thousands, half in (
            ("en", "12,000", "1,000.5"), ("de", "12.000", "1.000,5"), ("es", "12.000", "1.000,5"),
            ("ar", "12,000", "1,000.5"),
        ):  # fmt: skip
            with self.subTest(language=language), override(language):
                told = grouped(999), grouped(12_000), grouped(1000.5), grouped(2.0)
                self.assertEqual(told, ("999", thousands, half, "2"))

    def test_of_a_sentence_the_numbers_are_grouped_and_nothing_else(self) -> None:
        filled = fill("%(count)d of %(all)d at %(name)s: %(share)d%%", count=12_000, all=999, name="12000", share=5)
        self.assertEqual(filled, "12,000 of 999 at 12000: 5%")

    def test_the_figures_of_a_sale_are(self) -> None:
        figures = Figures(between(AT, AT + dt.timedelta(hours=2), ZoneInfo("UTC")))
        for kind in (Kind.HELD, Kind.BOOKED, Kind.USED, Kind.LEFT, Kind.LOGINS):
            figures.counts[kind, "0"][1] = 12_000
        figures.gates["North"] = {1: 12_000}
        told = [chart.summary for chart in report.charts(figures)] + [words for _, words in report.highlights(figures)]
        self.assertEqual([words for words in told if re.search(r"\d{4}", words)], [])
        self.assertEqual((told.count("12,000"), told[0][:33]), (3, "12,000 holds placed, 12,000 ticke"))
