"""Offers of tickets to other people, by e-mail."""

import datetime as dt
import secrets

from django.db import models
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .events import Event
from .people import User
from .tickets import Ticket

MAX_EMAIL = 254  # characters (RFC 5321)


def new_token() -> str:
    """Return what makes the address of an offer: 192 random bits. It opens nothing to whoever is not the recipient."""
    return secrets.token_urlsafe(24)


class TicketTransferQuerySet(QuerySet["TicketTransfer"]):
    """Offers by state. Time decides: an offer is over when the event starts, whether or not anything ended it."""

    def unended(self) -> "TicketTransferQuerySet":
        """Offers that nobody has accepted or ended."""
        return self.filter(accepted_at=None, ended_at=None)

    def open(self, now: dt.datetime) -> "TicketTransferQuerySet":
        """Offers that can be accepted: of a valid, unused ticket for a published event that has not started."""
        return self.unended().filter(
            ticket__cancelled_at=None,
            ticket__checked_in_at=None,
            ticket__event__status=Event.Status.PUBLISHED,
            ticket__event__starts_at__gt=now,
        )


class TicketTransfer(models.Model):
    """One ticket offered to whoever has an e-mail address; accepted once, or ended."""

    class End(models.TextChoices):
        WITHDRAWN = "withdrawn", _("Withdrawn")
        DECLINED = "declined", _("Declined")
        REPLACED = "replaced", _("Replaced")  # by an offer to somebody else
        # The ticket was cancelled, used or given a new code, the event is over, an account was erased.
        VOID = "void", _("Void")

    ticket = models.ForeignKey(Ticket, related_name="transfers", on_delete=models.PROTECT)
    # In small letters; blank once it is not needed any more.
    email = models.EmailField(max_length=MAX_EMAIL, blank=True)
    token = models.CharField(max_length=43, unique=True, default=new_token, editable=False)
    reason = models.CharField(max_length=200, blank=True, db_default="", default="", editable=False)  # staff's
    offered_by = models.ForeignKey(User, related_name="offers", on_delete=models.PROTECT)
    offered_at = models.DateTimeField(default=timezone.now)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        User, null=True, blank=True, related_name="accepted_offers", on_delete=models.PROTECT
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    end = models.CharField(max_length=9, choices=End.choices, blank=True)
    # When the mail that its state asks for was stored: the offer, then its outcome. None: it is due.
    mailed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = TicketTransferQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["ticket"], condition=Q(accepted_at=None, ended_at=None), name="transfer_one_open_per_ticket"
            ),
            models.CheckConstraint(condition=Q(accepted_at=None) | Q(ended_at=None), name="transfer_accepted_or_ended"),
            models.CheckConstraint(
                condition=Q(accepted_at=None, accepted_by=None)
                | Q(accepted_at__isnull=False, accepted_by__isnull=False),
                name="transfer_accepted_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, end="") | Q(ended_at__isnull=False) & ~Q(end=""),
                name="transfer_ended_somehow",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(mailed_at=None), name="transfer_to_mail"),
            models.Index(fields=["email"], condition=Q(accepted_at=None, ended_at=None), name="transfer_to_person"),
        ]

    def __str__(self) -> str:
        return f"offer {self.pk} of ticket {self.ticket_id}"

    @property
    def page_url(self) -> str:
        """The address of its page, for the person it was made to."""
        return reverse("transfer_detail", args=[self.token])

    @property
    def status(self) -> str:
        """`accepted`, how it ended, or `open`, which time may have overtaken: ask `is_open`."""
        return "accepted" if self.accepted_at else self.end or "open"

    def is_open(self, now: dt.datetime) -> bool:
        """Whether it can be accepted, as `TicketTransferQuerySet.open` has it."""
        ticket = self.ticket
        is_takeable = ticket.status == "valid" and ticket.event.status == Event.Status.PUBLISHED
        return self.status == "open" and is_takeable and not ticket.event.is_over(now)
