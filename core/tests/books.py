"""The ledger as tests read it: what was entered, what rows say should have been, and whether it verifies."""

import datetime as dt
import hashlib
import hmac
from typing import Any

from django.test import TestCase

from core.models import Event, Ticket, TicketHold

from .cast import Cast, HandClock, ledger_of, ledger_problems

Entry = dict[str, Any]


def as_text(value: Any) -> Any:
    """Return a value as the ledger has it: moments in ISO 8601."""
    return value.isoformat() if isinstance(value, dt.datetime) else value


def length(event: Event) -> int:
    """Return how many entries there are about an event, by its own row."""
    return Event.objects.values_list("ledger_seq", flat=True).get(pk=event.pk)


def deeds(event: Event, after: int = 0) -> list[Entry]:
    """Return the entries that follow number `after`, without their numbers and moments."""
    return [{name: entry[name] for name in entry if name not in {"seq", "at"}} for entry in ledger_of(event)[after:]]


def kinds(event: Event, after: int = 0) -> list[str]:
    """Return the kinds of the entries that follow number `after`."""
    return [entry["kind"] for entry in ledger_of(event)[after:]]


def who(event: Event, user_id: int) -> str:
    """Return the pseudonym of a person, computed as docs/ledger-format.md says and not by our own code."""
    key = Event.objects.values_list("pseudonym_key", flat=True).get(pk=event.pk)
    return hmac.new(bytes.fromhex(key), str(user_id).encode(), hashlib.sha256).hexdigest()[:20]


def about(kind: str, place: TicketHold, **fields: Any) -> Entry:
    """Return an entry about a place as it should be; of how it began, from its row as it is now."""
    row = TicketHold.objects.get(pk=place.pk)
    joined: Entry = {"rank": row.login_timestamp, "tier": row.tier, "joined_at": row.created_at}
    until: Entry = {"until": row.expires_at}
    known = {"join": joined, "hold": until, "carried": joined | until}.get(kind, {})
    told = {name: as_text(value) for name, value in (known | fields).items()}
    return {"kind": kind, "place": row.pk, "person": who(row.event, row.user_id), **told}


def of_ticket(kind: str, ticket: Ticket, **fields: Any) -> Entry:
    """Return an entry about a ticket as it should be."""
    numbers = {"ticket": ticket.pk, "tier": ticket.tier}
    return {"kind": kind, **numbers, "person": who(ticket.event, ticket.user_id), **fields}


def terms_of(event: Event, **fields: Any) -> Entry:
    """Return the terms that an event's row says, without tiers and a draw unless `fields` has them."""
    row = Event.objects.get(pk=event.pk)
    windows = {"opens": row.sales_open_at, "closes": row.sales_close_at, "starts": row.starts_at}
    promised = {"status": row.status, "capacity": row.capacity, "policy": row.line_policy}
    length = row.hold_time / dt.timedelta(minutes=1)
    moments = {name: as_text(moment) for name, moment in windows.items()}
    told = {"tiers": [], **moments, "hold_minutes": length, "commitment": None}
    return {"kind": "terms", **promised, **told, **fields}


class BookCase(Cast, TestCase):
    """A test case with a clock that is moved by hand, after whose every test the ledgers of all events must verify."""

    def setUp(self) -> None:
        """Set the clock."""
        super().setUp()
        self.clock = self.enterContext(HandClock())

    def tearDown(self) -> None:
        """Verify the ledgers."""
        wrong = {event.pk: problems for event in Event.objects.all() if (problems := ledger_problems(event))}
        self.assertEqual(wrong, {})
        super().tearDown()
