"""What many people of an event are told by mail, whom it was sent to, and what people do not want to be sent."""

import datetime as dt
from typing import Any

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from .events import Event
from .people import User


class Notice(models.TextChoices):
    """Mails that are not essential, which people may do without."""

    TURN = "turn", _("It is your turn: a ticket is held for you from the line")
    LAPSE = "lapse", _("Your hold is about to lapse")
    REMINDER = "reminder", _("A reminder on the day before an event")
    MESSAGE = "message", _("Messages of organizers about their events")


class MutedNotice(models.Model):
    """One kind of mail that one person does not want."""

    user = models.ForeignKey(User, related_name="muted_notices", on_delete=models.PROTECT)
    notice = models.CharField(max_length=8, choices=Notice.choices)
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "notice"], name="notice_muted_once")]

    def __str__(self) -> str:
        return f"{self.user_id} without {self.notice}"


class AnnouncementQuerySet(QuerySet["Announcement"]):
    """Announcements by what is left to do."""

    def to_store(self, now: dt.datetime) -> "AnnouncementQuerySet":
        """Return those of which mails are yet to be stored, oldest first; no drafts."""
        return self.filter(finished_at=None, begin_at__lte=now).order_by("begin_at", "pk")


class Announcement(models.Model):
    """One thing that many people of an event are told. Its mails are stored batch by batch, in the order of user ids.

    `reached` is the last person whose mail is stored: whatever is killed goes on from there.
    """

    class Kind(models.TextChoices):
        CHANGED = "changed", _("the event has changed")
        CANCELLED = "cancelled", _("the event is cancelled")
        REMINDER = "reminder", _("reminder")
        MESSAGE = "message", _("message of the organizer")

    class Audience(models.TextChoices):
        HOLDERS = "holders", _("Everybody with a valid ticket")
        ADMITTED = "admitted", _("Those who are in: admitted at the gate")
        NOT_ADMITTED = "not_admitted", _("Those with a ticket who are not in yet")
        WAITING = "waiting", _("Those who wait in line")

    # The same when the event is cancelled: nobody has a valid ticket or waits any more.
    AFTERWARDS = (
        (Audience.HOLDERS, _("Everybody whose ticket was cancelled with the event")),
        (Audience.ADMITTED, _("Those of them who were in")),
        (Audience.NOT_ADMITTED, _("Those of them who were not in")),
        (Audience.WAITING, _("Those whose hold or place in line ended with the event")),
    )

    event = models.ForeignKey(Event, related_name="announcements", on_delete=models.PROTECT)
    kind = models.CharField(max_length=9, choices=Kind.choices)
    audience = models.CharField(max_length=12, choices=Audience.choices, default=Audience.HOLDERS)
    subject = models.CharField(max_length=150, blank=True)
    text = models.TextField(max_length=5000, blank=True)  # of a message; of a cancellation, what else is told
    facts = models.JSONField(default=dict, blank=True)  # of a change: what was, by name of the field
    starts_at = models.DateTimeField(null=True)  # of a reminder: the start that it reminds of; None in older ones
    written_by = models.ForeignKey(User, null=True, related_name="announcements", on_delete=models.PROTECT)
    created_at = models.DateTimeField(default=timezone.now)
    begin_at = models.DateTimeField(null=True)  # None: a draft
    people = models.PositiveIntegerField(default=0)  # how many it was for when somebody said that it be sent
    reached = models.PositiveBigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)  # since when no more mails are stored
    stopped_at = models.DateTimeField(null=True)

    objects = AnnouncementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event", "starts_at"], condition=Q(kind="reminder"), name="announcement_reminds_once_a_start"
            ),
            models.CheckConstraint(
                condition=Q(stopped_at=None) | Q(finished_at__isnull=False), name="announcement_stopped_is_finished"
            ),
        ]
        indexes = [
            models.Index(
                fields=["begin_at"],
                condition=Q(finished_at=None, begin_at__isnull=False),
                name="announcement_to_store",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk} of event {self.event_id}"

    @property
    def audience_in_words(self) -> str:
        """Whom a message is for, as its event is now."""
        return dict(self.audiences_of(self.event))[self.audience]

    @property
    def mark(self) -> str:
        """What tells one state of a draft from another."""
        return salted_hmac("core.announcement", f"{self.audience}\0{self.subject}\0{self.text}").hexdigest()[:16]

    @classmethod
    def audiences_of(cls, event: Event) -> list[tuple[str, str]]:
        """Return who can be written to about an event, in words."""
        told = cls.AFTERWARDS if event.status == Event.Status.CANCELLED else cls.Audience.choices
        return [(str(audience), str(words)) for audience, words in told]


class AnnouncementMail(models.Model):
    """One person's mail of an announcement; without a mail: it was forgotten after RETENTION_DAYS."""

    announcement = models.ForeignKey(Announcement, related_name="mails", on_delete=models.PROTECT)
    user = models.ForeignKey(User, related_name="announcement_mails", on_delete=models.PROTECT)
    mail: Any = models.ForeignKey("post_office.Email", null=True, related_name="+", on_delete=models.SET_NULL)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["announcement", "user"], name="announcement_told_once")]

    def __str__(self) -> str:
        return f"announcement {self.announcement_id} to {self.user_id}"
