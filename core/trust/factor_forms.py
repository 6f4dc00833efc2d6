"""allauth's forms of second factors and passkeys, which note whatever fails, and say how long too many bar the way."""

import json
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.utils.translation import gettext_lazy as _
from fido2.utils import websafe_decode

from . import attempts, too_often, trail

LIMITED = {"too_many_login_attempts", "rate_limited"}  # allauth's names of that error

LONGEST = 16_384  # characters of what a browser says of a key: with a chain of certificates it is half of that
SAID = ("clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle")  # all that is read of it
_BASE64 = re.compile("[A-Za-z0-9_-]+={0,2}")
# What fido2 and its formats raise for what makes no sense; RuntimeError is RecursionError, too.
SENSELESS = (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError, struct.error)


@contextmanager
def _refusing() -> Iterator[None]:
    """Say of whatever makes no sense that it is no key of this person."""
    try:
        yield
    except SENSELESS:
        raise get_adapter().validation_error("incorrect_code") from None


class CredentialField(forms.JSONField):
    """What a browser says of a key (WebAuthn, 5.1), of which fido2 would make anything: of a number, as many bytes."""

    def to_python(self, value: Any) -> Any:
        """Return what is read and stored of it, in texts that are what they should be."""
        with _refusing():
            if len(value or "") > LONGEST:
                raise ValueError
            said = super().to_python(value)
            return said if said is None else _readable(said)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Show none of it again: it is good for one question."""
        return initial


def _readable(said: Any) -> dict[str, Any]:
    """Return what is read of it; what is no text of base64 is left out, and fido2 misses it. Raises SENSELESS."""
    texts = {name: _base64(said["response"].get(name)) for name in SAID}
    asked = json.loads(websafe_decode(texts["clientDataJSON"] or "").decode())
    if not all(isinstance(asked[name], str) for name in ("type", "challenge", "origin")):
        raise ValueError
    is_resident = ((said.get("clientExtensionResults") or {}).get("credProps") or {}).get("rk")
    return {
        "type": "public-key",
        "id": _base64(said["id"]),
        "rawId": _base64(said["rawId"]),
        "response": {name: text for name, text in texts.items() if text},
        "clientExtensionResults": {"credProps": {"rk": is_resident if isinstance(is_resident, bool) else None}},
    }


def _base64(text: Any) -> str | None:
    return text if isinstance(text, str) and _BASE64.fullmatch(text) else None


class _Limited:
    """Mixin: where too many were wrong, the answer is how long nothing is looked at."""

    user: Any
    errors: Any

    def full_clean(self) -> None:
        """Check the form, once."""
        super().full_clean()  # type: ignore[misc]  # -- of the form beside it
        found = {error.code for errors in self.errors.as_data().values() for error in errors} - {"required"}
        self._note(found)
        if found & LIMITED:
            key = f"mfa-auth-user-{self.user.pk}"  # as allauth counts them
            raise too_often.refusal(context.request, too_often.FACTORS, "login_failed", key=key)

    def _note(self, found: set[str]) -> None:
        """Do nothing: these are the forms of somebody who is in."""


class _Noting(_Limited):
    """Mixin: what was sent and is wrong is noted; an empty form is no attempt."""

    def _note(self, found: set[str]) -> None:
        if found & LIMITED and attempts.is_news(f"second factor of {self.user.pk}"):
            attempts.note_failure(attempts.Action.LOGIN_LIMITED, person=self.user)
        elif found - LIMITED:
            attempts.note_failure(attempts.Action.FACTOR_FAILED, person=self.user)


class _Numeric:
    """Mixin: a phone shows the keyboard of digits, of which codes and recovery codes are made."""

    fields: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs["inputmode"] = "numeric"


class _Spending:
    """Mixin: a recovery code that was used is told to whom it belongs, as it may be somebody else who has it."""

    user: Any
    authenticator: Any

    def save(self) -> None:
        """Go on to what the code was asked for."""
        if self.authenticator.type == self.authenticator.Type.RECOVERY_CODES:
            trail.record(trail.Action.RECOVERY_USED, actor=self.user, person=self.user.pk)
        super().save()  # type: ignore[misc]  # -- of the form beside it


class NewApp(_Limited, _Numeric, ActivateTOTPForm):  # type: ignore[misc]  # -- allauth comes without types
    """The first code of an app."""


class Code(_Spending, _Noting, _Numeric, AuthenticateForm):  # type: ignore[misc]  # -- as above
    """A code at a login."""


class CodeAgain(_Spending, _Noting, _Numeric, ReauthenticateForm):  # type: ignore[misc]  # -- as above
    """A code before what a stolen session must not do."""


class _OfBrowser:
    """Mixin: what a browser says of a key is looked at before fido2 does."""

    fields: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["credential"] = CredentialField(widget=forms.HiddenInput)


class NewKey(_OfBrowser, AddWebAuthnForm):  # type: ignore[misc]  # -- as above
    """A key that is added."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name")  # allauth's is English everywhere

    def clean(self) -> Any:
        """Check what the key says."""
        with _refusing():
            return super().clean()


class _Proving(_Noting, _OfBrowser):
    """Mixin: a key that shows who somebody is."""

    def clean_credential(self) -> Any:
        """Return whose key it is."""
        with _refusing():
            return super().clean_credential()  # type: ignore[misc]  # -- of the form beside it


class Key(_Proving, AuthenticateWebAuthnForm):  # type: ignore[misc]  # -- as above
    """A security key at a login."""


class KeyAlone(_Proving, LoginWebAuthnForm):  # type: ignore[misc]  # -- as above
    """A passkey in place of a password: whose it was to be, nobody knows."""


class KeyAgain(_Proving, ReauthenticateWebAuthnForm):  # type: ignore[misc]  # -- as above
    """A key before what a stolen session must not do."""
