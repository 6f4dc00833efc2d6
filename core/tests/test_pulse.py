"""An event's page for its organizer: how it sells, minute by minute, and what it costs to ask."""

import datetime as dt

from core import checkin
from core.models import Ticket
from core.now import now
from core.pulse import pulse

from .cast import book, give, join, make_event, make_people
from .organizers import OrganizerCase, path
from .test_query_counts import queries_of

AT = dt.datetime(2035, 6, 1, 20, 0, 30, tzinfo=dt.UTC)


class PulseTests(OrganizerCase):
    def test_bookings_are_counted_by_the_minute_of_the_clock_and_older_ones_are_left_out(self) -> None:
        event, other = make_event(capacity=9, auto_hold=False), make_event(auto_hold=False)
        moments = ("20:00:30", "20:00:00", "19:59:59", "19:46:00", "19:45:59")
        for person, text in zip(make_people(5), moments, strict=True):
            booked_at = dt.datetime.combine(AT.date(), dt.time.fromisoformat(text), tzinfo=dt.UTC)
            Ticket.objects.filter(pk=book(event, person).pk).update(booked_at=booked_at)
        Ticket.objects.filter(pk=book(other, self.alice).pk).update(booked_at=AT)
        shown = pulse(event, AT)
        self.assertEqual([bar.count for bar in shown.bars], [1, *[0] * 12, 1, 2])
        self.assertEqual((shown.total, shown.most, f"{shown.bars[0].start:%H:%M}"), (4, 2, "19:46"))
        self.assertEqual([f"{bar.start:%H:%M} {bar.count}" for bar in shown.rows], ["20:00 2", "19:59 1", "19:46 1"])

    def test_bars_are_as_high_as_they_are_many_and_of_nothing_there_is_none(self) -> None:
        event = make_event(capacity=9, auto_hold=False)
        for person, minute in zip(make_people(3), (0, 0, 1), strict=True):
            booked_at = AT - dt.timedelta(minutes=minute)
            Ticket.objects.filter(pk=book(event, person).pk).update(booked_at=booked_at)
        heights = [bar.height for bar in pulse(event, AT).bars[-3:]]
        self.assertEqual(heights, [0, 31, 60])
        Ticket.objects.update(booked_at=now() - dt.timedelta(minutes=1))
        self.assertContains(self.browser.get(path(event)), 'class="pulse__bar"', count=1)

    def test_a_ticket_that_is_given_away_is_no_booking_and_one_that_is_cancelled_was_one(self) -> None:
        event = make_event(auto_hold=False)
        give(book(event, self.alice), self.bob)
        moment = Ticket.objects.latest("pk").booked_at
        self.assertEqual(pulse(event, moment).total, 1)


class PageTests(OrganizerCase):
    def test_its_axes_say_how_many_and_when(self) -> None:
        event = make_event(capacity=3, auto_hold=False)
        marks = [f"{bar.start:%H:%M}" for bar in pulse(event, AT).marks]
        self.assertEqual(marks, ["19:46", "19:53", "20:00"])
        counts = '<p class="pulse__counts" aria-hidden="true">{}<span>0</span></p>'
        self.assertContains(self.browser.get(path(event)), counts.format(""), html=True)
        book(event, self.alice)
        page = self.browser.get(path(event))
        self.assertContains(page, counts.format("<span>1</span>"), html=True)
        self.assertRegex(
            page.content.decode(), r'"pulse__times" aria-hidden="true">\s*(<span>\d\d:\d\d</span>){3}\s*</p>'
        )

    def test_without_scripts_it_is_right_when_it_is_loaded(self) -> None:
        event = make_event(capacity=3, auto_hold=False)
        first, *others = make_people(4)
        ticket = book(event, first)
        for person in others:
            join(event, person)
        checkin.scan(code=ticket.code, event=event, staff=self.greta)
        page = self.browser.get(path(event))
        self.assertContains(page, "1 booked in 15 minutes, at most 1 in one")
        self.assertContains(page, "<strong>1</strong> booked from")
        shown = page.context["card"].stats
        self.assertEqual([shown[name] for name in ("booked", "held", "available", "waiting")], [1, 2, 0, 1])
        self.assertEqual(page.context["numbers"], {"event": event.pk, "admitted": 1, "expected": 1})

    def test_it_asks_as_much_for_many_tickets_and_events_as_for_one(self) -> None:
        event = make_event(capacity=99, auto_hold=False)
        counts = []
        for people in (make_people(1), make_people(49)):
            for person in people:
                book(event, person)
            make_event(auto_hold=False)
            counts.append(len(queries_of(lambda: self.browser.get(path(event)))))
        self.assertEqual(counts[0], counts[1])
        self.assertLessEqual(counts[1], 8)

    def test_a_draft_has_no_socket_and_a_published_event_has_one(self) -> None:
        draft, event = make_event(status="draft"), make_event(auto_hold=False)
        self.assertNotContains(self.browser.get(path(draft)), "data-live=")
        self.assertContains(self.browser.get(path(event)), f'data-live="organize/{event.pk}"')
