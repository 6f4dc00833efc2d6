"""Questions that PostgreSQL plans once for each connection."""

from unittest import mock

from django.db import connection
from django.db.models import Value
from django.test import SimpleTestCase, TestCase, skipUnlessDBFeature

from core import prepared
from core.models import TicketHold
from core.planned import written_out
from core.prepared import Rows

from .cast import Cast, join, make_event


def waiting() -> Rows[TicketHold]:
    """Return a question of the test's own."""
    return Rows(lambda: TicketHold.objects.waiting().filter(event=prepared.number("event")).values_list("user"))


def planned() -> list[str]:
    """Return the statements about waiting places that this connection has planned."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [
            text
            for (text,) in cursor.fetchall()
            if "'waiting'" in text and text.startswith('SELECT "core_tickethold"."user')
        ]


class WrittenOutTests(SimpleTestCase):
    def test_what_is_given_stays_open_and_the_rest_is_written_into_the_text(self):
        given = Value(7)
        text, left = written_out("a = %s AND b LIKE %s AND c = %s AND d IS %s", ["it's", "5%", given, None])
        self.assertEqual(text, "a = 'it''s' AND b LIKE '5%%' AND c = %s AND d IS NULL")
        self.assertEqual(left, [given])

    def test_a_parameter_too_many_or_too_few_is_an_error(self):
        for params in ([], [1, 2]):
            with self.assertRaises(ValueError):
                written_out("a = %s", params)


@skipUnlessDBFeature("has_select_for_update")
class PlannedTests(Cast, TestCase):
    def ask(self, times: int) -> list[tuple[int]]:
        event, ask = make_event(capacity=0), waiting()
        join(event, self.alice)
        return [ask(event=event.pk) for _ in range(times)][-1]

    def test_what_is_asked_again_is_planned_once_with_what_never_changes_in_its_text(self):
        before = planned()
        self.assertEqual(self.ask(5), [(self.alice.pk,)])
        self.assertEqual(len(planned()), len(before) + 1)

    def test_behind_a_pooler_that_gives_another_connection_each_time_nothing_is(self):
        before = planned()
        with mock.patch.dict(connection.settings_dict, DISABLE_SERVER_SIDE_CURSORS=True):
            self.assertEqual(self.ask(5), [(self.alice.pk,)])
        self.assertEqual(planned(), before)
