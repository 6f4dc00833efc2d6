"""What a form says of a field that is not right: in our words, where Django would say it in its own."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# By the kind of field, then by Django's name for what is wrong, the names that its validators have included.
WORDS: "dict[type[forms.Field], dict[str, StrOrPromise]]" = {
    forms.Field: {
        "required": _("This cannot be left empty."),
        "max_length": _("At most %(limit_value)d characters: this has %(show_value)d."),
        "min_value": _("Type a number of at least %(limit_value)s."),
        "max_value": _("Type a number of at most %(limit_value)s."),
        "max_digits": _("Type a number of at most %(max)s digits."),
        "max_decimal_places": _("Type at most %(max)s digits behind the point."),
        "max_whole_digits": _("Type at most %(max)s digits before the point."),
        "null_characters_not_allowed": _("There is a character in this that cannot be kept: type it anew."),
    },
    forms.IntegerField: {"invalid": _("Type a whole number, in digits.")},
    forms.DecimalField: {"invalid": _("Type a number, in digits.")},
    forms.ChoiceField: {"invalid_choice": _("Choose one of the list.")},
    forms.FileField: {
        "required": _("Choose a file."),
        "invalid": _("The file did not come with the form: choose it again."),
        "missing": _("The file did not come with the form: choose it again."),
        "empty": _("The file is empty: choose another one."),
        "max_length": _("The name of a file has at most %(max)d characters: this has %(length)d."),
    },
}

# What allauth says itself, and its catalogs not as the rest of the site does; ours has it as well, and comes first.
SAID_BY_ALLAUTH = (_("Forgot your password?"),)

# What allauth names otherwise than the rest of the site does.
LABELS: "dict[str, StrOrPromise]" = {"username": _("User name"), "email": _("E-mail")}


class OwnLabels(forms.BaseForm):
    """Mixin for forms of allauth, before its own: fields are named as they are elsewhere."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in LABELS.keys() & self.fields.keys():
            self.fields[name].label = LABELS[name]


class OwnWords(forms.BaseForm):
    """Mixin for forms, before Django's own: what a field has no words of its own for is said in ours.

    A text that is too long is taken, and its length said: with `maxlength` a browser would cut what is pasted, and say
    nothing.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("maxlength", None)

    def full_clean(self) -> None:
        """Read what was typed, once every field that the form was given knows what to say."""
        for field in self.fields.values():
            _teach(field)
        super().full_clean()


def _teach(field: forms.Field) -> None:
    for kind in type(field).__mro__:  # the nearest kind comes first, and what it says is the field's own from then on
        for code, words in WORDS.get(kind, {}).items():
            if _is_djangos(field, code):
                field.error_messages[code] = words


def _is_djangos(field: forms.Field, code: str) -> bool:
    """Return whether a field says nothing of its own for this, or just what its kind does in Django."""
    said = field.error_messages.get(code)
    kinds = (kind for kind in type(field).__mro__ if kind.__module__.startswith("django."))
    return said is None or any(said is vars(kind).get("default_error_messages", {}).get(code) for kind in kinds)
