"""The form of an event as staff write it: what may be typed, and what is said when it is not right."""

import copy
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .. import changes, numbers, pictures
from ..models import Event
from ..models.events import time_zones
from ..now import now
from ..own_words import OwnWords
from ..readiness import NO_DRAW, missing, with_values

WHOLE = 100  # percent
NO_GROUP = _("There is no group of this name yet, so nobody is in it: an administrator adds it under Groups.")
IN_TURN = (
    ("starts_at", "ends_at", _("The event must end after it starts.")),
    ("sales_open_at", "sales_close_at", _("Sales must close after they open.")),
)
NO_ROOM = _(
    "The server has no room for this picture, so nothing was saved. Save without it, and tell whoever runs the site."
)
NO_HOLD_LENGTH = _("Type a number of minutes: more than 0, less than 10,000, at most three digits behind the point.")
OVERTAKEN = _("This was changed since you opened the page. Save again to put yours in its place.")
OVERTAKEN_BY = _("This was changed since you opened the page, to “%(now)s”. Save again to put yours in its place.")
DECIDE_A_DRAW = {"line_policy", "sales_open_at", "status"}


def share_fields() -> dict[str, str]:
    """Return `{name of the field: group}` for each group that an event may serve first, lowest tier first."""
    return {f"share_{tier}": name for tier, name in enumerate(settings.TIERS, start=1)}


class EventForm(OwnWords, forms.ModelForm):  # type: ignore[type-arg]  # -- not subscriptable at run time
    """An event as staff write it. Numbers are checked again, under the lock, when it is saved.

    A form that has the policy of the line also has a field for each group's share, which together are `tier_shares`.
    """

    class Meta:
        model = Event
        fields: tuple[str, ...] = (
            "name", "description", "venue", "starts_at", "ends_at", "time_zone", "capacity", "image", "created_by",
            "status", "sales_open_at", "sales_close_at", "auto_hold", "hold_minutes", "line_policy",
        )  # fmt: skip
        field_classes: dict[str, type[forms.Field]] = {"image": pictures.PictureField}
        error_messages = {
            "hold_minutes": dict.fromkeys(
                ("invalid", "max_digits", "max_decimal_places", "max_whole_digits"), NO_HOLD_LENGTH
            )
        }
        labels = {
            "name": _("Name"), "description": _("Description"), "venue": _("Venue"), "starts_at": _("Starts at"),
            "ends_at": _("Ends at"), "time_zone": _("Time zone"), "capacity": _("Capacity"), "image": _("Image"),
            "created_by": _("Created by"), "status": _("Status"), "sales_open_at": _("Sales open at"),
            "sales_close_at": _("Sales close at"), "auto_hold": _("Auto hold"), "hold_minutes": _("Hold minutes"),
            "line_policy": _("Line policy"),
        }  # fmt: skip
        help_texts = {
            "line_policy": _("A draw is made when the sale opens, so it needs a moment for that; fixed from then on.")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored: Event = copy.copy(self.instance)  # which the form itself will fill in with what was typed
        self.shares = share_fields() if "line_policy" in self.fields else {}
        shares: dict[str, int] = self.stored.tier_shares
        self._stored = {group: shares[group] for group in self.shares.values() if shares.get(group)}
        self._add_shares()
        for name, field in self.fields.items():
            # What changed is told by what the form showed, not by what a colleague has saved since.
            field.show_hidden_initial = self.instance.pk is not None and name != "image"
        self._keep_what_was_shown()

    def _keep_what_was_shown(self) -> None:
        """Keep the moments that the form showed at first when it is shown again, with errors.

        Django looks for them by the name of a single input, a moment has two. It would put what was typed in their
        place, and then the next answer of the form would change nothing about them.
        """
        shown = [self.add_initial_prefix(name) for name in self.fields]
        data: Any = self.data.copy()  # type: ignore[attr-defined]  # -- of a request: its own kind of dictionary
        data.update({name: "" for name in shown if f"{name}_0" in data})
        self.data = data

    def _add_shares(self) -> None:
        groups = set(Group.objects.filter(name__in=self.shares.values()).values_list("name", flat=True))
        places = {tier["name"]: tier["places"] for tier in self.instance.tiers} if self.shares else {}
        for name, group in self.shares.items():
            missing = "" if group in groups else NO_GROUP
            saved = gettext("As saved, in places: %(places)d of %(capacity)d.")
            words = {"places": places.get(group, 0), "capacity": self.instance.capacity}
            told = saved % words if group in places else gettext("Empty: not served first.")
            self.fields[name] = forms.IntegerField(
                label=gettext("%(group)s: %% of the capacity served first") % {"group": group},
                help_text=format_html("<span>{}</span> {}", told, missing),
                min_value=0,
                max_value=100,
                required=False,
                widget=forms.NumberInput(attrs={"data-share-of": "id_capacity"}),
            )
            self.initial.setdefault(name, self._stored.get(group))

    def changed_values(self) -> dict[str, Any]:
        """Return what was changed, for `steering.revise_event`."""
        changed = {name: self.cleaned_data[name] for name in self.changed_data if name in self.cleaned_data}
        if changed.get("image") is False:  # what a file field says when its box "clear" is ticked
            changed["image"] = ""
        values = {name: value for name, value in changed.items() if name not in self.shares}
        shares = self._typed_shares()
        return values if shares == self._stored else {**values, "tier_shares": shares}

    def _typed_shares(self) -> dict[str, int]:
        """Return the shares as they will be: a field that was left as it was shown keeps what is stored."""
        typed = {self.shares[name]: self.cleaned_data.get(name) for name in self.shares.keys() & set(self.changed_data)}
        return {group: percent for group, percent in (self._stored | typed).items() if percent}

    def clean(self) -> dict[str, Any] | None:
        """Refuse shares of more than the whole, and a draw without an opening to come."""
        cleaned = super().clean()
        self._refuse_overtaken()
        shares = self._typed_shares()
        percent = sum(shares.values())
        if percent > WHOLE:
            too_much = gettext("Together, %(percent)d%% of the capacity would be served first: more than all of it.")
            self.add_error(None, too_much % {"percent": percent})
        self._refuse_missed_draw()
        self._refuse_senseless_times()
        self._refuse_unready()
        if self.shares:
            self.instance.tier_shares = shares
        return cleaned

    def _refuse_overtaken(self) -> None:
        """Refuse to replace unseen what was saved since the page was made; sent once more, it is meant."""
        typed = {*self.changed_data, *self.decided_with(self.changed_data)} - self.errors.keys()
        for name in [name for name in self.fields if name in typed]:
            field, bound = self.fields[name], self[name]
            hidden = field.hidden_widget()
            if not field.show_hidden_initial or hidden.value_omitted_from_data(
                self.data, self.files, bound.html_initial_name
            ):
                continue
            stored = _sent(hidden, bound)
            is_overtaken = any(_plain(self.data.get(part)) != _plain(value) for part, value in stored.items())
            if is_overtaken and field.has_changed(bound.initial, bound.data):
                self.add_error(name, self._overtaken(name))
                for part, value in stored.items():
                    self.data[part] = value  # type: ignore[index]  # -- a copy of what was sent

    def decided_with(self, changed: list[str]) -> set[str]:
        """Return the fields that decide what those mean which were changed."""
        return set()

    def _overtaken(self, name: str) -> str:
        share = self._stored.get(self.shares.get(name, ""))
        told = f"{share}%" if share else "" if name in self.shares else changes.is_now(self.stored, name)
        return OVERTAKEN_BY % {"now": told} if told else str(OVERTAKEN)

    def _refuse_missed_draw(self) -> None:
        """Refuse to announce a draw that no opening would carry out; an event that has opened is left alone."""
        values = {"line_policy": self.instance.line_policy, **self.cleaned_data}
        is_announced = DECIDE_A_DRAW & set(self.changed_data)
        has_opened = self.instance.opened_at and not self.instance.is_to_open
        if not is_announced or values["line_policy"] != Event.LinePolicy.RANDOMISED_OPEN or has_opened:
            return
        if values.get("status") == Event.Status.CANCELLED or "sales_open_at" not in values:
            return
        if values["sales_open_at"] is None or values["sales_open_at"] <= now():
            self.add_error("sales_open_at", NO_DRAW)

    def _refuse_senseless_times(self) -> None:
        """Refuse an end before the beginning, and to move into the past what is yet to come."""
        for first, last, sentence in IN_TURN:
            began, ended = (self.cleaned_data.get(name, getattr(self.instance, name)) for name in (first, last))
            if began and ended and ended <= began and last in self.cleaned_data:
                self.add_error(last, sentence)
        starts_at, moment = self.cleaned_data.get("starts_at"), now()
        is_over = self.instance.pk is not None and self.instance.is_over(moment)
        if starts_at and starts_at <= moment and not is_over and "starts_at" in self.changed_data:
            self.add_error("starts_at", _("This moment has passed: an event must start in the future."))

    def _refuse_unready(self) -> None:
        """Refuse to publish what nobody has seen yet, and lacks something, as `steering.publish_event` does."""
        is_published = self.cleaned_data.get("status") == Event.Status.PUBLISHED
        is_unseen = self.instance.pk is None or self.instance.status == Event.Status.DRAFT
        # What is said names moments where the event is; a zone that is none is refused by the model, a step later.
        is_somewhere = self.cleaned_data.get("time_zone", "") in {"", *time_zones()}
        if is_published and is_unseen and is_somewhere and not self.errors:
            for sentence in missing(with_values(self.instance, self.cleaned_data), now()):
                self.add_error(None, sentence)

    def clean_image(self) -> Any:
        """Store a new picture as we have read it."""
        image = self.cleaned_data["image"]
        return pictures.cleaned(image) if isinstance(image, UploadedFile) else image

    def clean_hold_minutes(self) -> Decimal | None:
        """Refuse a hold that would be over at once."""
        minutes: Decimal | None = self.cleaned_data["hold_minutes"]
        if minutes is not None and minutes <= 0:
            raise ValidationError(NO_HOLD_LENGTH)
        return minutes

    def clean_capacity(self) -> int:
        """Refuse a capacity below what is booked and held, and say the least possible number."""
        capacity: int = self.cleaned_data["capacity"]
        if self.instance.pk is None:  # of what is new nothing is taken
            return capacity
        moment = now()
        event = numbers.with_line(Event.objects.all(), moment).filter(pk=self.instance.pk).first()
        taken = event.capacity - numbers.stats(event, moment)["available"] if event else 0
        if capacity < taken:
            too_low = gettext("Booked or held: %(taken)d. The capacity must be at least %(taken)d.")
            raise ValidationError(too_low % {"taken": taken})
        return capacity


def _sent(hidden: forms.Widget, bound: forms.BoundField) -> dict[str, str]:
    """Return what the hidden inputs of a field would say of the value that is stored now, by their names."""
    widget = hidden.get_context(bound.html_initial_name, bound.initial, {})["widget"]
    return {part["name"]: part["value"] or "" for part in widget.get("subwidgets", [widget])}


def _plain(text: str | None) -> str:
    """Return a text without what browsers and Django's fields do to it: ends of lines, and spaces around it."""
    return "\n".join((text or "").splitlines()).strip()
