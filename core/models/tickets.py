"""Tickets, and every attempt to enter with one."""

import datetime as dt

from django.db import models
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .events import Event
from .line import TicketHold
from .people import User


class TicketQuerySet(QuerySet["Ticket"]):
    """Tickets by validity."""

    def valid(self) -> "TicketQuerySet":
        """Tickets that were not cancelled."""
        return self.filter(cancelled_at=None)


class ScanQuerySet(QuerySet["Scan"]):
    """Scans by what they came to."""

    def standing(self) -> "ScanQuerySet":
        """Scans by which somebody is in: the gate showed green, and nobody took it back."""
        return self.filter(let_in=True, undone_at=None)

    def admitting(self) -> "ScanQuerySet":
        """Of these the one of each ticket that counts, the first."""
        return self.standing().filter(outcome=Scan.Outcome.ADMITTED)

    def conflicts(self) -> "ScanQuerySet":
        """The others: somebody is in by them, and should not be."""
        return self.standing().exclude(outcome=Scan.Outcome.ADMITTED)


class Ticket(models.Model):
    """The right of one person to enter one event."""

    event = models.ForeignKey(Event, related_name="tickets", on_delete=models.PROTECT)
    user = models.ForeignKey(User, related_name="tickets", on_delete=models.PROTECT)
    hold = models.OneToOneField(TicketHold, null=True, blank=True, on_delete=models.SET_NULL, related_name="ticket")
    tier = models.PositiveSmallIntegerField(default=0)
    code = models.CharField(max_length=90, unique=True)
    booked_at = models.DateTimeField(default=timezone.now)
    mailed_at = models.DateTimeField(null=True, blank=True, editable=False)  # when its confirmation was stored
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancel_reason = models.CharField(max_length=200, blank=True, db_default="", default="", editable=False)  # staff's
    # Whether its person is yet to be told by mail that staff cancelled it.
    is_cancel_mail_due = models.BooleanField(default=False, db_default=False, editable=False)
    checked_in_at = models.DateTimeField(null=True, blank=True)
    checked_in_by = models.ForeignKey(
        User, null=True, blank=True, related_name="admitted_tickets", on_delete=models.PROTECT
    )
    # The ticket whose right this one took over, of the same person (a new code) or of another.
    replaces = models.OneToOneField(
        "self", null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="replaced_by"
    )

    is_given: bool  # annotated by `position.places_of`: somebody else has it now

    objects = TicketQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event", "user"], condition=Q(cancelled_at=None), name="ticket_one_valid_per_person"
            ),
            models.CheckConstraint(
                condition=Q(cancelled_at=None) | Q(checked_in_at=None), name="ticket_admitted_or_cancelled"
            ),
        ]
        indexes = [
            models.Index(fields=["event", "tier"], condition=Q(cancelled_at=None, tier__gt=0), name="ticket_of_tier"),
            models.Index(fields=["id"], condition=Q(cancelled_at=None, mailed_at=None), name="ticket_to_mail"),
            models.Index(fields=["id"], condition=Q(is_cancel_mail_due=True), name="ticket_cancel_to_mail"),
            models.Index(fields=["event"], condition=Q(checked_in_at__isnull=False), name="ticket_admitted"),
            models.Index(fields=["event", "booked_at"], name="ticket_booked"),
        ]

    def __str__(self) -> str:
        return f"ticket {self.pk} of event {self.event_id}"

    @property
    def page_url(self) -> str:
        """The address of the ticket's page; whoever knows it may still not open it (rule 23).

        Not `get_absolute_url`: Django's admin redirects any staff to that, at `/admin/r/`, and it contains the code.
        """
        return reverse("ticket_detail", args=[self.code])

    @property
    def status(self) -> str:
        """`cancelled` (the ticket or its event, whoever was let in before), `admitted`, or `valid`."""
        return status_of_ticket(self.checked_in_at, self.cancelled_at, self.event.status)


def status_of_ticket(checked_in_at: dt.datetime | None, cancelled_at: dt.datetime | None, event_status: str) -> str:
    """Return `Ticket.status` of a row of which no model is made."""
    if cancelled_at or event_status == Event.Status.CANCELLED:
        return "cancelled"
    return "admitted" if checked_in_at else "valid"


class Scan(models.Model):
    """One attempt at a gate, good or bad. The code itself is not kept: an unknown one may be somebody's secret.

    `scanned_at` is when it was, by the server's clock; for a scan without a network the device's moment, corrected.
    `recorded_at` is when the server heard of it. `let_in` says that the gate showed green; where the outcome is another
    one, two devices without a network let in two people, and the organizer is told.
    """

    class Outcome(models.TextChoices):
        ADMITTED = "admitted", _("Admitted")
        ALREADY_CHECKED_IN = "already_checked_in", _("Already Checked In")
        WRONG_EVENT = "wrong_event", _("Wrong Event")
        CANCELLED = "cancelled", pgettext_lazy("ticket", "Cancelled")
        UNKNOWN_CODE = "unknown_code", _("Unknown Code")
        OWN_TICKET = "own_ticket", _("Own Ticket")

    event = models.ForeignKey(Event, related_name="scans", on_delete=models.PROTECT)
    ticket = models.ForeignKey(Ticket, null=True, blank=True, related_name="scans", on_delete=models.PROTECT)
    staff = models.ForeignKey(User, related_name="scans", on_delete=models.PROTECT)
    gate = models.CharField(max_length=60, blank=True)
    nonce = models.CharField(max_length=64, blank=True)
    outcome = models.CharField(max_length=18, choices=Outcome.choices)
    let_in = models.BooleanField(default=False, db_default=False)
    by_name = models.BooleanField(default=False, db_default=False)  # found by look-up: nobody showed a code
    is_offline = models.BooleanField(default=False, db_default=False)
    scanned_at = models.DateTimeField(default=timezone.now)
    recorded_at = models.DateTimeField(default=timezone.now)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(User, null=True, blank=True, related_name="undone_scans", on_delete=models.PROTECT)
    undo_reason = models.CharField(max_length=200, blank=True, db_default="", default="")

    first: "Scan | None"  # of a conflict, the scan of the same ticket that counts: set by `checkin.figures.conflicts`

    objects = ScanQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["staff", "nonce"], condition=~Q(nonce=""), name="scan_once_per_nonce"),
            models.UniqueConstraint(
                fields=["ticket"], condition=Q(outcome="admitted", undone_at=None), name="scan_admits_once"
            ),
            models.CheckConstraint(condition=~Q(outcome="admitted") | Q(let_in=True), name="scan_admitted_is_let_in"),
        ]
        indexes = [
            models.Index(fields=["event", "recorded_at"], name="scan_of_event"),
            models.Index(fields=["staff", "event", "recorded_at"], name="scan_of_staff"),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.gate or 'the gate'}"
