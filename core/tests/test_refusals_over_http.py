from typing import Any

from django.test import TestCase

from core import allocation, checkin, refusals, steering
from core.models import Event, Ticket, TicketHold
from core.tests.cast import Cast, ago, lapse, later, make_event, make_person
from core.tests.visits import BROWSER, JSON, answer_of, redirect_of, target_of, token_of, visit


def refusal(refused: type[refusals.Refused], **differs: Any) -> tuple[int, dict[str, Any]]:
    return 409, {"status": refused.status, "detail": refused.detail, "can_join": refused.can_join} | differs


class RefusedBookingTests(Cast, TestCase):
    def book(self, event: Event) -> tuple[int, Any]:
        return answer_of(visit(self.alice).post(f"/book/{event.pk}/"))

    def test_a_sold_out_event_offers_the_line(self):
        event = make_event(capacity=1, auto_hold=False)
        allocation.join(event_id=event.pk, user=self.bob)
        self.assertEqual(self.book(event), refusal(refusals.SoldOut, status="sold_out", can_join=True))

    def test_people_who_wait_are_first(self):
        event = make_event(capacity=1, auto_hold=False)
        for person in (self.bob, make_person("carol")):
            allocation.join(event_id=event.pk, user=person)
        self.assertEqual(self.book(event), refusal(refusals.PeopleWaiting, status="people_waiting", can_join=True))

    def test_who_waits_already_is_not_offered_the_line_again(self):
        event = make_event(capacity=1, auto_hold=False)
        for person in (self.bob, self.alice):
            allocation.join(event_id=event.pk, user=person)
        detail = "You are in line. A place is held for you as soon as it is your turn."
        self.assertEqual(self.book(event), refusal(refusals.PeopleWaiting, detail=detail, can_join=False))

    def test_before_the_sale_people_may_join(self):
        event = make_event(sales_open_at=later(hours=1))
        detail = "The sale has not opened yet. Take a place in line, and you are served in order."
        self.assertEqual(self.book(event), refusal(refusals.NotOnSale, detail=detail, can_join=True))

    def test_after_the_sale_nobody_may(self):
        event = make_event(sales_close_at=ago(hours=1))
        detail = "The sale of this event has closed."
        self.assertEqual(self.book(event), (409, {"status": "not_on_sale", "detail": detail, "can_join": False}))

    def test_a_lapsed_hold_is_named_when_its_place_went_on(self):
        event = make_event(capacity=1, auto_hold=False)
        for person in (self.alice, self.bob):
            allocation.join(event_id=event.pk, user=person)
        lapse(TicketHold.objects.filter(event=event))
        self.assertEqual(self.book(event), refusal(refusals.HoldExpired, status="hold_expired", can_join=True))

    def test_a_cancelled_event_cannot_be_booked(self):
        event = make_event(status="cancelled")
        self.assertEqual(self.book(event), refusal(refusals.EventCancelled, status="cancelled", can_join=False))

    def test_an_event_that_has_started_cannot_be_booked(self):
        event = make_event(starts_at=ago(minutes=1))
        self.assertEqual(self.book(event), refusal(refusals.EventOver, status="over", can_join=False))

    def test_a_browser_is_told_the_reason(self):
        event = make_event(status="cancelled")
        answer = redirect_of(visit(self.alice, headers=BROWSER).post(f"/book/{event.pk}/"))
        self.assertEqual(answer, (302, "/dashboard/", [refusals.EventCancelled.detail]))


class RefusedJoiningTests(Cast, TestCase):
    def join(self, event: Event) -> tuple[int, Any]:
        return answer_of(visit(self.alice).post(f"/join/{event.pk}/"))

    def test_one_ticket_per_person(self):
        event = make_event(auto_hold=False)
        allocation.book(event_id=event.pk, user=self.alice)
        self.assertEqual(self.join(event), refusal(refusals.AlreadyBooked, status="already_booked", can_join=False))

    def test_the_line_closes_with_the_sale(self):
        event = make_event(sales_close_at=ago(hours=1))
        detail = "The sale of this event has closed. Nobody new can take a place in line."
        self.assertEqual(self.join(event), refusal(refusals.NotOnSale, detail=detail, can_join=False))

    def test_a_cancelled_event_has_no_line(self):
        event = make_event(status="cancelled")
        self.assertEqual(self.join(event), refusal(refusals.EventCancelled, status="cancelled"))

    def test_an_event_that_has_started_has_no_line(self):
        self.assertEqual(self.join(make_event(starts_at=ago(minutes=1))), refusal(refusals.EventOver, status="over"))


class RefusedReleaseTests(Cast, TestCase):
    def test_what_was_booked_is_cancelled_and_not_released(self):
        event = make_event(auto_hold=False)
        allocation.book(event_id=event.pk, user=self.alice)
        detail = "You have a ticket for this event, and no hold. To give it back, cancel the ticket."
        answer = answer_of(visit(self.alice).post(f"/release-hold/{event.pk}/"))
        self.assertEqual(answer, (409, {"status": "already_booked", "detail": detail, "can_join": False}))


class RefusedCancellingTests(Cast, TestCase):
    def setUp(self):
        self.event = make_event(auto_hold=False)
        self.ticket = allocation.book(event_id=self.event.pk, user=self.alice)

    def cancel(self) -> tuple[int, Any]:
        return answer_of(visit(self.alice).post(f"/ticket/{self.ticket.code}/cancel/"))

    def test_an_admitted_ticket_stays(self):
        checkin.scan(code=self.ticket.code, event=self.event, staff=self.greta)
        self.assertEqual(self.cancel(), refusal(refusals.AlreadyCheckedIn, status="already_checked_in"))
        self.assertEqual(Ticket.objects.get().cancelled_at, None)

    def test_its_owner_cannot_cancel_once_the_event_has_started(self):
        Event.objects.update(starts_at=ago(minutes=1))
        self.assertEqual(self.cancel(), refusal(refusals.EventOver, status="over"))

    def test_the_ticket_of_a_cancelled_event_stays_on_record(self):
        steering.revise_event(event_id=self.event.pk, values={"status": "cancelled"})
        self.assertEqual(self.cancel(), refusal(refusals.EventCancelled, status="cancelled"))


class PrecedenceTests(Cast, TestCase):
    """405, CSRF 403, 401, 404 or 403, 400, 409: the first that applies is answered."""

    def setUp(self):
        self.closed = make_event(status="cancelled")

    def test_a_wrong_method_comes_before_everything(self):
        anonymous = visit(enforce_csrf_checks=True)
        for path in ("/book/999/", "/join/999/", "/release-hold/999/", "/ticket/X/cancel/", "/checkin/scan/"):
            for method in ("get", "head", "put", "patch", "delete", "options"):
                with self.subTest(path=path, method=method):
                    response = getattr(anonymous, method)(path)
                    self.assertEqual((response.status_code, response.headers["Allow"]), (405, "POST"))

    def test_reading_addresses_take_no_post_with_or_without_a_token(self):
        anonymous = visit(enforce_csrf_checks=True)
        for path in ("/", "/events/999/", "/dashboard/", "/calendar/", "/checkin/", "/ticket/X/", "/healthz"):
            with self.subTest(path=path):
                response = anonymous.post(path)
                self.assertEqual((response.status_code, response.headers["Allow"]), (405, "GET, HEAD"))

    def test_a_missing_token_comes_before_the_login(self):
        detail = (
            "This form is too old or does not come from our pages. Reload the page and try again; nothing was lost."
        )
        for person in (None, self.alice):
            client = visit(person, enforce_csrf_checks=True)
            for path in ("/book/999/", "/join/999/", "/release-hold/999/", "/ticket/X/cancel/", "/checkin/scan/"):
                with self.subTest(path=path, person=person):
                    answer = answer_of(client.post(path))
                    self.assertEqual(answer, (403, {"status": "csrf_failed", "detail": detail}))

    def test_the_token_of_somebody_else_or_of_a_foreign_page_is_refused(self):
        client, other = visit(self.alice, enforce_csrf_checks=True), visit(enforce_csrf_checks=True)
        token = token_of(client)
        foreign = {"X-CSRFToken": token, "Origin": "http://evil.example"}
        codes = [
            client.post(f"/book/{self.closed.pk}/", headers=headers).status_code
            for headers in ({"X-CSRFToken": token_of(other)}, foreign, {"X-CSRFToken": token})
        ]
        self.assertEqual(codes, [403, 403, 409])

    def test_the_login_comes_before_the_event(self):
        client = visit(enforce_csrf_checks=True)
        token = {"X-CSRFToken": token_of(client)}
        detail = "Log in first: places are given to people, in the order of their logins."
        for path in ("/book/999/", "/join/999/", "/release-hold/999/", "/ticket/X/cancel/", "/checkin/scan/"):
            with self.subTest(path=path):
                answer = answer_of(client.post(path, headers=token))
                self.assertEqual(answer, (401, {"status": "login_required", "detail": detail}))

    def test_an_absent_event_comes_before_a_refusal(self):
        self.assertEqual(visit(self.alice).post("/book/999999/").status_code, 404)

    def test_who_may_not_scan_learns_nothing_of_the_form(self):
        detail = "Only gate staff and organizers check tickets in. Ask the event's organizer to put you on its list."
        answer = answer_of(visit(self.alice).post("/checkin/scan/", {"event": "x"}))
        self.assertEqual(answer, (403, {"status": "forbidden", "detail": detail}))

    def test_a_bad_form_of_gate_staff_is_400(self):
        self.assertEqual(visit(self.greta).post("/checkin/scan/", {"event": "x", "code": "y"}).status_code, 400)

    def test_a_browser_is_sent_to_the_login_and_back(self):
        browser = visit(headers=BROWSER)
        targets = {
            "/calendar/?month=2026-05": "/accounts/login/?next=%2Fcalendar%2F%3Fmonth%3D2026-05",
            "/dashboard/": "/accounts/login/?next=%2Fdashboard%2F",
        }
        self.assertEqual({path: target_of(browser.get(path)) for path in targets}, targets)
        # A form's address takes no GET: the page with its button is where the login leads.
        for path in (f"/book/{self.closed.pk}/", f"/events/{self.closed.pk}/gate/staff/1/remove/"):
            form = browser.post(path)
            event = f"/accounts/login/?next=%2Fevents%2F{self.closed.pk}%2F"
            self.assertEqual((form.status_code, target_of(form)), (302, event))

    def test_a_program_gets_401_on_every_page_that_needs_a_login(self):
        anonymous = visit(headers=JSON)
        paths = ("/dashboard/", "/calendar/", "/checkin/", "/ticket/X/", "/events/1/attendees/")
        self.assertEqual([anonymous.get(path).status_code for path in paths], [401] * 5)
