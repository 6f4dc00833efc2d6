import datetime as dt

from django.test import TestCase

from core import allocation
from core.models import Event, TicketHold
from core.tests.cast import Cast, lapse, make_event
from core.tests.visits import BROWSER, answer_of, visit


class StatsTests(Cast, TestCase):
    def test_all_numbers_are_answered(self):
        event = make_event(capacity=8, name="Opera", auto_hold=False)
        allocation.book(event_id=event.pk, user=self.alice)
        allocation.join(event_id=event.pk, user=self.bob)
        status, answer = answer_of(visit().get(f"/api/ticket-stats/{event.pk}/"))
        moment = dt.datetime.fromisoformat(answer.pop("now"))
        version = Event.objects.get().version
        expected = {
            "event": event.pk, "name": "Opera", "capacity": 8, "booked": 1, "held": 1, "available": 6, "waiting": 0,
            "percentage_sold": 12.5, "on_sale": True, "version": version,
        }  # fmt: skip
        self.assertEqual((status, answer), (200, expected))
        self.assertEqual(moment.utcoffset(), dt.timedelta())

    def test_a_lapsed_hold_counts_as_available_before_anything_swept_it(self):
        event = make_event(capacity=1, auto_hold=False)
        for person in (self.alice, self.bob):
            allocation.join(event_id=event.pk, user=person)
        lapse(TicketHold.objects.filter(event=event))
        answer = visit().get(f"/api/ticket-stats/{event.pk}/").json()
        self.assertEqual({name: answer[name] for name in ("held", "available", "waiting")},
                         {"held": 0, "available": 1, "waiting": 1})  # fmt: skip

    def test_an_event_without_places_is_zero_per_cent_sold(self):
        event = make_event(capacity=0, status="cancelled")
        answer = visit().get(f"/api/ticket-stats/{event.pk}/").json()
        self.assertEqual((answer["percentage_sold"], answer["available"], answer["on_sale"]), (0, 0, False))

    def test_the_version_rises_with_what_is_booked(self):
        event = make_event(auto_hold=False)
        before = visit().get(f"/api/ticket-stats/{event.pk}/").json()["version"]
        allocation.book(event_id=event.pk, user=self.alice)
        after = visit().get(f"/api/ticket-stats/{event.pk}/").json()["version"]
        self.assertGreater(after, before)


class DraftTests(Cast, TestCase):
    def test_a_draft_is_absent_from_lists_and_looks_like_nothing(self):
        draft = make_event(status="draft", name="Secret concert")
        make_event(name="Open concert")
        nothing, secret = (visit(self.alice).get(f"/events/{pk}/") for pk in (draft.pk + 1000, draft.pk))
        self.assertEqual((nothing.status_code, nothing.content), (secret.status_code, secret.content))
        for path in ("/", "/dashboard/"):
            page = visit(self.alice, headers=BROWSER).get(path)
            self.assertContains(page, "Open concert")
            self.assertNotContains(page, "Secret concert")
