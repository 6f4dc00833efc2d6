"""Reading the line: numbers, positions, and how long it may take (rule 8)."""

import datetime as dt

from django.test import TestCase

from core import numbers, position
from core.models import Event, TicketHold
from core.now import now

from .cast import Cast, ago, arrive, book, join, lapse, later, make_event, make_people, release


def stats_of(event: Event) -> dict[str, object]:
    """Return an event's numbers without its id, name and clock."""
    moment = now()
    found = numbers.stats(numbers.with_line(Event.objects.all(), moment).get(pk=event.pk), moment)
    return {name: value for name, value in found.items() if name not in {"event", "name", "now"}}


class StatsTests(Cast, TestCase):
    def test_all_numbers_are_there(self):
        event, moment = make_event(capacity=4), now()
        book(event, self.alice)
        join(event, self.bob)
        found = numbers.stats(numbers.with_line(Event.objects.all(), moment).get(), moment)
        self.assertEqual(
            found,
            {
                "event": event.pk,
                "name": "Concert",
                "capacity": 4,
                "booked": 1,
                "held": 1,
                "available": 2,
                "waiting": 0,
                "percentage_sold": 25.0,
                "on_sale": True,
                "version": 2,
                "now": moment.isoformat(),
            },
        )

    def test_a_lapsed_hold_that_nothing_swept_counts_as_available(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        lapse(TicketHold.objects.all())
        numbers = stats_of(event)
        self.assertEqual((numbers["held"], numbers["available"]), (0, 1))

    def test_several_lines_do_not_mix(self):
        full, empty = make_event(capacity=0), make_event(capacity=2)
        people = make_people(3)
        for person in people:
            join(full, person)
        join(empty, people[0])
        self.assertEqual([stats_of(event)["waiting"] for event in (full, empty)], [3, 0])
        self.assertEqual([stats_of(event)["held"] for event in (full, empty)], [0, 1])

    def test_an_event_without_places_is_sold_to_zero_percent(self):
        self.assertEqual(stats_of(make_event(capacity=0))["percentage_sold"], 0)

    def test_on_sale_follows_the_window(self):
        events = [make_event(), make_event(sales_open_at=later(hours=1)), make_event(sales_close_at=ago(hours=1))]
        self.assertEqual([stats_of(event)["on_sale"] for event in events], [True, False, False])


class PositionTests(Cast, TestCase):
    def test_it_starts_at_one_and_moves_up_as_people_leave(self):
        event = make_event(capacity=1)
        people = make_people(4)
        for person in people:
            join(event, person)
        first, second, third = (person.pk for person in people[1:])
        self.assertEqual(position.positions([event.pk]), {event.pk: {first: 1, second: 2, third: 3}})
        release(event, people[2])
        self.assertEqual(position.positions([event.pk]), {event.pk: {first: 1, third: 2}})
        release(event, people[0])
        self.assertEqual(position.positions([event.pk]), {event.pk: {third: 1}})

    def test_every_event_counts_for_itself(self):
        one, two, other = (make_event(capacity=0) for _ in range(3))
        for event, person in ((one, self.alice), (one, self.bob), (two, self.bob), (other, self.alice)):
            join(event, person)
        self.assertEqual(
            position.positions([one.pk, two.pk]),
            {one.pk: {self.alice.pk: 1, self.bob.pk: 2}, two.pk: {self.bob.pk: 1}},
        )

    def test_an_earlier_login_comes_in_before(self):
        event = make_event(capacity=0)
        join(event, self.alice, arrive(self.alice, ago(minutes=1)))
        join(event, self.bob, arrive(self.bob, ago(minutes=2)))
        self.assertEqual(position.positions([event.pk]), {event.pk: {self.bob.pk: 1, self.alice.pk: 2}})


class PersonPlacesTests(Cast, TestCase):
    def test_a_person_sees_their_own_live_places_and_valid_tickets(self):
        names = ("held", "waiting", "booked", "lapsed", "released", "cancelled", "nothing")
        events = {name: make_event(name=name, capacity=1) for name in names}
        join(events["lapsed"], self.alice)
        lapse(TicketHold.objects.all())
        join(events["held"], self.alice)
        for person in (self.bob, self.greta, self.alice):
            join(events["waiting"], person)
        book(events["booked"], self.alice)
        join(events["released"], self.alice)
        release(events["released"], self.alice)
        book(events["cancelled"], self.alice)
        self.alice.tickets.filter(event=events["cancelled"]).update(cancelled_at=now())
        mine = position.places_of(self.alice, now())
        places = {place.event.name: (place.status, place.ahead) for place in mine.places.values()}
        self.assertEqual(places, {"held": ("held", 0), "waiting": ("waiting", 1)})
        self.assertEqual([ticket.event.name for ticket in mine.tickets.values()], ["booked"])
        self.assertEqual(
            (list(mine.places), list(mine.tickets)), ([events["held"].pk, events["waiting"].pk], [events["booked"].pk])
        )


class WaitEstimateTests(Cast, TestCase):
    def end(self, event: Event, count: int, *, status: str = "released", at: dt.datetime | None = None) -> None:
        moment = at or ago(minutes=5)
        rows = [
            TicketHold(event=event, user=person, status=status, held_at=moment, expires_at=moment, ended_at=moment)
            for person in make_people(count)
        ]
        TicketHold.objects.bulk_create(rows)

    def test_of_fewer_than_three_freed_places_nothing_is_known(self):
        event = make_event()
        self.end(event, 2)
        self.assertEqual(position.seconds_per_place([event.pk], now()), {})

    def test_three_in_a_quarter_of_an_hour_are_five_minutes_each(self):
        event = make_event()
        self.end(event, 2)
        self.end(event, 1, status="expired")
        self.assertEqual(position.seconds_per_place([event.pk], now()), {event.pk: 300.0})

    def test_neither_booked_nor_old_nor_other_events_places_count(self):
        event, other = make_event(), make_event()
        self.end(event, 3, status="booked")
        self.end(event, 3, status="left")
        self.end(event, 3, at=ago(minutes=16))
        self.end(other, 5)
        self.assertEqual(position.seconds_per_place([event.pk, other.pk], now()), {other.pk: 180.0})
        self.assertEqual(position.seconds_per_place([event.pk], now()), {})


class QueryCountTests(Cast, TestCase):
    def test_reading_costs_the_same_with_5_events_and_with_50(self):
        people = make_people(6)

        def fill(count: int) -> None:
            for _ in range(count):
                event = make_event(capacity=2)
                rows = [TicketHold(event=event, user=person) for person in [*people, self.alice]]
                TicketHold.objects.bulk_create(rows)

        for count in (5, 45):
            fill(count)
            ids = list(Event.objects.values_list("pk", flat=True))
            moment = now()
            with self.subTest(events=len(ids)):
                with self.assertNumQueries(1):
                    found = [numbers.stats(event, moment) for event in numbers.with_line(Event.objects.all(), moment)]
                with self.assertNumQueries(2):
                    lines = position.positions(ids)
                with self.assertNumQueries(1):
                    position.seconds_per_place(ids, moment)
                with self.assertNumQueries(2):
                    mine = position.places_of(self.alice, moment)
                self.assertEqual((len(found), len(lines), len(mine.places)), (len(ids), len(ids), len(ids)))
                self.assertEqual({place.ahead for place in mine.places.values()}, {6})
