"""People and their logins in the admin: accounts are erased, never deleted, and sessions can be ended."""

from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from .. import accounts, arrivals
from ..forms import no_at_sign
from ..models import User, UserSession
from .questions import Question
from .records import RecordAdmin, counted

ERASE = Question(
    action="erase_accounts",
    verb="Erase",
    one="account",
    many="accounts",
    warning=(
        "Their places in line and holds end, and their tickets for events to come are cancelled. Tickets of the past"
        " stay on record without a name. They can never log in again. This cannot be undone."
    ),
    describe=lambda person: f"{person.username} {person.get_full_name()} {person.email}",
    wants_reason=False,
)


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]  # -- not subscriptable at run time
    """What is checked about an account, new or not."""

    def clean(self) -> dict[str, Any] | None:
        """Refuse an e-mail that is somebody else's, and a user name that could be taken for one."""
        cleaned = super().clean()
        if accounts.is_email_of_another(self.cleaned_data.get("email", ""), self.instance):
            self.add_error("email", "Somebody else has verified this e-mail address.")
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


@admin.register(User)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]  # -- not subscriptable at run time
    """Accounts. Places, tickets and scans protect them, so they are erased in place of being deleted (rule 26)."""

    form = ChangePersonForm
    add_form = NewPersonForm
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "email", "usable_password", "password1", "password2")}),
    )
    list_display = ("username", "email", "first_name", "last_name", "is_active", "is_staff", "date_joined")
    list_per_page = 50
    show_full_result_count = False
    actions = ("erase_accounts",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: erase the account."""
        return False

    def has_erase_permission(self, request: HttpRequest) -> bool:
        """Allow administrators to erase accounts."""
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let only administrators change staff: who may set a colleague's password or e-mail could act as them."""
        is_above = obj is not None and (obj.is_staff or obj.is_superuser) and not request.user.is_superuser
        return not is_above and super().has_change_permission(request, obj)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002 -- Django's name
        """Set a password, and end the person's sessions: whoever had taken them over is out, sockets included."""
        response = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == HTTPStatus.FOUND:
            arrivals.end_all_sessions(User.objects.get(pk=id))
        return response

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Let only administrators give rights."""
        rights = () if request.user.is_superuser else ("is_staff", "is_superuser", "groups", "user_permissions")
        return (*super().get_readonly_fields(request, obj), *rights)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save; an e-mail that staff typed counts as verified."""
        super().save_model(request, obj, form, change)
        if not change or "email" in form.changed_data:
            accounts.verify_email(obj)

    @admin.action(description="Erase these accounts…", permissions=["erase"])
    def erase_accounts(self, request: HttpRequest, queryset: QuerySet[User]) -> TemplateResponse | None:
        """Ask, and erase exactly those who were named in the question."""
        people = queryset.exclude(username=request.user.get_username())
        if people.exists():
            return ERASE.ask(self, request, people, then=self._erase)
        messages.error(request, "Nobody was erased: nobody can erase their own account here.")
        return None

    def _erase(self, request: HttpRequest, people: list[User], _reason: str) -> None:
        for person in people:
            accounts.erase_account(person)
            self.log_change(request, person, "Account erased.")
        messages.success(request, f"Erased: {counted(len(people), 'account', 'accounts')}.")


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

    @admin.action(description="End these sessions", permissions=["end"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[UserSession]) -> None:
        """Sign people out; their holds and places stay (rule 14)."""
        chosen = queryset.count()
        ended = arrivals.end_sessions(queryset)
        if ended:
            messages.success(request, f"Ended: {counted(ended, 'session', 'sessions')}. Holds and places in line stay.")
        if ended < chosen:
            others = counted(chosen - ended, "session", "sessions")
            messages.warning(request, f"Left alone: {others}. They had ended before.")
