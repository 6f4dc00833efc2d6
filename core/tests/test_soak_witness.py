"""The witness of the long run: content with what was right, and sees at any moment what may not be."""


from django.test import SimpleTestCase

from bench.soak import witness
from bench.soak.calls import Span
from bench.soak.promises import LEAST_QUIET, LONGEST_RECOVERY
from bench.soak.witness import Spell, Witness


def too_long(idle: list[Span], disturbed: list[Span]) -> list[str]:
    return witness.too_long([Spell(*span, 7, 0, 0) for span in idle], disturbed)


class IdleTests(SimpleTestCase):
    """Faults last a second here, and all must be as before two seconds later."""

    def test_a_place_that_lies_idle_for_longer_than_promised_is_seen(self) -> None:
        self.assertEqual(too_long([(0, 2), (100, 102)], []), [])
        self.assertEqual(len(too_long([(0, 3)], [])), 1)

    def test_beside_a_fault_it_may_until_all_must_be_as_before(self) -> None:
        fault = (10, 13)
        self.assertEqual(too_long([(9, 15), (11, 14)], [fault]), [])
        for idle in ((7, 12), (11, 15.5), (13, 16)):
            with self.subTest(idle=idle):
                self.assertEqual(len(too_long([idle], [fault])), 1)

    def test_a_clock_that_idles_for_a_while_after_every_fault_is_seen_between_faults_as_soon_as_they_may_follow(self):
        apart = 1 + LONGEST_RECOVERY + LEAST_QUIET
        faults = [(began, began + 1 + LONGEST_RECOVERY) for began in (0, apart, 2 * apart)]
        idle = [(began, began + apart) for began, _ in faults]
        self.assertEqual(len(too_long(idle, faults)), len(faults))
        self.assertEqual(len(too_long([(0, 3 * apart)], faults)), 1)

    def looked(self, *looks: tuple[int, list[int], bool]) -> list[Span]:
        """Return the spells that looks a second apart saw of an event of two places: tickets, lapsed holds, a line."""
        looking = Witness([7])
        for moment, (tickets, lapsed, waits) in enumerate(looks):
            held = len(lapsed)
            looking.look([(7, 2, held, tickets, False, held, tickets, lapsed, waits)], moment)
        looking.look([(7, 2, 0, 2, False, 0, 2, [], True)], len(looks))
        self.assertEqual(looking.troubles, [])
        return [(spell.since, spell.until) for spell in looking.idle]

    def test_the_witness_sees_a_place_that_nobody_has_as_long_as_somebody_waits(self) -> None:
        self.assertEqual(self.looked((1, [], True), (1, [], True), (1, [], True)), [(0, 2)])
        self.assertEqual(self.looked((1, [], True), (1, [], False), (1, [], True)), [(0, 0), (2, 2)])

    def test_each_hold_that_lapsed_is_a_spell_of_its_own(self) -> None:
        self.assertEqual(self.looked((1, [5], True), (1, [6], True), (1, [8], True)), [(0, 0), (1, 1), (2, 2)])
        self.assertEqual(self.looked((1, [5], True), (1, [5], True), (1, [5], True)), [(0, 2)])

    def test_the_witness_sees_counters_that_are_not_the_rows_numbers(self) -> None:
        looking = Witness([7])
        looking.look([(7, 2, 1, 1, False, 1, 2, [], False)], 0)
        self.assertEqual(len(looking.troubles), 1)
