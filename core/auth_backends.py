"""How a login finds its person: allauth's backend, without the look-ups that cannot find anybody."""

from allauth.account.auth_backends import AuthenticationBackend

from .models import User


class NameOrEmailBackend(AuthenticationBackend):  # type: ignore[misc]  # -- allauth comes without types
    """A person logs in by user name or by e-mail."""

    def _authenticate_by_email(self, email: str, password: str) -> User | None:
        """Look for an e-mail address, which has an @: allauth would look for every user name among the addresses."""
        person: User | None = super()._authenticate_by_email(email, password) if "@" in email else None
        return person
