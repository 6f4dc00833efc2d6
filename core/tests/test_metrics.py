"""What Prometheus is told: true numbers, by labels that are few and name nobody, to whoever may know."""

import re
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.db import OperationalError, connection
from django.test import TestCase, TransactionTestCase, override_settings
from post_office.models import STATUS, Email
from prometheus_client.parser import text_string_to_metric_families

from core import cleanup
from core.models import Ticket
from core.operations import figures, measures
from core.refusals import SoldOut
from core.tests.cast import Cast, ago, book, join, make_event, make_people, make_person, open_sale
from core.tests.nodes import START_SECONDS, start_node
from core.tests.sockets import SocketCase
from core.tests.test_query_counts import queries_of
from core.tests.visits import visit
from tools.servers import PAGES

TOKEN = "a-token-of-the-tests-alone"

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples_of(text: str) -> Samples:
    """Return `{(name, labels): value}` of an answer; fail if it is not in Prometheus' format."""
    families = text_string_to_metric_families(text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def scrape(**headers: str) -> Samples:
    """Ask for the measurements, as Prometheus does."""
    with override_settings(METRICS_TOKEN=TOKEN):
        response = visit(headers={"Authorization": f"Bearer {TOKEN}", **headers}).get("/metrics")
    if response.status_code != 200:
        raise AssertionError(response.status_code)
    return samples_of(response.content.decode())


def value(samples: Samples, name: str, /, **labels: str) -> float:
    """Return one sample; 0 where there is none yet."""
    return samples.get((name, tuple(sorted(labels.items()))), 0.0)


class AccessTests(Cast, TestCase):
    def status(self, authorization: str) -> int:
        return visit(headers={"Authorization": authorization}).get("/metrics").status_code

    def test_the_token_opens_it_and_anything_else_finds_nothing(self):
        with override_settings(METRICS_TOKEN=TOKEN):
            self.assertEqual(self.status(f"Bearer {TOKEN}"), 200)
            for wrong in ("", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN, "Bearer \u00fc"):
                with self.subTest(wrong=wrong):
                    self.assertEqual(self.status(wrong), 404)

    def test_without_a_token_no_token_opens_it(self):
        for given in ("Bearer ", "Bearer", f"Bearer {TOKEN}"):
            self.assertEqual(self.status(given), 404)

    def test_while_developing_anybody_may(self):
        with override_settings(DEBUG=True):
            self.assertEqual(visit().get("/metrics").status_code, 200)

    def test_staff_need_their_second_factor_where_it_is_required(self):
        root = make_person("root", is_staff=True)
        with override_settings(STAFF_NEED_SECOND_FACTOR=True):
            self.assertEqual(visit(root).get("/metrics").status_code, 403)
        self.assertEqual(visit(root).get("/metrics").status_code, 200)

    def test_nothing_keeps_the_answer(self):
        with override_settings(DEBUG=True):
            response = visit().get("/metrics")
        self.assertEqual(response["Cache-Control"], "no-store")
        self.assertEqual(response["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")


class FigureTests(Cast, TestCase):
    def test_the_numbers_of_each_event_are_those_that_everybody_sees(self):
        event = make_event(capacity=3, auto_hold=False, name='The "last" night\\')
        book(event, self.alice)
        for person in (self.bob, self.greta, self.olga):
            join(event, person)
        samples = scrape()
        found = [value(samples, f"tickets_event_{name}", event=str(event.pk)) for name in figures.NUMBERS]
        self.assertEqual(found, [3, 1, 2, 1])
        self.assertEqual(value(samples, "tickets_event_info", event=str(event.pk), name=event.name), 1)

    def test_drafts_and_what_has_begun_are_left_out(self):
        for event in (make_event(status="draft"), make_event(starts_at=ago(minutes=1))):
            self.assertNotIn(("tickets_event_capacity", (("event", str(event.pk)),)), scrape())

    def test_of_more_events_than_a_hundred_the_soonest_are_told(self):
        first = make_event(auto_hold=False)
        with patch.object(figures, "MOST_EVENTS", 2):
            for days in (1, 2, 3):
                make_event(auto_hold=False, starts_at=first.starts_at.replace(year=first.starts_at.year + days))
            told = {labels for name, labels in scrape() if name == "tickets_event_capacity"}
        self.assertEqual(len(told), 2)
        self.assertIn((("event", str(first.pk)),), told)

    def test_it_asks_as_much_for_fifty_events_and_mails_as_for_one(self):
        counts = []
        for number in (1, 49):
            for _ in range(number):
                join(make_event(auto_hold=False), self.alice)
                Email.objects.create(from_email="a@example.org", to=["b@example.org"], status=STATUS.queued)
            counts.append(len(queries_of(lambda: list(figures.Figures().collect()))))
        clock = 1 if connection.vendor == "postgresql" else 0
        self.assertEqual(counts, [4 + clock] * 2)

    def test_whoever_asks_within_a_second_gets_the_same_figures(self):
        with override_settings(SHARED_SECONDS=60), patch.object(figures, "_kept", (0.0, [])):
            figures.Figures().collect()
            self.assertEqual(queries_of(lambda: figures.Figures().collect()), [])

    def test_the_queue_of_mail_is_told_with_the_age_of_what_is_due(self):
        for status in (STATUS.queued, STATUS.requeued, STATUS.sent, STATUS.failed):
            Email.objects.create(from_email="a@example.org", to=["b@example.org"], status=status)
        needless = Email.objects.create(from_email="a@example.org", to=["b@example.org"], status=STATUS.failed)
        needless.logs.create(status=STATUS.failed, message="The hold ended before this mail was sent.")
        Email.objects.update(created=ago(minutes=5))
        samples = scrape()
        self.assertEqual(value(samples, "tickets_mail_queue_length"), 2)
        self.assertEqual(value(samples, "tickets_mails_failed"), 1)
        self.assertEqual(value(samples, "tickets_mail_queue_age_seconds") // 60, 5)

    def test_a_confirmation_that_nobody_has_written_yet_waits_as_well(self):
        ticket = book(make_event(), self.alice)
        Ticket.objects.filter(pk=ticket.pk).update(booked_at=ago(minutes=20))
        self.assertEqual(value(scrape(), "tickets_mail_queue_age_seconds") // 60, 20)
        Ticket.objects.filter(pk=ticket.pk).update(mailed_at=ago(minutes=1))
        self.assertEqual(value(scrape(), "tickets_mail_queue_age_seconds"), 0)

    def test_it_tells_how_long_ago_the_cleanup_ran_and_nothing_where_it_never_did(self):
        self.assertNotIn(("tickets_seconds_since", (("work", "cleanup"),)), scrape())
        cleanup.clean()
        self.assertLess(value(scrape(), "tickets_seconds_since", work="cleanup"), 60)

    def test_without_the_database_what_the_process_knows_is_told_all_the_same(self):
        def away(*args: Any) -> Any:
            raise OperationalError("the database is away")

        with connection.execute_wrapper(away):
            samples = scrape()
        self.assertEqual(value(samples, "tickets_database_up"), 0)
        self.assertIn(("tickets_open_sockets", ()), samples)
        self.assertEqual(value(scrape(), "tickets_database_up"), 1)

    def test_nobody_is_named(self):
        event = make_event(capacity=1, auto_hold=False)
        ticket = book(event, self.alice)
        join(event, self.bob)
        visit(self.alice).get(f"/ticket/{ticket.code}/")
        text = str(list(scrape()))
        for secret in (ticket.code, "alice", "bob", "olga", "@"):
            self.assertNotIn(secret, text)


class OwnTests(Cast, TestCase):
    def grown(self, before: Samples, name: str, /, **labels: str) -> float:
        return value(scrape(), name, **labels) - value(before, name, **labels)

    def test_requests_are_counted_by_the_name_of_their_route_and_the_class_of_the_answer(self):
        event = make_event(auto_hold=False)
        before = scrape()
        visit().get(f"/events/{event.pk}/")
        visit().get(f"/events/{event.pk + 1}/")
        visit().get("/nowhere/at/all/")
        cases = {("event_detail", "2xx"): 1, ("event_detail", "4xx"): 1, ("none", "4xx"): 1, ("event_detail", "5xx"): 0}
        for (route, status), number in cases.items():
            with self.subTest(route=route, status=status):
                grown = self.grown(before, "tickets_request_seconds_count", route=route, status=status)
                self.assertEqual(grown, number)

    def test_an_address_that_nobody_knows_makes_no_new_series(self):
        visit().get("/nowhere/")
        before = len(scrape())
        for n in range(20):
            visit().get(f"/nowhere/{n}/")
            visit().get(f"/ticket/{n}/")
        visit().get("/ticket/x/")
        self.assertLessEqual(len(scrape()) - before, 3 * len(measures._QUICK))  # one route, in one class

    def test_refusals_of_the_allocation_are_counted_by_act_and_reason(self):
        event = make_event(capacity=1, auto_hold=False)
        book(event, self.bob)
        before = scrape()
        self.assertEqual(visit(self.alice).post(f"/book/{event.pk}/").json()["status"], SoldOut.status)
        self.assertEqual(self.grown(before, "tickets_refusals_total", act="book", reason="sold_out"), 1)

    def test_serving_and_the_wait_for_the_lock_are_measured(self):
        event = make_event(auto_hold=False)
        before = scrape()
        visit(self.alice).post(f"/book/{event.pk}/")
        for name in ("tickets_serve_seconds_count", "tickets_lock_wait_seconds_count"):
            self.assertGreaterEqual(self.grown(before, name), 1)


class SocketTests(SocketCase):
    async def test_open_sockets_are_counted_until_they_close(self):
        before = measures.SOCKETS._value.get()
        await self.open("/ws/events/")
        self.assertEqual(measures.SOCKETS._value.get(), before + 1)
        await self.close()
        self.assertEqual(measures.SOCKETS._value.get(), before)


def asked(address: str) -> str:
    """Return what is answered at an address."""
    with urllib.request.urlopen(address, timeout=START_SECONDS) as answer:
        return str(answer.read(), "utf-8")


class ManyProcessesTests(TransactionTestCase):
    def test_workers_that_share_a_port_answer_for_one_another(self):
        make_people(1)
        with tempfile.TemporaryDirectory() as folder:
            node = start_node(PAGES, METRICS_DIR=folder, DEBUG="on")
            self.addCleanup(node.kill_all)
            deadline = time.monotonic() + START_SECONDS
            while len(list(Path(folder).glob("histogram_*.db"))) < 2 and time.monotonic() < deadline:
                asked(f"{node.address}/healthz")  # until both of its workers have begun
            for _ in range(20):
                asked(f"{node.address}/healthz")
            counted = []
            for _ in range(8):
                text = asked(f"{node.address}/metrics")
                labels = {"route": "healthz", "status": "2xx"}
                counted.append(value(samples_of(text), "tickets_request_seconds_count", **labels))
            self.assertGreaterEqual(counted[0], 20)
            self.assertEqual(len(set(counted)), 1, counted)

    def test_sockets_of_a_process_that_is_gone_are_not_open_any_more(self):
        with tempfile.TemporaryDirectory() as name:
            dead, alive = Path(name, "gauge_livesum_4194304.db"), Path(name, "gauge_livesum_1.db")
            counted = Path(name, "counter_4194304.db")
            for file in (dead, alive, counted):
                file.touch()
            measures._forget_the_dead(Path(name))
            self.assertEqual([file.exists() for file in (dead, alive, counted)], [False, True, True])


class DashboardTests(TestCase):
    def test_every_metric_that_the_dashboard_and_the_alerts_name_exists(self):
        open_sale(make_event())
        cleanup.clean()
        measures.refused("book", "sold_out")
        measures.REQUESTS.labels(route="index", status="2xx")
        there = {name for name, _ in scrape()}
        for file in ("deploy/grafana.json", "deploy/prometheus-rules.yml"):
            named = set(re.findall(r"\btickets_\w+", Path(settings.BASE_DIR, file).read_text()))
            with self.subTest(file=file):
                self.assertGreater(len(named), 5)
                self.assertEqual(named - there, set())
