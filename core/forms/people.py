"""People as others name them, and as they name themselves: at sign-up, to a gate, for a ticket, to erase an account."""

import unicodedata
from typing import Any

from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from .. import accounts
from ..models import MAX_EMAIL, User
from ..own_words import OwnWords
from .reasons import ReasonField


def no_at_sign(name: str) -> None:
    """Raise ValidationError for a user name with an @: it could be mistaken for somebody's e-mail address at login."""
    if "@" in name:
        raise ValidationError(_("A user name cannot contain an @. You can log in with your e-mail address as well."))


def no_special_letters(name: str) -> None:
    """Raise ValidationError for a user name of wide letters and their like: it could be mistaken for another."""
    if unicodedata.normalize("NFKC", name) != name:
        raise ValidationError(_("This user name has letters in a special form: type it in ordinary ones."))


username_validators = [UnicodeUsernameValidator(), no_at_sign, no_special_letters]


class EraseForm(OwnWords, forms.Form):
    """One's own user name, typed, so that an account is not erased by a slip."""

    username = forms.CharField(
        label=_("Your user name"),
        max_length=150,
        error_messages={"required": _("Type your user name to confirm.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data, auto_id="erase_%s")
        self.user = user

    def clean_username(self) -> str:
        """Refuse another name."""
        typed: str = self.cleaned_data["username"]
        if typed != self.user.get_username():
            raise ValidationError(_("This is not your user name. Type it exactly as it is shown above."))
        return typed


class StaffForm(OwnWords, forms.Form):
    """Somebody who is to stand at an event's gate."""

    person = forms.CharField(
        label=_("User name or e-mail"),
        max_length=254,
        error_messages={"required": _("Type a user name or an e-mail address.")},
    )


class OfferForm(OwnWords, forms.Form):
    """To whom a ticket is offered; of staff it is asked why as well."""

    email = forms.EmailField(
        label=_("Their e-mail address"),
        max_length=MAX_EMAIL,
        error_messages={
            "required": _("Type the e-mail address of whoever is to have the ticket."),
            "invalid": _("This is no e-mail address that we can write to."),
        },
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    reason = ReasonField()

    def __init__(self, data: Any = None, *, owner: User, asks_why: bool) -> None:
        super().__init__(data, auto_id="offer_%s")
        self.owner = owner
        if not asks_why:
            del self.fields["reason"]

    def clean_email(self) -> str:
        """Return the address in small letters; refuse one of the ticket's owner."""
        email: str = self.cleaned_data["email"].lower()
        if email in accounts.addresses_of(self.owner):
            raise ValidationError(
                _("This is the owner's own address. For another code of the same ticket, get a new one.")
            )
        return email
