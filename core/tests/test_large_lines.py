"""One event with a long line costs the others nothing: nobody reads its line to find out that they have none."""

from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.test import TestCase

from core import arrivals, clock, moves, past
from core.models import Event, TicketHold, User, has_line
from core.now import now
from core.tests.cast import Cast, later, make_event

IN_LINE = 4000
WAITING = """
INSERT INTO core_tickethold (event_id, user_id, status, login_timestamp, tier, created_at, is_linked, end_reason)
SELECT %s, id, 'waiting', now(), 0, now(), true, '' FROM core_user WHERE username LIKE 'many%%'
"""


class PlanTests(Cast, TestCase):
    """With thousands in one line; SQLite has no statistics to be misled by."""

    def setUp(self) -> None:
        self.events = [make_event(auto_hold=False) for _ in range(3)]
        User.objects.bulk_create(User(username=f"many{n}", email=f"many{n}@example.org") for n in range(IN_LINE))
        with connection.cursor() as cursor:
            cursor.execute(WAITING.replace("now()", "CURRENT_TIMESTAMP"), [self.events[0].pk])
            cursor.execute("ANALYZE")

    def plan(self, rows: QuerySet[Any, Any]) -> str:
        return rows.explain() if connection.vendor == "postgresql" else ""

    def assert_reads_no_line(self, rows: QuerySet[Any, Any]) -> None:
        self.assertNotIn("Seq Scan on core_tickethold", self.plan(rows))

    def test_the_clock_reads_no_line(self):
        self.assert_reads_no_line(clock.events_to_serve(now(), later(days=-1)))

    def test_a_plain_exists_would(self):
        waiting = Exists(TicketHold.objects.waiting().filter(event=OuterRef("pk")))
        rows = Event.objects.filter(Q(waiting) | Q(capacity=0))  # in an OR, so that it cannot become a join
        if connection.vendor == "postgresql":
            self.assertIn("Seq Scan on core_tickethold", self.plan(rows))

    def test_each_way_of_asking_finds_who_has_a_line_and_who_has_none(self):
        first, *others = self.events
        with_line = {event.pk for event in Event.objects.filter(has_line())}
        self.assertEqual(with_line, {first.pk})
        self.assertEqual(set(Event.objects.exclude(has_line())), set(others))
        ids = [event.pk for event in self.events]
        self.assertEqual([pk for (pk,) in moves.with_a_line(events=ids)], [first.pk])
        for event, expected in ((first, True), (others[0], False)):
            self.assertEqual(past.past_of(event.pk, {self.alice.pk: None}, now()).has_line, expected)

    def test_a_login_is_put_forward_where_nobody_waits(self):
        Event.objects.update(auto_hold=True)
        forward = arrivals.put_forward(self.alice, now())
        self.assertEqual(set(forward), {event.pk for event in self.events[1:]})
