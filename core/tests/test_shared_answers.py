"""What everybody who is not logged in is answered is made once a second and shared; what is somebody's never is."""

import gzip
import threading
from typing import Any
from unittest import mock

from django.db import connection
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.test import Client, TestCase, override_settings
from django.test.utils import CaptureQueriesContext

from core import shared_answers
from core.models import Event
from core.operations.request_id import HEADER

from .cast import Cast, make_event
from .visits import BROWSER, JSON, visit


class Stopwatch:
    """A monotonic clock that is moved by hand."""

    at = 1000.0

    def __call__(self) -> float:
        return self.at


def stop_the_clock(case: TestCase) -> Stopwatch:
    """Let the clock of what is shared stand still during a test, and forget what was shared at its end."""
    case.addCleanup(shared_answers.forget)
    watch = Stopwatch()
    patch = mock.patch("core.shared_answers.monotonic", watch)
    patch.start()
    case.addCleanup(patch.stop)
    return watch


@override_settings(SHARED_SECONDS=1)
class SharingTests(Cast, TestCase):
    def setUp(self):
        self.watch = stop_the_clock(self)
        self.event = make_event(name="Opera", capacity=5)
        self.page, self.stats = f"/events/{self.event.pk}/", f"/api/ticket-stats/{self.event.pk}/"

    def queries_of(self, path: str, client: Client | None = None) -> int:
        with CaptureQueriesContext(connection) as captured:
            (client or visit(headers=BROWSER)).get(path)
        return len(captured)

    def rename(self, name: str) -> None:
        Event.objects.update(name=name)

    def headers_of(self, response: Any) -> dict[str, str]:
        """Return what is shared: each answer has a number of its own."""
        return {name: value for name, value in response.headers.items() if name != HEADER}

    def test_within_a_second_an_answer_is_made_once(self):
        for path in ("/", self.page, self.stats):
            with self.subTest(path=path):
                first = visit(headers=BROWSER).get(path)
                self.rename("Ballet")
                with self.assertNumQueries(0):
                    second = visit(headers=BROWSER).get(path)
                self.assertEqual((second.content, self.headers_of(second)), (first.content, self.headers_of(first)))
                self.rename("Opera")

    def test_after_a_second_it_is_made_anew(self):
        for path in ("/", self.page, self.stats):
            visit().get(path)
        self.rename("Ballet")
        self.watch.at += 1
        for path in ("/", self.page, self.stats):
            self.assertContains(visit().get(path), "Ballet")

    def test_an_answer_is_for_its_own_address_host_and_scheme(self):
        paths: list[tuple[str, dict[str, Any]]] = [
            ("/", {}),
            ("/?page=2", {}),
            (self.page, {}),
            ("/", {"headers": {"Host": "localhost"}}),
            ("/", {"secure": True}),
        ]
        for path, options in paths:
            with self.subTest(path=path, **options), CaptureQueriesContext(connection) as captured:
                self.assertEqual(visit(headers=BROWSER).get(path, **options).status_code, 200)
            self.assertGreater(len(captured), 0)

    def test_people_get_their_own_pages_and_leave_nothing_behind(self):
        alices = visit(self.alice, headers=BROWSER)
        self.assertContains(alices.get("/"), "Log out")
        self.assertNotContains(visit(headers=BROWSER).get("/"), "Log out")
        self.assertContains(alices.get("/"), "Log out")
        self.rename("Ballet")
        for path in ("/", self.page, self.stats):
            self.assertContains(alices.get(path), "Ballet")
            self.assertEqual(alices.get(path).headers["Cache-Control"], "no-store")

    def test_a_message_is_shown_to_whom_it_was_meant_for_alone(self):
        told = visit(headers=BROWSER)
        told.post(f"/join/{self.event.pk}/")  # not logged in: the next page says so
        self.assertContains(told.get("/"), "You are not logged in any more")
        self.assertNotContains(visit(headers=BROWSER).get("/"), "You are not logged in any more")

    def test_a_draft_is_shared_with_nobody(self):
        draft = make_event(name="Secret", status="draft")
        for path in (f"/events/{draft.pk}/", f"/api/ticket-stats/{draft.pk}/"):
            self.assertEqual(visit().get(path).status_code, 404)
            self.assertContains(visit(self.olga, headers=BROWSER).get(path), "Secret")
            self.assertEqual(visit(headers=BROWSER).get(path).status_code, 404)
            self.assertEqual(visit(headers=JSON).get(path).json()["status"], "not_found")
        self.assertEqual(shared_answers._answers, {})

    def test_a_form_s_token_is_shared_with_nobody(self):
        def with_token(request: Any) -> Any:
            return HttpResponse(get_token(request))

        view = shared_answers.shared(with_token)
        requests = [visit().get("/readyz").wsgi_request for _ in range(2)]
        self.assertNotEqual(*(view(request).content for request in requests))

    def test_pages_are_kept_nowhere_else_and_numbers_by_every_cache_for_a_second(self):
        for _ in range(2):
            for path in ("/", self.page):
                headers = visit(headers=BROWSER).get(path).headers
                self.assertEqual(
                    (headers["Cache-Control"], headers["Vary"]),
                    ("no-store", "Cookie, Accept-Encoding, Accept-Language"),
                )
            headers = visit().get(self.stats).headers
            self.assertEqual((headers["Cache-Control"], headers.get("Vary")), ("public, max-age=1", None))

    def test_a_page_travels_compressed_to_whoever_can_read_it_so(self):
        plain = [visit(headers=BROWSER).get("/") for _ in range(2)]
        zipped = [visit(headers=BROWSER | {"Accept-Encoding": "br, gzip"}).get("/") for _ in range(2)]
        for response in zipped:
            self.assertEqual((response.headers["Content-Encoding"], response.headers["Vary"]),
                             ("gzip", "Cookie, Accept-Encoding, Accept-Language"))  # fmt: skip
            self.assertEqual(gzip.decompress(response.content), plain[0].content)
        self.assertEqual([response.has_header("Content-Encoding") for response in plain], [False, False])
        self.assertFalse(visit(headers={"Accept-Encoding": "gzip"}).get(self.stats).has_header("Content-Encoding"))

    def test_only_so_many_answers_are_kept(self):
        with mock.patch("core.shared_answers.LARGEST", 3):
            for number in range(10):
                visit().get(f"/?page={number}")
                self.assertLessEqual(len(shared_answers._answers), 3)


@override_settings(SHARED_SECONDS=1)
class FlightTests(TestCase):
    """Many who ask at once, by a view that waits until it is let go."""

    def setUp(self):
        stop_the_clock(self)
        self.made, self.go, self.fails = 0, threading.Event(), False
        self.view = shared_answers.shared(self.answer)
        self.results: list[Any] = []

    def answer(self, request: Any) -> Any:
        self.made += 1
        mine = self.made
        self.go.wait(10)
        if self.fails and mine == 1:
            raise ValueError("the first one fails")
        return HttpResponse(f"{mine}")

    def ask(self, request: Any) -> None:
        try:
            self.results.append(self.view(request).content)
        except ValueError as error:
            self.results.append(str(error))

    def rush(self) -> list[Any]:
        """Let eight ask while the first one's answer is made, and return what they got."""
        requests = [visit().get("/readyz").wsgi_request for _ in range(8)]
        threads = [threading.Thread(target=self.ask, args=(request,)) for request in requests]
        for thread in threads:
            thread.start()
        self.go.set()
        for thread in threads:
            thread.join(10)
        return self.results

    def test_a_rush_makes_it_once(self):
        self.assertEqual(self.rush(), [b"1"] * 8)
        self.assertEqual(self.made, 1)

    def test_a_failure_is_that_of_one(self):
        self.fails = True
        results = self.rush()
        self.assertEqual(results.count("the first one fails"), 1)
        self.assertEqual(len([result for result in results if isinstance(result, bytes)]), 7)
