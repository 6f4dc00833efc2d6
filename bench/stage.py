"""What every scene begins with: people, and an event."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from core.models import Event, User
from core.now import now

BATCH = 2000  # rows


def store(rows: Sequence[Any]) -> None:
    """Store rows of one model, some in each transaction: statement and commit have five seconds each."""
    for start in range(0, len(rows), BATCH):
        type(rows[0]).objects.bulk_create(rows[start : start + BATCH])


def make_people(count: int) -> None:
    """Store people who cannot log in."""
    store([User(username=f"person{n}", email=f"person{n}@example.org", password="!") for n in range(count)])


def make_event(capacity: int, **fields: Any) -> Event:
    """Store an event that starts in a week and holds nothing by itself."""
    defaults: dict[str, Any] = {"name": "Concert", "venue": "Hall", "auto_hold": False}
    defaults |= {"starts_at": now() + dt.timedelta(days=7), "created_by": User.objects.earliest("pk")}
    return Event.objects.create(capacity=capacity, **defaults | fields)
