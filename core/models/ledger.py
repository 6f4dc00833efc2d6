"""The ledger: what was promised and what was done about an event's line, entry by entry, never changed."""

from django.db import models
from django.db.models import Q

from .events import Event


class Cause(models.TextChoices):
    """Why a place ended or became free, as the ledger says it."""

    RELEASED = "released"
    LOGGED_OUT = "logged_out"
    ABSENT = "absent"
    CANCELLED_BY_OWNER = "cancelled_by_owner"
    CANCELLED_BY_STAFF = "cancelled_by_staff"
    REMOVED_BY_STAFF = "removed_by_staff"
    DEACTIVATED = "deactivated"
    ERASED = "erased"
    BOOKED_ELSEWHERE = "booked_elsewhere"
    GIVEN_A_TICKET = "given_a_ticket"
    EVENT_OVER = "event_over"
    EVENT_CANCELLED = "event_cancelled"
    CAPACITY_RAISED = "capacity_raised"
    SALE_EXTENDED = "sale_extended"
    LAPSED = "lapsed"
    RESUMED = "resumed"


# Every path by which a place becomes free for the first in line (rule 2); `test_freed_places.py` walks it.
FREES_A_PLACE = (
    Cause.LAPSED,
    Cause.RELEASED,
    Cause.LOGGED_OUT,
    Cause.CANCELLED_BY_OWNER,
    Cause.CANCELLED_BY_STAFF,
    Cause.REMOVED_BY_STAFF,
    Cause.GIVEN_A_TICKET,
    Cause.CAPACITY_RAISED,
    Cause.SALE_EXTENDED,
    Cause.DEACTIVATED,
    Cause.ERASED,
    Cause.RESUMED,
)


class LedgerEntry(models.Model):
    """One line of an event's ledger (docs/ledger-format.md): `text` is JSON, `seal` covers it and all before it.

    The database refuses to change or delete one, and to empty the table.
    """

    event = models.ForeignKey(Event, related_name="ledger", on_delete=models.PROTECT)
    seq = models.PositiveBigIntegerField()
    person = models.CharField(max_length=20, blank=True)
    text = models.TextField()
    seal = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "ledger"
        constraints = [models.UniqueConstraint(fields=["event", "seq"], name="ledger_without_gaps")]
        indexes = [
            models.Index(fields=["event", "person"], condition=~Q(person=""), name="ledger_of_person"),
            models.Index(fields=["event", "seq"], condition=Q(person=""), name="ledger_of_event"),  # about nobody: few
        ]

    def __str__(self) -> str:
        return f"entry {self.seq} of event {self.event_id}"
