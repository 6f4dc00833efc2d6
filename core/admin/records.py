"""What the admin's read-only pages share: rows that rules write and people read."""

import datetime as dt
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, cast

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.widgets import AutocompleteSelect
from django.db import DataError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override, pgettext_lazy

from ..many import LARGEST_ID
from ..models import Event, User
from ..trust import confirmation, trail
from .links import Ways, between
from .saved_filters import SavedFiltersAdmin

STATES = {
    "draft": pgettext_lazy("a state", "draft"),
    "published": pgettext_lazy("a state", "published"),
    "waiting": pgettext_lazy("a state", "waiting"),
    "held": pgettext_lazy("a state", "held"),
    "booked": pgettext_lazy("a state", "booked"),
    "released": pgettext_lazy("a state", "released"),
    "expired": pgettext_lazy("a state", "expired"),
    "left": pgettext_lazy("a state", "left"),  # the line
    "valid": pgettext_lazy("a state", "valid"),
    "admitted": pgettext_lazy("a state", "admitted"),
    "cancelled": pgettext_lazy("a state", "cancelled"),
    "open": pgettext_lazy("a state", "open"),
    "accepted": pgettext_lazy("a state", "accepted"),
    "withdrawn": pgettext_lazy("a state", "withdrawn"),
    "declined": pgettext_lazy("a state", "declined"),
    "replaced": pgettext_lazy("a state", "replaced"),
    "void": pgettext_lazy("a state", "void"),
}


def state_in_words(state: str) -> str:
    """Return the state of an event, a place, a ticket or an offer in words."""
    return str(STATES[state])


def only_own(request: HttpRequest, rows: QuerySet[Any], organizer: str) -> QuerySet[Any]:
    """Return all rows to administrators, to other staff those whose `organizer` they are."""
    return rows if request.user.is_superuser else rows.filter(**{organizer: request.user.pk})


def counted(number: int, one: str, many: str) -> str:
    """Return a number with its noun, for what is on record: that is in English."""
    return f"{number} {one if number == 1 else many}"


def read_at(event: Event) -> dt.datetime:
    """Return the moment at which the admin read an event: what is said of its numbers is true of that one."""
    moment: dt.datetime = event.read_at  # type: ignore[attr-defined]  # -- annotated by EventAdmin.get_queryset
    return moment


def in_words(moment: dt.datetime | None) -> str:
    """Return a moment in the site's time zone, to the second; empty for None."""
    return date_format(timezone.localtime(moment), "j M Y, H:i:s") if moment else ""


class TidyAdmin(SavedFiltersAdmin):
    """Lists whose address may be typed: what cannot be filtered by is left out, as Django does with most of it."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuse patterns, which can keep a database busy, and rows that point here: they may be of another's event."""
        pointing = {relation.name for relation in self.opts.related_objects}
        if "regex" in lookup or lookup.partition("__")[0] in pointing:
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]  # -- as in Django's own UserAdmin

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list. Raises IncorrectLookupParameters, also for what the database alone finds out."""
        try:
            with transaction.atomic():
                return super().get_changelist_instance(request)
        except (ValueError, OverflowError, DataError) as error:
            raise IncorrectLookupParameters from error

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Delete, once whoever asks has shown again who they are: a session that was left open is not enough."""
        confirmation.require(request)
        return super().delete_view(request, object_id, extra_context)


class ConfirmedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # -- as above
    """Pages that give rights, or ways into an account: who writes there shows again who they are."""

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Show the form, or take it."""
        if request.method == "POST":
            confirmation.require_before_writing(request)
        return super().changeform_view(request, object_id, form_url, extra_context)


class PersonSelect(AutocompleteSelect):
    """A choice of a person, which can be shown again when what was sent is no number."""

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> Any:
        """Return the chosen ones."""
        numbers = [text for text in value if not text or (text.isdecimal() and int(text) <= LARGEST_ID)]
        return super().optgroups(name, numbers, attr)


class SecretsAdmin(TidyAdmin):
    """Rows with `secrets`: fields that must not be filtered by, since `?code__startswith=A` would tell them.

    `ways` are the links of `links.py` that are shown with a row, and `entrances` what such links of others filter by.
    """

    secrets: tuple[str, ...] = ()
    ways: Ways = ()
    entrances: tuple[str, ...] = ()

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return a row, with what the links beside it need to know: who looks."""
        if "\0" in object_id:  # no text of the database has one, and PostgreSQL refuses to look
            return None
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            found.on_record = between(request, self.ways, found.pk) if self.ways else ""
        return found

    @admin.display(description=_("on record"))
    def on_record(self, row: Any) -> str:
        """Return the links to what is on record of a row."""
        return getattr(row, "on_record", "") or "–"

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuse to filter by what must not be known."""
        if lookup in self.entrances:
            return True
        return not lookup.startswith(self.secrets) and super().lookup_allowed(lookup, value, request)


class WatchedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # -- as above
    """Pages about people: who reads them is entered in the audit trail, once for whoever reads on."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list."""
        response = super().changelist_view(request, extra_context)
        return self._noted(request, response)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Show one of them."""
        response = super().changeform_view(request, object_id, form_url, extra_context)
        return self._noted(request, response) if object_id else response

    def _noted(self, request: HttpRequest, response: Any) -> Any:
        shown = getattr(response, "context_data", None) if response.status_code == HTTPStatus.OK else None
        if request.method == "GET" and shown is not None:
            thing = shown.get("original")
            with override(settings.LANGUAGE_CODE):  # as the trail keeps it
                rows = str(self.opts.verbose_name_plural)
            # By its own number: 007 in the address is 7 as well, however many zeros somebody types.
            subject = f"{self.opts.model_name} {thing.pk}" if thing else f"list of {rows}"
            trail.record_admin_look(thing, actor=cast("User", request.user), subject=subject)
        return response


class RecordAdmin(WatchedAdmin, SecretsAdmin):
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
