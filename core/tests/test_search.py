"""Searching the list of events: by words, by day, by free places; whatever is typed, there is a page."""

import datetime as dt
import re
from typing import Any
from unittest import mock
from urllib.parse import quote
from zoneinfo import ZoneInfo

from django.db import connection
from django.test import SimpleTestCase, TestCase, override_settings
from django.test.utils import CaptureQueriesContext

from core import shared_answers
from core.models import Event
from core.paging import SIZE
from core.search import LONGEST, days_of
from core.templatetags import cards

from .cast import Cast, ago, join, later, make_event, make_person
from .visits import BROWSER, visit


def names(response: Any) -> list[str]:
    """Return the names of the events in the list of a page, in their order."""
    return re.findall(r'id="events-name-\d+">([^<]+)</a>', response.content.decode())


class SearchCase(Cast, TestCase):
    def found(self, query: str, person: Any = None) -> list[str]:
        """Return the names of the events that a query finds."""
        response = visit(person, headers=BROWSER).get(f"/?{query}")
        self.assertEqual(response.status_code, 200)
        return names(response)


class WordTests(SearchCase):
    def setUp(self) -> None:
        make_event(name="Winter Opera", venue="Old Hall", starts_at=later(days=1))
        make_event(name="Jazz night", venue="Opera House", starts_at=later(days=2))
        make_event(name="100% Café_Noir", venue="Cellar", starts_at=later(days=3))

    def test_words_are_looked_for_in_the_name_and_the_venue_in_any_case(self) -> None:
        expected = {
            "opera": ["Winter Opera", "Jazz night"], "OPERA": ["Winter Opera", "Jazz night"], "old": ["Winter Opera"],
            "hall opera": ["Winter Opera"], "café": ["100% Café_Noir"],
            "house+JAZZ": ["Jazz night"], "opera+cellar": [],
        }  # fmt: skip
        self.assertEqual({q: self.found(f"q={quote(q, safe='+')}") for q in expected}, expected)

    def test_accents_and_capitals_of_every_script_are_forgiven(self) -> None:
        events = {
            "Ópera de Málaga": "Teatro",
            "Große Nacht": "ÜBERSEE",
            "Ночь музеев": "Москва",
            "أمسية": "القاهرة",
            "ΟΔΟΣ": "x",
        }
        for name, venue in events.items():
            make_event(name=name, venue=venue)
        make_event(name="Ole\u0301", venue="Plaza")  # as some keyboards send it: the accent is a sign of its own
        expected = {
            "opera malaga": "Ópera de Málaga", "ÓPERA DE MÁLAGA": "Ópera de Málaga", "ubersee": "Große Nacht",
            "übersee": "Große Nacht", "НОЧЬ": "Ночь музеев", "امسية": "أمسية", "olé": "Ole\u0301", "OLE": "Ole\u0301",
            "οδος": "ΟΔΟΣ",
        }  # fmt: skip
        found = {q: self.found(f"q={quote(q, safe='')}&when=") for q in expected}
        self.assertEqual(found, {q: [name] for q, name in expected.items()})

    def test_signs_of_patterns_are_letters_like_others(self) -> None:
        cafe = ["100% Café_Noir"]
        expected = {"%": cafe, "_": cafe, "\\": [], "0%": cafe, "é_N": cafe}
        self.assertEqual({q: self.found(f"q={quote(q)}") for q in expected}, expected)

    def test_what_nobody_may_see_is_not_found(self) -> None:
        for fields in ({"status": "draft"}, {"status": "cancelled"}, {"starts_at": ago(hours=1)}):
            make_event(name="Hidden opera", **fields)
        self.assertEqual(self.found("q=hidden", self.olga), [])

    def test_people_who_are_logged_in_find_the_same_with_what_is_theirs(self) -> None:
        event = Event.objects.get(name="Jazz night")
        join(event, self.alice)
        response = visit(self.alice, headers=BROWSER).get("/?q=jazz")
        self.assertEqual(names(response), ["Jazz night"])
        self.assertContains(response, f"/release-hold/{event.pk}/")

    def test_a_search_that_finds_nothing_says_what_to_do(self) -> None:
        response = visit(headers=BROWSER).get("/?q=ballet")
        self.assertContains(response, "No upcoming event is like that")
        self.assertContains(response, "Look at all events")
        self.assertNotContains(response, "There are no upcoming events")

    def test_what_was_asked_stays_in_the_form_as_text(self) -> None:
        response = visit(headers=BROWSER).get("/", {"q": '"><b>opera', "when": "month", "free": "on"})
        self.assertContains(response, 'value="&quot;&gt;&lt;b&gt;opera"')
        self.assertContains(response, '<option value="month" selected>')
        self.assertRegex(response.content.decode(), r'name="free"[^>]* checked')

    def test_cards_that_were_found_move_as_all_others_do(self) -> None:
        response = visit(headers=BROWSER).get("/?q=jazz")
        self.assertContains(response, 'data-live="events"')
        self.assertContains(response, f'data-event="{Event.objects.get(name="Jazz night").pk}"')


@override_settings(TIME_ZONE="Europe/Berlin")
class DayTests(SearchCase):
    def setUp(self) -> None:
        midnight = dt.datetime(2099, 7, 10, tzinfo=ZoneInfo("Europe/Berlin"))
        hours = {"before": -1 / 60, "at midnight": 0, "late": 24 - 1 / 60, "next day": 24}
        for name, after in hours.items():
            make_event(name=name, starts_at=midnight.astimezone(dt.UTC) + dt.timedelta(hours=after))

    def test_days_are_those_of_the_site_s_zone_and_both_are_included(self) -> None:
        expected = {
            "from=2099-07-10&to=2099-07-10": ["at midnight", "late"],
            "from=2099-07-10": ["at midnight", "late", "next day"],
            "to=2099-07-09": ["before"],
            "from=2099-07-12": [],
        }
        self.assertEqual({query: self.found(query) for query in expected}, expected)

    def test_today_is_found_by_its_name(self) -> None:
        now = dt.datetime(2099, 7, 9, 22, 30, tzinfo=dt.UTC)  # half past midnight in Berlin
        Event.objects.filter(name="at midnight").update(starts_at=now + dt.timedelta(minutes=5))
        with mock.patch("core.views.attendee.now", return_value=now):
            self.assertEqual(self.found("when=today"), ["at midnight", "late"])
            self.assertEqual(self.found("when=month"), ["at midnight", "late", "next day"])

    def test_days_that_were_typed_count_in_place_of_a_name(self) -> None:
        self.assertEqual(self.found("when=today&from=2099-07-11"), ["next day"])


class NamedDayTests(SimpleTestCase):
    def test_a_weekend_is_its_saturday_and_sunday_and_from_the_sunday_on_that_day(self) -> None:
        friday, saturday, sunday, monday = (dt.date(2026, 11, day) for day in (27, 28, 29, 30))
        self.assertEqual([days_of("weekend", day) for day in (friday, saturday, sunday)],
                         [(saturday, sunday), (saturday, sunday), (sunday, sunday)])  # fmt: skip
        self.assertEqual(days_of("weekend", monday), (dt.date(2026, 12, 5), dt.date(2026, 12, 6)))

    def test_a_month_goes_on_to_its_last_day(self) -> None:
        for today, last in (((2026, 12, 3), 31), ((2028, 2, 29), 29), ((2026, 1, 31), 31)):
            day = dt.date(*today)
            self.assertEqual(days_of("month", day), (day, day.replace(day=last)))

    def test_no_name_is_no_day(self) -> None:
        self.assertEqual(days_of("", dt.date(2026, 1, 1)), (None, None))


class FreeTests(SearchCase):
    def test_only_events_with_a_place_that_can_be_had_now_are_found(self) -> None:
        make_event(name="free", capacity=1)
        full = make_event(name="full", capacity=1, auto_hold=False)
        join(full, self.bob)
        make_event(name="not yet", sales_open_at=later(hours=1))
        make_event(name="closed", sales_close_at=ago(hours=1))
        make_event(name="paused", paused_at=ago(hours=1))
        self.assertEqual(self.found("free=on"), ["free"])
        self.assertEqual(sorted(self.found("q=hall")), ["closed", "free", "full", "not yet", "paused"])


class BadInputTests(SearchCase):
    def setUp(self) -> None:
        make_event(name="Opera")

    def test_what_is_no_day_is_said_at_its_field_and_left_out(self) -> None:
        for value in ("tomorrow", "2026-02-30", "2026-13-01", "31.12.2026", "1e9", "٣", "9" * 5000):
            for name in ("from", "to"):
                with self.subTest(value=value[:12], name=name):
                    response = visit(headers=BROWSER).get("/", {name: value})
                    self.assertEqual(names(response), ["Opera"])
                    self.assertContains(response, "This is no date: write one like 2026-12-31.", count=1)
                    self.assertContains(response, f'id="search_{name}_error"')

    def test_years_beyond_the_calendar_are_refused(self) -> None:
        for value in ("0001-01-01", "9999-12-31"):
            response = visit(headers=BROWSER).get("/", {"from": value, "to": value})
            self.assertContains(response, "Type a year from 1970 to 2199.", count=2)

    def test_a_last_day_before_the_first_is_said(self) -> None:
        response = visit(headers=BROWSER).get("/?from=2026-01-02&to=2026-01-01")
        self.assertContains(response, "This day is before the first one.")
        self.assertEqual(names(response), ["Opera"])

    def test_no_query_is_an_error_page(self) -> None:
        texts = ("x" * 10_000, "\u202e", "🎫" * 500, " " * 300, "'", "\\", "%" * 300, "a " * 5000)
        for value in [*map(quote, texts), "%ED%A0%80", "%ED%B0%80%ED%A0%80", "%FF", "+%0a%0d"]:
            for name in ("q", "when", "from", "to", "free", "page"):
                with self.subTest(value=value[:20], name=name):
                    response = visit(headers=BROWSER).get(f"/?{name}={value}")
                    self.assertEqual(response.status_code, 200)
                    self.assertLess(len(response.content), 60_000)
        self.assertContains(visit(headers=BROWSER).get("/?when=never"), "Choose one of these.")

    def test_a_long_text_is_clipped(self) -> None:
        response = visit(headers=BROWSER).get("/", {"q": "x" * 10_000})
        self.assertContains(response, f'value="{"x" * LONGEST}"')

    def test_a_nul_is_refused_as_everywhere(self) -> None:
        self.assertEqual(visit(headers=BROWSER).get("/?q=%00").status_code, 400)


class CostTests(SearchCase):
    def make_events(self, count: int) -> None:
        Event.objects.bulk_create(
            Event(name=f"Opera {n}", venue="Hall", capacity=5, starts_at=later(days=n + 1), created_by=self.olga,
                  auto_hold=False)
            for n in range(count)
        )  # fmt: skip

    def queries_of(self, path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            visit(headers=BROWSER).get(path)
        return len(captured)

    def test_a_search_asks_as_much_for_a_hundred_events_as_for_one(self) -> None:
        path = "/?q=opera+hall&when=&from=2020-01-01&to=2199-01-01&free=on"
        self.make_events(1)
        few = self.queries_of(path)
        self.make_events(100)
        clock = 1 if connection.vendor == "postgresql" else 0
        self.assertEqual((few, self.queries_of(path)), (1 + clock, 1 + clock))

    def test_pages_of_what_was_found_keep_what_was_asked(self) -> None:
        self.make_events(2 * SIZE + 1)
        make_event(name="Ballet", starts_at=later(hours=1))
        response = visit(headers=BROWSER).get("/", {"q": "opera hall", "free": "on", "page": "2", "junk": "x"})
        self.assertContains(response, f"{2 * SIZE + 1} events found.")
        self.assertContains(response, "Page 2 of 3")
        links = dict(re.findall(r'rel="(prev|next)"\s+href="([^"]+)"', response.content.decode()))
        query = "?q=opera+hall&amp;free=on&amp;page="
        self.assertEqual(links, {"prev": f"{query}1", "next": f"{query}3"})
        self.assertEqual(self.found("q=opera&page=3"), [f"Opera {2 * SIZE}"])
        self.assertEqual(self.found("q=opera&page=99"), [f"Opera {2 * SIZE}"])

    def test_searches_without_end_leave_nothing_behind(self) -> None:
        self.make_events(5)
        cards._kept.clear()
        self.addCleanup(shared_answers.forget)
        with override_settings(SHARED_SECONDS=60):
            visit(headers=BROWSER).get("/")
            for n in range(9):
                for query in (f"q=opera&junk={n}", f"free={n}&page=1", f"from=2020-01-0{n + 1}", f"q=Opera+{n}"):
                    visit(headers=BROWSER).get(f"/?{query}")
            self.assertEqual(len(shared_answers._answers), 1)
            self.assertEqual(len(cards._kept), 5)
            with self.assertNumQueries(0):
                visit(headers=BROWSER).get("/")

    def test_a_bar_that_nobody_used_is_rendered_once_and_never_has_somebody_s_words(self) -> None:
        unused = visit(headers=BROWSER).get("/")
        self.assertContains(visit(headers=BROWSER).get("/?q=opera"), 'value="opera"')
        with mock.patch("core.templatetags.search.render_to_string", side_effect=AssertionError):
            again = visit(self.alice, headers=BROWSER).get("/")
        for response in (unused, again):
            self.assertContains(response, 'role="search"')
            self.assertNotContains(response, 'value="opera"')

    def test_nobody_s_search_is_answered_with_somebody_else_s(self) -> None:
        self.make_events(2)
        with override_settings(SHARED_SECONDS=60):
            self.addCleanup(shared_answers.forget)
            self.assertEqual([self.found(f"q=Opera+{n}") for n in (0, 1)], [["Opera 0"], ["Opera 1"]])
            self.assertEqual(self.found("q=Opera", make_person("carol")), ["Opera 0", "Opera 1"])
