"""One writer: nothing but the allocation makes, changes or counts places and tickets (house rule 2)."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

from django.conf import settings
from django.test import SimpleTestCase

CORE = Path(settings.BASE_DIR) / "core"
THEIRS = {"allocation.py", "booking.py", "joining.py", "moves.py", "opening.py", "serving.py", "transfer.py"}
ROWS = {"TicketHold", "Ticket"}
WRITERS = {"Change", "store_new", "update_each"}  # statements that are composed once, or for thousands of rows
RELATED = {"places", "tickets"}  # the same rows, reached from an event or a person
MAKE = {"create", "get_or_create", "update_or_create", "bulk_create", "acreate", "abulk_create"}
CHANGE = {"update", "bulk_update", "aupdate", "abulk_update"}
# Say when, and decide nothing: the gate's and the mail's.
MARKS = {"checked_in_at", "checked_in_by", "booked_at", "mailed_at", "lapse_mailed_at"}
DATES = {"login_timestamp", "created_at", "held_at", "expires_at", "ended_at"}  # the demo moves a sale into the past
NUMBERS = {"held", "booked", "version", "opened_at"}


def names_in(node: ast.expr) -> set[str]:
    """Return every name of a chain such as `Ticket.objects.filter(...).update`."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} | {
        part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)
    }


def writes(source: str, marks: Collection[str] = MARKS) -> Iterator[str]:
    """Yield each statement of Python that makes or changes places or tickets, or an event's numbers."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in ROWS | WRITERS:
            yield ast.unparse(node)
        if isinstance(node.func, ast.Attribute):
            on_rows = names_in(node.func.value) & (ROWS | RELATED)
            fields = {keyword.arg for keyword in node.keywords}
            makes = node.func.attr in MAKE and on_rows
            changes = node.func.attr in CHANGE and (
                (on_rows and not (fields and fields <= set(marks))) or fields & NUMBERS
            )
            if makes or changes:
                yield ast.unparse(node)


class OnlyWriterTests(SimpleTestCase):
    def test_no_other_module_makes_or_changes_places_tickets_or_numbers(self):
        modules = [file for file in CORE.rglob("*.py") if not {"tests", "migrations"} & set(file.parts)]
        found = {}
        for file in modules:
            name = str(file.relative_to(CORE))
            statements = list(writes(file.read_text(), MARKS | DATES if name == "demo.py" else MARKS))
            if statements and name not in THEIRS:
                found[name] = statements
        self.assertEqual(found, {})
        self.assertGreater(len(modules), 20)

    def test_the_guard_sees_what_the_allocation_does(self):
        self.assertEqual(
            [bool(list(writes((CORE / name).read_text()))) for name in sorted(THEIRS)], [True] * len(THEIRS)
        )

    def test_the_guard_sees_every_way_round_it(self):
        round_about = [
            "Ticket(event=event)",
            "Ticket.objects.create(event=event)",
            "TicketHold.objects.get_or_create(user=user)",
            "TicketHold.objects.filter(pk=1).update(status='held')",
            "TicketHold.objects.live(now).bulk_update(rows, ['status'])",
            "event.tickets.create(user=user)",
            "user.places.filter(event=event).update(status='left')",
            "Event.objects.filter(pk=1).update(held=0)",
            "Change(lambda: some.rows(), status='held')",
            "update_each('core_event', 'held = {held}', columns, rows)",
        ]
        self.assertEqual([text for text in round_about if not list(writes(text))], [])
        harmless = ["Ticket.objects.filter(user=user)", "Event.objects.update(name='x')", "queue.update(rows)"]
        self.assertEqual([text for text in harmless if list(writes(text))], [])
