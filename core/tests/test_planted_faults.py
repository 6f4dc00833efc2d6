"""Faults, planted one at a time: each is caught by who does not know of it, and was reached, or it proves nothing.

The judges are the ledger's verifier, which sees the ledger alone; a look at who waits beside a free place; and the
model of `line_model.py`, from which the box office parts.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest import mock

from django.test import TestCase

from core import allocation, clock, tiers
from core.fairness.ledger import Ledger
from core.models import Event, TicketHold, User, UserSession
from core.now import now
from core.serving import Serving

from .cast import (
    Cast,
    HandClock,
    ago,
    arrive,
    book,
    join,
    ledger_problems,
    make_event,
    overlooked,
    release,
    statuses,
)
from .test_line_model import LineMachine, MachineCase


class Planted(ExitStack):
    """A fault in the place of some function, for as long as its `with` lasts; `reached` counts how often it was done.

    The fault is called with the whole function first, then with its arguments; with `when`, only where that is true.
    """

    def __init__(
        self, owner: Any, name: str, fault: Callable[..., Any], when: Callable[..., bool] = lambda *_, **__: True
    ) -> None:
        super().__init__()
        self.reached = 0
        whole = getattr(owner, name)

        def faulty(*args: Any, **kwargs: Any) -> Any:
            if not when(*args, **kwargs):
                return whole(*args, **kwargs)
            self.reached += 1
            return fault(whole, *args, **kwargs)

        self.enter_context(mock.patch.object(owner, name, faulty))


def newest_first() -> Planted:
    def reverse(whole: Any, event: Event, count: int) -> list[TicketHold]:
        return list(tiers.in_turn(event).order_by("-login_timestamp", "-pk")[:count])

    return Planted(tiers, "first_in_line", reverse)


def not_serving() -> Planted:
    """Forget the line: whoever books, books past it; whatever frees a place wakes nobody."""
    return Planted(Serving, "_serve_line", lambda *_: None)


def forgetful_clock() -> Planted:
    return Planted(clock, "due_events", lambda *_: [])


def renewing_login() -> Planted:
    def renew(whole: Any, *, user: User, session: UserSession) -> None:
        whole(user=user, session=session)
        for hold in TicketHold.objects.live(now()).filter(user=user, status=TicketHold.Status.HELD):
            TicketHold.objects.filter(pk=hold.pk).update(expires_at=now() + hold.event.hold_time)

    return Planted(allocation, "hold_for_login", renew)


def skipped_release() -> Planted:
    """Leave a release out before it is sealed: the chain is whole, and a deed is missing."""
    return Planted(Ledger, "note", lambda *_, **__: None, when=lambda ledger, event, kind, **_: kind == "release")


def lost_entry() -> Planted:
    """Lose the last entry of each transaction after it was sealed."""

    def lose(whole: Any, ledger: Ledger) -> None:
        ledger._entries = ledger._entries[:-1]
        whole(ledger)

    return Planted(Ledger, "write", lose)


class VerifierTests(Cast, TestCase):
    """Alice holds the one place, bob and then greta wait for it."""

    def setUp(self) -> None:
        self.clock = self.enterContext(HandClock())
        self.event = make_event(capacity=1)
        for minutes, person in ((9, self.alice), (6, self.bob), (3, self.greta)):
            join(self.event, person, arrive(person, ago(minutes=minutes)))
        self.assertEqual(ledger_problems(self.event), [])

    def places_of(self, person: User) -> list[str]:
        return [status for name, status in statuses(self.event) if name == person.username]

    def assert_caught(self, planted: Planted, problem: str) -> None:
        """Fail unless the fault was reached, and the verifier says this first."""
        self.assertGreater(planted.reached, 0)
        self.assertIn(problem, ledger_problems(self.event)[:1])

    def number(self, person: User) -> int:
        return TicketHold.objects.filter(event=self.event, user=person).latest("pk").pk

    def test_the_newest_first_overtakes(self):
        with newest_first() as planted:
            release(self.event, self.alice)
        self.assertEqual(self.places_of(self.greta), ["held"])
        first, last = self.number(self.bob), self.number(self.greta)
        self.assert_caught(planted, f"place {last} is held, and so overtakes place {first}, which is first in line")

    def test_a_direct_booking_past_the_line_overtakes(self):
        with not_serving() as planted:
            release(self.event, self.alice)
            book(self.event, self.olga)
        first = self.number(self.bob)
        self.assert_caught(planted, f"booked directly, and so overtakes 2 who wait, first place {first}")

    def test_a_login_that_renews_a_hold_lets_it_be_booked_after_its_end(self):
        self.clock.move(minutes=9)
        with renewing_login() as planted:
            allocation.hold_for_login(user=self.alice, session=arrive(self.alice))
        self.clock.move(minutes=9)
        book(self.event, self.alice)
        self.assert_caught(planted, f"place {self.number(self.alice)} is booked after its hold ended")

    def test_a_deed_that_was_never_entered_leaves_a_place_too_many(self):
        with skipped_release() as planted:
            release(self.event, self.alice)
        self.assert_caught(planted, "oversold: 2 places are booked or held, the capacity is 1")

    def test_an_entry_that_was_lost_leaves_a_gap(self):
        with lost_entry() as planted:
            release(self.event, self.alice)
        lost = Event.objects.get(pk=self.event.pk).ledger_seq
        join(self.event, self.olga)
        clock.tick()
        self.assert_caught(planted, f"entry {lost} should stand here")

    def test_a_forgotten_wake_up_is_made_good_by_the_clock_within_one_tick(self):
        with not_serving() as planted:
            release(self.event, self.alice)
        self.assertGreater(planted.reached, 0)
        self.assertEqual(overlooked(self.event), ["bob"])
        clock.tick()
        self.assertEqual((overlooked(self.event), self.places_of(self.bob)), ([], ["held"]))
        self.assertEqual(ledger_problems(self.event), [])

    def test_a_clock_that_forgets_as_well_leaves_somebody_waiting_beside_a_free_place(self):
        with not_serving() as planted:
            release(self.event, self.alice)
        with forgetful_clock() as clocks:
            clock.tick()
        self.assertEqual((planted.reached > 0, clocks.reached), (True, 1))
        self.assertEqual(overlooked(self.event), ["bob"])
        self.assertEqual(ledger_problems(self.event), [])  # the ledger says what was done: here nothing was


HISTORIES: dict[Callable[[], Planted], Callable[[LineMachine], object]] = {
    newest_first: lambda line: (line.join("mary", 9), line.release("alice")),
    not_serving: lambda line: line.release("alice"),
    forgetful_clock: lambda line: line.let_time_pass(10, is_noticed=True),
    renewing_login: lambda line: (line.let_time_pass(9, is_noticed=True), line.log_in("alice")),
    skipped_release: lambda line: line.release("alice"),
    lost_entry: lambda line: line.release("alice"),
}


class ModelTests(MachineCase):
    """Alice holds the one place and bob waits; then comes a history, and the comparison with the ledger at its end."""

    def play(self, history: Callable[[LineMachine], object]) -> None:
        machine = LineMachine()
        try:
            machine.announce(capacity=1, opens=0, is_drawn=False, has_tiers=False, line=["alice", "bob"])
            history(machine)
        finally:
            machine.teardown()

    def test_every_fault_parts_the_box_office_from_the_model_and_without_it_they_agree(self):
        for plant, history in HISTORIES.items():
            with self.subTest(fault=plant.__name__):
                self.play(history)
                with plant() as planted, self.assertRaisesRegex(AssertionError, "^found .* the model says"):
                    self.play(history)
                self.assertGreater(planted.reached, 0)
