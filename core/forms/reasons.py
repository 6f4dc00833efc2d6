"""Why staff do something that concerns others: a reason, and who reads it."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ..own_words import OwnWords

MAX_REASON = 200  # characters; `Event.pause_reason` has room for as many


class ReasonField(forms.CharField):
    """Why staff interfere with a line, on one line: everybody can read it in the event's ledger."""

    is_marked = True  # as required, in the way that others are as optional: many would leave it out

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Reason"))
        kwargs.setdefault("help_text", _("Everybody can read it in the event's ledger, so do not name people."))
        kwargs.setdefault("error_messages", {"required": _("Give a reason: it is entered in the event's ledger.")})
        super().__init__(max_length=MAX_REASON, **kwargs)

    def to_python(self, value: Any) -> str:
        """Return the text with single spaces."""
        return " ".join((super().to_python(value) or "").split())


class ReasonForm(OwnWords, forms.Form):
    """A reason, and nothing else."""

    required_css_class = "required"

    reason = ReasonField()


class TrailReasonForm(ReasonForm):
    """A reason for what is in no ledger: administrators read it in the audit trail, and whom it concerns."""

    reason = ReasonField(
        help_text=_("It is kept in the audit trail, which whoever it concerns can read, so do not name others."),
        error_messages={"required": _("Give a reason: it is kept in the audit trail.")},
    )


class CancelTicketForm(ReasonForm):
    """Why staff cancel somebody's ticket: it stands in the mail about it as well."""

    reason = ReasonField(
        help_text=_(
            "Whose ticket it is reads it in the mail about it, and everybody can in the event's ledger, so do not"
            " name people."
        )
    )
