"""allauth's forms of second factors and passkeys, which note whatever fails, and say how long too many bar the way."""

from typing import Any

from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm, LoginWebAuthnForm, ReauthenticateWebAuthnForm

from . import attempts, too_often

LIMITED = {"too_many_login_attempts", "rate_limited"}  # allauth's names of that error


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


class NewApp(_Limited, _Numeric, ActivateTOTPForm):  # type: ignore[misc]  # -- allauth comes without types
    """The first code of an app."""


class Code(_Noting, _Numeric, AuthenticateForm):  # type: ignore[misc]  # -- as above
    """A code at a login."""


class CodeAgain(_Noting, _Numeric, ReauthenticateForm):  # type: ignore[misc]  # -- as above
    """A code before what a stolen session must not do."""


class Key(_Noting, AuthenticateWebAuthnForm):  # type: ignore[misc]  # -- as above
    """A security key at a login."""


class KeyAlone(_Noting, LoginWebAuthnForm):  # type: ignore[misc]  # -- as above
    """A passkey in place of a password: whose it was to be, nobody knows."""


class KeyAgain(_Noting, ReauthenticateWebAuthnForm):  # type: ignore[misc]  # -- as above
    """A key before what a stolen session must not do."""
