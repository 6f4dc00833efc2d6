"""Giving a ticket to somebody else, and a new code to the same person: the old code dies, and no number moves."""

from collections.abc import Callable
from functools import partial

from django.db import IntegrityError, transaction

from core import allocation, audit, checkin, past, position, steering, transfer
from core.fairness.check import check
from core.models import Cause, Event, Ticket, TicketTransfer, User
from core.refusals import AlreadyGiven

from .books import BookCase, about, deeds, length, of_ticket, who
from .cast import ago, arrive, book, give, join, make_event, make_people, make_person, numbers, offer, refusal, statuses


def accept(made: TicketTransfer, user: User) -> Ticket:
    return transfer.accept(transfer_id=made.pk, user=user)


class TransferCase(BookCase):
    """Alice has one of two tickets; after every test the ledger must verify, and rows, numbers and ledger agree."""

    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(capacity=2, auto_hold=False)
        self.ticket = book(self.event, self.alice)

    def tearDown(self) -> None:
        self.assertEqual((audit.differences(), check(self.event.pk).problems), ([], []))
        super().tearDown()

    def scan(self, ticket: Ticket) -> str:
        return checkin.scan(code=ticket.code, event=self.event, staff=self.greta).outcome

    def valid(self) -> list[tuple[str, int]]:
        """Return `(user name, tier)` of the valid tickets."""
        return list(Ticket.objects.valid().order_by("pk").values_list("user__username", "tier"))


class AcceptTests(TransferCase):
    def test_the_old_code_dies_and_the_new_one_opens_the_gate(self) -> None:
        theirs = give(self.ticket, self.bob)
        self.assertNotEqual(theirs.code, self.ticket.code)
        self.assertEqual((theirs.user, theirs.hold, theirs.replaces), (self.bob, None, self.ticket))
        self.assertEqual([self.scan(self.ticket), self.scan(theirs)], ["cancelled", "admitted"])
        self.assertEqual(self.valid(), [("bob", 0)])

    def test_an_offer_alone_changes_nothing(self) -> None:
        offer(self.ticket, self.bob)
        self.assertEqual((self.valid(), self.scan(self.ticket)), ([("alice", 0)], "admitted"))

    def test_no_number_moves_and_nobody_in_line_gains_a_place(self) -> None:
        book(self.event, self.greta)
        join(self.event, self.olga)
        before = numbers(self.event)
        give(self.ticket, self.bob)
        self.assertEqual((numbers(self.event), before), (before, {"held": 0, "booked": 2, "waiting": 1}))

    def test_accepting_again_gives_the_same_ticket(self) -> None:
        made = offer(self.ticket, self.bob)
        self.assertEqual(accept(made, self.bob), accept(made, self.bob))
        self.assertEqual(Ticket.objects.count(), 2)

    def test_who_has_a_ticket_is_given_no_second_one(self) -> None:
        book(self.event, self.bob)
        made = offer(self.ticket, self.bob)
        self.assertEqual(refusal(lambda: accept(made, self.bob)), ("already_booked", False))
        self.assertEqual(refusal(lambda: accept(made, self.alice)), ("already_booked", False))
        self.assertEqual(self.valid(), [("alice", 0), ("bob", 0)])

    def test_a_hold_of_the_recipient_ends_and_goes_to_the_first_in_line(self) -> None:
        place = join(self.event, self.bob)
        join(self.event, self.greta)
        give(self.ticket, self.bob)
        self.assertEqual(statuses(self.event), [("bob", "released"), ("greta", "held")])
        self.assertEqual(numbers(self.event), {"held": 1, "booked": 1, "waiting": 0})
        ended = [(entry["place"], entry["cause"]) for entry in deeds(self.event) if "cause" in entry]
        self.assertEqual(ended, [(place.pk, "given_a_ticket")])

    def test_a_place_in_line_of_the_recipient_ends(self) -> None:
        for person in (self.greta, self.bob, self.olga):
            join(self.event, person)
        give(self.ticket, self.bob)
        self.assertEqual(statuses(self.event), [("greta", "held"), ("bob", "left"), ("olga", "waiting")])

    def test_what_is_used_cancelled_or_over_is_not_taken(self) -> None:
        steps: dict[str, Callable[[], object]] = {
            "already_checked_in": lambda: self.scan(self.ticket),
            "cancelled": lambda: allocation.cancel_ticket(ticket_id=self.ticket.pk),
            "over": lambda: Event.objects.update(starts_at=ago(seconds=1)),
        }
        made = offer(self.ticket, self.bob)
        for status, step in steps.items():
            with self.subTest(status), transaction.atomic():
                step()
                self.assertEqual(refusal(lambda: accept(made, self.bob)), (status, False))
                self.assertEqual(refusal(lambda: offer(self.ticket, self.greta)), (status, False))
                self.assertEqual(TicketTransfer.objects.open(self.clock.at).count(), 0)
                transaction.set_rollback(True)
        steering.revise_event(event_id=self.event.pk, values={"status": "cancelled"})
        self.assertEqual(refusal(lambda: accept(made, self.bob)), ("cancelled", False))

    def test_a_refusal_leaves_the_place_of_the_recipient_alone(self) -> None:
        join(self.event, self.bob)
        made = offer(self.ticket, self.bob)
        self.scan(self.ticket)
        self.assertEqual(refusal(lambda: accept(made, self.bob)), ("already_checked_in", False))
        self.assertEqual((statuses(self.event), self.valid()), ([("bob", "held")], [("alice", 0)]))

    def test_it_can_be_given_on_and_back(self) -> None:
        theirs = give(self.ticket, self.bob)
        back = give(theirs, self.alice)
        self.assertEqual(
            ([self.scan(ticket) for ticket in (self.ticket, theirs, back)]), ["cancelled"] * 2 + ["admitted"]
        )

    def test_the_ticket_keeps_its_tier(self) -> None:
        Ticket.objects.update(tier=0)
        self.assertEqual(give(self.ticket, self.bob).tier, self.ticket.tier)


class GiverTests(TransferCase):
    def test_the_login_of_the_giver_is_spent_and_not_that_of_anybody_else(self) -> None:
        give(self.ticket, self.bob)
        self.assertEqual(
            set(past.spent([self.event.pk], [self.alice.pk, self.bob.pk])), {(self.event.pk, self.alice.pk)}
        )
        login = arrive(self.alice, ago(hours=1))
        self.assertEqual(join(self.event, self.alice, login).login_timestamp, self.clock.at)

    def test_a_new_code_spends_nothing_more_than_the_ticket_does_itself(self) -> None:
        self.clock.move(minutes=1)
        code = transfer.reissue(ticket_id=self.ticket.pk)
        self.clock.move(minutes=1)
        allocation.cancel_ticket(ticket_id=code.pk)
        self.assertEqual(past.spent([self.event.pk], [self.alice.pk]), {(self.event.pk, self.alice.pk): self.clock.at})

    def test_what_was_transferred_frees_no_place_and_is_no_pace(self) -> None:
        event = make_event(capacity=9, auto_hold=False)
        tickets = [book(event, person) for person in make_people(6)]
        for ticket, person in zip(tickets[:3], make_people(3), strict=True):
            User.objects.filter(pk=person.pk).update(email=f"to{person.pk}@example.org")
            give(ticket, User.objects.get(pk=person.pk))
        self.assertEqual(position.seconds_per_place([event.pk], self.clock.at), {})
        for ticket in tickets[3:]:
            allocation.cancel_ticket(ticket_id=ticket.pk)
        self.assertEqual(position.seconds_per_place([event.pk], self.clock.at), {event.pk: 300.0})

    def test_the_giver_may_book_again_like_everybody_else(self) -> None:
        give(self.ticket, self.bob)
        book(self.event, self.alice)
        self.assertEqual(self.valid(), [("bob", 0), ("alice", 0)])


class OfferTests(TransferCase):
    def states(self) -> list[tuple[str, str]]:
        made = TicketTransfer.objects.order_by("pk")
        return [(one.email, one.status) for one in made]

    def test_an_offer_to_somebody_else_replaces_the_former(self) -> None:
        first, second = offer(self.ticket, self.bob), offer(self.ticket, self.greta)
        self.assertEqual(self.states(), [("bob@example.org", "replaced"), ("greta@example.org", "open")])
        self.assertEqual(refusal(lambda: accept(first, self.bob)), ("offer_ended", False))
        self.assertEqual(accept(second, self.greta).user, self.greta)

    def test_the_same_offer_again_is_the_same_offer(self) -> None:
        first = offer(self.ticket, self.bob)
        again = transfer.offer(ticket_id=self.ticket.pk, email="Bob@Example.org", by=self.alice)
        self.assertEqual((again, again.token, self.states()), (first, first.token, [("bob@example.org", "open")]))

    def test_what_was_withdrawn_or_declined_is_not_accepted(self) -> None:
        first = offer(self.ticket, self.bob)
        for _ in range(2):
            transfer.withdraw(ticket_id=self.ticket.pk)
        second = offer(self.ticket, self.bob)
        for _ in range(2):
            transfer.decline(transfer_id=second.pk)
        self.assertEqual([status for _, status in self.states()], ["withdrawn", "declined"])
        for made in (first, second):
            self.assertEqual(refusal(partial(accept, made, self.bob)), ("offer_ended", False))
        self.assertEqual(refusal(lambda: transfer.decline(transfer_id=first.pk)), ("offer_ended", False))
        self.assertEqual(self.valid(), [("alice", 0)])

    def test_what_was_accepted_is_neither_withdrawn_declined_nor_offered_again(self) -> None:
        made = offer(self.ticket, self.bob)
        accept(made, self.bob)
        for act in (
            lambda: transfer.withdraw(ticket_id=self.ticket.pk),
            lambda: transfer.decline(transfer_id=made.pk),
            lambda: offer(self.ticket, self.greta),
            lambda: transfer.reissue(ticket_id=self.ticket.pk),
        ):
            self.assertEqual(refusal(act), ("given", False))

    def test_an_offer_is_over_when_the_event_starts_without_anybody_ending_it(self) -> None:
        made = offer(self.ticket, self.bob)
        opened = [TicketTransfer.objects.open(self.clock.at).count(), made.is_open(self.clock.at)]
        self.clock.move(days=7)
        self.assertEqual(opened, [1, True])
        self.assertEqual((TicketTransfer.objects.open(self.clock.at).count(), made.is_open(self.clock.at)), (0, False))

    def test_five_offers_an_hour_are_enough_new_codes_included(self) -> None:
        people = make_people(7)
        ticket = self.ticket
        for person in people[:5]:
            offer(ticket, person)
            ticket = transfer.reissue(ticket_id=ticket.pk) if person is people[2] else ticket
        self.assertEqual(refusal(lambda: offer(ticket, people[5])), ("too_many", False))
        self.assertEqual(TicketTransfer.objects.unended().get().email, people[4].email)
        self.clock.move(hours=1)
        self.assertEqual(offer(ticket, people[6]).email, people[6].email)

    def test_the_database_keeps_one_open_offer_and_one_end(self) -> None:
        made = offer(self.ticket, self.bob)
        second = {"ticket": self.ticket, "email": "x@example.org", "offered_by": self.alice}
        with self.assertRaisesMessage(IntegrityError, ""), transaction.atomic():
            TicketTransfer.objects.create(**second)
        mine = TicketTransfer.objects.filter(pk=made.pk)
        for wrong in (
            {"accepted_at": self.clock.at},
            {"ended_at": self.clock.at},
            {"accepted_at": self.clock.at, "accepted_by": self.bob, "ended_at": self.clock.at, "end": "void"},
        ):
            with self.subTest(wrong=wrong), self.assertRaises(IntegrityError), transaction.atomic():
                mine.update(**wrong)


class ReissueTests(TransferCase):
    def test_the_same_person_has_a_new_code_and_the_old_one_is_dead(self) -> None:
        new = transfer.reissue(ticket_id=self.ticket.pk)
        self.assertEqual((new.user, new.replaces, numbers(self.event)["booked"]), (self.alice, self.ticket, 1))
        self.assertEqual([self.scan(self.ticket), self.scan(new)], ["cancelled", "admitted"])

    def test_again_it_is_the_same_new_code(self) -> None:
        self.assertEqual(*[transfer.reissue(ticket_id=self.ticket.pk) for _ in range(2)])

    def test_an_open_offer_ends_with_the_old_code(self) -> None:
        made = offer(self.ticket, self.bob)
        transfer.reissue(ticket_id=self.ticket.pk)
        self.assertEqual(TicketTransfer.objects.get().status, "void")
        self.assertEqual(refusal(lambda: accept(made, self.bob)), ("offer_ended", False))

    def test_once_the_event_has_started_its_owner_cannot_but_staff_can(self) -> None:
        Event.objects.update(starts_at=ago(seconds=1))
        self.assertEqual(refusal(lambda: transfer.reissue(ticket_id=self.ticket.pk)), ("over", False))
        self.assertEqual(transfer.reissue(ticket_id=self.ticket.pk, by_staff=True).user, self.alice)

    def test_used_or_cancelled_it_has_no_new_code(self) -> None:
        other = book(self.event, self.bob)
        allocation.cancel_ticket(ticket_id=other.pk)
        self.scan(self.ticket)
        for ticket, status in ((self.ticket, "already_checked_in"), (other, "cancelled")):
            self.assertEqual(refusal(partial(transfer.reissue, ticket_id=ticket.pk)), (status, False))

    def test_five_new_codes_an_hour_are_enough(self) -> None:
        ticket = self.ticket
        for _ in range(5):
            ticket = transfer.reissue(ticket_id=ticket.pk)
        self.assertEqual(refusal(lambda: transfer.reissue(ticket_id=ticket.pk)), ("too_many", False))
        self.clock.move(hours=1)
        transfer.reissue(ticket_id=ticket.pk)


class LedgerTests(TransferCase):
    def test_a_transfer_is_entered_after_the_end_of_the_recipients_place(self) -> None:
        place = join(self.event, self.bob)
        before = length(self.event)
        theirs = give(self.ticket, self.bob)
        both = {"to_ticket": theirs.pk, "to_person": who(self.event, self.bob.pk)}
        given = about("release", place, cause="given_a_ticket")
        self.assertEqual(deeds(self.event, before), [given, of_ticket("transfer", self.ticket, **both)])

    def test_a_new_code_is_a_transfer_to_the_same_person_with_the_reason_of_staff(self) -> None:
        before = length(self.event)
        new = transfer.reissue(ticket_id=self.ticket.pk, by_staff=True, reason="Seen in a photo")
        both = {"to_ticket": new.pk, "to_person": who(self.event, self.alice.pk), "reason": "Seen in a photo"}
        self.assertEqual(deeds(self.event, before), [of_ticket("transfer", self.ticket, **both)])

    def test_offers_are_nobody_elses_business(self) -> None:
        before = length(self.event)
        offer(self.ticket, self.bob)
        transfer.withdraw(ticket_id=self.ticket.pk)
        self.assertEqual(deeds(self.event, before), [])

    def test_a_ticket_that_was_given_on_can_be_cancelled_and_its_place_goes_to_the_line(self) -> None:
        theirs = give(self.ticket, self.bob)
        book(self.event, make_person("carol"))
        join(self.event, self.greta)
        allocation.cancel_ticket(ticket_id=theirs.pk, cause=Cause.CANCELLED_BY_OWNER)
        self.assertEqual(statuses(self.event), [("greta", "held")])

    def test_the_refusal_of_who_was_slower_says_so(self) -> None:
        give(self.ticket, self.bob)
        with self.assertRaisesMessage(
            AlreadyGiven, "This ticket was accepted before that, so it is somebody else's now."
        ):
            transfer.withdraw(ticket_id=self.ticket.pk)
