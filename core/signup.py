"""Signing up, and another address: allauth's forms, of which the first takes its time for everybody."""

from typing import Any

from allauth.account import forms
from allauth.account.views import SignupView
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from .own_words import OwnLabels


class SignupForm(OwnLabels, forms.SignupForm):  # type: ignore[misc]  # -- allauth comes without types
    """The form."""

    def clean(self) -> dict[str, Any] | None:
        """Compare the passwords where the first is refused as well: both mistakes are told at once."""
        cleaned: dict[str, Any] | None = super().clean()
        typed = [self.data.get(self.add_prefix(name)) for name in ("password1", "password2")]
        if self.has_error("password1") and all(typed) and typed[0] != typed[1]:
            self.add_error("password2", _("You must type the same password each time."))
        return cleaned

    def try_save(self, request: HttpRequest) -> Any:
        """Store a new account; for an address that has one, take as long, so that nobody learns of it by the clock.

        Of two at once the second is answered as if they had come a moment later.
        """
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])
            return super().try_save(request)
        try:
            with transaction.atomic():
                return super().try_save(request)
        except IntegrityError:
            self.full_clean()  # somebody has taken the name or the address since it was looked for: now it is found
        if self.is_valid():
            return super().try_save(request)
        page = SignupView()
        page.setup(request)
        return None, page.form_invalid(self)


class AddEmailForm(OwnLabels, forms.AddEmailForm):  # type: ignore[misc]  # -- as above
    """The form of one more address."""
