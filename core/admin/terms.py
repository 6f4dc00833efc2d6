"""The terms of an event's line in the admin: typed until the sale opens, read from then on (rules 9 and 10)."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .. import steering
from ..forms.events import NO_GROUP, share_fields
from ..models import Event
from ..refusals import TermsFrozen
from .records import read_at

Fieldset = tuple[str, dict[str, Any]]


class TermsAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # -- not subscriptable at run time
    """Adds the order of the line, and who is served first, to the form of an event."""

    def terms_fieldset(self, request: HttpRequest, event: Event | None) -> Fieldset:
        """Return the part of the form that is about the line."""
        if self._are_terms_typed(request, event):
            return gettext("The line"), {"fields": ("line_policy", *share_fields())}
        frozen = event is not None and steering.are_terms_frozen(event, read_at(event))
        fields = ("policy_now", "served_first") if share_fields() else ("policy_now",)
        return gettext("The line"), {"fields": fields, "description": TermsFrozen.detail if frozen else ""}

    def get_readonly_fields(self, request: HttpRequest, obj: Event | None = None) -> Any:
        """Return what is read only, the terms included where they are."""
        terms = () if self._are_terms_typed(request, obj) else ("policy_now", "served_first")
        return (*super().get_readonly_fields(request, obj), *terms)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form's class; the shares are no fields of the model, the form adds them itself."""
        fields = kwargs.pop("fields", None) or flatten_fieldsets(self.get_fieldsets(request, obj))
        kwargs["fields"] = [name for name in fields if name not in share_fields()]
        return super().get_form(request, obj, change=change, **kwargs)

    def _are_terms_typed(self, request: HttpRequest, event: Event | None) -> bool:
        """Return whether this form has fields for the terms.

        One that was opened before the sale still has them when it comes back: what was typed is refused in words, not
        dropped in silence.
        """
        if event is None:
            return True
        if request.method == "POST":
            return "line_policy" in request.POST
        return self.has_change_permission(request, event) and not steering.are_terms_frozen(event, read_at(event))

    @admin.display(description=_("line policy"))
    def policy_now(self, event: Event) -> str:
        """Return the order of the line in words."""
        return event.get_line_policy_display()

    @admin.display(description=_("served first"))
    def served_first(self, event: Event) -> str:
        """Return which groups are served first, up to which part of the capacity."""
        groups = set(Group.objects.filter(name__in=share_fields().values()).values_list("name", flat=True))
        share = gettext("%(group)s: %(percent)d%% of the capacity (places: %(places)d).")
        lines = [
            (
                share % {"group": tier["name"], "percent": event.tier_shares[tier["name"]], "places": tier["places"]},
                "" if tier["name"] in groups else NO_GROUP,
            )
            for tier in event.tiers
        ]
        return format_html_join("", "<div>{} {}</div>", lines) or gettext("No group.")
