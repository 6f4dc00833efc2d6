"""Every path that frees a place gives it, by itself, to the first in line (rule 2): `FREES_A_PLACE`, one by one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import transaction
from django.test import TestCase
from django.urls import reverse

from core import accounts, allocation, clock, hub, steering, transfer
from core.models import FREES_A_PLACE, Cause, TicketHold

from .cast import (
    Cast,
    HandClock,
    book,
    join,
    later,
    ledger_of,
    ledger_problems,
    make_event,
    numbers,
    offer,
    release,
    statuses,
)
from .visits import visit

KINDS_THAT_NAME_IT = {Cause.LAPSED: "expiry", Cause.RESUMED: "resume"}  # these entries need no further cause


@contextmanager
def undone() -> Iterator[None]:
    """Undo what happens inside."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class FreedPlaceTests(Cast, TestCase):
    """Each scenario sets the scene (alice has the one place, bob waits) and returns the act that frees the place."""

    def setUp(self) -> None:
        self.clock = self.enterContext(HandClock())

    def alice_holds(self) -> TicketHold:
        place = join(self.event, self.alice)
        join(self.event, self.bob)
        return place

    def alice_has_a_ticket(self) -> Any:
        ticket = book(self.event, self.alice)
        join(self.event, self.bob)
        return ticket

    def revise(self, **values: Any) -> None:
        steering.revise_event(event_id=self.event.pk, values=values)

    def lapsed(self) -> Callable[[], object]:
        self.alice_holds()
        self.clock.move(minutes=10)
        return clock.tick  # what the clock does by itself, with nobody there

    def released(self) -> Callable[[], object]:
        self.alice_holds()
        return lambda: visit(self.alice).post(reverse("release_hold", args=[self.event.pk]))

    def logged_out(self) -> Callable[[], object]:
        self.alice_holds()
        browser = visit(self.alice)
        return lambda: browser.post(reverse("account_logout"))

    def cancelled_by_owner(self) -> Callable[[], object]:
        ticket = self.alice_has_a_ticket()
        return lambda: visit(self.alice).post(reverse("ticket_cancel", args=[ticket.code]))

    def cancelled_by_staff(self) -> Callable[[], object]:
        ticket = self.alice_has_a_ticket()
        return lambda: allocation.cancel_ticket(ticket_id=ticket.pk, cause=Cause.CANCELLED_BY_STAFF, reason="a mistake")

    def removed_by_staff(self) -> Callable[[], object]:
        places = TicketHold.objects.filter(pk=self.alice_holds().pk)
        return lambda: allocation.end_places(places, cause=Cause.REMOVED_BY_STAFF, reason="a mistake")

    def given_a_ticket(self) -> Callable[[], object]:
        """Alice holds the last place, and greta gives her a ticket."""
        self.revise(capacity=2)
        ticket = book(self.event, self.greta)
        self.alice_holds()
        made = offer(ticket, self.alice)
        return lambda: transfer.accept(transfer_id=made.pk, user=self.alice)

    def capacity_raised(self) -> Callable[[], object]:
        self.alice_has_a_ticket()
        return lambda: self.revise(capacity=2)

    def sale_extended(self) -> Callable[[], object]:
        self.alice_holds()
        self.revise(sales_close_at=later(minutes=5))
        self.clock.move(minutes=10)
        clock.tick()  # ends what lapsed after the close, when nobody is served any more
        self.assertEqual(numbers(self.event), {"held": 0, "booked": 0, "waiting": 1})
        return lambda: self.revise(sales_close_at=later(hours=1))

    def deactivated(self) -> Callable[[], object]:
        self.alice_holds()
        self.alice.is_active = False
        return self.alice.save

    def erased(self) -> Callable[[], object]:
        self.alice_has_a_ticket()
        return lambda: accounts.erase_account(self.alice)

    def resumed(self) -> Callable[[], object]:
        self.alice_holds()
        steering.pause(event_id=self.event.pk, reason="a fire alarm")
        release(self.event, self.alice)
        self.assertEqual(numbers(self.event), {"held": 0, "booked": 0, "waiting": 1})
        return lambda: steering.resume(event_id=self.event.pk, reason="it was a false one")

    SCENARIOS: dict[Cause, Callable[["FreedPlaceTests"], Callable[[], object]]] = {
        Cause.LAPSED: lapsed,
        Cause.RELEASED: released,
        Cause.LOGGED_OUT: logged_out,
        Cause.CANCELLED_BY_OWNER: cancelled_by_owner,
        Cause.CANCELLED_BY_STAFF: cancelled_by_staff,
        Cause.REMOVED_BY_STAFF: removed_by_staff,
        Cause.GIVEN_A_TICKET: given_a_ticket,
        Cause.CAPACITY_RAISED: capacity_raised,
        Cause.SALE_EXTENDED: sale_extended,
        Cause.DEACTIVATED: deactivated,
        Cause.ERASED: erased,
        Cause.RESUMED: resumed,
    }

    def free_by(self, cause: Cause) -> set[int]:
        """Play a scenario; return the ids of the people whose pages were told after bob's hold was stored."""
        self.event = make_event(capacity=1, auto_hold=False)
        act = self.SCENARIOS[cause](self)
        self.assertEqual(self.bobs(), ["waiting"], "bob is to wait until then")
        told: list[tuple[set[int], list[str]]] = []
        note = mock.patch.object(hub, "note_change", lambda changes: told.append((changes.users, self.bobs())))
        with note, self.captureOnCommitCallbacks(execute=True):
            act()
        return {user for users, bobs in told for user in users if bobs == ["held"]}

    def bobs(self) -> list[str]:
        return [status for name, status in statuses(self.event) if name == "bob"]

    def test_every_path_has_a_scenario_and_there_are_no_others(self) -> None:
        self.assertEqual(set(self.SCENARIOS), set(FREES_A_PLACE))
        self.assertEqual(len(FREES_A_PLACE), len(set(FREES_A_PLACE)))

    def test_on_every_path_the_first_in_line_holds_the_place_is_told_and_the_ledger_says_why(self) -> None:
        for cause in FREES_A_PLACE:
            with self.subTest(cause=cause), undone():
                self.assertIn(self.bob.pk, self.free_by(cause))
                self.assertEqual(self.bobs(), ["held"])
                *_, freed, given = [entry for entry in ledger_of(self.event) if entry["kind"] != "transfer"]
                bobs = TicketHold.objects.get(event=self.event, user=self.bob)
                self.assertEqual((given["kind"], given["place"]), ("hold", bobs.pk))
                self.assertEqual(freed.get("cause", freed["kind"]), KINDS_THAT_NAME_IT.get(cause, cause))
                self.assertEqual(ledger_problems(self.event), [])
            self.alice.refresh_from_db()
