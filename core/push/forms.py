"""What a browser says when it is switched on or off, and what is said when that makes no sense."""

import binascii
from base64 import urlsafe_b64decode

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ..own_words import OwnWords
from .outside import is_endpoint

SECRET_BYTES = 16
WRONG = _("Your browser sent something that is no push subscription. Load the page again.")


def _bytes_of(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error) as error:
        raise ValidationError(WRONG) from error


class BrowserForm(OwnWords, forms.Form):
    """A browser's address at its push service."""

    endpoint = forms.CharField(max_length=1000, error_messages={"required": WRONG, "max_length": WRONG})

    def clean_endpoint(self) -> str:
        """Return the address of a public host, as far as its name tells."""
        endpoint: str = self.cleaned_data["endpoint"]
        if not is_endpoint(endpoint):
            raise ValidationError(WRONG)
        return endpoint


class SubscriptionForm(BrowserForm):
    """The same, and the browser's keys, by which it reads what is sent (RFC 8291)."""

    p256dh = forms.CharField(max_length=88, error_messages={"required": WRONG, "max_length": WRONG})
    auth = forms.CharField(max_length=24, error_messages={"required": WRONG, "max_length": WRONG})

    def clean_p256dh(self) -> str:
        """Return a point of the curve: with another one nothing could be encrypted."""
        key: str = self.cleaned_data["p256dh"]
        try:
            EllipticCurvePublicKey.from_encoded_point(SECP256R1(), _bytes_of(key))
        except ValueError as error:
            raise ValidationError(WRONG) from error
        return key

    def clean_auth(self) -> str:
        """Return a secret of the right length."""
        secret: str = self.cleaned_data["auth"]
        if len(_bytes_of(secret)) != SECRET_BYTES:
            raise ValidationError(WRONG)
        return secret
