"""What everybody concerned is told of an event: changed, cancelled, soon; whoever is killed, each person once."""

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from unittest.mock import patch

from django.db import IntegrityError, connection
from django.test import TransactionTestCase
from django.test.utils import CaptureQueriesContext
from post_office.models import STATUS, Email

from core import accounts, allocation, mailing, organizing
from core.many import insert_new
from core.models import Announcement, AnnouncementMail, MutedNotice, Ticket
from core.telling import everybody

from .cast import CastOfRaces, ago, book, join, later, make_event, make_people, race, revise
from .test_notices import NoticeCase

NIGHT = "Opera Night <3"


class EventMailCase(NoticeCase):
    """Of one place of an event in Berlin bob has a ticket, and alice waits for it."""

    def setUp(self) -> None:
        super().setUp()
        book(self.event, self.bob)
        Ticket.objects.update(mailed_at=self.clock.at, booked_at=self.clock.at)

    def post(self) -> list[tuple[str, str]]:
        everybody.remind()
        for _ in range(3):
            everybody.store()
            while mailing.deliver():
                pass
        return sorted((to[0], str(message["Subject"])) for to, message in self.inbox.messages)

    def text_to(self, name: str) -> str:
        [text] = [
            message.get_body(("plain",)).get_content()
            for to, message in self.inbox.messages
            if to == [f"{name}@example.org"]
        ]
        return " ".join(text.split())


class ChangeTests(EventMailCase):
    SUBJECT = f"Changed: {NIGHT}"
    BOTH = [("alice@example.org", SUBJECT), ("bob@example.org", SUBJECT)]

    def test_who_has_a_ticket_or_a_place_is_told_what_was_and_what_is(self) -> None:
        starts_at = self.event.starts_at + dt.timedelta(days=1)
        revise(self.event, venue="Kleiner Saal", starts_at=starts_at, description="New")
        self.assertEqual(self.post(), [])
        self.clock.move(seconds=61)
        self.assertEqual([self.post(), self.post()], [self.BOTH, self.BOTH])
        for fact in (
            "It starts Tuesday 2 July 2030, 20:15 (Europe/Berlin); before, it was Monday 1 July 2030, 20:15",
            "It takes place at Kleiner Saal; before, it was Großer Saal.",
        ):
            self.assertIn(fact, self.text_to("bob"))

    def test_a_slip_that_is_put_right_within_a_minute_is_one_mail_or_none(self) -> None:
        revise(self.event, venue="Kliener Saal")
        self.clock.move(seconds=30)
        revise(self.event, venue="Kleiner Saal")
        self.clock.move(seconds=59)
        self.assertEqual(self.post(), [])
        self.clock.move(seconds=2)
        self.assertEqual(self.post(), self.BOTH)
        self.assertIn("at Kleiner Saal; before, it was Großer Saal.", self.text_to("bob"))
        revise(self.event, venue="Kliener Saal")
        revise(self.event, venue="Kleiner Saal")
        self.clock.move(hours=1)
        self.assertEqual(self.post(), self.BOTH)

    def test_other_changes_are_no_news(self) -> None:
        revise(self.event, description="New", capacity=5, name="Opera")
        self.clock.move(hours=1)
        self.assertEqual((self.post(), Announcement.objects.count()), ([], 0))

    def test_a_queue_that_stood_does_not_tell_when_the_event_has_started(self) -> None:
        revise(self.event, venue="Kleiner Saal")
        self.clock.at = self.event.starts_at
        self.assertEqual(self.post(), [])
        self.assertIsNotNone(Announcement.objects.get().finished_at)

    def test_it_is_essential(self) -> None:
        revise(self.event, venue="Kleiner Saal")
        self.clock.move(hours=1)
        self.post()
        self.assertEqual({message["List-Unsubscribe"] for _, message in self.inbox.messages}, {None})


class CancellationTests(EventMailCase):
    SUBJECT = f"Cancelled: {NIGHT}"

    def test_holders_and_who_was_in_line_or_held_a_place_are_told_each_in_words_of_their_own(self) -> None:
        revise(self.event, capacity=2)  # alice is held a place
        join(self.event, self.greta)  # and greta waits
        revise(self.event, status="cancelled")
        told = [(f"{name}@example.org", self.SUBJECT) for name in ("alice", "bob", "greta")]
        self.assertEqual([self.post(), self.post()], [told, told])
        self.assertIn("Your ticket does not open a gate any more.", self.text_to("bob"))
        for name in ("alice", "greta"):
            self.assertIn("You had no ticket yet", self.text_to(name))

    def test_who_had_left_before_is_not(self) -> None:
        self.clock.move(seconds=1)
        allocation.release(event_id=self.event.pk, user=self.alice)
        self.clock.move(seconds=1)
        revise(self.event, status="cancelled")
        self.assertEqual(self.post(), [("bob@example.org", self.SUBJECT)])

    def test_of_a_change_that_was_not_told_yet_nobody_is(self) -> None:
        revise(self.event, venue="Kleiner Saal")
        revise(self.event, status="cancelled")
        self.clock.move(hours=1)
        self.assertEqual({subject for _, subject in self.post()}, {self.SUBJECT})

    def test_an_event_that_takes_place_after_all_is_told_as_well(self) -> None:
        revise(self.event, status="cancelled")
        self.post()
        self.inbox.messages.clear()
        revise(self.event, status="published")
        self.clock.move(seconds=61)
        self.assertEqual(self.post(), [("bob@example.org", f"Changed: {NIGHT}")])
        self.assertIn("takes place after all", self.text_to("bob"))

    def test_the_mail_of_a_draft_is_none(self) -> None:
        draft = make_event(status="draft")
        revise(draft, status="cancelled")
        self.assertFalse(Announcement.objects.exists())

    def test_they_read_what_the_organizer_wrote_for_them_and_not_the_reason_in_the_history(self) -> None:
        told = "The singer is ill.\n\nYour <money> comes back."
        organizing.cancel(event_id=self.event.pk, reason="Sold too little", told=told)
        self.post()
        self.assertIn("The organizer writes: The singer is ill. Your <money> comes back.", self.text_to("bob"))
        html = self.said("html")
        self.assertIn("<p>The singer is ill.</p> <p>Your &lt;money&gt; comes back.</p>", html)
        self.assertNotIn("Sold too little", self.text_to("alice") + self.text_to("bob") + html)


class ReminderTests(EventMailCase):
    SUBJECT = f"Soon: {NIGHT}"

    def setUp(self) -> None:
        super().setUp()
        self.clock.at = self.event.starts_at - dt.timedelta(days=1, seconds=1)

    def test_who_has_a_ticket_is_told_once_on_the_day_before(self) -> None:
        self.assertEqual(self.post(), [])
        self.clock.move(seconds=2)
        expected = [("bob@example.org", self.SUBJECT)]
        self.assertEqual([self.post(), self.post()], [expected, expected])
        self.assertIn("Monday 1 July 2030, 20:15 (Europe/Berlin)", self.text_to("bob"))

    def test_of_an_event_that_is_moved_to_another_day_they_are_told_again_a_day_before_that_once(self) -> None:
        self.clock.move(seconds=2)
        self.assertEqual(self.post(), [("bob@example.org", self.SUBJECT)])
        self.move(days=3)
        self.assertEqual([self.reminders(), self.reminders()], [1, 1])
        self.clock.move(days=3)
        self.assertEqual([self.reminders(), self.reminders()], [2, 2])
        _, message = self.inbox.messages[-1]
        self.assertIn("Thursday 4 July 2030, 20:15", message.get_body(("plain",)).get_content())

    def test_of_one_that_is_moved_within_the_day_they_are_told_by_the_change_alone(self) -> None:
        self.clock.move(seconds=2)
        self.post()
        self.move(hours=3)
        self.clock.move(minutes=2)
        subjects = [subject for to, subject in self.post() if to == "bob@example.org"]
        self.assertEqual(subjects, [f"Changed: {NIGHT}", self.SUBJECT])

    def test_a_reminder_that_was_stored_is_not_sent_when_the_event_is_moved_meanwhile(self) -> None:
        self.clock.move(seconds=2)
        everybody.remind()
        everybody.store()
        self.move(days=3)
        self.assertEqual((self.reminders(), self.statuses()[0]), (0, STATUS.failed))
        self.clock.move(days=3)
        self.assertEqual([self.reminders(), self.reminders()], [1, 1])

    def test_nor_one_that_is_made_at_the_instant_of_the_move(self) -> None:
        self.clock.move(seconds=2)

        def move_first(*args: Any) -> list[tuple[Any, ...]]:
            self.move(days=3)
            return insert_new(*args)

        with patch.object(everybody, "insert_new", move_first):
            self.assertEqual(everybody.remind(), 1)
        self.assertEqual(self.reminders(), 0)
        self.clock.move(days=3)
        self.assertEqual([self.reminders(), self.reminders()], [1, 1])

    def move(self, **length: float) -> None:
        """Let the event start later."""
        self.event.refresh_from_db()
        revise(self.event, starts_at=self.event.starts_at + dt.timedelta(**length))

    def reminders(self) -> int:
        """Deliver what is due; return how many reminders there have been."""
        return [subject for _, subject in self.post()].count(self.SUBJECT)

    def test_not_with_a_ticket_that_was_cancelled_before_or_meanwhile(self) -> None:
        self.clock.move(seconds=2)
        everybody.remind()
        everybody.store()
        allocation.cancel_ticket(ticket_id=self.event.tickets.get().pk)
        self.assertEqual((self.post(), self.statuses()), ([], [STATUS.failed]))

    def test_not_to_who_does_without_by_the_time_it_is_delivered(self) -> None:
        self.clock.move(seconds=2)
        everybody.remind()
        everybody.store()
        MutedNotice.objects.create(user=self.bob, notice="reminder")
        self.assertEqual((self.post(), self.statuses()), ([], [STATUS.failed]))

    def test_not_when_it_was_booked_on_the_last_day_nor_when_it_is_not_wanted(self) -> None:
        revise(self.event, capacity=3)
        book(self.event, self.greta)
        MutedNotice.objects.create(user=self.bob, notice="reminder")
        Ticket.objects.filter(user=self.greta).update(booked_at=self.event.starts_at - dt.timedelta(hours=23))
        self.clock.move(seconds=2)
        self.assertEqual(self.post(), [])

    def test_not_after_the_start_nor_for_a_cancelled_event(self) -> None:
        self.clock.move(seconds=2)
        everybody.remind()
        everybody.store()
        self.clock.move(days=1)
        self.assertEqual((self.post(), self.statuses()), ([], [STATUS.failed]))
        self.assertEqual(Announcement.objects.count(), 1)


class WritingTests(CastOfRaces, TransactionTestCase):
    """Staff change an event again while a process writes the mails about the first change."""

    def setUp(self) -> None:
        super().setUp()
        self.event = make_event()
        book(self.event, self.alice)
        revise(self.event, venue="Hangar")
        Announcement.objects.update(begin_at=ago(seconds=1))

    def store(self, meanwhile: Callable[[], object]) -> int:
        """Store mails, and do something while the first is written; nothing may be locked then."""
        write = everybody.message_of

        def written(*args: Any, **kwargs: Any) -> Any:
            self.assertFalse(connection.in_atomic_block)
            meanwhile()
            return write(*args, **kwargs)

        with patch.object(everybody, "message_of", written):
            return everybody.store()

    def test_the_second_change_becomes_part_of_the_same_mail_a_minute_later(self) -> None:
        self.assertEqual(self.store(lambda: revise(self.event, venue="Harbor")), 0)
        self.assertEqual((everybody.store(), Email.objects.count()), (0, 0))
        Announcement.objects.update(begin_at=ago(seconds=1))
        self.assertEqual(self.store(lambda: None), 1)
        self.assertIn("at Harbor; before, it was Hall.", Email.objects.get().message)

    def test_an_event_that_is_cancelled_meanwhile_is_not_told_to_have_changed(self) -> None:
        self.assertEqual(self.store(lambda: revise(self.event, status="cancelled")), 0)
        self.assertEqual((everybody.store(), Email.objects.get().subject), (1, "Cancelled: Concert"))

    def test_what_another_process_stores_meanwhile_is_stored_once(self) -> None:
        def first() -> None:
            with patch.object(everybody, "message_of", write):
                everybody.store()

        write = everybody.message_of
        self.assertEqual(self.store(first), 0)
        self.assertEqual((Email.objects.count(), AnnouncementMail.objects.count()), (1, 1))


class BatchTests(CastOfRaces, TransactionTestCase):
    """An event with 120 tickets is cancelled: three batches."""

    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(capacity=200)
        self.people = make_people(120)
        allocation.book_all(event_id=self.event.pk, user_ids=[person.pk for person in self.people])
        revise(self.event, status="cancelled")

    def stored(self) -> tuple[int, int, int]:
        people = AnnouncementMail.objects.values("user").distinct().count()
        return Email.objects.count(), AnnouncementMail.objects.count(), people

    def let_them_be_tried(self) -> None:
        Email.objects.update(status=STATUS.sent)

    def test_the_next_batch_is_stored_when_the_last_was_tried(self) -> None:
        self.assertEqual([everybody.store(), everybody.store()], [50, 0])
        for left in (50, 20, 0):
            self.let_them_be_tried()
            self.assertEqual(everybody.store(), left)
        self.assertEqual(self.stored(), (120, 120, 120))

    def test_a_mail_that_was_in_the_hands_of_somebody_who_was_killed_holds_up_nobody(self) -> None:
        everybody.store()
        in_hand = Email.objects.order_by("pk")[0].pk
        Email.objects.filter(pk=in_hand).update(scheduled_time=later(minutes=3))
        Email.objects.exclude(pk=in_hand).update(status=STATUS.sent)
        self.assertEqual(everybody.store(), 50)

    def test_what_is_killed_within_a_batch_goes_on_where_it_was(self) -> None:
        everybody.store()
        self.let_them_be_tried()
        with patch.object(everybody, "_go_on", side_effect=SystemExit), suppress(SystemExit):
            everybody.store()
        self.assertEqual(self.stored(), (50, 50, 50))
        for _ in range(3):
            everybody.store()
            self.let_them_be_tried()
        self.assertEqual(self.stored(), (120, 120, 120))

    def race(self) -> None:
        for _ in range(4):
            race([everybody.store] * 16, threads=8)
            self.let_them_be_tried()

    def test_however_many_processes_store_it_each_person_is_told_once(self) -> None:
        self.race()
        self.assertEqual(self.stored(), (120, 120, 120))
        self.assertIsNotNone(Announcement.objects.get().finished_at)

    def test_the_database_refuses_a_second_one_when_the_lock_is_not_taken(self) -> None:
        pk = Announcement.objects.get().pk
        stale = everybody._write(Announcement.objects.get())
        everybody.store()
        with self.assertRaises(IntegrityError):
            everybody._store_mails(Announcement.objects.get(pk=pk), stale)

    def test_of_processes_that_find_an_event_one_makes_the_reminder(self) -> None:
        soon = make_event(starts_at=later(hours=20))
        book(soon, self.alice)
        made = race([everybody.remind] * 16, threads=8)
        self.assertEqual(sum(made), 1)
        self.assertEqual(Announcement.objects.filter(kind="reminder").count(), 1)

    def test_an_account_that_is_erased_is_in_no_list_of_who_was_told(self) -> None:
        everybody.store()
        accounts.erase_account(self.people[0])
        self.assertFalse(AnnouncementMail.objects.filter(user=self.people[0]).exists())

    def test_a_batch_asks_as_much_with_many_people_as_with_few(self) -> None:
        counts = []
        for batch in (3, 30):
            with patch.object(everybody, "BATCH", batch), CaptureQueriesContext(connection) as asked:
                self.assertEqual(everybody.store(), batch)
            counts.append(len(asked))
            self.let_them_be_tried()
        self.assertEqual(counts[0], counts[1])
