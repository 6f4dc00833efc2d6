"""The draw of `randomised_open`: promised before, made at the opening, computed again by anybody after (rule 10)."""

import hashlib
import hmac
from typing import Any
from unittest import mock

from core import cleanup, clock, opening, position, steering
from core.models import Event, TicketHold, User, UserSession
from core.serving import Serving

from .books import BookCase, Entry, about, deeds, kinds, length, terms_of, who
from .cast import ago, arrive, book, join, later, ledger_of, make_event, make_people, release, revise

DRAWN, BY_LOGIN = "randomised_open", "login_fifo"


def announced(**fields: Any) -> Event:
    """Store an event without automatic holds whose sale opens in an hour, with a draw."""
    fields = {"sales_open_at": later(hours=1), "line_policy": DRAWN, "auto_hold": False} | fields
    return make_event(**{"capacity": 0} | fields)


def commitments(event: Event) -> list[str | None]:
    """Return the commitments that the ledger has, each once, in the order in which they were made."""
    return list(dict.fromkeys(entry["commitment"] for entry in ledger_of(event) if entry["kind"] == "terms"))


def openings(event: Event) -> list[Entry]:
    return [entry for entry in ledger_of(event) if entry["kind"] == "opening"]


def drawn(event: Event) -> list[str]:
    """Return the user names of those whose places were drawn, by their numbers."""
    rows = TicketHold.objects.filter(event=event, draw__isnull=False).order_by("draw")
    return list(rows.values_list("user__username", flat=True))


def line(event: Event) -> list[str]:
    """Return the user names of those who wait, by their positions."""
    positions = position.positions([event.pk]).get(event.pk, {})
    return [User.objects.get(pk=pk).username for pk in sorted(positions, key=positions.__getitem__)]


def expected_order(event: Event, opening: Entry, people: list[User]) -> list[str]:
    """Return the user names of these people as the published seed orders them, by docs/ledger-format.md alone."""
    names = {who(event, person.pk): person.username for person in people}
    frozen = hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()
    seed = bytes.fromhex(opening["seed"])
    scores = {name: hmac.new(seed, (frozen + name).encode(), hashlib.sha256).hexdigest() for name in names}
    return [names[name] for name in sorted(names, key=scores.__getitem__)] if opening["frozen"] == frozen else []


def commitment_to(seed: str) -> str:
    return hashlib.sha256(bytes.fromhex(seed)).hexdigest()


class DrawCase(BookCase):
    def log_in_and_join(self, event: Event, *people: User) -> list[UserSession]:
        """Let people log in one after the other, a second between them, and join."""
        logins = []
        for person in people:
            self.clock.move(seconds=1)
            logins.append(arrive(person))
            join(event, person, logins[-1])
        return logins

    def open(self, event: Event) -> Entry:
        """Let the announced opening come, and the clock notice it; return its entry."""
        opens = Event.objects.values_list("sales_open_at", flat=True).get(pk=event.pk)
        assert opens
        self.clock.at = opens
        clock.tick()
        return openings(event)[-1]


class CommitmentTests(DrawCase):
    def test_it_stands_in_the_ledger_of_an_event_that_nobody_touched_after_one_tick(self):
        event = announced()
        self.assertEqual((clock.tick(), clock.tick()), (1, 0))
        committed = commitment_to(Event.objects.get().draw_seed)
        self.assertEqual(deeds(event), [terms_of(event, booked=0, commitment=committed)])

    def test_it_stands_there_before_anybody_who_takes_part(self):
        event = announced()
        self.log_in_and_join(event, self.alice)
        clock.tick()
        self.assertEqual(kinds(event), ["terms", "join"])
        self.assertEqual(commitments(event), [commitment_to(Event.objects.get().draw_seed)])

    def test_neither_drafts_nor_sales_that_are_open_nor_lines_by_login_have_one(self):
        announced(status="draft")
        announced(line_policy=BY_LOGIN)
        announced(sales_open_at=ago(hours=1))
        self.assertEqual((clock.tick(), set(Event.objects.values_list("ledger_seq", flat=True))), (0, {0}))

    def test_it_stands_there_as_soon_as_a_draft_is_published_or_the_policy_is_chosen(self):
        changes = {"status": "published"}, {"line_policy": DRAWN}
        for event, change in zip((announced(status="draft"), announced(line_policy=BY_LOGIN)), changes, strict=True):
            with self.subTest(**change):
                revise(event, **change)
                self.assertEqual(commitments(event), [commitment_to(event.draw_seed)])

    def test_a_sale_that_was_to_open_after_the_event_has_begun_does_not_keep_the_clock_busy(self):
        announced(starts_at=ago(hours=1))
        self.assertEqual([clock.tick() for _ in range(3)][1:], [0, 0])


class OpeningTests(DrawCase):
    def test_all_who_wait_are_drawn_in_an_order_that_anybody_can_compute(self):
        event, people = announced(), make_people(12)
        self.log_in_and_join(event, *people)
        clock.tick()
        before = length(event)
        opening = self.open(event)
        order = expected_order(event, opening, people)
        self.assertEqual((drawn(event), line(event)), (order, order))
        self.assertEqual((opening["drawn"], [commitment_to(opening["seed"])]), (12, commitments(event)))
        places = {place.user.username: place for place in TicketHold.objects.select_related("user")}
        told = [about("draw", places[name], draw=n) for n, name in enumerate(order, start=1)]
        self.assertEqual(deeds(event, before + 1), told)

    def test_the_first_drawn_are_the_first_served(self):
        event, people = announced(capacity=3), make_people(8)
        self.log_in_and_join(event, *people)
        order = expected_order(event, self.open(event), people)
        places = TicketHold.objects.filter(user__username__in=order[:3]).order_by("draw")
        self.assertEqual(deeds(event)[-3:], [about("hold", place) for place in places])
        self.assertEqual(line(event), order[3:])

    def test_whoever_is_there_without_having_joined_is_drawn_as_well(self):
        event = announced(auto_hold=True)
        self.log_in_and_join(event, self.alice)
        for person, minutes in ((self.bob, 50), (self.greta, 30)):
            arrive(person, later(minutes=minutes))  # greta is gone by the time the sale opens
        opening = self.open(event)
        self.assertEqual(drawn(event), expected_order(event, opening, [self.alice, self.bob]))

    def test_later_arrivals_follow_in_the_order_of_their_logins(self):
        event, people = announced(), make_people(3)
        self.log_in_and_join(event, *people)
        order = expected_order(event, self.open(event), people)
        early, late = arrive(self.bob, ago(minutes=59)), arrive(self.alice, ago(minutes=58))
        join(event, self.alice, late)
        join(event, self.bob, early)
        self.assertEqual((line(event), drawn(event)), ([*order, "bob", "alice"], order))

    def test_whoever_left_before_is_not_on_the_list_and_one_who_came_back_is_there_once(self):
        event = announced()
        self.log_in_and_join(event, self.alice, self.bob, self.greta)
        for person in (self.alice, self.bob):
            release(event, person)
        self.log_in_and_join(event, self.bob)
        opening = self.open(event)
        self.assertEqual(drawn(event), expected_order(event, opening, [self.bob, self.greta]))

    def test_whoever_lets_a_drawn_place_go_and_comes_back_comes_after_all_who_were_drawn(self):
        event = announced()
        self.log_in_and_join(event, self.alice, self.bob, self.greta)
        order = expected_order(event, self.open(event), [self.alice, self.bob, self.greta])
        first = User.objects.get(username=order[0])
        release(event, first)
        self.log_in_and_join(event, first)
        clock.tick()
        self.assertEqual(line(event), [*order[1:], order[0]])
        self.assertEqual(TicketHold.objects.get(user=first, status="waiting").draw, None)

    def test_without_anybody_there_is_an_opening_all_the_same(self):
        event = announced(capacity=1)
        clock.tick()
        opening = self.open(event)
        nobody = hashlib.sha256(b"").hexdigest()
        self.assertEqual(deeds(event)[1:], [{"kind": "opening", "drawn": 0, "frozen": nobody, "seed": event.draw_seed}])
        self.assertEqual(commitments(event), [commitment_to(opening["seed"])])
        self.log_in_and_join(event, self.alice)
        self.assertEqual(kinds(event, 2), ["join", "hold"])

    def test_whoever_commits_their_joining_while_the_list_is_frozen_is_drawn_or_follows(self):
        event, entered = announced(), opening._draw
        self.log_in_and_join(event, self.alice)

        def draw(serving: Serving, event: Event) -> None:
            TicketHold.objects.create(event=event, user=self.bob, login_timestamp=ago(hours=9))
            entered(serving, event)
            TicketHold.objects.create(event=event, user=self.greta, login_timestamp=ago(hours=9))

        with mock.patch.object(opening, "_draw", draw):
            opened = self.open(event)
        order = expected_order(event, opened, [self.alice, self.bob])
        self.assertEqual(line(event), [*order, "greta"])
        revise(event, capacity=3)
        self.assertEqual(kinds(event)[-3:], ["hold"] * 3)


class SecondOpeningTests(DrawCase):
    def test_it_has_a_new_seed_promised_before_and_the_numbers_go_on(self):
        event = announced()
        self.log_in_and_join(event, self.alice, self.bob)
        first = self.open(event)
        before = drawn(event)
        revise(event, sales_open_at=later(hours=1))
        self.log_in_and_join(event, self.greta, self.olga)
        second = self.open(event)
        self.assertEqual(before, expected_order(event, first, [self.alice, self.bob]))
        self.assertEqual(drawn(event), [*before, *expected_order(event, second, [self.greta, self.olga])])
        self.assertEqual(commitments(event), [commitment_to(opening["seed"]) for opening in (first, second)])
        self.assertEqual((first["seed"] == second["seed"], kinds(event).count("draw")), (False, 4))
        self.assertEqual(sorted(TicketHold.objects.values_list("draw", flat=True)), [1, 2, 3, 4])

    def test_nobody_who_holds_or_has_a_ticket_is_drawn(self):
        event = announced(capacity=2)
        self.log_in_and_join(event, self.alice, self.bob)
        self.open(event)
        book(event, self.alice)
        revise(event, sales_open_at=later(hours=1), hold_minutes=120)
        self.log_in_and_join(event, self.greta)
        self.clock.move(seconds=1)
        steering.extend_holds(event_id=event.pk, minutes=120, reason="So that bob holds at the second opening")
        opening = self.open(event)
        self.assertEqual((opening["drawn"], expected_order(event, opening, [self.greta])), (1, ["greta"]))

    def test_a_sale_that_never_opened_keeps_its_seed_when_it_is_put_off(self):
        event = announced()
        clock.tick()
        revise(event, sales_open_at=later(hours=2))
        self.open(event)
        self.assertEqual(commitments(event), [commitment_to(openings(event)[0]["seed"])])
        self.assertEqual(openings(event)[0]["seed"], event.draw_seed)

    def test_a_sale_that_opened_unnoticed_opens_before_it_is_put_off(self):
        event = announced()
        self.log_in_and_join(event, self.alice)
        self.clock.move(hours=1)
        revise(event, sales_open_at=later(hours=1))
        self.log_in_and_join(event, self.bob)
        self.open(event)
        self.assertEqual((drawn(event), len(set(commitments(event)))), (["alice", "bob"], 2))

    def test_the_numbers_go_on_when_the_places_that_had_the_first_ones_were_pruned(self):
        event = announced(starts_at=later(days=400))
        self.log_in_and_join(event, self.alice, self.bob)
        self.open(event)
        for person in (self.alice, self.bob):
            release(event, person)
        self.clock.move(days=91)
        cleanup.clean()
        revise(event, sales_open_at=later(hours=1))
        self.log_in_and_join(event, self.greta)
        self.open(event)
        self.assertEqual(TicketHold.objects.get().draw, 3)
