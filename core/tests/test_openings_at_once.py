"""Openings that come with something else: with a login, with another opening, with a change of the event (rule 11)."""

from functools import partial
from unittest.mock import patch

from django.db import OperationalError
from django.db.models import F

from core import allocation, clock, locking, position, steering
from core.models import Event, TicketHold, User, UserSession
from core.now import now

from .books import BookCase, kinds
from .cast import (
    ago,
    arrive,
    holders,
    join,
    later,
    ledger_problems,
    make_event,
    numbers,
    refusal,
    release,
    revise,
    statuses,
)
from .test_crossing_requests import crossing


class LoginTests(BookCase):
    def second_device(self, *events: Event) -> None:
        """Let alice log in on a second device just after the opening of events, before any clock noticed it."""
        arrive(self.alice)
        self.clock.move(minutes=10, milliseconds=200)
        allocation.hold_for_login(user=self.alice, session=arrive(self.alice))

    def opens_soon(self, capacity: int) -> Event:
        return make_event(capacity=capacity, sales_open_at=later(minutes=10), starts_at=later(days=2))

    def test_what_opens_with_a_login_on_several_events_is_entered_and_counted_once(self):
        for capacity in (1, 5):
            with self.subTest(capacity=capacity):
                opening, other = self.opens_soon(capacity), make_event(capacity=5, starts_at=later(days=3))
                self.second_device(opening, other)
                self.assertEqual(numbers(opening), {"held": 1, "booked": 0, "waiting": 0})
                self.assertEqual(kinds(opening), ["terms", "join", "opening", "hold"])
                self.assertEqual(statuses(other), [("alice", "held")])
                self.clock.move(minutes=11)
                clock.tick()
                self.assertEqual(numbers(opening), {"held": 0, "booked": 0, "waiting": 0})
                UserSession.objects.all().delete()

    def test_two_sales_that_open_with_one_login_each_have_their_own(self):
        events = [self.opens_soon(capacity=5) for _ in range(2)]
        arrive(self.bob)
        self.second_device(*events)
        for event in events:
            self.assertEqual(kinds(event), ["terms", "join", "join", "opening", "hold", "hold"])


class RevisionTests(BookCase):
    def stale_and_present(self) -> tuple[User, User]:
        """Return somebody who logged in ten hours ago and was not seen since, and somebody who is there."""
        gone = arrive(self.alice, ago(hours=10))
        UserSession.objects.filter(pk=gone.pk).update(last_seen_at=F("login_timestamp"))
        arrive(self.bob, ago(minutes=2))
        return self.alice, self.bob

    def test_a_draft_that_is_published_after_its_moment_opens_for_those_who_are_there_then(self):
        event = make_event(capacity=1, status="draft", sales_open_at=ago(hours=10))
        self.stale_and_present()
        revise(event, status="published")
        self.assertEqual(statuses(event), [("bob", "held")])
        self.assertEqual(Event.objects.get().sales_open_at, now())

    def test_an_opening_that_is_moved_to_a_moment_in_the_past_is_now(self):
        event = make_event(capacity=1, sales_open_at=later(days=1))
        self.stale_and_present()
        revise(event, sales_open_at=ago(hours=10))
        self.assertEqual(statuses(event), [("bob", "held")])
        self.assertEqual(Event.objects.get().sales_open_at, now())

    def test_a_moment_that_is_taken_away_from_what_becomes_a_draft_is_gone(self):
        event = make_event(capacity=1, sales_open_at=later(days=1))
        revise(event, status="draft", sales_open_at=None)
        self.assertEqual(Event.objects.get().sales_open_at, None)

    def test_an_announced_opening_cannot_be_closed_away(self):
        event = make_event(capacity=1, sales_open_at=later(hours=1), line_policy="randomised_open", auto_hold=False)
        join(event, self.alice)
        for opens in (None, ago(minutes=5)):
            values = {"sales_open_at": opens, "sales_close_at": ago(minutes=1)}
            with self.subTest(opens=opens):
                refused = refusal(partial(steering.revise_event, event_id=event.pk, values=values))
                self.assertEqual(refused, ("opening_skipped", False))
        revise(event, status="cancelled", sales_open_at=None, sales_close_at=ago(minutes=1))
        self.assertEqual(statuses(event), [("alice", "left")])

    def test_a_draft_whose_moment_has_passed_is_still_to_open(self):
        event = make_event(status="draft", sales_open_at=ago(hours=1))
        self.assertEqual((event.opened_at, event.is_to_open), (None, True))


class LateRowTests(BookCase):
    """Rows of another tab that are stored while somebody has the lock, or ranked by what is spent by now."""

    def late_row(self, event: Event, person: User, minutes: int) -> None:
        TicketHold.objects.create(event=event, user=person, login_timestamp=ago(minutes=minutes))

    def test_a_row_with_a_spent_rank_is_ranked_by_its_end_before_anybody_is_served(self):
        event = make_event(capacity=1, auto_hold=False)
        join(event, self.alice)
        join(event, self.bob, arrive(self.bob, ago(minutes=1)))
        release(event, self.alice)  # bob holds
        join(event, self.greta, arrive(self.greta, ago(minutes=2)))
        self.late_row(event, self.alice, minutes=5)
        release(event, self.bob)
        self.assertEqual(holders(event), ["greta"])

    def test_a_row_that_comes_while_the_line_is_served_is_ranked_first(self):
        event = make_event(capacity=1, auto_hold=False)
        join(event, self.alice)
        release(event, self.alice)
        self.late_row(event, self.bob, minutes=1)
        with crossing(
            "UNION ALL", lambda: self.late_row(event, self.alice, minutes=5), after=True
        ):  # bob is being linked
            allocation.serve(event.pk)
        self.assertEqual(holders(event), ["bob"])

    def test_a_row_that_comes_before_its_release_is_entered_with_the_rank_it_has(self):
        event = make_event(capacity=1, auto_hold=False)
        join(event, self.alice)
        release(event, self.alice)
        join(event, self.bob)
        with crossing("UNION", lambda: self.late_row(event, self.alice, minutes=5), after=True):
            release(event, self.alice)
        self.assertEqual(ledger_problems(event), [])


def busy() -> OperationalError:
    """Return what a lock that was waited for too long raises (the words and the number are PostgreSQL's)."""
    error = OperationalError("canceling statement due to lock timeout")
    error.__cause__ = Exception()
    vars(error.__cause__)["sqlstate"] = locking.LOCK_NOT_AVAILABLE
    return error


class PressureTests(BookCase):
    def test_a_join_is_refused_when_the_lock_cannot_be_had_and_a_hold_of_theirs_is_to_be_ended_first(self):
        event = make_event(capacity=1, auto_hold=False)
        join(event, self.alice)
        TicketHold.objects.update(expires_at=self.clock.at)
        with patch.object(allocation, "locked", side_effect=busy()), self.assertRaises(OperationalError):
            join(event, self.alice)

    def test_a_join_stands_when_the_lock_cannot_be_had(self):
        event = make_event(capacity=1, auto_hold=False)
        with patch.object(allocation, "locked", side_effect=busy()) as lock:
            place = join(event, self.alice)
        self.assertEqual((place.status, place.ahead, lock.call_count), ("waiting", 0, 1))
        clock.tick()
        self.assertEqual(holders(event), ["alice"])


class WaitTests(BookCase):
    def test_no_wait_is_told_of_what_is_not_served(self):
        event = make_event(capacity=1, auto_hold=False)
        for _ in range(3):
            join(event, self.alice)
            release(event, self.alice)
        self.assertEqual(position.seconds_per_place([event.pk], now()), {event.pk: 300.0})
        steering.pause(event_id=event.pk, reason="A fire alarm")
        self.assertEqual(position.seconds_per_place([event.pk], now()), {})
        steering.resume(event_id=event.pk, reason="It was none")
        self.assertEqual(position.seconds_per_place([event.pk], now()), {event.pk: 300.0})
        revise(event, sales_close_at=now())
        self.assertEqual(position.seconds_per_place([event.pk], now()), {})
