"""The admin's page on which an event's serving is paused and resumed, and its holds are extended."""

import datetime as dt
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from .. import acts, numbers, organizing
from ..acts import Act
from ..forms.reasons import ReasonForm
from ..models import Event, TicketHold
from ..refusals import Refused
from .records import in_words, read_at

PREFIX = "id_"  # of the ids of inputs, as everywhere in the admin


class ServingAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # -- not subscriptable at run time
    """Adds the page to the admin of events, for whoever may change the event."""

    def get_urls(self) -> list[Any]:
        """Return the addresses, this page's first: Django's own end with one that takes anything."""
        view = require_http_methods(["GET", "HEAD", "POST"])(self.serving_view)
        page = path("<path:object_id>/serving/", self.admin_site.admin_view(view), name="core_event_serving")
        return [page, *super().get_urls()]

    def serving_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show how an event is served; carry out what staff want to do about it, and enter why in its ledger."""
        event: Event | None = self.get_object(request, unquote(object_id))
        if event is None:
            return self.change_view(request, object_id)  # which says so
        if not self.has_change_permission(request, event):
            raise PermissionDenied
        act = _act_of(request)
        typed = act.filled(request.POST, prefix=PREFIX) if act else None
        if act is None or typed is None or not typed.is_valid():
            return self._page(request, event, act, typed)
        try:
            note = partial(self.log_change, request, event)
            told, is_done = organizing.carry_out(act, event, typed.cleaned_data, note=note)
        except Refused as refused:
            told, is_done = str(refused.detail), False
        (messages.success if is_done else messages.warning)(request, told)
        return redirect("admin:core_event_serving", object_id)

    def _page(self, request: HttpRequest, event: Event, act: Act | None, typed: ReasonForm | None) -> TemplateResponse:
        stats = numbers.stats(event, read_at(event))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Serving: %(event)s") % {"event": event},
            "opts": self.opts,
            "original": event,
            "state": _state(event, stats),
            "forms": acts.forms_of(event, PREFIX, act, typed),
            "concerned": _concerned(stats["held"]),
            "media": self.media,
        }
        return TemplateResponse(request, "admin/core/event/serving.html", context)


def _concerned(held: int) -> str:
    """Return whom it would concern if all holds were extended."""
    if not held:
        return _("It concerns nobody now.")
    return ngettext("It concerns %(count)d hold now.", "It concerns %(count)d holds now.", held) % {"count": held}


def serving_in_words(event: Event) -> str:
    """Return whether the serving of an event is paused, since when and why."""
    if event.paused_at is None:
        return _("Not paused")
    facts = {"moment": in_words(event.paused_at), "reason": event.pause_reason}
    return _("Paused since %(moment)s: “%(reason)s”") % facts


def _act_of(request: HttpRequest) -> Act | None:
    """Return what a POST asks for; None for a GET."""
    return acts.asked_for(request.POST.get("act", "")) if request.method == "POST" else None


def _state(event: Event, stats: numbers.Stats) -> list[tuple[str, Any]]:
    """Return what is to be known before anything is done, as pairs of a name and a value."""
    held = TicketHold.objects.live(read_at(event)).filter(event=event, status=TicketHold.Status.HELD)
    last = held.aggregate(last=Max("expires_at"))["last"]
    until = _("%(held)d, the last one until %(moment)s")
    return [
        (_("As of"), f"{in_words(read_at(event))} ({settings.TIME_ZONE})"),
        (_("Status"), event.get_status_display()),
        (_("On sale"), _sale(event, read_at(event))),
        (_("Serving"), serving_in_words(event)),
        (_("Capacity"), stats["capacity"]),
        (_("Booked"), stats["booked"]),
        (_("Held"), until % {"held": stats["held"], "moment": in_words(last)} if last else stats["held"]),
        (_("Available"), stats["available"]),
        (_("Waiting in line"), stats["waiting"]),
    ]


def _sale(event: Event, moment: dt.datetime) -> str:
    if event.is_on_sale(moment):
        return _("Yes, until %(moment)s") % {"moment": in_words(event.sales_close_at or event.starts_at)}
    if event.is_before_sale(moment):
        return _("From %(moment)s") % {"moment": in_words(event.sales_open_at)}
    return _("No")
