"""Signing up: allauth's form, which takes its time for everybody."""

from typing import Any

from allauth.account import forms
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from . import own_words


class SignupForm(forms.SignupForm):  # type: ignore[misc]  # -- allauth comes without types
    """The form."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own_words.label(self)

    def try_save(self, request: HttpRequest) -> Any:
        """Store a new account; for an address that has one, take as long, so that nobody learns of it by the clock."""
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])
        return super().try_save(request)
