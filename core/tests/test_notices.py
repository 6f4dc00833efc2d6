"""What people are told of places and tickets: your turn, about to lapse, cancelled by staff; each once, in time."""

import datetime as dt
from unittest.mock import patch

from django.db import connection
from django.test import TestCase, TransactionTestCase, override_settings
from django.test.utils import CaptureQueriesContext
from post_office.models import STATUS, Email

from core import allocation, mailing, steering
from core.joining import store_new
from core.mail_rows import GIVEN_UP
from core.models import Cause, Event, MutedNotice, TicketHold, User
from core.telling import noted, places

from .cast import Cast, CastOfRaces, HandClock, ago, arrive, book, join, later, make_event, make_people, race, release
from .desk import at_desk, make_administrator
from .test_mailing import MailCase
from .visits import BROWSER, visit


class NoticeCase(MailCase):
    """A clock that is moved by hand, and an event in Berlin whose one place bob holds while alice waits."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = self.enterContext(HandClock())
        self.clock.at = dt.datetime(2030, 6, 1, 10, tzinfo=dt.UTC)
        self.event.capacity = 1
        self.event.save(update_fields=["capacity"])
        join(self.event, self.bob)
        self.place = join(self.event, self.alice)

    def give_turn(self) -> None:
        """Let alice be held the place."""
        release(self.event, self.bob)

    def post(self) -> list[tuple[str, str]]:
        """Store and deliver what is due; return to whom each mail of all so far went, and its subject."""
        places.tell()
        while mailing.deliver():
            pass
        return [(to[0], str(message["Subject"])) for to, message in self.inbox.messages]

    def said(self, kind: str = "plain") -> str:
        """Return the text of the last mail."""
        _, message = self.inbox.messages[-1]
        return " ".join(message.get_body((kind,)).get_content().split())


TURN = ("alice@example.org", "Your turn: Opera Night <3")
LAPSE = ("alice@example.org", "Your hold is about to lapse: Opera Night <3")


class TurnTests(NoticeCase):
    def test_who_waited_is_told_once_with_the_link_how_long_and_the_zone(self) -> None:
        self.give_turn()
        self.clock.move(seconds=11)
        self.assertEqual([self.post(), self.post()], [[TURN], [TURN]])
        for fact in ("for 10 minutes", "until Saturday 1 June 2030, 12:10 (Europe/Berlin)", "alice", "Großer Saal"):
            self.assertIn(fact, self.said())
            self.assertIn(fact, self.said("html").replace("<strong>", "").replace("<bdi>", ""))
        for kind in ("plain", "html"):
            self.assertIn(f"http://127.0.0.1:8000/events/{self.event.pk}/", self.said(kind))
        self.assertIn("Opera Night &lt;3</h1>", self.said("html"))

    def test_who_watches_the_page_and_books_within_seconds_is_not(self) -> None:
        self.give_turn()
        self.assertEqual(self.post(), [])
        book(self.event, self.alice)
        self.clock.move(seconds=11)
        self.assertEqual(self.post(), [])

    def test_in_a_rush_it_waits_a_minute(self) -> None:
        self.give_turn()
        self.clock.move(seconds=59)
        self.assertEqual(places.tell(in_rush=True), 0)
        self.clock.move(seconds=2)
        self.assertEqual(places.tell(in_rush=True), 1)

    def test_who_did_not_wait_is_not(self) -> None:
        self.clock.move(seconds=11)  # bob's was held as he joined
        self.assertEqual((self.post(), TicketHold.objects.filter(status="held").count()), ([], 1))

    @override_settings(TIERS=["members"])
    def test_nor_at_an_event_with_tiers_where_who_waited_is(self) -> None:
        event = make_event(tier_shares={"members": 50}, capacity=1)
        join(event, self.bob)  # held at once, through the line
        join(event, self.greta)
        self.clock.move(seconds=11)
        self.assertEqual(self.post(), [])
        release(event, self.bob)
        self.clock.move(seconds=11)
        self.assertEqual(self.post(), [("greta@example.org", "Your turn: Concert")])

    def test_nor_where_a_place_became_free_while_they_joined(self) -> None:
        event = make_event(capacity=1)
        join(event, self.bob)
        busy = patch.object(allocation, "_has_something_to_give", side_effect=[False, True])
        with busy, patch.object(allocation, "store_new", lambda places: self.release_first(event, places)):
            self.assertEqual(join(event, self.greta).status, "held")
        self.clock.move(seconds=11)
        self.assertEqual(self.post(), [])

    def release_first(self, event: Event, places: list[TicketHold]) -> list[TicketHold]:
        """Let bob release what he holds in the instant in which somebody joins."""
        release(event, self.bob)
        return store_new(places)

    def test_a_queue_that_stood_for_an_hour_does_not_say_what_is_over(self) -> None:
        self.give_turn()
        self.clock.move(hours=1)
        self.assertEqual(self.post(), [])
        allocation.serve(self.event.pk)
        self.assertEqual((self.post(), Email.objects.count()), ([], 0))

    def test_what_was_stored_and_not_delivered_in_time_is_not_sent(self) -> None:
        self.give_turn()
        self.clock.move(seconds=11)
        places.tell()
        release(self.event, self.alice)
        self.assertEqual((self.post(), self.statuses()), ([], [STATUS.failed]))
        self.assertFalse(Email.objects.filter(GIVEN_UP).exists())  # nothing that an operator could mend

    def test_who_has_no_address_or_does_not_want_it_is_sent_none_and_holds_up_nobody(self) -> None:
        for person in make_people(3):
            event = make_event(capacity=1)
            join(event, self.bob)
            join(event, person)
            release(event, self.bob)
        waiting = list(User.objects.filter(username__startswith="person").order_by("pk"))
        User.objects.filter(pk=waiting[0].pk).update(email="")
        MutedNotice.objects.create(user=waiting[1], notice="turn")
        self.clock.move(seconds=11)
        self.assertEqual(self.post(), [(waiting[2].email, "Your turn: Concert")])
        self.assertFalse(TicketHold.objects.filter(status="held", is_turn_due=True).exists())

    def test_storing_many_asks_as_much_as_storing_one(self) -> None:
        counts = []
        for people in (make_people(1), make_people(10)):
            for person in people:
                event = make_event(capacity=1)
                join(event, self.bob)
                join(event, person)
                release(event, self.bob)
            self.clock.move(seconds=11)
            with CaptureQueriesContext(connection) as asked:
                self.assertEqual(places.tell(), len(people))
            counts.append(len(asked))
        self.assertEqual(counts[0], counts[1])


class LapseTests(NoticeCase):
    def setUp(self) -> None:
        super().setUp()
        self.give_turn()
        self.clock.move(seconds=11)
        self.post()
        self.inbox.messages.clear()

    def test_two_minutes_before_its_end_its_person_is_warned_once(self) -> None:
        self.clock.move(minutes=7, seconds=48)
        self.assertEqual(self.post(), [])
        self.clock.move(seconds=1)
        self.assertEqual([self.post(), self.post()], [[LAPSE], [LAPSE]])
        self.assertIn("held until Saturday 1 June 2030, 12:10 (Europe/Berlin)", self.said())
        self.assertIn(f"http://127.0.0.1:8000/events/{self.event.pk}/", self.said("html"))

    def test_not_of_a_hold_that_was_booked_or_released_meanwhile(self) -> None:
        for end in (book, release):
            TicketHold.objects.all().update(lapse_mailed_at=None)
            self.clock.move(minutes=8)
            self.assertEqual(places.tell(), 1)
            end(self.event, self.alice)
            self.assertEqual((self.post(), self.statuses()[-1]), ([], STATUS.failed))
            for ticket in self.event.tickets.valid():
                allocation.cancel_ticket(ticket_id=ticket.pk)
            join(self.event, self.alice)

    def extend(self, event: Event, minutes: float, hold: TicketHold | None = None) -> None:
        if hold is None:
            steering.extend_holds(event_id=event.pk, minutes=minutes, reason="An outage")
        else:
            steering.extend_hold(event_id=event.pk, hold_id=hold.pk, minutes=minutes, reason="A lift stood still")

    def test_of_a_hold_that_is_extended_after_it_they_are_warned_again_before_its_new_end(self) -> None:
        self.clock.move(minutes=8)
        self.assertEqual(self.post(), [LAPSE])
        for minutes, hold in ((5, None), (4, self.place)):
            self.inbox.messages.clear()
            self.extend(self.event, minutes, hold)
            self.assertEqual(self.post(), [])
            self.clock.move(minutes=minutes)
            self.assertEqual([self.post(), self.post()], [[LAPSE], [LAPSE]])
        self.assertIn("held until Saturday 1 June 2030, 12:19 (Europe/Berlin)", self.said())

    def test_a_warning_that_is_not_sent_yet_is_not_when_the_hold_is_extended(self) -> None:
        self.clock.move(minutes=8)
        self.assertEqual(places.tell(), 1)
        self.extend(self.event, 5)
        self.assertEqual((self.post(), self.statuses()[-1]), ([], STATUS.failed))
        self.clock.move(minutes=5)
        self.assertEqual(self.post(), [LAPSE])

    def test_of_holds_of_which_one_is_extended_the_others_are_warned_of_in_a_mail_of_their_own(self) -> None:
        events = [make_event(name=f"Event {n}") for n in range(2)]
        for event in events:
            join(event, self.greta)
        self.clock.move(minutes=8, seconds=1)
        places.tell()
        self.extend(events[0], 5)
        told = [[subject for to, subject in self.post() if to == "greta@example.org"] for _ in range(2)]
        self.assertEqual(told, [[], ["Your hold is about to lapse: Event 1"]])

    def test_a_hold_too_short_for_it_is_not_warned_of(self) -> None:
        event = make_event(hold_minutes=4.9)
        join(event, self.greta)
        self.clock.move(minutes=3)
        self.assertEqual(self.post(), [])

    def test_holds_that_lapse_together_are_one_mail_and_what_is_left_of_them_another(self) -> None:
        events = [make_event(name=f"Event {n}") for n in range(3)]
        for event in events:
            join(event, self.greta)
        self.clock.move(minutes=8, seconds=1)
        places.tell()
        book(events[0], self.greta)
        told = [subject for to, subject in self.post() if to == "greta@example.org"]
        self.assertEqual(told, [])
        told = [subject for to, subject in self.post() if to == "greta@example.org"]
        self.assertEqual(told, ["Your hold is about to lapse: 2 events"])
        self.assertNotIn("Event 0", self.said())
        self.assertIn("Event 1", self.said())

    def test_a_queue_that_stood_does_not_warn_when_it_is_too_late(self) -> None:
        self.clock.move(minutes=9, seconds=35)
        self.assertEqual(self.post(), [])

    def test_who_does_not_want_it_is_not_warned(self) -> None:
        MutedNotice.objects.create(user=self.alice, notice="lapse")
        self.clock.move(minutes=8)
        self.assertEqual(self.post(), [])


class CancelledTicketTests(NoticeCase):
    SUBJECT = "Your ticket was cancelled: Opera Night <3"

    def cancel(self, cause: Cause, reason: str = "") -> list[tuple[str, str]]:
        ticket = book(self.event, self.bob)
        allocation.cancel_ticket(ticket_id=ticket.pk, cause=cause, reason=reason)
        return self.post()

    def test_whose_ticket_staff_cancel_is_told_once_with_the_reason(self) -> None:
        told = self.cancel(Cause.CANCELLED_BY_STAFF, "Paid for <twice>")
        self.assertEqual((told, self.post()), ([("bob@example.org", self.SUBJECT)],) * 2)
        self.assertIn("The reason given: Paid for <twice>", self.said())
        self.assertIn("The reason given: Paid for &lt;twice&gt;", self.said("html"))
        self.assertIn("Monday 1 July 2030, 20:15 (Europe/Berlin)", self.said())

    def test_whoever_cancels_for_somebody_else_is_told_that_they_read_the_reason(self) -> None:
        ticket, words = book(self.event, self.bob), "reads it in the mail"
        self.assertContains(visit(self.olga, headers=BROWSER).get(ticket.page_url), words)
        question = at_desk(make_administrator()).post(
            "/admin/core/ticket/", {"action": "cancel_tickets", "_selected_action": [ticket.pk]}
        )
        self.assertContains(question, words)

    def test_who_cancels_themselves_is_not(self) -> None:
        self.assertEqual(self.cancel(Cause.CANCELLED_BY_OWNER), [])

    def test_it_is_essential_and_has_no_way_to_do_without(self) -> None:
        self.cancel(Cause.CANCELLED_BY_STAFF)
        ((_, message),) = self.inbox.messages
        self.assertIsNone(message["List-Unsubscribe"])
        self.assertNotIn("/unsubscribe/", self.said())


class ExtensionTests(Cast, TestCase):
    def test_an_extended_hold_is_warned_of_before_its_new_end(self) -> None:
        with HandClock() as clock:
            event = make_event()
            join(event, self.alice)
            steering.extend_holds(event_id=event.pk, minutes=5, reason="Outage")
            clock.move(minutes=9)
            self.assertEqual(places.tell(), 0)
            clock.move(minutes=4, seconds=1)
            self.assertEqual(places.tell(), 1)


class NoticeRaceTests(CastOfRaces, TransactionTestCase):
    """Many processes find the same rows; what keeps it to one mail is the lock on each row."""

    def setUp(self) -> None:
        super().setUp()
        event = make_event(capacity=20)
        for person in make_people(20):
            join(event, person, arrive(person))
        TicketHold.objects.update(is_turn_due=True, held_at=ago(minutes=9), expires_at=later(minutes=1))

    def tell(self) -> int:
        race([places.tell] * 16, threads=8)
        return int(Email.objects.count())

    def test_each_is_told_once(self) -> None:
        self.assertEqual(self.tell(), 40)  # their turn, and that it is about to lapse
        self.assertEqual(len({(mail.to[0], mail.subject) for mail in Email.objects.all()}), 40)

    def test_the_race_finds_out_when_the_lock_is_not_taken(self) -> None:
        with patch.object(noted, "_locked", lambda due, rows: rows):
            self.assertGreater(self.tell(), 40)
