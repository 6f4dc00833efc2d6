"""The ledger as a whole: one chain for each event, without gaps, that nothing changes and no crash breaks."""

import hashlib
import random
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any
from unittest import mock, skipUnless

from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.test import TransactionTestCase

from core import allocation, cleanup, clock, serving, steering
from core.fairness.ledger import pseudonym
from core.locking import locked
from core.models import Event, LedgerEntry, Ticket, TicketHold, User, new_secret

from .books import BookCase, about, deeds, kinds, length, of_ticket, terms_of, who
from .cast import (
    CastOfRaces,
    ago,
    arrive,
    book,
    join,
    later,
    ledger_of,
    ledger_problems,
    make_event,
    make_people,
    numbers,
    race,
    release,
    statuses,
)

COLUMNS = ("ledger_seq", "ledger_seal", "ledger_terms")


def log_in(user: User) -> None:
    allocation.hold_for_login(user=user, session=arrive(user))


def links(event: Event) -> list[tuple[int, str]]:
    """Return `(number, seal)` of each entry as it should be, computed as docs/ledger-format.md says."""
    seal, chain = hashlib.sha256(b"ledger of event %d" % event.pk).hexdigest(), []
    for number, text in enumerate(event.ledger.order_by("seq").values_list("text", flat=True), start=1):
        seal = hashlib.sha256(f"{seal}{text}".encode()).hexdigest()
        chain.append((number, seal))
    return chain


class ChainCase(BookCase):
    def assert_whole(self, event: Event) -> None:
        chain, row = links(event), Event.objects.get(pk=event.pk)
        self.assertEqual(list(event.ledger.order_by("seq").values_list("seq", "seal")), chain)
        self.assertEqual((row.ledger_seq, row.ledger_seal), chain[-1])
        self.assertEqual([entry["seq"] for entry in ledger_of(event)], [number for number, _ in chain])


class ChainTests(ChainCase):
    def test_each_event_that_one_login_touches_has_a_chain_of_its_own(self):
        untouched, events = make_event(capacity=0), [make_event(capacity=n) for n in (1, 2, 1, 3)]
        book(events[3], self.bob)
        join(events[0], self.bob)
        self.clock.move(minutes=10)
        log_in(self.alice)
        for event in events:
            self.assert_whole(event)
        self.assertEqual([length(event) for event in events], [6, 3, 3, 4])
        self.assertEqual(Event.objects.values_list(*COLUMNS).get(pk=untouched.pk), (0, "", ""))

    def test_whatever_one_transaction_enters_about_several_events_only_theirs_is_written(self):
        told, silent = make_event(), make_event()
        book(silent, self.bob)
        kept = Event.objects.values_list(*COLUMNS).get(pk=silent.pk)
        with locked([told.pk, silent.pk]) as both:
            both.ledger.note(both.events[told.pk], "resume", reason="")
            both.count(told.pk)
            both.count(silent.pk)
        self.assertEqual(Event.objects.values_list(*COLUMNS).get(pk=silent.pk), kept)
        self.assert_whole(told)

    def test_a_transaction_that_fails_at_its_end_leaves_no_entry_and_the_next_goes_on(self):
        event = make_event(capacity=1)
        for person in (self.alice, self.bob):
            join(event, person)
        self.clock.move(minutes=10)
        kept = Event.objects.values(*COLUMNS).get(), ledger_of(event), statuses(event)
        with mock.patch.object(serving, "announce_after_commit", side_effect=OSError), self.assertRaises(OSError):
            book(event, self.greta)
        self.assertEqual((Event.objects.values(*COLUMNS).get(), ledger_of(event), statuses(event)), kept)
        self.assertEqual(TicketHold.objects.get(user=self.bob).is_linked, False)
        clock.tick()
        self.assertEqual(kinds(event), ["terms", "join", "hold", "join", "expiry", "hold"])
        self.assert_whole(event)

    def test_an_event_that_was_loaded_before_keeps_its_ledger_when_it_is_saved(self):
        stale = make_event()
        book(stale, self.alice)
        steering.pause(event_id=stale.pk, reason="Fire drill")
        names = [*COLUMNS, "draw_seed", "pseudonym_key", "paused_at", "pause_reason"]
        kept = Event.objects.values(*names).get()
        stale.name, stale.draw_seed, stale.pseudonym_key = "Other", new_secret(), new_secret()
        stale.save()
        self.assertEqual((Event.objects.values(*names).get(), Event.objects.get().name), (kept, "Other"))
        steering.resume(event_id=stale.pk, reason="Over")
        self.assert_whole(stale)

    def test_the_chain_outlives_the_pruning_of_what_it_is_about(self):
        event = make_event(capacity=1, starts_at=later(days=400))
        ticket, place = book(event, self.alice), join(event, self.bob)
        allocation.cancel_ticket(ticket_id=ticket.pk)
        release(event, self.bob)
        self.clock.move(days=91)
        self.assertEqual((cleanup.clean()["old places removed"], TicketHold.objects.count()), (1, 0))
        again = join(event, self.bob)
        book(event, self.bob)
        joined = [entry["place"] for entry in ledger_of(event) if entry["kind"] == "join"]
        self.assertEqual((joined, place.pk < again.pk), ([place.pk, again.pk], True))
        self.assert_whole(event)


class OlderThanTheLedgerTests(ChainCase):
    def held(self, event: Event, user: User, **fields: Any) -> TicketHold:
        """Store a hold as a version without a ledger left it."""
        fields = {"held_at": ago(minutes=1), "expires_at": later(minutes=9)} | fields
        return TicketHold.objects.create(event=event, user=user, status="held", **fields)

    def test_what_people_had_before_is_entered_first_and_goes_on(self):
        event = make_event(capacity=3, held=2, booked=1)
        ticket = Ticket.objects.create(event=event, user=self.alice, code="A")
        waiting = TicketHold.objects.create(event=event, user=self.olga, login_timestamp=ago(hours=3))
        bob, greta = self.held(event, self.bob), self.held(event, self.greta, expires_at=ago(seconds=1))
        self.assertEqual(clock.tick(), 1)
        carried = [about("carried", place) for place in (bob, greta)]
        started = [terms_of(event, booked=1), *carried, about("join", waiting)]
        self.assertEqual(deeds(event), [*started, about("expiry", greta), about("hold", waiting)])
        book(event, self.bob)
        allocation.cancel_ticket(ticket_id=ticket.pk)
        self.assertEqual(deeds(event, 7), [of_ticket("cancellation", ticket, cause="cancelled_by_owner")])
        self.assertEqual(numbers(event), {"held": 1, "booked": 1, "waiting": 0})
        self.assert_whole(event)

    def test_a_hold_that_was_placed_before_the_sale_closed_breaks_no_rule_when_it_is_entered_after(self):
        event = make_event(held=1, sales_close_at=ago(minutes=1))
        self.held(event, self.alice, held_at=ago(minutes=5))
        book(event, self.alice)
        self.assert_whole(event)


class KeptByTheDatabaseTests(ChainCase):
    def refused(self, *attempts: Callable[[], object]) -> None:
        for attempt in attempts:
            with self.assertRaises(IntegrityError), transaction.atomic():
                attempt()

    def test_an_entry_cannot_be_changed_even_by_raw_sql(self):
        event = make_event()
        book(event, self.alice)
        entry, kept = LedgerEntry.objects.earliest("pk"), ledger_of(event)
        self.refused(
            lambda: run_sql("UPDATE core_ledgerentry SET text = '{}' WHERE id = %s", entry.pk),
            lambda: run_sql("UPDATE core_ledgerentry SET person = person"),
            lambda: LedgerEntry.objects.filter(seq=1).update(seal="0" * 64),
            entry.save,
        )
        self.assertEqual(ledger_of(event), kept)

    def test_no_number_is_given_twice(self):
        event = make_event()
        book(event, self.alice)
        self.refused(lambda: LedgerEntry.objects.create(event=event, seq=1, text="{}", seal="0" * 64))

    def test_what_the_ledger_cannot_take_is_not_done(self):
        event = make_event()
        book(event, self.alice)
        Event.objects.update(ledger_seq=1)  # whose next number is taken
        self.refused(lambda: book(event, self.bob))
        Event.objects.update(ledger_seq=2)
        self.assertEqual(list(Ticket.objects.values_list("user", flat=True)), [self.alice.pk])

    @skipUnless(connection.vendor == "postgresql", "on SQLite the tests themselves empty tables by DELETE")
    def test_an_entry_cannot_be_deleted_even_by_raw_sql(self):
        event = make_event()
        book(event, self.alice)
        self.refused(
            lambda: run_sql("DELETE FROM core_ledgerentry"),
            lambda: LedgerEntry.objects.latest("pk").delete(),
            lambda: LedgerEntry.objects.all().delete(),
        )
        self.assertEqual(kinds(event), ["terms", "booking"])


class SecretTests(BookCase):
    def test_a_person_is_the_same_throughout_an_event_and_somebody_else_in_every_other(self):
        events = [make_event(), make_event()]
        for event in events:
            join(event, self.alice)
            release(event, self.alice)
            book(event, self.alice)
        told = [{entry.get("person") for entry in deeds(event)[1:]} for event in events]
        self.assertEqual(told, [{who(event, self.alice.pk)} for event in events])
        self.assertEqual(len(set.union(*told)), 2)
        columns = LedgerEntry.objects.exclude(person="").values_list("event", "person").distinct()
        self.assertEqual(dict(columns), {event.pk: who(event, self.alice.pk) for event in events})

    def test_a_pseudonym_hangs_on_a_secret_that_no_entry_tells(self):
        event = make_event(line_policy="randomised_open", sales_open_at=later(hours=1))
        join(event, self.alice)
        clock.tick()
        before = pseudonym(event, self.alice.pk)
        text = "".join(LedgerEntry.objects.values_list("text", flat=True))
        self.assertEqual(
            [secret in text for secret in (event.pseudonym_key, event.draw_seed, before)], [False, False, True]
        )
        event.pseudonym_key = new_secret()
        self.assertNotEqual(pseudonym(event, self.alice.pk), before)

    def test_every_event_has_its_own_secrets_also_those_that_were_there_before(self):
        for _ in range(3):
            make_event()
        Event.objects.update(draw_seed="5e" * 32, pseudonym_key="5e" * 32)  # as adding the columns leaves them
        import_module("core.migrations.0004_secrets_of_events").make_secrets(apps, None)
        make_event()
        secrets = [secret for row in Event.objects.values_list("draw_seed", "pseudonym_key") for secret in row]
        self.assertEqual((len(set(secrets)), {len(bytes.fromhex(secret)) for secret in secrets}), (8, {32}))


class LedgerRaceTests(CastOfRaces, TransactionTestCase):
    def test_everything_at_once_on_three_events_leaves_three_whole_chains(self):
        events, dice = [make_event(capacity=n, hold_minutes=5) for n in (3, 6, 30)], random.Random(3)
        calls: list[Callable[[], Any]] = []
        for person in make_people(24):
            event = dice.choice(events)
            calls += [partial(log_in, person), partial(join, event, person), partial(book, event, person)]
            calls += [partial(release, dice.choice(events), person), partial(allocation.serve, event.pk)]
        dice.shuffle(calls)
        race(calls, threads=8)
        clock.tick()
        for event in events:
            row, chain = Event.objects.get(pk=event.pk), links(event)
            self.assertEqual(list(event.ledger.order_by("seq").values_list("seq", "seal")), chain)
            self.assertEqual((row.ledger_seq, row.ledger_seal), chain[-1])
            self.assertEqual(ledger_problems(event), [])
            self.assertEqual(as_numbers(event), numbers(event))


def as_numbers(event: Event) -> dict[str, int]:
    """Return an event's numbers as its ledger has them."""
    told = kinds(event)
    places = {kind: told.count(kind) for kind in ("join", "hold", "leave", "expiry", "release", "cancellation")}
    from_holds = sum(entry["kind"] == "booking" and entry["place"] is not None for entry in ledger_of(event))
    held = places["hold"] - places["expiry"] - places["release"] - from_holds
    booked = told.count("booking") - places["cancellation"]
    return {"held": held, "booked": booked, "waiting": places["join"] - places["hold"] - places["leave"]}


def run_sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
