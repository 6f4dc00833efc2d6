"""When clock and cleanup last ran, in the admin, and the page on which administrators run the cleanup."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from .. import cleanup
from ..forms.reasons import TrailReasonForm
from ..models import LastRun
from ..trust import trail
from .records import RecordAdmin


@admin.register(LastRun)
class LastRunAdmin(RecordAdmin):
    """Clock and cleanup: for administrators alone, as they are of the whole site."""

    list_display = ("work", "at")
    ordering = ("work",)
    fields = ("work", "at")
    change_list_template = "admin/core/lastrun/change_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[LastRun]:
        """Return both."""
        return admin.ModelAdmin.get_queryset(self, request)

    def has_view_permission(self, request: HttpRequest, obj: LastRun | None = None) -> bool:
        """Show them to administrators."""
        return bool(request.user.is_active and request.user.is_superuser)

    def get_urls(self) -> list[Any]:
        """Return the addresses, this page's first: Django's own end with one that takes anything."""
        view = require_http_methods(["GET", "HEAD", "POST"])(self.cleanup_view)
        return [path("cleanup/", self.admin_site.admin_view(view), name="core_lastrun_cleanup"), *super().get_urls()]

    def cleanup_view(self, request: HttpRequest) -> HttpResponse:
        """Say what the cleanup would do now; once there is a reason, do it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = TrailReasonForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return self._page(request, form)
        done = cleanup.clean()
        trail.record(trail.Action.ADMIN, subject="cleanup", detail=f"Cleanup run: {form.cleaned_data['reason']}")
        told = ", ".join(f"{_(name)} {number}" for name, number in done.items() if number)
        said = (
            _("The cleanup ran: %(done)s.") % {"done": told} if told else _("The cleanup ran: there was nothing to do.")
        )
        messages.success(request, said)
        return redirect("admin:core_lastrun_changelist")

    def _page(self, request: HttpRequest, form: TrailReasonForm) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Run the cleanup?"),
            "yes": _("Yes, run it"),
            "opts": self.opts,
            "due": {_(name): number for name, number in cleanup.count().items()},
            "form": form,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/core/lastrun/cleanup.html", context)
