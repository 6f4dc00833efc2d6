"""What happened in an hour, counted: kept beyond the rows it was counted from (`analytics/keeping.py`)."""

from django.db import models
from django.db.models import Q

from .events import Event


class HourlyFigures(models.Model):
    """How often something happened at an event within one hour of UTC, which began at `hour`.

    `part` divides a kind: a tier, or how long it took, by number of `analytics.rows.WAITS` and `USES`, or that a place
    ended with its event; `total` is how long all of them took together. Logins are of no event.
    """

    class Kind(models.TextChoices):
        JOINED = "joined"  # took a place in line, or were held one at once
        HELD = "held"
        USED = "used"  # holds that became tickets
        LAPSED = "lapsed"
        RELEASED = "released"
        LEFT = "left"  # the line, before it was their turn: at the event's start at the latest
        BOOKED = "booked"
        CANCELLED = "cancelled"
        LOGINS = "logins"
        PEAK = "peak"  # by how many the line became longer at most, since the hour began

    event = models.ForeignKey(Event, null=True, blank=True, related_name="figures", on_delete=models.PROTECT)
    hour = models.DateTimeField()
    kind = models.CharField(max_length=9, choices=Kind.choices)
    part = models.CharField(max_length=10, blank=True)
    count = models.PositiveIntegerField()
    total = models.DurationField(null=True)

    class Meta:
        verbose_name_plural = "hourly figures"
        constraints = [
            models.UniqueConstraint(fields=["event", "hour", "kind", "part"], name="figures_once"),
            models.UniqueConstraint(
                fields=["hour", "kind", "part"], condition=Q(event=None), name="figures_of_no_event_once"
            ),
        ]
        indexes = [models.Index(fields=["hour"], name="figures_by_hour")]

    def __str__(self) -> str:
        return f"{self.count} {self.kind} in the hour from {self.hour:%Y-%m-%d %H:%M}"
