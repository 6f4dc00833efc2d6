"""Signing up, and another address: allauth's forms, of which the first takes its time for everybody."""

from typing import Any

from allauth.account import forms
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from .own_words import OwnLabels


class SignupForm(OwnLabels, forms.SignupForm):  # type: ignore[misc]  # -- allauth comes without types
    """The form."""

    def try_save(self, request: HttpRequest) -> Any:
        """Store a new account; for an address that has one, take as long, so that nobody learns of it by the clock."""
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])
        return super().try_save(request)


class AddEmailForm(OwnLabels, forms.AddEmailForm):  # type: ignore[misc]  # -- as above
    """The form of one more address."""
