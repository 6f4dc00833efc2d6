"""Events in the admin: the four numbers of each, and changes that go through the allocation."""

import logging
from typing import Any, ClassVar, Literal

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import DateTimeField, ProtectedError, QuerySet, Value
from django.forms import Script
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from .. import allocation, numbers, organizing
from ..checkin.figures import with_admitted
from ..formats import grouped
from ..forms.events import NO_ROOM, EventForm
from ..forms.moments import MomentField
from ..forms.reasons import TrailReasonForm
from ..locking import again_after_conflict
from ..models import Event, Scan
from ..now import now
from ..pulse import with_pace
from ..refusals import Refused
from ..trust import confirmation
from . import asked
from .links import OF_EVENT
from .questions import Question
from .records import PersonSelect, SecretsAdmin, counted, only_own, read_at, state_in_words
from .serving import ServingAdmin, serving_in_words
from .terms import TermsAdmin

logger = logging.getLogger(__name__)

IN_USE = _(
    "“%(event)s” has places, tickets, scans or a ledger, which stay on record: it cannot be deleted. Cancel it instead."
)


def _waiting(event: Event) -> str:
    told = ngettext("%(event)s: %(count)d person waiting", "%(event)s: %(count)d people waiting", event.line_waiting)
    return told % {"event": event.name, "count": event.line_waiting}


SERVE = Question(
    action="serve_now",
    words=asked.serving,
    warning=_(
        "Lapsed holds end, and free places go to the first in line, now. The clock does the same every second: this is"
        " for when it does not run. Where serving is paused, nobody is given anything."
    ),
    describe=_waiting,
    reason_form=TrailReasonForm,
)


class SaleFilter(admin.SimpleListFilter):
    """Events whose places are given now."""

    title = _("sale")
    parameter_name = "sale"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choice."""
        return [("open", _("On sale now"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        """Filter by the choice."""
        return queryset.filter(pk__in=Event.objects.on_sale(now()).values("pk")) if self.value() else queryset


class RevisionForm(EventForm):
    """The form of an event, shown again with the reason when the allocation refused to carry it out."""

    refusal = ""

    def clean(self) -> dict[str, Any] | None:
        """Add what the allocation said."""
        if self.refusal:
            raise ValidationError(self.refusal)
        return super().clean()


@admin.register(Event)
class EventAdmin(TermsAdmin, ServingAdmin, SecretsAdmin):
    """Administrators see every event, other staff those they organize."""

    form = RevisionForm
    secrets = ("draw_seed", "pseudonym_key")  # who knew them could compute a draw before it is made, and name people
    list_display = (
        "name", "starts", "status_now", "booked_now", "held_now", "available_now", "waiting_now", "pace_now",
        "admitted_now",
    )  # fmt: skip
    list_filter = (SaleFilter, "status", ("starts_at", admin.DateFieldListFilter), "auto_hold")
    search_fields = ("name", "venue", "created_by__username", "created_by__email")
    date_hierarchy = "starts_at"
    ordering = ("-starts_at", "-pk")
    autocomplete_fields = ("created_by",)
    readonly_fields = (
        "serving_now", "booked_now", "held_now", "available_now", "waiting_now", "pace_now", "admitted_now",
        "on_record",
    )  # fmt: skip
    ways = OF_EVENT
    actions = ("serve_now",)
    list_per_page = 50
    formfield_overrides: ClassVar = {DateTimeField: {"form_class": MomentField, "widget": AdminSplitDateTime}}

    class Media:
        js: ClassVar = [Script(f"core/js/{name}.js", type="module") for name in ("admin_shares", "admin_numbers")]

    show_full_result_count = False

    def get_fieldsets(self, request: HttpRequest, obj: Event | None = None) -> Any:
        """Return the parts of the form; its numbers for an existing event, its organizer for administrators."""
        organizer = ["created_by"] if request.user.is_superuser else []
        times = gettext("Times are typed and shown here in %(zone)s, and on the event's pages in its own time zone.")
        sale = ("status", "capacity", "sales_open_at", "sales_close_at", "auto_hold", "hold_minutes")
        event = ("name", "description", "venue", "starts_at", "ends_at", "time_zone", "image", *organizer)
        line = self.terms_fieldset(request, obj)
        parts: list[Any] = [
            (None, {"fields": event, "description": times % {"zone": settings.TIME_ZONE}}),
            (gettext("Sale"), {"fields": sale}),
            line,
        ]
        return [*parts, (gettext("Now"), {"fields": self.readonly_fields})] if obj else parts

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Let the organizer be looked for."""
        if db_field.name == "created_by":
            kwargs["widget"] = PersonSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        """Return the events with their lines, counted in the same query."""
        moment = now()
        events = with_admitted(with_pace(numbers.with_line(Event.objects.all(), moment), moment))
        events = events.annotate(read_at=Value(moment))
        return only_own(request, events.order_by(*self.ordering), "created_by")

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns; the status leads those who may pause the serving to the page for it."""
        status = "status_link" if self.has_change_permission(request) else "status_now"
        return [status if name == "status_now" else name for name in self.list_display]

    def get_actions(self, request: HttpRequest) -> Any:
        """Return no bulk deletion: of many events, some have been sold."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    @admin.action(description=_("Serve the selected events now…"), permissions=["change"])
    def serve_now(self, request: HttpRequest, queryset: QuerySet[Event]) -> TemplateResponse | None:
        """Ask why, and serve the lines."""
        return SERVE.ask(self, request, queryset, then=self._serve)

    def _serve(self, request: HttpRequest, events: list[Event], reason: str) -> None:
        for event in events:
            moved = self._serve_and_enter(request, event, reason)
            told = ngettext("%(event)s: %(count)d place changed.", "%(event)s: %(count)d places changed.", moved)
            messages.success(request, told % {"event": event.name, "count": moved})

    @again_after_conflict
    def _serve_and_enter(self, request: HttpRequest, event: Event, reason: str) -> int:
        """Serve the line and enter it in the history, both or neither; return how many places changed."""
        with transaction.atomic():
            moved = len(allocation.serve(event.pk))
            self.log_change(request, event, f"Served, {counted(moved, 'place', 'places')} changed: {reason}")
        return moved

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Preset the organizer: whoever is typing."""
        return {"created_by": request.user.pk, **super().get_changeform_initial_data(request)}

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form's class, made for this request, with what the allocation refused in it."""
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.refusal = getattr(request, "event_refusal", "")
        return form

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Show the form again, with what was typed and the reason, when the allocation refuses: somebody was faster.

        Before an event is somebody else's, whoever gives it to them shows again who they are: it gives rights.
        """
        if self._gives_to_another(request, object_id):
            confirmation.require_before_writing(request)
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refused as refused:
            request.event_refusal = refused.detail  # type: ignore[attr-defined]  # -- ours, read by get_form
        except OSError as error:  # of the media folder: nothing was saved
            logger.warning("A picture could not be stored: %s.", error.strerror)
            request.event_refusal = NO_ROOM  # type: ignore[attr-defined]  # -- as above
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _gives_to_another(self, request: HttpRequest, object_id: str | None) -> bool:
        """Return whether what was sent changes the organizer, or makes an event for somebody else."""
        if request.method != "POST" or "created_by" not in request.POST or not request.user.is_superuser:
            return False
        event: Event | None = self.get_object(request, unquote(object_id)) if object_id else None
        return request.POST["created_by"] != str(event.created_by_id if event else request.user.pk)

    def save_model(self, request: HttpRequest, obj: Event, form: Any, change: bool) -> None:
        """Store a new event; change an existing one by the allocation alone, which knows what was sold meanwhile."""
        if change:
            values = form.changed_values()
            changed = organizing.change(event_id=obj.pk, values=values, seen=form.stored)
            request.event_changes = changed  # type: ignore[attr-defined]  # -- ours, read below
            return
        if not request.user.is_superuser:
            obj.created_by_id = request.user.pk  # type: ignore[assignment]  # -- staff have logged in
        super().save_model(request, obj, form, change)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Return what is entered in the history, with what each field was and became, which the audit trail tells."""
        message: Any = super().construct_change_message(request, form, formsets, add)
        for part in message:
            if "changed" in part and "object" not in part["changed"]:  # of the event itself
                part["changed"]["values"] = request.event_changes  # type: ignore[attr-defined]  # -- as above
        return message

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Delete an event that nobody has anything to do with; say in words why not otherwise."""
        event: Event | None = self.get_object(request, unquote(object_id))
        try:
            if event is None or not _is_in_use(event):
                return super().delete_view(request, object_id, extra_context)
        except ProtectedError:  # sold between the question and the answer
            pass
        messages.error(request, IN_USE % {"event": event})
        return redirect("admin:core_event_change", object_id)

    @admin.display(description=_("starts"), ordering="starts_at")
    def starts(self, event: Event) -> str:
        """Return when it starts, in the site's time zone, in few letters."""
        return date_format(timezone.localtime(event.starts_at), "j M Y, H:i")

    @admin.display(description=_("status"), ordering="status")
    def status_now(self, event: Event) -> SafeString:
        """Return the status, and whether serving is paused."""
        return _live(event, "status", format_html("{}", _status(event)))

    @admin.display(description=_("status"), ordering="status")
    def status_link(self, event: Event) -> SafeString:
        """Return the same, leading to the page that pauses and resumes."""
        return _live(event, "status", _leads("admin:core_event_serving", event, "status", _status(event)))

    @admin.display(description=_("serving"))
    def serving_now(self, event: Event) -> str:
        """Return whether serving is paused, since when and why."""
        return serving_in_words(event)

    @admin.display(description=_("booked"), ordering="booked")
    def booked_now(self, event: Event) -> SafeString:
        """Return how many of the capacity are booked, leading to their tickets, and their share as a bar."""
        percent = f"{numbers.stats(event, read_at(event))['percentage_sold']:.0f}"
        bar = format_html('<progress value="{}" max="{}">{}%</progress>', event.booked, max(event.capacity, 1), percent)
        capacity = format_html('<span data-number="capacity">{}</span>', grouped(event.capacity))
        # Translators: how many places are booked, and of how many.
        told = format_html(
            gettext("{booked} of {capacity}"), booked=_link("ticket", event, "booked"), capacity=capacity
        )
        return _live(event, "booked", format_html("{} {}", told, bar))

    @admin.display(description=_("held"), ordering="held")
    def held_now(self, event: Event) -> SafeString:
        """Return how many are held, leading to their places."""
        return _live(event, "held", _link("tickethold", event, "held"))

    @admin.display(description=_("available"))
    def available_now(self, event: Event) -> SafeString:
        """Return how many are left."""
        available = numbers.stats(event, read_at(event))["available"]
        return _live(event, "available", format_html('<span data-number="available">{}</span>', grouped(available)))

    @admin.display(description=_("waiting"), ordering="line_waiting")
    def waiting_now(self, event: Event) -> SafeString:
        """Return how many wait, leading to their places."""
        return _live(event, "waiting", _link("tickethold", event, "waiting"))

    @admin.display(description=_("per minute"), ordering="booked_lately")
    def pace_now(self, event: Event) -> SafeString:
        """Return how many were booked in the last minute, leading to the minutes before."""
        return _live(event, "pace", _leads("organize_event", event, "pace", grouped(event.booked_lately)))

    @admin.display(description=_("admitted"), ordering="admitted")
    def admitted_now(self, event: Event) -> SafeString:
        """Return how many are in, leading to the report of the gate."""
        number = format_html('<span data-gate-number="admitted">{}</span>', grouped(event.admitted))
        return _live(event, "admitted", _leads("gate_report", event, "admitted", number))


def _status(event: Event) -> str:
    state = state_in_words(event.status)
    return gettext("%(state)s, paused") % {"state": state} if event.paused_at else state


def _live(event: Event, kind: str, content: SafeString) -> SafeString:
    """Return what `admin_numbers.js` keeps as it is."""
    html = '<span class="{}" data-region="{}-{}" data-event="{}" data-version="{}">{}</span>'
    return format_html(html, kind, kind, event.pk, event.pk, event.version, content)


def _link(model: str, event: Event, name: Literal["booked", "held", "waiting"]) -> SafeString:
    status = {"ticket": "", "tickethold": "&live=yes"}[model]
    address = reverse(f"admin:core_{model}_changelist")
    number = numbers.stats(event, read_at(event))[name]
    html = '<a href="{}?event__id__exact={}{}" id="{}-{}" data-number="{}">{}</a>'
    return format_html(html, address, event.pk, status, name, event.pk, name, grouped(number))


def _leads(page: str, event: Event, kind: str, number: str) -> SafeString:
    return format_html('<a href="{}" id="{}-{}">{}</a>', reverse(page, args=[event.pk]), kind, event.pk, number)


def _is_in_use(event: Event) -> bool:
    records = event.places.all(), event.tickets.all(), Scan.objects.filter(event=event), event.ledger.all()
    return any(rows.exists() for rows in records)
