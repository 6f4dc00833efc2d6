"""Everything that can happen to a line, in any order, against a small model of the rules (`line_model.py`).

Hypothesis makes up histories. After every step all places, the tickets, the numbers and the order must be the model's;
at the end of each history the ledger must verify, and tell the same. The suite tries the same few histories every time;
to try new ones, at night say, on SQLite or with the DATABASE_URL of a PostgreSQL:

    LINE_EXAMPLES=2000 SECRET_KEY=x DEBUG=on .venv/bin/python manage.py test core.tests.test_line_model

A failure is printed as the shortest history that was found, and as a line to repeat it with.
"""

import datetime as dt
import itertools
import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any
from unittest import mock

from django.contrib.auth.models import Group
from django.db import transaction
from django.test import TestCase, override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from core import allocation, clock, joining, position, steering
from core.fairness import draw, ledger, verify_ledger
from core.models import Cause, Event, Ticket, TicketHold, User, UserSession
from core.refusals import Refused

from .cast import HandClock, arrive, book, join, ledger_problems, make_event, make_person, numbers, release
from .line_model import Model

TIERS = {"alice": 0, "bob": 0, "mary": 1, "mike": 1, "pat": 2}  # that the cast of this file belongs to
GROUPS = ["members", "patrons"]
SHARES = {2: 50, 1: 50}
EXAMPLES = int(os.environ.get("LINE_EXAMPLES", "0"))
SETTINGS = settings(
    max_examples=EXAMPLES or 40,
    stateful_step_count=20,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
WHO = st.runner().flatmap(lambda machine: st.sampled_from(sorted(TIERS.keys() - machine.model.inactive)))
HOLDER = st.runner().flatmap(lambda machine: st.sampled_from([place.who for place in machine.model.those("held")]))
EARLIER = st.sampled_from([0, 1, 4, 9, 20])  # minutes that a login lies back
CAUSES = (Cause.REMOVED_BY_STAFF, Cause.LOGGED_OUT, Cause.ABSENT)


def same(found: object, expected: object) -> None:
    """Fail unless the box office is as the model is."""
    if found != expected:
        raise AssertionError(f"found {found}, the model says {expected}")


class LineMachine(RuleBasedStateMachine):
    """One event and five people; each rule is done to the model, then to the box office, then they are compared."""

    model: Model

    def __init__(self) -> None:
        super().__init__()
        self.people = {person.username: person for person in User.objects.filter(username__in=TIERS)}
        self.is_whole = False
        self.world = ExitStack()
        self.world.enter_context(transaction.atomic())
        self.world.callback(transaction.set_rollback, True)
        self.clock = self.world.enter_context(HandClock())
        # The same history is to be drawn the same, whenever it is tried.
        self.secrets = (f"{n:064x}" for n in itertools.count())
        self.world.enter_context(mock.patch.object(steering, "new_secret", lambda: next(self.secrets)))

    @initialize(
        capacity=st.integers(1, 3),
        opens=st.sampled_from([0, 1]),
        is_drawn=st.booleans(),
        has_tiers=st.booleans(),
        line=st.permutations(sorted(TIERS)),
    )
    def announce(self, capacity: int, opens: int, is_drawn: bool, has_tiers: bool, line: list[str]) -> None:
        opening = self.clock.at + dt.timedelta(minutes=opens) if opens else None
        self.event = make_event(
            capacity=capacity,
            sales_open_at=opening,
            line_policy="randomised_open" if is_drawn else "login_fifo",
            tier_shares={GROUPS[tier - 1]: percent for tier, percent in SHARES.items()} if has_tiers else {},
            draw_seed=next(self.secrets),
            pseudonym_key=next(self.secrets),
        )
        self.model = Model(
            now=self.clock.at,
            starts=self.event.starts_at,
            capacity=capacity,
            opens=opening,
            tiers=TIERS,
            shares=SHARES if has_tiers else {},
            draw=self.drawn if is_drawn else None,
        )
        for minutes, who in enumerate(line[: capacity + 1]):
            LineMachine.join(self, who, minutes)

    def drawn(self, people: list[str]) -> list[str]:
        """Return these people in the order drawn; that it is the one committed to is for the verifier to say."""
        event = Event.objects.get(pk=self.event.pk)  # with the seed that it has by now
        names = {ledger.pseudonym(event, self.people[name].pk): name for name in people}
        return [names[person] for person in draw.order(event.draw_seed, draw.freeze(names), names)]

    def do(self, expected: Callable[[], object], call: Callable[[], object]) -> None:
        """Do the same to the model and to the box office, and compare them."""
        self.is_whole = False
        expected()
        with suppress(Refused):
            call()
        self.compare()
        self.is_whole = True

    def compare(self) -> None:
        """Fail unless the places of all, the tickets, the numbers and the order are the model's."""
        model = self.model
        event = Event.objects.get(pk=self.event.pk)
        places = sorted(model.places, key=lambda place: (place.who, place.number))
        rows = TicketHold.objects.filter(event=event).order_by("user__username", "pk")
        found = list(rows.values_list("user__username", "status", "login_timestamp", "expires_at"))
        same(found, [(place.who, place.status, place.rank, place.until) for place in places])
        tickets = Ticket.objects.valid().filter(event=event)
        same(dict(tickets.values_list("user__username", "tier")), model.tickets)
        counts = (model.capacity, len(model.those("held")), len(model.tickets))
        same((event.capacity, event.held, event.booked), counts)
        same(event.free >= 0, True)
        if len(model.those("waiting")) > 1:
            line = position.positions([event.pk])[event.pk]
            same(sorted(line, key=line.__getitem__), [self.people[place.who].pk for place in model.line()])

    def teardown(self) -> None:
        try:
            if self.is_whole:
                self.do(self.model.settle, clock.tick)  # which links to the ledger who joined last
                held, waiting = len(self.model.those("held")), len(self.model.those("waiting"))
                same(numbers(self.event), {"held": held, "booked": len(self.model.tickets), "waiting": waiting})
                self.compare_ledger()
        finally:
            self.world.close()

    def compare_ledger(self) -> None:
        """Fail unless the ledger verifies, and says of every place and ticket what the model says."""
        same(ledger_problems(self.event), [])
        names = {ledger.pseudonym(self.event, person.pk): name for name, person in self.people.items()}
        replayed = verify_ledger.Ledger(None)
        for line in ledger.file_of(Event.objects.get(pk=self.event.pk)):
            replayed.read(line.rstrip())
        told = sorted((names[place.person], place.number, place.state) for place in replayed.places.values())
        places = sorted(self.model.places, key=lambda place: (place.who, place.number))
        live = [(place.who, place.status if place.status in {"waiting", "held"} else "ended") for place in places]
        same([(who, state) for who, _, state in told], live)
        same({names[person] for person in replayed.holders}, set(self.model.tickets))

    @rule(minutes=st.sampled_from([1, 9, 10, 10, 31, -7]), is_noticed=st.booleans())
    def let_time_pass(self, minutes: int, is_noticed: bool) -> None:
        self.clock.move(minutes=minutes)
        self.model.now = self.clock.at
        if is_noticed:
            self.do(self.model.settle, clock.tick)

    def arrive(self, who: str, minutes: int = 0) -> UserSession:
        login = self.clock.at - dt.timedelta(minutes=minutes)
        self.model.logins.append((who, login))
        return arrive(self.people[who], login)

    @rule(who=WHO)
    def log_in(self, who: str) -> None:
        session = self.arrive(who)
        login = partial(allocation.hold_for_login, user=self.people[who], session=session)
        self.do(partial(self.model.login, who), login)

    @rule(who=WHO, minutes=EARLIER)
    def join(self, who: str, minutes: int, **how: Any) -> None:
        session = self.arrive(who, minutes)
        expected = partial(self.model.join, who, session.login_timestamp, **how)
        self.do(expected, partial(join, self.event, self.people[who], session))

    @rule(who=WHO, minutes=EARLIER)
    def join_just_before_the_process_ends(self, who: str, minutes: int) -> None:
        no_lock = mock.patch.object(allocation, "_has_something_to_give", lambda *_: False)
        with mock.patch.object(allocation, "_is_due", lambda *_: False), no_lock:
            LineMachine.join(self, who, minutes, is_served=False)

    @rule(who=WHO, minutes=EARLIER)
    def join_while_another_tab_books(self, who: str, minutes: int) -> None:
        if self.model.live(who) in self.model.lapsed():
            return  # what is to be ended first takes the lock, which keeps the other tab out
        store, other_tab = joining.store_new, [partial(book, self.event, self.people[who])]

        def book_then_store(places: list[TicketHold]) -> list[TicketHold]:
            with suppress(Refused):
                other_tab.pop()() if other_tab else None
            return store(places)

        # Where something is free, the lock does.
        no_lock = mock.patch.object(allocation, "_has_something_to_give", lambda *_: False)
        not_served = mock.patch.object(allocation, "_is_due", lambda *_: False)
        with mock.patch.object(allocation, "store_new", book_then_store), no_lock, not_served:
            LineMachine.join(self, who, minutes, meanwhile=partial(self.model.book, who), is_served=False)

    @rule(who=WHO)
    def book(self, who: str) -> None:
        self.do(partial(self.model.book, who), partial(book, self.event, self.people[who]))

    @precondition(lambda self: self.model.those("held"))
    @rule(who=HOLDER)
    def book_a_hold(self, who: str) -> None:
        LineMachine.book(self, who)

    @rule(who=WHO)
    def release(self, who: str) -> None:
        self.do(partial(self.model.end_place, who), partial(release, self.event, self.people[who]))

    @rule(who=st.sampled_from(sorted(TIERS)), cause=st.sampled_from(CAUSES))
    def remove(self, who: str, cause: Cause) -> None:
        places = TicketHold.objects.filter(user=self.people[who])
        expected = partial(self.model.end_place, who) if self.model.live(who) else bool
        self.do(expected, partial(allocation.end_places, places, cause=cause, reason="for a reason"))

    @precondition(lambda self: self.model.tickets)
    @rule(data=st.data(), is_owner=st.booleans())
    def cancel_ticket(self, data: st.DataObject, is_owner: bool) -> None:
        who = data.draw(st.sampled_from(sorted(self.model.tickets)))
        ticket = Ticket.objects.valid().get(event=self.event, user=self.people[who])
        cause = Cause.CANCELLED_BY_OWNER if is_owner else Cause.CANCELLED_BY_STAFF
        cancel = partial(allocation.cancel_ticket, ticket_id=ticket.pk, cause=cause)
        self.do(partial(self.model.cancel, who, is_owner=is_owner), cancel)

    def revise(self, expected: dict[str, Any], **values: Any) -> None:
        call = partial(steering.revise_event, event_id=self.event.pk, values=values)
        self.do(partial(self.model.revise, **expected), call)

    @rule(capacity=st.integers(0, 5))
    def change_capacity(self, capacity: int) -> None:
        self.revise({"capacity": capacity}, capacity=capacity)

    @rule(minutes=st.sampled_from([0, 10]), is_extended=st.booleans())
    def close_or_extend_the_sale(self, minutes: int, is_extended: bool) -> None:
        is_extended = is_extended or self.model.closes is not None
        closes = None if is_extended else self.clock.at + dt.timedelta(minutes=minutes)
        if closes is None or self.model.opens is None or closes > self.model.opens:
            self.revise({"closes": closes}, sales_close_at=closes)

    @precondition(lambda self: self.model.opens)
    @rule(minutes=st.sampled_from([0, 5]))
    def move_the_opening(self, minutes: int) -> None:
        self.clock.move(microseconds=1)  # no two transactions of an event share a moment, since each waits for its lock
        self.model.now = self.clock.at
        opens = self.clock.at + dt.timedelta(minutes=minutes)
        if self.model.closes is None or self.model.closes > opens:
            self.revise({"opens": opens}, sales_open_at=opens)

    @precondition(lambda self: len(self.model.places) > 9)
    @rule(is_cancelled=st.booleans())
    def end_the_event(self, is_cancelled: bool) -> None:
        if is_cancelled:
            self.revise({"status": "cancelled"}, status="cancelled")
        else:
            self.revise({"starts": self.clock.at}, starts_at=self.clock.at)

    @precondition(lambda self: self.model.status != "cancelled")
    @rule(is_paused=st.booleans())
    def pause_or_resume(self, is_paused: bool) -> None:
        is_paused = is_paused and not self.model.is_paused
        call = steering.pause if is_paused else steering.resume
        self.do(partial(self.model.pause, is_paused), partial(call, event_id=self.event.pk, reason="queue at the door"))

    @precondition(lambda self: self.model.those("held"))
    @rule(minutes=st.sampled_from([0.5, 5]))
    def extend_holds(self, minutes: float) -> None:
        call = partial(steering.extend_holds, event_id=self.event.pk, minutes=minutes, reason="an outage")
        self.do(partial(self.model.extend, dt.timedelta(minutes=minutes)), call)

    @rule(who=WHO, is_seen=st.booleans())
    def deactivate_or_activate(self, who: str, is_seen: bool) -> None:
        """Deactivate somebody, by saving them or past every receiver; while anybody is inactive, activate them all."""
        if self.model.inactive:
            self.do(self.model.inactive.clear, partial(User.objects.update, is_active=True))
            return
        people = User.objects.filter(username=who)
        person = people.get()
        person.is_active = False
        call = person.save if is_seen else partial(people.update, is_active=False)
        self.do(partial(self.model.deactivate, who, ends_place=is_seen), call)


@override_settings(TIERS=GROUPS)
class MachineCase(TestCase):
    """The people of TIERS, in their groups."""

    @classmethod
    def setUpTestData(cls) -> None:
        for number, (name, tier) in enumerate(TIERS.items()):
            # Numbers of their own: the pseudonyms, and so what is drawn, are the same in every run.
            person = make_person(name, id=1_000_000 + number)
            person.groups.set([Group.objects.get_or_create(name=group)[0] for group in GROUPS[:tier]])


class LineModelTests(MachineCase):
    def test_after_every_step_of_any_history_the_line_is_as_the_rules_have_it(self) -> None:
        run_state_machine_as_test(LineMachine, settings=SETTINGS)
