"""Two devices of one person, or staff and a person, at the same instant: their logins and sign-outs go one by one."""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from unittest import mock

from django.db import transaction
from django.test import TransactionTestCase, override_settings

from core import allocation, arrivals, clock, past
from core.models import TicketHold, User
from core.tests.visits import visit

from .cast import PATIENCE, CastOfRaces, arrive, join, later, make_event, numbers, race

T = TypeVar("T")
MOMENT = 0.5  # seconds that one waits for the other, who cannot come while the rule holds


def meeting(function: Callable[..., T]) -> Callable[..., T]:
    """Return a function that, after its work, waits for a second caller to be as far, if there can be one."""
    place = threading.Barrier(2, timeout=MOMENT)

    def met(*args: Any, **kwargs: Any) -> T:
        result = function(*args, **kwargs)
        with suppress(threading.BrokenBarrierError):
            place.wait()
        return result

    return met


class PersonRaceTests(CastOfRaces, TransactionTestCase):
    @override_settings(AUTO_HOLDS_PER_LOGIN=3)
    def test_two_logins_that_were_put_forward_for_different_events_hold_no_more_than_the_limit(self) -> None:
        events = [make_event(name=str(n), starts_at=later(days=n)).pk for n in range(1, 7)]
        forward = iter([events[:3], events[3:]])
        logins = [partial(allocation.hold_for_login, user=self.alice, session=arrive(self.alice)) for _ in range(2)]
        with (
            mock.patch.object(arrivals, "put_forward", lambda *_: next(forward)),
            mock.patch.object(arrivals, "still_put_forward", meeting(arrivals.still_put_forward)),
        ):
            race(logins)
        self.assertEqual(TicketHold.objects.filter(status="held").count(), 3)

    def test_of_two_sessions_that_sign_out_at_once_one_is_the_last_and_ends_the_holds(self) -> None:
        event, browsers = make_event(auto_hold=False), [visit(self.alice), visit(self.alice)]
        join(event, self.alice)
        with mock.patch.object(arrivals, "is_last_session", meeting(arrivals.is_last_session)):
            race([partial(browser.post, "/accounts/logout/") for browser in browsers])
        self.assertEqual(arrivals.live_sessions(later()).filter(user=self.alice).count(), 0)
        self.assertEqual(numbers(event), {"held": 0, "booked": 0, "waiting": 0})

    def test_whoever_is_deactivated_once_their_joining_has_seen_them_active_keeps_nothing(self) -> None:
        event, session = make_event(auto_hold=False), arrive(self.alice)
        seen, gone, past_of = threading.Event(), threading.Event(), past.past_of

        def look_and_wait(*args: Any) -> Any:
            found = past_of(*args)
            seen.set()
            gone.wait(MOMENT)
            return found

        def deactivate() -> None:
            seen.wait(PATIENCE)
            person = User.objects.get(pk=self.alice.pk)
            person.is_active = False
            person.save()
            gone.set()

        with mock.patch.object(allocation, "past_of", look_and_wait):
            calls: list[Callable[[], Any]] = [partial(join, event, self.alice, session), deactivate]
            race(calls)
        self.assertEqual(numbers(event), {"held": 0, "booked": 0, "waiting": 0})

    def test_whoever_is_deactivated_while_they_are_held_a_ticket_keeps_none(self) -> None:
        joined, automatic = make_event(auto_hold=False), make_event()
        session, saved, done = arrive(self.alice), threading.Event(), threading.Event()

        def deactivate() -> None:
            person = User.objects.get(pk=self.alice.pk)
            person.is_active = False
            with transaction.atomic():
                person.save()
                saved.set()
                done.wait(MOMENT)

        def be_held() -> None:
            saved.wait(MOMENT)
            join(joined, self.alice, session)
            allocation.hold_for_login(user=self.alice, session=session)
            done.set()

        race([deactivate, be_held])
        clock.tick()
        for event in (joined, automatic):
            self.assertEqual(numbers(event), {"held": 0, "booked": 0, "waiting": 0})
