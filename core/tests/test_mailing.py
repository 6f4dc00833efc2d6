"""Confirmations: stored once, outside of the booking, and delivered as soon as a mail server takes them."""

import asyncio
import datetime as dt
import email.policy
import smtplib
from contextlib import suppress
from email import message_from_bytes
from typing import Any
from unittest.mock import patch

from aiosmtpd.controller import Controller
from django.contrib.admin.models import LogEntry
from django.core import mail as outgoing
from django.db import connection, connections
from django.test import TestCase, TransactionTestCase, override_settings
from django.test.utils import CaptureQueriesContext
from icalendar import Calendar
from post_office.models import PRIORITY, STATUS, Email

from core import accounts, allocation, cleanup, documents, mailing
from core.mail_rows import GIVEN_UP
from core.models import Announcement, LastRun, Ticket, User
from core.rush import RushWatch
from core.telling import everybody, messages, noted
from tools.ports import free_port

from .cast import Cast, CastOfRaces, ago, book, later, make_event, make_people, offer, race
from .desk import at_desk, make_administrator
from .test_documents import NAMES, codes_on, pages_of

SMTP = {"POST_OFFICE": {"BACKENDS": {"default": "core.smtp.EmailBackend"}}}


class Inbox:
    """What a mail server on this machine took, as it was sent; `answer` is what it says to each message."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.sent: list[str] = []  # the same, as it came
        self.answer = "250 OK"
        self.thinks = 0.0  # seconds, about a whole message

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802 -- its name
        """Take a message, as aiosmtpd asks."""
        message = message_from_bytes(envelope.content, policy=email.policy.default)
        if self.answer.startswith("250"):
            self.messages.append((envelope.rcpt_tos, message))
            self.sent.append(envelope.content.decode())
        await asyncio.sleep(self.thinks)
        return self.answer


class MailCase(Cast, TestCase):
    """A case with a mail server that runs, until `server.stop` ends it."""

    def setUp(self) -> None:
        super().setUp()
        self.inbox, port = Inbox(), free_port()
        self.start(port)
        self.addCleanup(self.stop)
        self.enterContext(override_settings(**SMTP, EMAIL_HOST="127.0.0.1", EMAIL_PORT=port, EMAIL_USE_TLS=False))
        self.enterContext(override_settings(EMAIL_HOST_USER="", EMAIL_HOST_PASSWORD=""))
        starts_at = dt.datetime(2030, 7, 1, 18, 15, tzinfo=dt.UTC)
        self.event = make_event(
            name="Opera\nNight <3", venue="Großer Saal", starts_at=starts_at, time_zone="Europe/Berlin", capacity=20
        )

    def start(self, port: int) -> None:
        """Let the mail server be there."""
        self.is_away = False
        self.server = Controller(self.inbox, hostname="127.0.0.1", port=port)
        self.server.start()

    def stop(self) -> None:
        """Let the mail server be away."""
        if not self.is_away:
            self.server.stop()
        self.is_away = True

    def due_again(self) -> None:
        """Let the time until the next try pass."""
        Email.objects.update(scheduled_time=ago(seconds=1))

    def statuses(self) -> list[Any]:
        return list(Email.objects.order_by("pk").values_list("status", flat=True))


class ConfirmationTests(MailCase):
    def test_it_brings_the_ticket_the_entry_for_the_calendar_and_the_facts(self) -> None:
        ticket = book(self.event, self.alice)
        self.assertEqual((mailing.store_confirmations(), mailing.deliver()), (1, 1))
        ((to, message),) = self.inbox.messages
        self.assertEqual((to, str(message["Subject"])), (["alice@example.org"], "Your ticket: Opera Night <3"))
        text = message.get_body(("plain",)).get_content()
        for fact in ("Opera\nNight <3", "Monday 1 July 2030, 20:15 (Europe/Berlin)", "Großer Saal", "alice"):
            self.assertIn(fact, text.replace("\r\n", "\n"))
        self.assertIn(f"http://127.0.0.1:8000/ticket/{ticket.code}/", text)
        self.assertIn("Opera\nNight &lt;3</h1>", message.get_body(("html",)).get_content().replace("\r\n", "\n"))
        attached = {part.get_filename(): part for part in message.iter_attachments()}
        self.assertEqual(set(attached), {f"ticket-{ticket.pk}.pdf", f"ticket-{ticket.pk}.ics"})
        pdf, entry = attached[f"ticket-{ticket.pk}.pdf"], attached[f"ticket-{ticket.pk}.ics"]
        self.assertEqual(codes_on(pages_of(pdf.get_content())[0]), [ticket.code])
        self.assertEqual(len(Calendar.from_ical(entry.get_content()).walk("VEVENT")), 1)

    def test_in_a_rush_it_waits_and_a_link_to_log_in_does_not(self) -> None:
        book(self.event, self.alice)
        mailing.store_confirmations()
        link = outgoing.EmailMessage("Your new password", "A link", to=["bob@example.org"])
        mailing.QueueBackend().send_messages([link])
        self.assertEqual(mailing.deliver(least=PRIORITY.medium), 1)
        self.assertEqual([str(message["Subject"]) for _, message in self.inbox.messages], ["Your new password"])
        self.assertEqual(mailing.deliver(), 1)
        self.assertEqual([to for to, _ in self.inbox.messages], [["bob@example.org"], ["alice@example.org"]])

    def test_names_of_any_script_arrive_and_add_no_header(self) -> None:
        for name in (*NAMES, "a\r\nBcc: evil@example.org"):
            with self.subTest(name=name[:20]):
                event = make_event(name=name[:200], venue=name[:200])
                book(event, self.bob)
                mailing.store_confirmations()
                mailing.deliver()
                to, message = self.inbox.messages.pop()
                self.assertEqual((to, message["Bcc"]), (["bob@example.org"], None))
                self.assertEqual(str(message["Subject"]), f"Your ticket: {' '.join(name[:200].split())}")

    def test_it_is_stored_once_whatever_happens_to_it(self) -> None:
        book(self.event, self.alice)
        self.assertEqual([mailing.store_confirmations() for _ in range(2)], [1, 0])
        Email.objects.all().delete()
        self.assertEqual(mailing.store_confirmations(), 0)

    def test_a_booking_makes_no_mail_and_no_pdf(self) -> None:
        with patch.object(documents, "pdf") as pdf:
            book(self.event, self.alice)
            mailing.store_confirmations()
        self.assertEqual((pdf.called, self.statuses(), self.inbox.messages), (False, [STATUS.queued], []))

    def test_who_has_no_address_or_a_strange_one_is_sent_none_and_holds_up_nobody(self) -> None:
        User.objects.filter(pk=self.alice.pk).update(email="")
        User.objects.filter(pk=self.bob.pk).update(email="no address")
        for person in (self.alice, self.bob, self.greta):
            book(self.event, person)
        with self.assertLogs("core.telling.letters", "WARNING"):
            self.assertEqual((mailing.store_confirmations(), mailing.deliver()), (3, 1))
        self.assertEqual([to for to, _ in self.inbox.messages], [["greta@example.org"]])

    def test_a_ticket_that_was_cancelled_meanwhile_is_not_confirmed(self) -> None:
        first, second = book(self.event, self.alice), book(self.event, self.bob)
        allocation.cancel_ticket(ticket_id=first.pk)
        mailing.store_confirmations()
        allocation.cancel_ticket(ticket_id=second.pk)
        mailing.deliver()
        self.assertEqual((self.inbox.messages, self.statuses()), ([], [STATUS.failed]))

    def test_where_no_pdf_can_be_made_it_goes_without(self) -> None:
        book(self.event, self.alice)
        mailing.store_confirmations()
        unavailable = patch.object(documents, "pdf", side_effect=documents.PdfUnavailable)
        with self.assertLogs("core.mailing", "WARNING"), unavailable:
            mailing.deliver()
        ((_, message),) = self.inbox.messages
        self.assertEqual([part.get_content_type() for part in message.iter_attachments()], ["text/calendar"])

    def test_storing_many_asks_as_much_as_storing_one(self) -> None:
        asked = []
        for people in ([self.alice], make_people(10)):
            for person in people:
                book(self.event, person)
            with CaptureQueriesContext(connection) as captured:
                self.assertEqual(mailing.store_confirmations(), len(people))
            asked.append(len(captured))
        self.assertEqual(asked[0], asked[1])


class DeliveryTests(MailCase):
    def setUp(self) -> None:
        super().setUp()
        book(self.event, self.alice)
        mailing.store_confirmations()

    def test_it_is_delivered_once(self) -> None:
        self.assertEqual([mailing.deliver() for _ in range(3)], [1, 0, 0])
        self.assertEqual((len(self.inbox.messages), self.statuses()), (1, [STATUS.sent]))

    def test_it_waits_for_a_mail_server_that_is_away_and_is_not_lost(self) -> None:
        self.stop()
        for tries in range(1, 4):
            with self.assertLogs("core.mailing", "WARNING") as told:
                self.assertEqual((mailing.deliver(), mailing.deliver()), (1, 0))
            self.assertNotIn("alice", "".join(told.output))
            stored = Email.objects.get()
            self.assertEqual((stored.status, stored.number_of_retries), (STATUS.requeued, tries))
            assert stored.scheduled_time
            self.assertTrue(later() < stored.scheduled_time <= later(seconds=15 * 2 ** (tries - 1)))
            self.due_again()
        self.start(self.server.port)
        self.assertEqual((mailing.deliver(), len(self.inbox.messages), self.statuses()), (1, 1, [STATUS.sent]))

    @override_settings(EMAIL_TIMEOUT=0.3)
    def test_a_server_that_looks_at_a_message_for_long_is_waited_for_and_gets_it_once(self) -> None:
        self.inbox.thinks = 0.9
        self.assertEqual(mailing.deliver(), 1)
        self.assertEqual((len(self.inbox.messages), self.statuses()), (1, [STATUS.sent]))

    def test_a_no_for_now_is_asked_again_and_a_no_for_good_is_not(self) -> None:
        for answer, expected in (("451 Try later", STATUS.requeued), ("554 Never", STATUS.failed)):
            self.inbox.answer = answer
            with self.subTest(answer), self.assertLogs("core.mailing", "WARNING"):
                mailing.deliver()
                self.assertEqual(self.statuses(), [expected])
                self.due_again()
        self.assertEqual(list(Email.objects.get().logs.values_list("message", flat=True)), ["SMTPDataError"])
        self.assertTrue(Email.objects.filter(GIVEN_UP).exists())

    def test_an_address_that_the_server_refuses_is_given_up_unless_it_is_busy(self) -> None:
        for code, expected in ((450, False), (550, True)):
            refused = smtplib.SMTPRecipientsRefused({"a@example.org": (code, b"No")})
            self.assertEqual(mailing._is_refused_for_good(refused), expected)

    def test_after_five_days_it_is_given_up(self) -> None:
        self.stop()
        Email.objects.update(created=ago(days=5, seconds=1))
        with self.assertLogs("core.mailing", "WARNING"):
            mailing.deliver()
        self.assertEqual(self.statuses(), [STATUS.failed])

    def test_a_process_that_died_after_the_yes_of_the_server_repeats_that_one_mail_under_its_id(self) -> None:
        with patch.object(mailing, "_end", side_effect=SystemExit), suppress(SystemExit):
            mailing.deliver()
        self.assertEqual((len(self.inbox.messages), mailing.deliver()), (1, 0))  # leased: nobody else takes it
        self.due_again()
        self.assertEqual([mailing.deliver(), mailing.deliver()], [1, 0])
        first, second = (message["Message-ID"] for _, message in self.inbox.messages)
        self.assertEqual((first, "@" in first, self.statuses()), (second, True, [STATUS.sent]))

    def test_what_it_said_is_forgotten_when_it_was_sent(self) -> None:
        mailing.deliver()
        stored = Email.objects.get()
        self.assertEqual((stored.message, stored.html_message), ("", ""))

    def test_it_does_not_stay_for_ever_nor_longer_than_the_account(self) -> None:
        mailing.deliver()
        Email.objects.update(last_updated=ago(days=91))
        self.assertEqual(cleanup.clean()["old mails removed"], 1)
        book(self.event, self.bob)
        mailing.store_confirmations()
        accounts.erase_account(self.bob)
        self.assertEqual(Email.objects.count(), 0)


class EveryMailTests(MailCase):
    def test_copies_are_sent_too(self) -> None:
        message = outgoing.EmailMessage("S", "B", to=["a@example.org"], cc=["b@example.org"], bcc=["c@example.org"])
        mailing.QueueBackend().send_messages([message])
        mailing.deliver()
        ((to, sent),) = self.inbox.messages
        self.assertEqual(
            (to, sent["Cc"], sent["Bcc"]), ([f"{name}@example.org" for name in "abc"], "b@example.org", None)
        )

    def test_a_link_to_a_new_password_does_not_wait_behind_confirmations(self) -> None:
        book(self.event, self.alice)
        mailing.store_confirmations()
        with override_settings(EMAIL_BACKEND="core.mailing.QueueBackend"):
            self.client.post("/accounts/password/reset/", {"email": "bob@example.org"})
        with patch.object(mailing, "AT_ONCE", 1):
            mailing.deliver()
        self.assertEqual([to for to, _ in self.inbox.messages], [["bob@example.org"]])

    def test_a_spell_ends_in_time_and_the_rest_waits(self) -> None:
        for person in (self.alice, self.bob):
            book(self.event, person)
        mailing.store_confirmations()
        with patch.object(mailing, "SPELL", 0.001):
            self.assertEqual([mailing.deliver() for _ in range(3)], [1, 1, 0])

    def test_a_link_to_a_new_password_is_stored_first_and_then_sent(self) -> None:
        with override_settings(EMAIL_BACKEND="core.mailing.QueueBackend"):
            self.client.post("/accounts/password/reset/", {"email": "alice@example.org"})
        self.assertEqual((self.inbox.messages, self.statuses()), ([], [STATUS.queued]))
        mailing.deliver()
        ((to, message),) = self.inbox.messages
        self.assertEqual(to, ["alice@example.org"])
        self.assertIn("/accounts/password/reset/key/", message.get_body(("plain",)).get_content())
        self.assertEqual((outgoing.outbox, LogEntry.objects.count()), ([], 0))

    def test_the_admin_shows_who_was_written_to_and_not_what(self) -> None:
        book(self.event, self.alice)
        mailing.store_confirmations()
        stored, browser = Email.objects.get(), at_desk(make_administrator())
        for page in ("/admin/post_office/email/", f"/admin/post_office/email/{stored.pk}/change/"):
            response = browser.get(page)
            self.assertContains(response, "alice@example.org")
            self.assertNotContains(response, stored.message[-90:-20])
            self.assertNotContains(response, Ticket.objects.get().code)
        for page in ("add/", f"{stored.pk}/resend/", "?message__contains=ticket"):
            self.assertIn(browser.get(f"/admin/post_office/email/{page}").status_code, (302, 400, 403, 404))
        for library_page in ("emailtemplate", "attachment", "log"):
            self.assertEqual(browser.get(f"/admin/post_office/{library_page}/").status_code, 404)


class TroubleTests(MailCase):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(noted._left_alone.clear)

    def test_a_confirmation_that_cannot_be_written_keeps_no_other_back_and_stays_due(self) -> None:
        broken, fine = book(self.event, self.alice), book(self.event, self.bob)
        with patch.object(mailing, "_confirmation", failing(mailing._confirmation, broken)), self.assertLogs("core"):
            self.assertEqual(mailing.store_confirmations(), 1)
        self.assertEqual(list(Ticket.objects.filter(mailed_at=None)), [broken])
        self.assertEqual([mail.to for mail in Email.objects.all()], [[fine.user.email]])
        self.assertEqual(mailing.store_confirmations(), 0)  # it is left alone for a while
        noted._left_alone.clear()
        self.assertEqual(mailing.store_confirmations(), 1)

    def test_as_many_of_them_as_a_batch_has_keep_nobody_else_back(self) -> None:
        with patch.object(noted, "BATCH", 2):
            broken, *others = (book(self.event, person) for person in (self.alice, self.bob, self.greta))
            unwritable = failing(failing(mailing._confirmation, broken), others[0])
            with patch.object(mailing, "_confirmation", unwritable), self.assertLogs("core"):
                self.assertEqual([mailing.store_confirmations() for _ in range(3)], [0, 1, 0])

    def test_a_notice_of_an_offer_that_cannot_be_written_keeps_no_other_back_and_stays_due(self) -> None:
        broken, fine = (offer(book(self.event, giver), self.greta) for giver in (self.alice, self.bob))
        with patch.object(mailing, "_notices", failing(mailing._notices, broken)), self.assertLogs("core"):
            self.assertEqual(mailing.store_notices(), 1)
        self.assertEqual([mail.to for mail in Email.objects.all()], [[fine.email]])
        noted._left_alone.clear()
        self.assertEqual(mailing.store_notices(), 1)

    def test_a_person_whose_mail_cannot_be_written_keeps_no_message_from_the_others(self) -> None:
        for person in (self.alice, self.bob):
            book(self.event, person)
        message = messages.write(event=self.event, by=self.olga, audience="holders", subject="Doors", text="At 7.")
        messages.send(message)
        broken = failing(everybody._mail, message, self.alice)
        with patch.object(everybody, "_mail", broken), self.assertLogs("core"):
            everybody.store()
        self.assertEqual([mail.to for mail in Email.objects.all()], [[self.bob.email]])
        everybody.store()
        progress = messages.progress_of([Announcement.objects.get(pk=message.pk)])[message.pk]
        self.assertEqual((progress.people, progress.failed), (2, 1))

    def test_a_step_that_fails_stops_no_other_and_the_worker_is_not_said_to_be_well(self) -> None:
        mailing.QueueBackend().send_messages([outgoing.EmailMessage("A link", "", to=["bob@example.org"])])
        closed = patch.object(connections, "close_all")  # it is the test's
        broken = patch.object(mailing, "store_notices", side_effect=ValueError)
        with closed, broken, self.assertLogs("core.mailing", "ERROR"):
            self.assertGreater(mailing._work_in_thread(RushWatch(), is_to_note=True), 0)  # and it rests after that
        self.assertEqual(([to for to, _ in self.inbox.messages], LastRun.objects.count()), ([["bob@example.org"]], 0))
        with closed:
            mailing._work_in_thread(RushWatch(), is_to_note=True)
        self.assertEqual(LastRun.objects.get().work, "mail")


def failing(write: Any, *row: Any) -> Any:
    """Return the same function, which fails where this is what it is given first."""

    def wrapper(*given: Any) -> Any:
        if given[: len(row)] == row:
            raise ValueError("a template that cannot be rendered")
        return write(*given)

    return wrapper


class CrowdTests(CastOfRaces, TransactionTestCase):
    def test_however_many_processes_look_after_it_each_confirmation_is_sent_once(self) -> None:
        event = make_event(capacity=30)
        for person in make_people(30):
            book(event, person)
        sent = "django.core.mail.backends.locmem.EmailBackend"
        with (
            patch.object(documents, "pdf", return_value=b"%PDF"),
            override_settings(POST_OFFICE={"BACKENDS": {"default": sent}}),
        ):
            race([mailing.store_confirmations] * 8, threads=8)
            race([mailing.deliver] * 24, threads=8)
        self.assertEqual(Email.objects.count(), 30)
        self.assertEqual(len({message.to[0] for message in outgoing.outbox}), 30)
        self.assertEqual(len(outgoing.outbox), 30)
        self.assertFalse(Ticket.objects.filter(mailed_at=None).exists())

    def test_nothing_is_locked_while_it_is_written_and_a_ticket_that_is_cancelled_meanwhile_has_none(self) -> None:
        ticket = book(make_event(), self.alice)

        def cancel_first(*args: Any) -> Any:
            self.assertFalse(connection.in_atomic_block)
            allocation.cancel_ticket(ticket_id=ticket.pk)
            return write(*args)

        write = mailing._confirmation
        with patch.object(mailing, "_confirmation", cancel_first):
            self.assertEqual(mailing.store_confirmations(), 0)
        self.assertFalse(Email.objects.exists())
