"""The rules of a draw, and of what was promised before the sale opened, each with the entry that breaks it."""

from typing import Any

from django.test import SimpleTestCase

from .ledgers import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    IN_LINE,
    JOINED,
    MEMBERS,
    OPENING,
    OPENING_OF_NOBODY,
    RANDOMISED,
    SEED,
    Entries,
    at,
    draw,
    found,
    join,
    ledger,
    seal_of_seed,
    steering,
    step,
    terms,
    ticket,
)


class DrawTests(SimpleTestCase):
    def problems(self, *drawn: dict[str, Any], commitment: str | None = seal_of_seed(SEED)) -> list[str]:
        """Return what is found, without the line, in an opening after three people joined."""
        promised = terms(policy="randomised_open", commitment=commitment, opens=at(0), at=at(-1))
        return [text.partition(", ")[2] for text in found(ledger([promised, *JOINED, *drawn]))]

    def test_the_seed_is_the_one_that_the_terms_commit_to(self):
        wrong = "entry 5: the seed is not the one that the terms committed to"
        self.assertEqual(self.problems(*draw(IN_LINE, seed="00" * 32)), [wrong])
        unknown = "entry 5: the seed was told with the draw, and not promised before"
        self.assertEqual(self.problems(*OPENING, commitment=None), [unknown, wrong])

    def test_a_seed_is_promised_before_the_opening_and_not_on_a_draft(self):
        unknown = "the seed was told with the draw, and not promised before"
        for opens in (at(0), None):
            late = ledger([terms(opens=opens, **RANDOMISED), *JOINED, *OPENING])
            self.assertEqual(found(late), [f"line 6, entry 5: {unknown}"])
        hidden = [terms(opens=at(0), at=at(-2), status=status, **RANDOMISED) for status in ("published", "draft")]
        late = ledger([*hidden, terms(opens=at(0), **RANDOMISED), *OPENING_OF_NOBODY])
        self.assertEqual(found(late), [f"line 5, entry 4: {unknown}"])

    def test_the_order_is_the_one_of_the_seed(self):
        _, first, second, third = OPENING
        changed = [step("draw", n, IN_LINE[n], draw=entry["draw"]) for n, entry in ((1, first), (3, second))]
        wrong = ["entry 6: place 1 has number 2 by the seed", "entry 7: place 3 has number 1 by the seed"]
        self.assertEqual(self.problems(OPENING[0], *changed, third), wrong)

    def test_nobody_who_waits_is_left_out(self):
        missing = "1 of those frozen at the opening were not drawn, first place 2"
        self.assertEqual(self.problems(*OPENING[:-1], steering("pause"), steering("resume")), [f"entry 8: {missing}"])
        self.assertEqual(self.problems(*OPENING[:-1]), [f"entry 7: {missing}"])
        few = self.problems(*draw({1: ALICE, 2: BOB}))
        frozen = ["frozen is not the hash of those who wait undrawn", "2 are to be drawn, but 3 wait undrawn"]
        self.assertEqual(few[:2], [f"entry 5: {problem}" for problem in frozen])
        self.assertEqual(few[-1], "entry 7: 1 of those frozen at the opening were not drawn, first place 3")

    def test_nobody_else_is_drawn_and_nobody_twice(self):
        again = "place 3 was not to be drawn, or not again"
        self.assertEqual(self.problems(*OPENING, step("draw", 3, CAROL, draw=1)), [f"entry 9: {again}"])
        other = [join(4, DAVE), step("draw", 4, DAVE, draw=4)]
        self.assertEqual(self.problems(*OPENING, *other), ["entry 10: place 4 was not to be drawn, or not again"])

    def test_an_opening_without_its_draw_cannot_be_read(self):
        self.assertEqual(self.problems({"kind": "opening"}), ["entry 5: the field seed is missing"])

    def test_an_opening_in_order_of_login_draws_nobody(self):
        self.assertEqual(found(ledger([terms(), *JOINED, {"kind": "opening"}, step("hold", 1, ALICE)])), [])


class PromiseTests(SimpleTestCase):
    def problems(self, *entries: dict[str, Any]) -> list[str]:
        """Return what is found, without the line, after a draw was promised for minute 5 and three people joined."""
        promised = terms(opens=at(5), **RANDOMISED)
        later = [{"at": at(5)} | entry for entry in entries]
        return [text.partition(", ")[2] for text in found(ledger([promised, *JOINED, *later]))]

    def test_nothing_is_given_before_the_draw_that_was_promised(self):
        wrong = ["entry 5: a place was given before the draw that was promised"]
        self.assertEqual(self.problems(step("hold", 1, ALICE)), wrong)
        self.assertEqual(self.problems(*OPENING, step("hold", 3, CAROL)), [])

    def test_the_sale_does_not_open_before_its_time(self):
        early = [{"at": at(4)} | entry for entry in OPENING]
        self.assertEqual(self.problems(*early), ["entry 5: the sale opened before its time"])

    def test_the_commitment_stays_until_the_draw(self):
        other = RANDOMISED | {"commitment": seal_of_seed("00" * 32)}
        wrong = ["entry 5: the commitment to the seed was changed before the draw"]
        self.assertEqual(self.problems(terms(opens=at(5), at=at(1), **other)), wrong)
        self.assertEqual(self.problems(terms(opens=at(5), at=at(1), capacity=3, **RANDOMISED)), [])

    def test_a_seed_draws_once(self):
        again = terms(opens=at(9), at=at(8), **RANDOMISED)
        drawn = [{"at": at(9)} | entry for entry in draw({})]
        wrong = ["entry 10: the seed was published at an earlier opening"]
        self.assertEqual(self.problems(*OPENING, again, *drawn), wrong)

    def test_a_tier_is_not_changed_once_the_sale_has_opened(self):
        late = step("tier", 2, BOB, tier=1)
        self.assertEqual(
            self.problems(*OPENING, late), ["entry 9: the tier of place 2 was changed after the sale had opened"]
        )

    def test_a_hold_is_not_over_before_it_begins(self):
        short = step("hold", 3, CAROL, until=at(5))
        self.assertEqual(self.problems(*OPENING, short), ["entry 9: the hold of place 3 is over before it begins"])

    def test_holds_are_carried_over_at_the_beginning_only(self):
        carried = step("carried", 4, DAVE, rank=at(0), joined_at=at(0), tier=0)
        self.assertEqual(found(ledger([terms(), carried, *JOINED, ticket("booking", 9, DAVE, 4)])), [])
        wrong = ["entry 5: place 4 is held from before the ledger, which has begun long ago"]
        self.assertEqual(self.problems(carried), wrong)


class BegunTests(SimpleTestCase):
    """Once the sale has opened, or a place was given, who is served first stays as announced (rules 9 and 10)."""

    BEGINNINGS: tuple[Entries, ...] = (
        [{"kind": "opening"}],
        [step("hold", 1, ALICE), step("release", 1, ALICE)],
        [ticket("booking", 9, ALICE), ticket("cancellation", 9, ALICE)],
    )

    def test_neither_a_draw_nor_a_tier_is_announced_after_that_though_the_sale_is_put_off(self):
        late = {"opens": at(5), "at": at(1)}
        drawn, tiered = terms(**RANDOMISED, **late), terms(tiers=MEMBERS, **late)
        for beginning in self.BEGINNINGS:
            line = [join(1, ALICE)] if beginning[0].get("place") else []
            before = [terms(), *line, *beginning]
            seq = len(before) + 1
            for entry, problem in ((drawn, "the line is to be drawn,"), (tiered, "a tier was added")):
                with self.subTest(beginning=beginning[0]["kind"], problem=problem):
                    wrong = [f"line {seq + 1}, entry {seq}: {problem} after the sale had opened"]
                    self.assertEqual(found(ledger([*before, entry])), wrong)
            self.assertEqual(found(ledger([*before, terms(capacity=9, **late)])), [])

    def test_before_that_all_may_be_announced_and_given_up(self):
        early = {"opens": at(5)}
        entries = [terms(**early), terms(tiers=MEMBERS, **early), terms(**early, **RANDOMISED), terms(**early)]
        self.assertEqual(found(ledger([*entries, join(1, ALICE), step("hold", 1, ALICE, at=at(5))])), [])

    def test_a_place_does_not_get_another_tier_after_that_though_the_sale_is_put_off(self):
        again = terms(opens=at(5), tiers=MEMBERS, at=at(1))
        entries = [terms(tiers=MEMBERS), *JOINED, {"kind": "opening"}, again, step("tier", 2, BOB, tier=1, at=at(2))]
        wrong = ["line 8, entry 7: the tier of place 2 was changed after the sale had opened"]
        self.assertEqual(found(ledger(entries)), wrong)

    def test_a_tier_whose_group_is_gone_may_lose_its_number(self):
        gone = [MEMBERS[0] | {"tier": 0, "places": 0}]
        entries = [terms(tiers=MEMBERS), join(1, ALICE), step("hold", 1, ALICE), terms(tiers=gone)]
        self.assertEqual(found(ledger(entries)), [])

    def test_a_draft_begins_anew_and_hides_nobody_s_place(self):
        draft, again = terms(status="draft"), terms(opens=at(5), tiers=MEMBERS)
        over = [terms(), {"kind": "opening"}]
        self.assertEqual(found(ledger([*over, draft, again])), [])
        wrong = ["line 5, entry 4: hidden as a draft, though people have places"]
        self.assertEqual(found(ledger([*over, join(1, ALICE), draft])), wrong)
        self.assertEqual(found(ledger([*over, ticket("booking", 9, ALICE), draft])), wrong)

    def test_a_draw_that_was_promised_may_be_given_up_on_a_draft_while_nobody_is_there(self):
        promised = terms(opens=at(5), **RANDOMISED)
        entries = [promised, terms(status="draft", opens=at(5), at=at(6)), terms(opens=at(5), at=at(7)), join(1, ALICE)]
        self.assertEqual(found(ledger([*entries, step("hold", 1, ALICE, at=at(7))])), [])
