"""The benches' own planted faults: they come into play whichever way people book, and the judges see them."""

import json
from collections.abc import Callable
from typing import Any
from unittest import mock

from asgiref.sync import async_to_sync

from bench import plants
from bench.soak.witness import Witness, too_long
from bench.told import Ever, Own, Shown, of_event
from core import allocation, clock, gathering, hub
from core.mailbox import Letter, Mailbox
from core.models import Event, Ticket, TicketHold, User
from core.serving import Serving

from .cast import arrive, book, join, make_event, make_person, release, statuses
from .test_planted_writes import PlantedCase, violations

PATCHED = ((allocation, "book_all"), (Serving, "_serve_line"), (Event, "free"), (hub.Hub, "_tell"))
Way = Callable[[Event, User], Any]


def gathered(event: Event, user: User) -> Any:
    """Book as POST and sockets do."""
    return gathering.ask("book", event_id=event.pk, user=user, login=None)


class BenchPlantTests(PlantedCase):
    def plant(self, name: str, turns: int = 0) -> None:
        """Plant a fault until the test is over."""
        for owner, patched in PATCHED:
            self.enterContext(mock.patch.object(owner, patched, getattr(owner, patched)))
        self.enterContext(mock.patch.object(plants, "played", 0))
        self.enterContext(mock.patch.object(plants, "_turns", turns))
        plants.plant(name)

    def book(self, way: Way, user: User) -> None:
        def act() -> Any:
            ticket = way(self.event, user)
            return ticket.pk, ticket.code

        self.people.call("book", user, act)

    def lose_a_ticket(self, way: Way) -> None:
        self.plant("lost-ticket", turns=19)
        self.book(way, self.alice)
        self.assertEqual((plants.played, Ticket.objects.count()), (1, 0))
        self.assertIn("and the rows say otherwise", " ".join(self.found()["answers"]))

    def test_a_ticket_that_was_acknowledged_and_lost_is_seen(self) -> None:
        self.lose_a_ticket(book)

    def test_a_ticket_that_was_acknowledged_to_one_of_a_batch_and_lost_is_seen(self) -> None:
        self.lose_a_ticket(gathered)

    def overtake(self, way: Way) -> None:
        for person in (self.alice, self.bob):
            join(self.event, person, arrive(person))
        with mock.patch.object(Serving, "_serve_line"):
            release(self.event, self.alice)
        self.plant("overtake")
        self.book(way, self.greta)
        self.assertEqual((plants.played, Ticket.objects.count()), (1, 1))
        self.assertIn("overtakes", " ".join(self.found()["ledger"]))

    def test_a_booking_past_the_line_is_seen(self) -> None:
        self.overtake(book)

    def test_a_booking_past_the_line_in_a_batch_is_seen(self) -> None:
        self.overtake(gathered)

    def test_a_line_that_is_not_served_for_seconds_is_seen_by_the_witness(self) -> None:
        for person in (self.alice, self.bob):
            join(self.event, person)
        self.plant("lazy-seconds")
        witness = Witness([self.event.pk])
        for second in range(24):
            with mock.patch.object(plants, "time", mock.Mock(time=lambda second=second: 40 + second)):
                if second == 1:
                    release(self.event, self.alice)
                clock.tick()
            witness.look(self.read(), second)
        self.assertGreater(plants.played, 0)
        self.assertEqual(statuses(self.event), [("alice", "released"), ("bob", "held")])
        self.assertEqual((witness.troubles, witness.idle), ([], [(1, 4, self.event.pk, 0, 1)]))
        self.assertEqual(len(too_long(witness.idle, [])), 1)

    def read(self) -> list[tuple[Any, ...]]:
        """Return what the witness reads of the event: no hold lapses here."""
        event = Event.objects.get(pk=self.event.pk)
        held, tickets = (
            rows.filter(event=event).count() for rows in (TicketHold.objects.filter(status="held"), Ticket.objects)
        )
        waits = TicketHold.objects.waiting().filter(event=event).exists()
        return [(event.pk, event.capacity, event.held, event.booked, False, held, tickets, [], waits)]

    def told(self, plant: str, turns: int, ticket: Ticket) -> dict[int, Own]:
        """Return what the pages of alice and bob show after alice was told of her ticket."""
        self.plant(plant, turns)
        mailboxes = {person.pk: Mailbox(person.pk) for person in (self.alice, self.bob)}

        async def tell() -> dict[int, list[str]]:
            current = hub.Hub()
            for mailbox in mailboxes.values():
                current.enter(mailbox)
                mailbox.note_snapshot([])
            told = {"type": "ticket", "event": self.event.pk, "code": ticket.code, "status": "valid"}
            current._tell(self.alice.pk, Letter.of(told))
            return {pk: list(mailbox._waiting.values()) for pk, mailbox in mailboxes.items()}

        pages = {pk: Own() for pk in mailboxes}
        for pk, texts in async_to_sync(tell)().items():
            for text in texts:
                pages[pk].hear(json.loads(text))
        return pages

    def test_a_letter_in_every_mailbox_is_seen_by_who_was_told_of_anothers_ticket(self) -> None:
        ticket = book(self.event, self.alice)
        for turns, is_wrong in ((0, False), (99, True)):
            with self.subTest(turns=turns):
                pages = self.told("misdelivery", turns, ticket)
                ever = [Ever(pk, [], own.codes, set()) for pk, own in pages.items()]
                found = violations(self.event, **of_event(self.event.pk, [], ever))
                told = f"person {self.bob.pk} was told of ticket {ticket.code}, which is not theirs"
                self.assertEqual(found.get("told", []), [told] * is_wrong)

    def test_whoever_is_told_nothing_of_their_own_is_seen_at_rest(self) -> None:
        for pk, is_wrong in ((1_000_051, False), (1_000_050, True)):
            with self.subTest(pk=pk):
                self.alice = make_person(f"person{pk}", pk=pk)
                ticket = book(make_event(auto_hold=False), self.alice)
                self.event = ticket.event
                own = self.told("forgotten-people", 0, ticket)[pk]
                shown = Shown(pk, {}, own.places, own.tickets)
                found = violations(self.event, **of_event(self.event.pk, [shown], []))["pages"]
                self.assertEqual(any(f"as tickets of person {pk}" in text for text in found), is_wrong)
