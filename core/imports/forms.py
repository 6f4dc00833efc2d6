"""The form by which a file of events is uploaded."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from .. import pictures
from ..own_words import OwnWords
from .files import MOST_BYTES, NO_CSV

TOO_LARGE = _("The file is larger than 1 MB: divide it.")


class WholeFileField(forms.FileField):
    """A file; of one that was too large to be kept, that is said."""

    def to_python(self, data: Any) -> Any:
        """Return the upload. Raises ValidationError."""
        if isinstance(data, pictures.Oversized):
            raise ValidationError(TOO_LARGE)
        return super().to_python(data)


class UploadForm(OwnWords, forms.Form):
    """A file of events."""

    file = WholeFileField(
        label=_("File (CSV, at most 1 MB)"),
        error_messages={
            "required": _("Choose a file."),
            "empty": _("The file is empty. Download the template to see what belongs into it."),
        },
        widget=forms.ClearableFileInput(
            attrs={
                "accept": ".csv,text/csv,text/plain",
                "data-most-bytes": str(MOST_BYTES),
                "data-too-large": TOO_LARGE,
                "data-unreadable": NO_CSV,
            }
        ),
    )
