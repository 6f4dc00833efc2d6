"""How a login finds its person: allauth's backend, without the look-ups that cannot find anybody; and what fails."""

import unicodedata
from typing import Any
from urllib.parse import urljoin, urlsplit

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.models import EmailAddress
from allauth.core.internal import ratelimit
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.sites.shortcuts import get_current_site
from django.db import InterfaceError, OperationalError
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from . import languages
from .models import User
from .telling import wishes
from .telling.letters import in_language_of
from .trust import attempts, confirmation, too_often

SITE_NAME = "Box Office"  # as in the header
FAILED = "login_failed"  # allauth's name of what is counted
NOT_LET_IN = _("No account has this name or e-mail with this password. Check both, or log in with a code by mail.")
_FACTORS = Authenticator.objects.filter(user=OuterRef("pk"))


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # -- allauth comes without types
    """allauth's, for whom a login that met no database has not failed: after an outage nobody is locked out."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": NOT_LET_IN,
        "email_password_mismatch": NOT_LET_IN,
        "incorrect_password": _("This is not your password."),
        "incorrect_code": _("This is not the code, or its time is up. Type the newest one."),
        "enter_current_password": _("Type the password that you have now."),
        "same_as_current": _("This is what it is already: type another one."),
        "duplicate_email": _("This e-mail address is one of yours already."),
    }

    def new_user(self, request: HttpRequest) -> User:
        """Write to whoever signs up in the language in which they do."""
        person: User = super().new_user(request)
        person.language = languages.to_start_with()
        return person

    def can_delete_email(self, email_address: EmailAddress) -> bool:
        """Keep the only address: without it no ticket is sent, and nobody gives a new password to who forgot theirs."""
        others = EmailAddress.objects.filter(user=email_address.user_id).exclude(pk=email_address.pk)
        return others.exists() and bool(super().can_delete_email(email_address))

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Find the person; what was counted as a failure before that is counted no more where nobody could look."""
        try:
            person: User | None = super().authenticate(request, **credentials)
        except (OperationalError, InterfaceError):
            self._rollback_login_failed_rl_usage()
            raise
        return person

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse where too many logins have failed, and note that; not for each of a flood.

        A try counts for its name at once, for its address when it has failed: of a school behind one address many
        log in at the same instant, and while their right passwords are looked at they are no failures.
        """
        key = self._get_login_attempts_cache_key(request, **credentials)
        if not too_often.is_reached(request, FAILED, key=key):
            self._login_failed_rl_usage = self._count_failure(request, per="key", key=key)
            if self._login_failed_rl_usage:
                return
        name = _typed(credentials)
        if attempts.is_news(name):
            attempts.note_failure(attempts.Action.LOGIN_LIMITED, person=_meant(credentials), name=name)
        raise too_often.refusal(request, too_often.LOGINS, FAILED, key=key)

    def _count_failure(self, request: HttpRequest, *, per: str, key: str) -> Any:
        """Count a failed login by those of its limits that are `per` key, or ip; return None if it is one too many."""
        limits = [limit for limit in app_settings.RATE_LIMITS.get(FAILED, "").split(",") if limit.endswith(f"/{per}")]
        return ratelimit.consume(
            request, app=too_often.ACCOUNT, action=FAILED, config={FAILED: ",".join(limits)}, key=key
        )

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Count by what was typed alone, however it was put together: the host's name has any port one likes."""
        return unicodedata.normalize("NFKC", _typed(credentials)).casefold()

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        """After a new password by a link, forget what failed by name as well."""
        super()._delete_login_attempts_cached_email(request, **credentials)
        person = _meant(credentials)
        if person is not None:
            super()._delete_login_attempts_cached_email(request, username=person.username)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Count it for its address, and note it."""
        self._count_failure(request, per="ip", key=self._get_login_attempts_cache_key(request, **credentials))
        attempts.note_failure(attempts.Action.LOGIN_FAILED, person=_meant(credentials), name=_typed(credentials))

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Ask nobody twice in a row: for allauth a login, however fresh, does not show who somebody is."""
        return bool(super().is_reauthentication_required(app=app, **kwargs)) and not confirmation.is_fresh(self.request)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Call the site by its name in a mail, as its pages do, and write in the language of whom it goes to.

        Links lead to the one address of the site, by whatever name of it the request came, or to that name where
        nobody said which one it is; it stands at the end.
        """
        asked = self.request.build_absolute_uri("/")
        address = settings.SITE_URL if settings.SITE_URL_IS_KNOWN else asked
        links = {name: value for name, value in context.items() if str(value).startswith(asked)}
        own: dict[str, Any] = {name: urljoin(address, f"/{link.removeprefix(asked)}") for name, link in links.items()}
        site = get_current_site(self.request)
        site.name, site.domain = SITE_NAME, urlsplit(address).netloc
        own |= {"current_site": site, "site_address": address}
        person = context.get("user") or wishes.people_of([email]).get(email.lower())
        with in_language_of(person):
            super().send_mail(template_prefix, email, context | own)


def _typed(credentials: dict[str, Any]) -> str:
    return str(credentials.get("username") or credentials.get("email") or "")


def _meant(credentials: dict[str, Any]) -> User | None:
    """Return whose account somebody tried to get into, if there is one."""
    name, email = (str(credentials.get(key) or "") for key in ("username", "email"))
    person = _named(name) if name else None
    if person is None and "@" in email:
        person = next(iter(filter_users_by_email(email, prefer_verified=True, for_login=True)), None)
    return person


def _named(username: str) -> User | None:
    """Look for the name as it is stored, in any case, however its letters were put together (Unicode's NFKC).

    And in the same question, whether the person has a second factor.
    """
    name = unicodedata.normalize("NFKC", username)
    matches = User.objects.filter(username__iexact=name).annotate(has_factor=Exists(_FACTORS))[:2]  # type: ignore[no-redef]  # -- declared for readers
    same = [person for person in matches if person.username.lower() == name.lower()]
    return same[0] if len(same) == 1 else None


class NameOrEmailBackend(AuthenticationBackend):  # type: ignore[misc]  # -- allauth comes without types
    """A person logs in by user name or by e-mail."""

    def _authenticate_by_username(self, username: str, password: str) -> User | None:
        """Look for a user name."""
        person: User | None = self._check_password(_named(username), password)
        return person

    def _authenticate_by_email(self, email: str, password: str) -> User | None:
        """Look for an e-mail address, which has an @: allauth would look for every user name among the addresses."""
        person: User | None = super()._authenticate_by_email(email, password) if "@" in email else None
        return person
