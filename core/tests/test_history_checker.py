"""The stand-alone history checker: content with what was right, and each violation is seen; by file as well."""

import ast
import datetime as dt
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import SimpleTestCase, TestCase

from bench import history
from bench.evidence import AtRest, Call, Heard, History, load
from bench.history import CHECKS
from bench.record import record
from core import checkin
from core.fairness import verify_ledger
from core.fairness.ledger import ENCODER, first_seal
from core.models import Ticket, TicketHold, User
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
        noted = {"waiting": waiting, "quiet_from": time.time(), "rest": time.time(), **self.shown(ticket, carol)}
        self.told = record(self.event.pk, calls, holds=(600.0,), held={}, **noted)

    def shown(self, ticket: Ticket, carol: User) -> dict[str, Any]:
        """Return what the pages of alice and carol show, and were told."""
        self.event.refresh_from_db()
        numbers = {"capacity": 1, "held": 0, "booked": 1, "waiting": 1, "version": self.event.version, "name": "…"}
        until = _at(TicketHold.objects.get(user=self.alice))
        alices = AtRest(self.alice.pk, numbers, None, None, None, {ticket.code: "admitted"})
        carols = AtRest(carol.pk, numbers, "waiting", None, 1, {})
        heard = [Heard(self.alice.pk, [], [ticket.code], [until or 0]), Heard(carol.pk, [], [], [])]
        return {"pages": [alices, carols], "heard": heard}

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


def table() -> list[tuple[str, str]]:
    """Return which checks docs/reliability.md names for each invariant that histories are checked for."""
    text = Path(settings.BASE_DIR, "docs", "reliability.md").read_text()
    rows = [line.split(" | ") for line in text.splitlines() if re.match(r"\| I\d+ \|", line)]
    return [(row[0].strip("| "), check) for row in rows for check in re.findall("`(.*?)`", row[3])]


def _at(place: TicketHold) -> float | None:
    return place.expires_at.timestamp() if place.expires_at else None


class RightAndWrongTests(StoryCase):
    def test_what_was_right_is_no_violation(self):
        self.assertEqual(self.found(), {})

    def test_it_is_the_same_after_json(self):
        again = load(json.loads(json.dumps(self.told.as_dict())))
        self.assertEqual(replace(again, calls=[]), replace(self.told, calls=[]))
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
        for invariant, check, said, told in self.planted():
            with self.subTest(invariant, said=said):
                self.assertIn(said, "\n".join(self.found(told).get(check, [])))

    def test_the_table_of_invariants_names_the_checks_that_see_each_broken(self):
        planted = {(invariant, check) for invariant, check, _, _ in self.planted()}
        self.assertEqual(planted, set(table()))
        self.assertEqual({invariant for invariant, _ in planted}, {f"I{n}" for n in range(1, 14)})
        self.assertEqual({check for _, check in planted}, set(CHECKS))

    def planted(self) -> list[tuple[str, str, str, History]]:
        """Return violations: which invariant is broken, which check sees it, some of its words, and the history."""
        return [*self.planted_numbers(), *self.planted_order(), *self.planted_gates(), *self.planted_pages()]

    def planted_numbers(self) -> list[tuple[str, str, str, History]]:
        told, (alices, bobs, _) = self.told, self.told.places
        later = alices.held_at or 0
        no_leave = self.with_entries(lambda entries: [entry for entry in entries if entry["kind"] != "leave"])
        twice = self.with_entries(lambda entries: [*entries, self.leave_in(entries)])
        no_place = self.with_entries(lambda entries: [entries[0] | {"capacity": 0}, *entries[1:]])
        return [
            ("I1", "numbers", "2 are said to be booked", replace(told, event=replace(told.event, booked=2))),
            ("I1", "oversold", "1 more places", self.changed("places", 1, status="held", held_at=later + 0.1)),
            ("I1", "oversold", "1 more places", self.with_capacity_lowered()),
            ("I1", "ledger", "oversold", no_place),
            ("I2", "answers", "booked by nobody's request", replace(told, calls=[])),
            ("I2", "answers", "the rows say otherwise", replace(told, tickets=[])),
            ("I2", "answers", "ended in 500", self.with_call("error")),
            ("I6", "one each", "two places", self.changed("places", 2, user=bobs.user, created_at=bobs.created_at)),
            ("I6", "one each", "two tickets", replace(told, tickets=told.tickets * 2)),
            ("I7", "answers", "booked by nobody's request", self.with_second_ticket()),
            ("I8", "holds", "was held for", self.changed("places", 0, expires_at=later + 60)),
            ("I8", "late bookings", "after its hold was over", self.changed("tickets", 0, booked_at=later + 601)),
            ("I9", "ends", "is booked, and 0 tickets", self.changed("tickets", 0, hold=None)),
            ("I9", "ends", "is released, and 1 tickets", self.changed("places", 0, status="released")),
            ("I9", "ends", "is waiting, and has ended", self.changed("places", 2, ended_at=later)),
            ("I9", "ledger", f"place {bobs.pk} is ended, not waiting", twice),
            ("I10", "left waiting", "1 people wait", self.changed("tickets", 0, cancelled_at=later + 1)),
            ("I12", "ledger", "should stand here", replace(told, ledger=told.ledger[:2] + told.ledger[3:])),
            ("I12", "entries", "no entry says that there was a leave", no_leave),
            ("I12", "entries", "too many", self.changed("places", 1, status="waiting", ended_at=None)),
        ]

    def planted_order(self) -> list[tuple[str, str, str, History]]:
        _, _, carols = self.told.places
        own_rank = self.changed("places", 2, login_timestamp=carols.login_timestamp - 5)
        return [
            ("I4", "inversions", "before place", self.overtaken()),
            ("I4", "ledger", "overtakes", self.with_entries(self.overtaking)),
            ("I5", "logins", "did not log in", own_rank),
        ]

    def planted_gates(self) -> list[tuple[str, str, str, History]]:
        turned_away = replace(self.changed("scans", 0, outcome="wrong_event", stands=False), calls=[])
        return [
            ("I3", "scans", "admitted twice", self.changed("scans", 1, outcome="admitted", stands=True)),
            ("I3", "scans", "is there twice", self.changed("scans", 1, nonce="one")),
            ("I3", "scans", "the rows say None", self.with_scan("three", "admitted")),
            ("I3", "scans", "the rows say admitted", self.with_scan("one", "already_checked_in")),
            ("I3", "scans", "was turned away", turned_away),
        ]

    def planted_pages(self) -> list[tuple[str, str, str, History]]:
        alices, _, carols = self.told.places
        code, until = self.told.tickets[0].code, alices.expires_at or 0
        return [
            (
                "I11",
                "pages",
                "as numbers",
                self.changed("pages", 1, numbers=self.told.pages[1].numbers | {"waiting": 2}),
            ),
            ("I11", "pages", "as numbers", self.changed("pages", 1, numbers={})),
            ("I11", "pages", f"as the place of person {carols.user}", self.changed("pages", 1, position=2)),
            (
                "I11",
                "pages",
                f"as the place of person {carols.user}",
                self.changed("pages", 1, status=None, position=None),
            ),
            ("I11", "pages", f"as tickets of person {alices.user}", self.changed("pages", 0, tickets={code: "valid"})),
            ("I11", "pages", f"as tickets of person {alices.user}", self.changed("pages", 0, tickets={})),
            ("I11", "pages", "version 1 after 2", self.with_heard(backwards=["version 1 after 2"])),
            ("I13", "told", f"ticket {code}", self.with_heard(codes=[code])),
            ("I13", "told", "ticket of nobody", self.with_heard(codes=["of nobody"])),
            ("I13", "told", f"a hold until {until}", self.with_heard(holds=[until])),
        ]

    def with_heard(self, **values: Any) -> History:
        """Return the history in which carol's page was told something more."""
        return self.changed("heard", 1, **values)

    def with_entries(self, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> History:
        """Return the history with other entries in its ledger, in a chain that is whole."""
        header, seal, lines = json.loads(self.told.ledger[0]), first_seal(self.event.pk), []
        for seq, entry in enumerate(change(self.told.entries), start=1):
            text = ENCODER.encode(entry | {"seq": seq})
            seal = hashlib.sha256((seal + text).encode()).hexdigest()
            lines.append(f"{seal} {text}\n")
        first = ENCODER.encode(header | {"entries": len(lines), "seal": seal})
        return replace(self.told, ledger=[f"{first}\n", *lines])

    def leave_in(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        [entry] = [entry for entry in entries if entry["kind"] == "leave"]
        return entry

    def overtaking(self, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the entries of an event of two places, of which carol is held one while bob waits before her."""
        at, carol = entries.index(self.leave_in(entries)), self.told.places[2].pk
        [joined] = [entry for entry in entries if entry["kind"] == "join" and entry["place"] == carol]
        [hold] = [entry for entry in entries if entry["kind"] == "hold"]
        until = dt.datetime.fromisoformat(entries[at]["at"]) + dt.timedelta(minutes=10)
        held = hold | {"at": entries[at]["at"], "until": until, "place": carol, "person": joined["person"]}
        return [entries[0] | {"capacity": 2}, *entries[1:at], held, *entries[at:]]

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
        return replace(self.told, calls=[*self.told.calls, Call("join", self.alice.pk, 0, 0, outcome, "500")])

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
    """Whoever doubts the project must not have to run it: what judges is of the standard library alone."""

    def imported(self, file: Path) -> Iterator[str]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield f"{'.' * node.level}{node.module}"

    def test_the_checker_and_its_parts_import_the_standard_library_and_each_other_alone(self):
        parts, foreign = [Path(history.__file__)], set()
        for file in parts:
            for name in self.imported(file):
                part = Path(settings.BASE_DIR, *name.split(".")).with_suffix(".py")
                if name.startswith("bench.") and part not in parts:
                    parts.append(part)
                elif not name.startswith("bench.") and name.partition(".")[0] not in sys.stdlib_module_names:
                    foreign.add(name)
        self.assertEqual(foreign, set())
        self.assertEqual({part.stem for part in parts}, {"history", "evidence", "flow", "holds", "pages"})

    def test_the_ledgers_verifier_imports_the_standard_library_alone(self):
        imported = {name.partition(".")[0] for name in self.imported(Path(verify_ledger.__file__))}
        self.assertEqual(imported - set(sys.stdlib_module_names), set())
