"""The clock's kept question asks the same as the one that is composed anew."""

import datetime as dt

from django.test import TestCase

from core import clock
from core.models import Event, TicketHold
from core.now import now

from .cast import Cast, ago, join, lapse, later, make_event, open_sale


class DueEventsTests(Cast, TestCase):
    def test_the_kept_question_finds_what_the_composed_one_finds_at_any_moment(self) -> None:
        events = [make_event(capacity=1, auto_hold=False) for _ in range(3)]
        for event in events[:2]:
            join(event, self.alice)
        lapse(TicketHold.objects.filter(event=events[0]))
        Event.objects.filter(pk=events[1].pk).update(starts_at=later(hours=1))
        join(events[1], self.bob)
        open_sale(make_event(capacity=1, sales_open_at=later(days=1)))
        make_event(capacity=1, sales_open_at=later(days=2), line_policy="randomised_open")
        moments = [now() + dt.timedelta(hours=hours) for hours in (0, 2, 26, 24 * 8)] + [ago(days=2)]
        found = [clock.due_events(moment) for moment in moments]
        composed = [
            clock.events_to_serve(moment, moment - clock.LONG_OVER).order_by("pk").values_list("pk", flat=True)
            for moment in moments
        ]
        self.assertEqual(found, [list(events) for events in composed])
        self.assertTrue(any(found))
        self.assertGreater(len({tuple(events) for events in found}), 1)
