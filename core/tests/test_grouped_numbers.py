"""Numbers of four digits and more are grouped where people read them, alike by server and scripts, and nowhere else."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

from django.test import SimpleTestCase
from django.utils.translation import override

from core.analytics import report
from core.analytics.periods import between
from core.analytics.reading import Figures, Kind
from core.formats import fill, grouped
from core.templatetags.words import people_ahead

from .cast import book, make_event
from .organizers import OrganizerCase, path
from .visits import BROWSER, JSON, answer_of, visit

AT = dt.datetime(2035, 6, 1, tzinfo=dt.UTC)
SAMPLES = (0, 999, 1000, 12_000, 1_234_567)
FOR_PEOPLE = r"\s(?:aria-label|title|alt|content)=\"[^\"]*\""


def by_server(language: str) -> list[str]:
    with override(language):
        return [grouped(number) for number in SAMPLES]


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
        self.assertEqual((filled, people_ahead(12_000)), ("12,000 of 999 at 12000: 5%", "12,000 people ahead of you"))

    def test_the_figures_of_a_sale_are(self) -> None:
        figures = Figures(between(AT, AT + dt.timedelta(hours=2), ZoneInfo("UTC")))
        for kind in (Kind.HELD, Kind.BOOKED, Kind.USED, Kind.LEFT, Kind.LOGINS):
            figures.counts[kind, "0"][1] = 12_000
        figures.gates["North"] = {1: 12_000}
        told = [chart.summary for chart in report.charts(figures)] + [words for _, words in report.highlights(figures)]
        self.assertEqual([words for words in told if re.search(r"\d{4}", words)], [])
        self.assertEqual((told.count("12,000"), told[0][:33]), (3, "12,000 holds placed, 12,000 ticke"))


class PageTests(OrganizerCase):
    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(capacity=12_000, auto_hold=False)
        for person in (self.alice, self.bob):
            book(self.event, person)
        self.pages = {
            "/organize/", path(self.event), path(self.event, "line/"), path(self.event, "cancelling/"),
            path(self.event, "edit/"), path(self.event, "analytics/"), path(self.event, "exports/"),
            f"/events/{self.event.pk}/gate/", f"/events/{self.event.pk}/attendees/", "/", f"/embed/{self.event.pk}/",
            f"/events/{self.event.pk}/", "/dashboard/",
        }  # fmt: skip

    def page(self, address: str, language: str = "en") -> str:
        answer = self.browser.get(address, headers=BROWSER | {"Accept-Language": language})
        self.assertEqual(answer.status_code, 200, address)
        return str(answer.content.decode())

    def test_of_a_page_they_are_and_what_programs_read_is_not(self) -> None:
        for language, capacity, free in (("en", "12,000", "11,998"), ("de", "12.000", "11.998")):
            for address in self.pages:
                page = re.sub(FOR_PEOPLE, "", self.page(address, language))
                shown = re.findall(r'data-number="(capacity|available)">\s*([^<]*?)\s*<', page)
                with self.subTest(language=language, address=address):
                    self.assertLessEqual(set(shown), {("capacity", capacity), ("available", free)})
                    for value in re.findall(r'\s[\w-]+="([^"]*)"', page):
                        self.assertNotRegex(value, r"\b1[12][.,\N{NO-BREAK SPACE}](000|998)\b")
        self.assertIn('data-number="capacity">12,000<', self.page("/organize/"))
        self.assertIn("12,000", re.sub(r"<[^>]*>", "", self.page(path(self.event))))

    def test_forms_and_json_have_plain_digits_in_every_language(self) -> None:
        self.assertRegex(self.page(path(self.event, "edit/"), "de"), r'name="capacity" value="12000"')
        answer = visit(headers=JSON | {"Accept-Language": "de"}).get(f"/api/ticket-stats/{self.event.pk}/")
        self.assertEqual(answer_of(answer)[1]["capacity"], 12_000)
