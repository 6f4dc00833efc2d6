"""Organizers and staff read their pages in their own language; what is kept, and what programs read, is in English."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.test import RequestFactory, SimpleTestCase, TestCase, override_settings
from django.utils.functional import Promise
from django.utils.html import strip_tags
from django.utils.translation import override

from core import organizing
from core.admin.labels import ROWS
from core.admin.records import state_in_words
from core.models import AuditEntry, Event, TicketHold, TicketTransfer, User
from core.now import now

from .cast import Cast, make_event
from .sales import Sale
from .visits import BROWSER, visit

LANGUAGES = [("en", "English"), ("de", "Deutsch")]


def last_may() -> dt.datetime:
    """Return a moment of a month whose name differs in German."""
    today = now()
    return dt.datetime(today.year - (today.month < 6), 5, 1, 9, tzinfo=dt.UTC)


class KeptTests(Cast, TestCase):
    def test_the_trail_keeps_what_was_changed_in_english_whoever_changes_it(self) -> None:
        event = make_event(starts_at=dt.datetime(2100, 5, 1, 20, tzinfo=dt.UTC))
        with override("de"):
            self.assertIn("Mai", event.local(event.starts_at))
            organizing.revise(event_id=event.pk, values={"starts_at": event.starts_at + dt.timedelta(days=1)})
        told = "Starts: Sat 1 May 2100, 20:00 UTC → Sun 2 May 2100, 20:00 UTC"
        self.assertEqual(AuditEntry.objects.get(action="event_changed").detail, told)

    @override_settings(LANGUAGES=LANGUAGES)
    def test_a_chart_is_drawn_in_the_language_of_the_page_and_its_file_is_in_english(self) -> None:
        sale = Sale(last_may())
        sale.book(joined=0, held=0, booked=1)
        browser = visit(self.olga, headers={**BROWSER, "Accept-Language": "de"})
        address, days = f"/organize/{sale.event.pk}/analytics/", f"?from={sale.at:%Y-%m-%d}&to={sale.at:%Y-%m-%d}"
        with override("de"):
            page = browser.get(address + days).content.decode()
            file = browser.get(f"{address}sale.csv{days}").getvalue().decode("utf-8-sig")
        self.assertIn("Mai", page)
        self.assertEqual(file.splitlines()[0], "From (UTC),Holds placed,Tickets booked")
        self.assertIn(f"1 May {sale.at.year}, 09:00", file)

    @override_settings(LANGUAGES=[("en", "English"), ("ar", "العربية")])
    def test_a_list_has_the_comma_of_the_language_and_a_name_its_own_direction(self) -> None:
        make_event(name="Opera")
        page = visit(self.olga, headers={**BROWSER, "Accept-Language": "ar"}).get("/dashboard/").content.decode()
        listed = page.partition('id="organized-title"')[2].partition("</ul>")[0]
        self.assertIn("<bdi>Opera</bdi>", listed)
        self.assertIn("،", listed)
        self.assertNotIn(",", strip_tags(listed))


def shown_fields() -> Iterator[tuple[str, Any]]:
    """Yield what the administration shows of the box office's rows: the name of the model, and the field."""
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True)
    for name in ROWS:
        page = admin.site._registry[apps.get_model("core", name)]
        shown = {*map(str, page.list_display), *flatten_fieldsets(page.get_fieldsets(request))}
        yield from ((name, field) for field in page.opts.fields if field.name in shown)


class LabelTests(SimpleTestCase):
    def test_every_field_that_the_administration_shows_has_a_name_that_can_be_translated(self) -> None:
        self.assertGreater(len(list(shown_fields())), 40)
        for name, field in shown_fields():
            with self.subTest(model=name, field=field.name):
                self.assertIsInstance(field.verbose_name, Promise)

    def test_its_name_in_english_is_the_one_in_the_code_and_no_part_of_the_migrations(self) -> None:
        for name, field in shown_fields():
            with self.subTest(model=name, field=field.name):
                self.assertEqual(str(field.verbose_name), field.name.replace("_", " "))
                self.assertNotIn("verbose_name", field.deconstruct()[3])

    def test_every_state_of_a_row_has_its_words(self) -> None:
        of_tickets = ("valid", "admitted", "cancelled", "open", "accepted")
        for state in (*Event.Status.values, *TicketHold.Status.values, *TicketTransfer.End.values, *of_tickets):
            self.assertEqual(state_in_words(state), state)
