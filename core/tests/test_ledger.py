"""What is entered in the ledger, entry by entry (docs/ledger-format.md)."""

from collections.abc import Callable, Iterable
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

from core import accounts, allocation, clock, steering, tiers
from core.models import Cause, Event, Ticket, TicketHold, User
from core.refusals import SoldOut
from core.serving import JUST_BEFORE, Serving

from .books import BookCase, Entry, about, as_text, deeds, kinds, length, of_ticket, terms_of, who
from .cast import ago, arrive, book, join, later, ledger_of, make_event, make_people, release, revise, statuses


def log_in(user: User) -> None:
    allocation.hold_for_login(user=user, session=arrive(user))


def joined(*people: User, **fields: Any) -> tuple[Event, list[TicketHold]]:
    """Store an event of one place that these people joined, all of them linked: the first holds, the others wait."""
    event = make_event(**{"capacity": 1} | fields)
    places = [join(event, person) for person in people]
    allocation.serve(event.pk)
    return event, places


class PlaceEntryTests(BookCase):
    def entered(self, event: Event, act: Callable[[], object], expected: Callable[[], Iterable[Entry]]) -> None:
        """Do something; exactly what is expected, computed after it, must have been entered by it."""
        before = length(event)
        act()
        self.assertEqual(deeds(event, before), list(expected()))

    def test_a_place_is_entered_with_the_terms_before_it_and_its_hold_after_it(self):
        event = make_event(hold_minutes=5)
        place = join(event, self.alice, arrive(self.alice, ago(minutes=3)))
        at, person = as_text(self.clock.at), {"place": place.pk, "person": who(event, self.alice.pk)}
        rank = {"rank": as_text(ago(minutes=3)), "tier": 0, "joined_at": as_text(self.clock.at - JUST_BEFORE)}
        windows = {"opens": None, "closes": None, "starts": as_text(event.starts_at)}
        promised = {"status": "published", "capacity": 2, "policy": "login_fifo", "tiers": [], "commitment": None}
        promised["hold_minutes"] = 5.0
        expected = [
            {"seq": 1, "at": at, "kind": "terms", **promised, **windows, "booked": 0},
            {"seq": 2, "at": at, "kind": "join", **person, **rank},
            {"seq": 3, "at": at, "kind": "hold", **person, "until": as_text(later(minutes=5))},
        ]
        self.assertEqual(ledger_of(event), expected)

    def test_an_automatic_hold_is_entered_as_joining_and_hold_in_the_ledger_of_each_event(self):
        events = [make_event(), make_event(capacity=5), joined(self.bob, hold_minutes=1)[0]]
        before = [length(event) for event in events]
        self.clock.move(minutes=2)  # bob's hold lapses: of three events two change alike, and one otherwise
        log_in(self.alice)
        self.assertEqual(before, [0, 0, 3])
        places = TicketHold.objects.filter(user=self.alice).order_by("event")
        held = [[about("join", place, rank=self.clock.at), about("hold", place)] for place in places]
        lapsed = about("expiry", TicketHold.objects.get(user=self.bob))
        fresh = [terms_of(event, booked=0) for event in events]
        self.assertEqual(
            [deeds(event, at) for event, at in zip(events, before, strict=True)],
            [[fresh[0], *held[0]], [fresh[1], *held[1]], [lapsed, *held[2]]],
        )
        self.assertEqual({entry["at"] for entry in ledger_of(events[2])[3:]}, {as_text(self.clock.at)})

    def test_a_lapse_is_entered_before_the_hold_of_the_next(self):
        event, (alice, bob) = joined(self.alice, self.bob)
        self.clock.move(minutes=10)
        self.entered(event, clock.tick, lambda: [about("expiry", alice), about("hold", bob)])

    def test_releasing_and_leaving_are_entered_with_their_cause(self):
        event, (alice, bob, greta) = joined(self.alice, self.bob, self.greta)
        self.entered(event, lambda: release(event, self.bob), lambda: [about("leave", bob, cause="released")])
        ended = about("release", alice, cause="released")
        self.entered(event, lambda: release(event, self.alice), lambda: [ended, about("hold", greta)])
        self.entered(event, lambda: release(event, self.alice), list)

    def test_every_other_end_of_a_place_is_entered_with_its_cause_and_the_reason_if_there_is_one(self):
        for cause, reason in ((Cause.LOGGED_OUT, {}), (Cause.ABSENT, {}), (Cause.REMOVED_BY_STAFF, {"reason": "Bots"})):
            event, (alice, bob) = joined(self.alice, self.bob)
            places, why = TicketHold.objects.filter(event=event), {"cause": cause.value, **reason}
            with self.subTest(cause=cause):
                self.entered(
                    event,
                    lambda: allocation.end_places(places, cause=cause, **reason),  # noqa: B023 -- called at once
                    lambda: [about("release", alice, **why), about("leave", bob, **why)],  # noqa: B023 -- as above
                )

    def test_deactivating_is_entered_for_what_was_held_and_what_waited(self):
        held, (place,) = joined(self.alice)
        waited, (_, waiting) = joined(self.bob, self.alice)
        before, self.alice.is_active = [length(held), length(waited)], False
        self.alice.save()
        self.assertEqual(deeds(held, before[0]), [about("release", place, cause="deactivated")])
        self.assertEqual(deeds(waited, before[1]), [about("leave", waiting, cause="deactivated")])

    def test_erasing_an_account_is_entered_as_that(self):
        event, (place,) = joined(self.alice)
        expected = about("release", place, cause="erased")
        self.entered(event, lambda: accounts.erase_account(self.alice), lambda: [expected])

    def test_a_ticket_from_a_hold_is_entered_as_a_booking_that_ends_the_hold(self):
        event, (alice, bob) = joined(self.alice, self.bob)
        book(event, self.alice)
        self.assertEqual(deeds(event, 4), [of_ticket("booking", Ticket.objects.get(), place=alice.pk)])
        self.entered(event, lambda: book(event, self.alice), list)
        self.assertEqual(statuses(event), [("alice", "booked"), ("bob", "waiting")])
        self.assertEqual(TicketHold.objects.get(pk=bob.pk).is_linked, True)

    def test_a_ticket_booked_directly_is_entered_without_a_place(self):
        event = make_event()
        ticket = book(event, self.alice)
        self.assertEqual(deeds(event), [terms_of(event, booked=0), of_ticket("booking", ticket, place=None)])

    def test_whoever_books_while_they_join_in_another_tab_leaves_the_line_first(self):
        event = make_event()

        def in_another_tab(serving: Serving) -> None:
            serve(serving)
            TicketHold.objects.create(event=event, user=self.alice, login_timestamp=self.clock.at)

        serve = Serving.bring_up_to_date
        with mock.patch.object(Serving, "bring_up_to_date", in_another_tab):
            ticket = book(event, self.alice)
        place = TicketHold.objects.get()
        left = about("leave", place, cause="booked_elsewhere")
        self.assertEqual(deeds(event)[1:], [about("join", place), left, of_ticket("booking", ticket, place=None)])

    def test_cancelling_a_ticket_is_entered_before_the_hold_of_the_next(self):
        event, (_, bob, greta) = joined(self.alice, self.bob, self.greta)
        ticket = book(event, self.alice)
        by_owner = {"cause": "cancelled_by_owner"}
        self.entered(
            event,
            lambda: allocation.cancel_ticket(ticket_id=ticket.pk),
            lambda: [of_ticket("cancellation", ticket, **by_owner), about("hold", bob)],
        )
        second, by_staff = book(event, self.bob), {"cause": "cancelled_by_staff", "reason": "Sold twice"}
        self.entered(
            event,
            lambda: allocation.cancel_ticket(ticket_id=second.pk, cause=Cause(by_staff["cause"]), reason="Sold twice"),
            lambda: [of_ticket("cancellation", second, **by_staff), about("hold", greta)],
        )
        self.entered(event, lambda: allocation.cancel_ticket(ticket_id=ticket.pk), list)

    def test_who_waits_when_the_event_starts_leaves_and_who_holds_does_not(self):
        event, (_, bob) = joined(self.alice, self.bob, starts_at=later(minutes=5))
        self.clock.move(minutes=5)
        self.entered(event, clock.tick, lambda: [about("leave", bob, cause="event_over")])


class LinkingTests(BookCase):
    def test_joining_what_is_sold_out_locks_nothing_and_enters_nothing(self):
        event, _ = joined(self.alice)
        with mock.patch.object(allocation, "locked", side_effect=AssertionError("a lock was taken")):
            place = join(event, self.bob)
        self.assertEqual((place.status, place.is_linked, kinds(event, 3)), ("waiting", False, []))
        self.clock.move(seconds=1)
        self.assertEqual((clock.tick(), clock.tick()), (1, 0))
        linked = {"seq": 4, "at": as_text(self.clock.at), **about("join", place, joined_at=ago(seconds=1))}
        self.assertEqual(ledger_of(event)[3:], [linked])

    def test_whoever_serves_next_links_all_who_joined_in_the_order_of_their_rows(self):
        event, _ = joined(self.alice)
        logins = [arrive(person, ago(minutes=n)) for n, person in enumerate(make_people(3))]
        places = [join(event, login.user, login) for login in logins]
        release(event, self.alice)
        self.assertEqual(deeds(event, 3)[:3], [about("join", place) for place in places])
        self.assertEqual(deeds(event, 3)[4:], [about("hold", places[2])])

    def late(self, **fields: Any) -> Any:
        """Let bob's joining commit between the linking of all others and the choice of the first in line."""

        def first_in_line(*args: Any) -> list[TicketHold]:
            TicketHold.objects.get_or_create(event=args[0], user=self.bob, defaults=fields)
            return first(*args)

        first = tiers.first_in_line
        return mock.patch.object(tiers, "first_in_line", first_in_line)

    def test_a_row_that_commits_after_the_linking_is_linked_before_it_is_held(self):
        event = make_event(capacity=0)
        alice = join(event, self.alice)
        with self.late(login_timestamp=ago(minutes=1)):
            revise(event, capacity=2)
        bob = TicketHold.objects.get(user=self.bob)
        self.assertEqual(
            deeds(event)[1:],
            [
                about("join", alice),
                terms_of(event, cause="capacity_raised"),
                about("join", bob),
                about("hold", bob),
                about("hold", alice),
            ],
        )
        self.assertEqual((bob.status, bob.is_linked), ("held", True))

    def test_a_row_that_commits_after_the_linking_and_is_not_held_is_linked_by_the_next(self):
        event = make_event(capacity=0)
        join(event, self.alice)
        with self.late(login_timestamp=later(minutes=1)):
            revise(event, capacity=1)
        self.assertEqual(kinds(event), ["terms", "join", "terms", "hold"])
        self.assertEqual((clock.tick(), deeds(event, 4)), (1, [about("join", TicketHold.objects.get(user=self.bob))]))

    def test_a_refusal_keeps_what_was_brought_up_to_date(self):
        event, (alice, bob) = joined(self.alice, self.bob)
        self.clock.move(minutes=10)
        with self.assertRaises(SoldOut):
            book(event, self.greta)
        self.assertEqual(deeds(event, 4), [about("expiry", alice), about("hold", bob)])


class EventEntryTests(BookCase):
    def test_more_capacity_is_entered_before_the_holds_that_it_gives(self):
        event, (_, bob) = joined(self.alice, self.bob)
        revise(event, capacity=2, name="Other")
        self.assertEqual(deeds(event, 4), [terms_of(event, cause="capacity_raised"), about("hold", bob)])

    def test_an_extended_sale_is_entered_before_the_holds_that_it_gives(self):
        for closes in (later(days=1), None):
            event, (alice, bob) = joined(self.alice, self.bob, sales_close_at=later(minutes=5))
            self.clock.move(minutes=10)
            clock.tick()
            before = length(event)
            revise(event, sales_close_at=closes)
            with self.subTest(closes=closes):
                self.assertEqual(deeds(event, 4)[: before - 4], [about("expiry", alice)])
                self.assertEqual(deeds(event, before), [terms_of(event, cause="sale_extended"), about("hold", bob)])

    def test_cancelling_the_event_is_entered_before_the_ends_of_its_places(self):
        event, (_, bob, greta) = joined(self.alice, self.bob, self.greta, capacity=2)
        book(event, self.alice)
        before, why = length(event), {"cause": "event_cancelled"}
        revise(event, status="cancelled")
        ends = [about("leave", greta, **why), about("release", bob, **why)]
        self.assertEqual(deeds(event, before), [terms_of(event), *ends])

    def test_what_staff_change_about_the_terms_is_entered_even_when_it_moves_nobody(self):
        moments, numbers = {"sales_close_at": later(days=1), "starts_at": later(days=8)}, {"capacity": 1}
        for name, value in {**moments, **numbers, "status": "cancelled"}.items():
            change = {name: value}
            event = make_event()
            book(event, self.alice)
            revise(event, **change)
            with self.subTest(**change):
                self.assertEqual(deeds(event, 2), [terms_of(event)])

    def test_details_that_promise_nothing_are_not_entered(self):
        event, _ = joined(self.alice)
        revise(event, name="Other", venue="Elsewhere", auto_hold=False)
        release(event, self.alice)
        self.assertEqual(kinds(event), ["terms", "join", "hold", "release"])

    def test_the_same_moment_told_in_another_time_zone_is_no_change(self):
        closes = later(days=1)
        event, _ = joined(self.alice, self.bob, sales_close_at=closes)
        revise(event, sales_close_at=closes.astimezone(ZoneInfo("Asia/Tokyo")), capacity=2)  # as a form has it
        release(event, self.bob)
        self.assertEqual(kinds(event, 4), ["terms", "hold", "release"])

    def test_the_opening_is_entered_before_the_first_hold(self):
        event = make_event(capacity=1, sales_open_at=later(hours=1))
        place = join(event, self.alice, arrive(self.alice))
        arrive(self.bob, later(minutes=1), last_seen_at=later(minutes=59))
        self.clock.move(hours=1)
        clock.tick()
        late = TicketHold.objects.get(user=self.bob)
        expected = [terms_of(event, booked=0), about("join", place), about("join", late, joined_at=self.clock.at)]
        self.assertEqual(deeds(event), [*expected, {"kind": "opening"}, about("hold", place)])

    def test_pausing_extending_and_resuming_are_entered_with_their_reason(self):
        event, (alice, bob) = joined(self.alice, self.bob)
        steering.pause(event_id=event.pk, reason="The bank is down")
        steering.pause(event_id=event.pk, reason="Still")
        steering.extend_holds(event_id=event.pk, minutes=2.5, reason="So that they can pay")
        release(event, self.alice)
        steering.resume(event_id=event.pk, reason="The bank is back")
        steering.resume(event_id=event.pk, reason="Again")
        self.assertEqual(
            deeds(event, 4),
            [
                {"kind": "pause", "reason": "The bank is down"},
                {"kind": "extension", "minutes": 2.5, "reason": "So that they can pay"},
                about("release", alice, cause="released"),
                {"kind": "resume", "reason": "The bank is back"},
                about("hold", bob),
            ],
        )
