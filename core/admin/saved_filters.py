"""Filters that staff save under a name: links above each list of the admin, to everybody their own."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from ..models import SavedFilter, User

MOST = 20  # of one person, above one list
MAX_NAME, MAX_QUERY = 60, 1000  # characters
OF_THE_MOMENT = ("p", "e", "all", "_popup", "_to_field")  # which page of it, and how it is shown


class SavedFilterForm(forms.Form):
    """A name, and the query of a list's address, without what is of the moment."""

    name = forms.CharField(
        label=_("Save this filter as"),
        max_length=MAX_NAME,
        error_messages={
            "required": _("Type a name."),
            "max_length": _("A name has at most %(limit_value)d characters."),
        },
    )
    query = forms.CharField(
        max_length=MAX_QUERY,
        widget=forms.HiddenInput,
        error_messages={
            "required": _("The list shows everything: filter it first."),
            "max_length": _("This filter is too long to be saved."),
        },
    )

    def clean_name(self) -> str:
        """Return the name on one line."""
        return " ".join(self.cleaned_data["name"].split())

    def clean_query(self) -> str:
        """Return the query as we write it: a link to it can lead nowhere but into the list."""
        query = lasting(self.cleaned_data["query"])
        if not query:
            raise forms.ValidationError(self.fields["query"].error_messages["required"])
        if len(query) > MAX_QUERY:
            raise forms.ValidationError(self.fields["query"].error_messages["max_length"])
        return query


def lasting(query: str) -> str:
    """Return a query without what is of the moment."""
    found = QueryDict(query, mutable=True)
    for name in OF_THE_MOMENT:
        found.pop(name, None)
    return found.urlencode()


class SavedFiltersAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # -- not subscriptable at run time
    """Adds saved filters to a list, for whoever may see it."""

    def get_urls(self) -> list[Any]:
        """Return the addresses, these first: Django's own end with one that takes anything."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_filters"
        save, delete = (
            self.admin_site.admin_view(require_POST(view)) for view in (self.save_filter, self.delete_filter)
        )
        return [
            path("filters/save/", save, name=f"{name}_save"),
            path("filters/<int:filter_id>/delete/", delete, name=f"{name}_delete"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list with one's saved filters above it, and a way to save what it shows now."""
        if IS_POPUP_VAR in request.GET:  # somebody chooses a row for a form of another window
            return super().changelist_view(request, extra_context)
        query = lasting(request.GET.urlencode())
        context = {
            "saved_filters": _own(request, self.opts.label_lower),
            "saved_query": query,
            "save_filter": SavedFilterForm(initial={"query": query}, auto_id="filter_%s"),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def save_filter(self, request: HttpRequest) -> HttpResponse:
        """Store a filter under a name; the same name again is the new filter."""
        self._require_list(request)
        form = SavedFilterForm(request.POST)
        if not form.is_valid():
            messages.error(request, str(next(iter(form.errors.values()))[0]))
            return self._back(form.cleaned_data.get("query", ""))
        name, query = form.cleaned_data["name"], form.cleaned_data["query"]
        with transaction.atomic():
            # Of two at once, one waits.
            person = User.objects.select_for_update(no_key=True).get(pk=cast("User", request.user).pk)
            own = _own(request, self.opts.label_lower)
            if own.exclude(name=name).count() >= MOST:
                many = gettext("%(count)d filters are saved for this list: delete one first.")
                messages.error(request, many % {"count": MOST})
            else:
                own.update_or_create(user=person, model=self.opts.label_lower, name=name, defaults={"query": query})
                messages.success(request, gettext("Saved: %(name)s.") % {"name": name})
        return self._back(query)

    def delete_filter(self, request: HttpRequest, filter_id: int) -> HttpResponse:
        """Delete a filter of one's own; of others there is none."""
        self._require_list(request)
        found = get_object_or_404(_own(request, self.opts.label_lower), pk=filter_id)
        found.delete()
        messages.success(request, gettext("The filter is deleted: %(name)s.") % {"name": found.name})
        return self._back(lasting(request.POST.get("query", "")[:MAX_QUERY]))

    def _require_list(self, request: HttpRequest) -> None:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied

    def _back(self, query: str) -> HttpResponse:
        address = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        return HttpResponseRedirect(f"{address}?{query}" if query else address)


def _own(request: HttpRequest, model: str) -> QuerySet[SavedFilter]:
    return SavedFilter.objects.filter(user=request.user.pk, model=model).order_by("name")
