"""People and their logins in the admin: accounts are erased, never deleted, and sessions can be ended."""

from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from .. import accounts, arrivals
from ..forms.people import no_at_sign
from ..forms.reasons import TrailReasonForm
from ..models import User, UserSession
from ..refusals import StillNeeded
from ..trust import confirmation
from . import asked
from .links import OF_PERSON
from .questions import Question
from .records import ConfirmedAdmin, RecordAdmin, SecretsAdmin, WatchedAdmin, in_words

ERASE = Question(
    action="erase_accounts",
    words=asked.erasing,
    warning=_(
        "Their places in line and holds end, and their tickets for events to come are cancelled. Tickets of the past"
        " stay on record without a name. They can never log in again. This cannot be undone."
    ),
    describe=lambda person: f"{person.username} {person.get_full_name()} {person.email}",
    reason_form=None,
    wants_confirmation=True,
)


OUT = Question(
    action="sign_out_people",
    words=asked.signing_out,
    warning=_(
        "All their sessions end, on every device, and open pages are cut off within seconds. Holds, places in line and"
        " tickets stay. They can log in again at once; whoever must not is deactivated, or gets a new password."
    ),
    describe=lambda person: f"{person.username} {person.get_full_name()}",
    reason_form=TrailReasonForm,
)
END = Question(
    action="end_sessions",
    words=asked.ending,
    warning=_("They are signed out on that device, open pages within seconds. Holds, places in line and tickets stay."),
    describe=lambda login: (
        gettext("%(person)s, logged in %(moment)s")
        % {"person": login.user.username, "moment": in_words(login.login_timestamp)}
    ),
    reason_form=TrailReasonForm,
)


ONLY_ADMINISTRATOR = _("This is the only administrator: make somebody else one first.")


def _ended(sessions: int) -> str:
    told = ngettext(
        "Ended: %(count)d session. Holds and places in line stay.",
        "Ended: %(count)d sessions. Holds and places in line stay.",
        sessions,
    )
    return told % {"count": sessions}


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]  # -- not subscriptable at run time
    """What is checked about an account, new or not."""

    def clean(self) -> dict[str, Any] | None:
        """Refuse an e-mail that is somebody else's, and a user name that could be taken for one."""
        cleaned = super().clean()
        if accounts.is_email_of_another(self.cleaned_data.get("email", ""), self.instance):
            self.add_error("email", gettext("Somebody else has verified this e-mail address."))
        try:
            if "username" in self.changed_data:
                no_at_sign(self.cleaned_data.get("username", ""))
        except ValidationError as error:
            self.add_error("username", error)
        return cleaned


class NewPersonForm(PersonForm, AdminUserCreationForm):  # type: ignore[type-arg]  # -- not subscriptable at run time
    """A new account."""


class ChangePersonForm(PersonForm, UserChangeForm):  # type: ignore[type-arg]  # -- not subscriptable at run time
    """An existing account."""

    def clean(self) -> dict[str, Any] | None:
        """Refuse to take the only administrator from the site; the view's transaction keeps who was counted."""
        cleaned = super().clean()
        stays = self.cleaned_data.get("is_active", True) and self.cleaned_data.get("is_superuser", True)
        if not stays and accounts.is_only_administrator(self.instance):
            self.add_error(None, ONLY_ADMINISTRATOR)
        return cleaned


def _has_rights(person: User) -> bool:
    """Return whether somebody has rights over others: whoever sets their password has these rights as well."""
    at_the_gate = person.groups.exists() or person.gate_events.exists()
    return person.is_staff or person.is_superuser or at_the_gate or person.organized_events.exists()


@admin.register(User)
class PersonAdmin(ConfirmedAdmin, WatchedAdmin, SecretsAdmin, UserAdmin):  # type: ignore[type-arg]  # -- not subscriptable at run time
    """Accounts. Places, tickets and scans protect them, so they are erased in place of being deleted (rule 26)."""

    form = ChangePersonForm
    add_form = NewPersonForm
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "email", "usable_password", "password1", "password2")}),
    )
    list_display = ("username", "email", "first_name", "last_name", "is_active", "is_staff", "date_joined")
    list_per_page = 50
    show_full_result_count = False
    actions = ("erase_accounts", "sign_out_people")
    readonly_fields = ("on_record",)
    ways = OF_PERSON

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: erase the account."""
        return False

    def has_erase_permission(self, request: HttpRequest) -> bool:
        """Allow administrators to erase accounts."""
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let only administrators change staff: who may set a colleague's password or e-mail could act as them."""
        is_above = obj is not None and _has_rights(obj) and not request.user.is_superuser
        return not is_above and super().has_change_permission(request, obj)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002 -- Django's name
        """Set a password, and end the person's sessions: whoever had taken them over is out, sockets included.

        One's own is changed where the former one is asked for.
        """
        person = self.get_object(request, unquote(id))
        if person is not None and person.pk == request.user.pk:
            return redirect("account_change_password")
        if request.method == "POST":
            confirmation.require_before_writing(request)
        response = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == HTTPStatus.FOUND:
            arrivals.end_all_sessions(User.objects.get(pk=person.pk if person else id))
        return response

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the parts of the form; of an account that there is, the ways to what is on record of it first."""
        parts = super().get_fieldsets(request, obj)
        return [(None, {"fields": ("on_record",)}), *parts] if obj else parts

    def has_sign_out_permission(self, request: HttpRequest) -> bool:
        """Allow whoever may end sessions to end all of a person."""
        return bool(request.user.has_perm("core.change_usersession"))

    @admin.action(description=_("Sign these people out everywhere…"), permissions=["sign_out"])
    def sign_out_people(self, request: HttpRequest, queryset: QuerySet[User]) -> TemplateResponse | None:
        """Ask why, and end all sessions of exactly those who were named."""
        return OUT.ask(self, request, queryset, then=self._sign_out)

    def _sign_out(self, request: HttpRequest, people: list[User], reason: str) -> None:
        with transaction.atomic():
            ended = arrivals.end_sessions(UserSession.objects.filter(user__in=people, is_active=True))
            for person in people:
                self.log_change(request, person, f"Signed out everywhere: {reason}")
        messages.success(request, _ended(ended))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Let only administrators give rights."""
        rights = () if request.user.is_superuser else ("is_staff", "is_superuser", "groups", "user_permissions")
        return (*super().get_readonly_fields(request, obj), *rights)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save; an e-mail that staff typed counts as verified."""
        super().save_model(request, obj, form, change)
        if not change or "email" in form.changed_data:
            accounts.verify_email(obj)

    @admin.action(description=_("Erase these accounts…"), permissions=["erase"])
    def erase_accounts(self, request: HttpRequest, queryset: QuerySet[User]) -> TemplateResponse | None:
        """Ask, and erase exactly those who were named in the question."""
        people = queryset.exclude(username=request.user.get_username())
        if people.exists():
            return ERASE.ask(self, request, people, then=self._erase)
        messages.error(request, gettext("Nobody was erased: nobody can erase their own account here."))
        return None

    def _erase(self, request: HttpRequest, people: list[User], _reason: str) -> None:
        erased = 0
        for person in people:
            try:
                accounts.erase_account(person)
            except StillNeeded:  # whoever asks was one as well, until a moment ago
                messages.error(request, ONLY_ADMINISTRATOR)
                continue
            self.log_change(request, person, "Account erased.")
            erased += 1
        if erased:
            done = ngettext("Erased: %(count)d account.", "Erased: %(count)d accounts.", erased)
            messages.success(request, done % {"count": erased})


@admin.register(UserSession)
class UserSessionAdmin(RecordAdmin):
    """Logins. The key of a session is a password for a day: it is neither shown nor searched."""

    list_display = ("user", "login_timestamp", "last_seen_at", "is_active")
    list_select_related = ("user",)
    list_filter = ("is_active", "login_timestamp", "last_seen_at")
    search_fields = ("user__username", "user__email")
    ordering = ("-last_seen_at", "-pk")
    fields = ("user", "login_timestamp", "last_seen_at", "is_active")
    secrets = ("session_key",)
    actions = ("end_sessions",)
    has_end_permission = RecordAdmin.may_act

    def get_queryset(self, request: HttpRequest) -> QuerySet[UserSession]:
        """Return all logins: they belong to no event; Django's permissions say which staff see them."""
        return UserSession.objects.order_by(*self.ordering)

    @admin.action(description=_("End these sessions…"), permissions=["end"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[UserSession]) -> TemplateResponse | None:
        """Ask why, and sign people out; their holds and places stay (rule 14)."""
        return END.ask(self, request, queryset.select_related("user"), then=self._end)

    def _end(self, request: HttpRequest, logins: list[UserSession], reason: str) -> None:
        with transaction.atomic():
            live = [login for login in logins if login.is_active]
            ended = arrivals.end_sessions(UserSession.objects.filter(pk__in=[login.pk for login in logins]))
            for login in live:
                self.log_change(request, login, f"Session ended: {reason}")
        if ended:
            messages.success(request, _ended(ended))
        if others := len(logins) - ended:
            left = ngettext(
                "Left alone: %(count)d session. They had ended before.",
                "Left alone: %(count)d sessions. They had ended before.",
                others,
            )
            messages.warning(request, left % {"count": others})
