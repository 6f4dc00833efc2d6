import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any

from django.test import TransactionTestCase

from core import allocation, checkin, ticket_code
from core.checkin.offline import OfflineScan, sync
from core.models import Scan, Ticket, User
from core.refusals import AlreadyCheckedIn
from core.tests.cast import CastOfRaces, ago, make_event, make_people, numbers, race


class GateRaceTests(CastOfRaces, TransactionTestCase):
    def setUp(self):
        super().setUp()
        self.event = make_event(capacity=20, auto_hold=False)

    def test_twenty_gates_admit_one_ticket_once(self):
        ticket = allocation.book(event_id=self.event.pk, user=self.alice)

        def scan() -> str:
            return checkin.scan(code=ticket.code, event=self.event, staff=self.greta).outcome

        self.assertEqual(sorted(map(str, race([scan] * 20, threads=20))), ["admitted"] + ["already_checked_in"] * 19)
        self.assertEqual(Scan.objects.filter(ticket=ticket).count(), 20)

    def test_one_press_sent_twenty_times_is_one_scan(self):
        ticket = allocation.book(event_id=self.event.pk, user=self.alice)

        def scan() -> str:
            return checkin.scan(code=ticket.code, event=self.event, staff=self.greta, nonce="n1").outcome

        self.assertEqual({str(outcome) for outcome in race([scan] * 20, threads=20)}, {"admitted"})
        self.assertEqual(Scan.objects.count(), 1)

    def test_a_ticket_is_never_admitted_and_cancelled(self):
        tickets = [allocation.book(event_id=self.event.pk, user=person) for person in make_people(20)]

        def scan(ticket: Ticket) -> str:
            return checkin.scan(code=ticket.code, event=self.event, staff=self.greta).outcome

        def cancel(ticket: Ticket) -> str:
            allocation.cancel_ticket(ticket_id=ticket.pk)
            return "gone"

        calls = [lambda t=ticket, act=act: act(t) for ticket in tickets for act in (scan, cancel)]
        results = race(calls, threads=8)
        pairs = list(zip(results[::2], results[1::2], strict=True))
        for ticket, (scanned, cancelled) in zip(tickets, pairs, strict=True):
            ticket.refresh_from_db()
            admitted = scanned == "admitted"
            with self.subTest(ticket=ticket.pk):
                self.assertEqual(isinstance(cancelled, AlreadyCheckedIn), admitted)
                self.assertEqual((ticket.checked_in_at is not None, ticket.cancelled_at is None), (admitted, admitted))
        stay = sum(scanned == "admitted" for scanned, _ in pairs)
        self.assertEqual(numbers(self.event), {"held": 0, "booked": stay, "waiting": 0})

    def test_devices_that_tell_at_once_what_they_did_agree_on_the_first(self):
        """Without the lock on the ticket two of them admit, which the constraint refuses, or a later one counts."""
        tickets = [allocation.book(event_id=self.event.pk, user=person) for person in make_people(12)]
        staff = make_people(6)

        def tell(person: User, minutes: int) -> None:
            names = [ticket_code.fingerprint(ticket.code) for ticket in tickets]
            none, at = dt.timedelta(), ago(minutes=minutes)
            scans = [OfflineScan(f"{minutes}-{n}", name, at, none, let_in=True) for n, name in enumerate(names)]
            sync(self.event, person, scans)

        calls: list[Callable[[], Any]] = [partial(tell, person, n) for n, person in enumerate(staff, start=1)]
        scan = partial(checkin.scan, event=self.event, staff=self.greta)
        online: list[Callable[[], Any]] = [partial(scan, code=ticket.code) for ticket in tickets]
        race([*calls, *online], threads=8)
        for ticket in tickets:
            counting = Scan.objects.admitting().get(ticket=ticket)
            ticket.refresh_from_db()
            with self.subTest(ticket=ticket.pk):
                self.assertEqual((counting.staff, ticket.checked_in_by), (staff[-1], staff[-1]))
                self.assertEqual(ticket.checked_in_at, counting.scanned_at)
                self.assertIn(Scan.objects.conflicts().filter(ticket=ticket).count(), {5, 6})

    def test_the_same_scans_told_twice_at_once_are_stored_once(self):
        ticket = allocation.book(event_id=self.event.pk, user=self.alice)
        told = OfflineScan("n1", ticket_code.fingerprint(ticket.code), ago(minutes=1), dt.timedelta(), let_in=True)
        results = race([lambda: sync(self.event, self.greta, [told])["n1"].outcome] * 8, threads=8)
        self.assertEqual((set(map(str, results)), Scan.objects.count()), ({"admitted"}, 1))

    def test_a_scan_that_is_taken_back_while_others_scan_leaves_one_that_counts(self):
        for _ in range(10):
            ticket = allocation.book(event_id=self.event.pk, user=make_people(1)[0])
            first = checkin.scan(code=ticket.code, event=self.event, staff=self.greta).scan

            def take_back(first: Scan = first) -> str:
                checkin.undo(scan_id=first.pk, staff=self.greta, reason="Wrong person")
                return "undone"

            def scan(ticket: Ticket = ticket) -> str:
                return checkin.scan(code=ticket.code, event=self.event, staff=self.olga).outcome

            outcomes: list[Any] = race([scan, take_back, scan, scan], threads=4)
            ticket.refresh_from_db()
            counting = Scan.objects.admitting().filter(ticket=ticket).count()
            with self.subTest(ticket=ticket.pk):
                self.assertEqual(outcomes.count("admitted"), counting)
                self.assertEqual((ticket.checked_in_at is not None, counting <= 1), (counting == 1, True))

    def test_taking_back_while_devices_tell_ends_without_a_deadlock_and_with_one_that_counts(self):
        """Without the lock on the ticket, undo and sync wait for each other's rows."""
        staff = make_people(3)
        for n in range(12):
            ticket = allocation.book(event_id=self.event.pk, user=make_people(1)[0])
            name, none = ticket_code.fingerprint(ticket.code), dt.timedelta()
            scans = [OfflineScan(f"{n}-{m}", name, ago(minutes=9 - m), none, let_in=True) for m in range(3)]
            sync(self.event, staff[0], scans[:1])
            first = Scan.objects.get(ticket=ticket)
            calls: list[Callable[[], Any]] = [
                partial(checkin.undo, scan_id=first.pk, staff=self.olga, reason="Wrong person"),
                partial(sync, self.event, staff[1], scans[1:2]),
                partial(sync, self.event, staff[2], scans[2:]),
                partial(checkin.scan, code=ticket.code, event=self.event, staff=self.greta),
            ]
            race(calls, threads=4)
            ticket.refresh_from_db()
            counting = Scan.objects.admitting().get(ticket=ticket)
            with self.subTest(round=n):
                self.assertEqual((counting.staff, ticket.checked_in_by), (staff[1], staff[1]))
                self.assertEqual(ticket.checked_in_at, counting.scanned_at)
