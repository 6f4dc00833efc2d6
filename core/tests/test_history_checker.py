"""The stand-alone history checker: content with what was right, and each violation is seen; by file as well."""

import datetime as dt
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import SimpleTestCase, TestCase

from bench import history
from bench.history import CHECKS, Call, History, load
from bench.record import record
from core import checkin
from core.models import TicketHold
from core.tests.cast import Cast, arrive, book, join, make_event, make_person, release


class StoryCase(Cast, TestCase):
    """Alice books the only place, bob and carol wait, bob leaves; alice's ticket is scanned, twice."""

    def setUp(self) -> None:
        self.event = make_event(capacity=1, auto_hold=False, hold_minutes=10)
        carol = make_person("carol")
        logins = {person: arrive(person) for person in (self.alice, self.bob, carol)}
        calls = []
        for person, login in logins.items():
            place = join(self.event, person, login)
            calls.append(self.call("join", person.pk, (place.pk, place.status, _at(place))))
        ticket = book(self.event, self.alice)
        calls.append(self.call("book", self.alice.pk, (ticket.pk, ticket.code)))
        release(self.event, self.bob)
        for nonce in ("one", "two"):
            scan = checkin.scan(code=ticket.code, event=self.event, staff=self.greta, nonce=nonce)
            calls.append(self.call("scan", 0, (nonce, scan.outcome)))
        waiting = {call.user: call.answered for call in calls if call.kind == "join"}
        moments = {"quiet_from": time.time(), "rest": time.time()}
        self.event.refresh_from_db()
        self.told = record(self.event.pk, calls, holds=(600.0,), waiting=waiting, held={}, **moments)

    def call(self, kind: str, user: int, detail: Any) -> Call:
        return Call(kind, user, time.time(), time.time(), "ok", detail)

    def found(self, told: History | None = None) -> dict[str, list[str]]:
        found = {name: check(told or self.told) for name, check in CHECKS.items()}
        return {name: texts for name, texts in found.items() if texts}

    def changed(self, rows: str, n: int, **values: Any) -> History:
        """Return the history with one row changed."""
        changed: list[Any] = list(getattr(self.told, rows))
        changed[n] = replace(changed[n], **values)
        return load(self.told.as_dict() | {rows: [asdict(row) for row in changed]})


def _at(place: TicketHold) -> float | None:
    return place.expires_at.timestamp() if place.expires_at else None


class RightAndWrongTests(StoryCase):
    def test_what_was_right_is_no_violation(self):
        self.assertEqual(self.found(), {})

    def test_it_is_the_same_after_json(self):
        again = load(json.loads(json.dumps(self.told.as_dict())))
        for name in ("event", "places", "tickets", "scans", "logins", "ledger", "holds", "waiting", "rest"):
            with self.subTest(name):
                self.assertEqual(getattr(again, name), getattr(self.told, name))
        self.assertEqual(self.found(again), {})

    def test_a_place_that_waited_for_the_end_of_the_former_is_no_second_one_but_one_beside_it_is(self):
        _, bobs, carols = self.told.places
        end = bobs.created_at + 60
        for early, is_wrong in ((1, False), (30, True)):
            with self.subTest(early=early):
                second = replace(carols, user=bobs.user, created_at=end - early, login_timestamp=end)
                told = replace(self.told, places=[replace(bobs, ended_at=end), second])
                self.assertEqual(bool(CHECKS["one each"](told)), is_wrong)

    def test_each_violation_is_seen_by_its_check(self):
        alices, bobs, carols = self.told.places
        later = alices.held_at or 0
        cases = {
            "a counter that lies": ("numbers", replace(self.told, event=replace(self.told.event, booked=2))),
            "a place too many": ("oversold", self.changed("places", 1, status="held", held_at=later + 0.1)),
            "a place given after it was taken away": ("oversold", self.with_capacity_lowered()),
            "somebody passed by": ("inversions", self.overtaken()),
            "a ticket of nobody": ("answers", replace(self.told, calls=[])),
            "a second ticket of who booked once": ("answers", self.with_second_ticket()),
            "a lost ticket": ("answers", replace(self.told, tickets=[])),
            "an answer of an error": ("answers", self.with_call("error")),
            "two live places": ("one each", self.changed("places", 2, user=bobs.user, created_at=bobs.created_at)),
            "two valid tickets": ("one each", replace(self.told, tickets=self.told.tickets * 2)),
            "a second admission": ("scans", self.changed("scans", 1, outcome="admitted", stands=True)),
            "a scan stored twice": ("scans", self.changed("scans", 1, nonce="one")),
            "a scan that is lost": ("scans", self.with_scan("three", "admitted")),
            "a scan that was answered otherwise": ("scans", self.with_scan("one", "already_checked_in")),
            "somebody turned away": (
                "scans",
                replace(self.changed("scans", 0, outcome="wrong_event", stands=False), calls=[]),
            ),
            "a hold that was short": ("holds", self.changed("places", 0, expires_at=later + 60)),
            "a booking too late": ("late bookings", self.changed("tickets", 0, booked_at=later + 601)),
            "a rank of its own making": (
                "logins",
                self.changed("places", 2, login_timestamp=carols.login_timestamp - 5),
            ),
            "a free place and a line": ("left waiting", self.changed("tickets", 0, cancelled_at=later + 1)),
            "an entry left out": ("ledger", replace(self.told, ledger=self.told.ledger[:2] + self.told.ledger[3:])),
        }
        for name, (check, told) in cases.items():
            with self.subTest(name):
                self.assertIn(check, self.found(told))
        self.assertEqual({check for check, _ in cases.values()}, set(CHECKS))

    def with_second_ticket(self) -> History:
        """Return the history in which alice had another ticket before, which was cancelled before this one was made."""
        [ticket] = self.told.tickets
        moment = ticket.booked_at
        second = replace(ticket, pk=ticket.pk + 1, hold=None, booked_at=moment - 2, cancelled_at=moment - 1)
        return replace(self.told, tickets=[second, ticket])

    def test_whoever_was_not_answered_once_may_have_had_one_ticket_that_nobody_was_told_of(self):
        told = self.with_second_ticket()
        [ticket, _] = told.tickets
        broken = Call("book", self.alice.pk, ticket.booked_at, ticket.booked_at, "busy", None)
        again = replace(ticket, pk=ticket.pk + 1, booked_at=ticket.booked_at - 2, cancelled_at=ticket.booked_at - 1)
        for tickets, is_wrong in ((told.tickets, False), ([again, *told.tickets], True)):
            with self.subTest(tickets=len(tickets)):
                more = replace(told, tickets=tickets, calls=[*told.calls, broken])
                self.assertEqual(bool(CHECKS["answers"](more)), is_wrong)

    def with_capacity_lowered(self) -> History:
        """Return the history of an event that has lost a place of two, and in which bob is held the lost one after."""
        held = self.told.places[0].held_at or 0
        at = dt.datetime.fromtimestamp(held - 0.001, dt.UTC).isoformat()
        terms = [json.dumps({"kind": "terms", "capacity": capacity, "at": at}) for capacity in (2, 1)]
        told = self.changed("places", 1, status="released", held_at=held + 0.1, ended_at=held + 0.2)
        return replace(told, ledger=[told.ledger[0], *(f"seal {text}\n" for text in terms)])

    def test_a_place_that_was_taken_away_while_it_was_free_is_no_violation(self):
        told = self.with_capacity_lowered()
        self.assertEqual(CHECKS["oversold"](replace(told, places=[told.places[0], self.told.places[1]])), [])

    def with_call(self, outcome: str) -> History:
        call = Call("join", self.alice.pk, 0, 0, outcome, "500")
        return replace(self.told, calls=[*self.told.calls, call])

    def with_scan(self, nonce: str, outcome: str) -> History:
        """Return the history in which the gate was answered this."""
        return replace(self.told, calls=[*self.told.calls, self.call("scan", 0, (nonce, outcome))])

    def overtaken(self) -> History:
        """Return the history in which carol is held a place while bob waits before her."""
        now = max(self.told.waiting.values()) + 1
        places = [self.told.places[0], replace(self.told.places[1], status="waiting", ended_at=None)]
        places.append(replace(self.told.places[2], status="held", held_at=now, expires_at=now + 600))
        return replace(self.told, places=places, event=replace(self.told.event, capacity=2))

    def test_the_file_is_checked_by_the_program_alone(self):
        good, bad = self.told, replace(self.told, tickets=[])
        for told, code in ((good, 0), (bad, 1)):
            with self.subTest(code=code), tempfile.TemporaryDirectory() as name:
                file = Path(name, "history.json")
                file.write_text(json.dumps(told.as_dict()))
                command = [sys.executable, "-I", str(Path(settings.BASE_DIR, "bench", "history.py")), str(file)]
                done = subprocess.run(command, cwd=name, capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, code, done.stdout + done.stderr)


class StandAloneTests(SimpleTestCase):
    def test_it_imports_the_standard_library_alone(self):
        lines = Path(history.__file__).read_text().splitlines()
        imported = {line.split()[1].partition(".")[0] for line in lines if line.startswith(("import ", "from "))}
        self.assertEqual(imported - set(sys.stdlib_module_names), set())
