"""What is typed into the admin's addresses and forms (RELIABILITY 4, "Admin"), beside what test_admin_*.py have."""

import datetime as dt
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import TestCase, override_settings

from core.models import Event, LedgerEntry, Ticket, User

from .cast import Cast, book, join, make_event, numbers
from .desk import at_desk, errors_of, filled, make_administrator
from .test_bad_input import HUGE, SENSELESS

ADD, LIST = "/admin/core/event/add/", "/admin/core/event/"
CLEAN = {200, 302, 400, 403, 404, 405}
QUERIES = (
    "o=99", "o=-99.x", "o=abc", "p=-1", "p=9e9", "p=abc", "all=x", "e=1", "q=%FF", "q=" + "x" * 5000,
    "_to_field=password", "_popup=x", "_changelist_filters=%00", "password__startswith=a",
    "user__password__startswith=a", "id__exact=abc", "event__id__exact=abc", "event__id__exact=" + "9" * 400,
    "pk__in=1,x", "id__in=", "starts_at__year=x", "starts_at__gte=soon", "created_at__year=99999",
    "status__exact=%5B%5D", "status__regex=(", "is_active__exact=x", "nonsense=1", "nonsense__exact__x=1",
    "user__groups__permissions__content_type__model=x", "_facets=x", "live=x",
)  # fmt: skip


class AdminCase(Cast, TestCase):
    root: User
    event: Event
    ticket: Ticket

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.root = make_administrator()
        cls.event = make_event(capacity=5, auto_hold=False)
        cls.ticket = book(cls.event, cls.alice)
        join(cls.event, cls.bob)

    def setUp(self) -> None:
        self.browser = at_desk(self.root)
        self.change = f"/admin/core/event/{self.event.pk}/change/"

    def typed(self, **differs: str) -> Any:
        """Change the event's form, and send it."""
        return self.browser.post(self.change, filled(self.browser.get(self.change)) | differs)


class AddressTests(AdminCase):
    def test_no_address_fails_whatever_number_it_has(self) -> None:
        for model in admin.site._registry:
            for text in (*HUGE, *SENSELESS, "_2F", "..", "add"):
                for page in ("change", "delete", "history"):
                    path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/{text}/{page}/"
                    with self.subTest(path=path[:60]):
                        self.assertIn(self.browser.get(path).status_code, CLEAN)
        self.assertIn(self.browser.get("/admin/core/event/abc/serving/").status_code, CLEAN)

    def test_no_list_fails_whatever_it_is_filtered_or_sorted_by(self) -> None:
        for model in admin.site._registry:
            for query in QUERIES:
                path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/?{query}"
                with self.subTest(path=path[:80]):
                    self.assertIn(self.browser.get(path).status_code, CLEAN)

    def test_no_password_is_found_by_filtering(self) -> None:
        self.alice.set_password("correct horse battery")
        self.alice.save()
        for query in ("password__startswith=argon2", "user__password__startswith=argon2"):
            for model in ("user", "ticket", "tickethold", "usersession"):
                with self.subTest(query=query, model=model):
                    response = self.browser.get(f"/admin/core/{model}/?{query}")
                    self.assertIn(response.status_code, {302, 400})

    def test_what_is_suggested_while_typing_is_of_ours_alone(self) -> None:
        for query in ("", "app_label=auth&model_name=x&field_name=y",
                      "app_label=core&model_name=event&field_name=draw_seed",
                      "app_label=core&model_name=event&field_name=created_by&term=%FF&page=x"):  # fmt: skip
            with self.subTest(query=query):
                self.assertIn(self.browser.get(f"/admin/autocomplete/?{query}").status_code, {200, 403, 404})


class EventFormTests(AdminCase):
    def test_numbers_that_are_none_too_small_or_too_large(self) -> None:
        for field, texts in (
            ("capacity", ("-1", "1", str(2**31), str(2**63), "9" * 400, "1.5", "1e3", "NaN", "", "x", "0x10")),
            ("hold_minutes", ("-1", "0", "NaN", "Infinity", "1e9", "9" * 400, "x", "0.0001")),
        ):
            for text in texts:
                with self.subTest(field=field, text=text[:20]):
                    response = self.typed(**{field: text})
                    self.assertEqual(response.status_code, 200)
                    self.assertLessEqual(set(errors_of(response)), {field, "__all__"})
        self.assertEqual(Event.objects.get(pk=self.event.pk).capacity, 5)
        self.assertEqual(numbers(self.event), {"held": 1, "booked": 1, "waiting": 0})

    def test_texts_that_cannot_be_stored(self) -> None:
        for field, text in (
            ("name", "x" * 201), ("venue", "x" * 201), ("name", "a\0b"), ("description", "a\0b"),
            ("time_zone", "../etc"), ("time_zone", "x" * 65), ("time_zone", "\0"), ("status", "sold"),
            ("line_policy", "x"), ("created_by", "x"), ("created_by", "9" * 400), ("created_by", "-1"),
        ):  # fmt: skip
            with self.subTest(field=field, text=text[:20]):
                if field in filled(self.browser.get(self.change)):
                    self.assertEqual(list(errors_of(self.typed(**{field: text}))), [field])

    def test_moments_that_are_none(self) -> None:
        for date, time in (
            ("2026-02-30", "10:00"), ("soon", "10:00"), ("2030-01-01", "25:00"), ("0000-01-01", "10:00"),
            ("99999-01-01", "10:00"), ("2030-01-01", ""), ("", "10:00"), ("٢٠٣٠-٠١-٠١", "x"),
        ):  # fmt: skip
            with self.subTest(date=date, time=time):
                response = self.typed(starts_at_0=date, starts_at_1=time)
                self.assertEqual(list(errors_of(response)), ["starts_at"])

    def test_the_first_and_the_last_moments_there_are(self) -> None:
        for date in ("0001-01-01", "9999-12-31"):
            with self.subTest(date=date):
                self.assertIn(self.typed(starts_at_0=date, starts_at_1="23:59:59").status_code, {200, 302})
                for path in ("/", f"/events/{self.event.pk}/", LIST, self.change, f"/ticket/{self.ticket.code}/"):
                    self.assertEqual(self.browser.get(path).status_code, 200)

    @override_settings(TIME_ZONE="Europe/Berlin")
    def test_a_moment_that_the_clocks_skip_is_refused_and_one_that_comes_twice_is_the_first(self) -> None:
        response = self.typed(starts_at_0="2030-03-31", starts_at_1="02:30:00")
        self.assertEqual(list(errors_of(response)), ["starts_at"])
        moments = {"2030-03-31 03:30:00": (3, 31, 1, 30), "2030-10-27 02:30:00": (10, 27, 0, 30)}
        for typed, moment in moments.items():
            with self.subTest(typed=typed):
                date, _, time = typed.partition(" ")
                self.assertEqual(self.typed(starts_at_0=date, starts_at_1=time).status_code, 302)
                starts_at = Event.objects.get(pk=self.event.pk).starts_at
                self.assertEqual(starts_at, dt.datetime(2030, *moment, tzinfo=dt.UTC))


class ActionTests(AdminCase):
    def test_actions_on_rows_that_are_none(self) -> None:
        entries = LedgerEntry.objects.count()
        for action in ("cancel_tickets", "delete_selected", "nonsense", "", "__class__"):
            for rows in ([], ["x"], ["9" * 400], [str(self.ticket.pk)] * 10_000, ["-1"], ["\0"]):
                form = {"action": action, ACTION_CHECKBOX_NAME: rows[:900], "index": "x", "select_across": "x"}
                with self.subTest(action=action, rows=rows[:1]):
                    self.assertIn(self.browser.post("/admin/core/ticket/", form).status_code, CLEAN)
        many = {"action": "cancel_tickets", ACTION_CHECKBOX_NAME: [str(n) for n in range(10_000)]}
        self.assertEqual(self.browser.post("/admin/core/ticket/", many).status_code, 400)
        self.assertEqual(LedgerEntry.objects.count(), entries)
