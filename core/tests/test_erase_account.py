"""The end of an account (rule 26): nothing is left to use, and nothing left with a name."""

import json
from functools import partial
from typing import Any
from unittest import mock

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.test import TestCase, TransactionTestCase

from core import accounts, allocation, checkin, cleanup, transfer
from core.models import AuditEntry, Cause, Event, Scan, Ticket, TicketHold, User, UserSession
from core.refusals import StillNeeded

from .cast import Cast, CastOfRaces, ago, arrive, book, join, make_event, make_person, numbers, race, statuses
from .desk import at_desk
from .tables import all_rows, changed_tables

PASSWORD = "correct horse battery"


def tables_with(text: str) -> list[str]:
    """Return the names of the models in any of whose rows this text occurs."""
    return [label for label, rows in all_rows().items() if text in json.dumps(rows, default=str).lower()]


class EraseCase(Cast, TestCase):
    """Zeldarine Quistgaard, who left traces in every table; bob waits wherever she has a place."""

    zelda: User

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        names = {"first_name": "Zeldarine", "last_name": "Quistgaard"}
        cls.zelda = make_person("zeldarine", password=PASSWORD, is_staff=True, **names)

    def setUp(self) -> None:
        self.events = {
            name: make_event(name=name, capacity=1, auto_hold=False) for name in ("held", "booked", "admitted")
        }
        self.events |= {name: make_event(name=name, capacity=1, auto_hold=False) for name in ("past", "off", "waited")}
        join(self.events["waited"], self.bob)
        join(self.events["waited"], self.zelda)
        join(self.events["held"], self.zelda)
        for name in ("booked", "admitted", "past", "off"):
            book(self.events[name], self.zelda)
        for name in ("held", "booked", "admitted", "past"):
            join(self.events[name], self.bob)
        checkin.scan(code=self.ticket("admitted").code, event=self.events["admitted"], staff=self.greta)
        Event.objects.filter(name="past").update(starts_at=ago(days=1))
        Event.objects.filter(name="off").update(status="cancelled")
        self.leave_traces()

    def leave_traces(self) -> None:
        """Sign zelda up everywhere: mail addresses, Google, groups, permissions, sessions, the admin's history."""
        accounts.verify_email(self.zelda)
        EmailAddress.objects.create(user=self.zelda, email="zeldarine.quist@example.org", verified=True)
        google = SocialAccount.objects.create(
            user=self.zelda, provider="google", uid="1", extra_data={"name": "Zeldarine"}
        )
        self.zelda.groups.add(Group.objects.create(name="friends"))
        self.zelda.user_permissions.add(Permission.objects.get(codename="view_event"))
        arrive(self.zelda, ago(hours=2))
        self.browser = at_desk(self.zelda)
        for row in (self.zelda, google, *EmailAddress.objects.filter(user=self.zelda)):
            kind = ContentType.objects.get_for_model(type(row))
            LogEntry.objects.create(
                user=self.olga,
                content_type=kind,
                object_id=row.pk,
                object_repr=f"zeldarine {row.pk}",
                action_flag=CHANGE,
            )

    def ticket(self, name: str) -> Ticket:
        return Ticket.objects.get(event=self.events[name], user=self.zelda)


class EraseTests(EraseCase):
    def test_places_and_holds_end_and_the_line_is_served(self) -> None:
        accounts.erase_account(self.zelda)
        ended = f"erased-{self.zelda.pk}"
        self.assertEqual(statuses(self.events["held"]), [(ended, "released"), ("bob", "held")])
        self.assertEqual(statuses(self.events["waited"]), [("bob", "held"), (ended, "left")])
        self.assertEqual(numbers(self.events["held"]), {"held": 1, "booked": 0, "waiting": 0})

    def test_tickets_to_come_are_cancelled_and_their_places_go_to_the_line(self) -> None:
        accounts.erase_account(self.zelda)
        self.assertEqual(self.ticket("booked").status, "cancelled")
        self.assertEqual(numbers(self.events["booked"]), {"held": 1, "booked": 0, "waiting": 0})

    def test_used_past_and_called_off_tickets_stay_on_record_without_a_name(self) -> None:
        before = {name: self.ticket(name) for name in ("admitted", "past", "off")}
        accounts.erase_account(self.zelda)
        after = {name: self.ticket(name) for name in before}
        for name, ticket in after.items():
            kept = (ticket.code, ticket.checked_in_at, ticket.cancelled_at)
            self.assertEqual(kept, (before[name].code, before[name].checked_in_at, None), name)
        names = {ticket.user.display_name for ticket in after.values()}
        self.assertEqual(names, {f"erased-{self.zelda.pk}"})
        self.assertEqual(Scan.objects.get(outcome="admitted").ticket, before["admitted"])
        self.assertEqual([numbers(self.events[name])["booked"] for name in before], [1, 1, 1])

    def test_no_table_keeps_the_name(self) -> None:
        self.assertNotEqual(tables_with("zeldarine"), [])
        self.assertNotEqual(tables_with("quistgaard"), [])
        accounts.erase_account(self.zelda)
        self.assertEqual(tables_with("zeldarine") + tables_with("quistgaard"), [])
        self.assertEqual(set(LogEntry.objects.values_list("object_repr", flat=True)), {f"erased-{self.zelda.pk}"})

    def test_nothing_of_the_account_can_be_used(self) -> None:
        self.assertEqual(self.browser.get("/dashboard/").status_code, 200)
        by_name: dict[str, Any] = {"username": "zeldarine", "password": PASSWORD}
        by_mail: dict[str, Any] = {"email": "zeldarine@example.org", "password": PASSWORD}
        self.assertEqual([authenticate(**by_name), authenticate(**by_mail)], [self.zelda, self.zelda])
        accounts.erase_account(self.zelda)
        person = User.objects.get(pk=self.zelda.pk)
        rights = (person.is_active, person.is_staff, person.is_superuser, person.has_usable_password())
        self.assertEqual(rights, (False, False, False, False))
        belongings: Any = (UserSession, EmailAddress, SocialAccount)
        self.assertEqual([row.objects.filter(user=person).count() for row in belongings], [0, 0, 0])
        self.assertEqual((person.groups.count(), person.user_permissions.count(), Session.objects.count()), (0, 0, 0))
        self.assertEqual(self.browser.get("/dashboard/").status_code, 302)
        self.assertEqual([authenticate(**by_name), authenticate(**by_mail)], [None, None])

    def test_doing_it_again_changes_nothing(self) -> None:
        accounts.erase_account(self.zelda)
        before = all_rows()
        for person in (self.zelda, User.objects.get(pk=self.zelda.pk)):
            accounts.erase_account(person)
            self.assertEqual(changed_tables(before, all_rows()), [])

    def test_an_erasure_that_was_interrupted_is_finished_by_the_next_cleanup(self) -> None:
        late = OperationalError("canceling statement due to lock timeout")
        for step in (
            "allocation.end_places",
            "arrivals.end_sessions",
            "transfer.end_offers",
            "allocation.cancel_ticket",
            "trail.forget_addresses",
        ):
            with mock.patch(f"core.accounts.{step}", side_effect=late), self.assertRaises(OperationalError):
                accounts.erase_account(User.objects.get(pk=self.zelda.pk))
            with self.subTest(step=step):
                self.assertIsNone(authenticate(username="zeldarine", password=PASSWORD))
                self.assertNotEqual(tables_with("zeldarine"), [])
        self.assertEqual(cleanup.clean()["erasures finished"], 1)
        self.assertEqual(tables_with("zeldarine"), [])
        self.assertEqual(cleanup.clean()["erasures finished"], 0)
        deeds = AuditEntry.objects.filter(person=self.zelda, action="account_erased")
        self.assertEqual(deeds.count(), 1)
        self.assertEqual(self.ticket("booked").status, "cancelled")
        self.assertEqual(User.objects.get(pk=self.zelda.pk).username, f"erased-{self.zelda.pk}")

    def test_who_is_deactivated_and_not_erased_keeps_the_name(self) -> None:
        self.zelda.is_active = False
        self.zelda.save()
        self.assertEqual(cleanup.clean()["erasures finished"], 0)
        self.assertEqual(User.objects.get(pk=self.zelda.pk).username, "zeldarine")

    def test_a_ticket_that_staff_make_anew_meanwhile_is_cancelled_too(self) -> None:
        cancel = allocation.cancel_ticket
        anew: list[Ticket] = []

        def after_a_new_code(*, ticket_id: int, cause: Cause) -> Ticket:
            if not anew:
                anew.append(transfer.reissue(ticket_id=ticket_id, by_staff=True, reason="Lost"))
            return cancel(ticket_id=ticket_id, cause=cause)

        with mock.patch("core.accounts.allocation.cancel_ticket", after_a_new_code):
            accounts.erase_account(self.zelda)
        self.assertEqual(Ticket.objects.get(replaces__isnull=False).status, "cancelled")
        self.assertEqual(numbers(self.events["booked"]), {"held": 1, "booked": 0, "waiting": 0})

    def test_others_keep_all_they_have(self) -> None:
        accounts.verify_email(self.bob)
        session = arrive(self.bob)
        people = User.objects.exclude(pk=self.zelda.pk).order_by("pk")
        before = list(people.values())
        accounts.erase_account(self.zelda)
        self.assertEqual(list(people.values()), before)
        self.assertEqual(list(UserSession.objects.all()), [session])
        self.assertEqual(list(EmailAddress.objects.values_list("user__username", flat=True)), ["bob"])

    def test_the_name_that_it_would_take_may_be_taken(self) -> None:
        make_person("squatter", first_name="Sam")
        User.objects.filter(username="squatter").update(username=f"erased-{self.zelda.pk}")
        accounts.erase_account(self.zelda)
        self.assertEqual(User.objects.get(pk=self.zelda.pk).username, f"erased-{self.zelda.pk}-")

    def test_the_freed_name_and_address_can_be_used_again(self) -> None:
        accounts.erase_account(self.zelda)
        again = make_person("zeldarine")
        self.assertEqual((again.tickets.count(), again.places.count()), (0, 0))
        book(self.events["waited"], self.bob)
        self.assertEqual(join(self.events["waited"], again).ahead, 0)


class EraseRaceTests(CastOfRaces, TransactionTestCase):
    def test_who_is_erased_twice_at_once_is_gone_and_the_line_is_served(self) -> None:
        event = make_event(capacity=1)
        join(event, self.alice)
        join(event, self.bob)
        erase = [lambda: accounts.erase_account(User.objects.get(pk=self.alice.pk))] * 2
        race([*erase, lambda: allocation.serve(event.pk), lambda: allocation.serve(event.pk)], threads=4)
        self.assertEqual(statuses(event), [(f"erased-{self.alice.pk}", "released"), ("bob", "held")])
        self.assertEqual(numbers(event), {"held": 1, "booked": 0, "waiting": 0})
        self.assertEqual(TicketHold.objects.count(), 2)

    def test_of_the_last_two_administrators_who_go_at_once_one_stays(self) -> None:
        for n in range(4):
            people = [make_person(f"root{n}{side}", is_staff=True, is_superuser=True) for side in "ab"]
            outcomes = race([partial(accounts.erase_own_account, person) for person in people])
            refused = [str(outcome) for outcome in outcomes if isinstance(outcome, StillNeeded)]
            self.assertEqual(refused, ["You are the only administrator: make somebody else one first."])
            left = User.objects.filter(is_superuser=True)
            self.assertEqual(list(left.values_list("is_active", flat=True)), [True])
            left.update(is_superuser=False)
