"""What search engines are told: the list and the events to come, at the one address of the site, and nothing else."""

import re

from django.db import connection
from django.test import TestCase, override_settings

from core import shared_answers
from core.views import findable

from .cast import Cast, ago, later, make_event
from .visits import BROWSER, visit

SITE = {"SITE_URL": "https://tickets.example/", "SITE_URL_IS_KNOWN": True}


@override_settings(**SITE)
class SitemapTests(Cast, TestCase):
    def addresses(self, **headers: str) -> list[str]:
        response = visit(headers=BROWSER | headers).get("/sitemap.xml")
        self.assertEqual((response.status_code, response.headers["Content-Type"]), (200, "application/xml"))
        return re.findall(r"<loc>([^<]+)</loc>", response.content.decode())

    def test_it_names_the_list_and_published_events_to_come_soonest_first(self) -> None:
        late, soon = make_event(starts_at=later(days=9)), make_event(starts_at=later(days=1))
        for fields in ({"status": "draft"}, {"status": "cancelled"}, {"starts_at": ago(hours=1)}):
            make_event(**fields)
        expected = [f"https://tickets.example/{path}" for path in ("", f"events/{soon.pk}/", f"events/{late.pk}/")]
        self.assertEqual(self.addresses(), expected)

    def test_where_nobody_said_the_site_s_address_it_is_the_one_that_was_asked(self) -> None:
        with self.settings(SITE_URL_IS_KNOWN=False, ALLOWED_HOSTS=["box.lan"]):
            self.assertEqual(self.addresses(Host="box.lan"), ["http://box.lan/"])

    def test_it_asks_once_however_many_events_there_are_and_names_only_so_many(self) -> None:
        for day in (1, 2, 3):
            make_event(starts_at=later(days=day))
        findable.MOST_EVENTS, most = 2, findable.MOST_EVENTS
        self.addCleanup(setattr, findable, "MOST_EVENTS", most)
        with self.assertNumQueries(2 if connection.vendor == "postgresql" else 1):
            self.assertEqual(len(self.addresses()), 1 + 2)

    def test_it_is_the_same_for_everybody_and_may_be_kept_for_an_hour(self) -> None:
        make_event(status="draft")
        self.addCleanup(shared_answers.forget)
        with self.settings(SHARED_SECONDS=60):
            olgas = visit(self.olga)
            olgas.get("/readyz")  # the first request of a login sets its cookie anew
            answers = [client.get("/sitemap.xml") for client in (visit(), visit(), olgas)]
        self.assertEqual({response.content for response in answers}, {answers[0].content})
        self.assertEqual({response.headers["Cache-Control"] for response in answers}, {"public, max-age=3600"})

    def test_no_page_behind_the_first_is_there(self) -> None:
        self.assertEqual([visit().get(f"/sitemap.xml?p={p}").status_code for p in ("2", "x", "9" * 5000)], [404] * 3)


@override_settings(**SITE)
class RobotsTests(Cast, TestCase):
    def is_barred(self, path: str) -> bool:
        """Return whether the file bars a path (RFC 9309: a beginning, `*` for anything)."""
        text = visit().get("/robots.txt").content.decode()
        patterns = [re.escape(rule).replace(r"\*", ".*") for rule in re.findall("^Disallow: (.+)$", text, re.MULTILINE)]
        return any(re.match(pattern, path) for pattern in patterns)

    def test_what_is_somebodys_own_is_barred_and_events_are_not(self) -> None:
        barred = (
            "/accounts/login/", "/account/privacy/", "/admin/", "/ticket/x/", "/transfers/x/", "/organize/",
            "/checkin/", "/api/ticket-stats/1/", "/dashboard/", "/embed/1/", "/?q=opera", "/?when=today",
        )  # fmt: skip
        self.assertEqual([path for path in barred if not self.is_barred(path)], [])
        open_to_all = ("/", "/?page=2", "/events/1/", "/events/1/fairness/", "/static/x.css", "/media/events/x.png")
        self.assertEqual([path for path in open_to_all if self.is_barred(path)], [])

    def test_it_is_text_that_says_where_the_sitemap_is(self) -> None:
        response = visit().get("/robots.txt")
        self.assertEqual(response.headers["Content-Type"], "text/plain; charset=utf-8")
        self.assertContains(response, "Sitemap: https://tickets.example/sitemap.xml\n")
