"""Periods and charts: how bars divide time, and where they are drawn."""

import datetime as dt
from zoneinfo import ZoneInfo

from django.test import SimpleTestCase

from core.analytics.charts import Chart
from core.analytics.periods import MOST_BARS, between, last_hour
from core.drawing import BOTTOM, LEFT, TOP, WIDE, easy, over_time, short, side_by_side

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


class DrawingTests(SimpleTestCase):
    def test_scales_have_numbers_that_are_easy_to_read(self) -> None:
        self.assertEqual([easy(n) for n in (0, 0.3, 1, 3, 7, 21, 60, 101)], [1, 1, 1, 5, 10, 50, 100, 200])
        self.assertEqual([short(n) for n in (0, 500, 1000, 2500, 20_000)], ["0", "500", "1k", "2.5k", "20k"])

    def test_stacked_parts_stand_on_one_another_and_grouped_ones_side_by_side(self) -> None:
        lower, upper = over_time(["a"], [[3, 2]], style="stacked").boxes
        self.assertEqual((lower.y + lower.height, upper.y + upper.height, lower.x), (BOTTOM, lower.y, upper.x))
        left, right = over_time(["a"], [[3, 2]], style="grouped").boxes
        self.assertEqual((left.x + left.width, left.y + left.height), (right.x, right.y + right.height))

    def test_nothing_is_drawn_outside_of_its_room(self) -> None:
        sets: tuple[list[list[float]], ...] = ([[7, 13]], [[n, 0] for n in range(48)], [[0, 0], [100_000, 5]])
        for style in ("stacked", "grouped", "line"):
            for values in sets:
                drawing = over_time([str(n) for n in range(len(values))], values, style=style)
                with self.subTest(style=style, bars=len(values)):
                    for box in drawing.boxes:
                        self.assertGreaterEqual(box.y, TOP - 0.02)
                        self.assertLessEqual(box.x + box.width, LEFT + WIDE + 0.02)
                    points = [point.split(",") for line in drawing.lines for point in line.points.split()]
                    self.assertTrue(all(TOP - 0.02 <= float(y) <= BOTTOM for _, y in points))

    def test_bars_from_left_to_right_are_as_long_as_their_numbers(self) -> None:
        (one, two), height = side_by_side(["a", "b"], [1, 2], ["1", "2"])
        self.assertEqual((one.width * 2, one.y < two.y, height > two.y), (two.width, True, True))

    def test_a_chart_of_nothing_is_empty_and_its_table_leaves_out_empty_rows(self) -> None:
        self.assertTrue(Chart("k", "T", "s", "From", ["A"], ["1"], [[0]]).is_empty)
        chart = Chart("k", "T", "s", "From", ["A", "B"], ["1", "2"], [[0, 0], [0, 2.5]])
        self.assertEqual(chart.table, [("2", [("A", "0"), ("B", "2.5")])])
        self.assertEqual(chart.records, [["From", "A", "B"], ["1", "0", "0"], ["2", "0", "2.5"]])
