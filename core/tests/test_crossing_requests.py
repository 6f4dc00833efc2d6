"""Two requests of one person, or of staff and a person, that cross: the second acts between two steps of the first."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import OperationalError, connection
from django.test import TestCase

from core import allocation, arrivals, checkin, clock, steering
from core.models import Event, Ticket, TicketHold, User, UserSession
from core.now import now

from .cast import Cast, ago, arrive, book, join, later, make_event, numbers, refusal, statuses
from .visits import BROWSER, visit


def crossing(step: str, act: Callable[[], object], *, after: bool = False) -> Any:
    """Return a context in which `act` happens once, before (or after) the first statement with `step` in it."""
    done: list[bool] = []

    def cross(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        meets = step in sql and not done
        if meets:
            done.append(True)
            if not after:
                act()
        result = execute(sql, params, many, context)
        if meets and after:
            act()
        return result

    return connection.execute_wrapper(cross)


class CrossingTests(Cast, TestCase):
    def test_a_login_holds_nothing_on_what_another_device_has_just_booked(self) -> None:
        event = make_event(capacity=2)
        session = arrive(self.alice)
        with crossing("LIMIT 10", lambda: book(event, self.alice), after=True):
            allocation.hold_for_login(user=self.alice, session=session)
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_a_login_holds_nothing_on_what_another_device_has_just_released(self) -> None:
        event = make_event(capacity=2)

        def come_and_go() -> None:
            join(event, self.alice)
            allocation.release(event_id=event.pk, user=self.alice)

        with crossing("LIMIT 10", come_and_go, after=True):
            allocation.hold_for_login(user=self.alice, session=arrive(self.alice))
        self.assertEqual(statuses(event), [("alice", "released")])

    def test_a_login_holds_nothing_on_what_staff_have_just_paused(self) -> None:
        event = make_event(capacity=2)
        pause = partial(steering.pause, event_id=event.pk, reason="A fire alarm.")
        with crossing("LIMIT 10", pause, after=True):
            allocation.hold_for_login(user=self.alice, session=arrive(self.alice))
        self.assertEqual(statuses(event), [])

    def test_a_login_holds_nothing_past_somebody_who_has_just_joined(self) -> None:
        event = make_event(capacity=1)

        def join_unseen() -> None:
            TicketHold.objects.create(event=event, user=self.bob)

        with crossing('"has_ticket"', join_unseen, after=True):
            allocation.hold_for_login(user=self.alice, session=arrive(self.alice))
        self.assertEqual(statuses(event), [("bob", "waiting")])

    def test_a_join_is_held_nothing_past_somebody_who_has_just_joined(self) -> None:
        event = make_event(capacity=1)
        early = arrive(self.bob)

        def join_unseen() -> None:
            TicketHold.objects.create(event=event, user=self.bob, login_timestamp=early.login_timestamp)

        with crossing('"has_ticket"', join_unseen, after=True):
            place = join(event, self.alice, arrive(self.alice))
        self.assertEqual((place.status, place.ahead), ("waiting", 0))
        self.assertEqual(statuses(event), [("bob", "held"), ("alice", "waiting")])

    def test_nobody_who_has_just_been_deactivated_is_held_a_place(self) -> None:
        event = make_event(capacity=1)
        session = arrive(self.alice)
        # As another process does it, whose last look for places of theirs was before this.
        with crossing("core_event", lambda: User.objects.filter(pk=self.alice.pk).update(is_active=False), after=True):
            told = refusal(lambda: join(event, self.alice, session))
        self.assertEqual(told, ("login_required", False))
        self.assertEqual(statuses(event), [])

    def test_nobody_who_has_just_been_deactivated_books_a_hold_or_a_free_place(self) -> None:
        with_hold, without = make_event(), make_event()
        join(with_hold, self.alice)
        for event in (with_hold, without):
            people = User.objects.filter(pk=self.alice.pk)
            people.update(is_active=True)
            with (
                self.subTest(hold=event == with_hold),
                crossing("core_event", partial(people.update, is_active=False), after=True),
            ):
                self.assertEqual(refusal(partial(book, event, self.alice)), ("login_required", False))
                self.assertEqual(numbers(event)["booked"], 0)

    def test_nobody_is_admitted_to_an_event_that_has_just_been_cancelled(self) -> None:
        event = make_event()
        ticket = book(event, self.alice)
        cancel = {"status": Event.Status.CANCELLED}
        with crossing("core_ticket", partial(steering.revise_event, event_id=event.pk, values=cancel), after=True):
            result = checkin.scan(code=ticket.code, event=event, staff=self.greta)
        self.assertEqual(result.outcome, "cancelled")
        ticket.refresh_from_db()
        self.assertIsNone(ticket.checked_in_at)

    def test_whoever_joins_while_the_event_is_cancelled_is_told_so(self) -> None:
        event = make_event()
        cancel = {"status": Event.Status.CANCELLED}
        with crossing("core_event", lambda: steering.revise_event(event_id=event.pk, values=cancel), after=True):
            told = refusal(lambda: join(event, self.alice))
        self.assertEqual(told, ("cancelled", False))

    def test_whoever_joins_a_full_event_while_it_is_cancelled_is_told_so(self) -> None:
        event = make_event(capacity=0)
        cancel = {"status": Event.Status.CANCELLED}
        with crossing("INSERT", lambda: steering.revise_event(event_id=event.pk, values=cancel)):
            told = refusal(lambda: join(event, self.alice))
        self.assertEqual(told, ("cancelled", False))

    def test_nobody_who_has_just_been_deactivated_waits_in_a_line(self) -> None:
        event = make_event(capacity=0)
        session = arrive(self.alice)
        with crossing("core_event", lambda: User.objects.filter(pk=self.alice.pk).update(is_active=False), after=True):
            self.assertEqual(refusal(lambda: join(event, self.alice, session)), ("login_required", False))
        self.assertEqual(statuses(event), [])

    def test_whoever_has_just_joined_in_another_tab_is_held_the_place_once(self) -> None:
        event = make_event(capacity=2)
        login = arrive(self.alice)

        def other_tab() -> None:
            TicketHold.objects.create(event=event, user=self.alice, login_timestamp=login.login_timestamp)

        with crossing("INSERT", other_tab):
            place = join(event, self.alice, login)
        self.assertEqual((place.status, statuses(event)), ("held", [("alice", "held")]))

    def test_whoever_joins_as_the_event_starts_is_told_that_it_is_over(self) -> None:
        event = make_event(capacity=1)
        with crossing("core_event", lambda: Event.objects.update(starts_at=now()), after=True):
            self.assertEqual(refusal(lambda: join(event, self.alice)), ("over", False))
        self.assertEqual(statuses(event), [])

    def test_no_place_stays_on_an_event_that_became_a_draft_meanwhile(self) -> None:
        event = make_event(capacity=0)
        join(event, self.alice)
        Event.objects.update(status=Event.Status.DRAFT)
        self.assertEqual((clock.tick(), clock.tick()), (1, 0))
        self.assertEqual(statuses(event), [("alice", "left")])

    def test_whoever_books_directly_leaves_the_line_they_joined_in_another_tab(self) -> None:
        event = make_event(capacity=1)

        def join_in_another_tab() -> None:
            TicketHold.objects.create(event=event, user=self.alice)

        with crossing('SELECT "core_ticket"', join_in_another_tab, after=True):
            book(event, self.alice)
        self.assertEqual(statuses(event), [("alice", "left")])
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})


class PressureTests(Cast, TestCase):
    def test_a_login_stands_when_its_holds_cannot_be_placed_and_they_come_with_the_next_page(self) -> None:
        event = make_event()
        browser = visit(self.alice, headers=BROWSER)

        def locked(execute: Any, sql: str, *rest: Any) -> Any:
            if 'INTO "core_tickethold"' in sql:
                raise OperationalError("canceling statement due to lock timeout")
            return execute(sql, *rest)

        with self.assertLogs("core.middleware", "WARNING"), connection.execute_wrapper(locked):
            self.assertEqual(browser.get("/dashboard/").status_code, 200)
        first = UserSession.objects.get()
        self.assertEqual(browser.get("/dashboard/").status_code, 200)
        place = TicketHold.objects.get()
        self.assertEqual(statuses(event), [("alice", "held")])
        self.assertEqual(place.login_timestamp, first.login_timestamp)

    def test_a_sign_out_that_fails_leaves_the_person_signed_in_with_their_places(self) -> None:
        event = make_event()
        browser = visit(self.alice, headers=BROWSER)
        browser.get("/dashboard/")

        def locked(execute: Any, sql: str, *rest: Any) -> Any:
            if sql.startswith('UPDATE "core_tickethold"'):
                raise OperationalError("canceling statement due to lock timeout")
            return execute(sql, *rest)

        with self.assertLogs("core.middleware", "WARNING"), connection.execute_wrapper(locked):
            self.assertEqual(browser.post("/accounts/logout/").status_code, 503)
        self.assertEqual((statuses(event), UserSession.objects.get().is_active), ([("alice", "held")], True))
        browser.post("/accounts/logout/")
        self.assertEqual((statuses(event), UserSession.objects.get().is_active), ([("alice", "released")], False))


class InSightTests(Cast, TestCase):
    def test_a_ticket_stays_on_the_dashboard_when_its_event_has_begun_or_was_cancelled(self) -> None:
        begun, cancelled = make_event(name="Begun", auto_hold=False), make_event(name="Called off", auto_hold=False)
        for event in (begun, cancelled):
            book(event, self.alice)
        Event.objects.filter(pk=begun.pk).update(starts_at=begun.created_at)
        steering.revise_event(event_id=cancelled.pk, values={"status": Event.Status.CANCELLED})
        page = visit(self.alice, headers=BROWSER).get("/dashboard/")
        self.assertEqual([card.event.name for card in page.context["booked"]], ["Begun", "Called off"])
        self.assertEqual(page.context["cards"], [])

    def test_cancelling_an_event_tells_the_people_with_tickets(self) -> None:
        event = make_event()
        ticket = book(event, self.alice)
        with self.captureOnCommitCallbacks() as told:
            steering.revise_event(event_id=event.pk, values={"status": Event.Status.CANCELLED})
        given = [getattr(call, "keywords", {}) for call in told]
        tickets = [keywords["tickets"] for keywords in given if "tickets" in keywords]
        self.assertEqual(tickets, [[ticket]])
        self.assertEqual(Ticket.objects.get().status, "cancelled")

    def test_organizers_find_their_drafts_on_the_dashboard(self) -> None:
        draft = make_event(status=Event.Status.DRAFT)
        page = visit(self.olga, headers=BROWSER).get("/dashboard/")
        self.assertEqual(list(page.context["organized"]), [draft])

    def test_the_dashboard_names_the_next_of_their_events_first_and_then_the_latest(self) -> None:
        starts = {"last": ago(days=2), "late": later(days=9), "first": ago(days=9), "soon": later(days=2)}
        for name, moment in starts.items():
            make_event(name=name, starts_at=moment)
        page = visit(self.olga, headers=BROWSER).get("/dashboard/")
        self.assertEqual([event.name for event in page.context["organized"]], ["soon", "late", "last", "first"])

    def test_the_estimated_wait_is_in_the_page(self) -> None:
        event = make_event(capacity=3)
        for person in (self.bob, self.olga, self.greta):
            join(event, person)
        for person in (self.bob, self.olga, self.greta):
            allocation.release(event_id=event.pk, user=person)
        Event.objects.update(capacity=0)
        join(event, self.alice)
        page = visit(self.alice, headers=BROWSER).get("/dashboard/")
        self.assertEqual([card.place.wait_seconds for card in page.context["waiting"]], [300])
        self.assertContains(page, "about 5 minutes")

    def test_a_login_in_a_line_of_its_own_event_is_without_obstacle_elsewhere(self) -> None:
        mine, other = make_event(capacity=0), make_event()
        join(mine, self.alice)
        self.assertEqual(arrivals.put_forward(self.alice, now()), [other.pk])
