"""Figures kept by the hour: as the rows have it, once, and longer than the rows."""

import datetime as dt
from importlib import import_module
from io import StringIO
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import TestCase, TransactionTestCase

from core import cleanup
from core.analytics import keeping, rows
from core.analytics.periods import between
from core.analytics.reading import Scope, extent, read
from core.models import Announcement, HourlyFigures, LastRun, Ticket, TicketHold
from core.now import now

from .cast import (
    Cast,
    CastOfRaces,
    ago,
    arrive,
    book,
    give,
    join,
    lapse,
    later,
    make_event,
    make_person,
    race,
    release,
    revise,
)
from .sales import Sale
from .tables import all_rows, changed_tables


def kept(sale: Sale) -> list[tuple[Any, ...]]:
    """Return `(minutes of the hour, kind, part, count, minutes all in all)` of a sale's figures."""
    figures = HourlyFigures.objects.filter(event=sale.event).order_by("hour", "kind", "part")
    return [
        (
            (one.hour - sale.at) / dt.timedelta(minutes=1),
            one.kind,
            one.part,
            one.count,
            one.total if one.total is None else one.total.seconds / 60,
        )
        for one in figures
    ]


def sale_of_last_week(**fields: Any) -> Sale:
    return Sale(keeping.hour_of(ago(days=7)), **fields)


class KeepingTests(Cast, TestCase):
    def test_each_thing_is_counted_in_the_hour_of_its_own_moment(self) -> None:
        sale = sale_of_last_week()
        sale.book(joined=5, held=5, booked=7)
        sale.book(joined=55, held=70, booked=71, tier=1, cancelled_at=sale.moment(130))
        sale.place("expired", 10, 12, 22)
        sale.place("released", 10, 12, 13)
        sale.place("left", 10, None, 65)
        keeping.bring_up_to_date()
        self.assertEqual(
            kept(sale),
            [
                (0, "booked", "0", 1, None),
                (0, "held", "3", 2, 4),
                (0, "held", "login", 1, 0),
                (0, "joined", "", 5, None),
                (0, "lapsed", "", 1, None),
                (0, "peak", "", 3, None),
                (0, "released", "", 1, None),
                (0, "used", "4", 1, 2),
                (60, "booked", "1", 1, None),
                (60, "held", "5", 1, 15),
                (60, "left", "", 1, None),
                (60, "used", "3", 1, 1),
                (120, "cancelled", "", 1, None),
            ],
        )

    def test_a_lapsed_hold_counts_as_lapsed_when_its_time_was_over_swept_or_not(self) -> None:
        sale = sale_of_last_week()
        place = sale.place("held", 50, 55, None)
        keeping.bring_up_to_date()
        before = kept(sale)
        self.assertIn((60, "lapsed", "", 1, None), before)
        TicketHold.objects.filter(pk=place.pk).update(status="expired", ended_at=place.expires_at)
        self.assertEqual(keeping.differences(), [])

    def test_a_ticket_that_changed_hands_is_neither_booked_again_nor_cancelled(self) -> None:
        event = make_event()
        give(book(event, self.alice), self.bob)
        within = rows.Within(Scope(event=event).of, ago(hours=1), now())
        told = {(kind, count) for kind, _, _, count, _ in rows.flows(within, keeping.by_hour)}
        self.assertIn(("booked", 1), told)
        self.assertNotIn("cancelled", {kind for kind, _ in told})

    def test_what_ended_since_its_event_was_cancelled_nobody_gave_up(self) -> None:
        event = make_event(capacity=2, auto_hold=False)
        for person in (self.alice, self.bob, self.greta, make_person("zoe")):
            join(event, person)
        release(event, self.alice)  # greta is served
        revise(event, status="cancelled")
        within = rows.Within(Scope(event=event).of, ago(hours=1), later(hours=1))
        told = {(kind, part): count for kind, part, _, count, _ in rows.flows(within, keeping.by_hour)}
        ended = {key: count for key, count in told.items() if key[0] in {"released", "left"}}
        self.assertEqual(ended, {("released", ""): 1, ("released", "cancelled"): 2, ("left", "cancelled"): 1})

    def test_an_upgrade_divides_what_is_kept_as_the_rows_have_it(self) -> None:
        sale = sale_of_last_week()
        sale.place("left", 10, None, 60)
        for _ in range(2):
            sale.place("left", 10, None, 65)
            sale.place("released", 10, 60, 65)
        Announcement.objects.create(event=sale.event, kind="cancelled", created_at=sale.at + dt.timedelta(minutes=65))
        keeping.bring_up_to_date()
        figures = kept(sale)
        upgrade = import_module("core.migrations.0017_figures_of_cancelled_events")
        upgrade.join(apps, None)
        self.assertEqual(len(kept(sale)), len(figures) - 1)
        upgrade.divide(apps, None)
        self.assertEqual((kept(sale), keeping.differences()), (figures, []))

    def test_the_hour_that_is_not_over_for_good_is_left_to_the_rows(self) -> None:
        make_event()
        place = join(make_event(), self.alice)
        keeping.bring_up_to_date()
        self.assertEqual(HourlyFigures.objects.count(), 0)
        self.assertEqual(keeping.kept_until(), keeping.hour_of(place.created_at))  # where there first was anything

    def test_counting_again_changes_nothing_and_counting_anew_gives_the_same(self) -> None:
        sale = sale_of_last_week()
        sale.book(0, 1, 2)
        sale.place("left", 3, None, 200)
        keeping.bring_up_to_date()
        before, figures = all_rows(), kept(sale)
        keeping.bring_up_to_date()
        self.assertEqual(changed_tables(before, all_rows()), [])
        LastRun.objects.filter(work="figures").delete()
        keeping.bring_up_to_date()
        self.assertEqual(kept(sale), figures)

    def test_logins_are_of_no_event(self) -> None:
        arrive(self.alice, ago(days=3))
        keeping.bring_up_to_date()
        self.assertEqual(list(HourlyFigures.objects.values_list("event", "kind", "count")), [(None, "logins", 1)])

    def test_weeks_that_were_missed_are_made_up_for_in_pieces(self) -> None:
        sale = Sale(keeping.hour_of(ago(days=60)))
        sale.book(0, 1, 2)
        sale.book(60 * 24 * 50, 60 * 24 * 50 + 1, 60 * 24 * 50 + 2)
        keeping.bring_up_to_date()
        self.assertEqual(sum(one.count for one in HourlyFigures.objects.filter(kind="booked")), 2)
        self.assertEqual(keeping.kept_until(), keeping.hour_of(now() - keeping.FINAL_AFTER))


class FiguresOutliveRowsTests(Cast, TestCase):
    def setUp(self) -> None:
        self.sale = Sale(keeping.hour_of(ago(days=200)))
        self.sale.book(0, 1, 2)
        self.sale.place("expired", 0, 1, 11)
        arrive(self.alice, ago(days=200))

    def test_the_cleanup_counts_before_it_prunes(self) -> None:
        done = cleanup.clean()
        self.assertEqual((done["old places removed"], done["old logins removed"]), (2, 1))
        period = between(*extent(Scope(event=self.sale.event), now()), ZoneInfo("UTC"))
        found = read(Scope(event=self.sale.event), period, now())
        self.assertEqual([found.sum(kind) for kind in ("held", "used", "lapsed", "booked", "logins")], [2, 1, 1, 1, 1])

    def test_what_could_not_be_counted_is_not_pruned(self) -> None:
        with (
            mock.patch.object(keeping, "bring_up_to_date", side_effect=DatabaseError("too slow")),
            self.assertLogs("core.cleanup", "ERROR"),
        ):
            done = cleanup.clean()
        self.assertEqual((done["old places removed"], done["old logins removed"]), (0, 0))
        self.assertEqual(TicketHold.objects.count(), 2)

    def test_pruned_rows_are_no_difference(self) -> None:
        cleanup.clean()
        self.assertEqual(keeping.differences(), [])


class AuditTests(Cast, TestCase):
    def run_audit(self) -> str:
        printed = StringIO()
        try:
            call_command("audit_capacity", stdout=printed)
        except CommandError as error:
            self.assertEqual(error.returncode, 1)
        return printed.getvalue()

    def test_a_figure_that_drifted_is_named(self) -> None:
        sale = sale_of_last_week()
        Ticket.objects.filter(pk=sale.book(0, 1, 2).pk).update(hold=None)
        TicketHold.objects.all().delete()
        keeping.bring_up_to_date()
        self.assertIn(
            "Rows and numbers agree", self.run_audit().replace("booked is 0, the rows say 1", "Rows and numbers agree")
        )
        HourlyFigures.objects.filter(kind="booked").update(count=3)
        HourlyFigures.objects.create(event=sale.event, hour=sale.at, kind="left", count=1)
        hour = f"event {sale.event.pk}, hour from {sale.at:%Y-%m-%d %H:%M}"
        printed = self.run_audit()
        self.assertIn(f"{hour}: booked 0 is 3, the rows say 1", printed)
        self.assertIn(f"{hour}: left is 1, the rows say 0", printed)

    def test_a_figure_that_is_missing_is_named(self) -> None:
        sale = sale_of_last_week()
        sale.place("released", 0, 1, 2)
        keeping.bring_up_to_date()
        HourlyFigures.objects.filter(kind="released").delete()
        self.assertEqual([one.key[2] for one in keeping.differences()], ["released"])

    def test_logins_of_erased_accounts_are_no_difference_but_missing_ones_are(self) -> None:
        session = arrive(self.alice, ago(days=3))
        keeping.bring_up_to_date()
        session.delete()
        self.assertEqual(keeping.differences(), [])
        arrive(self.alice, ago(days=3))
        arrive(self.bob, ago(days=3))
        self.assertEqual([(one.kept, one.counted) for one in keeping.differences()], [(1, 2)])

    def test_a_real_sale_is_kept_as_its_rows_have_it(self) -> None:
        event = make_event(capacity=2)
        ticket = book(event, self.alice)
        for person in (self.bob, self.olga, self.greta):
            join(event, person)
        lapse(TicketHold.objects.filter(user=self.bob))
        release(event, self.greta)
        self.assertTrue(ticket.pk)
        LastRun.objects.create(work="figures", at=keeping.hour_of(ago(hours=1)))  # a lapsed hold began before now
        later = mock.patch.object(keeping, "now", lambda: now() + dt.timedelta(hours=3))
        with later:
            keeping.bring_up_to_date()
            self.assertEqual(keeping.differences(), [])
        figures = HourlyFigures.objects.exclude(kind="peak").values_list("kind", "count")
        totals: dict[str, int] = {}
        for kind, count in figures:
            totals[kind] = totals.get(kind, 0) + count
        self.assertEqual((totals["joined"], totals["booked"], totals["left"]), (3, 1, 1))


class RaceTests(CastOfRaces, TransactionTestCase):
    def test_many_at_once_count_each_hour_once(self) -> None:
        sale = sale_of_last_week()
        for n in range(20):
            sale.book(n * 30, n * 30 + 1, n * 30 + 2)
        race([keeping.bring_up_to_date] * 8)
        self.assertEqual(sum(HourlyFigures.objects.filter(kind="booked").values_list("count", flat=True)), 20)
        self.assertEqual(keeping.differences(), [])

    def test_whoever_finds_another_counting_waits_for_nobody_and_prunes_nothing(self) -> None:
        if connection.vendor != "postgresql":
            return  # SQLite has one writer at a time, whatever is locked
        sale = Sale(keeping.hour_of(ago(days=200)))
        sale.book(0, 1, 2)
        LastRun.objects.create(work="figures", at=sale.at)
        done = []

        def clean_elsewhere() -> None:
            done.append(cleanup.clean())

        with transaction.atomic():
            self.assertIsNotNone(keeping._mark_in_hand())
            race([clean_elsewhere])
        self.assertEqual(done[0]["old places removed"], 0)
        self.assertEqual(cleanup.clean()["old places removed"], 1)

    def test_without_the_lock_they_get_into_each_others_way(self) -> None:
        if connection.vendor != "postgresql":
            return  # SQLite has one writer at a time, whatever is locked
        sale = sale_of_last_week()
        for n in range(20):
            sale.book(n * 30, n * 30 + 1, n * 30 + 2)
        LastRun.objects.create(work="figures", at=sale.at)
        unlocked = mock.patch.object(keeping, "_mark_in_hand", lambda: LastRun.objects.get(work="figures"))
        with unlocked, self.assertRaises(IntegrityError):
            for _ in range(20):  # until two of them are in the same place
                LastRun.objects.filter(work="figures").update(at=sale.at)
                HourlyFigures.objects.all().delete()
                race([keeping.bring_up_to_date] * 8)
