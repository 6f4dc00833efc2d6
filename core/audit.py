"""The audit: every event's rows, recounted, against the numbers it keeps."""

from dataclasses import dataclass

from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce

from .models import Event, Ticket, TicketHold, count_per_event


@dataclass(frozen=True)
class Difference:
    """A number of an event that its rows do not bear out."""

    event_id: int
    name: str
    number: str
    kept: int
    counted: int

    def __str__(self) -> str:
        return f"event {self.event_id} ({self.name}): {self.number} is {self.kept}, the rows say {self.counted}"


def differences() -> list[Difference]:
    """Return where rows and numbers differ, in one query, which sees one state of the database even while it sells.

    A lapsed hold counts until it is swept: that is when its number changes.
    """
    held = TicketHold.objects.filter(event=OuterRef("pk"), status=TicketHold.Status.HELD)
    tickets = Ticket.objects.valid().filter(event=OuterRef("pk")).values("event").annotate(n=Count("pk")).values("n")
    booked = Coalesce(Subquery(tickets), 0, output_field=IntegerField())
    events = Event.objects.annotate(held_rows=count_per_event(held), booked_rows=booked).order_by("pk")
    found = []
    for row in events.values("pk", "name", "capacity", "held", "booked", "held_rows", "booked_rows"):
        least = row["held_rows"] + row["booked_rows"]
        checks = (
            ("held", row["held"], row["held_rows"]),
            ("booked", row["booked"], row["booked_rows"]),
            ("capacity", row["capacity"], max(least, row["capacity"])),
        )
        found += [Difference(row["pk"], row["name"], *check) for check in checks if check[1] != check[2]]
    return found
