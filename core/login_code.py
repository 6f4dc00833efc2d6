"""Ways in: by a name and a password; by mail a code, where guesses lock a password, and a link to a new one."""

from typing import Any

from allauth.account.forms import LoginForm, RequestLoginCodeForm, ResetPasswordForm
from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.models import EmailAddress
from allauth.core import context, ratelimit
from allauth.core.internal.ratelimit import get_ip
from django.conf import settings
from django.contrib import messages
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import arrivals
from .models import User
from .own_words import OwnLabels
from .trust import attempts, too_often, trail

LONGEST = 254  # characters of a name, or of an address (RFC 5321, 4.5.3.1); SQLite fails over a much longer one
RATE = "request_login_code"
CHOOSE_ANOTHER = gettext_lazy(
    "Your e-mail address is confirmed. The password that was set before that is gone, as anybody may have set it: "
    "choose a new one on your account's page Password."
)


class PasswordLoginForm(LoginForm):  # type: ignore[misc]  # -- allauth comes without types
    """allauth's, of which no name is longer than any can be."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].validators.append(MaxLengthValidator(LONGEST))


class LoginCodeForm(OwnLabels, RequestLoginCodeForm):  # type: ignore[misc]  # -- as above
    """allauth's, whose limit for one account counts what was asked from here alone: nobody elsewhere can use it up."""

    _user: User | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].help_text = _("A code comes by mail. It is good for 10 minutes, in this browser.")

    def clean_email(self) -> str:
        """Find whose address it is; one that nobody has is told as much, by mail alone."""
        email = str(self.cleaned_data["email"])
        self._user = _whose(email)
        key = f"{email} {get_ip(context.request)}"
        if not ratelimit.consume(context.request, action=RATE, key=key):
            if attempts.is_news(email):
                attempts.note_failure(attempts.Action.LOGIN_LIMITED, person=self._user, name=email)
            raise too_often.refusal(context.request, too_often.REQUESTS, RATE, key=key)
        return email


class LinkToPasswordForm(OwnLabels, ResetPasswordForm):  # type: ignore[misc]  # -- as above
    """allauth's, which sends a link to no address that was merely added to an account."""

    users: list[User]

    def clean_email(self) -> str:
        """Find whose accounts the address opens."""
        email: str = super().clean_email()
        self.users = _opened_by(email.lower(), self.users)
        return email


def _whose(email: str) -> User | None:
    """Return the active person whose account an address opens, their own first."""
    people = filter_users_by_email(email, is_active=True, prefer_verified=True, for_login=True)
    opened = _opened_by(email, people)
    return min(opened, key=lambda person: (person.email.lower() != email, person.pk), default=None)


def _opened_by(email: str, people: list[User]) -> list[User]:
    """Return whose accounts an address opens: who confirmed it, or has confirmed none, and made the account with it.

    One that was merely added may be somebody else's, by a slip of the finger.
    """
    confirmed: dict[int, set[str]] = {}
    for person, address in EmailAddress.objects.filter(user__in=people, verified=True).values_list("user", "email"):
        confirmed.setdefault(person, set()).add(address.lower())
    return [person for person in people if email in confirmed.get(person.pk, {person.email.lower()})]


def forget_unproven_password(request: HttpRequest, person: User) -> None:
    """Forget the password of an account whose address nobody had shown to be theirs until a code came back from it.

    Somebody may have signed up with an address of others, and wait until its owner makes the account good. Where no
    address has to be verified, an unverified one is the rule.
    """
    is_proven = EmailAddress.objects.filter(user=person, verified=True).exists()
    if settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory" and not is_proven and person.has_usable_password():
        person.set_unusable_password()
        person.save(update_fields=["password"])
        arrivals.end_all_sessions(person)
        detail = "the one before the address was confirmed is forgotten"
        trail.record(trail.Action.PASSWORD_CHANGED, person=person.pk, detail=detail)
        messages.warning(request, str(CHOOSE_ANOTHER))
