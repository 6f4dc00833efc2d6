"""The words of a refusal wait for the language of whoever is told: the line refuses people together."""

from collections.abc import Iterator, Mapping

from django.test import SimpleTestCase, TestCase
from django.utils.functional import Promise

from core import allocation, refusals
from core.answers import of_refusal
from core.models import Event
from core.tests.cast import Cast, ago, join, later, make_event


def _kinds(of: type[refusals.Refused] = refusals.Refused) -> Iterator[type[refusals.Refused]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _kinds(kind)


class OwnWordsTests(SimpleTestCase):
    def test_no_refusal_is_put_into_a_language_when_it_is_loaded(self):
        spoken = [kind.__name__ for kind in _kinds() if kind.detail and not isinstance(kind.detail, Promise)]
        self.assertEqual(spoken, [])
        self.assertIsInstance(refusals.SoldOut.detail, Promise)

    def test_an_answer_has_words_and_no_promise_of_them(self):
        told = of_refusal(refusals.SoldOut())["detail"]
        self.assertIs(type(told), str)
        self.assertEqual(told, str(refusals.SoldOut.detail))


class TogetherTests(Cast, TestCase):
    def assert_told_later(self, outcomes: Mapping[int, object]) -> None:
        for outcome in outcomes.values():
            self.assertIsInstance(outcome, refusals.Refused)
            self.assertIsInstance(getattr(outcome, "detail", ""), Promise, outcome)

    def test_who_books_together_is_refused_in_no_language_yet(self):
        sold_out = make_event(capacity=1)
        join(sold_out, self.greta)
        waited_for = make_event(capacity=1)
        for person in (self.greta, self.bob):
            join(waited_for, person)
        events: list[Event] = [
            sold_out,
            waited_for,
            make_event(sales_open_at=later(hours=1)),
            make_event(sales_close_at=ago(hours=1)),
            make_event(paused_at=ago(hours=1)),
            make_event(starts_at=ago(hours=1)),
            make_event(status=Event.Status.CANCELLED),
        ]
        for event in events:
            with self.subTest(event=event.pk):
                who = [self.alice.pk, self.bob.pk]
                self.assert_told_later(allocation.book_all(event_id=event.pk, user_ids=who))

    def test_who_joins_or_releases_together_is_refused_in_no_language_yet(self):
        closed, booked = make_event(sales_close_at=ago(hours=1)), make_event(capacity=2)
        who = {self.alice.pk: None, self.bob.pk: None}
        self.assert_told_later(allocation.join_all(event_id=closed.pk, logins=who))
        allocation.book_all(event_id=booked.pk, user_ids=list(who))
        self.assert_told_later(allocation.join_all(event_id=booked.pk, logins=who))
        self.assert_told_later(allocation.release_all(event_id=booked.pk, user_ids=list(who)))
