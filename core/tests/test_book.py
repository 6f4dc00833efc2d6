"""Booking (rules 16, 17 and 19), and "Booking" of the table of bad input."""

from django.test import TestCase, TransactionTestCase

from core.models import Event, Ticket, TicketHold

from .cast import (
    Cast,
    CastOfRaces,
    ago,
    book,
    join,
    lapse,
    later,
    make_event,
    numbers,
    race,
    refusal,
    release,
    statuses,
)


class BookTests(Cast, TestCase):
    def test_a_hold_becomes_a_ticket(self):
        event = make_event()
        place = join(event, self.alice)
        ticket = book(event, self.alice)
        place.refresh_from_db()
        self.assertEqual((ticket.event, ticket.user, ticket.hold, ticket.status), (event, self.alice, place, "valid"))
        self.assertEqual((place.status, place.ended_at), ("booked", ticket.booked_at))
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_the_holder_of_the_last_place_can_book(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        join(event, self.bob)
        book(event, self.alice)
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 1})

    def test_a_free_place_is_booked_directly_without_a_hold(self):
        event = make_event(capacity=1)
        ticket = book(event, self.alice)
        self.assertEqual((ticket.hold, statuses(event)), (None, []))
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_booking_twice_gives_the_same_ticket(self):
        event = make_event()
        first = book(event, self.alice)
        self.assertEqual(book(event, self.alice).code, first.code)
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_booking_again_once_the_event_has_started_gives_the_same_ticket(self):
        event = make_event()
        first = book(event, self.alice)
        Event.objects.update(starts_at=ago(seconds=1))
        self.assertEqual(book(event, self.alice), first)

    def test_after_a_cancelled_ticket_a_new_one_can_be_booked(self):
        event = make_event()
        first = book(event, self.alice)
        Ticket.objects.update(cancelled_at=ago(minutes=1))
        Event.objects.update(booked=0)
        self.assertNotEqual(book(event, self.alice).code, first.code)
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_a_hold_in_its_last_minute_can_be_booked(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        TicketHold.objects.update(expires_at=later(seconds=30))
        book(event, self.alice)
        self.assertEqual(statuses(event), [("alice", "booked")])

    def test_a_hold_that_lapsed_a_millisecond_ago_is_refused_when_the_place_went_on(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        join(event, self.bob)
        lapse(TicketHold.objects.all())
        self.assertEqual(refusal(lambda: book(event, self.alice)), ("hold_expired", True))
        self.assertEqual(statuses(event), [("alice", "expired"), ("bob", "held")])
        self.assertEqual(numbers(event), {"held": 1, "booked": 0, "waiting": 0})

    def test_a_hold_that_lapsed_is_booked_all_the_same_while_its_place_is_free(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        lapse(TicketHold.objects.all())
        self.assertEqual(book(event, self.alice).hold, None)
        self.assertEqual(statuses(event), [("alice", "expired")])

    def test_a_lapsed_hold_of_somebody_else_frees_its_place_for_a_direct_booking(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        lapse(TicketHold.objects.all())
        book(event, self.bob)
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_without_a_free_place_it_is_sold_out(self):
        event = make_event(capacity=1)
        book(event, self.alice)
        self.assertEqual(refusal(lambda: book(event, self.bob)), ("sold_out", True))
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_an_event_without_places_is_sold_out(self):
        event = make_event(capacity=0)
        self.assertEqual(refusal(lambda: book(event, self.bob)), ("sold_out", True))

    def test_after_releasing_the_last_place_it_is_sold_out_not_expired(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        release(event, self.alice)
        book(event, self.bob)
        self.assertEqual(refusal(lambda: book(event, self.alice)), ("sold_out", True))

    def test_while_people_wait_a_newcomer_is_sent_to_the_line(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        join(event, self.bob)
        self.assertEqual(refusal(lambda: book(event, self.greta)), ("people_waiting", True))

    def test_who_waits_is_told_so_and_keeps_the_place_in_line(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        join(event, self.bob)
        self.assertEqual(refusal(lambda: book(event, self.bob)), ("people_waiting", False))
        self.assertEqual(statuses(event), [("alice", "held"), ("bob", "waiting")])

    def test_before_the_sale_it_is_refused_and_the_line_is_offered(self):
        event = make_event(sales_open_at=later(hours=1))
        self.assertEqual(refusal(lambda: book(event, self.alice)), ("not_on_sale", True))
        self.assertEqual(numbers(event), {"held": 0, "booked": 0, "waiting": 0})

    def test_after_the_sale_it_is_refused(self):
        event = make_event(sales_open_at=ago(hours=2), sales_close_at=ago(hours=1))
        self.assertEqual(refusal(lambda: book(event, self.alice)), ("not_on_sale", False))
        self.assertEqual(numbers(event), {"held": 0, "booked": 0, "waiting": 0})

    def test_after_the_sale_a_live_hold_can_be_booked(self):
        event = make_event()
        join(event, self.alice)
        Event.objects.update(sales_close_at=ago(seconds=1))
        book(event, self.alice)
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_once_the_event_has_started_not_even_a_live_hold_can_be_booked(self):
        event = make_event()
        join(event, self.alice)
        Event.objects.update(starts_at=ago(seconds=1))
        self.assertEqual(refusal(lambda: book(event, self.alice)), ("over", False))
        self.assertEqual(numbers(event), {"held": 1, "booked": 0, "waiting": 0})

    def test_of_a_cancelled_event_it_is_refused(self):
        event = make_event(status="cancelled")
        self.assertEqual(refusal(lambda: book(event, self.alice)), ("cancelled", False))
        self.assertEqual(numbers(event), {"held": 0, "booked": 0, "waiting": 0})

    def test_a_draft_and_an_unknown_event_do_not_exist(self):
        draft, unknown = make_event(status="draft"), Event(pk=2**62)
        for event in (draft, unknown):
            with self.subTest(event=event.pk), self.assertRaises(Event.DoesNotExist):
                book(event, self.alice)
        self.assertEqual(numbers(draft), {"held": 0, "booked": 0, "waiting": 0})

    def test_what_a_refused_booking_found_lapsed_stays_swept(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        lapse(TicketHold.objects.all())
        Event.objects.update(sales_close_at=ago(seconds=1))
        refusal(lambda: book(event, self.bob))
        self.assertEqual(statuses(event), [("alice", "expired")])


class BookRaceTests(CastOfRaces, TransactionTestCase):
    def test_fifty_double_clicks_give_one_ticket(self):
        event = make_event(capacity=50)
        tickets = race([lambda: book(event, self.alice)] * 50)
        self.assertEqual(tickets, [Ticket.objects.get()] * 50)
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_fifty_double_clicks_on_a_hold_give_one_ticket(self):
        event = make_event(capacity=1)
        place = join(event, self.alice)
        tickets = race([lambda: book(event, self.alice)] * 50)
        self.assertEqual(tickets, [Ticket.objects.get(hold=place)] * 50)
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})
