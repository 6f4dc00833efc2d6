"""The rules that the verifier checks, each with the entry that breaks it."""

from django.test import SimpleTestCase

from .ledgers import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    ERIN,
    JOINED,
    MEMBERS,
    OPENING,
    RANDOMISED,
    Entries,
    at,
    found,
    join,
    ledger,
    steering,
    step,
    terms,
    ticket,
    transfer,
)


class StateTests(SimpleTestCase):
    def assert_found(self, entries: Entries, *problems: str) -> None:
        """The last entry breaks the rule; the terms and three people in line stand before it."""
        lines = ledger([terms(), *JOINED, *entries])
        seq = len(entries) + 4
        self.assertEqual(found(lines), [f"line {seq + 1}, entry {seq}: {problem}" for problem in problems])

    def test_a_place_joins_once(self):
        self.assert_found([join(1, DAVE)], "place 1 joined before")
        again = found(ledger([terms(), *JOINED, join(1, DAVE), step("hold", 1, ALICE)]))
        self.assertEqual(again, ["line 6, entry 5: place 1 joined before"])

    def test_a_person_has_one_live_place(self):
        self.assert_found([join(4, ALICE)], f"person {ALICE} joins, and their place 1 has not ended")

    def test_a_hold_ends_once(self):
        for first in ("release", "expiry"):
            ended = [step("hold", 1, ALICE), step(first, 1, ALICE, at=at(10))]
            self.assert_found([*ended, step("release", 1, ALICE)], "place 1 is ended, not held")

    def test_a_hold_is_not_renewed(self):
        again = step("hold", 1, ALICE, until=at(20))
        self.assert_found([step("hold", 1, ALICE), again], "place 1 is held, not waiting")

    def test_only_who_waits_leaves_and_only_who_holds_releases_or_books(self):
        self.assert_found([step("hold", 1, ALICE), step("leave", 1, ALICE)], "place 1 is held, not waiting")
        self.assert_found([step("release", 1, ALICE)], "place 1 is waiting, not held")
        self.assert_found([ticket("booking", 9, ALICE, 1)], "place 1 is waiting, not held")
        self.assert_found([step("expiry", 8, DAVE)], "place 8 is unknown, not held")

    def test_a_place_is_of_one_person_throughout(self):
        self.assert_found([step("hold", 1, BOB)], f"place 1 is not of person {BOB}")

    def test_a_hold_does_not_expire_before_its_end(self):
        early = step("expiry", 1, ALICE, at=at(9.9))
        self.assert_found([step("hold", 1, ALICE), early], "the hold of place 1 expired before its end")

    def test_a_hold_is_not_booked_from_its_end_on(self):
        late = ticket("booking", 9, ALICE, 1, at=at(10))
        self.assert_found([step("hold", 1, ALICE), late], "place 1 is booked after its hold ended")

    def test_an_extension_of_one_hold_is_for_that_one_before_its_end(self):
        longer = step("hold_extension", 1, ALICE, minutes=5, reason="ill", at=at(9))
        late, early = ticket("booking", 9, ALICE, 1, at=at(14)), step("expiry", 1, ALICE, at=at(14))
        held = step("hold", 1, ALICE), step("hold", 2, BOB)
        self.assert_found([*held, longer, late])
        self.assert_found([*held, longer, early], "the hold of place 1 expired before its end")
        self.assert_found([*held, longer, step("expiry", 2, BOB, at=at(10))])
        other = ticket("booking", 9, BOB, 2, at=at(10))
        self.assert_found([*held, longer, other], "place 2 is booked after its hold ended")
        self.assert_found([*held, longer | {"at": at(10)}], "place 1 is extended after its hold ended")
        self.assert_found([longer], "place 1 is waiting, not held")

    def test_an_extension_is_for_the_holds_there_are_and_not_for_later_ones(self):
        extension, late = steering("extension", minutes=5), ticket("booking", 9, ALICE, 1, at=at(10))
        early = step("expiry", 1, ALICE, at=at(14))
        self.assert_found([step("hold", 1, ALICE), extension, late])
        self.assert_found([step("hold", 1, ALICE), extension, early], "the hold of place 1 expired before its end")
        self.assert_found([extension, step("hold", 1, ALICE), late], "place 1 is booked after its hold ended")

    def test_a_person_has_one_valid_ticket_and_a_ticket_is_issued_once(self):
        booked = [
            step("hold", 1, ALICE),
            ticket("booking", 9, ALICE, 1),
            join(4, ALICE, rank=at(0)),
            step("hold", 4, ALICE),
        ]
        self.assertEqual(
            found(ledger([terms(), *JOINED, *booked, ticket("booking", 10, ALICE, 4)])),
            [
                f"line 9, entry 8: person {ALICE} has a ticket, and is held another",
                f"line 10, entry 9: person {ALICE} has a valid ticket",
            ],
        )
        other = [step("hold", 1, ALICE), ticket("booking", 9, ALICE, 1), step("hold", 2, BOB)]
        self.assert_found([*other, ticket("booking", 9, BOB, 2)], "ticket 9 was issued before")

    def test_a_ticket_has_the_tier_of_its_place(self):
        booking = ticket("booking", 9, ALICE, 1, tier=1)
        self.assert_found([step("hold", 1, ALICE), booking], "place 1 is of tier 0, its ticket is not")

    def test_what_is_cancelled_was_issued_and_once(self):
        wrong = "there is no valid ticket 9 of this person and tier to cancel"
        issued = [step("hold", 1, ALICE), ticket("booking", 9, ALICE, 1)]
        cancellation = ticket("cancellation", 9, ALICE)
        self.assert_found([cancellation], wrong)
        self.assert_found([*issued, cancellation, cancellation], wrong)
        self.assert_found([*issued, ticket("cancellation", 9, BOB)], wrong)

    def test_only_as_many_older_tickets_as_the_first_terms_say_are_cancelled(self):
        one, other = ticket("cancellation", 9, ALICE), ticket("cancellation", 8, BOB)
        wrong = "line 4, entry 3: there is no valid ticket 8 of this person and tier to cancel"
        self.assertEqual(found(ledger([terms(booked=1), one, other])), [wrong])
        self.assertEqual(found(ledger([terms(booked=2), one, other])), [])

    def test_the_terms_come_first(self):
        self.assertEqual(found(ledger(JOINED)), ["line 2, entry 1: the first entry is not the terms"])

    def test_nobody_is_held_or_booked_a_place_that_there_is_not(self):
        full = [step("hold", 1, ALICE), ticket("booking", 9, ALICE, 1), step("hold", 2, BOB)]
        oversold = "oversold: 3 places are booked or held, the capacity is "
        self.assert_found([*full, step("hold", 3, CAROL)], oversold + "2")
        self.assert_found([*full, step("leave", 3, CAROL), ticket("booking", 8, DAVE)], oversold + "2")
        self.assert_found([terms(capacity=3), *full, step("hold", 3, CAROL), terms(capacity=1)], oversold + "1")
        self.assertEqual(found(ledger([terms(booked=3)])), [f"line 2, entry 1: {oversold}2"])

    def test_one_oversell_is_said_once_and_the_next_one_again(self):
        held = [
            step("hold", 1, ALICE),
            step("hold", 2, BOB),
            steering("extension", minutes=1),
            step("release", 1, ALICE),
        ]
        lines = ledger([terms(capacity=1), *JOINED, *held, step("hold", 3, CAROL), step("release", 2, BOB)])
        self.assertEqual(
            [text.partition(":")[0] for text in found(lines)], [f"line {n + 1}, entry {n}" for n in (6, 9)]
        )


class OrderTests(SimpleTestCase):
    def assert_overtaken(self, entries: Entries, *pairs: tuple[int, int, int]) -> None:
        """Each pair is the number of an entry, the place that it holds, and the place that was first."""
        wrong = "line {}, entry {}: place {} is held, and so overtakes place {}, which is first in line"
        expected = [wrong.format(seq + 1, seq, place, first) for seq, place, first in pairs]
        self.assertEqual(found(ledger(entries)), expected)

    def test_the_newest_is_not_first(self):
        held = [step("hold", 3, CAROL), step("hold", 1, ALICE), step("hold", 2, BOB)]
        self.assert_overtaken([terms(capacity=3), *JOINED, *held], (5, 3, 1))

    def test_rank_decides_and_the_place_between_equals(self):
        line = [terms(capacity=3), join(2, BOB, rank=at(5)), join(1, ALICE, rank=at(5)), join(3, CAROL, rank=at(4))]
        self.assert_overtaken([*line, step("hold", 2, BOB), step("hold", 1, ALICE)], (5, 2, 3), (6, 1, 3))
        self.assert_overtaken([*line, step("hold", 3, CAROL), step("hold", 2, BOB)], (6, 2, 1))

    def test_the_drawn_come_before_those_who_joined_later_with_an_earlier_rank(self):
        line = [terms(capacity=9, opens=at(0), at=at(-1), **RANDOMISED), *JOINED, *OPENING, join(4, DAVE, rank=at(-9))]
        self.assert_overtaken([*line, step("hold", 4, DAVE), step("hold", 1, ALICE)], (10, 4, 3), (11, 1, 3))

    def test_a_tier_comes_first_within_its_share_and_not_beyond_it(self):
        line = [terms(capacity=9, tiers=MEMBERS), join(1, ALICE), join(2, BOB, tier=1), join(3, CAROL, tier=1)]
        self.assert_overtaken([*line, step("hold", 1, ALICE)], (5, 1, 2))
        self.assert_overtaken([*line, step("hold", 2, BOB), step("hold", 3, CAROL)], (6, 3, 1))
        self.assert_overtaken([*line, step("hold", 2, BOB), step("hold", 1, ALICE), step("hold", 3, CAROL)])

    def test_a_share_counts_tickets_and_is_free_again_after_a_release_or_a_cancellation(self):
        line = [terms(capacity=9, tiers=MEMBERS), join(1, ALICE), join(2, BOB, tier=1), join(3, CAROL, tier=1)]
        line += [step("hold", 2, BOB), ticket("booking", 9, BOB, 2, tier=1)]
        self.assert_overtaken([*line, step("hold", 3, CAROL)], (7, 3, 1))
        self.assert_overtaken([*line, ticket("cancellation", 9, BOB, tier=1), step("hold", 1, ALICE)], (8, 1, 3))
        self.assert_overtaken([*line[:5], step("release", 2, BOB), step("hold", 1, ALICE)], (7, 1, 3))

    def test_the_highest_tier_with_places_left_comes_first_whatever_the_order_of_their_declaration(self):
        two = [*MEMBERS, {"tier": 2, "name": "patrons", "places": 1}]
        for tiers in (two, two[::-1]):
            line = [
                terms(capacity=9, tiers=tiers),
                join(1, ALICE, tier=1),
                join(2, BOB, tier=2),
                join(3, CAROL, tier=2),
            ]
            self.assert_overtaken([*line, step("hold", 1, ALICE)], (5, 1, 2))
            self.assert_overtaken([*line, step("hold", 2, BOB), step("hold", 3, CAROL)], (6, 3, 1))

    def test_a_tier_that_is_not_declared_is_like_everybody_else(self):
        line = [terms(capacity=9, tiers=MEMBERS), join(1, ALICE), join(2, BOB, tier=2)]
        self.assert_overtaken([*line, step("hold", 2, BOB)], (4, 2, 1))

    def test_who_has_another_tier_now_stands_elsewhere(self):
        early = {"at": at(-9)}
        line = [terms(capacity=9, opens=at(-5)), *JOINED]
        line += [step("tier", 3, CAROL, tier=2, **early), step("tier", 2, BOB, tier=1, **early)]
        self.assert_overtaken([*line, step("hold", 1, ALICE), step("hold", 2, BOB)], (7, 1, 3), (8, 2, 3))

    def test_who_left_is_not_first_any_more(self):
        self.assert_overtaken([terms(), *JOINED, step("leave", 1, ALICE), step("hold", 2, BOB)])

    def test_a_direct_booking_does_not_overtake_who_waits(self):
        wrong = "line 6, entry 5: booked directly, and so overtakes {} who wait, first place 1"
        self.assertEqual(found(ledger([terms(), *JOINED, ticket("booking", 9, DAVE)])), [wrong.format(3)])
        self.assertEqual(found(ledger([terms(), *JOINED, ticket("booking", 9, ALICE)])), [wrong.format(2)])


class WindowTests(SimpleTestCase):
    def test_no_place_is_given_outside_the_sale(self):
        steered = [steering("pause"), steering("resume")]
        cases = {
            "before the sale opened": ([terms(opens=at(1))], at(0.99), at(1)),
            "after the sale had closed": ([terms(closes=at(1))], at(1), at(0.99)),
            "after the event had started": ([terms(starts=at(1))], at(1), at(0.99)),
            "while staff had paused serving": ([terms(), *steered, steered[0]], at(0), None),
            "while the event was not published": ([terms(status="draft")], at(0), None),
        }
        for words, (before, wrong, right) in cases.items():
            joined = [*before, join(1, ALICE)]
            seq = len(joined) + 1
            for entries in ([*joined, step("hold", 1, ALICE)], [*before, join(1, BOB), ticket("booking", 9, BOB)]):
                with self.subTest(words, kind=entries[-1]["kind"]):
                    entries[-1]["at"] = wrong
                    expected = [f"line {seq + 1}, entry {seq}: a place was given {words}"]
                    self.assertEqual(found(ledger(entries)), expected)
                    entries[-1]["at"] = right or wrong
                    self.assertEqual(found(ledger(entries)), [] if right else expected)

    def test_a_hold_is_booked_after_the_close_and_while_paused(self):
        held = [terms(closes=at(1)), join(1, ALICE), step("hold", 1, ALICE), steering("pause")]
        self.assertEqual(found(ledger([*held, ticket("booking", 9, ALICE, 1, at=at(2))])), [])


class SpentTests(SimpleTestCase):
    """A login ranks a person once: whoever had a place or a ticket comes back with the rank of its end (rule 4)."""

    def test_whoever_comes_back_is_not_ranked_by_the_login_that_was_spent(self):
        held, booked = step("hold", 1, ALICE), ticket("booking", 9, ALICE, 1, at=at(3))
        endings: list[tuple[Entries, float]] = [
            ([held, step("expiry", 1, ALICE, at=at(12))], 10),  # when its time was over, not when it was noticed
            ([held, steering("extension", minutes=5), step("expiry", 1, ALICE, at=at(16))], 15),
            ([held, step("release", 1, ALICE, at=at(4))], 4),
            ([step("leave", 1, ALICE, at=at(4))], 4),
            ([held, booked, ticket("cancellation", 9, ALICE, at=at(7))], 7),
        ]
        for ending, spent in endings:
            for minute, problems in ((spent, []), (spent - 0.001, [4])):
                with self.subTest(ending=ending[-1]["kind"], rank=minute):
                    entries = [terms(), join(1, ALICE), *ending, join(4, ALICE, rank=at(minute), at=at(20))]
                    wrong = "place 4 has the rank of a login that a former place has spent"
                    seq = len(entries)
                    expected = [f"line {seq + 1}, entry {seq}: {wrong}"] if problems else []
                    self.assertEqual(found(ledger(entries)), expected)

    def test_the_login_of_somebody_else_is_not_spent(self):
        self.assertEqual(
            found(ledger([terms(), join(1, ALICE), step("leave", 1, ALICE), join(2, BOB, rank=at(-9))])), []
        )


class TransferTests(SimpleTestCase):
    """A ticket changes hands: nobody has two, no place comes into being, and the giver's login is spent."""

    def assert_found(self, entries: Entries, *problems: str) -> None:
        """The last entry breaks the rule; alice's ticket 9, and bob and carol in line, stand before it."""
        begun = [terms(starts=at(50)), *JOINED, step("hold", 1, ALICE), ticket("booking", 9, ALICE, 1)]
        seq = len(begun) + len(entries)
        wrong = [f"line {seq + 1}, entry {seq}: {problem}" for problem in problems]
        self.assertEqual(found(ledger([*begun, *entries])), wrong)

    def test_a_ticket_and_a_new_code_are_transferred_and_cancelled_by_whom_they_are_now(self):
        given = transfer(9, ALICE, 10, DAVE, at=at(2))
        self.assert_found([given, transfer(10, DAVE, 11, DAVE), ticket("cancellation", 11, DAVE)])
        self.assert_found([given, transfer(10, DAVE, 11, ALICE)])

    def test_what_is_transferred_is_valid_and_of_that_person_and_tier(self):
        wrong = "there is no valid ticket {} of this person and tier to transfer"
        gone = [wrong.format(9), "oversold: 2 places are booked or held, the capacity is 2"][:1]
        self.assert_found([ticket("cancellation", 9, ALICE), transfer(9, ALICE, 10, DAVE)], *gone)
        self.assert_found([transfer(9, ALICE, 10, DAVE), transfer(9, ALICE, 11, ERIN)], *gone)
        self.assert_found([transfer(9, DAVE, 10, ERIN)], *gone)
        self.assert_found([transfer(9, ALICE, 10, DAVE, tier=1)], *gone)
        self.assert_found([transfer(8, ALICE, 10, DAVE)], wrong.format(8))

    def test_nobody_is_given_a_second_ticket_and_no_ticket_is_issued_twice(self):
        other = [step("hold", 2, BOB), ticket("booking", 8, BOB, 2)]
        self.assert_found(
            [*other, transfer(9, ALICE, 10, BOB)], f"person {BOB} has a valid ticket, and is given another"
        )
        self.assert_found([*other, transfer(9, ALICE, 8, DAVE)], "ticket 8 was issued before")

    def test_the_place_of_who_is_given_a_ticket_has_ended_before(self):
        wrong = f"person {BOB} is given a ticket, and their place 2 has not ended"
        self.assert_found([transfer(9, ALICE, 10, BOB)], wrong)
        self.assert_found([step("hold", 2, BOB), transfer(9, ALICE, 10, BOB)], wrong)
        self.assert_found([step("leave", 2, BOB), transfer(9, ALICE, 10, BOB)])

    def test_no_place_comes_into_being_and_none_is_lost(self):
        full = [step("hold", 2, BOB), transfer(9, ALICE, 10, DAVE)]
        self.assert_found(full)
        oversold = "oversold: 3 places are booked or held, the capacity is 2"
        self.assert_found([*full, step("hold", 3, CAROL)], oversold)
        forged = [step("hold", 2, BOB), transfer(8, ALICE, 10, DAVE)]
        self.assert_found(forged, "there is no valid ticket 8 of this person and tier to transfer", oversold)

    def test_the_login_of_the_giver_is_spent_and_by_a_new_code_it_is_not(self):
        spent = "place 4 has the rank of a login that a former place has spent"
        given = transfer(9, ALICE, 10, DAVE, at=at(7))
        self.assert_found([given, join(4, ALICE, rank=at(6.9))], spent)
        self.assert_found([given, join(4, ALICE, rank=at(7))])
        self.assert_found([given, join(4, DAVE, rank=at(1))])
        self.assert_found([transfer(9, ALICE, 10, ALICE, at=at(7)), join(4, ALICE, rank=at(6.9))])

    def test_a_share_counts_a_ticket_that_was_given_as_before(self):
        line = [terms(capacity=9, tiers=MEMBERS), join(1, ALICE, tier=1), join(2, BOB, tier=1), join(3, CAROL)]
        line += [step("hold", 1, ALICE), ticket("booking", 9, ALICE, 1, tier=1), transfer(9, ALICE, 10, DAVE, tier=1)]
        self.assertEqual(found(ledger([*line, step("hold", 2, BOB), step("hold", 3, CAROL)])), [])
        late = [step("hold", 3, CAROL), step("hold", 2, BOB)]
        self.assertEqual(len(found(ledger([*line, *late]))), 1)

    def test_nothing_changes_hands_once_the_event_has_started_but_a_code_may_be_new(self):
        started = "a ticket changed hands after the event had started"
        self.assert_found([transfer(9, ALICE, 10, DAVE, at=at(50))], started)
        self.assert_found([transfer(9, ALICE, 10, DAVE, at=at(49.9))])
        self.assert_found([transfer(9, ALICE, 10, ALICE, at=at(51))])
        off = terms(status="cancelled")
        self.assert_found(
            [off, transfer(9, ALICE, 10, ALICE)], "a ticket was transferred while the event was not published"
        )

    def test_only_as_many_older_tickets_as_the_first_terms_say_are_transferred(self):
        given = [transfer(7, ALICE, 10, BOB), transfer(8, CAROL, 11, DAVE)]
        wrong = "line 4, entry 3: there is no valid ticket 8 of this person and tier to transfer"
        self.assertEqual(found(ledger([terms(booked=2), *given])), [])
        self.assertEqual(found(ledger([terms(booked=1), *given])), [wrong])


class LengthTests(SimpleTestCase):
    def test_a_hold_is_as_long_as_the_terms_say(self):
        wrong = ["line 4, entry 3: the hold of place 1 is not as long as the terms say"]
        for minutes, problems in ((10, []), (9.99, wrong), (15.0, wrong)):
            entries = [terms(hold_minutes=minutes), join(1, ALICE), step("hold", 1, ALICE)]
            self.assertEqual(found(ledger(entries)), problems)
        entries = [terms(hold_minutes=5), terms(), join(1, ALICE), step("hold", 1, ALICE)]
        self.assertEqual(found(ledger(entries)), [], "an older ledger does not say how long")

    def test_a_length_that_is_none_cannot_be_read(self):
        entries = [terms(hold_minutes=None), join(1, ALICE)]
        self.assertEqual(found(ledger(entries)), ["line 2, entry 1: the field hold_minutes cannot be None"])
