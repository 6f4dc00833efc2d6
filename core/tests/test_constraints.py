"""What the database itself refuses, even to a bug in Python (rule 1, STYLE 3.2)."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.test import TestCase

from core.models import Event, Scan, Ticket, TicketHold, User, UserSession
from core.now import now

from .cast import Cast, ago, arrive, book, join, later, make_event, make_person


class ConstraintCase(Cast, TestCase):
    def assert_refused(self, attempts: dict[str, Callable[[], Any]]) -> None:
        """Make each attempt on its own; the database must refuse it."""
        for what, attempt in attempts.items():
            with self.subTest(what), self.assertRaises(IntegrityError), transaction.atomic():
                attempt()


class EventConstraintTests(ConstraintCase):
    def test_more_booked_and_held_than_the_capacity_is_refused(self):
        event = Event.objects.filter(pk=make_event(capacity=3).pk)
        event.update(held=1, booked=2)
        self.assert_refused(
            {
                "one more held": lambda: event.update(held=2),
                "one more booked": lambda: event.update(booked=3),
                "a lower capacity": lambda: event.update(capacity=2),
                "all at once": lambda: event.update(capacity=5, held=3, booked=3),
            }
        )
        self.assertEqual(event.values_list("capacity", "held", "booked").get(), (3, 1, 2))

    def test_negative_numbers_are_refused(self):
        event = Event.objects.filter(pk=make_event().pk)
        self.assert_refused(
            {
                "held": lambda: event.update(held=-1),
                "booked": lambda: event.update(booked=-1),
                "held, made up for by booked": lambda: event.update(held=-1, booked=1),
                "capacity": lambda: event.update(capacity=-1),
                "version": lambda: event.update(version=-1),
            }
        )

    def test_times_that_cannot_be_are_refused(self):
        event = Event.objects.filter(pk=make_event(starts_at=later(days=1)).pk)
        moment = later(hours=1)
        self.assert_refused(
            {
                "ends before it starts": lambda: event.update(ends_at=moment),
                "closes before it opens": lambda: event.update(sales_open_at=moment, sales_close_at=ago(hours=1)),
                "closes as it opens": lambda: event.update(sales_open_at=moment, sales_close_at=moment),
                "holds of no time": lambda: event.update(hold_minutes=0),
                "holds of less than no time": lambda: event.update(hold_minutes=-1),
                "an unknown status": lambda: event.update(status="sold"),
            }
        )

    def test_the_same_numbers_are_accepted_at_their_bounds(self):
        event = Event.objects.filter(pk=make_event(capacity=0).pk)
        self.assertEqual(event.update(capacity=3, held=0, booked=3, ends_at=later(days=8), hold_minutes="0.001"), 1)


class PlaceConstraintTests(ConstraintCase):
    def test_a_second_live_place_of_one_person_is_refused(self):
        event, moment = make_event(), now()
        held = {"status": "held", "held_at": moment, "expires_at": later(minutes=10)}
        TicketHold.objects.create(event=event, user=self.alice)
        self.assert_refused(
            {
                "waiting": lambda: TicketHold.objects.create(event=event, user=self.alice),
                "held": lambda: TicketHold.objects.create(event=event, user=self.alice, **held),
            }
        )
        ended = TicketHold.objects.create(event=event, user=self.alice, status="left", ended_at=moment)
        self.assert_refused(
            {"revived": lambda: TicketHold.objects.filter(pk=ended.pk).update(status="waiting", ended_at=None)}
        )
        TicketHold.objects.create(event=event, user=self.bob)
        TicketHold.objects.create(event=make_event(), user=self.alice)
        self.assertEqual(TicketHold.objects.unended().count(), 3)

    def test_a_hold_without_its_times_is_refused(self):
        event, moment = make_event(), now()
        place = TicketHold.objects.filter(pk=TicketHold.objects.create(event=event, user=self.alice).pk)
        self.assert_refused(
            {
                "held since never": lambda: place.update(status="held", expires_at=moment),
                "held for ever": lambda: place.update(status="held", held_at=moment),
                "expired without a time": lambda: place.update(status="expired", ended_at=moment),
                "booked without a time": lambda: place.update(status="booked", ended_at=moment),
                "released without a time": lambda: place.update(status="released", ended_at=moment),
            }
        )

    def test_a_state_that_does_not_fit_its_end_is_refused(self):
        event, moment = make_event(), now()
        place = TicketHold.objects.filter(pk=join(event, self.alice).pk)
        self.assert_refused(
            {
                "held, and ended": lambda: place.update(ended_at=moment),
                "waiting, and ended": lambda: place.update(status="waiting", ended_at=moment),
                **{
                    f"{status}, and not ended": partial(place.update, status=status)
                    for status in ("booked", "released", "expired", "left")
                },
                "an unknown status": lambda: place.update(status="lost"),
            }
        )


class TicketConstraintTests(ConstraintCase):
    def test_a_second_valid_ticket_of_one_person_is_refused(self):
        event = make_event()
        first = book(event, self.alice)
        cancelled = Ticket.objects.create(event=event, user=self.alice, code="A", cancelled_at=now())
        self.assert_refused(
            {
                "another": lambda: Ticket.objects.create(event=event, user=self.alice, code="B"),
                "a cancelled one revived": lambda: Ticket.objects.filter(pk=cancelled.pk).update(cancelled_at=None),
                "the same code": lambda: Ticket.objects.create(event=event, user=self.bob, code=first.code),
            }
        )
        Ticket.objects.create(event=event, user=self.bob, code="C")
        self.assertEqual(Ticket.objects.valid().count(), 2)

    def test_a_second_ticket_of_one_hold_is_refused(self):
        event = make_event()
        hold = join(event, self.alice)
        book(event, self.alice)
        self.assert_refused({"another": lambda: Ticket.objects.create(event=event, user=self.bob, code="A", hold=hold)})

    def test_admitted_and_cancelled_at_once_is_refused(self):
        ticket = Ticket.objects.filter(pk=book(make_event(), self.alice).pk)
        moment = now()
        self.assert_refused({"both": lambda: ticket.update(checked_in_at=moment, cancelled_at=moment)})
        ticket.update(checked_in_at=moment)
        self.assert_refused({"cancelled after": lambda: ticket.update(cancelled_at=moment)})
        ticket.update(checked_in_at=None, cancelled_at=moment)
        self.assert_refused({"admitted after": lambda: ticket.update(checked_in_at=moment)})

    def test_a_second_admission_and_a_second_use_of_a_nonce_are_refused(self):
        event = make_event()
        ticket = book(event, self.alice)

        def scan(**fields: Any) -> Scan:
            return Scan.objects.create(event=event, staff=self.greta, **{"outcome": "unknown_code"} | fields)

        first = scan(ticket=ticket, outcome="admitted", let_in=True, nonce="n")
        scan(ticket=ticket, outcome="already_checked_in")
        scan()
        self.assert_refused(
            {
                "admitted again": lambda: scan(ticket=ticket, outcome="admitted", let_in=True),
                "the same nonce": lambda: scan(nonce="n"),
                "admitted, but not let in": lambda: scan(outcome="admitted"),
            }
        )
        Scan.objects.filter(pk=first.pk).update(undone_at=now())
        scan(ticket=ticket, outcome="admitted", let_in=True)
        self.assertEqual(Scan.objects.count(), 4)


class PersonConstraintTests(ConstraintCase):
    def test_an_email_that_differs_by_case_only_is_refused(self):
        self.assert_refused(
            {
                "same": lambda: User.objects.create(username="a", email="alice@example.org"),
                "capitals": lambda: User.objects.create(username="a", email="ALICE@Example.ORG"),
                "changed": lambda: User.objects.filter(pk=self.bob.pk).update(email="Alice@example.org"),
            }
        )

    def test_many_may_have_no_email(self):
        for name in ("anon1", "anon2"):
            User.objects.create(username=name)
        self.assertEqual(User.objects.filter(email="").count(), 2)

    def test_one_session_key_is_one_login(self):
        key = arrive(self.alice).session_key
        self.assert_refused({"another's": lambda: UserSession.objects.create(user=self.bob, session_key=key)})


class ProtectionTests(Cast, TestCase):
    def test_people_and_events_that_anything_refers_to_cannot_be_deleted(self):
        event = make_event()
        book(event, self.alice)
        join(event, self.bob)
        arrive(self.greta)
        for thing in (event, self.alice, self.bob, self.greta, self.olga):
            with self.subTest(thing=str(thing)), self.assertRaises(ProtectedError):
                thing.delete()

    def test_a_ticket_survives_the_pruning_of_its_hold(self):
        event = make_event()
        hold = join(event, self.alice)
        ticket = book(event, self.alice)
        TicketHold.objects.filter(pk=hold.pk).delete()
        self.assertEqual(Ticket.objects.get().hold, None)
        self.assertEqual(book(event, self.alice), ticket)

    def test_a_place_survives_the_pruning_of_its_login(self):
        event, session = make_event(), arrive(self.alice, ago(hours=1))
        place = join(event, self.alice, session)
        session.delete()
        self.assertEqual(
            TicketHold.objects.values_list("pk", "session", "login_timestamp").get(),
            (place.pk, None, place.login_timestamp),
        )

    def test_a_stranger_with_nothing_can_be_deleted(self):
        make_person("nobody").delete()
        self.assertEqual(User.objects.filter(username="nobody").count(), 0)
