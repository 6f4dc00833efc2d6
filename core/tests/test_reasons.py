"""Why not me: every reason of the closed list, what brings it about, and in which order they are told (rule 8)."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction
from django.test import override_settings

from core import allocation, position, steering
from core.models import Cause, Event, TicketHold
from core.reasons import Reason

from .asking import FIRST, ReasonsTestCase, log_in, make_member, make_tiered, seen
from .cast import ago, book, give, join, lapse, later, make_event, make_people, make_person, release

OPENS = dt.datetime(2099, 7, 3, 20, tzinfo=dt.UTC)


@override_settings(TIERS=["members"], AUTO_HOLDS_PER_LOGIN=2)
class ClosedListTests(ReasonsTestCase):
    """One situation for each reason: `stage_<reason>` returns the event, and the sentence that is told about it."""

    def stage_draft(self) -> tuple[Event, str]:
        self.viewer = self.olga
        return make_event(status="draft"), "This event is a draft, which only its organizer and administrators see."

    def stage_event_cancelled(self) -> tuple[Event, str]:
        return make_event(status="cancelled"), "This event was cancelled."

    def stage_booked(self) -> tuple[Event, str]:
        book(event := make_event(), self.alice)
        return event, "You have a ticket."

    def stage_over(self) -> tuple[Event, str]:
        return make_event(starts_at=ago(seconds=1)), "This event has started."

    def stage_held_until(self) -> tuple[Event, str]:
        join(event := make_event(time_zone="America/New_York"), self.alice)
        TicketHold.objects.update(expires_at=OPENS)
        return event, "A ticket is held for you until Fri 3 Jul 2099, 16:00 EDT."

    def stage_not_open_yet(self) -> tuple[Event, str]:
        event = make_event(sales_open_at=OPENS, starts_at=OPENS + dt.timedelta(days=1), time_zone="Asia/Tokyo")
        return event, "The sale opens Sat 4 Jul 2099, 05:00 JST."

    def stage_sale_closed(self) -> tuple[Event, str]:
        event = make_event(sales_close_at=ago(hours=1))
        return event, f"The sale closed on {event.local(event.sales_close_at)}."

    def stage_paused(self) -> tuple[Event, str]:
        steering.pause(event_id=(event := make_event()).pk, reason="The hall <floods>.")
        return event, "Staff have paused serving: “The hall <floods>.”"

    def stage_tier_first(self) -> tuple[Event, str]:
        event = make_tiered()
        for person in (self.bob, self.greta, self.alice, make_member("mia")):
            join(event, person)
        return event, "1 person ahead of you: members are served first, for up to 1 ticket."

    def stage_next_in_line(self) -> tuple[Event, str]:
        join(event := make_event(capacity=0), self.alice)
        return event, f"You are next: {FIRST}"

    def stage_waiting_behind(self) -> tuple[Event, str]:
        event = make_event(capacity=0)
        for person in (self.bob, self.greta, self.alice):
            join(event, person)
        return event, f"2 people ahead of you: {FIRST}"

    def stage_hold_lapsed(self) -> tuple[Event, str]:
        join(event := make_event(), self.alice)
        TicketHold.objects.update(expires_at=(at := ago(milliseconds=1)))
        return event, f"Your hold lapsed on {event.local(at)}, before it was booked."

    def stage_released(self) -> tuple[Event, str]:
        join(event := make_event(), self.alice)
        place = release(event, self.alice)
        return event, f"Your hold was released on {event.local(place.ended_at if place else None)}."

    def stage_left_line(self) -> tuple[Event, str]:
        join(event := make_event(capacity=0), self.alice)
        place = release(event, self.alice)
        return event, f"Your place in line ended on {event.local(place.ended_at if place else None)}."

    def stage_cancelled_ticket(self) -> tuple[Event, str]:
        ticket = allocation.cancel_ticket(ticket_id=book(event := make_event(), self.alice).pk)
        return event, f"Your ticket was cancelled on {event.local(ticket.cancelled_at)}."

    def stage_removed(self) -> tuple[Event, str]:
        join(event := make_event(), self.alice)
        place = TicketHold.objects.get()
        places = TicketHold.objects.filter(pk=place.pk)
        allocation.end_places(places, cause=Cause.REMOVED_BY_STAFF, reason="A <second> account")
        place.refresh_from_db()
        return event, f"Staff ended your place on {event.local(place.ended_at)}: “A <second> account”"

    def stage_cancelled_by_staff(self) -> tuple[Event, str]:
        pk, why = book(event := make_event(), self.alice).pk, "Not paid"
        ticket = allocation.cancel_ticket(ticket_id=pk, cause=Cause.CANCELLED_BY_STAFF, reason=why)
        return event, f"Staff cancelled your ticket on {event.local(ticket.cancelled_at)}: “Not paid”"

    def stage_gave_ticket(self) -> tuple[Event, str]:
        ticket = give(book(event := make_event(), self.alice), self.bob)
        return event, f"You gave your ticket to somebody else on {event.local(ticket.booked_at)}."

    def stage_given_by_staff(self) -> tuple[Event, str]:
        ticket = give(book(event := make_event(), self.alice), self.bob, by=self.olga, reason="A <mistake>")
        return event, f"Staff gave your ticket to somebody else on {event.local(ticket.booked_at)}: “A <mistake>”"

    def stage_people_waiting(self) -> tuple[Event, str]:
        join(event := make_event(capacity=0), self.bob)
        return event, "People are waiting, and the next free place is theirs."

    def stage_sold_out(self) -> tuple[Event, str]:
        return make_event(capacity=0), "All places are booked or held."

    def stage_log_in(self) -> tuple[Event, str]:
        self.viewer = None
        return make_event(), "Tickets are available to everybody who logs in."

    def stage_no_auto_hold(self) -> tuple[Event, str]:
        return make_event(auto_hold=False), "Tickets of this event are not held automatically at a login."

    def stage_cooldown(self) -> tuple[Event, str]:
        join(event := make_event(time_zone="Asia/Tokyo"), self.alice)
        place = release(event, self.alice)
        assert place and place.ended_at
        self.client = log_in(self.alice)
        at, until = event.local(place.ended_at), event.local(place.ended_at + dt.timedelta(minutes=30))
        return event, f"What you had here ended on {at}, so no ticket is held automatically before {until}."

    def stage_limit_reached(self) -> tuple[Event, str]:
        *_, event = [make_event(starts_at=later(days=days)) for days in (1, 2, 3)]
        self.client = log_in(self.alice)
        return event, "At your login 2 tickets of other events were held for you automatically, the most at a time."

    def stage_available(self) -> tuple[Event, str]:
        return make_event(), "Tickets are available."

    def test_every_reason_is_told_where_it_should_be(self):
        for reason in Reason:
            with self.subTest(reason=reason), transaction.atomic():
                self.viewer, self.client = self.alice, log_in(self.alice)
                stage: Callable[[], tuple[Event, str]] = getattr(self, f"stage_{reason}")
                event, sentence = stage()
                if self.viewer != self.alice:
                    self.client = log_in(self.viewer)
                else:
                    self.assertEqual(self.told(event), (reason, sentence))
                page = self.client.get(f"/events/{event.pk}/")
                self.assertEqual(page.context["card"].why.reason, reason)
                told = (
                    "All places are booked." if reason == Reason.SOLD_OUT else sentence
                )  # the page tells booked from held
                self.assertIn(told.removesuffix("."), seen(page))  # an opening has its zone before the full stop
                transaction.set_rollback(True)

    def test_there_is_no_situation_without_its_reason(self):
        stages = {name.removeprefix("stage_") for name in dir(self) if name.startswith("stage_")}
        self.assertEqual(stages, set(Reason.values))


@override_settings(TIERS=["members"], AUTO_HOLDS_PER_LOGIN=1)
class PrecedenceTests(ReasonsTestCase):
    """All that can be so at once is; each step takes away what was told, and the next one is."""

    def peel(self, event: Event, *steps: tuple[dict[str, Any], Reason]) -> None:
        for fields, reason in steps:
            Event.objects.filter(pk=event.pk).update(**fields)
            with self.subTest(reason=reason):
                self.assertEqual(self.ask(event)["reason"], reason)

    def test_who_waits_hears_of_the_sale_then_of_a_pause_then_of_the_line(self):
        event = make_tiered(capacity=2, sales_open_at=later(hours=1))
        for person in (self.bob, self.alice, make_member("mia")):
            join(event, person)
        self.peel(
            event,
            ({"status": "cancelled", "starts_at": ago(hours=1), "paused_at": ago(hours=1)}, Reason.EVENT_CANCELLED),
            ({"status": "published"}, Reason.OVER),
            ({"starts_at": later(days=1)}, Reason.NOT_OPEN_YET),
            ({"sales_open_at": None, "sales_close_at": ago(hours=1)}, Reason.SALE_CLOSED),
            ({"sales_close_at": None}, Reason.PAUSED),
            ({"paused_at": None}, Reason.TIER_FIRST),
            ({"tier_shares": {}}, Reason.WAITING_BEHIND),
        )  # fmt: skip

    def test_a_ticket_or_a_hold_is_told_before_anything_that_closes_the_sale(self):
        event = make_event()
        join(event, self.alice)
        closed = {"paused_at": ago(hours=1), "sales_close_at": ago(hours=1)}
        self.peel(event, (closed, Reason.HELD_UNTIL))
        book(event, self.alice)
        self.peel(
            event, ({"starts_at": ago(hours=1)}, Reason.BOOKED), ({"status": "cancelled"}, Reason.EVENT_CANCELLED)
        )

    def test_who_has_nothing_hears_of_the_sale_then_of_their_own_then_of_the_numbers(self):
        make_event(starts_at=later(hours=1))  # the one automatic hold of the logins below
        event = make_event(capacity=1)
        join(event, self.alice)
        release(event, self.alice)
        join(event, self.bob), join(event, self.greta)
        self.peel(
            event,
            ({"sales_open_at": later(hours=1), "paused_at": ago(hours=1)}, Reason.NOT_OPEN_YET),
            ({"sales_open_at": None, "sales_close_at": ago(hours=1)}, Reason.SALE_CLOSED),
            ({"sales_close_at": None}, Reason.PAUSED),
            ({"paused_at": None}, Reason.RELEASED),
        )
        self.client = log_in(self.alice)  # what ended before this login does not explain what it was not held
        self.peel(event, ({}, Reason.PEOPLE_WAITING))
        release(event, self.greta)
        self.peel(event, ({"auto_hold": False}, Reason.SOLD_OUT))
        release(event, self.bob)
        self.peel(event, ({}, Reason.NO_AUTO_HOLD), ({"auto_hold": True}, Reason.COOLDOWN))
        TicketHold.objects.filter(event=event).update(ended_at=ago(minutes=31))
        self.peel(event, ({}, Reason.LIMIT_REACHED), ({"created_at": later(seconds=1)}, Reason.AVAILABLE))

    def test_of_several_things_that_ended_the_last_one_is_told(self):
        event = make_event()
        for _ in range(3):
            join(event, self.alice)
            release(event, self.alice)
        self.assertEqual(self.ask(event)["reason"], Reason.RELEASED)
        ticket = book(event, self.alice)
        allocation.cancel_ticket(ticket_id=ticket.pk)
        self.assertEqual(self.ask(event)["reason"], Reason.CANCELLED_TICKET)
        join(event, self.alice)
        lapse(TicketHold.objects.all())
        before = self.told(event)
        self.assertEqual(before[0], Reason.HOLD_LAPSED)
        allocation.serve(event.pk)  # swept: the same moment, the same words
        self.assertEqual(self.told(event), before)

    def test_an_event_that_opened_after_the_login_was_not_beyond_its_limit(self):
        make_event(starts_at=later(hours=1))
        event = make_event(sales_open_at=ago(hours=1))
        self.client = log_in(self.alice)
        singular = "At your login 1 ticket of another event was held for you automatically, the most at a time."
        self.assertEqual(self.told(event), (Reason.LIMIT_REACHED, singular))
        Event.objects.filter(pk=event.pk).update(sales_open_at=ago(microseconds=1))
        self.assertEqual(self.ask(event)["reason"], Reason.AVAILABLE)

    def test_a_place_that_ended_as_a_ticket_tells_nothing_of_its_own(self):
        ended = {"held_at": later(), "expires_at": later(minutes=5), "ended_at": later(seconds=1)}
        event = make_event()
        TicketHold.objects.create(event=event, user=self.alice, status="booked", **ended)
        self.assertEqual(self.ask(event)["reason"], Reason.AVAILABLE)

    def test_what_another_login_holds_counts_for_the_limit_and_what_it_no_longer_held_does_not(self):
        long_ago = {"created_at": ago(hours=1), "starts_at": later(days=9)}
        first = make_event()
        log_in(self.alice)
        self.client = log_in(self.alice)
        self.assertEqual(self.ask(make_event(**long_ago))["reason"], Reason.LIMIT_REACHED)
        release(first, self.alice)
        Event.objects.exclude(pk=first.pk).update(auto_hold=False)
        join(make_event(auto_hold=False), self.alice)  # by hand
        self.client = log_in(self.alice)
        self.assertEqual(self.ask(make_event(**long_ago))["reason"], Reason.AVAILABLE)

    @override_settings(AUTO_HOLDS_PER_LOGIN=0)
    def test_where_no_login_is_held_anything_no_limit_is_spoken_of(self):
        self.assertEqual(self.ask(make_event())["reason"], Reason.NO_AUTO_HOLD)


@override_settings(TIERS=["members", "patrons"])
class TierTests(ReasonsTestCase):
    def test_once_the_share_is_used_up_nobody_is_before_for_their_tier(self):
        event = make_tiered(capacity=2)
        for person in (make_member("used"), self.bob, make_member("mia"), self.alice):
            join(event, person)
        self.assertEqual(self.told(event), (Reason.WAITING_BEHIND, f"1 person ahead of you: {FIRST}"))

    def test_who_is_served_while_the_line_is_read_keeps_what_was_known_of_them(self):
        event = make_tiered(capacity=0)
        join(event, self.alice), join(event, self.bob)
        place = TicketHold.objects.with_ahead().get(user=self.alice)
        release(event, self.alice)
        position.set_ahead([place])
        self.assertEqual((place.ahead, place.served_first), (0, None))

    def test_where_nobody_of_the_tier_waits_it_is_no_reason(self):
        event = make_tiered(capacity=4)
        for person in (*make_people(4), self.bob, self.alice):
            join(event, person)
        self.assertEqual(self.told(event), (Reason.WAITING_BEHIND, f"1 person ahead of you: {FIRST}"))

    def test_ones_own_tier_is_no_reason_and_a_higher_one_is(self):
        event = make_event(tier_shares={"members": 20, "patrons": 40}, capacity=10)
        for person in make_people(10):
            join(event, person)
        for n in range(2):
            join(event, make_member(f"member{n}"))
        self.alice.groups.add(Group.objects.get(name="members"))
        join(event, self.alice)  # the third, of two
        self.assertEqual(self.told(event), (Reason.WAITING_BEHIND, f"2 people ahead of you: {FIRST}"))
        pat = make_person("pat")
        pat.groups.add(Group.objects.create(name="patrons"))
        join(event, pat)
        sentence = "3 people ahead of you: patrons are served first, for up to 4 tickets."
        self.assertEqual(self.told(event), (Reason.TIER_FIRST, sentence))
