"""What is read for thousands of sockets at once says the same as what is read for one."""

from collections.abc import Callable

from django.db import connection
from django.test import TestCase

from core import allocation, checkin
from core.board import Board
from core.checkin.staff import may_scan, scannable_events
from core.live import read_marks, read_own, read_stats
from core.models import Event, Ticket, TicketHold, User
from core.now import now

from .cast import Cast, book, give, join, lapse, make_event, make_person, release


class GateTests(Cast, TestCase):
    def test_who_may_scan_what_is_the_same_for_many_pairs_as_for_each_person(self) -> None:
        oscar, root = make_person("oscar"), make_person("root", is_superuser=True)
        gone = make_person("gone", is_active=False, is_superuser=True)
        events = [
            make_event(),
            make_event(created_by=oscar),
            make_event(status="draft"),
            make_event(status="cancelled"),
            make_event(),
        ]
        events[1].gate_staff.add(self.bob, gone)
        events[4].gate_staff.add(gone)
        people = [self.alice, self.bob, self.olga, self.greta, oscar, root]
        pairs = {(user.pk, event.pk) for user in [*people, gone] for event in events} | {
            (0, events[0].pk),
            (root.pk, 0),
        }
        expected = {(user.pk, event.pk) for user in people for event in scannable_events(user)}
        with self.assertNumQueries(4):
            self.assertEqual(may_scan(pairs), expected)
        self.assertTrue(expected)


class MarkTests(Cast, TestCase):
    event: Event

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.event = make_event(capacity=1, auto_hold=False)

    def differs(self, act: Callable[[], object]) -> set[User]:
        """Return the people whose marks an act changed."""
        people = {person.pk: person for person in (self.alice, self.bob)}
        before, _ = read_marks(set(people))
        act()
        after, _ = read_marks(set(people))
        return {person for pk, person in people.items() if before[pk] != after[pk]}

    def ticket(self) -> Ticket:
        return Ticket.objects.valid().get()

    def test_every_step_of_a_place_changes_the_marks_of_its_person_alone(self) -> None:
        holds = TicketHold.objects.filter(user=self.alice)
        for act in (
            lambda: join(self.event, self.alice),
            lambda: release(self.event, self.alice),
            lambda: join(self.event, self.alice),
            lambda: lapse(holds),
            lambda: allocation.serve(self.event.pk),
            lambda: book(self.event, self.alice),
        ):
            self.assertEqual(self.differs(act), {self.alice})
        self.assertEqual(self.differs(lambda: join(self.event, self.bob)), {self.bob})
        self.assertEqual(read_marks({self.bob.pk})[1], {self.event.pk})

    def test_every_step_of_a_ticket_does_too(self) -> None:
        book(self.event, self.alice)
        scan = checkin.scan(code=self.ticket().code, event=self.event, staff=self.greta).scan
        self.assertEqual(
            self.differs(lambda: checkin.undo(scan_id=scan.pk, staff=self.greta, reason="Wrong person")), {self.alice}
        )
        self.assertEqual(self.differs(lambda: give(self.ticket(), self.bob)), {self.alice, self.bob})
        self.assertEqual(self.differs(lambda: Event.objects.update(status="cancelled")), {self.alice, self.bob})

    def test_what_changes_nothing_changes_no_mark(self) -> None:
        join(self.event, self.alice)
        self.assertEqual(self.differs(lambda: Event.objects.update(capacity=9, version=99)), set())


class BoardTests(Cast, TestCase):
    def test_an_event_that_is_upcoming_no_more_is_told_to_nobody_who_connects(self) -> None:
        event, board = make_event(), Board()
        board.renew(read_stats([event.pk]), now(), 0)
        self.assertIn(f'"event":{event.pk},', board.text())
        board.renew([], now(), 0)
        self.assertEqual(board.text(), "[]")


class OwnTests(Cast, TestCase):
    def test_what_is_theirs_is_read_for_many_in_as_many_queries_as_for_few(self) -> None:
        event = make_event(capacity=1, auto_hold=False)
        people = [make_person(f"p{number}") for number in range(30)]
        for person in people:
            join(event, person)
        self.assertEqual(read_own({people[1].pk})[people[1].pk][0]["position"], 1)  # type: ignore[typeddict-item]  # -- a hold
        with self.assertNumQueries(5 if connection.vendor == "postgresql" else 4):  # one asks the clock
            said = read_own({person.pk for person in people})
        self.assertEqual([said[person.pk][0]["position"] for person in people], [None, *range(1, 30)])  # type: ignore[typeddict-item]  # -- as above
