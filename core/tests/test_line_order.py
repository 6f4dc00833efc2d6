"""Who is first (rules 4, 5 and 6)."""

import datetime as dt
import random

from django.db.models import F
from django.test import TestCase

from core import allocation, position, steering
from core.models import Event, Ticket, TicketHold, User
from core.now import now

from .cast import (
    Cast,
    ago,
    arrive,
    book,
    holders,
    join,
    lapse,
    make_event,
    make_people,
    make_person,
    numbers,
    refusal,
    release,
    statuses,
)


def make_room(event: Event, places: int) -> None:
    """Add places, and serve."""
    steering.revise_event(event_id=event.pk, values={"capacity": Event.objects.get(pk=event.pk).capacity + places})


class OrderTests(Cast, TestCase):
    def test_the_earlier_login_is_served_first_not_the_earlier_joining(self):
        event = make_event(capacity=0)
        logins = {self.alice: 10, self.bob: 30, self.greta: 20}
        for person, minutes in logins.items():
            join(event, person, arrive(person, ago(minutes=minutes)))
        served = []
        for places in (1, 2, 3):
            make_room(event, 1)
            served.append(holders(event)[:places])
        self.assertEqual(served, [["bob"], ["bob", "greta"], ["bob", "greta", "alice"]])

    def test_ids_break_ties_of_the_same_login_moment(self):
        event, moment = make_event(capacity=0), ago(minutes=5)
        for person in (self.bob, self.alice):
            join(event, person, arrive(person, moment))
        make_room(event, 1)
        self.assertEqual(statuses(event), [("bob", "held"), ("alice", "waiting")])

    def test_the_order_is_exact_to_the_microsecond(self):
        event, moment = make_event(capacity=0), ago(minutes=5)
        join(event, self.bob, arrive(self.bob, moment))
        join(event, self.alice, arrive(self.alice, moment - dt.timedelta(microseconds=1)))
        make_room(event, 1)
        self.assertEqual(holders(event), ["alice"])

    def test_the_line_of_one_event_is_not_that_of_another(self):
        event, other = make_event(capacity=0), make_event(capacity=0)
        join(other, self.bob, arrive(self.bob, ago(hours=1)))
        join(event, self.alice, arrive(self.alice, ago(minutes=1)))
        make_room(event, 1)
        self.assertEqual((statuses(event), statuses(other)), ([("alice", "held")], [("bob", "waiting")]))

    def test_serving_positions_and_people_ahead_agree_for_every_mix_of_tier_draw_and_login(self):
        event, moment, dice = make_event(capacity=0), ago(hours=1), random.Random(7)
        for person in make_people(40):
            TicketHold.objects.create(
                event=event,
                user=person,
                tier=dice.randrange(3),
                draw=dice.choice([None, 0, 1, 2**31 - 2]),
                login_timestamp=moment + dt.timedelta(microseconds=dice.randrange(5)),
            )
        rows = TicketHold.objects.values_list("user", "tier", "draw", "login_timestamp", "pk")
        last = 2**31
        order = sorted(rows, key=lambda row: (-row[1], last if row[2] is None else row[2], row[3], row[4]))
        expected = [row[0] for row in order]
        self.assertEqual(list(TicketHold.objects.in_line_order().values_list("user", flat=True)), expected)
        self.assertEqual(position.positions([event.pk]), {event.pk: {user: n + 1 for n, user in enumerate(expected)}})
        # No line has 2**31 places, so that nobody was drawn as late as those who were not drawn at all.
        before = {place.user_id: place.ahead for place in TicketHold.objects.with_ahead()}
        self.assertEqual(before, {user: n for n, user in enumerate(expected)})


class SpentLoginTests(Cast, TestCase):
    """An ended place or a cancelled ticket spends the login."""

    def rank_after(self, event: Event, person: User) -> dt.datetime:
        return join(event, person, arrive(person, ago(hours=5))).login_timestamp

    def test_after_a_release_the_moment_of_the_release_ranks(self):
        event = make_event()
        join(event, self.alice, arrive(self.alice, ago(hours=6)))
        place = release(event, self.alice)
        assert place
        self.assertEqual(self.rank_after(event, self.alice), place.ended_at)

    def test_after_leaving_the_moment_of_leaving_ranks(self):
        event = make_event(capacity=0)
        join(event, self.alice, arrive(self.alice, ago(hours=6)))
        place = release(event, self.alice)
        assert place
        self.assertEqual(self.rank_after(event, self.alice), place.ended_at)

    def test_after_a_lapse_the_moment_of_the_expiry_ranks(self):
        event = make_event()
        join(event, self.alice, arrive(self.alice, ago(hours=6)))
        over = ago(hours=2)
        TicketHold.objects.update(expires_at=over)
        self.assertEqual(self.rank_after(event, self.alice), over)

    def test_after_a_cancelled_ticket_the_moment_of_the_cancelling_ranks(self):
        event = make_event()
        ticket = allocation.cancel_ticket(ticket_id=book(event, self.alice).pk)
        self.assertEqual(self.rank_after(event, self.alice), ticket.cancelled_at)

    def test_the_latest_of_several_ends_ranks(self):
        event = make_event()
        ended = [ago(hours=4), ago(hours=1), ago(hours=3)]
        for moment in ended:
            TicketHold.objects.create(event=event, user=self.alice, status="left", ended_at=moment)
        Ticket.objects.create(event=event, user=self.alice, code="A", cancelled_at=ago(hours=2))
        self.assertEqual(self.rank_after(event, self.alice), ended[1])

    def test_a_login_after_the_end_ranks_by_itself(self):
        event = make_event()
        TicketHold.objects.create(event=event, user=self.alice, status="left", ended_at=ago(hours=6))
        session = arrive(self.alice, ago(hours=1))
        self.assertEqual(join(event, self.alice, session).login_timestamp, session.login_timestamp)

    def test_ends_of_other_people_and_other_events_spend_nothing(self):
        event, other = make_event(), make_event()
        TicketHold.objects.create(event=event, user=self.bob, status="left", ended_at=ago(hours=1))
        TicketHold.objects.create(event=other, user=self.alice, status="left", ended_at=ago(hours=1))
        session = arrive(self.alice, ago(hours=5))
        self.assertEqual(join(event, self.alice, session).login_timestamp, session.login_timestamp)

    def test_leaving_and_joining_again_does_not_pass_who_waits(self):
        event = make_event(capacity=0)
        session = arrive(self.alice, ago(hours=2))
        join(event, self.alice, session)
        join(event, self.bob, arrive(self.bob, ago(hours=1)))
        release(event, self.alice)
        join(event, self.alice, session)
        make_room(event, 1)
        self.assertEqual(holders(event), ["bob"])


class NoOvertakingTests(Cast, TestCase):
    def test_a_place_that_lapsed_unnoticed_is_not_booked_past_who_waits(self):
        event = make_event(capacity=1)
        join(event, self.alice)
        join(event, self.bob)
        lapse(TicketHold.objects.all())
        self.assertEqual(refusal(lambda: book(event, self.greta)), ("sold_out", True))
        self.assertEqual(statuses(event), [("alice", "expired"), ("bob", "held")])

    def test_a_place_that_nobody_served_yet_is_not_booked_past_who_waits(self):
        event = make_event(capacity=1)
        TicketHold.objects.create(event=event, user=self.alice)
        TicketHold.objects.create(event=event, user=self.bob)
        self.assertEqual(refusal(lambda: book(event, self.greta)), ("people_waiting", True))
        self.assertEqual(statuses(event), [("alice", "held"), ("bob", "waiting")])

    def test_a_newcomer_of_earlier_login_ranks_before_those_who_wait(self):
        event = make_event(capacity=0)
        join(event, self.alice, arrive(self.alice, ago(minutes=1)))
        place = join(event, self.bob, arrive(self.bob, ago(minutes=2)))
        self.assertEqual((place.status, place.ahead), ("waiting", 0))

    def test_who_booked_in_one_tab_while_waiting_in_another_is_skipped(self):
        event = make_event(capacity=0)
        for person in (self.alice, self.bob):
            join(event, person)
        Ticket.objects.create(event=event, user=self.alice, code="A")  # the other tab, a moment before
        Event.objects.update(capacity=2, booked=1)
        allocation.serve(event.pk)
        self.assertEqual(statuses(event), [("alice", "left"), ("bob", "held")])
        self.assertEqual(numbers(event), {"held": 1, "booked": 1, "waiting": 0})

    def test_who_had_a_ticket_and_cancelled_it_is_served(self):
        event = make_event(capacity=1)
        Ticket.objects.create(event=event, user=self.alice, code="A", cancelled_at=now())
        self.assertEqual(join(event, self.alice).status, "held")

    def test_the_deactivated_are_passed_over(self):
        event = make_event(capacity=0)
        gone = make_person("gone")
        for person in (gone, self.alice):
            join(event, person)
        User.objects.filter(pk=gone.pk).update(is_active=False)  # past the receiver that would end the place
        make_room(event, 1)
        self.assertEqual(statuses(event), [("gone", "left"), ("alice", "held")])

    def test_many_places_are_given_at_once_in_order(self):
        event = make_event(capacity=0)
        people = make_people(30)
        for n, person in enumerate(people):
            TicketHold.objects.create(event=event, user=person, login_timestamp=ago(minutes=n))
        make_room(event, 12)
        first = [person.username for person in reversed(people)][:12]
        self.assertEqual(holders(event), first)
        self.assertEqual(numbers(event), {"held": 12, "booked": 0, "waiting": 18})
        self.assertEqual(TicketHold.objects.filter(status="held").exclude(expires_at__gt=F("held_at")).count(), 0)
