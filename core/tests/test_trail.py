"""The audit trail: who did what to what, when, from where; readable by whom it concerns, changeable by nobody."""

import io
from importlib import import_module
from typing import Any
from unittest import mock

from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from core import accounts, checkin, cleanup
from core.models import AuditEntry, Ticket, User, UserSession
from core.templatetags.words import breakable
from core.tests.cast import Cast, ago, arrive, book, join, make_event, make_person, offer
from core.tests.visits import BROWSER, visit
from core.trust import trail

Action = AuditEntry.Action


def told() -> list[tuple[Any, ...]]:
    """Return `(action, actor, person, event, subject, detail)` of every entry, oldest first."""
    fields = ("action", "actor__username", "person__username", "event__name", "subject", "detail")
    return list(AuditEntry.objects.order_by("pk").values_list(*fields))


class WhatIsRecordedTests(Cast, TestCase):
    def setUp(self):
        self.event = make_event(auto_hold=False, capacity=10)
        self.ticket = book(self.event, self.alice)
        self.subject = f"ticket {self.ticket.pk}"
        self.root = make_person("root", is_staff=True, is_superuser=True)

    def test_staff_who_look_at_tickets_and_lists(self):
        client = visit(self.olga, REMOTE_ADDR="192.0.2.7")
        for path in ("", "qr.png", "calendar.ics"):
            self.assertEqual(client.get(f"/ticket/{self.ticket.code}/{path}").status_code, 200)
        for page in (1, 2):
            client.get(f"/events/{self.event.pk}/attendees/?page={page}")
        client.get(f"/events/{self.event.pk}/attendees.csv")
        expected = [
            (Action.TICKET_SEEN, "olga", "alice", "Concert", self.subject, ""),  # once, for all that a page loads
            (Action.ATTENDEES_SEEN, "olga", None, "Concert", "", ""),
            (Action.EXPORTED, "olga", None, "Concert", "attendees.csv", ""),
        ]
        self.assertEqual(told(), expected)
        self.assertEqual(set(AuditEntry.objects.values_list("address", flat=True)), {"192.0.2.7"})

    def test_staff_who_read_lists_and_rows_in_the_administration_once_for_all_they_read_on(self):
        join(self.event, self.bob)
        [place] = self.event.places.all()
        checkin.scan(code=self.ticket.code, event=self.event, staff=self.greta)
        [scan] = self.event.scans.all()
        client = visit(self.root, headers=BROWSER, REMOTE_ADDR="192.0.2.8")
        rows = {"ticket": self.ticket, "tickethold": place, "scan": scan, "user": self.alice}
        for name, row in rows.items():
            for path in ("", "", f"{row.pk}/change/", f"{row.pk}/change/"):
                self.assertEqual(client.get(f"/admin/core/{name}/{path}").status_code, 200)
        seen = Action.RECORDS_SEEN
        expected = [
            (seen, "root", None, None, "list of tickets", ""),
            (seen, "root", "alice", "Concert", self.subject, ""),
            (seen, "root", None, None, "list of places", ""),
            (seen, "root", "bob", "Concert", f"tickethold {place.pk}", ""),
            (seen, "root", None, None, "list of scans", ""),
            (seen, "root", "alice", "Concert", f"scan {scan.pk}", ""),
            (seen, "root", None, None, "list of users", ""),
            (seen, "root", "alice", None, f"user {self.alice.pk}", ""),
        ]
        self.assertEqual(told(), expected)
        self.assertEqual(set(AuditEntry.objects.values_list("address", flat=True)), {"192.0.2.8"})

    def test_a_scan_of_no_ticket_is_of_its_event(self):
        checkin.scan(code="nonsense", event=self.event, staff=self.greta)
        [scan] = self.event.scans.all()
        visit(self.root, headers=BROWSER).get(f"/admin/core/scan/{scan.pk}/change/")
        self.assertEqual(told(), [(Action.RECORDS_SEEN, "root", None, "Concert", f"scan {scan.pk}", "")])

    def test_by_the_number_that_a_row_has_however_it_was_typed(self):
        client = visit(self.root, headers=BROWSER)
        for typed in (self.alice.pk, f"00{self.alice.pk}", f"{self.alice.pk:0150}"):
            self.assertEqual(client.get(f"/admin/core/user/{typed}/change/").status_code, 200)
        self.assertEqual(told(), [(Action.RECORDS_SEEN, "root", "alice", None, f"user {self.alice.pk}", "")])

    def test_not_what_staff_could_not_see(self):
        self.assertEqual(visit(self.alice, headers=BROWSER).get("/admin/core/ticket/").status_code, 302)
        self.assertEqual(visit(self.root, headers=BROWSER).get("/admin/core/ticket/4000000/change/").status_code, 302)
        self.assertEqual(told(), [])

    def test_gate_staff_who_look_people_up_without_the_names(self):
        for who in ("ali", "bob"):
            form = {"event": self.event.pk, "who": who}
            self.assertEqual(visit(self.greta).post("/checkin/people/", form).status_code, 200)
        self.assertEqual(told(), [(Action.PEOPLE_SOUGHT, "greta", None, "Concert", "", "")])

    def test_an_offer_that_is_declined(self):
        token = offer(self.ticket, self.bob).token
        for _ in range(2):
            visit(self.bob).post(f"/transfers/{token}/decline/")
        self.assertEqual(told()[1:], [(Action.TICKET_DECLINED, "bob", "alice", "Concert", self.subject, "")])

    def test_a_password_that_is_changed_on_the_server(self):
        arrive(self.alice)
        with mock.patch("getpass.getpass", return_value="other-password-2"):
            call_command("changepassword", "alice", stdout=io.StringIO())
        self.assertTrue(User.objects.get(username="alice").check_password("other-password-2"))
        self.assertFalse(UserSession.objects.filter(user=self.alice, is_active=True).exists())
        detail = "by a command on the server"
        self.assertEqual(told(), [(Action.PASSWORD_CHANGED, None, "alice", None, "", detail)])

    def test_no_transaction_is_open_while_somebody_types_a_password(self):
        around, seen = len(connection.savepoint_ids), []

        def typing(prompt: str = "") -> str:
            seen.append(len(connection.savepoint_ids) - around)
            return "other-password-2"

        with mock.patch("getpass.getpass", typing):
            call_command("changepassword", "alice", stdout=io.StringIO())
        self.assertEqual(seen, [0, 0])

    def test_not_that_an_owner_looks_at_their_own_ticket(self):
        visit(self.alice).get(f"/ticket/{self.ticket.code}/")
        self.assertEqual(told(), [])

    def test_tickets_that_are_cancelled_offered_given_and_renewed(self):
        other = book(self.event, self.bob)
        visit(self.olga).post(f"/ticket/{self.ticket.code}/cancel/", {"reason": "Asked by phone"})
        visit(self.olga).post(f"/ticket/{self.ticket.code}/cancel/", {"reason": "Once more"})  # changes nothing
        visit(self.bob).post(f"/ticket/{other.code}/reissue/")
        renewed = Ticket.objects.get(replaces=other)
        token = offer(renewed, self.greta).token
        visit(self.greta).post(f"/transfers/{token}/accept/")
        about = [("bob", "Concert", f"ticket {ticket.pk}", "") for ticket in (other, renewed, renewed)]
        expected = [
            (Action.TICKET_SEEN, "olga", "alice", "Concert", self.subject, ""),
            (Action.TICKET_CANCELLED, "olga", "alice", "Concert", self.subject, "Asked by phone"),
            (Action.TICKET_REISSUED, "bob", *about[0]),
            (Action.TICKET_OFFERED, None, *about[1]),  # by a call of the test's own, outside of any request
            (Action.TICKET_ACCEPTED, "greta", *about[2]),
        ]
        self.assertEqual(told(), expected)

    def test_gate_staff_who_are_listed_and_scans_that_are_taken_back(self):
        address = f"/events/{self.event.pk}/gate/staff/"
        visit(self.olga).post(address, {"person": "greta"})
        visit(self.olga).post(f"{address}{self.greta.pk}/remove/")
        visit(self.olga).post(f"{address}{self.greta.pk}/remove/")  # changes nothing
        scan = checkin.scan(code=self.ticket.code, event=self.event, staff=self.greta).scan
        checkin.undo(scan_id=scan.pk, staff=self.greta, reason="Wrong person")
        expected = [
            (Action.GATE_STAFF_ADDED, "olga", "greta", "Concert", "", ""),
            (Action.GATE_STAFF_REMOVED, "olga", "greta", "Concert", "", ""),
            (Action.SCAN_UNDONE, None, "alice", "Concert", f"scan {scan.pk}", "Wrong person"),
        ]
        self.assertEqual(told(), expected)

    def test_whatever_is_changed_in_the_administration_without_names(self):
        client = visit(self.root, headers=BROWSER)
        address = f"/admin/core/event/{self.event.pk}/serving/"
        client.post(address, {"act": "pause", "reason": "The hall is wet"})
        client.post("/admin/auth/group/add/", {"name": "Members"})
        group = Group.objects.get(name="Members")
        expected = [
            (Action.ADMIN, "root", None, "Concert", f"event {self.event.pk}", "Serving paused: The hall is wet"),
            (Action.ADMIN, "root", None, None, f"group {group.pk}", "added"),
        ]
        self.assertEqual(told(), expected)

    def test_what_people_do_to_their_account(self):
        self.alice.set_password("first-password-1")
        self.alice.save()
        client = visit(None, headers=BROWSER, REMOTE_ADDR="192.0.2.9")
        client.post("/accounts/login/", {"login": "alice", "password": "first-password-1"})
        passwords = {
            "oldpassword": "first-password-1",
            "password1": "other-password-2",
            "password2": "other-password-2",
        }
        client.post("/accounts/password/change/", passwords)
        client.post("/accounts/login/", {"login": "alice", "password": "other-password-2"})
        client.post("/accounts/logout/")
        mine = ("alice", "alice", None, "", "")
        actions = [(entry[0], entry[1:]) for entry in told()]
        self.assertIn((Action.PASSWORD_CHANGED, mine), actions)
        self.assertEqual(actions[-1], (Action.SIGNED_OUT, mine))
        self.assertEqual(set(UserSession.objects.values_list("address", flat=True)), {"192.0.2.9"})

    def test_sessions_that_staff_end_in_one_go(self):
        visit(self.bob).get("/")
        logins = list(UserSession.objects.filter(user=self.bob).values_list("pk", flat=True))
        form = {"action": "end_sessions", "_selected_action": logins, "confirmed": "yes", "reason": "Lost phone"}
        visit(self.root, headers=BROWSER).post("/admin/core/usersession/", form)
        recorded = AuditEntry.objects.filter(actor=self.root, person=self.bob, action=Action.ADMIN)
        self.assertEqual([entry.detail for entry in recorded], ["Session ended: Lost phone"])

    def test_what_is_refused_is_not_recorded(self):
        self.event.__class__.objects.filter(pk=self.event.pk).update(status="cancelled")
        visit(self.olga).post(f"/ticket/{self.ticket.code}/cancel/", {"reason": "Too late"})
        self.assertEqual([entry[0] for entry in told()], [Action.TICKET_SEEN])


class NobodyChangesItTests(Cast, TestCase):
    def setUp(self):
        trail.record(Action.SIGNED_OUT, actor=self.alice, person=self.alice.pk)
        self.entries = AuditEntry.objects.filter(actor=self.alice)

    def test_the_database_refuses_to_change_an_entry(self):
        for change in ({"detail": "else"}, {"actor": self.bob}, {"at": ago(days=1)}, {"address": "192.0.2.1"}):
            with self.subTest(change=change), self.assertRaises(IntegrityError), transaction.atomic():
                self.entries.update(**change)

    def test_the_database_refuses_to_empty_it_or_the_ledger_where_tests_do_not_need_to(self):
        join(make_event(auto_hold=False), self.bob)
        refuse = import_module("core.migrations.0028_records_stay_on_sqlite").FORWARDS
        for number, table in enumerate(("core_ledgerentry", "core_auditentry")):
            with self.subTest(table=table), transaction.atomic(), connection.cursor() as cursor:
                if connection.vendor == "sqlite":
                    cursor.execute(refuse[number])
                else:
                    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is deferred would keep the table from it
                    cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER never_emptied")
                for words in ("DELETE FROM", "TRUNCATE")[: 1 if connection.vendor == "sqlite" else 2]:
                    with self.assertRaises(IntegrityError), transaction.atomic():
                        cursor.execute(f"{words} {table}")
                transaction.set_rollback(True)

    def test_an_address_can_be_forgotten(self):
        visit(self.alice, REMOTE_ADDR="192.0.2.7").post("/accounts/logout/")
        self.assertEqual(self.entries.exclude(address="").get().address, "192.0.2.7")
        self.assertEqual(trail.forget_addresses(self.entries), 1)  # the other has none
        self.assertFalse(self.entries.exclude(address="").exists())

    def test_nobody_can_edit_it_in_the_administration(self):
        root = visit(make_person("root", is_staff=True, is_superuser=True), headers=BROWSER)
        [entry] = self.entries
        address = f"/admin/core/auditentry/{entry.pk}/"
        self.assertEqual(root.get(f"{address}change/").status_code, 200)
        for path in (f"{address}delete/", "/admin/core/auditentry/add/"):
            with self.subTest(path=path):
                self.assertEqual(root.get(path).status_code, 403)
        self.assertEqual(root.post(f"{address}change/", {"detail": "else"}).status_code, 403)


class ForgettingTests(Cast, TestCase):
    def setUp(self):
        self.event = make_event(auto_hold=False)
        self.ticket = book(self.event, self.alice)

    def look(self, address: str) -> None:
        visit(self.olga, REMOTE_ADDR=address).get(f"/events/{self.event.pk}/attendees/")

    def test_the_cleanup_forgets_old_addresses_and_keeps_the_entries(self):
        self.look("192.0.2.1")
        with self.settings(RETENTION_DAYS=0):
            self.assertEqual(cleanup.count()["addresses in the audit trail forgotten"], 1)
            self.assertEqual(cleanup.clean()["addresses in the audit trail forgotten"], 1)
        self.assertEqual(list(AuditEntry.objects.values_list("action", "address")), [(Action.ATTENDEES_SEEN, "")])

    def test_an_erased_account_leaves_its_deeds_without_an_address(self):
        self.look("192.0.2.1")
        self.event.places.all().delete()
        accounts.erase_account(self.olga)
        seen = AuditEntry.objects.get(action=Action.ATTENDEES_SEEN)
        self.assertEqual((seen.actor and seen.actor.username, seen.address), (f"erased-{self.olga.pk}", ""))

    def test_erasing_somebody_does_not_hide_from_where_staff_looked_at_them(self):
        visit(self.olga, REMOTE_ADDR="192.0.2.5").get(f"/ticket/{self.ticket.code}/")
        accounts.erase_account(self.alice)
        self.assertEqual(AuditEntry.objects.get(action=Action.TICKET_SEEN).address, "192.0.2.5")


class ReadingTests(Cast, TestCase):
    def setUp(self):
        self.event = make_event(auto_hold=False)
        self.ticket = book(self.event, self.alice)
        visit(self.olga, REMOTE_ADDR="192.0.2.66").get(f"/ticket/{self.ticket.code}/")

    def test_a_person_sees_what_was_done_about_them_and_not_from_where(self):
        page = visit(self.alice, headers=BROWSER).get("/account/activity/").content.decode()
        self.assertIn("looked at somebody&#x27;s ticket", page)
        self.assertNotIn("192.0.2.66", page.replace("<wbr>", ""))

    def test_whoever_offered_a_ticket_learns_that_it_was_declined_and_not_by_staff(self):
        visit(self.bob).post(f"/transfers/{offer(self.ticket, self.bob).token}/decline/")
        page = visit(self.alice, headers=BROWSER).get("/account/activity/").content.decode()
        self.assertEqual([page.count(words) for words in ("Whoever it was offered to", "declined a ticket")], [1, 1])
        self.assertEqual((page.count("Staff\n"), "bob" in page), (1, False))  # olga, who looked at it

    def test_a_person_sees_nothing_about_others(self):
        page = visit(self.bob, headers=BROWSER).get("/account/activity/").content.decode()
        self.assertNotIn("looked at", page)

    def test_an_organizer_sees_the_history_of_their_event(self):
        page = visit(self.olga, headers=BROWSER).get(f"/events/{self.event.pk}/history/").content.decode()
        self.assertIn("looked at somebody&#x27;s ticket", page)

    def test_its_history_says_whom_it_concerns_and_what_was_done_to_the_line(self):
        browser = visit(self.olga, headers=BROWSER)
        browser.post(f"/events/{self.event.pk}/gate/staff/", {"person": "greta"})
        for act in ({"act": "pause"}, {"act": "extend", "minutes": "5"}, {"act": "resume"}):
            browser.post(f"/organize/{self.event.pk}/serving/", {"reason": "Fog", **act})
        page = browser.get(f"/events/{self.event.pk}/history/").content.decode()
        self.assertInHTML('<span class="hint">It concerns <bdi>greta</bdi>.</span>', page, count=1)
        for words in ("paused serving", "extended all holds", "resumed serving"):
            self.assertEqual(page.count(words), 1, words)
        self.assertNotContains(browser.get("/account/activity/"), "It concerns")  # what they did there was at work

    def test_an_address_breaks_at_its_dots_and_not_within_a_word(self):
        browser = visit(self.olga, headers=BROWSER, REMOTE_ADDR="192.0.2.66")
        attendees = browser.get(f"/events/{self.event.pk}/attendees/").content.decode()
        self.assertIn("alice@<wbr>example<wbr>.org", attendees)
        history = browser.get(f"/events/{self.event.pk}/history/").content.decode()
        self.assertIn("192<wbr>.0<wbr>.2<wbr>.66", history)
        self.assertEqual(breakable("Dr. <b>: x"), "Dr. &lt;b&gt;: x")

    def test_reading_it_takes_the_same_number_of_queries_however_long_it_is(self):
        few = self.queries()
        for _ in range(40):
            trail.record(Action.ATTENDEES_SEEN, actor=self.olga, event=self.event.pk)
        self.assertEqual(self.queries(), few)

    def queries(self) -> int:
        client = visit(self.olga, headers=BROWSER)
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/events/{self.event.pk}/history/")
        return len(captured)
