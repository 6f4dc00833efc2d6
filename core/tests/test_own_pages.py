"""Lists of events, the dashboard and the calendar: what they tell without being asked."""

import datetime as dt

from django.test import TestCase

from core.models import Event

from .asking import log_in, seen
from .cast import Cast, ago, book, join, lapse, later, make_event
from .visits import BROWSER, visit


class LapsedTests(Cast, TestCase):
    def test_a_hold_that_lapsed_is_told_where_holds_are_until_there_is_another_place(self) -> None:
        browser = log_in(self.alice)
        event = make_event(name="Opera")
        place = join(event, self.alice)
        mine = seen(browser.get("/dashboard/")).partition("All events")[0]
        self.assertNotIn("lapsed", mine)

        lapse(event.places.all())
        event.refresh_from_db()
        place.refresh_from_db()
        mine = seen(browser.get("/dashboard/")).partition("All events")[0]
        self.assertIn(f"Opera: Your hold lapsed on {event.local(place.expires_at)}, before it was booked.", mine)
        join(event, self.alice)
        mine = seen(browser.get("/dashboard/")).partition("All events")[0]
        self.assertNotIn("lapsed", mine)

    def test_it_is_told_of_an_event_that_is_on_no_page_of_the_list_and_of_none_that_is_over(self) -> None:
        browser = log_in(self.alice)
        events = {name: make_event(name=name) for name in ("Paused", "Cancelled", "Over")}
        for event in events.values():
            join(event, self.alice)
            lapse(event.places.all())
        Event.objects.filter(pk=events["Paused"].pk).update(paused_at=ago(seconds=1))
        Event.objects.filter(pk=events["Cancelled"].pk).update(status="cancelled")
        Event.objects.filter(pk=events["Over"].pk).update(starts_at=ago(seconds=1))
        mine = seen(browser.get("/dashboard/?page=9")).partition("All events")[0]
        self.assertIn("Paused: Your hold lapsed", mine)
        self.assertEqual(mine.count("lapsed"), 1)

    def test_whoever_comes_back_by_another_login_is_told_for_as_long_as_nothing_is_held_by_itself(self) -> None:
        event = make_event(name="Opera", auto_hold=False)
        join(event, self.alice)
        lapse(event.places.all())
        self.assertIn("Opera: Your hold lapsed", seen(log_in(self.alice).get("/dashboard/")))
        with self.settings(AUTO_HOLD_COOLDOWN_MINUTES=0):
            self.assertNotIn("Opera: Your hold lapsed", seen(log_in(self.alice).get("/dashboard/")))

    def test_one_that_was_released_is_not(self) -> None:
        browser = log_in(self.alice)
        event = make_event()
        join(event, self.alice)
        browser.post(f"/release-hold/{event.pk}/")
        mine = seen(browser.get("/dashboard/")).partition("All events")[0]
        self.assertNotIn("Your hold was released", mine)


class ZoneTests(Cast, TestCase):
    def test_a_time_in_another_zone_than_the_sites_is_told_with_it(self) -> None:
        starts = dt.datetime(2099, 7, 3, 20, tzinfo=dt.UTC)
        make_event(name="Here", starts_at=starts)
        make_event(name="There", starts_at=starts, time_zone="Asia/Tokyo")
        page = seen(visit(headers=BROWSER).get("/"))
        self.assertRegex(page, "Here Fri 3 Jul 2099, 20:00 ?Hall")
        self.assertIn("There Sat 4 Jul 2099, 05:00 JSTHall", page)


class EraseTests(Cast, TestCase):
    def test_whoever_would_erase_an_account_reads_what_ends_with_it(self) -> None:
        browser = log_in(self.alice)
        self.assertNotIn("This would end:", seen(browser.get("/account/privacy/")))
        book(make_event(name="Opera", starts_at=later(days=3)), self.alice)
        join(make_event(name="Ballet", starts_at=later(days=2)), self.alice)
        full = make_event(name="Circus", starts_at=later(days=4), capacity=1)
        book(full, self.bob)
        join(full, self.alice)
        past = make_event(name="Past")
        book(past, self.alice)
        Event.objects.filter(pk=past.pk).update(starts_at=ago(seconds=1))
        told = seen(browser.get("/account/privacy/")).partition("This would end:")[2]
        self.assertRegex(told, r"^ Held for you Ballet .* Booked Opera .* Waiting Circus ")
        self.assertNotIn("Past", told)
        refused = seen(browser.post("/account/privacy/erase/", {"username": "bob"}))
        self.assertIn("This would end:", refused)


class NextTicketTests(Cast, TestCase):
    def told(self) -> str:
        return seen(visit(self.alice, headers=BROWSER).get("/calendar/?month=2001-01"))

    def test_the_calendar_tells_the_next_ticket_in_every_month(self) -> None:
        self.assertNotIn("The next one:", self.told())
        for name, days in (("Second", 60), ("First", 40)):
            book(make_event(name=name, starts_at=later(days=days)), self.alice)
        self.assertIn("The next one: First", self.told())

    def test_it_is_neither_cancelled_nor_over(self) -> None:
        gone = make_event(name="Gone", starts_at=later(days=1))
        book(gone, self.alice)
        cancelled = make_event(name="Cancelled", starts_at=later(days=2))
        book(cancelled, self.alice)
        book(make_event(name="Third", starts_at=later(days=3)), self.alice)
        Event.objects.filter(pk=gone.pk).update(starts_at=ago(seconds=1))
        Event.objects.filter(pk=cancelled.pk).update(status="cancelled")
        self.assertIn("The next one: Third", self.told())
