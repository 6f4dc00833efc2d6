"""People, and their logins."""

import hashlib

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Upper
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

GATE_STAFF = "gate staff"  # the group's name; a migration makes it
ORGANIZERS = "organizers"  # as above: its members may make events


def languages() -> list[tuple[str, str]]:
    """Return the languages that the site has, as choices; called when they are asked for: a setting is no schema."""
    return list(settings.LANGUAGES)


class User(AbstractUser):
    """A person. They log in by user name or by e-mail."""

    language = models.CharField(
        _("language of mails"),
        max_length=10,
        choices=languages,
        blank=True,
        db_default="",
        default="",
        help_text=_("Empty: the site's."),
    )

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                condition=~Q(email=""),
                name="user_email_unique_without_case",
                violation_error_message=_("Somebody already uses this e-mail address."),
            )
        ]
        # By which a login looks for its person, however the name was typed.
        indexes = [models.Index(Upper("username"), name="user_by_name_in_any_case")]

    has_factor: bool  # whether they have a second factor; annotated by `auth_backends`

    @property
    def display_name(self) -> str:
        """The name that gate and ticket show: the full name, else the user name."""
        return self.get_full_name() or self.username

    @property
    def mail_language(self) -> str:
        """The language of their mails: the one they chose, while the site has it, or else the site's own."""
        return self.language if self.language in dict(languages()) else settings.LANGUAGE_CODE

    @property
    def device_key(self) -> str:
        """What a gate's device knows its staff by, to tell them from others: no secret, and no id either."""
        return hashlib.sha256(f"gate device of {self.pk}".encode()).hexdigest()[:16]

    @property
    def masked_email(self) -> str:
        """The e-mail address as others may see it: enough for the person to know it as theirs."""
        name, at, domain = self.email.partition("@")
        return f"{name[:1]}…{at}{domain}" if at else ""


class UserSession(models.Model):
    """One login of a person: the moment that ranks them in every line they join with it."""

    user = models.ForeignKey(User, related_name="arrivals", on_delete=models.PROTECT)
    session_key = models.CharField(max_length=40, unique=True)
    login_timestamp = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now, db_index=True)
    returned_at = models.DateTimeField(null=True, default=None, editable=False)  # from the last long pause
    is_active = models.BooleanField(default=True)
    address = models.CharField(max_length=45, blank=True, db_default="", default="", editable=False)  # from where

    session_data: str | None  # what Django stores of the session; annotated by `arrivals.login_and_session`

    class Meta:
        indexes = [models.Index(fields=["user", "login_timestamp"], name="session_of_person")]

    def __str__(self) -> str:
        return f"{self.user_id} since {self.login_timestamp:%Y-%m-%d %H:%M:%S}"
