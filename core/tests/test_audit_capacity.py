"""The audit: an event's rows against the numbers that it keeps."""

from io import StringIO

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from core import allocation, audit
from core.models import Event, Ticket, TicketHold

from .cast import Cast, book, join, lapse, make_event
from .tables import all_rows, changed_tables


def run() -> tuple[int, str, str]:
    """Run the command; return its exit code, what it printed, and its last words."""
    printed = StringIO()
    try:
        call_command("audit_capacity", stdout=printed)
    except CommandError as error:
        return error.returncode, printed.getvalue(), str(error)
    return 0, printed.getvalue(), ""


class AuditTests(Cast, TestCase):
    def test_where_rows_and_numbers_agree_it_says_so_and_exits_with_0(self) -> None:
        event, _ = make_event(capacity=3), make_event(status="draft")
        ticket = book(event, self.alice)
        join(event, self.bob)
        allocation.cancel_ticket(ticket_id=ticket.pk)
        book(event, self.greta)
        self.assertEqual(run(), (0, "Events: 2. Rows and numbers agree.\n", ""))

    def test_without_events_there_is_nothing_to_find(self) -> None:
        self.assertEqual(run(), (0, "Events: 0. Rows and numbers agree.\n", ""))

    def test_each_difference_is_named_and_it_exits_with_1(self) -> None:
        good, bad = make_event(name="Good", capacity=3), make_event(name="Bad", capacity=3)
        for event in (good, bad):
            book(event, self.alice)
            join(event, self.bob)
        Event.objects.filter(pk=bad.pk).update(held=0, booked=3)
        lines = [
            f"event {bad.pk} (Bad): held is 0, the rows say 1",
            f"event {bad.pk} (Bad): booked is 3, the rows say 1",
        ]
        self.assertEqual(run(), (1, "\n".join([*lines, ""]), "Differences: 2."))

    def test_rows_beyond_the_capacity_are_a_difference_of_their_own(self) -> None:
        event = make_event(capacity=1)
        for person in (self.alice, self.bob):
            Ticket.objects.create(event=event, user=person, code=person.username)
        lines = [
            f"event {event.pk} (Concert): booked is 0, the rows say 2",
            f"event {event.pk} (Concert): capacity is 1, the rows say 2",
        ]
        self.assertEqual(run(), (1, "\n".join([*lines, ""]), "Differences: 2."))

    def test_a_lapsed_hold_counts_until_it_is_swept(self) -> None:
        event = make_event(capacity=1)
        join(event, self.alice)
        lapse(TicketHold.objects.all())
        self.assertEqual(audit.differences(), [])
        allocation.serve(event.pk)
        self.assertEqual(audit.differences(), [])

    def test_it_writes_nothing_and_asks_once_however_many_events(self) -> None:
        counts = []
        for count in (1, 49):
            for _ in range(count):
                join(make_event(), self.alice)
            before = all_rows()
            with CaptureQueriesContext(connection) as captured:
                audit.differences()
            counts.append(len(captured))
            self.assertEqual(changed_tables(before, all_rows()), [])
        self.assertEqual(counts, [1, 1])
