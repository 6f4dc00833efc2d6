"""Forms: what may be typed, and what is said when it is not right."""

import re
from typing import Any

from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError

from . import position
from .models import Event
from .now import now

MAX_TYPED_CODE = 1000  # characters; no code is as long, however it is spaced


def no_at_sign(name: str) -> None:
    """Raise ValidationError for a user name with an @: it could be mistaken for somebody's e-mail address at login."""
    if "@" in name:
        raise ValidationError("A user name cannot contain an @. You can log in with your e-mail address as well.")


username_validators = [UnicodeUsernameValidator(), no_at_sign]


class CodeField(forms.CharField):
    """Whatever a scanner sends or a hand types: what cannot be a code is an unknown one, and no bad form."""

    def to_python(self, value: Any) -> str:
        """Return the text without what a database cannot store, cut to a length that cannot matter."""
        return (super().to_python(value) or "").replace("\0", "?")[:MAX_TYPED_CODE]


class ScanForm(forms.Form):
    """One scan at a gate."""

    event = forms.IntegerField(min_value=1, max_value=2**63 - 1, error_messages={"invalid": "Pick an event."})
    code = CodeField(error_messages={"required": "Scan or type a code first."})
    gate = forms.CharField(max_length=60, required=False)
    nonce = forms.CharField(max_length=64, required=False)

    def problem(self) -> str:
        """Return the first error in words."""
        return next((str(errors[0]) for errors in self.errors.values()), "")


class MonthForm(forms.Form):
    """A month of the calendar, as `YYYY-MM`."""

    month = forms.RegexField(re.compile(r"^(19|20|21)\d\d-(0[1-9]|1[0-2])$", re.ASCII), required=False)


class EventForm(forms.ModelForm):  # type: ignore[type-arg]  # -- not subscriptable at run time
    """An event as staff write it. Numbers are checked again, under the lock, when it is saved."""

    class Meta:
        model = Event
        # Without `line_policy`: the draw is not built yet, and a promise of it would be empty.
        fields = (
            "name", "description", "venue", "starts_at", "ends_at", "time_zone", "capacity", "image", "created_by",
            "status", "sales_open_at", "sales_close_at", "auto_hold", "hold_minutes",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            # What changed is told by what the form showed, not by what a colleague has saved since.
            field.show_hidden_initial = self.instance.pk is not None and name != "image"

    def changed_values(self) -> dict[str, Any]:
        """Return what was changed, for `steering.revise_event`."""
        changed = {name: self.cleaned_data[name] for name in self.changed_data if name in self.cleaned_data}
        if changed.get("image") is False:  # what a file field says when its box "clear" is ticked
            changed["image"] = ""
        return changed

    def clean_capacity(self) -> int:
        """Refuse a capacity below what is booked and held, and say the least possible number."""
        capacity: int = self.cleaned_data["capacity"]
        moment = now()
        event = position.with_line(Event.objects.all(), moment).filter(pk=self.instance.pk).first()
        taken = event.capacity - position.stats(event, moment)["available"] if event else 0
        if capacity < taken:
            raise ValidationError(f"{taken} places are booked or held: the capacity must be at least {taken}.")
        return capacity
