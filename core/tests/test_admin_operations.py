"""The admin's first page has true figures; its actions ask, say why, go by the domain, and are in the trail."""

from typing import Any
from unittest import mock

from django.contrib.sessions.models import Session
from django.test import TestCase
from playwright.sync_api import expect
from post_office.models import STATUS, Email

from core import allocation, checkin, cleanup, mailing
from core.admin import figures
from core.models import AuditEntry, Event, LastRun, Scan, Ticket, TicketHold, User, UserSession

from .browser import PASSWORD, BrowserTestCase
from .cast import Cast, ago, arrive, book, join, lapse, make_event, make_people, overlooked, statuses
from .desk import act, at_desk, employ, make_administrator, messages_of
from .test_query_counts import queries_of

WHY = {"confirmed": "yes", "reason": "Asked by phone"}


class DeskCase(Cast, TestCase):
    root: User
    event: Event
    ticket: Ticket

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.root = make_administrator()
        cls.event = make_event(capacity=3, auto_hold=False)
        cls.ticket = book(cls.event, cls.alice)

    def setUp(self) -> None:
        self.browser = at_desk(self.root)

    def told(self) -> list[tuple[int | None, int | None, str]]:
        rows = AuditEntry.objects.filter(actor=self.root, action=AuditEntry.Action.ADMIN).order_by("pk")
        return list(rows.values_list("person", "event", "detail"))


class FigureTests(DeskCase):
    def figures(self, person: User) -> dict[str, Any]:
        context = at_desk(person).get("/admin/").context
        return {figure.name: figure.value for figure in context["figures"]}

    def test_they_are_what_the_rows_say(self) -> None:
        for person in (self.bob, self.greta, *make_people(2)):
            join(self.event, person)
        old = book(make_event(auto_hold=False), self.bob)
        Ticket.objects.filter(pk=old.pk).update(booked_at=ago(days=2))
        checkin.scan(code=self.ticket.code, event=self.event, staff=self.greta)
        for status in (STATUS.queued, STATUS.requeued, STATUS.failed, STATUS.failed, STATUS.sent):
            Email.objects.create(from_email="a@example.org", to=["b@example.org"], status=status)
        ended = Email.objects.create(from_email="a@example.org", to=["b@example.org"], status=STATUS.failed)
        ended.logs.create(status=STATUS.failed, message="The hold ended before this mail was sent.")
        expected = {
            "Events on sale": 2, "Booked today": 1, "Held now": 2, "Waiting now": 2, "Let in today": 1,
            "Mails waiting": 2, "Mails given up": 2, "Last cleanup": "never",
        }  # fmt: skip
        self.assertEqual(self.figures(self.root), expected)

    def test_an_organizer_sees_those_of_their_own_events_alone(self) -> None:
        make_event(created_by=self.bob, auto_hold=False)
        employ(self.olga, "view_event")
        own = {"Events on sale": 1, "Booked today": 1, "Held now": 0, "Waiting now": 0, "Let in today": 0}
        self.assertEqual(self.figures(self.olga), own)

    def test_the_last_cleanup_leads_to_where_it_is_run(self) -> None:
        link = '<a href="/admin/core/lastrun/cleanup/">never</a>'
        self.assertContains(self.browser.get("/admin/"), link, html=True)

    def test_each_leads_to_the_list_that_it_counts(self) -> None:
        join(self.event, self.bob)
        cleanup.clean()
        make_event(starts_at=ago(days=1))
        checkin.scan(code=self.ticket.code, event=self.event, staff=self.greta)
        checkin.scan(code=book(self.event, self.bob).code, event=self.event, staff=self.greta)
        Scan.objects.filter(ticket__user=self.bob).update(scanned_at=ago(days=1))
        for status in (STATUS.queued, STATUS.requeued, STATUS.failed, STATUS.failed):
            mail = Email.objects.create(from_email="a@example.org", to=["b@example.org"], status=status)
        mail.logs.create(status=STATUS.failed, message="The hold ended before this mail was sent.")
        for figure in self.browser.get("/admin/").context["figures"]:
            with self.subTest(figure=figure.name):
                page = self.browser.get(figure.address)
                self.assertEqual(page.status_code, 200)
                if isinstance(figure.value, int):
                    self.assertEqual(len(page.context["cl"].result_list), figure.value)

    def test_the_page_asks_as_much_with_fifty_events_as_with_one(self) -> None:
        counts = []
        for number in (1, 49):
            for person in make_people(number):
                join(make_event(auto_hold=False), person)
            counts.append(len(queries_of(lambda: self.browser.get("/admin/"))))
        self.assertEqual(counts[0], counts[1])
        self.assertLessEqual(counts[1], 15)

    def test_nothing_is_asked_for_a_figure_twice(self) -> None:
        request = self.browser.get("/admin/").wsgi_request
        self.assertLessEqual(len(queries_of(lambda: figures.of_today(request))), 7)


class CleanupTests(DeskCase):
    def test_it_says_what_it_would_do_and_does_it_once_there_is_a_reason(self) -> None:
        hold = join(self.event, self.bob)
        lapse(TicketHold.objects.filter(pk=hold.pk))
        self.assertContains(self.browser.get("/admin/core/lastrun/cleanup/"), "<li>Lapsed holds: 1</li>", html=True)
        in_german = self.browser.get("/admin/core/lastrun/cleanup/", headers={"Accept-Language": "de"})
        self.assertContains(in_german, "<li>Abgelaufene Reservierungen: 1</li>", html=True)
        self.assertEqual(self.browser.post("/admin/core/lastrun/cleanup/", {"reason": ""}).status_code, 200)
        self.assertEqual(statuses(self.event), [("bob", "held")])
        response = self.browser.post("/admin/core/lastrun/cleanup/", {"reason": "Cron is broken"})
        self.assertEqual(messages_of(response), ["The cleanup ran: lapsed holds 1, events served 1."])
        self.assertEqual(statuses(self.event), [("bob", "expired")])
        self.assertTrue(LastRun.objects.filter(work="cleanup").exists())
        self.assertEqual(self.told(), [(None, None, "Cleanup run: Cron is broken")])

    def test_it_is_for_administrators_alone(self) -> None:
        employ(self.olga, "view_lastrun", "change_lastrun")
        desk = at_desk(self.olga)
        for method in (desk.get, desk.post):
            self.assertEqual(method("/admin/core/lastrun/cleanup/", {"reason": "x"}).status_code, 403)
        self.assertFalse(LastRun.objects.exists())


class ServeTests(DeskCase):
    def test_it_asks_and_then_gives_what_is_free_to_the_first_in_line(self) -> None:
        for person in (self.bob, self.greta, self.olga):
            join(self.event, person)
        lapse(TicketHold.objects.filter(user=self.bob))
        self.assertEqual(act(self.browser, "event", "serve_now", [self.event])[0], 200)
        self.assertEqual(statuses(self.event)[-1], ("olga", "waiting"))
        answer = act(self.browser, "event", "serve_now", [self.event], **WHY)
        self.assertEqual(answer, (302, ["Concert: 2 places changed."]))
        self.assertEqual(statuses(self.event)[-1], ("olga", "held"))
        self.assertEqual(overlooked(self.event), [])
        self.assertEqual(self.told(), [(None, self.event.pk, "Served, 2 places changed: Asked by phone")])

    def test_nobody_is_served_by_what_the_history_cannot_keep(self) -> None:
        join(self.event, self.bob)
        lapse(TicketHold.objects.filter(user=self.bob))
        failing = mock.patch("django.contrib.admin.ModelAdmin.log_change", side_effect=RuntimeError)
        with failing, self.assertRaises(RuntimeError):
            act(self.browser, "event", "serve_now", [self.event], **WHY)
        self.assertEqual(statuses(self.event), [("bob", "held")])


class ResendTests(DeskCase):
    def test_the_confirmation_goes_once_more_to_whoever_has_a_valid_ticket(self) -> None:
        mailing.store_confirmations()
        gone = book(self.event, self.bob)
        allocation.cancel_ticket(ticket_id=gone.pk)
        self.assertEqual(act(self.browser, "ticket", "resend_tickets", [self.ticket, gone])[0], 200)
        self.assertEqual(mailing.store_confirmations(), 0)
        code, said = act(self.browser, "ticket", "resend_tickets", [self.ticket, gone], **WHY)
        self.assertEqual((code, said[0]), (302, "On their way: 1 ticket."))
        mailing.store_confirmations()
        self.assertEqual([mail.to for mail in Email.objects.order_by("pk")], [[self.alice.email]] * 2)
        self.assertEqual(self.told(), [(self.alice.pk, self.event.pk, "Sent again: Asked by phone")])


class SignOutTests(DeskCase):
    def test_all_sessions_of_a_person_end_and_nobody_elses(self) -> None:
        bobs, alices = (at_desk(person) for person in (self.bob, self.alice))
        arrive(self.bob)
        hold = join(self.event, self.bob)
        self.assertEqual(act(self.browser, "user", "sign_out_people", [self.bob])[0], 200)
        self.assertEqual(bobs.get("/dashboard/").status_code, 200)
        answer = act(self.browser, "user", "sign_out_people", [self.bob], **WHY)
        self.assertEqual(answer, (302, ["Ended: 2 sessions. Holds and places in line stay."]))
        self.assertEqual(bobs.get("/dashboard/").status_code, 302)
        self.assertEqual(alices.get("/dashboard/").status_code, 200)
        self.assertFalse(UserSession.objects.filter(user=self.bob, is_active=True).exists())
        self.assertEqual(Session.objects.count(), 2)
        hold.refresh_from_db()
        self.assertEqual(hold.status, "held")
        self.assertEqual(self.told(), [(self.bob.pk, None, "Signed out everywhere: Asked by phone")])


class LinkTests(DeskCase):
    def links(self, path: str) -> list[str]:
        page = self.browser.get(path).content.decode()
        return [
            part.partition('"')[0]
            for part in page.partition("On record:")[2].partition("</div>")[0].split('href="')[1:]
        ]

    def test_from_a_person_an_event_and_a_ticket_to_what_is_on_record_of_them_and_back(self) -> None:
        scan = checkin.scan(code=self.ticket.code, event=self.event, staff=self.greta).scan
        hold = join(self.event, self.bob)
        login = arrive(self.alice)
        pages = {
            f"/admin/core/user/{self.alice.pk}/change/": {self.ticket.pk, scan.pk, login.pk},
            f"/admin/core/user/{self.greta.pk}/change/": {scan.pk},
            f"/admin/core/event/{self.event.pk}/change/": {self.ticket.pk, scan.pk, hold.pk},
            f"/admin/core/ticket/{self.ticket.pk}/change/": {scan.pk},
        }
        for path, expected in pages.items():
            links = self.links(path)
            self.assertGreater(len(links), 1, path)
            lists = [self.browser.get(link.replace("&amp;", "&")) for link in links]
            self.assertEqual([page.status_code for page in lists], [200] * len(links), path)
            shown = {row.pk for page in lists for row in page.context["cl"].result_list}
            self.assertLessEqual(expected, shown, path)
        for path in (f"ticket/{self.ticket.pk}", f"tickethold/{hold.pk}", f"usersession/{login.pk}"):
            self.assertContains(self.browser.get(f"/admin/core/{path}/change/"), "/admin/core/user/")

    def test_only_to_lists_that_one_may_see(self) -> None:
        employ(self.olga, "view_event", "view_ticket")
        page = at_desk(self.olga).get(f"/admin/core/event/{self.event.pk}/change/").content.decode()
        self.assertIn("/admin/core/ticket/?event__id__exact=", page)
        self.assertNotIn("/admin/core/scan/?event__id__exact=", page)

    def test_a_person_is_shown_in_as_many_queries_whatever_they_have(self) -> None:
        path = f"/admin/core/user/{self.bob.pk}/change/"
        self.browser.get(path)
        counts = []
        for number in (1, 9):
            for _ in range(number):
                book(make_event(auto_hold=False), self.bob)
            counts.append(len(queries_of(lambda: self.browser.get(path))))
        self.assertEqual(counts[0], counts[1])


class InBrowserTests(BrowserTestCase):
    def test_the_first_page_and_the_cleanup_can_be_used_on_a_phone(self) -> None:
        root = make_administrator()
        root.set_password(PASSWORD)
        root.save()
        join(make_event(auto_hold=False), self.alice)
        page = self.window(viewport={"width": 375, "height": 800})
        self.log_in(page, root)
        for width in (375, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            for name, path in {
                "index": "/admin/",
                "runs": "/admin/core/lastrun/",
                "cleanup": "/admin/core/lastrun/cleanup/",
                "person": f"/admin/core/user/{self.alice.pk}/change/",
            }.items():
                page.goto(path)
                self.picture(page, f"admin-{name}-{width}")
        page.goto("/admin/core/lastrun/cleanup/")
        page.get_by_label("Reason").fill("Cron is broken")
        page.get_by_role("button", name="Yes, run it").click()
        expect(page.get_by_text("The cleanup ran")).to_be_visible()
