"""The queue of mail in the admin: who was written to, when, and whether it arrived; never what it said."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

# The library registers pages of its own, which show links to new passwords and let mail be written.
from post_office import admin as of_library
from post_office.models import Attachment, Email, EmailTemplate, Log

from ..mail_rows import GIVEN_UP, WAITING
from .records import RecordAdmin

assert of_library  # noqa: S101 -- imported for what it registers, which goes
for model in (Attachment, Email, EmailTemplate, Log):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class EndFilter(admin.SimpleListFilter):
    """Mails that wait, tried or not, and those that an operator can mend."""

    title = _("what became of it")
    parameter_name = "end"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [("waiting", _("Waiting")), ("given_up", _("Given up"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Email]) -> QuerySet[Email]:
        """Filter by the choice."""
        return queryset.filter({"waiting": WAITING, "given_up": GIVEN_UP}.get(self.value() or "", Q()))


@admin.register(Email)
class EmailAdmin(RecordAdmin):
    """Mails, for administrators."""

    change_form_template = "admin/change_form.html"  # the library's own would send a mail again
    list_display = ("to", "subject", "status", "created", "last_updated", "number_of_retries", "scheduled_time")
    list_filter = (EndFilter, "status", "created")
    search_fields = ("to", "subject")
    ordering = ("-pk",)
    fields = ("to", "subject", "status", "created", "last_updated", "number_of_retries", "scheduled_time", "why")
    readonly_fields = ("why",)
    secrets = ("message", "html_message", "headers", "context")

    @admin.display(description=_("why not"))
    def why(self, email: Email) -> str:
        """Return what ended the mail without its being sent."""
        return "; ".join(email.logs.values_list("message", flat=True))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Email]:
        """Return all; organizers have no permission for this page."""
        return admin.ModelAdmin.get_queryset(self, request)
