"""The queue of mail in the admin: who was written to, when, and whether it arrived; never what it said."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

# The library registers pages of its own, which show links to new passwords and let mail be written.
from post_office import admin as of_library
from post_office.models import Attachment, Email, EmailTemplate, Log

from .records import RecordAdmin

assert of_library  # noqa: S101 -- imported for what it registers, which goes
for model in (Attachment, Email, EmailTemplate, Log):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(Email)
class EmailAdmin(RecordAdmin):
    """Mails, for administrators."""

    change_form_template = "admin/change_form.html"  # the library's own would send a mail again
    list_display = ("to", "subject", "status", "created", "last_updated", "number_of_retries", "scheduled_time")
    list_filter = ("status", "created")
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
