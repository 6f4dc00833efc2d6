"""What people, tabs, clocks and staff do that they should not: each has one answer, and nobody else's turn changes."""

from functools import partial
from typing import Any

from django.contrib.auth.models import Group
from django.test import TestCase, TransactionTestCase, override_settings

from core import clock, steering
from core.models import Event, TicketHold, User
from core.refusals import CapacityTooLow, TermsFrozen

from .cast import (
    Cast,
    CastOfRaces,
    HandClock,
    ago,
    arrive,
    book,
    join,
    later,
    ledger_problems,
    make_event,
    make_people,
    numbers,
    race,
    refusal,
    release,
    statuses,
)
from .tables import all_rows, changed_tables
from .visits import answer_of, visit


class LineCase(Cast, TestCase):
    """Olga holds the one place; bob, and then greta, wait for it. What alice does changes nothing of that."""

    def setUp(self) -> None:
        self.clock = self.enterContext(HandClock())
        self.event = make_event(capacity=1, auto_hold=False)
        for minutes, person in ((9, self.olga), (6, self.bob), (3, self.greta)):
            join(self.event, person, arrive(person, ago(minutes=minutes)))

    def revise(self, **values: Any) -> None:
        steering.revise_event(event_id=self.event.pk, values=values)

    def places(self, *people: User) -> list[tuple[str, str]]:
        return [(name, status) for name, status in statuses(self.event) if name in {p.username for p in people}]

    def in_line(self) -> list[str]:
        waiting = TicketHold.objects.waiting().filter(event=self.event).in_line_order()
        return list(waiting.values_list("user__username", flat=True))

    def expect(self, line: list[str], *, held: int = 1, booked: int = 0) -> None:
        """Fail unless these wait, in this order, with these numbers, and the ledger verifies."""
        clock.tick()
        self.assertEqual(self.in_line(), line)
        self.assertEqual(numbers(self.event), {"held": held, "booked": booked, "waiting": len(line)})
        self.assertEqual(ledger_problems(self.event), [])


class JoiningTests(LineCase):
    def test_twice_is_the_same_place(self):
        session = arrive(self.alice, ago(minutes=5))
        first, again = join(self.event, self.alice, session), join(self.event, self.alice, session)
        self.assertEqual((first.pk, first.ahead), (again.pk, again.ahead))
        self.expect(["bob", "alice", "greta"])

    def test_twice_while_held_is_the_same_hold_until_the_same_moment(self):
        self.revise(capacity=3)
        expires_at = TicketHold.objects.get(user=self.bob).expires_at
        self.clock.move(minutes=5)
        self.assertEqual(join(self.event, self.bob, arrive(self.bob)).expires_at, expires_at)
        self.expect([], held=3)

    def test_from_a_second_device_that_logged_in_earlier_or_later_keeps_the_place_of_the_first(self):
        place = join(self.event, self.alice, arrive(self.alice, ago(minutes=5)))
        for minutes in (60, 0):
            self.assertEqual(join(self.event, self.alice, arrive(self.alice, ago(minutes=minutes))), place)
        self.expect(["bob", "alice", "greta"])

    def test_after_booking_is_refused(self):
        book(self.event, self.olga)
        self.assertEqual(refusal(lambda: join(self.event, self.olga)), ("already_booked", False))
        self.expect(["bob", "greta"], held=0, booked=1)

    def test_after_the_close_is_refused_to_newcomers_and_changes_nothing_for_who_waits(self):
        self.revise(sales_close_at=ago(seconds=1))
        self.assertEqual(refusal(lambda: join(self.event, self.alice)), ("not_on_sale", False))
        self.assertEqual(join(self.event, self.greta).ahead, 1)
        self.expect(["bob", "greta"])

    def test_while_paused_waits_like_everybody(self):
        steering.pause(event_id=self.event.pk, reason="a fire alarm")
        release(self.event, self.olga)
        place = join(self.event, self.alice, arrive(self.alice, ago(minutes=5)))
        self.assertEqual((place.status, place.ahead), ("waiting", 1))
        self.assertEqual(refusal(lambda: book(self.event, self.alice)), ("not_on_sale", False))
        self.expect(["bob", "alice", "greta"], held=0)
        steering.resume(event_id=self.event.pk, reason="it was a false one")
        self.expect(["alice", "greta"])

    def test_of_a_cancelled_event_is_refused(self):
        self.revise(status="cancelled")
        self.assertEqual(refusal(lambda: join(self.event, self.alice)), ("cancelled", False))
        self.assertEqual(refusal(lambda: join(self.event, self.bob)), ("cancelled", False))
        self.expect([], held=0)

    def test_of_an_event_that_has_begun_is_refused_and_holds_stay_as_they_are(self):
        self.revise(starts_at=ago(seconds=1))
        self.assertEqual(refusal(lambda: join(self.event, self.alice)), ("over", False))
        self.assertEqual(refusal(lambda: join(self.event, self.bob)), ("over", False))
        self.expect([])

    def test_of_a_draft_is_as_of_no_event_at_all(self):
        draft = make_event(status="draft", auto_hold=False)
        browser = visit(self.alice)
        answers = [browser.post(f"/join/{number}/").status_code for number in (draft.pk, draft.pk + 1)]
        self.assertEqual((answers, statuses(draft)), ([404, 404], []))
        self.expect(["bob", "greta"])

    def test_over_http_has_the_same_answers(self):
        browser = visit(self.alice)
        first, again = (answer_of(browser.post(f"/join/{self.event.pk}/")) for _ in range(2))
        self.assertEqual((first, again), ((202, {"status": "waiting", "position": 3}),) * 2)
        self.revise(sales_close_at=ago(seconds=1))
        code, told = answer_of(visit(make_people(1)[0]).post(f"/join/{self.event.pk}/"))
        self.assertEqual((code, told["status"], told["can_join"]), (409, "not_on_sale", False))
        self.expect(["bob", "greta", "alice"])


class ClockTests(LineCase):
    """Clocks are set: forward, and back before what has happened."""

    def test_a_hold_lives_until_its_moment_however_the_clock_gets_there(self):
        self.clock.move(hours=-1)
        join(self.event, self.olga)
        self.expect(["bob", "greta"])
        self.clock.move(hours=1, minutes=9)
        self.expect(["bob", "greta"])
        self.clock.move(minutes=1)
        self.expect(["greta"])
        self.assertEqual(self.places(self.olga, self.bob), [("olga", "expired"), ("bob", "held")])

    def test_what_has_lapsed_stays_so_when_the_clock_goes_back(self):
        self.clock.move(minutes=10)
        self.expect(["greta"])
        self.clock.move(minutes=-10)
        self.assertEqual(join(self.event, self.olga).status, "waiting")
        self.expect(["greta", "olga"])

    def test_who_joins_while_it_is_set_back_ranks_by_the_login_and_after_an_ended_place(self):
        self.clock.move(hours=-1)
        join(self.event, self.alice, arrive(self.alice))  # a login of an hour ago, as far as anybody knows
        self.clock.move(hours=1)
        release(self.event, self.bob)
        self.clock.move(hours=-1)
        join(self.event, self.bob, arrive(self.bob))
        self.expect(["alice", "greta", "bob"])


class EditingTests(LineCase):
    """The event is edited while people wait for it."""

    def test_a_new_name_place_or_later_date_moves_nobody(self):
        self.revise(name="Recital", venue="Church", starts_at=later(days=9), sales_close_at=later(days=8))
        self.expect(["bob", "greta"])

    def test_more_places_go_to_the_first_and_fewer_than_taken_are_refused(self):
        self.revise(capacity=2)
        self.expect(["greta"], held=2)
        with self.assertRaises(CapacityTooLow):
            self.revise(capacity=1, name="Recital")
        self.assertEqual(Event.objects.values_list("capacity", "name").get(), (2, "Concert"))
        self.expect(["greta"], held=2)

    def test_places_that_are_taken_back_before_they_were_given_were_never_there(self):
        steering.pause(event_id=self.event.pk, reason="counting chairs")
        self.revise(capacity=5)
        self.revise(capacity=1)
        steering.resume(event_id=self.event.pk, reason="counted")
        self.expect(["bob", "greta"])

    def test_a_sale_that_is_moved_into_the_future_keeps_the_line_for_its_opening(self):
        self.revise(sales_open_at=later(minutes=30))
        release(self.event, self.olga)
        self.expect(["bob", "greta"], held=0)
        self.clock.move(minutes=30)
        self.expect(["greta"])

    @override_settings(TIERS=["members"])
    def test_neither_the_policy_nor_the_tiers_change_once_people_rely_on_them(self):
        self.greta.groups.add(Group.objects.create(name="members"))
        clock.tick()
        before = all_rows()
        for values in ({"line_policy": "randomised_open"}, {"tier_shares": {"members": 50}}):
            with self.subTest(values=values):
                with self.assertRaises(TermsFrozen) as refused:
                    self.revise(name="Recital", capacity=9, **values)
                self.assertIn("stay as they were announced", refused.exception.detail)
                self.assertEqual(changed_tables(before, all_rows()), [])
        self.expect(["bob", "greta"])

    @override_settings(TIERS=["members"])
    def test_before_the_opening_they_may_and_everybody_is_ranked_anew(self):
        self.greta.groups.add(Group.objects.create(name="members"))
        event = make_event(capacity=0, auto_hold=False, sales_open_at=later(minutes=5))
        for person in (self.bob, self.greta):
            join(event, person)
        steering.revise_event(event_id=event.pk, values={"tier_shares": {"members": 50}, "capacity": 2})
        self.assertEqual(list(TicketHold.objects.filter(event=event).order_by("pk").values_list("tier")), [(0,), (1,)])
        self.clock.move(minutes=5)
        clock.tick()
        self.assertEqual((statuses(event), ledger_problems(event)), ([("bob", "held"), ("greta", "held")], []))


class DeactivationTests(LineCase):
    def test_who_is_deactivated_leaves_the_line_and_the_others_move_up(self):
        self.bob.is_active = False
        self.bob.save()
        self.assertEqual(self.places(self.bob), [("bob", "left")])
        self.expect(["greta"])

    def test_who_was_deactivated_past_every_receiver_leaves_when_it_would_be_their_turn(self):
        User.objects.filter(pk=self.bob.pk).update(is_active=False)
        self.expect(["bob", "greta"])
        release(self.event, self.olga)
        self.assertEqual(self.places(self.bob, self.greta), [("bob", "left"), ("greta", "held")])
        self.expect([])

    def test_who_is_active_again_stands_behind_those_who_waited(self):
        for is_active in (False, True):
            self.bob.is_active = is_active
            self.bob.save()
        join(self.event, self.bob, arrive(self.bob, ago(minutes=6)))
        self.expect(["greta", "bob"])


class RaceTests(CastOfRaces, TransactionTestCase):
    def test_ten_tabs_of_two_devices_at_the_same_instant_are_one_place_in_line(self):
        event = make_event(capacity=0, auto_hold=False)
        join(event, self.bob, arrive(self.bob, ago(minutes=9)))
        join(event, self.greta, arrive(self.greta, ago(minutes=1)))
        devices = [arrive(self.alice, ago(minutes=minutes)) for minutes in (5, 3)]
        answers = race([partial(join, event, self.alice, device) for device in devices * 5], threads=10)
        place = TicketHold.objects.get(event=event, user=self.alice)
        self.assertEqual(answers, [place] * 10)
        self.assertEqual({answer.ahead for answer in answers if isinstance(answer, TicketHold)}, {1})
        clock.tick()
        self.assertEqual(numbers(event), {"held": 0, "booked": 0, "waiting": 3})
        self.assertEqual(ledger_problems(event), [])

    def test_ten_tabs_that_join_book_and_release_at_once_take_one_place_at_most_and_nobody_elses(self):
        event = make_event(capacity=1, auto_hold=False)
        for person in (self.olga, self.bob, self.greta):
            join(event, person)
        calls = [partial(act, event, self.alice) for act in (join, book, release)] * 4
        race(calls, threads=12)
        clock.tick()
        waiting = TicketHold.objects.waiting().exclude(user=self.alice).in_line_order()
        self.assertEqual(list(waiting.values_list("user__username", flat=True)), ["bob", "greta"])
        self.assertEqual(numbers(event)["held"], 1)
        self.assertEqual(ledger_problems(event), [])

    def test_an_edit_a_pause_and_a_deactivation_in_the_middle_of_a_rush_pass_nobody(self):
        event = make_event(capacity=5, auto_hold=False)
        people = make_people(30)
        logins = [arrive(person, ago(seconds=n)) for n, person in enumerate(people)]
        rush: list[Any] = [partial(join, event, login.user, login) for login in logins]
        rush[5:5] = [partial(steering.revise_event, event_id=event.pk, values={"capacity": 8, "name": "Recital"})]
        rush[12:12] = [partial(steering.pause, event_id=event.pk, reason="a fire alarm")]
        rush[20:20] = [partial(self.deactivate, people[0]), partial(self.deactivate, people[29])]
        rush[25:25] = [partial(steering.resume, event_id=event.pk, reason="it was a false one")]
        race(rush, threads=8)
        steering.resume(event_id=event.pk, reason="it was a false one")
        self.assertEqual(numbers(event)["held"], 8)
        steering.revise_event(event_id=event.pk, values={"capacity": 30})  # for all, were they all still there
        self.assertEqual(numbers(event), {"held": 28, "booked": 0, "waiting": 0})
        self.assertEqual(ledger_problems(event), [])

    def deactivate(self, person: User) -> None:
        person.is_active = False
        person.save()
