"""Questions that are composed once: they answer as the queryset would that is composed for these values."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection
from django.db.models import F, Q
from django.test import TestCase, TransactionTestCase
from django.test.utils import CaptureQueriesContext

from core import prepared
from core.models import Event, TicketHold
from core.prepared import Prepared

from .cast import Cast, CastOfRaces, ago, join, later, make_event


def of_person_since() -> Prepared[TicketHold]:
    """Return a question with an id, a moment inside `Q` and in a range, a joined event and an annotation."""
    user, since = prepared.number("user"), prepared.moment("since")
    rows = TicketHold.objects.filter(Q(created_at__gt=since) | Q(expires_at__range=(since, since)), user=user)
    return Prepared(lambda: rows.select_related("event").annotate(after=F("created_at") - since).order_by("pk"))


class PreparedTests(Cast, TestCase):
    def setUp(self):
        self.ask = of_person_since()
        for person in (self.alice, self.bob):
            join(make_event(name=f"for {person}"), person)

    def test_each_answer_is_for_the_values_of_its_own(self):
        for person in (self.alice, self.bob, self.alice):
            rows = self.ask(user=person.pk, since=ago(hours=1))
            self.assertEqual([row.event.name for row in rows], [f"for {person}"])
            self.assertEqual(rows, list(TicketHold.objects.filter(user=person)))
        self.assertEqual(self.ask(user=self.alice.pk, since=later(hours=1)), [])

    def test_an_answer_has_joined_models_and_annotations_and_is_read_anew(self):
        since = ago(hours=1)
        place: Any = self.ask(user=self.alice.pk, since=since)[0]
        with self.assertNumQueries(0):
            self.assertEqual(place.event.capacity, 2)
        self.assertEqual(place.after, place.created_at - since)
        Event.objects.update(capacity=9)
        with CaptureQueriesContext(connection) as captured:
            self.assertEqual(self.ask(user=self.alice.pk, since=since)[0].event.capacity, 9)
        self.assertEqual(len(captured), 1)

    def test_what_looks_like_a_question_stays_a_value(self):
        by_name: Prepared[Event] = Prepared(lambda: Event.objects.filter(name=prepared.text("name")))
        name = "%s' OR '1'='1 %(name)s"
        make_event(name=name)
        self.assertEqual([event.name for event in by_name(name=name)], [name])
        self.assertEqual(by_name(name="' OR '1'='1"), [])

    def test_a_value_that_is_missing_is_an_error(self):
        with self.assertRaises(KeyError):
            self.ask(user=self.alice.pk)


class PreparedInThreadsTests(CastOfRaces, TransactionTestCase):
    def test_threads_ask_at_once_each_by_its_own_connection(self):
        ask, since = of_person_since(), ago(hours=1)
        for person in (self.alice, self.bob, self.olga, self.greta):
            join(make_event(), person)

        def names(person_id: int, since: dt.datetime) -> list[int]:
            try:
                return [row.user_id for _ in range(20) for row in ask(user=person_id, since=since)]
            finally:
                connection.close()

        people = [self.alice.pk, self.bob.pk, self.olga.pk, self.greta.pk]
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(names, people, [since] * 4))
        self.assertEqual(found, [[pk] * 20 for pk in people])
