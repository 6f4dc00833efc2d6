"""What staff do to a line while it sells: pause it, go on, give holders more time; what was promised stays."""

import datetime as dt
import math
from typing import Any

from core import allocation, clock, context, position, steering
from core.models import Event, TicketHold, User
from core.numbers import Stats, stats, with_line
from core.refusals import TermsFrozen

from .books import BookCase, about, deeds, kinds, length
from .cast import ago, arrive, book, holders, join, later, make_event, numbers, refusal, release, revise, statuses


def pause(event: Event) -> None:
    steering.pause(event_id=event.pk, reason="The bank is down")


def resume(event: Event) -> None:
    steering.resume(event_id=event.pk, reason="The bank is back")


def extend(event: Event, minutes: float) -> int | None:
    return steering.extend_holds(event_id=event.pk, minutes=minutes, reason="An outage")


def log_in(user: User, at: dt.datetime | None = None) -> None:
    allocation.hold_for_login(user=user, session=arrive(user, at))


def stats_of(event: Event, at: dt.datetime) -> Stats:
    return stats(with_line(Event.objects.all(), at).get(pk=event.pk), at)


class PausedTests(BookCase):
    """While paused nobody is given a place, by whatever way; what people have they keep."""

    def paused(self, **fields: Any) -> Event:
        event = make_event(**fields)
        pause(event)
        return event

    def assert_gives_nothing(self, event: Event, before: list[tuple[str, str]]) -> None:
        """Neither a serve nor the clock gives anybody a place."""
        allocation.serve(event.pk)
        self.assertEqual((clock.tick(), statuses(event)), (0, before))

    def test_a_login_is_held_nothing(self):
        event, other = self.paused(starts_at=later(days=1)), make_event()
        with self.settings(AUTO_HOLDS_PER_LOGIN=1):
            log_in(self.alice)
        self.assertEqual((statuses(event), statuses(other)), ([], [("alice", "held")]))

    def test_nobody_books_directly(self):
        event = self.paused()
        self.assertEqual(refusal(lambda: book(event, self.alice)), ("not_on_sale", True))
        join(event, self.alice)
        self.assertEqual(refusal(lambda: book(event, self.alice)), ("not_on_sale", False))
        self.assertEqual(numbers(event), {"held": 0, "booked": 0, "waiting": 1})

    def test_joining_works_and_waits(self):
        event = self.paused()
        places = [join(event, person) for person in (self.alice, self.bob)]
        self.assertEqual([(place.status, place.ahead) for place in places], [("waiting", 0), ("waiting", 1)])
        self.assert_gives_nothing(event, [("alice", "waiting"), ("bob", "waiting")])

    def test_a_place_that_becomes_free_stays_free(self):
        event = make_event(capacity=3)
        for person in (self.alice, self.olga):
            log_in(person)
        ticket = book(event, self.greta)
        join(event, self.bob)
        pause(event)
        before = [(name, "waiting" if name == "bob" else "released") for name, _ in statuses(event)]
        for place in TicketHold.objects.filter(status="held"):
            release(event, place.user)
        allocation.cancel_ticket(ticket_id=ticket.pk)
        revise(event, capacity=9)
        self.assert_gives_nothing(event, before)
        self.assertEqual(numbers(event), {"held": 0, "booked": 0, "waiting": 1})

    def test_whoever_holds_can_book_release_and_join_again_behind_the_others(self):
        event = make_event(capacity=2)
        for person in (self.alice, self.bob, self.greta):
            join(event, person, arrive(person, ago(minutes=5)))
        pause(event)
        self.clock.move(seconds=1)
        book(event, self.alice)
        release(event, self.bob)
        self.assertEqual(join(event, self.bob).ahead, 1)
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 2})
        resume(event)
        self.assertEqual(holders(event), ["greta"])

    def test_a_hold_lapses_all_the_same_and_its_place_waits(self):
        event = make_event(capacity=1)
        for person in (self.alice, self.bob):
            join(event, person)
        pause(event)
        self.clock.move(minutes=10)
        clock.tick()
        self.assertEqual(refusal(lambda: book(event, self.alice)), ("not_on_sale", True))
        self.assert_gives_nothing(event, [("alice", "expired"), ("bob", "waiting")])

    def test_the_opening_puts_people_in_line_and_gives_nothing(self):
        for policy in ("login_fifo", "randomised_open"):
            event = self.paused(sales_open_at=later(hours=1), line_policy=policy)
            for person in (self.alice, self.bob):
                arrive(person, later(minutes=50))
            self.clock.move(hours=1)
            clock.tick()
            with self.subTest(policy=policy):
                self.assert_gives_nothing(event, [("alice", "waiting"), ("bob", "waiting")])
                self.assertEqual((kinds(event).count("opening"), kinds(event).count("hold")), (1, 0))
                resume(event)
                self.assertEqual(numbers(event), {"held": 2, "booked": 0, "waiting": 0})

    def test_the_line_ends_when_the_event_starts_or_is_cancelled(self):
        for change in ({"starts_at": ago(minutes=1)}, {"status": "cancelled"}):
            event = self.paused()
            join(event, self.alice)
            revise(event, **change)
            with self.subTest(**change):
                self.assertEqual(statuses(event), [("alice", "left")])

    def test_other_events_go_on(self):
        paused, other = self.paused(), make_event(capacity=1)
        for event in (paused, other):
            join(event, self.alice)
            join(event, self.bob)
        release(other, self.alice)
        self.assertEqual((holders(paused), holders(other)), ([], ["bob"]))


class ResumedTests(BookCase):
    def test_the_line_goes_on_in_its_order_and_earlier_logins_have_come_in_before(self):
        event = make_event(capacity=2)
        pause(event)
        for person, minutes in ((self.alice, 1), (self.bob, 3), (self.greta, 2)):
            join(event, person, arrive(person, ago(minutes=minutes)))
        resume(event)
        self.assertEqual((holders(event), numbers(event)["waiting"]), (["bob", "greta"], 1))

    def test_pausing_and_resuming_again_changes_nothing(self):
        event = make_event()
        seen = []
        for act in (pause, pause, resume, resume):
            act(event)
            self.clock.move(minutes=1)
            row = Event.objects.get()
            seen.append((row.paused_at, row.pause_reason, row.version, row.ledger_seq))
        paused = (ago(minutes=4), "The bank is down", 1, 2)
        self.assertEqual(seen, [paused, paused, (None, "", 2, 3), (None, "", 2, 3)])

    def test_resumed_after_the_close_nobody_is_served(self):
        event = make_event(sales_close_at=later(minutes=1))
        pause(event)
        join(event, self.alice)
        self.clock.move(minutes=1)
        resume(event)
        self.assertEqual(statuses(event), [("alice", "waiting")])


class ExtensionTests(BookCase):
    def test_every_live_hold_of_the_event_lasts_longer_and_nothing_else(self):
        event, other = make_event(capacity=3), make_event(capacity=1)
        for person in (self.alice, self.olga, self.bob, self.greta):
            join(event, person)
            self.clock.move(minutes=1)
        book(event, self.olga)
        join(other, self.alice)
        until: dict[int, Any] = dict(TicketHold.objects.values_list("pk", "expires_at"))
        self.assertEqual(extend(event, 2.5), 2)
        for place in event.places.filter(status="held"):
            until[place.pk] += dt.timedelta(minutes=2.5)
        self.assertEqual(dict(TicketHold.objects.values_list("pk", "expires_at")), until)
        self.assertEqual(numbers(event), {"held": 2, "booked": 1, "waiting": 1})

    def test_a_hold_can_be_booked_until_its_new_time_and_ends_by_it(self):
        event, other = make_event(capacity=1), make_event(capacity=1)
        place, _ = join(event, self.alice), join(event, self.bob)
        join(other, self.alice)
        extend(other, 5)
        extend(event, 5)
        self.clock.move(minutes=15, microseconds=-1)
        self.assertEqual((clock.tick(), holders(event)), (0, ["alice"]))
        book(other, self.alice)
        self.clock.move(microseconds=1)
        clock.tick()
        self.assertEqual(statuses(event), [("alice", "expired"), ("bob", "held")])
        self.assertEqual(deeds(event)[-2], about("expiry", place))

    def test_holds_that_had_lapsed_stay_lapsed_even_if_nothing_had_noticed(self):
        event = make_event(capacity=2)
        join(event, self.alice)
        self.clock.move(minutes=10)
        join(event, self.bob)
        self.assertEqual((extend(event, 60), statuses(event)), (1, [("alice", "expired"), ("bob", "held")]))

    def test_a_hold_that_is_placed_later_lasts_as_long_as_ever(self):
        event = make_event(capacity=2)
        join(event, self.alice)
        extend(event, 60)
        self.assertEqual(join(event, self.bob).expires_at, later(minutes=10))

    def test_two_extensions_add_up_and_the_order_of_the_line_stays(self):
        event = make_event(capacity=1)
        for person in (self.alice, self.bob, self.greta):
            join(event, person, arrive(person, ago(minutes=1)))
        line = position.positions([event.pk])
        extend(event, 0.001)
        extend(event, 24 * 60)
        until = TicketHold.objects.values_list("expires_at", flat=True).get(status="held")
        self.assertEqual(until, later(minutes=10 + 24 * 60, milliseconds=60))
        self.assertEqual(position.positions([event.pk]), line)
        self.assertEqual([entry["minutes"] for entry in deeds(event)[-2:]], [0.001, 1440.0])

    def test_without_a_hold_it_is_entered_and_changes_nothing(self):
        event = make_event(capacity=0)
        join(event, self.alice)
        self.assertEqual((extend(event, 5), kinds(event)), (0, ["terms", "join", "extension"]))

    def test_a_length_that_is_none_is_refused_and_not_entered(self):
        event = make_event()
        join(event, self.alice)
        before = TicketHold.objects.values().get(), length(event)
        for minutes in (0, -1, 24 * 60 + 0.001, math.nan, math.inf, -math.inf):
            with self.subTest(minutes=minutes), self.assertRaises(ValueError):
                extend(event, minutes)
        self.assertEqual((TicketHold.objects.values().get(), length(event)), before)


class FrozenTests(BookCase):
    def test_the_terms_of_a_line_are_frozen_once_the_sale_is_open_or_anything_is_held_or_booked(self):
        soon = {"sales_open_at": later(hours=1)}
        frozen = make_event(), make_event(**soon), make_event(), make_event(**soon)
        for event in frozen[1:3]:
            revise(event, sales_open_at=None)
            book(event, self.alice)
        revise(frozen[2], **soon)  # its sale is yet to open, again, and alice has a ticket
        revise(frozen[3], sales_open_at=ago(minutes=1))
        for number, event in enumerate(frozen):
            for terms in ({"line_policy": "randomised_open"}, {"tier_shares": {"members": 10}}):
                with self.subTest(event=number, **terms), self.assertRaises(TermsFrozen):
                    revise(event, name="Other", **terms)
        self.assertEqual({event.name for event in Event.objects.all()}, {"Concert"})

    def test_until_then_and_on_a_draft_they_can_be_changed(self):
        terms = {"line_policy": "randomised_open", "tier_shares": {"members": 10}}
        events = make_event(sales_open_at=later(hours=1)), make_event(status="draft")
        join(events[0], self.alice)
        for event in events:
            revise(event, **terms)
        self.assertEqual(list(Event.objects.values(*terms)), [terms, terms])

    def test_the_same_terms_again_are_no_change(self):
        event = make_event()
        book(event, self.alice)
        revise(event, name="Other", line_policy="login_fifo", tier_shares={})
        self.assertEqual(Event.objects.get().name, "Other")


class ShownTests(BookCase):
    def test_the_numbers_say_paused_only_while_it_is(self):
        event, seen = make_event(), []
        for act in (pause, resume):
            seen.append(stats_of(event, self.clock.at).get("paused", "absent"))
            act(event)
            seen.append(stats_of(event, self.clock.at).get("paused", "absent"))
        self.assertEqual(seen, ["absent", True, True, "absent"])

    def badge(self, event: Event, user: User) -> tuple[str, bool, bool]:
        """Return the badge that a person sees, and whether they can book, and join."""
        row, mine = Event.objects.get(pk=event.pk), position.places_of(user, self.clock.at)
        card = context.event_card(row, stats_of(event, self.clock.at), mine, self.clock.at)
        return card.badge, card.can_book, card.can_join

    def test_the_badge_says_paused_to_whoever_has_nothing_there_while_it_would_be_on_sale(self):
        event = make_event(capacity=2, sales_close_at=later(minutes=5))
        book(event, self.greta)
        join(event, self.alice)
        pause(event)
        join(event, self.bob)
        people = (self.greta, self.alice, self.bob, self.olga)
        seen = [self.badge(event, person) for person in people]
        self.assertEqual(
            seen,
            [("booked", False, False), ("held", True, False), ("waiting", False, False), ("paused", False, True)],
        )
        self.clock.move(minutes=5)
        self.assertEqual(self.badge(event, self.olga), ("closed", False, False))
        resume(event)
        revise(event, sales_close_at=None)
        self.assertEqual(self.badge(event, self.olga), ("line", False, True))
