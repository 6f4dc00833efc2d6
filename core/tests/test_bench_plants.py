"""The benches' own planted faults: they come into play whichever way people book, and the history checker sees them."""

from collections.abc import Callable
from typing import Any
from unittest import mock

from bench import plants
from core import allocation, gathering
from core.models import Event, Ticket, User
from core.serving import Serving

from .cast import arrive, book, join, release
from .test_planted_writes import PlantedCase

Way = Callable[[Event, User], Any]


def gathered(event: Event, user: User) -> Any:
    """Book as POST and sockets do."""
    return gathering.ask("book", event_id=event.pk, user=user, login=None)


class BenchPlantTests(PlantedCase):
    def plant(self, name: str, turns: int = 0) -> None:
        """Plant a fault until the test is over."""
        for owner, patched in ((allocation, "book_all"), (Serving, "_serve_line")):
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
