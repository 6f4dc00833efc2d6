"""The ledger as a file, and its verifier: what anybody can take home, and what nobody learns from it."""

import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

from asgiref.sync import sync_to_async
from django.db import connection
from django.test import AsyncClient, TestCase, TransactionTestCase

from core import allocation, steering
from core.fairness import verify_ledger
from core.models import Event, LedgerEntry, Ticket, User
from core.views import fairness

from .cast import Cast, CastOfRaces, HandClock, book, join, later, make_event, make_people, release
from .visits import BROWSER, visit


def download(event: Event, person: User | None = None) -> str:
    """Return the ledger's file as a visitor gets it."""
    return b"".join(visit(person).get(f"/events/{event.pk}/fairness/ledger.txt")).decode()


class FileTests(Cast, TestCase):
    def setUp(self) -> None:
        self.event = make_event(name="Käse & Wein", capacity=1)
        for person in (self.alice, self.bob, *make_people(3)):
            join(self.event, person)
        book(self.event, self.alice)
        release(self.event, self.bob)

    def test_it_is_a_file_to_keep(self):
        response = visit(headers=BROWSER).get(f"/events/{self.event.pk}/fairness/ledger.txt")
        disposition = f'attachment; filename="ledger-{self.event.pk}.txt"'
        self.assertEqual(response.headers["Content-Type"], "text/plain; charset=utf-8")
        self.assertEqual(response.headers["Content-Disposition"], disposition)

    def test_it_is_the_header_and_the_rows_as_they_are(self):
        header, *lines = download(self.event).splitlines()
        rows = list(LedgerEntry.objects.filter(event=self.event).order_by("seq"))
        self.assertEqual(lines, [f"{row.seal} {row.text}" for row in rows])
        self.assertEqual(
            json.loads(header),
            {
                "format": "box-office-ledger-1",
                "event": self.event.pk,
                "name": "Käse & Wein",
                "entries": len(rows),
                "seal": rows[-1].seal,
            },
        )

    def test_who_downloads_both_files_can_verify_one_with_the_other(self):
        response = visit(headers=BROWSER).get("/fairness/verify_ledger.py")
        self.assertEqual(response.headers["Content-Type"], "text/x-python; charset=utf-8")
        self.assertEqual(response.headers["Content-Disposition"], 'attachment; filename="verify_ledger.py"')
        last = LedgerEntry.objects.filter(event=self.event).latest("seq")
        with tempfile.TemporaryDirectory() as folder:
            verifier, file = Path(folder, "verify_ledger.py"), Path(folder, "ledger.txt")
            verifier.write_bytes(response.content)
            file.write_text(download(self.event), encoding="utf-8")
            command = [sys.executable, "-I", str(verifier), str(file), "--at", str(last.seq), "--seal", last.seal]
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
            file.write_text(download(self.event).replace('"kind":"hold"', '"kind":"held"', 1), encoding="utf-8")
            ran_again = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertIn(f"{last.seq} entries, chain whole, no rule broken", ran.stdout)
        self.assertEqual(ran_again.returncode, 1)

    def test_an_empty_ledger_is_a_header_that_verifies(self):
        file = download(make_event())
        self.assertEqual(file.count("\n"), 1)
        self.assertEqual(verify_ledger.verify(file.splitlines()).problems, [])

    def test_many_pieces_make_the_same_file(self):
        whole = download(self.event)
        for lines in (1, 3):
            with mock.patch.object(fairness, "LINES", lines):
                self.assertEqual(download(self.event), whole)

    def test_of_a_draft_only_who_manages_it_gets_anything(self):
        draft = make_event(status="draft")
        for path in (f"/events/{draft.pk}/fairness/", f"/events/{draft.pk}/fairness/ledger.txt"):
            codes = [visit(person).get(path).status_code for person in (None, self.alice, self.greta, self.olga)]
            self.assertEqual(codes, [404, 404, 404, 200])


class AsyncFileTests(Cast, TestCase):
    async def test_it_is_streamed_under_asgi_piece_by_piece(self):
        def make() -> Event:
            event = make_event()
            for person in make_people(5):
                join(event, person)
            return event

        event = await sync_to_async(make)()
        whole = await sync_to_async(download)(event)
        with warnings.catch_warnings(), mock.patch.object(fairness, "LINES", 2):
            warnings.filterwarnings("error", message="StreamingHttpResponse")  # Django's, of what it cannot stream
            response: Any = await AsyncClient().get(f"/events/{event.pk}/fairness/ledger.txt")
            pieces = [piece.decode() async for piece in response.streaming_content]
        self.assertEqual("".join(pieces), whole)
        self.assertEqual({piece.count("\n") for piece in pieces[:-1]}, {2})


class SlowReaderTests(CastOfRaces, TransactionTestCase):
    def test_who_reads_slowly_keeps_no_connection_to_the_database(self):
        event = make_event()
        join(event, self.alice)
        pieces = iter(visit().get(f"/events/{event.pk}/fairness/ledger.txt"))
        next(pieces)
        self.assertIsNone(connection.connection)


class SecretTests(Cast, TestCase):
    """Nobody can be recognized, and nothing that decides is known before it does."""

    people: list[User]
    event: Event
    tickets: list[Ticket]
    before: str
    after: str

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.people = [
            User.objects.create(
                pk=817_000_000 + n, username=f"xena{n}", email=f"xena{n}@mail.example", first_name="Quill"
            )
            for n in range(3)
        ]
        with HandClock() as clock:
            cls.event = make_event(capacity=2, line_policy="randomised_open", sales_open_at=later(hours=1))
            for person in cls.people:
                join(cls.event, person)
            cls.before = everything(cls.event, cls.people)
            clock.move(hours=1)
            allocation.serve(cls.event.pk)
            held = [person for person in cls.people if person.places.filter(status="held").exists()]
            cls.tickets = [book(cls.event, person) for person in held]
            allocation.cancel_ticket(ticket_id=cls.tickets[0].pk)
            steering.pause(event_id=cls.event.pk, reason="An outage.")
            cls.after = everything(cls.event, cls.people)

    def test_nobody_is_named(self):
        told = [secret for secret in ("xena", "quill", "mail.example", "81700000") if secret in self.after.casefold()]
        self.assertEqual(told, [])

    def test_no_ticket_code_is_told(self):
        self.assertEqual([ticket.code in self.after for ticket in self.tickets], [False, False])

    def test_the_seed_is_told_after_the_opening_and_not_before(self):
        self.assertEqual([self.event.draw_seed in text for text in (self.before, self.after)], [False, True])

    def test_the_key_of_the_pseudonyms_is_never_told(self):
        self.assertEqual([self.event.pseudonym_key in text for text in (self.before, self.after)], [False, False])


def everything(event: Event, people: list[User]) -> str:
    """Return all that strangers, these people and the organizer read about an event's line, in pages and file."""
    paths = [f"/events/{event.pk}/fairness/{path}" for path in ("", "?person=mine", "ledger.txt")]
    clients = [visit(person, headers=BROWSER) for person in (None, *people, event.created_by)]
    return "".join(b"".join(client.get(path)).decode() for client in clients for path in paths)
