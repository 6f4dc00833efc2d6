"""A small sale with a past, made of rows: who waited, held, booked and gave back when."""

import datetime as dt
from typing import Any

from core.models import Event, Scan, Ticket, TicketHold, User

from .cast import make_event, make_people

MINUTE = dt.timedelta(minutes=1)
DAWN = dt.datetime(2026, 5, 1, 9, 0, tzinfo=dt.UTC)


class Sale:
    """An event, and its rows; moments are minutes after `at`."""

    def __init__(self, at: dt.datetime, **fields: Any) -> None:
        self.at = at
        times = {"created_at": at - dt.timedelta(days=1), "starts_at": at + dt.timedelta(days=300)}
        self.event: Event = make_event(**{"capacity": 1000, "auto_hold": False} | times | fields)

    def place(self, status: str, joined: float, held: float | None, ended: float | None, **fields: Any) -> TicketHold:
        """Store somebody's place, which lasts ten minutes from when it was held."""
        [person] = make_people(1)
        moments = {"created_at": joined, "held_at": held, "ended_at": ended}
        told = {name: self.moment(minutes) for name, minutes in moments.items()}
        if held is not None:
            told["expires_at"] = self.moment(held + 10)
        told["login_timestamp"] = told["created_at"]
        return TicketHold.objects.create(event=self.event, user=person, status=status, **told | fields)

    def moment(self, minutes: float | None) -> dt.datetime | None:
        """Return the moment so many minutes after the sale began."""
        return None if minutes is None else self.at + MINUTE * minutes

    def book(self, joined: float, held: float, booked: float, **fields: Any) -> Ticket:
        """Store that somebody joined, was held a place, and booked."""
        hold = self.place("booked", joined, held, booked, tier=fields.get("tier", 0))
        told = {"booked_at": hold.ended_at, "code": f"C{hold.pk}", "hold": hold}
        return Ticket.objects.create(event=self.event, user=hold.user, **told | fields)

    def let_in(self, gate: str, minutes: float, staff: User, **fields: Any) -> Scan:
        """Store that somebody was let in."""
        at = self.moment(minutes)
        told = {"outcome": "admitted", "let_in": True, "scanned_at": at, "recorded_at": at}
        return Scan.objects.create(event=self.event, staff=staff, gate=gate, **told | fields)
