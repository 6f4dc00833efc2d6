"""Groups that an event serves first, up to a share of its capacity (rule 9)."""

import random
from typing import Any
from unittest import mock

from django.contrib.auth.models import Group
from django.test import override_settings

from core import allocation, cleanup, clock, position, steering, tiers
from core.fairness.ledger import pseudonym
from core.models import Event, Ticket, TicketHold, User
from core.now import now

from .books import BookCase, about, deeds, length, terms_of
from .cast import ago, arrive, book, holders, join, later, ledger_of, make_event, make_people, numbers, release, revise

FIRST_MEMBERS = {"tier": 1, "name": "members", "places": 2}


def put(group: str, *people: User) -> None:
    for person in people:
        person.groups.add(Group.objects.get_or_create(name=group)[0])


def tier_of(event: Event, user: User) -> int:
    return TicketHold.objects.filter(event=event, user=user).latest("pk").tier


def served(event: Event) -> list[str]:
    """Return the user names of those who were held a place, in the order of the ledger."""
    names = {pseudonym(event, pk): name for pk, name in User.objects.values_list("pk", "username")}
    return [names[entry["person"]] for entry in ledger_of(event) if entry["kind"] == "hold"]


@override_settings(TIERS=["members", "patrons"])
class TierCase(BookCase):
    """Two tiers, and a sale whose line is made before it opens."""

    def line(self, *people: User, **fields: Any) -> Event:
        """Store an event whose sale opens in an hour, and let these people join it in the order of their logins."""
        event = make_event(**{"sales_open_at": later(hours=1), "auto_hold": False, "capacity": 4} | fields)
        for n, person in enumerate(people):
            join(event, person, arrive(person, ago(minutes=60 - n)))
        allocation.serve(event.pk)
        return event

    def open(self, event: Event) -> None:
        self.clock.move(hours=1)
        allocation.serve(event.pk)


class ServingTests(TierCase):
    def test_members_are_served_first_up_to_their_share_and_then_everybody_by_login(self):
        people = make_people(6)
        put("members", *people[3:])
        event = self.line(*people, tier_shares={"members": 40}, capacity=5)
        self.open(event)
        self.assertEqual(served(event), [people[n].username for n in (3, 4, 0, 1, 2)])
        self.assertEqual(deeds(event)[0], terms_of(event, tiers=[FIRST_MEMBERS], booked=0))

    def test_ordinary_people_are_served_in_full_while_the_share_is_used_up(self):
        people = make_people(7)
        put("members", *people[:3])
        event = self.line(*people, tier_shares={"members": 50})
        self.open(event)
        self.assertEqual(served(event), [people[n].username for n in (0, 1, 2, 3)])
        release(event, people[3])  # three members hold: more than their share, and none of them passes anybody
        put("members", self.alice)
        join(event, self.alice, arrive(self.alice, ago(minutes=1)))
        release(event, people[4])
        self.assertEqual(served(event)[4:], [people[4].username, people[5].username])

    def test_the_share_is_free_again_when_a_hold_lapses_or_a_ticket_is_cancelled(self):
        people = make_people(4)
        put("members", *people)
        event = make_event(capacity=2, tier_shares={"members": 50}, sales_open_at=later(hours=1), auto_hold=False)
        logins = [arrive(person, ago(minutes=n)) for n, person in enumerate((*people, self.alice, self.bob), start=1)]
        for n, login in enumerate(logins):
            if n == 2:
                self.open(event)
            join(event, login.user, login)
        ticket = book(event, people[0])  # of the two members that have a place, one beyond the share
        self.clock.move(minutes=10)
        clock.tick()  # people[1] lapses: the share is used up by the ticket
        self.assertEqual(served(event)[2:], ["bob"])
        allocation.cancel_ticket(ticket_id=ticket.pk)
        self.assertEqual(served(event)[3:], [people[3].username])
        self.clock.move(minutes=10)
        clock.tick()  # both lapse: the earliest member, then the earliest of all
        self.assertEqual(served(event)[4:], [people[2].username, "alice"])

    def test_the_highest_tier_comes_first_each_up_to_its_own_share(self):
        people = make_people(8)
        put("members", *people[2:5])
        put("patrons", *people[5:])
        event = self.line(*people, tier_shares={"members": 25, "patrons": 50})
        self.open(event)
        self.assertEqual(served(event), [people[n].username for n in (5, 6, 2, 0)])

    def test_a_person_of_two_groups_counts_as_the_highest_that_the_event_serves_first(self):
        put("members", self.alice)
        put("patrons", self.alice)
        for shares, tier in (({"members": 50, "patrons": 50}, 2), ({"members": 50}, 1), ({}, 0)):
            self.assertEqual(tier_of(self.line(self.alice, tier_shares=shares), self.alice), tier)

    def test_a_share_that_comes_to_no_place_is_no_advantage(self):
        put("members", self.bob)
        event = self.line(self.alice, self.bob, capacity=1, tier_shares={"members": 99})
        self.open(event)
        self.assertEqual(served(event), ["alice"])

    def test_more_capacity_is_a_larger_share(self):
        people = make_people(5)
        put("members", *people[3:])
        event = self.line(*people, capacity=1, tier_shares={"members": 50})
        self.open(event)
        revise(event, capacity=3)
        revise(event, capacity=4)
        self.assertEqual(served(event), [people[n].username for n in (0, 3, 1, 4)])

    def test_nobody_loses_a_hold_to_a_tier(self):
        put("members", self.bob)
        event = self.line(self.alice, capacity=1, tier_shares={"members": 100})
        self.open(event)
        join(event, self.bob, arrive(self.bob, ago(hours=5)))
        book(event, self.alice)
        self.assertEqual((served(event), numbers(event)), (["alice"], {"held": 0, "booked": 1, "waiting": 1}))

    def test_off_by_default_members_have_no_advantage(self):
        put("members", self.bob, self.greta)
        event = self.line(self.alice, self.bob, self.greta, capacity=1)
        self.open(event)
        self.assertEqual((served(event), position.positions([event.pk])[event.pk][self.bob.pk]), (["alice"], 1))

    def test_whoever_is_put_in_line_by_the_opening_has_their_tier(self):
        put("members", self.bob)
        event = self.line(capacity=2, auto_hold=True, tier_shares={"members": 50})
        for person, minutes in ((self.alice, 50), (self.bob, 55)):
            arrive(person, later(minutes=minutes))
        self.open(event)
        self.assertEqual(served(event), ["bob", "alice"])

    def test_whoever_cannot_be_held_uses_up_no_share(self):
        gone, ordinary, member = make_people(3)
        put("members", gone, member)
        event = self.line(gone, ordinary, member, capacity=2, tier_shares={"members": 50})
        User.objects.filter(pk=gone.pk).update(is_active=False)  # past the receiver that would end the place
        self.open(event)
        self.assertEqual(served(event), [member.username, ordinary.username])


class FixedTests(TierCase):
    def test_a_tier_is_fixed_at_joining(self):
        put("members", self.alice)
        event = self.line(self.alice, self.bob, tier_shares={"members": 50})
        self.alice.groups.clear()
        put("members", self.bob)
        self.open(event)
        join(event, self.greta)
        self.assertEqual([tier_of(event, person) for person in (self.alice, self.bob)], [1, 0])
        self.assertEqual([book(event, person).tier for person in (self.alice, self.bob, self.greta)], [1, 0, 0])

    def test_saving_the_same_shares_again_after_the_opening_changes_nobodys_tier(self):
        put("members", self.alice)
        event = self.line(self.greta, self.bob, self.alice, capacity=1, tier_shares={"members": 99})
        self.open(event)
        self.alice.groups.clear()
        put("members", self.bob)
        revise(event, name="Other", tier_shares={"members": 99})
        self.assertEqual([tier_of(event, person) for person in (self.alice, self.bob)], [1, 0])

    def test_new_terms_before_the_opening_give_everybody_the_tier_that_these_make_them(self):
        put("members", self.alice, self.greta)
        put("patrons", self.bob)
        event = self.line(self.olga, self.alice, self.bob)
        before = length(event)
        revise(event, tier_shares={"members": 50, "patrons": 25})
        alice, bob = (TicketHold.objects.get(user=person) for person in (self.alice, self.bob))
        declared = [{"tier": 2, "name": "patrons", "places": 1}, FIRST_MEMBERS]
        moved = [about("tier", alice, tier=1), about("tier", bob, tier=2)]
        self.assertEqual(deeds(event, before), [terms_of(event, tiers=declared), *moved])
        revise(event, tier_shares={"members": 50})
        self.assertEqual(deeds(event, before + 3)[1:], [about("tier", bob, tier=0)])
        join(event, self.greta)
        self.open(event)
        self.assertEqual(served(event), ["alice", "greta", "olga", "bob"])

    def test_whoever_joins_while_the_terms_change_has_the_tier_of_the_new_terms(self):
        put("members", self.bob)
        event = self.line(self.alice, capacity=1, tier_shares={"members": 100})
        real = tiers.tiers_of

        def meanwhile(*args: Any) -> Any:
            """Withdraw the tiers after the reading of the joining person's tier and before the writing of their row."""
            tier, patched.side_effect = real(*args), real
            revise(event, tier_shares={})
            return tier

        with mock.patch.object(tiers, "tiers_of", side_effect=meanwhile) as patched:
            join(event, self.bob)
        self.open(event)
        self.assertEqual(served(event), ["alice"])


class CountingTests(TierCase):
    def on_sale(self, **fields: Any) -> Event:
        """Store an event of 4 that serves 2 members first, and whose sale is open; three people are members."""
        put("members", self.alice, self.bob, self.greta)
        return make_event(capacity=4, tier_shares={"members": 50}, **fields)

    def assert_used_up(self, event: Event) -> None:
        """Two members have used up the share: the next one is not served before an ordinary person."""
        for person in make_people(2):
            book(event, person)
        join(event, self.olga, arrive(self.olga, ago(minutes=2)))
        join(event, self.greta, arrive(self.greta, ago(minutes=1)))
        self.assertEqual(tiers.shares_left(event), {1: 0})
        revise(event, capacity=5)
        self.assertEqual(served(event)[-1], "olga")

    def test_booking_directly_counts_against_the_share(self):
        event = self.on_sale()
        self.assertEqual([book(event, person).tier for person in (self.alice, self.bob)], [1, 1])
        self.assert_used_up(event)

    def test_automatic_holds_count_against_the_share(self):
        event = self.on_sale()
        for person in (self.alice, self.bob):
            allocation.hold_for_login(user=person, session=arrive(person))
        self.assertEqual(holders(event), ["alice", "bob"])
        self.assert_used_up(event)

    def test_a_ticket_counts_after_its_hold_was_pruned(self):
        event = self.on_sale(starts_at=later(days=400))
        for person in (self.alice, self.bob):
            join(event, person)
            book(event, person)
        self.clock.move(days=91)
        self.assertEqual(cleanup.clean()["old places removed"], 2)
        self.assertEqual(list(Ticket.objects.values_list("tier", "hold")), [(1, None), (1, None)])
        self.assert_used_up(event)


class PositionTests(TierCase):
    def sold_out(self, dice: random.Random) -> tuple[Event, list[Ticket]]:
        """Store a sold out event with random shares, people of all tiers in its line, and its ordinary tickets."""
        people = make_people(14)
        for person in people[:11]:
            put(dice.choice(["members", "patrons", "others"]), person)
        dice.shuffle(people)
        shares = {name: dice.randrange(60) for name in ("members", "patrons")}
        policy = dice.choice(["login_fifo", "randomised_open"])
        event = make_event(capacity=6, auto_hold=False, tier_shares=shares, line_policy=policy)
        ordinary = [ticket for person in people[:6] if (ticket := book(event, person)).tier == 0]
        revise(event, sales_open_at=later(hours=1))
        logins = [arrive(person, ago(minutes=dice.randrange(5))) for person in people[6:]]
        for n, login in enumerate(logins):
            if n == 5:
                self.open(event)
            join(event, login.user, login)
        return event, dice.sample(ordinary, len(ordinary))

    def test_positions_and_people_ahead_are_the_order_in_which_people_are_served(self):
        for seed in range(6):
            dice = random.Random(seed)
            event, tickets = self.sold_out(dice)
            line = position.positions([event.pk])[event.pk]
            expected = [User.objects.get(pk=user_id) for user_id in sorted(line, key=line.__getitem__)]
            seen = [position.places_of(person, now()).places[event.pk].ahead for person in expected]
            self.assertEqual((seen, [join(event, person).ahead for person in expected]), (list(range(8)), seen))
            while tickets:  # one by one, or several at once
                steering.pause(event_id=event.pk, reason="")
                for ticket in [tickets.pop() for _ in range(min(len(tickets), dice.choice([1, 1, 2, 3])))]:
                    allocation.cancel_ticket(ticket_id=ticket.pk)
                steering.resume(event_id=event.pk, reason="")
            with self.subTest(seed=seed):
                first = served(event)
                self.assertEqual(first, [person.username for person in expected[: len(first)]])
                self.assertGreater(len(first), 0)

    def test_with_shares_left_fewer_places_are_served_in_the_same_order(self):
        dice = random.Random(0)
        for _ in range(40):
            waiting = [
                TicketHold(pk=n, tier=n % 3, draw=dice.choice([None, 1, 2]), login_timestamp=ago(minutes=n % 4))
                for n in dice.sample(range(1, 20), 10)
            ]
            left = {tier: dice.randrange(4) for tier in (1, 2)}
            line = tiers.in_order(waiting, left)
            for n, place in enumerate(line):
                self.assertEqual(tiers.in_order(line[n:], left)[0], place)
                left[place.tier] = max(0, left.get(place.tier, 0) - 1)
