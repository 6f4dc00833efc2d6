"""The entries on top of every page say which of them leads to what is shown, or to the part of the site it is in."""

import re

from django.test import TestCase

from core import allocation
from core.models import User

from .cast import Cast, appoint, make_event, make_person
from .routes import every
from .visits import BROWSER, visit


class CurrentTests(Cast, TestCase):
    def setUp(self) -> None:
        appoint(self.olga)
        self.event = make_event()

    def marked(self, path: str, person: User | None) -> list[tuple[str, str]]:
        """Return what is marked of the entries on top of a page, and how."""
        response = visit(person, headers=BROWSER).get(path)
        self.assertEqual(response.status_code, 200)
        header = response.content.decode().partition("<header")[2].partition("</header>")[0]
        return [(words, how) for how, words in re.findall(r'aria-current="(\w+)">([^<]+)</a>', header)]

    def test_a_page_that_is_an_entry_is_marked_as_that_page(self) -> None:
        pages = {"/": "Events", "/dashboard/": "Dashboard", "/calendar/": "Calendar", "/checkin/": "Check-in",
                 "/organize/": "Organize", "/accounts/email/": "Account", "/accounts/logout/": "Log out"}  # fmt: skip
        for path, entry in pages.items():
            self.assertEqual(self.marked(path, self.olga), [(entry, "page")], path)
        for path, entry in (("/accounts/login/", "Log in"), ("/accounts/signup/", "Sign up")):
            self.assertEqual(self.marked(path, None), [(entry, "page")], path)

    def test_a_page_below_an_entry_is_marked_as_part_of_it(self) -> None:
        event = f"/events/{self.event.pk}/"
        organize = f"/organize/{self.event.pk}/"
        parts = {
            "Events": [event, f"{event}fairness/"],
            "Organize": [organize, f"{organize}edit/", f"{organize}messages/", "/organize/new/", f"{event}attendees/",
                         f"{event}gate/", f"{event}history/"],
            "Account": ["/account/activity/", "/account/privacy/", "/account/notices/"],
        }  # fmt: skip
        for entry, paths in parts.items():
            for path in paths:
                self.assertEqual(self.marked(path, self.olga), [(entry, "true")], path)

    def test_where_there_is_no_such_entry_none_is_marked(self) -> None:
        self.assertEqual(self.marked("/accounts/password/reset/", None), [])
        self.assertEqual(self.marked("/language/", None), [])


class WayOutTests(Cast, TestCase):
    def test_whoever_is_logged_in_finds_the_way_out_on_every_page(self) -> None:
        root = make_person("root", is_staff=True, is_superuser=True)
        event = make_event(auto_hold=False)
        ticket = allocation.book(event_id=event.pk, user=root)
        values = {"event_id": str(event.pk), "object_id": str(event.pk), "code": ticket.code}
        browser, seen = visit(root, headers=BROWSER), set()
        for route in every():
            answer = browser.get(route.address(values))
            is_page = answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")
            if is_page and route.name != "embed":  # which is for other sites, and knows nobody
                seen.add(route.name)
                with self.subTest(route=route):
                    self.assertRegex(answer.content.decode(), 'href="/accounts/logout/"|action="/admin/logout/"')
        self.assertLess({"index", "dashboard", "ticket_detail", "checkin", "account_email", "admin:index"}, seen)
