"""Whoever waits is told what to expect, and nothing that will not come."""

from django.test import TestCase

from core.models import Event

from .cast import Cast, ago, join, make_event
from .visits import BROWSER, visit

PROMISE = "When it is your turn we hold a ticket for you for 7 minutes"
NO_MORE = "No more tickets are given for this event."


class ExpectationTests(Cast, TestCase):
    def told(self, event: Event) -> list[bool]:
        page = visit(self.alice, headers=BROWSER).get(event.get_absolute_url()).content.decode()
        page = page.partition("<template")[0]  # what follows is for scripts
        return [sentence in " ".join(page.split()) for sentence in (PROMISE, NO_MORE)]

    def test_who_waits_is_promised_a_hold_until_the_sale_closes(self):
        event = make_event(capacity=0, hold_minutes=7, auto_hold=False)
        join(event, self.alice)
        self.assertEqual(self.told(event), [True, False])
        Event.objects.update(sales_close_at=ago(minutes=1))
        self.assertEqual(self.told(event), [False, True])

    def test_what_is_closed_or_sold_out_leads_on_to_what_is_not(self):
        events = make_event(capacity=0, auto_hold=False), make_event(sales_close_at=ago(minutes=1), auto_hold=False)
        for event in events:
            with self.subTest(event=event.pk):
                page = visit(self.alice, headers=BROWSER).get(event.get_absolute_url()).content.decode()
                self.assertIn('<a href="/">See the upcoming events</a>', page)
