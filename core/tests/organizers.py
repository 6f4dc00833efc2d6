"""An organizer at their own pages, as tests use them."""

from typing import Any

from django.test import Client, TestCase

from core.models import AuditEntry, Event

from .cast import Cast, appoint, later
from .desk import at_desk, filled

NEW = "/organize/new/"
CREATE = "/organize/create/"


def path(event: Event, page: str = "") -> str:
    return f"/organize/{event.pk}/{page}"


def trail_of(event: Event) -> list[tuple[str, str, str]]:
    """Return who did what about an event, and the detail, oldest first."""
    entries = AuditEntry.objects.filter(event=event).order_by("pk")
    return list(entries.values_list("actor__username", "action", "detail"))


class OrganizerCase(Cast, TestCase):
    def setUp(self) -> None:
        appoint(self.olga)
        self.browser = at_desk(self.olga)

    def typed(self, **differs: Any) -> dict[str, Any]:
        """Return what a browser sends of a new event that is well filled in."""
        day = f"{later(days=3):%Y-%m-%d}"
        event = {"name": "Opera", "venue": "House", "capacity": "9", "starts_at_0": day, "starts_at_1": "20:00"}
        return filled(self.browser.get(NEW)) | event | differs

    def change(self, event: Event, client: Client | None = None, **typed: object) -> Any:
        """Open an event's form, type, and save; return the answer."""
        client = client or self.browser
        form: dict[str, Any] = filled(client.get(path(event, "edit/")))
        return client.post(path(event, "save/"), form | typed)
