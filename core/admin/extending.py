"""The admin's page on which one hold is extended, for whoever may end places."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from .. import steering
from ..acts import ExtensionForm
from ..fairness.ledger import extensions_of_hold
from ..locking import again_after_conflict
from ..models import TicketHold
from ..now import now
from ..refusals import HoldOver, Refused
from .records import in_words

AGAIN = _("This hold was extended since you opened this page, by you or a colleague; nothing was added to that.")


class ExtendingAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # -- not subscriptable at run time
    """Adds the page to the admin of places, and a link to it where a place is held."""

    def get_urls(self) -> list[Any]:
        """Return the addresses, this page's first: Django's own end with one that takes anything."""
        view = require_http_methods(["GET", "HEAD", "POST"])(self.extend_view)
        page = path("<path:object_id>/extend/", self.admin_site.admin_view(view), name="core_tickethold_extend")
        return [page, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show a place, and whether it can be extended."""
        can_extend = self.may_act(request)  # type: ignore[attr-defined]  # -- of RecordAdmin
        return super().change_view(request, object_id, form_url, {"can_extend": can_extend, **(extra_context or {})})

    def extend_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask by how much and why; extend the hold, and enter it in the event's ledger."""
        if not self.may_act(request):  # type: ignore[attr-defined]  # -- as above
            raise PermissionDenied
        place: TicketHold | None = self.get_object(request, unquote(object_id))
        if place is None:
            return self.change_view(request, object_id)  # which says so
        form = ExtensionForm(
            request.POST if request.method == "POST" else None, initial={"seen": extensions_of_hold(place)}
        )
        is_held = place.status == TicketHold.Status.HELD and not place.is_lapsed(now())
        if is_held and not form.is_valid():
            return self._noted(request, self._page(request, place, form))  # type: ignore[attr-defined,no-any-return]  # -- of WatchedAdmin
        if is_held:
            self._extend(request, place, form.cleaned_data)
        else:
            messages.warning(request, HoldOver.detail)
        return redirect("admin:core_tickethold_change", place.pk)

    def _extend(self, request: HttpRequest, place: TicketHold, typed: dict[str, Any]) -> None:
        minutes = f"{typed['minutes'].normalize():f}"
        try:
            is_done = self._extend_and_enter(request, place, typed, f"Extended by {minutes} min: {typed['reason']}")
        except Refused as refused:
            messages.warning(request, refused.detail)
            return
        if not is_done:
            messages.warning(request, AGAIN)
            return
        place.refresh_from_db(fields=["expires_at"])
        done = gettext("Extended by %(minutes)s min: held until %(moment)s.")
        messages.success(request, done % {"minutes": minutes, "moment": in_words(place.expires_at)})

    @again_after_conflict
    def _extend_and_enter(self, request: HttpRequest, place: TicketHold, typed: dict[str, Any], entry: str) -> bool:
        """Extend the hold and enter it in the trail: both, or neither."""
        what = {"event_id": place.event_id, "hold_id": place.pk, "reason": typed["reason"], "seen": typed["seen"]}
        with transaction.atomic():
            is_done = steering.extend_hold(**what, minutes=float(typed["minutes"]))
            if is_done:
                self.log_change(request, place, entry)
        return is_done

    def _page(self, request: HttpRequest, place: TicketHold, form: ExtensionForm) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Extend the hold of %(person)s?") % {"person": place.user.username},
            "opts": self.opts,
            "original": place,
            "until": in_words(place.expires_at),
            "form": form,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/core/tickethold/extend.html", context)
