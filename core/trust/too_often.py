"""Who did something too often: how long they wait, as allauth counts it, and the answer that says so."""

import math
import time
from typing import TYPE_CHECKING, Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..http import too_many

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Translators: {when} is "in 3 minutes".
LOGINS = _("Too many logins have failed: for now not even the right password is taken. Try again {when}.")
# Translators: {when} is "in 3 minutes".
FACTORS = _("Too many codes or keys were wrong: for now not even the right one is taken. Try again {when}.")
# Translators: {when} is "in 3 minutes".
REQUESTS = _("That was too often within a short time, and nothing was done. Try again {when}.")
ACCOUNT, FACTOR = "allauth.account", "allauth.mfa"
# What is counted for allauth's addresses, by their names.
COUNTED = {
    "account_login": (ACCOUNT, "login"),
    "account_signup": (ACCOUNT, "signup"),
    "account_email": (ACCOUNT, "manage_email"),
    "account_change_password": (ACCOUNT, "change_password"),
    "account_set_password": (ACCOUNT, "change_password"),
    "account_reset_password": (ACCOUNT, "reset_password"),
    "account_reset_password_from_key": (ACCOUNT, "reset_password_from_key"),
    "account_reauthenticate": (ACCOUNT, "reauthenticate"),
    "mfa_reauthenticate": (ACCOUNT, "reauthenticate"),
    "mfa_reauthenticate_webauthn": (ACCOUNT, "reauthenticate"),
    "mfa_login_webauthn": (FACTOR, "webauthn_login"),
}


def seconds_left(request: HttpRequest, action: str, *, app: str = ACCOUNT, key: str = "") -> int:
    """Return in how many seconds an action may be done again of which there were too many; 1 at least.

    `key` is what allauth counts by beside addresses and people.
    """
    return max(1, math.ceil(_over(request, action, app=app, key=key) - time.time()))


def is_reached(request: HttpRequest, action: str, *, key: str) -> bool:
    """Return whether there were too many of an action; nothing is counted, and nobody is waited for."""
    return _over(request, action, app=ACCOUNT, key=key) > time.time()


def _over(request: HttpRequest, action: str, *, app: str, key: str) -> float:
    """Return when the last limit that was reached is over, as time.time() has it; 0 if none was."""
    ends = [0.0]
    for rate in ratelimit.get_rates(app=app, action=action):
        counted = cache.get(ratelimit.get_cache_key(request, app=app, action=action, rate=rate, key=key), [])
        if 0 < rate.amount <= len(counted):  # moments, newest first
            ends.append(counted[rate.amount - 1] + rate.duration)
    return max(ends)


def seconds_left_at(request: HttpRequest, name: str) -> int:
    """Return the same for an address of allauth, by its name."""
    app, action = COUNTED.get(name, (ACCOUNT, ""))
    return seconds_left(request, action, app=app, key=request.POST.get("email", "").lower())


def in_words(seconds: int) -> str:
    """Say when that is, in minutes, rounded up: `in 3 minutes`."""
    minutes = math.ceil(seconds / 60)
    # Translators: when something may be tried again; it is put in place of {when} in the sentences that have it.
    return ngettext("in %(count)d minute", "in %(count)d minutes", minutes) % {"count": minutes}


def answer(request: HttpRequest, detail: "StrOrPromise", seconds: int) -> HttpResponse:
    """Answer 429, with `{when}` of the sentence in words."""
    return too_many(request, detail.format(when=in_words(seconds)), seconds)


def refusal(request: HttpRequest, detail: "StrOrPromise", action: str, *, key: str) -> Any:
    """Return what a form of allauth raises to be answered so."""
    return ImmediateHttpResponse(answer(request, detail, seconds_left(request, action, key=key)))
