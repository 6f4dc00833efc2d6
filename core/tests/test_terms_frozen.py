"""When the terms of a line may change: the draw and the tiers are fixed once anybody can rely on them (rules 9, 10)."""

from django.contrib.auth.models import Group
from django.test import override_settings

from core import allocation, clock, steering
from core.models import Cause, Event, TicketHold
from core.refusals import TermsFrozen

from .books import kinds
from .cast import ago, arrive, later, make_event, revise, statuses
from .test_draw import BY_LOGIN, DRAWN, DrawCase, announced, commitment_to, commitments, drawn, line, openings


class PolicyTests(DrawCase):
    def test_it_can_be_chosen_and_given_up_before_the_opening(self):
        event = announced(line_policy=BY_LOGIN, capacity=1)
        self.log_in_and_join(event, self.alice, self.bob)
        for policy in (DRAWN, BY_LOGIN):
            revise(event, line_policy=policy)
        self.open(event)
        self.assertEqual((openings(event)[0].keys() & {"seed", "drawn"}, drawn(event)), (set(), []))
        self.assertEqual((line(event), commitments(event)), (["bob"], [None, commitment_to(event.draw_seed)]))

    def test_a_sale_that_opens_because_its_announced_moment_is_dropped_draws_those_who_were_promised_it(self):
        event = announced()
        self.log_in_and_join(event, self.alice, self.bob, self.greta)
        revise(event, sales_open_at=None, capacity=1)
        self.assertEqual([opening["drawn"] for opening in openings(event)], [3])

    def test_it_is_refused_once_the_sale_has_opened(self):
        for before, after in ((DRAWN, BY_LOGIN), (BY_LOGIN, DRAWN)):
            event = announced(line_policy=before)
            clock.tick()
            self.open(event)
            with self.subTest(before=before), self.assertRaises(TermsFrozen):
                revise(event, line_policy=after)
            self.assertEqual(Event.objects.get(pk=event.pk).line_policy, before)

    def test_what_nobody_could_know_of_before_the_opening_is_no_draw(self):
        draft, unnoticed = announced(status="draft", auto_hold=True), announced(auto_hold=True)
        for person in (self.bob, self.alice):
            self.clock.move(seconds=1)
            arrive(person, later(minutes=55))
        self.clock.move(hours=1)  # while no server runs
        revise(draft, status="published")
        clock.tick()
        for event in (draft, unnoticed):
            self.assertEqual(kinds(event), ["terms", "join", "join", "opening"])
            self.assertEqual((line(event), drawn(event), commitments(event)), (["bob", "alice"], [], [None]))
            self.assertEqual(Event.objects.get(pk=event.pk).line_policy, BY_LOGIN)

    def test_it_is_neither_given_up_nor_chosen_together_with_the_opening(self):
        for before, after in ((DRAWN, BY_LOGIN), (BY_LOGIN, DRAWN)):
            for opens in (None, ago(seconds=1)):
                event = announced(line_policy=before)
                self.log_in_and_join(event, self.alice, self.bob)
                with self.subTest(before=before, opens=opens), self.assertRaises(TermsFrozen):
                    revise(event, line_policy=after, sales_open_at=opens)
                self.assertEqual((line(event), kinds(event).count("opening")), (["alice", "bob"], 0))

    def test_it_stays_when_the_sale_is_put_off_for_some_have_waited_since_it_opened(self):
        event = announced(line_policy=BY_LOGIN)
        self.log_in_and_join(event, self.alice, self.bob)
        self.open(event)
        revise(event, sales_open_at=later(hours=1))
        with self.assertRaises(TermsFrozen):
            revise(event, line_policy=DRAWN)

    def test_it_may_be_given_up_on_a_draft_even_after_the_announced_moment(self):
        event = announced(capacity=1)
        clock.tick()
        revise(event, status="draft")
        self.clock.move(hours=2)
        revise(event, line_policy=BY_LOGIN, status="published")
        self.log_in_and_join(event, self.alice)
        self.assertEqual(kinds(event)[-2:], ["join", "hold"])

    def test_the_first_who_joins_has_it_promised_before_even_without_a_clock(self):
        event = announced()
        self.log_in_and_join(event, self.alice)
        self.assertEqual(kinds(event), ["terms", "join"])

    def test_a_policy_chosen_on_a_draft_is_what_counts(self):
        event = announced(status="draft", line_policy=BY_LOGIN)
        revise(event, line_policy=DRAWN)
        self.assertEqual(kinds(event), [])
        revise(event, status="published")
        self.log_in_and_join(event, self.alice)
        self.open(event)
        self.assertEqual(drawn(event), ["alice"])


@override_settings(TIERS=["members"])
class TierTests(DrawCase):
    def setUp(self) -> None:
        super().setUp()
        self.greta.groups.add(Group.objects.create(name="members"))

    def test_they_are_not_declared_together_with_the_opening(self):
        event = announced(line_policy=BY_LOGIN, capacity=1)
        self.log_in_and_join(event, self.alice, self.greta)
        for opens in (None, ago(seconds=1)):
            with self.assertRaises(TermsFrozen):
                revise(event, tier_shares={"members": 100}, sales_open_at=opens)
        self.assertEqual(statuses(event), [("alice", "waiting"), ("greta", "waiting")])

    def test_they_are_not_declared_to_those_who_wait_since_the_sale_opened_by_putting_it_off(self):
        for fields in ({}, {"sales_open_at": later(minutes=1)}):
            event = make_event(capacity=1, auto_hold=False, **fields)
            self.log_in_and_join(event, self.alice, self.bob, self.greta)
            self.clock.move(minutes=2)
            clock.tick()
            steering.pause(event_id=event.pk, reason="to make room")
            held = TicketHold.objects.filter(event=event, status="held")
            allocation.end_places(held, cause=Cause.REMOVED_BY_STAFF, reason="to make room")
            revise(event, sales_open_at=later(seconds=2))
            with self.subTest(fields=fields), self.assertRaises(TermsFrozen):
                revise(event, tier_shares={"members": 100})
            self.clock.move(seconds=3)
            steering.resume(event_id=event.pk, reason="there is room")
            self.assertEqual(statuses(event), [("alice", "released"), ("bob", "held"), ("greta", "waiting")])
