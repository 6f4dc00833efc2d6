"""The demo: accounts and events worth looking at, made once, and only where passwords may be public."""

import threading
import time
from io import StringIO
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

from allauth.account.models import EmailAddress
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from django.test import TestCase, TransactionTestCase, override_settings

from core import audit, demo, patience
from core.analytics.periods import between
from core.analytics.reading import Scope, extent, read
from core.analytics.report import charts, highlights
from core.demo_events import EVENTS as DESIGNED
from core.models import GATE_STAFF, Event, Scan, Ticket, TicketHold, User
from core.now import now

from .cast import PATIENCE, make_person, numbers, race
from .tables import all_rows, changed_tables
from .visits import BROWSER, visit

ACCOUNTS = (
    f"Demo accounts, password {demo.PASSWORD}:\n"
    "  alice  attendee\n"
    "  bob    attendee\n"
    "  olga   organizer\n"
    "  greta  gate staff\n"
    "  admin  administrator, at /admin/\n"
)
# name: status, capacity, held, booked, waiting, admitted
EVENTS = {
    "Baltic Chamber Orchestra: Northern Light": ("published", 240, 0, 7, 0, 0),
    "Supper Club: Five Courses by the Harbor": ("published", 14, 0, 11, 0, 0),
    "An Evening with Adaeze Nwosu": ("published", 8, 0, 8, 4, 0),
    "Night Trains Live": ("published", 400, 0, 0, 0, 0),
    "Warehouse Session: Three Bands, One Microphone": ("published", 5, 0, 0, 6, 0),
    "Lunch Hour Organ Recital": ("published", 60, 0, 5, 0, 0),
    "Letterpress Workshop for Beginners": ("published", 20, 0, 4, 0, 0),
    "Open-Air Cinema: The Lighthouse Keepers": ("draft", 500, 0, 0, 0, 0),
    "Harvest Lantern Walk": ("published", 40, 0, 10, 0, 8),
}


def run() -> str:
    """Run the command as `make run` does; return what it printed."""
    printed = StringIO()
    with override_settings(DEBUG=True):
        call_command("demo_data", stdout=printed)
    return printed.getvalue()


class RefusalTests(TestCase):
    def test_without_debug_it_refuses_in_one_sentence_and_makes_nothing(self) -> None:
        before = all_rows()
        with override_settings(DEBUG=False), self.assertRaises(CommandError) as refused:
            call_command("demo_data", stdout=StringIO())
        sentence = "demo_data makes accounts with a published password, so it runs with DEBUG=on only."
        self.assertEqual(str(refused.exception), sentence)
        self.assertEqual(changed_tables(before, all_rows()), [])


class DemoTests(TestCase):
    said: str

    @classmethod
    def setUpTestData(cls) -> None:
        cls.said = run()

    def test_it_says_what_it_made_and_who_can_log_in(self) -> None:
        self.assertEqual(self.said, f"Demo data created: 17 accounts, 9 events.\n{ACCOUNTS}")

    def test_everybody_of_the_cast_can_log_in_by_name_and_by_a_verified_e_mail(self) -> None:
        for person in demo.CAST:
            email = f"{person.username}@tickets.example"
            user = User.objects.get(username=person.username)
            logins: list[dict[str, Any]] = [{"username": person.username}, {"email": email}]
            found = [authenticate(**login, password=demo.PASSWORD) for login in logins]
            known = list(EmailAddress.objects.filter(user=user).values_list("email", "verified", "primary"))
            self.assertEqual((found, known), ([user, user], [(email, True, True)]))

    def test_the_audience_cannot_log_in(self) -> None:
        audience = User.objects.exclude(username__in=[person.username for person in demo.CAST])
        rights = {(user.has_usable_password(), user.is_staff, user.is_superuser) for user in audience}
        self.assertEqual((audience.count(), rights), (12, {(False, False, False)}))

    def test_everybody_may_what_their_role_says(self) -> None:
        own = Event.objects.get(name="Lunch Hour Organ Recital")
        pages = ("/dashboard/", "/checkin/", f"/events/{own.pk}/attendees/", "/admin/")
        codes = {}
        for person in demo.CAST:
            browser = visit(User.objects.get(username=person.username), headers=BROWSER)
            codes[person.username] = [browser.get(page, follow=True).status_code for page in pages]
        self.assertEqual(
            codes,
            {
                "alice": [200, 403, 403, 403],
                "bob": [200, 403, 403, 403],
                "olga": [200, 200, 200, 403],
                "greta": [200, 200, 403, 403],
                "admin": [200, 200, 200, 200],
            },
        )

    def test_the_numbers_of_every_event_are_as_designed_and_agree_with_the_rows(self) -> None:
        found = {}
        for event in Event.objects.all():
            admitted = event.tickets.exclude(checked_in_at=None).count()
            shown = numbers(event)
            found[event.name] = (event.status, event.capacity, *shown.values(), admitted)
        self.assertEqual(found, EVENTS)
        self.assertEqual(
            (audit.differences(), set(Event.objects.values_list("created_by__username", flat=True))), ([], {"olga"})
        )

    def test_events_stand_in_the_states_worth_seeing(self) -> None:
        moment = now()
        on_sale = set(Event.objects.on_sale(moment).values_list("name", flat=True))
        before = {event.name for event in Event.objects.all() if event.is_before_sale(moment)}
        over = {event.name for event in Event.objects.all() if event.is_over(moment)}
        draft = set(Event.objects.filter(status="draft").values_list("name", flat=True))
        opening = {"Night Trains Live", "Warehouse Session: Three Bands, One Microphone"}
        self.assertEqual((before, over), (opening, {"Harvest Lantern Walk"}))
        self.assertEqual(on_sale, EVENTS.keys() - before - over - draft)

    def test_events_start_at_the_hour_of_their_own_place(self) -> None:
        hours = {event.name: event.local(event.starts_at).split(", ")[1][:5] for event in Event.objects.all()}
        self.assertEqual(hours, {event.name: f"{event.starts:%H:%M}" for event in DESIGNED})

    def test_who_came_to_the_past_event_was_admitted_around_its_start(self) -> None:
        tickets = Ticket.objects.filter(event__name="Harvest Lantern Walk").select_related("event")
        late = [t for t in tickets if t.checked_in_at and not t.booked_at < t.checked_in_at <= t.event.starts_at]
        self.assertEqual((late, {"alice", "bob"} - {t.user.username for t in tickets}), ([], set()))
        scans = set(Scan.objects.values_list("outcome", "staff__username", "gate"))
        self.assertEqual(scans, {("admitted", "greta", "Main entrance")})

    def test_all_that_happened_at_the_past_event_happened_before_it_was_over(self) -> None:
        past = Event.objects.get(name="Harvest Lantern Walk")
        places = TicketHold.objects.filter(event=past)
        for row in places.values_list("created_at", "held_at", "ended_at", "expires_at"):
            moments: list[Any] = [past.created_at, *row, past.starts_at]
            self.assertEqual(moments, sorted(set(moments)))
        scans = Scan.objects.filter(event=past).values_list("scanned_at", "recorded_at")
        self.assertEqual([scanned for scanned, _ in scans], [recorded for _, recorded in scans])

    def test_its_analytics_do_not_contradict_themselves(self) -> None:
        past, moment = Event.objects.get(name="Harvest Lantern Walk"), now()
        scope = Scope(event=past)
        found = read(scope, between(*extent(scope, moment), ZoneInfo(past.zone)), moment)
        told = {chart.key: chart.empty if chart.is_empty else chart.summary for chart in charts(found)}
        self.assertIn("10 holds placed, 10 tickets booked.", told["sale"])
        self.assertIn("Of 10 holds that ended, 100% became a ticket", told["holds"])
        self.assertEqual((told["line"], told["wait"]), ("Nobody waited.", "Whoever joined was served at once."))
        self.assertEqual(dict(highlights(found))["Let in"], "8")

    def test_a_second_run_changes_nothing(self) -> None:
        alice, event = User.objects.get(username="alice"), Event.objects.get(name="Night Trains Live")
        alice.set_password("a password of her own")
        alice.email = "alice@elsewhere.example"
        alice.save()
        Event.objects.filter(pk=event.pk).update(capacity=401, description="Changed by its organizer")
        before = all_rows()
        self.assertEqual(run(), ACCOUNTS)
        self.assertEqual(changed_tables(before, all_rows()), [])

    def test_what_is_missing_is_made_again_and_nothing_else(self) -> None:
        gone = Event.objects.get(name="Night Trains Live")
        gone.delete()
        before = all_rows()
        self.assertEqual(run(), f"Demo data created: 0 accounts, 1 events.\n{ACCOUNTS}")
        self.assertEqual(changed_tables(before, all_rows()), ["core.Event"])
        self.assertEqual(Event.objects.filter(name="Night Trains Live").count(), 1)


class ExistingAccountTests(TestCase):
    def test_accounts_that_exist_stay_as_they_are(self) -> None:
        own = make_person("alice", password="a password of her own", first_name="Other")
        same_mail = User.objects.create_user("robert", "BOB@tickets.example")
        before = list(User.objects.order_by("pk").values())
        self.assertEqual(run(), f"Demo data created: 15 accounts, 9 events.\n{ACCOUNTS}")
        kept = User.objects.filter(pk__in=[own.pk, same_mail.pk]).order_by("pk")
        self.assertEqual(list(kept.values()), before)
        self.assertEqual(User.objects.filter(username="bob").count(), 0)


class RaceTests(TransactionTestCase):
    def test_two_runs_at_once_make_everything_once(self) -> None:
        made = race([demo.create_missing] * 2, threads=2)
        self.assertEqual(sorted(map(str, made)), ["(0, 0)", "(17, 9)"])
        self.assertEqual((User.objects.count(), Event.objects.count(), TicketHold.objects.count()), (17, 9, 55))

    def test_a_run_waits_for_another_longer_than_a_request_would(self) -> None:
        if connection.vendor != "postgresql":
            return  # SQLite's own time-out is longer than any demo takes
        is_held = threading.Event()

        def hold() -> None:
            with transaction.atomic():
                Group.objects.select_for_update().get_or_create(name=GATE_STAFF)
                is_held.set()
                time.sleep(1)

        def run() -> tuple[int, int]:
            is_held.wait(PATIENCE)
            return demo.create_missing()

        Group.objects.get_or_create(name=GATE_STAFF)
        with mock.patch.object(patience, "seconds_left", lambda most: 0.5):
            self.assertEqual(race([hold, run], threads=2), [None, (17, 9)])
