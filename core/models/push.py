"""The browsers that people let be told by their makers' push services (RFC 8030), and what they are yet to be told."""

import datetime as dt

from django.db import models
from django.db.models import QuerySet
from django.utils import timezone

from .line import TicketHold
from .people import User


class PushSubscription(models.Model):
    """One browser of one person; what is sent to `endpoint` can be read by that browser alone (RFC 8291)."""

    user = models.ForeignKey(User, related_name="push_subscriptions", on_delete=models.PROTECT)
    endpoint = models.CharField(max_length=1000, unique=True)  # whoever knows it could try to write there
    p256dh = models.CharField(max_length=88)  # the browser's public key, base64url
    auth = models.CharField(max_length=24)  # the secret that it shares with us, base64url
    created_at = models.DateTimeField(default=timezone.now)
    session_key = models.CharField(max_length=40, db_default="", default="", editable=False)  # switched on with

    def __str__(self) -> str:
        return f"browser {self.pk} of {self.user_id}"


class PushMessageQuerySet(QuerySet["PushMessage"]):
    """Messages by what is left to do."""

    def due(self, now: dt.datetime) -> "PushMessageQuerySet":
        """Return those that may be sent, or sent again, oldest first."""
        return self.filter(due_at__lte=now).order_by("due_at", "pk")


class PushMessage(models.Model):
    """That it is somebody's turn, for one of their browsers; gone when it was sent, or makes no sense any more."""

    subscription = models.ForeignKey(PushSubscription, related_name="messages", on_delete=models.CASCADE)
    hold = models.ForeignKey(TicketHold, related_name="push_messages", on_delete=models.CASCADE)
    due_at = models.DateTimeField(default=timezone.now, db_index=True)  # the end of the lease while somebody sends it
    tries = models.PositiveSmallIntegerField(default=0)

    objects = PushMessageQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subscription", "hold"], name="push_message_once")]

    def __str__(self) -> str:
        return f"push message {self.pk}"
