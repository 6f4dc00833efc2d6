"""What every scene begins with: people, and an event."""

import datetime as dt
from typing import Any

from core.models import Event, User
from core.now import now


def make_people(count: int) -> None:
    """Store people who cannot log in."""
    people = (User(username=f"person{n}", email=f"person{n}@example.org", password="!") for n in range(count))
    User.objects.bulk_create(people)


def make_event(capacity: int, **fields: Any) -> Event:
    """Store an event that starts in a week and holds nothing by itself."""
    defaults: dict[str, Any] = {"name": "Concert", "venue": "Hall", "auto_hold": False}
    defaults |= {"starts_at": now() + dt.timedelta(days=7), "created_by": User.objects.earliest("pk")}
    return Event.objects.create(capacity=capacity, **defaults | fields)
