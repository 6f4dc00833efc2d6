"""Several processes, as a site has them, at one line: nobody is passed (rules 2 and 6); `bench/` has a crowd do it."""

import datetime as dt
import os
import random
import subprocess
import sys
from contextlib import suppress

from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase

from core import allocation, audit, clock, steering
from core.models import Event, Ticket, TicketHold, User, UserSession
from core.refusals import Refused

from .cast import PATIENCE, CastOfRaces, ago, ledger_problems, make_event, make_people

PROCESSES = 4
EARLY, LATE, PLACES, TICKETS = 160, 40, 20, 8
# `test` as its first argument: the channel layer of a test run has a prefix of its own.
CODE = f"import sys, django; django.setup(); from {__name__} import work; work(*map(int, sys.argv[2:]))"


def work(event_id: int, lane: int) -> None:
    """Join for every fourth of those who came early; told to go on, for those who came late, and end every hold."""
    join_for("early", event_id, lane)
    sys.stdout.write("joined\n")
    sys.stdout.flush()
    sys.stdin.readline()
    join_for("late", event_id, lane)
    held, dice = TicketHold.objects.filter(event=event_id, status="held"), random.Random(lane)
    while holders := list(User.objects.filter(pk__in=held.values("user")).order_by("pk")):
        end_hold(event_id, dice.choice(holders))
    clock.tick()


def join_for(key: str, event_id: int, lane: int) -> None:
    """Join for the people of a lane in the order of their ids, which is not that of their logins."""
    logins = UserSession.objects.filter(session_key__startswith=key).select_related("user").order_by("user")
    for login in logins[lane::PROCESSES]:
        allocation.join(event_id=event_id, user=login.user, session=login)


def end_hold(event_id: int, user: User) -> None:
    """Book it while there are few tickets, else release it; another process may be faster."""
    few = Ticket.objects.filter(event=event_id).count() < TICKETS
    with suppress(Refused):
        allocation.book(event_id=event_id, user=user) if few else allocation.release(event_id=event_id, user=user)


def start(event: Event, lane: int) -> "subprocess.Popen[str]":
    """Start a process of its own on this database."""
    database = connection.settings_dict
    address = f"{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT'] or 5432}"
    sqlite = connection.vendor == "sqlite"
    url = f"sqlite:///{database['NAME']}" if sqlite else f"postgres://{address}/{database['NAME']}"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "event_ticketing.settings", "DATABASE_URL": url}
    command = [sys.executable, "-c", CODE, "test", str(event.pk), str(lane)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR, text=True, stdin=pipe, stdout=pipe)


class ProcessTests(CastOfRaces, TransactionTestCase):
    def log_in(self, key: str, people: list[User], seconds: int) -> None:
        """Let people log in within the second that lies so far back, in an order that is not that of their ids."""
        moments = random.Random(key).sample(range(1_000_000), len(people))
        first = ago(seconds=seconds)
        UserSession.objects.bulk_create(
            UserSession(user=person, session_key=f"{key}{n}", login_timestamp=first + dt.timedelta(microseconds=n))
            for person, n in zip(people, moments, strict=True)
        )

    def test_several_processes_serve_hundreds_of_people_in_the_order_of_their_logins(self) -> None:
        event = make_event(capacity=0, auto_hold=False)
        self.log_in("early", make_people(EARLY), seconds=60)
        self.log_in("late", make_people(LATE), seconds=30)
        processes = [start(event, lane) for lane in range(PROCESSES)]
        for process in processes:
            self.addCleanup(process.kill)
        self.assertEqual(
            [process.stdout and process.stdout.readline() for process in processes], ["joined\n"] * PROCESSES
        )
        self.assertEqual(TicketHold.objects.waiting().filter(event=event).count(), EARLY)
        steering.revise_event(event_id=event.pk, values={"capacity": PLACES})
        for process in processes:
            process.communicate("go on\n", timeout=3 * PATIENCE)
        self.assertEqual([process.returncode for process in processes], [0] * PROCESSES)
        self.assert_in_order(event)

    def assert_in_order(self, event: Event) -> None:
        """Fail unless all were served, nobody before somebody who was there earlier, by the rows and by the ledger."""
        places = TicketHold.objects.filter(event=event)
        by_rank = places.order_by("login_timestamp", "pk")
        self.assertEqual((places.count(), places.filter(held_at=None).count()), (EARLY + LATE, 0))
        early = list(by_rank.values_list("pk", flat=True)[:EARLY])
        served = list(places.order_by("held_at", "login_timestamp", "pk").values_list("pk", flat=True))
        self.assertEqual(served[:EARLY], early)
        self.assertEqual(places.unended().count(), 0)
        self.assertEqual((ledger_problems(event), audit.differences()), ([], []))
        self.assertGreaterEqual(Ticket.objects.filter(event=event).count(), TICKETS)
