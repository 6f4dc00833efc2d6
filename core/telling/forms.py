"""What may be typed about mails, and what is said when it is not right."""

from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..formats import fill
from ..models import Announcement, Event, Notice, languages
from ..own_words import OwnWords

MAX_SUBJECT, MAX_TEXT = 150, 5000  # characters


class NoticesForm(OwnWords, forms.Form):
    """Which mails that are not essential a person wants."""

    wanted = forms.MultipleChoiceField(
        label=_("Write to me"),
        choices=Notice.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _("There is no such kind of mail. Load the page again.")},
    )
    language = forms.ChoiceField(
        label=_("Language of pages and mails"),
        choices=languages,
        required=False,
        error_messages={"invalid_choice": _("Mails cannot be had in this language. Choose one of the list.")},
    )


class SubjectField(forms.CharField):
    """A subject, on one line."""

    def to_python(self, value: Any) -> str:
        """Return the text with single spaces."""
        return " ".join((super().to_python(value) or "").split())


class MessageForm(OwnWords, forms.Form):
    """A message of an organizer: to whom, and what it says."""

    audience = forms.ChoiceField(
        label=_("To whom"),
        error_messages={
            "required": _("Choose whom it is for."),
            "invalid_choice": _("There is no such group. Choose one of the list."),
        },
    )
    subject = SubjectField(
        label=_("Subject"),
        max_length=MAX_SUBJECT,
        error_messages={"required": _("Type a subject: it is what people see first.")},
    )
    text = forms.CharField(
        label=_("Text"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 10}),
        help_text=_(
            "Plain text. An empty line begins a paragraph, and addresses of pages become links. The event's name, time"
            " and place are added below it."
        ),
        error_messages={"required": _("Type what you have to say.")},
    )

    def __init__(self, data: Any = None, *, event: Event, **options: Any) -> None:
        super().__init__(data, **options)
        cast("forms.ChoiceField", self.fields["audience"]).choices = Announcement.audiences_of(event)


class SendForm(OwnWords, forms.Form):
    """That a message is really to be sent: it cannot be called back."""

    confirm = forms.BooleanField(
        error_messages={"required": _("Tick the box to confirm: what is sent cannot be called back.")}
    )

    seen = forms.CharField(required=False, widget=forms.HiddenInput)  # the draft's mark, when the page was made

    def __init__(self, data: Any = None, *, people: int = 0, seen: str = "") -> None:
        super().__init__(data, auto_id="send_%s", initial={"seen": seen})
        yes = ngettext("Yes, send it to one person", "Yes, send it to %(count)d people", people)
        self.fields["confirm"].label = fill(yes, count=people)
