"""The status page names what is broken and how to mend it; staff are warned on every page of a silent cleanup."""

from unittest.mock import patch

from django.test import TestCase, override_settings
from playwright.sync_api import expect
from post_office.models import STATUS, Email

from core import cleanup, relay
from core.models import LastRun
from core.operations import status
from core.tests.browser import PASSWORD, BrowserTestCase
from core.tests.cast import Cast, ago, book, join, make_event, make_person
from core.tests.test_query_counts import queries_of
from core.tests.visits import BROWSER, visit
from core.trust import doctor, runs

SILENT = "The cleanup has not run for 20 min."


class PageTests(Cast, TestCase):
    def setUp(self):
        self.root = make_person("root", is_staff=True, is_superuser=True)
        self.browser = visit(self.root, headers=BROWSER)

    def test_it_names_what_is_broken_and_how_to_mend_it(self):
        cleanup.clean()
        LastRun.objects.filter(work=runs.Work.CLEANUP).update(at=ago(minutes=20))
        page = self.browser.get("/status/")
        self.assertContains(page, "It last ran 20 min ago.")
        self.assertContains(page, "Add the cron line of docs/operations.md")
        self.assertIn("cron", {finding.part for finding in page.context["to_mend"]})

    def test_it_finds_what_the_doctor_finds(self):
        self.assertEqual(
            [finding.part for finding in self.browser.get("/status/").context["findings"]],
            [finding.part for finding in doctor.examine()],
        )

    def test_it_shows_the_numbers_of_what_sells(self):
        event = make_event(capacity=2, auto_hold=False)
        make_event(status="draft", name="Secret")
        book(event, self.alice)
        for person in (self.bob, self.greta):
            join(event, person)
        shown = self.browser.get("/status/").context["events"]
        self.assertEqual([(s["event"], s["booked"], s["held"], s["waiting"]) for s in shown], [(event.pk, 1, 1, 1)])

    def test_it_asks_as_much_for_twelve_events_as_for_one(self):
        counts = []
        self.browser.get("/status/")  # the first request of a login also holds places
        for number in (1, 11):
            for _ in range(number):
                make_event(auto_hold=False)
            counts.append(len(queries_of(lambda: self.browser.get("/status/"))))
        self.assertEqual(counts[0], counts[1])
        self.assertLessEqual(counts[1], 30)

    def test_whoever_asks_within_seconds_is_shown_the_same(self):
        with override_settings(SHARED_SECONDS=6), patch.object(status.findings, "_found", None):
            first = status.findings.get()
            self.assertIs(status.findings.get(), first)

    def test_staff_need_their_second_factor_where_it_is_required(self):
        with override_settings(STAFF_NEED_SECOND_FACTOR=True):
            self.assertEqual(self.browser.get("/status/").status_code, 302)


class WarningTests(Cast, TestCase):
    def setUp(self):
        self.root = make_person("root", is_staff=True, is_superuser=True)
        cleanup.clean()

    def test_staff_are_warned_on_every_page_after_a_quarter_of_an_hour(self):
        for minutes, is_warned in ((14, False), (20, True)):
            LastRun.objects.filter(work=runs.Work.CLEANUP).update(at=ago(minutes=minutes))
            for path in ("/", "/dashboard/", "/admin/", "/admin/core/event/"):
                with self.subTest(path=path, minutes=minutes):
                    page = visit(self.root, headers=BROWSER).get(path)
                    self.assertEqual(SILENT in page.content.decode(), is_warned)

    def test_the_page_that_they_lead_to_tells_them_once_with_what_to_type_as_code(self):
        LastRun.objects.filter(work=runs.Work.CLEANUP).update(at=ago(minutes=20))
        page = visit(self.root, headers=BROWSER).get("/status/").content.decode()
        self.assertNotIn("See the status.", page)
        self.assertNotIn("`", page)
        self.assertRegex(page, "<code>[^<]*cleanup_expired_holds[^<]*</code>")

    def test_nobody_else_is(self):
        LastRun.objects.filter(work=runs.Work.CLEANUP).update(at=ago(minutes=20))
        for person in (None, self.alice, self.greta, self.olga):
            self.assertNotContains(visit(person, headers=BROWSER).get("/"), "cleanup")

    def test_mail_that_was_given_up_is_a_warning_for_a_day(self):
        mail = Email.objects.create(from_email="a@example.org", to=["b@example.org"], status=STATUS.failed)
        Email.objects.filter(pk=mail.pk).update(last_updated=ago(hours=23))
        said = [one.said for one in doctor.examine() if one.part == "mail given up"]
        self.assertEqual(said, ["In the last 24 hours: 1."])
        mail.logs.create(status=STATUS.failed, message="The hold ended before this mail was sent.")
        self.assertEqual([one for one in doctor.examine() if one.part == "mail given up"], [])
        mail.logs.all().delete()
        Email.objects.filter(pk=mail.pk).update(last_updated=ago(hours=25))
        self.assertEqual([one for one in doctor.examine() if one.part == "mail given up"], [])

    def test_whatever_is_broken_comes_with_its_remedy(self):
        smtp = {"BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"}}
        with (
            override_settings(POST_OFFICE=smtp, EMAIL_HOST="127.0.0.1", EMAIL_PORT=1),
            patch.object(relay, "shared_layer", side_effect=OSError("no route")),
        ):
            broken = [one for one in doctor.examine() if one.state == doctor.BROKEN]
        self.assertLessEqual({"mail", "channel layer", "clock"}, {one.part for one in broken})
        self.assertEqual([one for one in broken if not one.remedy], [])


class StatusInBrowserTests(BrowserTestCase):
    def test_it_can_be_read_on_a_phone_and_follows_the_sale(self):
        root = make_person("root", is_staff=True, is_superuser=True, password=PASSWORD)
        event = make_event(capacity=5, auto_hold=False)
        page = self.window(viewport={"width": 375, "height": 800})
        self.log_in(page, root)
        page.goto("/status/")
        width = page.evaluate("document.documentElement.scrollWidth")
        self.assertLessEqual(width, 375)
        self.picture(page, "status-375")
        page.set_viewport_size({"width": 1280, "height": 900})
        self.picture(page, "status-1280")
        booked = page.locator(f"[data-event='{event.pk}'] [data-number='booked']")
        self.assertEqual(booked.inner_text().strip(), "0")
        book(event, self.alice)
        expect(booked).to_have_text("1")
