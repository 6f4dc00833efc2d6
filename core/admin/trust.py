"""Second factors and the audit trail in the admin."""

from allauth.mfa import admin as of_library
from allauth.mfa.base.internal.flows import delete_dangling_recovery_codes
from allauth.mfa.models import Authenticator
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .. import arrivals, changes
from ..models import AuditEntry
from ..trust import trail
from . import asked
from .questions import Question
from .records import RecordAdmin, in_words

assert of_library  # noqa: S101 -- imported for what it registers, a page that shows secrets, which goes
if admin.site.is_registered(Authenticator):
    admin.site.unregister(Authenticator)
admin.site.disable_action("delete_selected")  # Django enters many deletions at once without telling anybody


REMOVE = Question(
    action="remove_factors",
    words=asked.removing,
    warning=_("They log in by password alone then, and staff set up a new one. For somebody who has lost their phone."),
    describe=lambda factor: f"{factor.user.username}: {factor.get_type_display()}",
    reason_form=None,
    wants_confirmation=True,
)


@admin.register(Authenticator)
class AuthenticatorAdmin(RecordAdmin):
    """Second factors of people, without what they prove themselves by."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_select_related = ("user",)
    list_filter = ("type", "created_at")
    search_fields = ("user__username", "user__email")
    ordering = ("-pk",)
    fields = ("user", "type", "created_at", "last_used_at")
    secrets = ("data",)
    actions = ("remove_factors",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Authenticator]:
        """Return all; only administrators have this page."""
        return admin.ModelAdmin.get_queryset(self, request)

    def has_view_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        """Show them to administrators alone."""
        return bool(request.user.is_superuser)

    def has_remove_permission(self, request: HttpRequest) -> bool:
        """Let administrators remove them."""
        return bool(request.user.is_superuser)

    @admin.action(description=_("Remove these second factors…"), permissions=["remove"])
    def remove_factors(self, request: HttpRequest, queryset: QuerySet[Authenticator]) -> TemplateResponse | None:
        """Ask, and remove them."""
        return REMOVE.ask(self, request, queryset.select_related("user"), then=self._remove)

    def _remove(self, request: HttpRequest, factors: list[Authenticator], _reason: str) -> None:
        with transaction.atomic():
            for factor in factors:
                trail.record(trail.Action.FACTOR_REMOVED, person=factor.user_id, detail=factor.type)
                factor.delete()
                delete_dangling_recovery_codes(factor.user)  # which would be a second factor of their own
                arrivals.end_all_sessions(factor.user)  # whoever has the phone that was lost is in by it
        done = ngettext("Removed: %(count)d second factor.", "Removed: %(count)d second factors.", len(factors))
        messages.success(request, done % {"count": len(factors)})


@admin.register(AuditEntry)
class AuditEntryAdmin(RecordAdmin):
    """Who did what: read by administrators, and by organizers of their events; changed by nobody."""

    list_display = ("moment", "actor", "action", "subject", "person", "event", "told", "address")
    list_display_links = ("moment",)
    list_select_related = ("actor", "person", "event")
    list_filter = ("action", "at", ("event", admin.RelatedOnlyFieldListFilter))
    search_fields = ("actor__username", "person__username", "subject", "address")
    ordering = ("-pk",)
    fields = ("moment", "actor", "action", "subject", "person", "event", "told", "address")
    readonly_fields = ("moment", "told")

    @admin.display(description=_("when"), ordering="pk")
    def moment(self, entry: AuditEntry) -> str:
        """Return when, to the second."""
        return in_words(entry.at)

    @admin.display(description=_("detail"))
    def told(self, entry: AuditEntry) -> str:
        """Return what exactly; of an event that was changed, what each field was and became."""
        return "; ".join(map(str, changes.tell(entry.changes))) if entry.changes else entry.detail
