"""The analytics pages: what they count, by which period, for whom, and in how many queries."""

import csv
import datetime as dt
import io
from typing import Any
from zoneinfo import ZoneInfo

from django.test import TestCase, override_settings

from core.analytics import keeping, report
from core.analytics.periods import Period, between, last_hour
from core.analytics.reading import Figures, Scope, read
from core.models import Announcement, AuditEntry, LastRun
from core.now import now

from .cast import Cast, ago, arrive, join, make_event, make_person, release
from .sales import Sale
from .test_query_counts import queries_of
from .visits import BROWSER, visit

UTC = ZoneInfo("UTC")
MOST_QUERIES = 12


def charts_of(figures: Figures) -> dict[str, Any]:
    return {chart.key: chart for chart in report.charts(figures)}


class FiguresTests(Cast, TestCase):
    """Each of these is asked three times: of rows alone, of kept figures, and half and half."""

    def setUp(self) -> None:
        self.sale = sale = Sale(keeping.hour_of(ago(days=2)))
        sale.book(joined=0, held=0, booked=1)
        sale.book(joined=5, held=25, booked=29, tier=1)
        sale.book(joined=6, held=26, booked=30)
        sale.place("expired", 7, 130, 140)
        sale.place("released", 8, 131, 132)
        sale.place("left", 65, None, 190)
        sale.place("waiting", 185, None, None)
        sale.let_in("North", 10, self.greta)
        sale.let_in("South", 70, self.greta)
        sale.let_in("", 70, self.greta)
        sale.let_in("South", 71, self.greta, undone_at=sale.moment(72))
        arrive(self.bob, sale.moment(3))
        self.period = between(sale.at, sale.at + dt.timedelta(hours=5), UTC)

    def each_way(self, period: Period | None = None) -> list[Figures]:
        found = []
        for hours in (None, 2, 47):
            LastRun.objects.filter(work="figures").delete()
            if hours:
                LastRun.objects.create(work="figures", at=self.sale.at)
                keeping._keep_some(self.sale.at + dt.timedelta(hours=hours))
            found.append(read(Scope(event=self.sale.event), period or self.period, now()))
        return found

    def test_they_are_the_same_however_much_is_kept(self) -> None:
        for figures in self.each_way():
            self.assertEqual(self.told(figures), self.told(self.each_way()[0]))

    def told(self, figures: Figures) -> dict[str, Any]:
        return {key: (chart.summary, chart.values) for key, chart in charts_of(figures).items()}

    def test_every_chart_says_what_happened(self) -> None:
        for figures in self.each_way():
            told = charts_of(figures)
            values = {key: chart.values for key, chart in told.items()}
            self.assertEqual(values["sale"], [[3, 3], [0, 0], [2, 0], [0, 0], [0, 0]])
            self.assertEqual(values["holds"], [[3, 0, 0], [0, 0, 0], [0, 1, 1], [0, 0, 0], [0, 0, 0]])
            self.assertEqual(values["time-to-book"], [[0], [0], [0], [1], [2], [0], [0]])
            self.assertEqual(values["given-up"], [[0, 0], [0, 0], [0, 0], [1, 0], [0, 0]])
            self.assertEqual(values["line"], [[4], [3], [3], [2], [1]])
            self.assertEqual(values["wait"], [[20], [0], [123], [0], [0]])
            self.assertEqual(values["waits"], [[0], [0], [0], [0], [0], [2], [2]])
            self.assertEqual(told["attendance"].series, ["North", "South", "No gate named"])
            self.assertEqual(values["attendance"], [[1, 0, 0], [0, 1, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
            self.assertEqual(values["tiers"], [[1], [2]])
            self.assertEqual(values["logins"], [[1], [0], [0], [0], [0]])
            self.assertIn("Of 5 holds that ended, 60% became a ticket", told["holds"].summary)
            self.assertEqual(told["line"].summary, "At most 4 people waited at the same time.")

    def test_of_a_cancelled_event_nobody_is_said_to_have_left(self) -> None:
        self.assertEqual(
            charts_of(self.each_way()[0])["given-up"].series, ["Left, or waited until the start", "Tickets cancelled"]
        )
        cancelled_at = self.sale.at + dt.timedelta(minutes=190)
        Announcement.objects.create(event=self.sale.event, kind="cancelled", created_at=cancelled_at)
        for figures in self.each_way():
            chart = charts_of(figures)["given-up"]
            self.assertEqual(chart.values[3], [0, 0, 1])
            self.assertIn("0 people left the line, or waited until the event started", chart.summary)
            self.assertIn("1 person waited when the event was cancelled.", chart.summary)

    def test_a_line_begins_as_long_as_it_was_before_the_period(self) -> None:
        later = between(self.sale.at + dt.timedelta(hours=4), self.sale.at + dt.timedelta(hours=6), UTC)
        for figures in self.each_way(later):
            self.assertEqual(charts_of(figures)["line"].values, [[1], [1]])

    def test_lines_of_several_events_are_said_to_be_added_up(self) -> None:
        for joined in (5, 55):
            Sale(self.sale.at).place("left", joined, None, joined + 1)
        line = charts_of(read(Scope(organizer=self.olga), self.period, now()))["line"]
        self.assertIn("people waited, with the longest lines of all events added up.", line.summary)

    def test_of_waiting_it_says_the_same_everywhere(self) -> None:
        cases: tuple[tuple[list[tuple[str, float | None]], str], ...] = (
            ([], "Nobody had to wait."),
            ([("waiting", None)], "Nobody who waited was served in this period."),
            ([("held", 5.0)], "Whoever joined was served at once."),
            ([("held", 5.05)], "Whoever joined had waited 3 s on average when served; at most 3 s in one bar"),
        )
        for places, said in cases:
            sale = Sale(self.sale.at)
            for status, held in places:
                sale.place(status, 5 if held != 5 else 5 - 1e-6, held, None)
            chart = charts_of(read(Scope(event=sale.event), self.period, now()))["wait"]
            with self.subTest(said=said):
                self.assertIn(said, chart.empty if chart.is_empty else chart.summary)

    def test_a_file_has_waits_in_seconds_in_whichever_unit_they_are_drawn(self) -> None:
        for waited, drawn, told in (
            (3, ("Seconds on average", 3), "waited 3 s on average when served; at most 3 s"),
            (150, ("Minutes on average", 2.5), "waited 2 min 30 s on average when served; at most 2 min 30 s"),
            (695, ("Minutes on average", 11.6), "waited 12 min on average when served; at most 12 min"),
        ):
            sale = Sale(self.sale.at)
            sale.place("held", 5, 5 + waited / 60, None)
            chart = charts_of(read(Scope(event=sale.event), self.period, now()))["wait"]
            served = [value for _, value in chart.records[1:] if value]  # of the others, there is no average
            with self.subTest(waited=waited):
                self.assertIn(told, chart.summary)
                self.assertEqual((chart.series[0], max(value for [value] in chart.values)), drawn)
                self.assertEqual((chart.records[0][1], served), ("Seconds on average", [str(waited)]))

    def test_days_are_those_of_the_zone(self) -> None:
        zone = ZoneInfo("America/New_York")
        period = between(self.sale.at - dt.timedelta(days=60), self.sale.at + dt.timedelta(days=2), zone)
        self.assertEqual(period.unit, "day")
        for figures in self.each_way(period):
            bar = period.bar_of(self.sale.at)
            self.assertEqual(figures.by_bar("booked")[bar], 3)
            self.assertEqual({start.astimezone(zone).hour for start in period.starts}, {0})

    def test_the_last_hour_is_by_minutes_and_from_the_rows(self) -> None:
        event = make_event(capacity=1)
        for person in (self.alice, self.bob):
            join(event, person)
        release(event, self.bob)
        keeping.bring_up_to_date()
        figures = read(Scope(event=event), last_hour(now(), UTC), now())
        told = charts_of(figures)
        self.assertEqual((sum(figures.by_bar("held")), sum(figures.by_bar("left"))), (1, 1))
        self.assertEqual(told["line"].values[-1], [1])
        self.assertEqual(len(told["sale"].values), 30)

    def test_who_joined_in_the_last_hour_is_counted_once_though_that_hour_is_kept_by_now(self) -> None:
        sale, moment = Sale(self.sale.at), self.sale.at + dt.timedelta(minutes=96)
        for joined in (20, 50, 51):
            sale.place("waiting", joined, None, None)
        for hours in (0, 1):
            LastRun.objects.filter(work="figures").delete()
            LastRun.objects.create(work="figures", at=self.sale.at)
            keeping._keep_some(self.sale.at + dt.timedelta(hours=hours))
            line = charts_of(read(Scope(event=sale.event), last_hour(moment, UTC), moment))["line"].values
            self.assertEqual(([line[0], line[-1]], max(line)), ([[1], [3]], [3]))

    def test_events_of_others_are_not_counted(self) -> None:
        other = Sale(self.sale.at, created_by=self.bob)
        other.book(0, 1, 2)
        figures = [*self.each_way(), read(Scope(organizer=self.olga), self.period, now())]
        self.assertEqual([one.sum("booked") for one in figures], [3] * 4)
        self.assertEqual(read(Scope(), self.period, now()).sum("booked"), 4)
        self.assertEqual(read(Scope(), self.period, now()).sum("logins"), 1)


class PageTests(Cast, TestCase):
    def setUp(self) -> None:
        self.sale = Sale(keeping.hour_of(ago(days=2)), time_zone="Asia/Kathmandu")
        self.sale.book(0, 1, 2)
        self.browser = visit(self.olga, headers=BROWSER)
        self.address = f"/organize/{self.sale.event.pk}/analytics/"

    def page(self, query: str = "") -> str:
        return self.browser.get(self.address + query).content.decode()

    def test_logins_of_the_whole_site_are_for_administrators_alone(self) -> None:
        root = visit(make_person("root", is_superuser=True), headers=BROWSER)
        for address in (self.address, "/organize/analytics/"):
            for browser, number in ((root, 200), (self.browser, 404)):
                with self.subTest(address=address, number=number):
                    page = browser.get(address)
                    shown = {chart.key for chart in page.context["charts"]}
                    self.assertEqual(("logins" in shown, "sale" in shown), (number == 200, True))
                    self.assertEqual("on the whole site" in page.content.decode(), number == 200)
                    self.assertEqual(browser.get(f"{address}logins.csv").status_code, number)

    def test_it_shows_each_chart_as_a_drawing_a_sentence_and_a_table(self) -> None:
        self.sale.let_in("<b>North</b>", 3, self.greta)
        page = self.page()
        self.assertIn("1 hold placed, 1 ticket booked.", page)
        self.assertIn('aria-label="Holds and bookings, each', page)
        self.assertIn("<summary>The same as a table", page)
        self.assertIn("&lt;b&gt;North&lt;/b&gt;", page)
        self.assertNotIn("<b>North", page)
        self.assertNotIn("style=", page)
        self.assertNotIn('width="0.0"', page)  # of nothing there is no bar

    def test_a_chart_of_nothing_is_a_line_of_words_and_comes_behind_what_is_drawn(self) -> None:
        page = self.browser.get(self.address)
        empty = [chart.is_empty for chart in page.context["charts"]]
        self.assertEqual((empty, set(empty)), (sorted(empty), {False, True}))
        self.assertContains(page, '<section class="panel charts__empty"', count=sum(empty))

    def test_it_says_so_when_nothing_happened(self) -> None:
        event = make_event(auto_hold=False)
        page = self.browser.get(f"/organize/{event.pk}/analytics/").content.decode()
        self.assertIn("Nothing happened in this period", page)

    def test_a_period_ends_now_at_the_latest(self) -> None:
        day = now().astimezone(ZoneInfo("Asia/Kathmandu")).date()
        for query in ("", "?period=hour", "?period=day", "?period=week", f"?from={day}", f"?from={day}&to={day}"):
            with self.subTest(query=query):
                page = self.browser.get(self.address + query)
                self.assertLessEqual(page.context["until"], now())
                self.assertContains(page, f"{page.context['until'].astimezone(ZoneInfo('Asia/Kathmandu')):%H:%M}<")

    def test_bad_periods_get_a_clear_word_and_the_form_keeps_what_was_typed(self) -> None:
        cases = {
            "?from=2026-05-02&to=2026-05-01": "The period ends before it begins",
            "?from=yesterday": "Type a day as year-month-day",
            "?from=2999-01-01": "This day is yet to come",
            "?to=1066-10-14": "the year 2000 or later",
            "?from=2001-01-01&to=2020-01-01": "more than ten years",
            "?period=century": "There is no such period",
        }
        for query, said in cases.items():
            with self.subTest(query=query):
                answer = self.browser.get(self.address + query)
                self.assertContains(answer, said, status_code=400)
                file = visit(self.olga).get(f"{self.address}sale.csv{query}")
                self.assertEqual((file.status_code, said in file.json()["detail"]), (400, True))
        self.assertContains(self.browser.get(f"{self.address}?from=yesterday"), 'value="yesterday"', status_code=400)

    def test_days_that_are_asked_for_are_those_of_the_event(self) -> None:
        zone = ZoneInfo("Asia/Kathmandu")  # its midnight is 18:15 UTC: the hour before ends at 19:00, and is of one day
        for hour in (9, 17, 18, 19):
            sale = Sale(self.sale.at.replace(hour=hour), time_zone=zone.key)
            sale.book(0, 20, 30)
            days = [sale.at.astimezone(zone).date() + dt.timedelta(days=shift) for shift in (-1, 0, 1)]
            for day, count in zip(days, (0, 1, 0), strict=True):
                with self.subTest(hour=hour, day=day):
                    address = f"/organize/{sale.event.pk}/analytics/?from={day}&to={day}"
                    self.assertIs("1 ticket booked" in self.browser.get(address).content.decode(), bool(count))

    def test_the_numbers_of_each_chart_are_a_file(self) -> None:
        self.sale.let_in("=cmd()", 3, self.greta)
        for chart in report.charts(read(Scope(event=self.sale.event), between(self.sale.at, now(), UTC), now())):
            if chart.key == "logins":  # not hers
                continue
            answer = self.browser.get(f"{self.address}{chart.key}.csv?period=week")
            rows = list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
            self.assertEqual((answer.status_code, answer["Cache-Control"]), (200, "no-store"))
            columns = ["Seconds on average"] if chart.key == "wait" else map(self.harmless, chart.series)
            self.assertEqual(rows[0], [chart.first_column.replace("UTC", "Asia/Kathmandu"), *columns])
            self.assertGreater(len(rows), 1)
        self.assertEqual(AuditEntry.objects.filter(action="exported", event=self.sale.event).count(), 9)
        self.assertEqual(self.browser.get(f"{self.address}nothing.csv").status_code, 404)

    def harmless(self, cell: str) -> str:
        return f"'{cell}" if cell.startswith("=") else cell

    def test_an_organizer_sees_their_own_events_together_and_an_administrator_all(self) -> None:
        oscar = make_person("oscar")
        Sale(self.sale.at, created_by=oscar).book(0, 1, 2)
        root = make_person("root", is_superuser=True)
        for person, count in ((self.olga, 1), (oscar, 1), (root, 2)):
            page = visit(person, headers=BROWSER).get("/organize/analytics/?period=week").content.decode()
            self.assertIn(f"{count} ticket{'s' * (count > 1)} booked.", page)

    @override_settings(TIERS=["members"])
    def test_tiers_are_named_as_they_are_declared(self) -> None:
        self.sale.book(3, 4, 5, tier=1)
        self.sale.book(3, 4, 5, tier=2)
        page = self.page("?period=week")
        for name in ("members", "Tier 2", "Everybody else"):
            self.assertIn(name, page)

    def test_it_asks_as_often_for_a_large_sale_as_for_a_small_one(self) -> None:
        self.page()
        counts = []
        for _ in range(3):
            counts += [self.queries(period) for period in ("all", "week", "day", "hour")]
            for n in range(20):
                self.sale.book(n * 60, n * 60 + 1, n * 60 + 2)
                self.sale.let_in(f"Gate {n}", n * 60, self.greta)
            keeping.bring_up_to_date()
        self.assertLessEqual(max(counts), MOST_QUERIES)
        self.assertEqual(counts[4:8], counts[8:])
        for _ in range(20):
            make_event(auto_hold=False)
        self.assertLessEqual(len(queries_of(lambda: self.browser.get("/organize/analytics/"))), MOST_QUERIES)

    def queries(self, period: str) -> int:
        return len(queries_of(lambda: self.page(f"?period={period}")))
