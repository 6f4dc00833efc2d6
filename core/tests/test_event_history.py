"""The history of an event: what each field was and became, in the reader's language, and nothing said twice."""

import datetime as dt
import re
from typing import Any

from django.db import IntegrityError, transaction
from django.test import TestCase, override_settings

from core import organizing
from core.models import Announcement, AuditEntry, Event
from core.telling import messages
from core.trust import trail

from .cast import Cast, book, make_event, make_person
from .desk import at_desk, filled
from .organizers import OrganizerCase, path
from .visits import BROWSER, visit

Action = AuditEntry.Action
MAY = dt.datetime(2100, 5, 1, 18, tzinfo=dt.UTC)


def text_of(page: str) -> str:
    """Return what a page says, without its tags and with single spaces."""
    return " ".join(re.sub(r"<[^>]+>", "", page.partition("<tbody>")[2].partition("</tbody>")[0]).split())


class WhatAFieldWasTests(OrganizerCase):
    def said(self, event: Event, **headers: str) -> str:
        browser = visit(self.olga, headers={**BROWSER, **headers})
        return text_of(browser.get(f"/events/{event.pk}/history/").content.decode())

    def test_what_each_was_and_became_and_of_a_long_text_only_that_it_was_changed(self) -> None:
        event = make_event(name="Opera", description="One act", ends_at=None, starts_at=MAY, time_zone="Europe/Oslo")
        self.change(event, name="Tosca", description="Three acts", starts_at_1="21:00", hold_minutes="7.5")
        said = self.said(event)
        for words in (
            "Name: Opera → Tosca",
            "Description: changed",
            "Starts: Sat 1 May 2100, 20:00 CEST → Sat 1 May 2100, 21:00 CEST",
            "Minutes that a place is held: none → 7.5",
        ):
            self.assertIn(words, said)
        self.assertNotIn("Three acts", said)

    def test_the_zone_of_the_site_is_told_by_its_name(self) -> None:
        event = make_event()
        self.change(event, time_zone="Asia/Tokyo")
        self.assertIn("Time zone: UTC (this site&#x27;s) → Asia/Tokyo", self.said(event))

    def test_of_a_box_whether_it_is_ticked_now(self) -> None:
        event = make_event(auto_hold=True)
        box = "Hold a place for everybody who logs in, while there are any"
        for is_ticked, words in ((False, "unticked"), (True, "ticked")):
            organizing.revise(event_id=event.pk, values={"auto_hold": is_ticked})
            self.assertIn(f"{box}: {words}", self.said(event))

    def test_of_a_picture_whether_it_was_added_replaced_or_removed(self) -> None:
        event = make_event(image="")
        for image, words in (("events/a.png", "added"), ("events/b.png", "replaced"), ("", "removed")):
            organizing.revise(event_id=event.pk, values={"image": image})
            said = self.said(event)
            self.assertIn(f"Picture: {words}", said)
        self.assertNotIn(".png", said)

    def test_of_the_terms_of_the_line_their_words_and_shares(self) -> None:
        event = make_event(sales_open_at=MAY - dt.timedelta(days=9), starts_at=MAY)
        values = {"line_policy": "randomised_open", "tier_shares": {"members": 10}}
        organizing.revise(event_id=event.pk, values=values)
        said = self.said(event)
        self.assertIn("Order of the line: in order of login → drawn at the opening, then in order of login", said)
        self.assertIn("Shares of those who are served first: none → members 10%", said)

    @override_settings(LANGUAGES=[("en", "English"), ("de", "Deutsch")])
    def test_moments_are_in_the_language_of_the_reader_and_the_record_is_in_english(self) -> None:
        event = make_event(starts_at=MAY)
        organizing.revise(event_id=event.pk, values={"starts_at": MAY + dt.timedelta(days=1)})
        self.assertIn("Mai 2100", self.said(event, **{"Accept-Language": "de"}))
        self.assertIn("1 May 2100", AuditEntry.objects.get().detail)

    def test_what_was_typed_is_shown_as_text(self) -> None:
        event = make_event(venue="Hall")
        organizing.revise(event_id=event.pk, values={"venue": "<b>House</b>"})
        page = self.browser.get(f"/events/{event.pk}/history/").content.decode()
        self.assertIn("<bdi>Hall</bdi> → <bdi>&lt;b&gt;House&lt;/b&gt;</bdi>", page)

    def test_an_entry_of_before_is_shown_as_it_is(self) -> None:
        event = make_event()
        trail.record(Action.EVENT_CHANGED, actor=self.olga, event=event.pk, detail="Venue; Capacity: 1 → 2")
        self.assertIn("changed the event Venue; Capacity: 1 → 2", self.said(event))

    def test_nobody_can_change_what_was_kept(self) -> None:
        event = make_event(venue="Hall")
        organizing.revise(event_id=event.pk, values={"venue": "Church"})
        for changes in ([], None, [{"field": "venue", "was": "Hall", "now": "House"}]):
            with self.subTest(changes=changes), self.assertRaises(IntegrityError), transaction.atomic():
                AuditEntry.objects.update(changes=changes)
        self.assertEqual(AuditEntry.objects.get().changes, [{"field": "venue", "was": "Hall", "now": "Church"}])

    def test_whoever_did_it_can_download_it(self) -> None:
        event = make_event(venue="Hall")
        self.change(event, venue="Church")
        deed, _download = visit(self.olga).get("/account/privacy/data.json").json()["what you did"]
        self.assertEqual(deed["changes"], [{"field": "venue", "was": "Hall", "now": "Church"}])


class InTheAdministrationTests(Cast, TestCase):
    def setUp(self) -> None:
        self.event = make_event(venue="Hall", auto_hold=False)
        self.root = make_person("root", is_staff=True, is_superuser=True)

    def change(self, **typed: Any) -> None:
        address = f"/admin/core/event/{self.event.pk}/change/"
        browser = at_desk(self.root)
        browser.post(address, filled(browser.get(address)) | typed)

    def test_a_change_made_there_tells_as_much_and_no_names_of_people(self) -> None:
        self.change(venue="Church", created_by=str(self.bob.pk))
        entry = AuditEntry.objects.get(action=Action.ADMIN)
        venue = {"field": "venue", "was": "Hall", "now": "Church"}
        self.assertCountEqual(entry.changes or [], [venue, {"field": "created_by"}])
        self.assertNotIn("bob", f"{entry.changes} {entry.detail}")
        pages = (f"/events/{self.event.pk}/history/", "/admin/core/auditentry/")
        for page in pages:
            said = text_of(at_desk(self.root).get(page).content.decode())
            self.assertIn("Venue: Hall → Church", said)
            self.assertIn("Created by: changed", said)

    def test_a_deed_of_one_field_more_or_less_is_not_told_twice(self) -> None:
        for detail, said in (
            ("Changed Name.", "changed in the administration (event 7) Name."),
            ("added", "added in the administration (event 7)"),
            ("deleted", "deleted in the administration (event 7)"),
            ("Served, 2 places changed: Fog", "changed in the administration (event 7) Served, 2 places changed: Fog"),
        ):
            with self.subTest(detail=detail):
                about: dict[str, Any] = {"actor": self.root, "event": self.event.pk, "subject": "event 7"}
                trail.record(Action.ADMIN, detail=detail, **about)
                page = at_desk(self.root).get(f"/events/{self.event.pk}/history/").content.decode()
                row = page.partition("<tbody>")[2].partition('data-label="What"')[2].partition("</td>")[0]
                self.assertEqual(" ".join(re.sub(r"<[^>]+>", "", row.partition(">")[2]).split()), said)


class SaidOnceTests(OrganizerCase):
    def said(self, event: Event) -> str:
        return text_of(self.browser.get(f"/events/{event.pk}/history/").content.decode())

    def test_what_was_done_to_the_line_is_said_once_with_its_reason(self) -> None:
        event = make_event(auto_hold=False)
        for act in ({"act": "pause"}, {"act": "extend", "minutes": "5"}, {"act": "resume"}):
            self.browser.post(path(event, "serving/"), {"reason": "Fog: dense", **act})
        said = self.said(event)
        for words in ("paused serving Fog: dense", "resumed serving Fog: dense"):
            self.assertIn(words, said)
        self.assertIn("extended all holds 0 holds by 5 min: Fog: dense", said)
        self.assertEqual([word in said for word in ("Serving paused", "Serving resumed", "Extended")], [False] * 3)

    def test_a_ticket_is_named_once_with_its_number(self) -> None:
        event = make_event(auto_hold=False)
        ticket = book(event, self.alice)
        self.browser.get(f"/ticket/{ticket.code}/")
        said = self.said(event)
        self.assertIn(f"looked at somebody&#x27;s ticket (no. {ticket.pk})", said)
        self.assertNotIn(f"ticket {ticket.pk}", said)

    def test_a_message_is_named_by_its_subject_when_it_is_sent_and_when_it_is_stopped(self) -> None:
        event = make_event(auto_hold=False)
        book(event, self.alice)
        typed = {"audience": Announcement.Audience.HOLDERS, "subject": "Doors at seven", "text": "Bring an ID."}
        message = messages.write(event=event, by=self.olga, **typed)
        messages.send(message)
        message.refresh_from_db()
        messages.stop(message)
        said = self.said(event)
        sent = "“Doors at seven”, to everybody with a valid ticket: 1"
        self.assertIn(f"sent a message to attendees (no. {message.pk}) {sent}", said)
        self.assertIn(f"stopped a message to attendees (no. {message.pk}) “Doors at seven”", said)
        self.assertNotIn("Bring an ID.", said)


class NamesTests(OrganizerCase):
    def test_people_and_events_are_told_by_the_names_that_they_have_now(self) -> None:
        event = make_event(name="Opera", auto_hold=False)
        organizing.revise(event_id=event.pk, values={"capacity": 9})
        trail.record(Action.GATE_STAFF_ADDED, actor=self.bob, person=self.greta.pk, event=event.pk)
        organizing.revise(event_id=event.pk, values={"name": "Tosca"})
        type(self.greta).objects.filter(pk=self.greta.pk).update(username="gerda")
        said = text_of(self.browser.get(f"/events/{event.pk}/history/").content.decode())
        self.assertIn("It concerns gerda.", said)
        self.assertNotIn("greta", said)
        self.assertEqual(said.count("Opera"), 1)  # what it was called before: the entry of the renaming
        mine = text_of(
            visit(self.greta, headers=BROWSER).get("/account/activity/").content.decode().rpartition("<h2")[2]
        )
        self.assertIn("Tosca", mine)

    def test_an_address_is_one_piece_that_only_breaks_where_it_must(self) -> None:
        event = make_event(auto_hold=False)
        browser = visit(self.olga, headers=BROWSER, REMOTE_ADDR="192.0.2.66")
        browser.get(f"/events/{event.pk}/attendees/")
        book(event, self.alice)
        for page, address in (
            (f"/events/{event.pk}/history/", "192<wbr>.0<wbr>.2<wbr>.66"),
            (f"/events/{event.pk}/attendees/", "alice@<wbr>example<wbr>.org"),
        ):
            self.assertIn(f'<span class="address">{address}</span>', browser.get(page).content.decode())
