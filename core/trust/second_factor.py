"""Two-factor login: required of staff where HTTPS is on, before they see or do what others may not."""

from collections.abc import Mapping
from typing import Any

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY, record_authentication
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

FACTOR = "mfa"  # as allauth notes it in the session
AFTER = "after_factor"  # in a session that lacks one: the address of ours to go on to once it is set up
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


class SecondFactorNeeded(PermissionDenied):
    """Staff have logged in without a second factor."""

    def __init__(self) -> None:
        self.detail = _("Staff log in with a second factor here. Set it up, or use it, and then go on.")
        super().__init__(self.detail)


class Adapter(DefaultMFAAdapter):  # type: ignore[misc]  # -- allauth comes without types
    """allauth's own, but for a question that the look-up of a login's person has answered before."""

    def is_mfa_enabled(self, user: Any, types: Any = None) -> bool:
        """Return whether a person has a second factor of these types, or any."""
        if getattr(user, "has_factor", None) is False:  # annotated by `auth_backends`
            return False
        return bool(super().is_mfa_enabled(user, types))


def require(request: HttpRequest) -> None:
    """Raise SecondFactorNeeded unless this login was made, or confirmed, with a second factor; or none is required."""
    if settings.STAFF_NEED_SECOND_FACTOR and not is_noted_in(request.session):
        raise SecondFactorNeeded
    request.session.pop(AFTER, None)  # they came through


def is_noted_in(session: Mapping[str, Any]) -> bool:
    """Return whether a session's login was made, or confirmed, with a second factor."""
    records = session.get(AUTHENTICATION_METHODS_SESSION_KEY) or []
    return any(record.get("method") == FACTOR for record in records)


def where_to(request: HttpRequest) -> str:
    """Return the address at which a person uses their second factor, and comes back; or sets one up."""
    after = request.get_full_path() if request.method == "GET" else reverse("dashboard")
    if is_mfa_enabled(request.user, FACTORS):
        return f"{reverse('mfa_reauthenticate')}?{urlencode({'next': after})}"
    request.session[AFTER] = after  # not in the address, where somebody else could put theirs
    return reverse("mfa_index")


def count_as_used(request: HttpRequest, authenticator: Authenticator) -> None:
    """Count a second factor that was just set up as used: its code, or its key, was shown for that."""
    if authenticator.type in FACTORS:
        record_authentication(request, authenticator.user, FACTOR, id=authenticator.pk, type=authenticator.type)
