"""Periods and charts: how bars divide time, and where they are drawn."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.test import SimpleTestCase
from django.utils.translation import override

from core.analytics.charts import Chart
from core.analytics.periods import MOST_BARS, between, last_hour
from core.drawing import FULL, HIGH, MOST_OF_A_NAME, WIDEST, Box, easy, over_time, short, side_by_side

BERLIN = ZoneInfo("Europe/Berlin")


def at(year: int, month: int, day: int, *time: int, zone: dt.tzinfo = BERLIN) -> dt.datetime:
    hour, minute, second = (*time, 0, 0, 0)[:3]
    return dt.datetime(year, month, day, hour, minute, second, tzinfo=zone)


class PeriodTests(SimpleTestCase):
    def test_bars_are_few_however_long_a_period_is(self) -> None:
        cases = ((1, "hour", "hour"), (72, "hour", "2 hours"), (24 * 7, "hour", "6 hours"), (24 * 31, "day", "day"),
                 (24 * 400, "day", "14 days"), (24 * 3600, "day", "91 days"))  # fmt: skip
        for hours, unit, width in cases:
            period = between(at(2026, 1, 5), at(2026, 1, 5) + dt.timedelta(hours=hours), BERLIN)
            with self.subTest(hours=hours):
                self.assertEqual((period.unit, period.width), (unit, width))
                self.assertLessEqual(len(period.starts), MOST_BARS)

    def test_days_begin_at_midnight_where_clocks_change(self) -> None:
        period = between(at(2026, 3, 1), at(2026, 4, 10), BERLIN)
        self.assertEqual({start.astimezone(BERLIN).hour for start in period.starts}, {0})
        self.assertEqual((len(period.starts), period.until), (40, at(2026, 4, 10)))

    def test_every_moment_of_a_period_is_in_one_bar(self) -> None:
        for zone in ("Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York"):
            for length in (dt.timedelta(hours=5), dt.timedelta(days=5), dt.timedelta(days=90)):
                since = at(2026, 3, 1, 7, 40, zone=dt.UTC)
                period = between(since, since + length, ZoneInfo(zone))
                with self.subTest(zone=zone, length=length):
                    self.assertEqual(period.bar_of(since), period.bar_of(period.since))
                    self.assertEqual(period.bar_of(since + length - dt.timedelta(seconds=1)), len(period.starts) - 1)
                    self.assertEqual(period.bar_of(period.since - dt.timedelta(seconds=1)), -1)
                    self.assertLessEqual(period.since, since)

    def test_the_last_hour_has_bars_of_two_minutes(self) -> None:
        period = last_hour(at(2026, 5, 1, 12, 30, 20), BERLIN)
        self.assertEqual((len(period.starts), period.width, period.until), (30, "2 minutes", at(2026, 5, 1, 12, 31)))


def middle(boxes: list[Box]) -> float:
    """Return the middle of boxes that are beside one another, in percents."""
    return (min(box.x for box in boxes) + max(box.x + box.width for box in boxes)) / 2


class DrawingTests(SimpleTestCase):
    def test_scales_have_numbers_that_are_easy_to_read(self) -> None:
        self.assertEqual([easy(n) for n in (0, 0.3, 1, 3, 7, 21, 60, 101)], [1, 1, 1, 5, 10, 50, 100, 200])
        told = [short(n) for n in (0, 500, 1000, 20_000, 500_000, 2_500_000)]
        self.assertEqual(told, ["0", "500", "1,000", "20,000", "500,000", "2,500k"])
        with override("de"):
            self.assertEqual([text for _, text in over_time(["a"], [[20_000]], style="line").grid][-1], "20.000")

    def test_stacked_parts_stand_on_one_another_and_grouped_ones_side_by_side(self) -> None:
        lower, upper = over_time(["a"], [[3, 2]], style="stacked").boxes
        self.assertEqual((lower.y + lower.height, upper.y + upper.height, lower.x), (HIGH, lower.y, upper.x))
        left, right = over_time(["a"], [[3, 2]], style="grouped").boxes
        self.assertEqual((left.x + left.width, left.y + left.height), (right.x, right.y + right.height))

    def test_a_bar_stands_about_the_middle_of_its_time_where_its_label_is(self) -> None:
        for style in ("stacked", "grouped"):
            for many in (1, 2, 4, 7, 48):
                drawing = over_time([str(n) for n in range(many)], [[3, 2]] * many, style=style)
                middles = [middle(drawing.boxes[n * 2 : n * 2 + 2]) for n in range(many)]
                with self.subTest(style=style, many=many):
                    for n, at in enumerate(middles):
                        self.assertAlmostEqual(at, 100 * (n + 0.5) / many, delta=0.02)
                    for x, label in drawing.labels:
                        self.assertAlmostEqual(x, middles[int(label)], delta=0.02)

    def test_bars_are_narrow_where_they_are_few_and_never_wider_than_their_time(self) -> None:
        for style, abreast in (("stacked", 1), ("grouped", 2)):
            for many in (1, 2, 7, 12, 30, 48):
                widths = {box.width for box in over_time(["x"] * many, [[3, 2]] * many, style=style).boxes}
                with self.subTest(style=style, many=many):
                    self.assertEqual(widths, {round(min(WIDEST, FULL / many / abreast), 2)})

    def test_nothing_is_drawn_outside_of_its_room(self) -> None:
        sets: tuple[list[list[float]], ...] = ([[7, 13]], [[n, 0] for n in range(48)], [[0, 0], [100_000, 5]])
        for style in ("stacked", "grouped", "line"):
            for values in sets:
                drawing = over_time([str(n) for n in range(len(values))], values, style=style)
                with self.subTest(style=style, bars=len(values)):
                    for box in drawing.boxes:
                        self.assertGreaterEqual(box.y, -0.02)
                        self.assertTrue(0 <= box.x <= box.x + box.width <= 100)
                    points = [point.split(",") for line in drawing.lines for point in line.points.split()]
                    self.assertTrue(all(0 <= float(x) <= 100 and -0.02 <= float(y) <= HIGH for x, y in points))

    def test_bars_from_left_to_right_are_as_long_as_their_numbers_and_long_names_are_cut(self) -> None:
        (one, two), height = side_by_side(["a", "b" * 99], [1, 2], ["1", "2"])
        self.assertEqual((one.width, two.width, one.y < two.y < height), (50, 100, True))
        self.assertEqual((one.name, len(two.name), two.name[-1]), ("a", MOST_OF_A_NAME, "…"))

    def test_what_is_drawn_becomes_wider_with_the_page_and_its_words_do_not(self) -> None:
        over = Chart("k", "T", "s", "From", ["A"], ["1", "2"], [[1], [2]], labels=["1", "2"])
        line = Chart("k", "T", "s", "From", ["A"], ["1", "2"], [[1], [2]], labels=["1", "2"], style="line")
        side = Chart("k", "T", "s", "From", ["A"], ["1", "2"], [[1], [2]], style="bars")
        for chart in (over, line, side):
            for language in ("en", "de"):  # which has a comma in its numbers, and no drawing may
                with self.subTest(style=chart.style, language=language), override(language):
                    html = render_to_string("core/parts/chart.html", {"chart": chart, "period": {"width": "hour"}})
                    drawn = re.search(r'<svg class="chart__drawing.*?</figure>', html, re.DOTALL)
                    assert drawn
                    self.assertNotIn("viewBox", drawn[0].partition(">")[0])
                    outside = re.sub(r'<svg class="chart__lines".*?</svg>', "", drawn[0], flags=re.DOTALL)
                    for value in re.findall(r'\s(?:x|cx|x1|x2|width)="([^"]*)"', outside):
                        self.assertRegex(value, r"^(0|-8|[\d.]+%)$")  # -8: the numbers of a scale stand beside it
                    self.assertEqual("<polyline" in html, chart.style == "line")

    def test_bars_begin_where_reading_begins(self) -> None:
        chart = Chart("k", "T", "s", "From", ["A"], ["1", "2"], [[1], [4]], style="bars")
        for language, begin, far in (("en", "0", "0"), ("ar", "75.0%", "0.0%")):
            with self.subTest(language=language), override(language):
                html = render_to_string("core/parts/chart.html", {"chart": chart, "period": {"width": "hour"}})
                self.assertEqual(re.findall(r'<rect[^>]* x="([^"]*)"', html), [begin, far])

    def test_a_chart_of_nothing_is_empty_and_its_table_leaves_out_empty_rows(self) -> None:
        self.assertTrue(Chart("k", "T", "s", "From", ["A"], ["1"], [[0]]).is_empty)
        chart = Chart("k", "T", "s", "From", ["A", "B"], ["1", "2"], [[0, 0], [0, 2.5]])
        self.assertEqual(chart.table, [("2", [("A", "0"), ("B", "2.5")])])
        self.assertEqual(chart.records, [["From", "A", "B"], ["1", "0", "0"], ["2", "0", "2.5"]])

    def test_numbers_are_grouped_where_people_read_them_and_not_in_a_file(self) -> None:
        chart = Chart("k", "T", "s", "T", ["A"], ["1"], [[1_234_567]], style="bars", is_whole=True)
        with override("de"):
            self.assertEqual(
                (chart.table[0][1], chart.side[0][0].told), ([("A", "1.234.567")], "1.234.567 (100\N{NO-BREAK SPACE}%)")
            )
            self.assertEqual(chart.records, [["T", "A"], ["1", "1234567"]])
