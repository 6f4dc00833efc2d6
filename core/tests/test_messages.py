"""Organizers' messages: a draft that is looked at, a copy, a confirmation, each person once, stopped; its record."""

from functools import partial
from typing import Any
from unittest.mock import patch

from django.core.cache import cache
from django.db import connection
from django.test import TestCase, TransactionTestCase
from django.test.utils import CaptureQueriesContext
from post_office.models import STATUS, Email

from core import allocation, checkin, cleanup, mailing
from core.models import Announcement, AnnouncementMail, AuditEntry, Event, MutedNotice, User
from core.refusals import AlreadySent, Discarded, NobodyToTell, Refused, TooMany
from core.telling import everybody, messages

from .cast import Cast, CastOfRaces, ago, book, join, make_event, make_people, make_person, race, revise
from .test_mailing import MailCase
from .visits import BROWSER, JSON, answer_of, redirect_of, visit

TYPED = {"audience": "holders", "subject": "Doors open at 7", "text": "Dear all,\n\nbring <b>an ID</b>. {{ so }}"}


def write(event: Event, **typed: str) -> Announcement:
    return messages.write(event=event, by=event.created_by, **TYPED | typed)


def again(message: Announcement) -> Announcement:
    return Announcement.objects.get(pk=message.pk)


class MessageCase(Cast, TestCase):
    """Alice and bob have tickets, bob is in, greta waits; oscar organizes something else."""

    def setUp(self) -> None:
        cache.clear()
        self.event = make_event(capacity=2, name="Opera {{ x }}")
        book(self.event, self.alice)
        checkin.scan(code=book(self.event, self.bob).code, event=self.event, staff=self.greta)
        join(self.event, self.greta)
        self.browser = visit(self.olga, headers=BROWSER)
        self.url = f"/organize/{self.event.pk}/messages/"


class FormTests(MessageCase):
    def test_a_subject_or_text_that_is_too_long_is_taken_whole_and_it_is_said_how_long_it_is(self) -> None:
        self.assertNotContains(self.browser.get(self.url), "maxlength")
        refused = self.browser.post(f"{self.url}write/", TYPED | {"subject": "x" * 160, "text": "y" * 5001})
        said = {
            "subject": ["At most 150 characters: this has 160."],
            "text": ["At most 5000 characters: this has 5001."],
        }
        self.assertEqual((refused.status_code, refused.context["form"].errors), (400, said))
        self.assertContains(refused, f'value="{"x" * 160}"', status_code=400)

    def test_to_discard_a_draft_takes_two_presses_and_is_not_beside_what_sends_it(self) -> None:
        page = self.browser.get(f"{self.url}{write(self.event).pk}/").content.decode()
        before, _, after = page.partition("<summary>Discard it…</summary>")
        self.assertIn('id="send-message"', before)
        self.assertNotIn("button--danger", before)
        self.assertIn('id="discard-message"', after.partition("</details>")[0])


class AudienceTests(MessageCase):
    def names(self, audience: str) -> list[str]:
        return [person.username for person in everybody.people_of(write(self.event, audience=audience))]

    def test_each_group_has_its_people(self) -> None:
        of = {audience: self.names(audience) for audience in Announcement.Audience.values}
        self.assertEqual(
            of,
            {"holders": ["alice", "bob"], "admitted": ["bob"], "not_admitted": ["alice"], "waiting": ["greta"]},
        )

    def test_who_does_without_has_no_address_or_is_not_active_is_not_counted(self) -> None:
        MutedNotice.objects.create(user=self.alice, notice="message")
        User.objects.filter(pk=self.bob.pk).update(email="")
        self.assertEqual(self.names("holders"), [])
        MutedNotice.objects.all().delete()
        User.objects.filter(pk=self.alice.pk).update(is_active=False)
        self.assertEqual(self.names("holders"), [])


class CancelledEventTests(MessageCase):
    """Whoever had a ticket, a hold or a place is told by mail; their organizer may have more to say."""

    def setUp(self) -> None:
        super().setUp()
        revise(self.event, status="cancelled")
        self.event.refresh_from_db()

    def test_those_whom_it_concerned_can_be_written_to(self) -> None:
        of = {
            audience: [person.username for person in everybody.people_of(write(self.event, audience=audience))]
            for audience in Announcement.Audience.values
        }
        self.assertEqual(
            of,
            {"holders": ["alice", "bob"], "admitted": ["bob"], "not_admitted": ["alice"], "waiting": ["greta"]},
        )

    def test_the_page_says_who_they_are_and_how_many(self) -> None:
        page = self.browser.get(self.url)
        self.assertContains(page, "Everybody whose ticket was cancelled with the event: <strong>2</strong>")
        self.assertContains(page, "Those whose hold or place in line ended with the event: <strong>1</strong>")
        self.assertNotContains(page, "Everybody with a valid ticket")

    def test_what_is_sent_reaches_them(self) -> None:
        messages.send(sent := write(self.event))
        everybody.store()
        told = AnnouncementMail.objects.filter(announcement=sent).order_by("user")
        self.assertEqual([mail.user.username for mail in told], ["alice", "bob"])


class WritingTests(MessageCase):
    def test_a_draft_is_stored_and_shown_and_nothing_is_sent(self) -> None:
        code, to, said = redirect_of(self.browser.post(f"{self.url}write/", TYPED))
        draft = Announcement.objects.get()
        self.assertEqual((code, to), (302, f"{self.url}{draft.pk}/"))
        self.assertEqual(said, ["This is how it will look. Nothing is sent yet."])
        page = self.browser.get(to)
        self.assertContains(page, "bring &lt;b&gt;an ID&lt;/b&gt;. {{ so }}")
        self.assertContains(page, "<strong>2 people</strong> would get it now", html=False)
        self.assertContains(page, "Yes, send it to 2 people")
        self.assertEqual((everybody.store(), Email.objects.count()), (0, 0))

    def test_what_was_typed_is_kept_and_said_what_is_wrong(self) -> None:
        wrong = {
            "subject": ("", "Type a subject: it is what people see first."),
            "text": ("x" * 5001, "At most 5000 characters: this has 5001."),
            "audience": ("everybody", "There is no such group. Choose one of the list."),
        }
        for field, (typed, said) in wrong.items():
            for path in ("write/", f"{write(self.event).pk}/edit/"):
                page = self.browser.post(f"{self.url}{path}", TYPED | {field: typed})
                self.assertContains(page, said, status_code=400)
                self.assertContains(page, "bring &lt;b&gt;an ID" if field != "text" else typed, status_code=400)
        program = visit(self.olga, headers=JSON).post(f"{self.url}write/", TYPED | {"text": " "})
        told = {"status": "invalid", "field": "text", "detail": "Type what you have to say."}
        self.assertEqual(answer_of(program), (400, told))

    def test_the_mail_as_plain_text_is_shown_as_text_whatever_was_typed(self) -> None:
        draft = write(self.event, text="</pre><form action=/accounts/logout/ method=post></form>")
        page = self.browser.get(f"{self.url}{draft.pk}/")
        self.assertNotContains(page, "<form action=/accounts/logout/")
        self.assertContains(page, "&lt;/pre&gt;&lt;form action=/accounts/logout/")

    def test_a_subject_is_one_line(self) -> None:
        self.browser.post(f"{self.url}write/", TYPED | {"subject": "Doors\r\nBcc: eve@example.org"})
        self.assertEqual(Announcement.objects.get().subject, "Doors Bcc: eve@example.org")

    def test_a_draft_is_changed_and_discarded_and_what_was_sent_is_not(self) -> None:
        draft = write(self.event)
        self.browser.post(f"{self.url}{draft.pk}/edit/", TYPED | {"audience": "waiting", "text": "New"})
        self.assertEqual((again(draft).audience, again(draft).text), ("waiting", "New"))
        self.browser.post(f"{self.url}{draft.pk}/discard/")
        self.assertFalse(Announcement.objects.exists())
        sent = write(self.event)
        messages.send(sent)
        for change in (messages.discard, lambda message: messages.rewrite(message, text="New")):
            self.assertRaises(AlreadySent, change, sent)
        code, _, said = redirect_of(self.browser.post(f"{self.url}{sent.pk}/edit/", TYPED))
        self.assertEqual((code, said[-1]), (302, AlreadySent.detail))

    def test_of_another_event_it_is_absent(self) -> None:
        other = write(make_event())
        for path in (f"{other.pk}/", f"{2**63}/", "0/"):
            self.assertEqual(self.browser.get(f"{self.url}{path}").status_code, 404)
        self.assertEqual(visit(make_person("oscar")).get(self.url).status_code, 403)

    def test_the_list_asks_as_much_for_ten_messages_as_for_one(self) -> None:
        self.browser.get("/readyz")  # the first request of a login also holds places
        counts = []
        for more in (1, 9):
            for _ in range(more):
                message = write(self.event)
                Announcement.objects.filter(pk=message.pk).update(begin_at=ago(days=2))
            with CaptureQueriesContext(connection) as asked:
                self.assertContains(self.browser.get(self.url), "Doors open at 7")
            counts.append(len(asked))
        self.assertEqual(counts[0], counts[1])


class SendingTests(MessageCase):
    def send(self, message: Announcement, **form: str) -> Any:
        return self.browser.post(f"{self.url}{message.pk}/send/", form)

    def test_it_is_sent_when_it_was_confirmed_and_not_before(self) -> None:
        draft = write(self.event)
        self.assertContains(self.send(draft), "Tick the box to confirm", status_code=400)
        self.assertIsNone(again(draft).begin_at)
        self.assertEqual(redirect_of(self.send(draft, confirm="on"))[2], ["It is on its way."])
        self.assertEqual(everybody.store(), 2)
        self.assertEqual(sorted(mail.to[0] for mail in Email.objects.all()), ["alice@example.org", "bob@example.org"])

    def test_pressing_twice_sends_once_and_is_one_entry_of_the_trail(self) -> None:
        draft = write(self.event)
        for _ in range(2):
            self.send(draft, confirm="on")
            everybody.store()
        entry = AuditEntry.objects.get(action="message_sent")
        self.assertEqual((Email.objects.count(), entry.actor, entry.event), (2, self.olga, self.event))
        self.assertEqual(
            (entry.subject, entry.detail),
            (f"message {draft.pk}", "“Doors open at 7”, to everybody with a valid ticket: 2"),
        )

    def test_of_sending_and_discarding_at_one_instant_the_first_wins_and_the_page_says_so(self) -> None:
        views = "core.views.messages.message_of_event"
        discarded, sent = write(self.event), write(self.event)
        messages.discard(again(discarded))
        with patch(views, lambda event, pk: discarded):  # as the view had read it
            answers = [redirect_of(self.send(discarded, confirm="on"))]
            answers += [
                redirect_of(self.browser.post(f"{self.url}{discarded.pk}/{do}/", TYPED)) for do in ("edit", "discard")
            ]
        self.assertEqual({(code, to, said[-1]) for code, to, said in answers}, {(302, self.url, Discarded.detail)})
        self.assertEqual((AuditEntry.objects.filter(action="message_sent").count(), everybody.store()), (0, 0))
        as_read = again(sent)
        messages.send(sent)
        with patch(views, lambda event, pk: as_read):
            answer = redirect_of(self.browser.post(f"{self.url}{sent.pk}/discard/"))
        self.assertEqual((answer[:2], answer[2][-1]), ((302, f"{self.url}{sent.pk}/"), AlreadySent.detail))

    def test_what_a_colleague_has_changed_since_it_was_looked_at_is_not_sent(self) -> None:
        draft = write(self.event)
        seen = self.seen_of(draft)
        messages.rewrite(draft, subject="Doors open at 8", text="Later", audience="holders")
        told = "Not sent: somebody has changed this message since you looked at it. Look again."
        self.assertEqual(redirect_of(self.send(draft, seen=seen, confirm="on"))[2], [told])
        self.assertIsNone(again(draft).begin_at)
        answer = redirect_of(self.send(draft, seen=self.seen_of(draft), confirm="on"))
        self.assertEqual(answer[2][-1], "It is on its way.")

    def seen_of(self, draft: Announcement) -> str:
        page = self.browser.get(f"{self.url}{draft.pk}/").content.decode()
        return page.partition('name="seen" value="')[2].partition('"')[0]

    def test_five_a_day_are_enough_and_the_draft_is_kept(self) -> None:
        sent = [write(self.event) for _ in range(5)]
        for message in sent:
            messages.send(message)
        sixth = write(self.event)
        self.assertRaises(TooMany, messages.send, sixth)
        self.assertIn(
            "5 messages about an event can be sent in a day.", redirect_of(self.send(sixth, confirm="on"))[2][0]
        )
        Announcement.objects.filter(pk=sent[0].pk).update(begin_at=ago(days=1, seconds=1))
        messages.send(sixth)

    def test_a_message_for_nobody_is_refused_in_words(self) -> None:
        draft = write(make_event())
        self.assertRaises(NobodyToTell, messages.send, draft)

    def test_a_copy_goes_to_oneself_and_ten_an_hour_at_most(self) -> None:
        draft = write(self.event)
        for _ in range(10):
            said = redirect_of(self.browser.post(f"{self.url}{draft.pk}/copy/"))[2]
            self.assertEqual(said[-1:], ["A copy is on its way to olga@example.org."])
        self.assertIn("many copies", redirect_of(self.browser.post(f"{self.url}{draft.pk}/copy/"))[2][-1])
        self.assertEqual(
            {(mail.to[0], mail.subject) for mail in Email.objects.all()},
            {("olga@example.org", "Copy: Doors open at 7")},
        )
        self.assertEqual((Email.objects.count(), again(draft).begin_at), (10, None))

    def test_who_has_no_address_is_told_so(self) -> None:
        User.objects.filter(pk=self.olga.pk).update(email="")
        said = redirect_of(self.browser.post(f"{self.url}{write(self.event).pk}/copy/"))[2]
        self.assertIn("no e-mail address", said[0])


class ProgressTests(MessageCase):
    def progress(self, message: Announcement) -> tuple[int, int, int, int, str]:
        found = messages.progress_of([again(message)])[message.pk]
        return found.people, found.sent, found.failed, found.waiting, found.state

    def setUp(self) -> None:
        super().setUp()
        self.big = make_event(capacity=200)
        self.people = make_people(120)
        allocation.book_all(event_id=self.big.pk, user_ids=[person.pk for person in self.people])
        self.message = write(self.big)

    def test_it_says_how_many_are_delivered_failed_and_waiting(self) -> None:
        self.assertEqual(self.progress(self.message), (0, 0, 0, 0, "draft"))
        messages.send(self.message)
        self.assertEqual(self.progress(self.message), (120, 0, 0, 120, "sending"))
        everybody.store()
        first, second = Email.objects.order_by("pk")[:2]
        Email.objects.filter(pk=first.pk).update(status=STATUS.sent)
        Email.objects.filter(pk=second.pk).update(status=STATUS.failed)
        self.assertEqual(self.progress(self.message), (120, 1, 1, 118, "sending"))
        for _ in range(3):
            Email.objects.exclude(pk=second.pk).update(status=STATUS.sent)
            everybody.store()
        self.assertEqual(self.progress(self.message), (120, 119, 1, 0, "sent"))
        page = self.browser.get(f"/organize/{self.big.pk}/messages/{self.message.pk}/")
        self.assertContains(page, "119 of 120")
        self.assertNotContains(page, "data-progress")
        self.assertNotContains(page, "Stop sending")

    def test_stopping_stops_what_is_queued_and_what_is_not_stored_yet(self) -> None:
        messages.send(self.message)
        everybody.store()
        Email.objects.filter(pk=Email.objects.order_by("pk")[0].pk).update(status=STATUS.sent)
        url = f"/organize/{self.big.pk}/messages/{self.message.pk}/"
        self.assertContains(self.browser.get(url), "data-progress")
        for _ in range(2):
            said = redirect_of(self.browser.post(f"{url}stop/"))[2][-1]
            self.assertEqual(said, "Stopped. Nobody else is sent this message.")
        self.assertEqual(AuditEntry.objects.filter(action="message_stopped").count(), 1)
        self.assertEqual(everybody.store(), 0)
        sent = "django.core.mail.backends.locmem.EmailBackend"
        with self.settings(POST_OFFICE={"BACKENDS": {"default": sent}}):
            while mailing.deliver():
                pass
        self.assertEqual(self.progress(self.message), (120, 1, 119, 0, "stopped"))
        self.assertEqual(Email.objects.filter(status=STATUS.failed).count(), 49)

    def test_whose_address_is_none_is_not_delivered_and_what_is_forgotten_is_said_to_be(self) -> None:
        User.objects.filter(pk=self.people[0].pk).update(email="no address")
        messages.send(self.message)
        with self.assertLogs("core.telling.letters", "WARNING") as told:
            for _ in range(4):
                everybody.store()
                Email.objects.update(status=STATUS.sent)
        self.assertNotIn("no address", told.output[0])
        self.assertEqual(self.progress(self.message), (120, 119, 1, 0, "sent"))
        Email.objects.update(last_updated=ago(days=91))
        cleanup.clean()
        self.assertEqual(self.progress(self.message), (120, 0, 1, 0, "sent"))
        page = self.browser.get(f"/organize/{self.big.pk}/messages/")
        self.assertContains(page, "119 not on record any more")

    def test_a_program_is_told_that_nothing_was_stopped_and_why(self) -> None:
        url, program = f"/organize/{self.big.pk}/messages/{self.message.pk}/stop/", visit(self.olga, headers=JSON)
        draft = "This is a draft: nobody was sent it, so there was nothing to stop."
        nothing = {"status": "nothing_to_stop", "can_join": False}
        self.assertEqual(answer_of(program.post(url)), (409, {**nothing, "detail": draft}))
        messages.send(self.message)
        for _ in range(2):  # and again
            self.assertEqual(answer_of(program.post(url)), (200, {"status": "stopped"}))
        sent = write(self.event)
        messages.send(sent)
        everybody.store()
        Email.objects.update(status=STATUS.sent)
        status, told = answer_of(program.post(f"/organize/{self.event.pk}/messages/{sent.pk}/stop/"))
        self.assertEqual((status, told["status"]), (409, "nothing_to_stop"))
        self.assertEqual(AuditEntry.objects.filter(action="message_stopped").count(), 1)

    def test_a_draft_and_what_is_delivered_cannot_be_stopped(self) -> None:
        url = f"/organize/{self.big.pk}/messages/{self.message.pk}/stop/"
        draft = "This is a draft: nobody was sent it, so there was nothing to stop."
        self.assertEqual(redirect_of(self.browser.post(url))[2], [draft])
        self.assertIsNone(again(self.message).stopped_at)
        messages.send(self.message)
        for _ in range(4):
            everybody.store()
            Email.objects.update(status=STATUS.sent)
        sent = "All of it was sent before: nothing was left to stop."
        self.assertEqual(redirect_of(self.browser.post(url))[2][-1], sent)
        self.assertEqual(self.progress(self.message)[4], "sent")


class MessageMailTests(MailCase):
    def test_it_brings_the_text_as_it_was_typed_with_the_event_and_a_way_to_do_without(self) -> None:
        book(self.event, self.alice)
        messages.send(write(self.event))
        everybody.store()
        while mailing.deliver():
            pass
        ((to, message),) = self.inbox.messages
        self.assertEqual((to, message["Subject"]), (["alice@example.org"], "Doors open at 7"))
        text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
        self.assertIn("bring <b>an ID</b>. {{ so }}", text)
        self.assertIn("<p>bring &lt;b&gt;an ID&lt;/b&gt;. {{ so }}</p>", html)
        self.assertIn("Monday 1 July 2030, 20:15 (Europe/Berlin)", text)
        self.assertIn("/unsubscribe/", message["List-Unsubscribe"])


class WritingRaceTests(CastOfRaces, TransactionTestCase):
    def test_of_drafts_that_are_written_at_once_no_more_are_kept_than_an_event_may_have(self) -> None:
        event = make_event()
        with patch("core.telling.messages.DRAFTS", 2):
            results = race([partial(write, event)] * 8)
        self.assertEqual([isinstance(result, TooMany) for result in results].count(True), 6)
        self.assertEqual(Announcement.objects.count(), 2)


class SendingRaceTests(CastOfRaces, TransactionTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(capacity=20)
        for person in make_people(3):
            book(self.event, person)

    def press(self) -> tuple[int, int]:
        """Send one message from many tabs, and six others, of which the day has room for four; count the entries."""
        one = write(self.event)
        calls = [partial(messages.send, one)] * 10
        others = [partial(messages.send, write(self.event)) for _ in range(6)]
        race([*calls, *others], threads=8)
        entries = AuditEntry.objects.filter(action="message_sent")
        return entries.filter(subject=f"message {one.pk}").count(), entries.count()

    def test_a_button_that_is_pressed_in_many_tabs_sends_once_and_the_day_keeps_its_limit(self) -> None:
        of_one, of_all = self.press()
        self.assertLessEqual(of_one, 1)
        self.assertEqual(of_all, messages.SENT_A_DAY)

    def test_the_race_finds_out_when_the_lock_is_not_taken(self) -> None:
        def unlocked(event_id: int) -> list[Announcement]:
            as_it_was = list(Announcement.objects.filter(event=event_id))
            for message in as_it_was:
                message.begin_at = None
            return as_it_was

        with patch.object(messages, "_locked", unlocked):
            self.assertGreater(self.press()[1], messages.SENT_A_DAY)

    def test_what_is_sent_and_discarded_at_once_is_one_of_both(self) -> None:
        for _ in range(8):
            message = write(self.event)
            Announcement.objects.exclude(begin_at=None).update(begin_at=ago(days=2))
            outcome = race([partial(do, again(message)) for do in (messages.send, messages.discard)])
            refused = [type(answer) for answer in outcome if isinstance(answer, Refused)]
            is_sent = Announcement.objects.filter(pk=message.pk).exclude(begin_at=None).exists()
            entries = AuditEntry.objects.filter(action="message_sent", subject=f"message {message.pk}").count()
            self.assertEqual((refused, entries), ([AlreadySent], 1) if is_sent else ([Discarded], 0))

    def test_however_many_processes_send_it_each_person_gets_one(self) -> None:
        messages.send(write(self.event))
        race([everybody.store] * 16, threads=8)
        self.assertEqual((Email.objects.count(), AnnouncementMail.objects.count()), (3, 3))
