"""The audit trail: who did what to what, when and from where. Written once; nobody changes it."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .events import Event
from .people import User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

LONGEST_DETAIL = 500  # characters
_OUTLIVED: Any = {"null": True, "on_delete": models.DO_NOTHING, "db_constraint": False}


class AuditEntry(models.Model):
    """One thing that somebody with rights over others did, or a person to their own account.

    The database refuses to delete an entry, or all, and to change one but for its address, which may be blanked: it is
    personal, and forgotten after RETENTION_DAYS or with the account.

    People and events are kept by number, and told by the names that they have now: an event that was renamed is found
    by whoever knows it today, and an account that was erased has no name left. What it was called before is told by
    the entry of the renaming. Whatever was typed, a reason, a subject, what a field was and became, is told as it was
    then.
    """

    class Action(models.TextChoices):
        """What was done. What the line and the gate do has records of its own: the ledger, and scans."""

        ADMIN = "admin", _("changed in the administration")
        ATTENDEES_SEEN = "attendees_seen", _("looked at the list of attendees")
        # In entries of before; now EXPORTED.
        ATTENDEES_EXPORTED = "attendees_exported", _("downloaded the list of attendees")
        EXPORTED = "exported", _("downloaded a list")
        EVENTS_IMPORTED = "events_imported", _("imported events")
        TICKET_SEEN = "ticket_seen", _("looked at somebody's ticket")
        TICKET_CANCELLED = "ticket_cancelled", _("cancelled a ticket")
        TICKET_OFFERED = "ticket_offered", _("offered a ticket to somebody else")
        TICKET_WITHDRAWN = "ticket_withdrawn", _("withdrew an offer")
        TICKET_DECLINED = "ticket_declined", _("declined a ticket")
        TICKET_ACCEPTED = "ticket_accepted", _("accepted a ticket")
        TICKET_REISSUED = "ticket_reissued", _("made a new code of a ticket")
        GATE_STAFF_ADDED = "gate_staff_added", _("put somebody on the list of gate staff")
        GATE_STAFF_REMOVED = "gate_staff_removed", _("took somebody off the list of gate staff")
        GATE_SEEN = "gate_seen", _("looked at the report of the gate")
        PEOPLE_SOUGHT = "people_sought", _("looked people up at the gate")
        RECORDS_SEEN = "records_seen", _("looked at records in the administration")
        EVENT_CREATED = "event_created", _("made the event")
        EVENT_CHANGED = "event_changed", _("changed the event")
        EVENT_PUBLISHED = "event_published", _("published the event")
        EVENT_CANCELLED = "event_cancelled", _("cancelled the event")
        EVENT_DELETED = "event_deleted", _("deleted the draft of an event")
        SERVING_CHANGED = "serving_changed", _("interfered with the line")
        SCAN_UNDONE = "scan_undone", _("took back a scan")
        LOGIN_FAILED = "login_failed", _("failed to log in")
        FACTOR_FAILED = "factor_failed", _("failed to show the second factor")
        LOGIN_LIMITED = "login_limited", _("was not let in: too many logins had failed")
        MESSAGE_SENT = "message_sent", _("sent a message to attendees")
        MESSAGE_STOPPED = "message_stopped", _("stopped a message to attendees")
        SIGNED_OUT = "signed_out", _("signed out")
        PASSWORD_CHANGED = "password_changed", _("changed the password")
        PASSWORD_RESET = "password_reset", _("set a new password by a link")
        EMAIL_CHANGED = "email_changed", _("changed the e-mail address")
        EMAIL_ADDED = "email_added", _("added an e-mail address")
        EMAIL_REMOVED = "email_removed", _("removed an e-mail address")
        FACTOR_ADDED = "factor_added", _("added a second factor")
        FACTOR_REMOVED = "factor_removed", _("removed a second factor")
        FACTOR_RENEWED = "factor_renewed", _("made new recovery codes")
        RECOVERY_USED = "recovery_used", _("used a recovery code")
        ACCOUNT_CONNECTED = "account_connected", _("connected an account elsewhere")
        ACCOUNT_DISCONNECTED = "account_disconnected", _("disconnected an account elsewhere")
        DATA_DOWNLOADED = "data_downloaded", _("downloaded what is stored about them")
        ACCOUNT_ERASED = "account_erased", _("erased an account")

    at = models.DateTimeField(default=timezone.now)
    action = models.CharField(max_length=20, choices=Action.choices)
    # By number, whatever becomes of them: an event that nobody has anything of can be deleted, and the trail stays.
    actor = models.ForeignKey(User, related_name="deeds", **_OUTLIVED)  # None: no person
    person = models.ForeignKey(User, related_name="audited", **_OUTLIVED)  # whom it concerns
    event = models.ForeignKey(Event, related_name="audited", **_OUTLIVED)
    subject = models.CharField(max_length=100, blank=True)  # what it was done to, as `ticket 7`
    detail = models.CharField(max_length=LONGEST_DETAIL, blank=True)  # in English
    changes = models.JSONField(null=True)  # of an event, as `changes.between` has them; None also in older entries
    address = models.CharField(max_length=45, blank=True)  # from where; blank: from the server itself, or forgotten

    class Meta:
        verbose_name_plural = "audit trail"
        indexes = [
            models.Index(fields=["actor", "-id"], name="audit_of_actor"),
            models.Index(fields=["person", "-id"], condition=Q(person__isnull=False), name="audit_of_person"),
            models.Index(fields=["event", "-id"], condition=Q(event__isnull=False), name="audit_of_event"),
            models.Index(fields=["at"], condition=~Q(address=""), name="audit_with_address"),
        ]

    def __str__(self) -> str:
        return f"{self.deed} {self.subject}".strip()

    @property
    def is_attempt(self) -> bool:
        """Return whether it is a login that failed: whose it was, nobody knows."""
        return self.action in FAILED_LOGINS

    @property
    def deed(self) -> "StrOrPromise":
        """What was done, in words; what exactly, where the detail begins with it."""
        return self._begun[1]

    @property
    def remark(self) -> str:
        """What the detail adds to that."""
        return self.detail.removeprefix(self._begun[0])

    @property
    def _begun(self) -> "tuple[str, StrOrPromise]":
        begins = BEGINNINGS.get(self.action, {})
        begun = (begin for begin in begins if self.detail.startswith(begin))
        return next(((begin, begins[begin]) for begin in begun), ("", self.get_action_display()))

    @property
    def number(self) -> str:
        """The number alone of what it was done to, where the deed says what that is: a ticket, a scan, a message."""
        kind, _space, number = self.subject.partition(" ")
        return number if self.action.startswith(f"{kind}_") else ""


FAILED_LOGINS = (AuditEntry.Action.LOGIN_FAILED, AuditEntry.Action.FACTOR_FAILED, AuditEntry.Action.LOGIN_LIMITED)
# By action, what a detail in English may begin with, as `acts.py` and Django note it, and the deed that this is.
BEGINNINGS: "dict[str, dict[str, StrOrPromise]]" = {
    AuditEntry.Action.SERVING_CHANGED: {
        "Serving paused: ": _("paused serving"),
        "Serving resumed: ": _("resumed serving"),
        "Extended ": _("extended all holds"),
    },
    AuditEntry.Action.ADMIN: {
        "added": _("added in the administration"),
        "deleted": _("deleted in the administration"),
        "Changed ": _("changed in the administration"),
    },
}
