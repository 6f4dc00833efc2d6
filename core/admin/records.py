"""What the admin's read-only pages share: rows that rules write and people read."""

import datetime as dt
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format

from ..models import Event


def only_own(request: HttpRequest, rows: QuerySet[Any], organizer: str) -> QuerySet[Any]:
    """Return all rows to administrators, to other staff those whose `organizer` they are."""
    return rows if request.user.is_superuser else rows.filter(**{organizer: request.user.pk})


def counted(number: int, one: str, many: str) -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else many}"


def read_at(event: Event) -> dt.datetime:
    """Return the moment at which the admin read an event: what is said of its numbers is true of that one."""
    moment: dt.datetime = event.read_at  # type: ignore[attr-defined]  # -- annotated by EventAdmin.get_queryset
    return moment


def in_words(moment: dt.datetime | None) -> str:
    """Return a moment in the site's time zone, to the second; empty for None."""
    return date_format(timezone.localtime(moment), "j M Y, H:i:s") if moment else ""


class SecretsAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # -- not subscriptable at run time
    """Rows with `secrets`: fields that must not be filtered by, since `?code__startswith=A` would tell them."""

    secrets: tuple[str, ...] = ()

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuse to filter by what must not be known."""
        if lookup.startswith(self.secrets):
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]  # -- as in Django's own UserAdmin


class RecordAdmin(SecretsAdmin):
    """Rows that nobody adds, changes or deletes by hand; actions go through the domain's own functions."""

    organizer = "event__created_by"
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: only the rules add."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: only the rules change."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: rows are the record, and the cleanup prunes them."""
        return False

    def may_act(self, request: HttpRequest) -> bool:
        """Return whether the person may use this page's actions: Django's permission to change, which names them."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return everything to administrators, and to organizers what belongs to their events."""
        return only_own(request, super().get_queryset(request), self.organizer)
