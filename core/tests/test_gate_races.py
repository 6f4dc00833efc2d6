from django.test import TransactionTestCase

from core import allocation, checkin
from core.models import Scan, Ticket
from core.refusals import AlreadyCheckedIn
from core.tests.cast import CastOfRaces, make_event, make_people, numbers, race


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
