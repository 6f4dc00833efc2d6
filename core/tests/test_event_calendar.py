"""An event as a calendar entry, for everybody."""

from typing import Any

from django.test import TestCase
from icalendar import Calendar

from core.models import Event

from .cast import Cast, make_event
from .visits import BROWSER, visit


class EventCalendarTests(Cast, TestCase):
    def setUp(self) -> None:
        self.event = make_event(name="Opera", venue="Hall; left", time_zone="Europe/Berlin")
        self.path = f"/events/{self.event.pk}/calendar.ics"

    def entry(self) -> Any:
        response = visit().get(self.path)
        self.assertEqual(
            (response.headers["Content-Type"], response.headers["Content-Disposition"]),
            ("text/calendar; charset=utf-8", f'attachment; filename="event-{self.event.pk}.ics"'),
        )
        (entry,) = Calendar.from_ical(response.content).walk("VEVENT")
        return entry

    def test_it_is_the_event_with_a_name_of_its_own(self) -> None:
        entry = self.entry()
        shown = {name: str(entry[name]) for name in ("SUMMARY", "LOCATION", "STATUS", "URL", "UID")}
        self.assertEqual(shown, {
            "SUMMARY": "Opera",
            "LOCATION": "Hall; left",
            "STATUS": "CONFIRMED",
            "URL": f"http://127.0.0.1:8000/events/{self.event.pk}/",
            "UID": f"event-{self.event.pk}@127.0.0.1",
        })  # fmt: skip
        starts_at = self.event.starts_at.replace(microsecond=0)
        self.assertEqual((entry["DTSTART"].dt, entry["DTSTART"].params["TZID"]), (starts_at, "Europe/Berlin"))

    def test_it_says_that_the_event_is_cancelled(self) -> None:
        Event.objects.update(status="cancelled")
        self.assertEqual(str(self.entry()["STATUS"]), "CANCELLED")

    def test_a_draft_s_is_its_managers_and_kept_nowhere(self) -> None:
        Event.objects.update(status="draft")
        self.assertEqual(visit(self.bob).get(self.path).status_code, 404)
        response = visit(self.olga).get(self.path)
        self.assertEqual((response.status_code, response.headers["Cache-Control"]), (200, "no-store"))

    def test_the_event_s_page_leads_to_it(self) -> None:
        for person in (None, self.alice):
            page = visit(person, headers=BROWSER).get(f"/events/{self.event.pk}/")
            self.assertContains(page, f'href="{self.path}"')
