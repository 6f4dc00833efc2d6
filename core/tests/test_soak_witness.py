"""The witness of the long run: content with what was right, and sees at any moment what may not be."""

import datetime as dt
from unittest import skipUnless

from django.db import connection
from django.test import SimpleTestCase

from bench.soak import witness
from bench.soak.calls import Span
from bench.soak.promises import LEAST_QUIET, LONGEST_RECOVERY
from bench.soak.witness import ROWS, Row, Spell, Witness, question
from core import checkin, ticket_code
from core.models import Scan, Ticket, TicketHold
from core.now import now
from core.tests.cast import arrive, book, join
from core.tests.test_planted_guards import GuardCase


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

    def test_the_witness_sees_that_tickets_are_gone(self) -> None:
        looking = Witness([7])
        for ever in (3, 4, 3):
            looking.look([(7, 2, 0, 1, False, 0, 1, [], None, ever)], 0)
        self.assertEqual(looking.troubles, ["event 7: 3 tickets are left of 4"])

    def test_what_goes_on_being_wrong_is_told_once(self) -> None:
        looking = Witness([7])
        for _ in range(2):
            looking.look([(7, 2, 1, 1, False, 1, 2, [], None)], 0, ["place 5 is booked, and has no ticket"])
        self.assertEqual(len(looking.troubles), 2)


class MomentTests(GuardCase):
    """Alice was held the one place, and has booked it and come in; bob waits, and greta after him.

    What no moment may show is looked for as of any database, and the guards that keep it out are taken out.
    """

    def setUp(self) -> None:
        super().setUp()
        for person in (self.alice, self.bob, self.greta):
            self.clock.move(minutes=1)
            join(self.event, person, arrive(person))
        self.ticket = book(self.event, self.alice)
        checkin.scan(code=self.ticket.code, event=self.event, staff=self.olga, nonce="one")
        self.hold, self.bobs, self.gretas = TicketHold.objects.order_by("pk")
        self.before = Row(self.event.pk, 1, 0, 1, False, 0, 1, [], self.bobs.pk, 1, now())
        self.later = now() + dt.timedelta(seconds=1)

    def wrong(self) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(question([self.event.pk], [self.before]))
            return [text for (text,) in cursor.fetchall()]

    def give(self, place: TicketHold) -> None:
        until = self.later + dt.timedelta(minutes=10)
        TicketHold.objects.filter(pk=place.pk).update(status="held", held_at=self.later, expires_at=until)

    def ticket_of(self, place: TicketHold) -> Ticket:
        code = ticket_code.make(self.event.pk)
        return Ticket.objects.create(event=self.event, user=place.user, code=code, booked_at=self.later)

    def test_what_is_right_is_not_wrong(self) -> None:
        self.assertEqual(self.wrong(), [])
        self.give(self.bobs)
        self.before = self.before._replace(first=None)
        self.assertEqual(self.wrong(), [])

    def test_a_booked_place_without_a_ticket_is_seen(self) -> None:
        Ticket.objects.update(hold=None)
        self.assertEqual(self.wrong(), [f"place {self.hold.pk} is booked, and has no ticket"])

    def test_a_ticket_of_a_place_that_ended_otherwise_is_seen(self) -> None:
        TicketHold.objects.filter(pk=self.hold.pk).update(status="released")
        self.assertEqual(self.wrong(), [f"ticket {self.ticket.pk} is of place {self.hold.pk}, which is released"])

    def test_a_ticket_that_was_admitted_twice_is_seen(self) -> None:
        self.drop_index("scan_admits_once")
        Scan.objects.create(event=self.event, ticket=self.ticket, staff=self.olga, outcome="admitted", let_in=True)
        self.assertEqual(self.wrong(), [f"ticket {self.ticket.pk} was admitted 2 times"])

    def test_a_scan_that_is_there_twice_is_seen(self) -> None:
        self.drop_index("scan_once_per_nonce")
        Scan.objects.create(event=self.event, staff=self.olga, nonce="one", outcome="unknown_code")
        self.assertEqual(self.wrong(), ["scan one is there 2 times"])

    def test_an_admission_that_no_scan_tells_of_is_seen(self) -> None:
        Scan.objects.update(undone_at=now())
        self.assertEqual(self.wrong(), [f"ticket {self.ticket.pk} is admitted, and no scan says so"])

    def test_whoever_is_given_a_place_past_the_first_in_line_is_seen(self) -> None:
        self.give(self.gretas)
        self.assertEqual(self.wrong(), [f"place {self.gretas.pk} was given before place {self.bobs.pk}"])

    def test_whoever_was_given_it_before_the_first_was_seen_to_wait_is_not(self) -> None:
        self.give(self.gretas)
        self.before = self.before._replace(read_at=self.later)
        self.assertEqual(self.wrong(), [])

    def test_a_direct_booking_past_the_line_is_seen(self) -> None:
        ticket = self.ticket_of(self.gretas)
        self.assertEqual(self.wrong(), [f"ticket {ticket.pk} was booked past place {self.bobs.pk}"])

    def test_a_rank_before_the_login_is_seen(self) -> None:
        earlier = self.gretas.login_timestamp - dt.timedelta(seconds=1)
        TicketHold.objects.filter(pk=self.gretas.pk).update(login_timestamp=earlier)
        self.assertEqual(self.wrong(), [f"place {self.gretas.pk} is ranked before its login"])

    def test_two_places_and_two_tickets_of_one_person_are_seen(self) -> None:
        self.drop_index("hold_one_live_per_person")
        self.drop_index("ticket_one_valid_per_person")
        TicketHold.objects.filter(pk=self.gretas.pk).update(user=self.bob, session=None)
        self.gretas.user = self.alice
        ticket = self.ticket_of(self.gretas)
        Ticket.objects.filter(pk=ticket.pk).update(booked_at=self.before.read_at)
        told = {f"person {self.bob.pk} has 2 places of event {self.event.pk}"}
        told.add(f"person {self.alice.pk} has 2 tickets of event {self.event.pk}")
        self.assertEqual(set(self.wrong()), told)

    @skipUnless(connection.vendor == "postgresql", "the long run needs PostgreSQL")
    def test_a_look_sees_the_numbers_the_rows_and_who_is_first(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(ROWS, [[self.event.pk]])
            [row] = [Row(*row) for row in cursor.fetchall()]
        self.assertEqual(row._replace(read_at=None), self.before._replace(read_at=None))
        self.assertIsNotNone(row.read_at)
