"""A ticket that is accepted while something else happens to it: exactly one of the two is so. On both databases."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

from django.test import TransactionTestCase

from core import allocation, audit, checkin, transfer
from core.models import Event, Ticket, TicketTransfer, User
from core.refusals import LoginEnded, Refused, TooMany

from .cast import CastOfRaces, book, join, ledger_problems, make_event, make_people, make_person, numbers, offer, race

PAIRS = 16


def outcome(result: Any) -> str:
    """Return the status of a refusal, or the kind of what a call returned."""
    return result.status if isinstance(result, Refused) else type(result).__name__


class TransferRaceTests(CastOfRaces, TransactionTestCase):
    """Sixteen tickets of one event, each offered to somebody; each offer races with one other act."""

    event: Event
    offers: list[TicketTransfer]
    recipients: list[User]

    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(capacity=PAIRS, auto_hold=False)
        tickets = [book(self.event, person) for person in make_people(PAIRS)]
        self.recipients = [make_person(f"recipient{n}") for n in range(PAIRS)]
        self.offers = [offer(ticket, to) for ticket, to in zip(tickets, self.recipients, strict=True)]

    def tearDown(self) -> None:
        self.assertEqual((ledger_problems(self.event), audit.differences()), ([], []))
        super().tearDown()

    def accepts(self) -> list[Callable[[], Ticket]]:
        pairs = zip(self.offers, self.recipients, strict=True)
        return [partial(transfer.accept, transfer_id=made.pk, user=to) for made, to in pairs]

    def against(self, act: Callable[[TicketTransfer], Any]) -> list[tuple[str, Any]]:
        """Race each acceptance with an act on the same offer; return `(outcome of accepting, result of the act)`."""
        calls: list[Callable[[], Any]] = []
        for accept, made in zip(self.accepts(), self.offers, strict=True):
            calls += [accept, partial(act, made)]
        results = race(calls, threads=8)
        return [(outcome(taken), result) for taken, result in zip(results[::2], results[1::2], strict=True)]

    def old(self, made: TicketTransfer) -> Ticket:
        return Ticket.objects.get(pk=made.ticket_id)

    def test_a_ticket_is_accepted_or_cancelled(self) -> None:
        pairs = self.against(lambda made: allocation.cancel_ticket(ticket_id=made.ticket_id))
        taken = 0
        for made, (accepted, _) in zip(self.offers, pairs, strict=True):
            new = Ticket.objects.filter(replaces=made.ticket_id).count()
            with self.subTest(accepted=accepted):
                self.assertEqual((accepted, new), ("Ticket", 1) if new else ("cancelled", 0))
                self.assertNotEqual(self.old(made).cancelled_at, None)
            taken += new
        self.assertEqual(numbers(self.event), {"held": 0, "booked": taken, "waiting": 0})

    def test_a_ticket_is_accepted_or_admitted(self) -> None:
        def scan(made: TicketTransfer) -> str:
            return checkin.scan(code=self.old(made).code, event=self.event, staff=self.greta).outcome

        for made, (accepted, scanned) in zip(self.offers, self.against(scan), strict=True):
            old, is_in = self.old(made), scanned == "admitted"
            with self.subTest(accepted=accepted, scanned=str(scanned)):
                self.assertEqual(
                    (accepted, scanned), ("already_checked_in", "admitted") if is_in else ("Ticket", "cancelled")
                )
                self.assertEqual((old.checked_in_at is not None, old.cancelled_at is None), (is_in, is_in))
        self.assertEqual(numbers(self.event), {"held": 0, "booked": PAIRS, "waiting": 0})

    def test_an_offer_is_accepted_or_withdrawn(self) -> None:
        pairs = self.against(lambda made: transfer.withdraw(ticket_id=made.ticket_id))
        told = [(accepted, "ok" if result is None else outcome(result)) for accepted, result in pairs]
        self.assertLessEqual(set(told), {("Ticket", "given"), ("offer_ended", "ok")})
        states = Counter(TicketTransfer.objects.values_list("end", flat=True))
        self.assertEqual(states["withdrawn"], told.count(("offer_ended", "ok")))
        self.assertEqual(numbers(self.event), {"held": 0, "booked": PAIRS, "waiting": 0})

    def test_an_offer_is_accepted_or_replaced_by_another(self) -> None:
        carol = make_person("carol")
        pairs = self.against(lambda made: offer(made.ticket, carol))
        told = [(accepted, outcome(result)) for accepted, result in pairs]
        self.assertLessEqual(set(told), {("Ticket", "given"), ("offer_ended", "TicketTransfer")})

    def test_a_ticket_is_accepted_or_has_a_new_code(self) -> None:
        pairs = self.against(lambda made: transfer.reissue(ticket_id=made.ticket_id))
        told = [(accepted, outcome(result)) for accepted, result in pairs]
        self.assertLessEqual(set(told), {("Ticket", "given"), ("offer_ended", "Ticket")})
        self.assertEqual(Ticket.objects.valid().count(), PAIRS)

    def test_accepting_many_times_at_once_gives_one_ticket(self) -> None:
        results = race(self.accepts()[:1] * 20)
        self.assertEqual(len({ticket.pk for ticket in results if isinstance(ticket, Ticket)}), 1)
        self.assertEqual(Counter(map(outcome, results)), Counter({"Ticket": 20}))
        self.assertEqual(Ticket.objects.count(), PAIRS + 1)

    def test_of_two_offers_to_one_person_one_is_taken(self) -> None:
        both = [offer(made.ticket, self.alice) for made in self.offers[:2]]
        results = race([partial(transfer.accept, transfer_id=made.pk, user=self.alice) for made in both * 5])
        self.assertEqual({outcome(result) for result in results}, {"Ticket", "already_booked"})
        self.assertEqual(Ticket.objects.valid().filter(user=self.alice).count(), 1)
        self.assertEqual(numbers(self.event)["booked"], PAIRS)

    def test_who_books_in_another_tab_while_they_accept_has_one_ticket(self) -> None:
        Event.objects.update(capacity=3 * PAIRS)
        calls: list[Callable[[], Any]] = []
        for accept, person in zip(self.accepts(), self.recipients, strict=True):
            calls += [accept, partial(book, self.event, person)]
        results = race(calls, threads=8)
        for taken, booked in zip(results[::2], results[1::2], strict=True):
            with self.subTest(taken=outcome(taken)):
                self.assertIsInstance(booked, Ticket)
                self.assertIn(outcome(taken), {"Ticket", "already_booked"})
                self.assertEqual(taken == booked, outcome(taken) == "Ticket")
        valid = Ticket.objects.valid().filter(user__in=self.recipients)
        self.assertEqual(valid.count(), PAIRS)
        self.assertEqual(valid.values("user").distinct().count(), PAIRS)

    def test_who_joins_in_another_tab_while_they_accept_keeps_no_place_beside_the_ticket(self) -> None:
        calls: list[Callable[[], Any]] = []
        for accept, person in zip(self.accepts(), self.recipients, strict=True):
            calls += [accept, partial(join, self.event, person)]
        race(calls, threads=8)
        Event.objects.update(capacity=PAIRS + 1, starts_at=dt.datetime(2099, 1, 1, tzinfo=dt.UTC))
        allocation.serve(self.event.pk)
        self.assertEqual(numbers(self.event), {"held": 0, "booked": PAIRS, "waiting": 0})


class LimitRaceTests(CastOfRaces, TransactionTestCase):
    def test_offers_for_many_events_at_the_same_moment_are_counted_together(self) -> None:
        tickets = [book(make_event(auto_hold=False), self.alice) for _ in range(8)]
        with mock.patch("core.transfer.OFFERS_BY_ONE", 2):
            results = race([partial(offer, ticket, self.bob) for ticket in tickets])
        self.assertEqual(Counter(map(outcome, results)), Counter({"TicketTransfer": 2, TooMany.status: 6}))

    def test_who_was_deactivated_a_moment_ago_offers_nothing(self) -> None:
        ticket = book(make_event(auto_hold=False), self.alice)
        User.objects.filter(pk=self.alice.pk).update(is_active=False)
        with self.assertRaises(LoginEnded):
            offer(ticket, self.bob)
        self.assertEqual(TicketTransfer.objects.count(), 0)
