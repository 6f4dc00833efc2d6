import html
from typing import Any

from django.test import TestCase
from django.urls import reverse

from core import allocation, steering
from core.models import Ticket, TicketHold
from core.tests.books import deeds
from core.tests.cast import Cast, ago, arrive, later, make_event, make_person, numbers
from core.tests.visits import BROWSER, answer_of, redirect_of, visit


class BookTests(Cast, TestCase):
    def setUp(self):
        self.event = make_event(auto_hold=False)
        self.alices = visit(self.alice)

    def test_a_held_place_is_booked(self):
        allocation.join(event_id=self.event.pk, user=self.alice)
        answer = answer_of(self.alices.post(f"/book/{self.event.pk}/"))
        self.assertEqual(answer, (200, {"status": "booked", "ticket": Ticket.objects.get().code}))
        self.assertEqual(numbers(self.event), {"held": 0, "booked": 1, "waiting": 0})

    def test_a_free_place_is_booked_without_a_hold(self):
        answer = answer_of(self.alices.post(f"/book/{self.event.pk}/"))
        self.assertEqual(answer, (200, {"status": "booked", "ticket": Ticket.objects.get().code}))
        self.assertEqual(TicketHold.objects.count(), 0)

    def test_booking_again_answers_the_same(self):
        first, second = (answer_of(self.alices.post(f"/book/{self.event.pk}/", {"key": "k"})) for _ in range(2))
        self.assertEqual(first, second)
        self.assertEqual(numbers(self.event), {"held": 0, "booked": 1, "waiting": 0})

    def test_a_browser_goes_to_the_ticket(self):
        answer = redirect_of(visit(self.alice, headers=BROWSER).post(f"/book/{self.event.pk}/"))
        ticket = reverse("ticket_detail", args=[Ticket.objects.get().code])
        self.assertEqual(answer, (302, ticket, ["Booked. This is your ticket."]))

    def test_a_client_that_takes_anything_gets_html(self):
        for accept in ("*/*", "text/html, application/json", ""):
            with self.subTest(accept=accept):
                response = visit(self.alice, headers={"Accept": accept}).post(f"/book/{self.event.pk}/")
                self.assertEqual(response.status_code, 302)

    def test_json_is_for_those_who_prefer_it(self):
        response = visit(self.alice, headers={"Accept": "text/html;q=0.5, application/json"}).post(
            f"/book/{self.event.pk}/"
        )
        self.assertEqual(response.headers["Content-Type"], "application/json")


class JoinTests(Cast, TestCase):
    def setUp(self):
        self.event = make_event(capacity=1, auto_hold=False)
        self.alices = visit(self.alice)

    def test_a_free_place_is_held_and_again_until_the_same_moment(self):
        answers = [answer_of(self.alices.post(f"/join/{self.event.pk}/")) for _ in range(2)]
        until = TicketHold.objects.values_list("expires_at", flat=True).get()
        self.assertEqual(answers, [(200, {"status": "held", "expires_at": until and until.isoformat()})] * 2)

    def test_those_who_wait_are_told_their_position_and_again(self):
        carol = make_person("carol")
        allocation.join(event_id=self.event.pk, user=self.bob)
        allocation.join(event_id=self.event.pk, user=carol, session=arrive(carol, ago(minutes=1)))
        answers = [answer_of(self.alices.post(f"/join/{self.event.pk}/")) for _ in range(2)]
        self.assertEqual(answers, [(202, {"status": "waiting", "position": 2})] * 2)

    def test_a_place_is_ranked_by_the_login_it_was_joined_with(self):
        allocation.join(event_id=self.event.pk, user=self.bob)
        self.alices.post(f"/join/{self.event.pk}/")
        place, login = TicketHold.objects.get(user=self.alice), self.alice.arrivals.get()
        self.assertEqual((place.session, place.login_timestamp), (login, login.login_timestamp))

    def test_a_browser_is_told_that_a_place_is_held(self):
        answer = redirect_of(visit(self.alice, headers=BROWSER).post(f"/join/{self.event.pk}/"))
        self.assertEqual(answer, (302, "/dashboard/", ["A place is held for you. Book it before the time is up."]))

    def test_a_browser_is_told_its_number_in_line(self):
        allocation.join(event_id=self.event.pk, user=self.bob)
        answer = redirect_of(visit(self.alice, headers=BROWSER).post(f"/join/{self.event.pk}/"))
        said = "You are in line: number 1. We hold a place for you as soon as it is your turn."
        self.assertEqual(answer, (302, "/dashboard/", [said]))

    def test_a_browser_is_told_of_the_draw_where_there_is_no_number_yet(self):
        event = make_event(sales_open_at=later(hours=1), line_policy="randomised_open")
        answer = redirect_of(visit(self.alice, headers=BROWSER).post(f"/join/{event.pk}/"))
        said = "You take part in the draw at the opening. We hold a place for you as soon as it is your turn."
        self.assertEqual(answer, (302, "/dashboard/", [said]))


class ReleaseTests(Cast, TestCase):
    def setUp(self):
        self.event = make_event(capacity=1, auto_hold=False)
        self.alices = visit(self.alice)

    def release_twice(self) -> list[tuple[int, Any]]:
        return [answer_of(self.alices.post(f"/release-hold/{self.event.pk}/")) for _ in range(2)]

    def test_a_hold_is_released_once_and_answered_the_same_again(self):
        allocation.join(event_id=self.event.pk, user=self.alice)
        self.assertEqual(self.release_twice(), [(200, {"status": "released"})] * 2)
        self.assertEqual(numbers(self.event), {"held": 0, "booked": 0, "waiting": 0})

    def test_a_place_in_line_is_left_and_answered_the_same_again(self):
        for person in (self.bob, self.alice):
            allocation.join(event_id=self.event.pk, user=person)
        self.assertEqual(self.release_twice(), [(200, {"status": "left"})] * 2)
        self.assertEqual(numbers(self.event), {"held": 1, "booked": 0, "waiting": 0})

    def test_nothing_to_release_is_released_and_the_places_of_others_stay(self):
        allocation.join(event_id=self.event.pk, user=self.bob)
        self.assertEqual(self.release_twice(), [(200, {"status": "released"})] * 2)
        self.assertEqual(numbers(self.event), {"held": 1, "booked": 0, "waiting": 0})

    def test_a_browser_is_told_where_the_place_goes(self):
        allocation.join(event_id=self.event.pk, user=self.alice)
        answer = redirect_of(visit(self.alice, headers=BROWSER).post(f"/release-hold/{self.event.pk}/"))
        self.assertEqual(answer, (302, "/dashboard/", ["Released. The place goes to the first in line."]))

    def test_a_browser_is_told_that_the_place_stays_while_serving_is_paused(self):
        allocation.join(event_id=self.event.pk, user=self.alice)
        steering.pause(event_id=self.event.pk, reason="A fire alarm")
        answer = redirect_of(visit(self.alice, headers=BROWSER).post(f"/release-hold/{self.event.pk}/"))
        said = "Released. The place goes to the first in line, as soon as serving goes on."
        self.assertEqual(answer, (302, "/dashboard/", [said]))


class CancelTests(Cast, TestCase):
    def setUp(self):
        self.event = make_event(auto_hold=False)
        self.ticket = allocation.book(event_id=self.event.pk, user=self.alice)
        self.path = f"/ticket/{self.ticket.code}/cancel/"

    def test_a_ticket_is_cancelled_once_and_answered_the_same_again(self):
        alices = visit(self.alice)
        self.assertEqual([answer_of(alices.post(self.path)) for _ in range(2)], [(200, {"status": "cancelled"})] * 2)
        self.assertEqual(numbers(self.event), {"held": 0, "booked": 0, "waiting": 0})

    def test_a_browser_goes_back_to_where_it_can_book_again(self):
        said = "Cancelled. The ticket no longer opens the gate, and its place goes to the first in line."
        answer = redirect_of(visit(self.alice, headers=BROWSER).post(self.path))
        self.assertEqual(answer, (302, "/dashboard/", [said]))

    def test_the_organizer_stays_on_the_ticket(self):
        said = "Cancelled. The ticket no longer opens the gate, and its place goes to the first in line."
        answer = redirect_of(visit(self.olga, headers=BROWSER).post(self.path, {"reason": "Not  paid"}))
        self.assertEqual(answer, (302, f"/ticket/{self.ticket.code}/", [said]))
        entry = deeds(self.event)[-1]
        told = (entry["kind"], entry["cause"], entry["reason"])
        self.assertEqual(told, ("cancellation", "cancelled_by_staff", "Not paid"))

    def test_the_page_asks_the_organizer_why_and_keeps_what_was_typed(self):
        olgas, page = visit(self.olga, headers=BROWSER), f"/ticket/{self.ticket.code}/"
        self.assertContains(olgas.get(page), 'name="reason"')
        self.assertNotContains(visit(self.alice, headers=BROWSER).get(page), 'name="reason"')
        no_reason = "Give a reason: it is entered in the event&#x27;s ledger."
        for reason, error in ((" ", no_reason), ("x" * 201, "At most 200 characters")):
            with self.subTest(reason=reason):
                self.assertContains(olgas.post(self.path, {"reason": reason}), error, status_code=400)
        self.assertContains(olgas.post(self.path, {"reason": "x" * 201}), "x" * 201, status_code=400)
        json = answer_of(visit(self.olga).post(self.path, {"reason": ""}))
        self.assertEqual(json, (400, {"status": "invalid", "field": "reason", "detail": html.unescape(no_reason)}))
        self.assertEqual(numbers(self.event)["booked"], 1)
        self.assertEqual(answer_of(visit(self.olga).post(self.path)), (200, {"status": "cancelled"}))
