"""What makes one person act as another, in the admin: for administrators alone, whatever permissions staff have."""

from typing import Any

from allauth.account import admin as of_account
from allauth.account.models import EmailAddress
from allauth.socialaccount import admin as of_socialaccount
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth import admin as of_auth
from django.contrib.auth.models import Group
from django.http import HttpRequest

from .records import ConfirmedAdmin, TidyAdmin

assert of_account and of_socialaccount and of_auth  # noqa: S101 -- imported for what they register, which is replaced
for model in (SocialApp, SocialToken):  # Google's client is a setting, and its tokens are not kept
    admin.site.unregister(model)


class AdministratorsOnly(ConfirmedAdmin, TidyAdmin):
    """A page that no permission opens: a verified address, an account of Google's or a group gives rights away."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the person is an administrator."""
        return bool(request.user.is_active and request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the person is an administrator."""
        return self.has_module_permission(request)

    actions: Any = ()  # what they do to many at once, nobody would be told of
    has_add_permission = has_module_permission
    has_change_permission = has_delete_permission = has_view_permission


for model in (EmailAddress, SocialAccount, Group):
    theirs = type(admin.site._registry[model])  # noqa: SLF001 -- Django 5.2 has get_model_admin(), for an instance
    admin.site.unregister(model)
    admin.site.register(model, type(theirs.__name__, (AdministratorsOnly, theirs), {"__module__": __name__}))
