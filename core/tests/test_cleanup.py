"""The cleanup: what time leaves behind is tidied, what people still have is left alone (rules 7, 14 and 25)."""

import io
import os
import signal
from collections import Counter
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import IntegrityError
from django.test import TestCase, TransactionTestCase, override_settings

from core import audit, cleanup
from core.models import Cause, Event, LastRun, Ticket, TicketHold, UserSession

from .cast import (
    Cast,
    CastOfRaces,
    ago,
    arrive,
    book,
    join,
    lapse,
    later,
    make_event,
    make_people,
    numbers,
    race,
    release,
    statuses,
)
from .tables import all_rows, changed_tables

NOTHING = {
    "lapsed holds": 0,
    "events served": 0,
    "waiting places ended": 0,
    "logins ended": 0,
    "old logins removed": 0,
    "old places removed": 0,
    "erasures finished": 0,
    "old mails removed": 0,
    "offers ended": 0,
    "addresses of old offers removed": 0,
    "old imports removed": 0,
    "unused pictures removed": 0,
    "expired sessions removed": 0,
    "addresses in the audit trail forgotten": 0,
}


def run(*options: str) -> str:
    """Run the command; return what it printed."""
    printed = StringIO()
    call_command("cleanup_expired_holds", *options, stdout=printed)
    return printed.getvalue()


class PictureTests(Cast, TestCase):
    def setUp(self) -> None:
        self.assertFalse(Path(settings.MEDIA_ROOT).is_relative_to(settings.BASE_DIR))  # those of tests are no one's
        folder = self.enterContext(TemporaryDirectory())
        self.enterContext(override_settings(MEDIA_ROOT=folder))
        self.folder = Path(folder, "events")
        self.folder.mkdir()

    def store(self, *names: str, **age: float) -> None:
        """Store pictures that were saved `days=2` ago."""
        for name in names:
            (self.folder / name).touch()
            os.utime(self.folder / name, times=(ago(**age).timestamp(),) * 2)

    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def test_what_no_event_has_goes_after_a_day_and_what_copies_share_stays(self) -> None:
        self.store("shared.png", "replaced.png", days=9)
        self.store("of_a_form_that_is_being_saved.png", hours=23)
        for status in ("draft", "cancelled"):
            make_event(image="events/shared.png", status=status)
        counts = NOTHING | {"unused pictures removed": 1}
        self.assertEqual((cleanup.count(), cleanup.clean(), cleanup.count()), (counts, counts, NOTHING))
        self.assertEqual(self.left(), ["of_a_form_that_is_being_saved.png", "shared.png"])

    def test_a_run_removes_a_batch_at_most(self) -> None:
        self.store("1.png", "2.png", "3.png", days=2)
        with mock.patch("core.cleanup.BATCH", 2):
            done = [cleanup.clean()["unused pictures removed"] for _ in range(3)]
        self.assertEqual((done, self.left()), ([2, 1, 0], []))


class LapsedHoldTests(Cast, TestCase):
    def test_a_lapsed_hold_ends_and_the_next_in_line_is_served(self) -> None:
        event = make_event(capacity=1)
        join(event, self.alice)
        join(event, self.bob)
        lapse(TicketHold.objects.all())
        self.assertEqual(cleanup.clean(), NOTHING | {"lapsed holds": 1, "events served": 1})
        self.assertEqual(statuses(event), [("alice", "expired"), ("bob", "held")])

    def test_a_hold_whose_time_is_not_over_stays(self) -> None:
        event = make_event(capacity=1)
        join(event, self.alice)
        self.assertEqual(cleanup.clean(), NOTHING)
        self.assertEqual(statuses(event), [("alice", "held")])


class AbsenceTests(Cast, TestCase):
    def setUp(self) -> None:
        self.event = make_event(capacity=0)
        for person in (self.alice, self.bob, self.greta, self.olga):
            join(self.event, person)
        TicketHold.objects.exclude(user=self.olga).update(created_at=ago(hours=25), login_timestamp=ago(hours=25))

    def test_waiting_places_of_people_unseen_for_24_hours_end(self) -> None:
        arrive(self.alice, ago(hours=25))
        arrive(self.bob, ago(hours=25), last_seen_at=ago(hours=23))
        counts = cleanup.clean()
        ended = [("alice", "left"), ("bob", "waiting"), ("greta", "left"), ("olga", "waiting")]
        self.assertEqual((statuses(self.event), counts["waiting places ended"]), (ended, 2))

    def test_one_sign_of_life_on_any_device_is_enough(self) -> None:
        for person in (self.alice, self.bob, self.greta):
            arrive(person, ago(hours=30))
            arrive(person, ago(hours=26), last_seen_at=ago(hours=1), is_active=False)
        self.assertEqual(cleanup.clean(), NOTHING | {"events served": 1, "logins ended": 3})  # for the ledger
        self.assertEqual(numbers(self.event)["waiting"], 4)

    def test_a_hold_of_somebody_unseen_lasts_its_time(self) -> None:
        held = make_event(hold_minutes=2 * 24 * 60)
        join(held, self.alice)
        TicketHold.objects.filter(event=held).update(created_at=ago(hours=25))
        cleanup.clean()
        self.assertEqual(statuses(held), [("alice", "held")])

    def test_the_lines_of_events_that_began_while_nothing_ran_end(self) -> None:
        Event.objects.update(starts_at=ago(days=2))
        counts = NOTHING | {"events served": 1}
        self.assertEqual((cleanup.count(), cleanup.clean(), cleanup.count()), (counts, counts, NOTHING))
        self.assertEqual(set(TicketHold.objects.values_list("status", flat=True)), {"left"})

    def test_many_are_ended_without_serving_one_only_to_end_it_with_the_next(self) -> None:
        event, people = make_event(capacity=1), make_people(cleanup.BATCH + 1)
        join(event, self.alice)
        TicketHold.objects.bulk_create(TicketHold(event=event, user=person) for person in people)
        ended = cleanup.end_places(TicketHold.objects.filter(event=event), cause=Cause.ABSENT)
        states = Counter(status for _, status in statuses(event))
        self.assertEqual((ended, states), (len(people) + 1, {"released": 1, "left": len(people)}))


class LoginTests(Cast, TestCase):
    def test_logins_inactive_for_24_hours_are_ended_and_kept(self) -> None:
        gone, seen = arrive(self.alice, ago(hours=24, seconds=1)), arrive(self.bob, ago(hours=23))
        self.assertEqual(cleanup.clean(), NOTHING | {"logins ended": 1})
        active = dict(UserSession.objects.values_list("pk", "is_active"))
        self.assertEqual(active, {gone.pk: False, seen.pk: True})

    def test_expired_sessions_are_removed(self) -> None:
        Session.objects.create(pk="over", session_data="", expire_date=ago(seconds=1))
        Session.objects.create(pk="live", session_data="", expire_date=later(hours=1))
        self.assertEqual(cleanup.clean(), NOTHING | {"expired sessions removed": 1})
        self.assertEqual(list(Session.objects.values_list("pk", flat=True)), ["live"])


@override_settings(RETENTION_DAYS=30)
class RetentionTests(Cast, TestCase):
    def test_places_that_ended_long_ago_are_removed_and_tickets_survive(self) -> None:
        old, young = make_event(), make_event()
        for event in (old, young):
            join(event, self.alice)
            book(event, self.alice)
            join(event, self.bob)
            release(event, self.bob)
        TicketHold.objects.filter(event=old).update(ended_at=ago(days=30, seconds=1))
        TicketHold.objects.filter(event=young).update(ended_at=ago(days=29))
        ticket = Ticket.objects.filter(event=old)
        before = ticket.values().get()
        self.assertEqual(cleanup.clean(), NOTHING | {"old places removed": 2})
        self.assertEqual(ticket.values().get(), before | {"hold_id": None})
        self.assertEqual(statuses(young), [("alice", "booked"), ("bob", "released")])
        self.assertEqual((statuses(old), numbers(old)), ([], {"held": 0, "booked": 1, "waiting": 0}))
        self.assertEqual(audit.differences(), [])

    def test_a_place_that_has_not_ended_is_kept_however_old(self) -> None:
        event = make_event(capacity=0)
        join(event, self.alice, arrive(self.alice))
        TicketHold.objects.update(created_at=ago(days=300))
        self.assertEqual(cleanup.clean(), NOTHING | {"events served": 1})  # for the ledger
        self.assertEqual(statuses(event), [("alice", "waiting")])

    def test_old_logins_are_removed_and_the_places_they_ranked_stay(self) -> None:
        event = make_event(capacity=1)
        old, ended = arrive(self.alice, ago(days=31)), arrive(self.bob, ago(days=29))
        join(event, self.alice, old)
        rank = TicketHold.objects.values("login_timestamp").get()
        self.assertEqual(cleanup.clean(), NOTHING | {"logins ended": 2, "old logins removed": 1})
        self.assertEqual(list(UserSession.objects.all()), [ended])
        self.assertEqual(TicketHold.objects.values("session", "login_timestamp").get(), {"session": None} | rank)


class CommandTests(Cast, TestCase):
    def leave_behind(self) -> None:
        """Leave something of every kind behind."""
        event, line = make_event(capacity=1), make_event(capacity=0)
        join(event, self.alice)
        join(event, self.bob)
        join(line, self.greta)
        lapse(TicketHold.objects.all())
        TicketHold.objects.filter(user=self.greta).update(created_at=ago(hours=25))
        arrive(self.greta, ago(hours=25))
        arrive(self.olga, ago(days=100))
        past = make_event()
        book(past, self.olga)
        join(past, self.greta)
        release(past, self.greta)
        TicketHold.objects.filter(event=past).update(ended_at=ago(days=100))
        Session.objects.create(pk="over", session_data="", expire_date=ago(seconds=1))

    counts = (
        "lapsed holds: 1", "events served: 2", "waiting places ended: 1", "logins ended: 2", "old logins removed: 1",
        "old places removed: 1", "expired sessions removed: 1",
    )  # fmt: skip

    def test_a_step_that_fails_keeps_no_other_from_its_work_and_is_told_at_the_end(self) -> None:
        self.leave_behind()
        broken = mock.patch("core.cleanup.clock.tick", side_effect=IntegrityError("rows that were touched by hand"))
        with broken, self.assertLogs("core.steps", "ERROR") as logged, self.assertRaises(IntegrityError):
            run()
        self.assertIn("events served: failed", logged.output[0])
        self.assertEqual((Session.objects.count(), UserSession.objects.filter(is_active=True).count()), (0, 0))
        self.assertFalse(LastRun.objects.filter(work="cleanup").exists())

    def test_a_dry_run_says_what_there_is_to_do_and_writes_nothing(self) -> None:
        self.leave_behind()
        before = all_rows()
        self.assertEqual(run("--dry-run"), f"Would do: {', '.join(self.counts)}\n")
        self.assertEqual(changed_tables(before, all_rows()), [])

    def test_the_run_does_what_the_dry_run_said(self) -> None:
        self.leave_behind()
        self.assertEqual(cleanup.count(), cleanup.clean())
        self.assertEqual((cleanup.count(), audit.differences()), (NOTHING, []))

    def test_it_prints_what_it_did_on_one_line_and_nothing_about_nothing(self) -> None:
        self.leave_behind()
        self.assertEqual((run(), run()), (f"{', '.join(self.counts)}\n", ""))

    def test_verbose_prints_every_count(self) -> None:
        self.leave_behind()
        kinds = (
            "erasures finished",
            "old mails removed",
            "offers ended",
            "addresses of old offers removed",
            "old imports removed",
            "unused pictures removed",
        )
        nothing = [f"{kind}: 0" for kind in kinds]
        last = [self.counts[-1], "addresses in the audit trail forgotten: 0", ""]
        self.assertEqual(run("--verbose"), "\n".join([*self.counts[:-1], *nothing, *last]))
        zeros = "".join(f"{name}: 0\n" for name in NOTHING)
        self.assertEqual((run("--verbose"), run("--dry-run", "--verbose")), (zeros, zeros))
        self.assertEqual(run("--verbosity", "2"), zeros)
        self.assertEqual(run("--dry-run"), "Would do: nothing\n")

    def test_a_second_run_changes_nothing(self) -> None:
        self.leave_behind()
        run()
        before = all_rows()
        run()
        self.assertEqual(changed_tables(before, all_rows()), ["core.LastRun"])  # that it ran


class Interrupting(io.StringIO):
    """A terminal at which somebody presses Control-C after the first line."""

    def write(self, text: str) -> int:
        signal.raise_signal(signal.SIGINT)
        return super().write(text)


class SeveralProcessesTests(CastOfRaces, TransactionTestCase):
    def test_four_at_once_do_everything_once_and_none_fails(self) -> None:
        people, event, full = make_people(40), make_event(capacity=20), make_event(capacity=0)
        for person in people:
            join(event, person)
        old = ago(hours=25)
        TicketHold.objects.bulk_create(TicketHold(event=full, user=person, created_at=old) for person in people)
        past = [TicketHold(event=full, user=person, status="left", ended_at=ago(days=100)) for person in people]
        TicketHold.objects.bulk_create(past)
        for person in people:
            arrive(person, ago(days=100))
        lapse(TicketHold.objects.all())
        done = [counts for counts in race([cleanup.clean] * 4, threads=4) if isinstance(counts, dict)]
        removed = ("old logins removed", "old places removed", "waiting places ended")
        self.assertEqual([sum(counts[name] for counts in done) for name in removed], [40, 40, 40])
        self.assertEqual(numbers(event), {"held": 20, "booked": 0, "waiting": 0})
        self.assertEqual({status for _, status in statuses(full)}, {"left"})
        self.assertEqual((len(done), UserSession.objects.count(), cleanup.count()), (4, 0, NOTHING))

    def test_it_repeats_until_it_is_interrupted_between_two_runs(self) -> None:
        event = make_event(capacity=1)
        join(event, self.alice)
        lapse(TicketHold.objects.all())
        handler, printed = signal.getsignal(signal.SIGINT), Interrupting()
        call_command("cleanup_expired_holds", "--watch", stdout=printed)
        self.assertEqual(printed.getvalue(), "lapsed holds: 1, events served: 1\n")
        self.assertEqual((statuses(event), signal.getsignal(signal.SIGINT)), ([("alice", "expired")], handler))
