"""`manage.py verify_ledger`: an event's ledger by its rules, and the database by the ledger."""

from collections.abc import Callable
from io import StringIO

from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import TestCase

from core import allocation, steering
from core.models import Event, LedgerEntry, Ticket, TicketHold

from .cast import Cast, HandClock, ago, book, join, later, make_event
from .tables import all_rows, changed_tables


def run(*args: object) -> tuple[int, str, str]:
    """Run the command; return its exit code, what it printed, and its last words."""
    printed = StringIO()
    try:
        call_command("verify_ledger", *map(str, args), stdout=printed)
    except CommandError as error:
        return error.returncode, printed.getvalue(), str(error)
    return 0, printed.getvalue(), ""


def in_order(event: Event) -> str:
    """Return the line about an event with whose ledger all is well."""
    event.refresh_from_db()
    return f"event {event.pk} (Concert): {event.ledger_seq} entries, in order, seal {event.ledger_seal}\n"


class CommandTests(Cast, TestCase):
    def setUp(self) -> None:
        self.event = make_event(capacity=1)
        join(self.event, self.alice)

    def test_a_good_ledger_is_one_line_and_exit_code_0(self):
        self.assertEqual(run(self.event.pk), (0, in_order(self.event), ""))

    def test_several_events_or_all_of_them_are_a_line_each(self):
        other, third = make_event(), make_event(status="draft")
        join(other, self.bob)
        self.assertEqual(run(other.pk, self.event.pk), (0, in_order(other) + in_order(self.event), ""))
        code, printed, _ = run("--all")
        numbers = [int(line.split()[1]) for line in printed.splitlines()]
        self.assertEqual((code, numbers), (0, [self.event.pk, other.pk, third.pk]))

    def test_problems_stand_below_their_event_and_the_exit_code_is_1(self):
        good = make_event()
        Event.objects.filter(pk=self.event.pk).update(booked=0, held=0)
        head = in_order(self.event).replace("in order", "problems: 1")
        problem = "  0 places are held by the event's counter, 1 by the ledger\n"
        join(good, self.bob)
        self.assertEqual(run("--all"), (1, head + problem + in_order(good), "Problems: 1."))

    def test_an_event_that_is_none_is_an_error_before_anything_is_checked(self):
        for number in (self.event.pk + 1, 0, 10**30):
            self.assertEqual(run(self.event.pk, number), (2, "", f"There is no event {number}."))

    def test_events_are_named_or_all_are_meant(self):
        sentence = "Name events by their numbers, or all of them by --all: one or the other."
        self.assertEqual([run(), run(self.event.pk, "--all")], [(2, "", sentence)] * 2)

    def test_it_changes_nothing(self):
        join(self.event, self.bob)
        before = all_rows()
        run("--all")
        self.assertEqual(changed_tables(before, all_rows()), [])


class DifferenceTests(Cast, TestCase):
    """Alice has a ticket, bob holds a place, greta waits; then somebody writes past the ledger."""

    def setUp(self) -> None:
        self.clock = self.enterContext(HandClock())
        self.event = make_event(capacity=2)
        self.a, self.b, self.g = (join(self.event, person) for person in (self.alice, self.bob, self.greta))
        self.ticket = book(self.event, self.alice)
        steering.extend_holds(event_id=self.event.pk, minutes=5, reason="An outage.")

    def problems(self) -> list[str]:
        code, printed, _ = run(self.event.pk)
        found = [line.strip() for line in printed.splitlines()[1:]]
        self.assertEqual(code, 1 if found else 0)
        return found

    def row(self, **values: object) -> Callable[[], object]:
        return lambda: Event.objects.filter(pk=self.event.pk).update(**values)

    def place(self, place: TicketHold, **values: object) -> Callable[[], object]:
        return lambda: TicketHold.objects.filter(pk=place.pk).update(**values)

    def assert_found(self, tamper: Callable[[], object], *problems: str) -> None:
        self.assertEqual(self.problems(), [])
        tamper()
        self.assertEqual(self.problems(), list(problems))

    def test_all_is_well_while_a_hold_has_lapsed_and_nobody_swept_it(self):
        self.clock.move(hours=1)
        self.assertEqual(self.problems(), [])

    def test_who_joined_and_is_not_entered_yet_is_no_difference(self):
        join(self.event, self.olga)
        self.assertEqual(TicketHold.objects.get(user=self.olga).is_linked, False)
        self.assertEqual(self.problems(), [])

    def test_a_hold_that_the_ledger_does_not_have(self):
        times = {"held_at": self.clock.at, "expires_at": later(hours=1)}
        hold = TicketHold.objects.create(event=self.event, user=self.olga, status="held", **times)
        self.assertEqual(self.problems(), [f"place {hold.pk} is held in the database, and not in the ledger"])

    def test_a_place_that_the_database_does_not_have(self):
        self.assert_found(
            TicketHold.objects.filter(pk=self.g.pk).delete,
            f"place {self.g.pk} is waiting in the ledger, and not in the database",
        )

    def test_a_place_that_is_another_person_s_or_of_another_rank(self):
        before = f"place {self.g.pk} is not the same in the database as in the ledger: "
        for field, value, name in (
            ("user", self.olga, "person"),
            ("login_timestamp", ago(days=1), "rank"),
            ("tier", 1, "tier"),
            ("draw", 7, "draw"),
        ):
            was = TicketHold.objects.values_list(field, flat=True).get(pk=self.g.pk)
            with self.subTest(field=field):
                self.assert_found(self.place(self.g, **{field: value}), before + name)
            self.place(self.g, **{field: was})()

    def test_a_hold_that_was_made_longer(self):
        before = f"place {self.b.pk} is not the same in the database as in the ledger: "
        self.assert_found(self.place(self.b, expires_at=later(hours=1)), before + "end of the hold")

    def test_a_place_that_was_held_past_the_line(self):
        before = f"place {self.g.pk} is not the same in the database as in the ledger: "
        self.assert_found(
            self.place(self.g, status="held", held_at=self.clock.at, expires_at=later(hours=1)), before + "status"
        )

    def test_a_ticket_that_the_ledger_does_not_have(self):
        ticket = Ticket.objects.create(event=self.event, user=self.olga, code="made up")
        problem = f"valid tickets that the ledger does not have: 1 ({ticket.pk}), but it counts 0 as older than itself"
        self.assertEqual(self.problems(), [problem])

    def test_a_ticket_that_was_cancelled_or_given_to_somebody_else(self):
        tickets = Ticket.objects.filter(pk=self.ticket.pk)
        self.assert_found(
            lambda: tickets.update(user=self.olga),
            f"ticket {self.ticket.pk} is not of the same person and tier in the database as in the ledger",
        )
        tickets.update(cancelled_at=self.clock.at)
        self.assertEqual(self.problems(), [f"ticket {self.ticket.pk} is valid in the ledger, and not in the database"])

    def test_a_cancelled_ticket_that_was_made_valid_again(self):
        allocation.cancel_ticket(ticket_id=self.ticket.pk)
        self.assert_found(
            lambda: Ticket.objects.update(cancelled_at=None),
            f"ticket {self.ticket.pk} is cancelled in the ledger, and valid in the database",
        )

    def test_counters_that_were_changed(self):
        self.assert_found(
            self.row(held=0, booked=2),
            "0 places are held by the event's counter, 1 by the ledger",
            "2 places are booked by the event's counter, 1 by the ledger",
        )

    def test_a_pause_by_hand(self):
        self.assert_found(
            self.row(paused_at=self.clock.at), "serving is not paused in the ledger, and paused in the database"
        )

    def test_another_last_seal(self):
        self.assert_found(self.row(ledger_seal="0" * 64), "line 1: the header's seal is not that of the last entry")

    def test_an_entry_past_the_last_one(self):
        last = LedgerEntry.objects.latest("seq")
        entry = LedgerEntry(event=self.event, seq=last.seq + 1, text=last.text, seal=last.seal)
        self.assert_found(entry.save, f"the event says that its last entry is {last.seq}, but it is {last.seq + 1}")

    def test_an_entry_that_breaks_a_rule(self):
        seq = LedgerEntry.objects.latest("seq").seq + 1
        LedgerEntry.objects.create(event=self.event, seq=seq, text="{}", seal="0" * 64)
        self.row(ledger_seq=seq, ledger_seal="0" * 64)()
        self.assertIn(f"line {seq + 1}", self.problems()[0])


class OlderTests(Cast, TestCase):
    def test_what_is_older_than_the_ledger_is_no_difference(self):
        event = make_event(capacity=3, booked=1, held=1)
        ticket = Ticket.objects.create(event=event, user=self.alice, code="older")
        hold = TicketHold.objects.create(
            event=event, user=self.bob, status="held", held_at=later(), expires_at=later(minutes=9)
        )
        self.assertEqual(run(event.pk)[0], 0)
        join(event, self.greta)
        self.assertEqual(run(event.pk), (0, in_order(event), ""))
        allocation.cancel_ticket(ticket_id=ticket.pk)
        book(event, self.bob)
        self.assertEqual(run(event.pk), (0, in_order(event), ""))
        self.assertEqual(TicketHold.objects.get(pk=hold.pk).is_linked, True)
