"""A draft is published, or deleted; an event is cancelled."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

from django.test import Client, TransactionTestCase

from core import allocation, locking, organizing
from core.checkin.figures import gate_numbers
from core.models import Announcement, AuditEntry, Event
from core.telling import messages

from .cast import CastOfRaces, ago, book, join, make_event, numbers, race, release, revise, statuses
from .desk import at_desk, filled, make_administrator
from .organizers import OrganizerCase, path, trail_of
from .visits import BROWSER, answer_of, redirect_of, visit


@contextmanager
def deleted_before_it_is_locked(event: Event) -> Iterator[None]:
    """Let a colleague delete a draft between its look-up and the lock, for as long as this lasts."""
    lock = locking._locking

    def lock_too_late(**kwargs: Any) -> Any:
        Event.objects.filter(pk=event.pk).delete()
        return lock(**kwargs)

    with mock.patch.object(locking, "_locking", lock_too_late):
        yield
    if not Event.objects.filter(pk=event.pk).exists():
        event.save(force_insert=True)


class PublishTests(OrganizerCase):
    def publish(self, event: Event, client: Client | None = None) -> Any:
        return (client or self.browser).post(path(event, "publish/"))

    def test_a_draft_that_is_ready_is_shown_to_everybody(self) -> None:
        event = make_event(status="draft", auto_hold=False)
        self.assertEqual(visit().get(f"/events/{event.pk}/").status_code, 404)
        self.assertEqual(redirect_of(self.publish(event))[2], ["Published: everybody can see it now."])
        self.assertEqual(visit().get(f"/events/{event.pk}/").status_code, 200)
        self.assertEqual(redirect_of(self.publish(event))[2][-1], "It was published before; nothing has changed.")
        self.assertEqual(trail_of(event), [("olga", "event_published", "")])

    def test_what_is_incomplete_is_refused_with_every_reason_and_stays_a_draft(self) -> None:
        event = make_event(status="draft", starts_at=ago(days=1), capacity=0, sales_close_at=ago(days=2), venue=" ")
        status, told = answer_of(self.publish(event, visit(self.olga)))
        self.assertEqual((status, told["status"]), (409, "not_ready"))
        for word in ("no venue", "capacity is 0", "It started on", "Its sale closed on"):
            self.assertIn(word, told["detail"])
            self.assertContains(self.browser.get(path(event)), word)
        said = redirect_of(self.publish(event))[2][-1]
        self.assertEqual(said, told["detail"])
        self.assertTrue(said.startswith("Not published: it stays a draft, as it was saved. "), said)
        self.assertEqual((Event.objects.get().status, trail_of(event)), ("draft", []))

    def test_a_draw_needs_an_opening_that_is_to_come(self) -> None:
        event = make_event(status="draft", line_policy="randomised_open", sales_open_at=ago(hours=1))
        self.assertIn("drawn when the sale opens", answer_of(self.publish(event, visit(self.olga)))[1]["detail"])

    def test_in_the_administration_it_is_refused_as_well(self) -> None:
        event = make_event(status="draft", capacity=0, auto_hold=False)
        root = at_desk(make_administrator())
        page = f"/admin/core/event/{event.pk}/change/"
        response = root.post(page, filled(root.get(page)) | {"status": "published"})
        self.assertContains(response, "Its capacity is 0")
        self.assertEqual(Event.objects.get().status, "draft")

    def test_a_cancelled_event_is_not_published_again(self) -> None:
        event = make_event(status="cancelled", auto_hold=False)
        self.assertEqual(answer_of(self.publish(event, visit(self.olga)))[1]["status"], "cancelled")


class DeleteTests(OrganizerCase):
    def setUp(self) -> None:
        super().setUp()
        self.draft = make_event(name="Maybe", status="draft", image="events/a.png")
        self.draft.gate_staff.add(self.greta)

    def test_the_question_says_what_is_lost_and_a_press_deletes_it_for_good(self) -> None:
        messages.write(event=self.draft, by=self.olga, audience="holders", subject="Doors", text="At 7.")
        self.assertContains(self.browser.get(path(self.draft)), path(self.draft, "deleting/"))
        page = self.browser.get(path(self.draft, "deleting/"))
        self.assertContains(page, "and 1 message that nobody was sent")
        self.assertContains(page, "The file of its picture stays on the server")
        self.assertEqual(self.browser.get(path(self.draft, "delete/")).status_code, 405)
        answer = redirect_of(self.browser.post(path(self.draft, "delete/")))
        self.assertEqual(answer, (302, "/organize/", ["The draft “Maybe” was deleted."]))
        self.assertEqual((Event.objects.count(), Announcement.objects.count()), (0, 0))
        self.assertEqual(trail_of(self.draft), [("olga", "event_deleted", "Maybe")])
        organizing.delete(event_id=self.draft.pk)
        self.assertEqual(self.browser.post(path(self.draft, "delete/")).status_code, 404)
        self.assertContains(self.browser.get("/account/activity/"), "deleted the draft of an event")

    def test_whatever_a_colleague_does_to_it_at_that_instant_it_is_not_there(self) -> None:
        form = filled(self.browser.get(path(self.draft, "edit/"))) | {"name": "Surely"}
        root = at_desk(make_administrator())
        serving = f"/admin/core/event/{self.draft.pk}/serving/"
        reason = {"reason": "A storm"}
        for client, page, typed in (
            (self.browser, path(self.draft, "publish/"), {}),
            (self.browser, path(self.draft, "cancel/"), {"name": "Maybe"} | reason),
            (self.browser, path(self.draft, "save/"), form),
            (self.browser, path(self.draft, "serving/"), {"act": "pause"} | reason),
            (self.browser, path(self.draft, "serving/"), {"act": "resume"} | reason),
            (self.browser, path(self.draft, "serving/"), {"act": "extend", "minutes": "5"} | reason),
            (root, serving, {"act": "pause"} | reason),
        ):
            with self.subTest(page=page, typed=typed), deleted_before_it_is_locked(self.draft):
                response = client.post(page, typed)
                self.assertContains(response, "Page not found", status_code=404)
        with deleted_before_it_is_locked(self.draft):
            answer = answer_of(self.browser.post(path(self.draft, "publish/"), headers={"accept": "application/json"}))
        self.assertEqual(answer, (404, {"status": "not_found", "detail": "No such event."}))

    def test_what_was_ever_sold_joined_or_announced_stays(self) -> None:
        published, joined, booked, told = (make_event(auto_hold=False) for _ in range(4))
        join(joined, self.alice)
        release(joined, self.alice)
        revise(joined, status="draft")
        allocation.cancel_ticket(ticket_id=book(booked, self.alice).pk)
        revise(booked, status="draft")
        Announcement.objects.create(event=told, kind="changed", begin_at=ago(days=1))
        revise(told, status="draft")
        for event in (published, joined, booked, told):
            with self.subTest(event=event.pk):
                self.assertContains(self.browser.get(path(event, "deleting/")), "It stays on record")
                code, refused = answer_of(visit(self.olga).post(path(event, "delete/")))
                self.assertEqual((code, refused["status"]), (409, "event_in_use"))
                self.assertTrue(Event.objects.filter(pk=event.pk).exists())


class CancelTests(OrganizerCase):
    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(name="Winter  Concert", capacity=2, auto_hold=False)
        self.ticket = book(self.event, self.greta)
        join(self.event, self.alice)
        join(self.event, self.bob)

    def cancel(self, **typed: str) -> Any:
        return self.browser.post(path(self.event, "cancel/"), {"name": "Winter Concert", "reason": "A storm"} | typed)

    def test_the_question_says_whom_it_concerns(self) -> None:
        page = self.browser.get(path(self.event, "cancelling/"))
        counts = [page.context["stats"][name] for name in ("booked", "held", "waiting")]
        self.assertEqual(counts, [1, 1, 1])
        for words in ("Have a ticket", "Hold a place", "Wait in line", "Winter  Concert"):
            self.assertContains(page, words)

    def test_of_an_event_that_has_started_it_says_to_whom_that_would_be_told(self) -> None:
        words = "Cancel it only if it did not take place: everybody with a ticket is told so by mail."
        self.assertNotContains(self.browser.get(path(self.event, "cancelling/")), words)
        Event.objects.update(starts_at=ago(days=30))
        self.assertContains(self.browser.get(path(self.event, "cancelling/")), words)

    def test_without_the_name_or_a_reason_nothing_happens_and_what_was_typed_is_kept(self) -> None:
        for typed, field in (({"name": "Winter"}, "name"), ({"name": ""}, "name"), ({"reason": " "}, "reason")):
            with self.subTest(typed=typed):
                response = self.cancel(**typed)
                self.assertEqual((response.status_code, list(response.context["form"].errors)), (400, [field]))
        refused = self.cancel(name="Winter")
        self.assertContains(refused, 'value="A storm"', status_code=400)
        self.assertContains(refused, '<a href="#cancel_name">', count=1, status_code=400)
        self.assertEqual((Event.objects.get().status, numbers(self.event)["waiting"]), ("published", 1))

    def test_it_ends_places_and_holds_and_tickets_open_no_gate(self) -> None:
        self.assertEqual(self.cancel().status_code, 302)
        self.assertEqual(statuses(self.event), [("alice", "released"), ("bob", "left")])
        self.ticket.refresh_from_db()
        self.assertEqual((self.ticket.status, self.ticket.cancelled_at), ("cancelled", None))
        self.assertEqual(trail_of(self.event), [("olga", "event_cancelled", "A storm")])

    def test_capitals_and_spaces_of_the_name_are_forgiven(self) -> None:
        self.assertEqual(self.cancel(name=" winter  CONCERT ").status_code, 302)
        self.assertEqual(Event.objects.get().status, "cancelled")

    def test_afterwards_its_page_offers_nothing_of_a_sale(self) -> None:
        self.cancel()
        page = self.browser.get(path(self.event))
        self.assertContains(page, "The event is cancelled: its places and holds have ended")
        self.assertContains(page, "Messages to those who had tickets")
        for told in ("as it sells", "Expected in all", "Bookings per minute", path(self.event, "line/")):
            self.assertNotContains(page, told)
        for meter in ("<progress", 'class="ring"'):
            self.assertContains(page, meter, count=0)
            self.assertNotContains(self.browser.get("/organize/"), meter)
        self.assertEqual(gate_numbers([self.event.pk])[0]["expected"], 0)
        line = self.browser.get(path(self.event, "line/"))
        self.assertContains(line, "its line has ended")
        self.assertNotContains(line, path(self.event, "serving/"))
        self.assertNotContains(self.browser.get("/organize/"), path(self.event, "edit/"))

    def test_afterwards_its_public_pages_show_no_progress_and_offer_no_calendar(self) -> None:
        for client in (visit(headers=BROWSER), visit(self.greta, headers=BROWSER)):
            address, frame = self.event.get_absolute_url(), f"/embed/{self.event.pk}/"
            self.assertContains(client.get(address), f'href="{address}calendar.ics"')
            self.assertContains(client.get(frame), "<progress")
        self.cancel()
        for client in (visit(headers=BROWSER), visit(self.greta, headers=BROWSER)):
            page, shown = client.get(address), client.get(frame)
            for gone in ("calendar.ics", 'class="ring"', "data-number"):
                self.assertNotContains(page, gone)
            self.assertContains(page, "This event was cancelled.")
            self.assertContains(page, "share-link")
            self.assertNotContains(shown, "<progress")
            self.assertContains(shown, "Cancelled")

    def test_afterwards_its_gate_report_expects_nobody_and_leads_to_no_scanner(self) -> None:
        report, scanner = f"/events/{self.event.pk}/gate/", f"/checkin/?event={self.event.pk}"
        self.assertContains(self.browser.get(report), scanner)
        self.cancel()
        page = self.browser.get(report)
        self.assertContains(page, "The event is cancelled: its tickets open no gate.")
        for gone in (scanner, "Expected in all", "As soon as the first ticket is scanned"):
            self.assertNotContains(page, gone)

    def test_what_is_typed_for_those_whom_it_concerns_is_told_them_and_the_form_says_so(self) -> None:
        for field, words in (("reason", "history"), ("told", "reads it in the mail")):
            page = self.browser.get(path(self.event, "cancelling/"))
            self.assertIn(words, page.context["form"][field].help_text)
        long = self.cancel(told="x" * 1001)
        self.assertContains(long, "At most 1000 characters: this has 1001.", status_code=400)
        self.cancel(told="The roof leaks.")
        self.assertEqual(Announcement.objects.get().text, "The roof leaks.")

    def test_cancelled_twice_it_says_so_and_the_first_reason_stays(self) -> None:
        self.cancel()
        told = redirect_of(self.cancel(reason="Another"))[2]
        self.assertEqual(told[-1], "It was cancelled before; nothing has changed.")
        self.assertEqual(trail_of(self.event), [("olga", "event_cancelled", "A storm")])

    def test_the_history_tells_it(self) -> None:
        self.cancel()
        page = self.browser.get(f"/events/{self.event.pk}/history/")
        self.assertContains(page, "cancelled the event")
        self.assertContains(page, "A storm")


class RaceTests(CastOfRaces, TransactionTestCase):
    def test_of_many_who_cancel_at_once_one_does(self) -> None:
        event = make_event(auto_hold=False)
        done = race([lambda: organizing.cancel(event_id=event.pk, reason="A storm")] * 8, threads=8)
        self.assertEqual(sorted(map(str, done)), ["False"] * 7 + ["True"])
        self.assertEqual(AuditEntry.objects.count(), 1)

    def test_a_capacity_is_not_lowered_to_nothing_while_the_draft_is_published(self) -> None:
        for _ in range(10):
            event = make_event(status="draft", auto_hold=False)
            lower = partial(organizing.revise, event_id=event.pk, values={"capacity": 0})
            publish = partial(organizing.publish, event_id=event.pk)
            done = race([lower, publish], threads=2)
            event.refresh_from_db()
            told = [entry[1] for entry in trail_of(event)]
            published = event.status == "published"
            self.assertEqual((done[0], done[1] is True), (True, published))
            self.assertEqual(told.count("event_published"), int(published))
            if published:  # first published, then lowered
                self.assertEqual(told, ["event_published", "event_changed"])
