"""Places, tickets and scans in the admin: to be read; released and cancelled through the allocation."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from .. import allocation, cleanup
from ..forms.reasons import CancelTicketForm, TrailReasonForm
from ..locking import again_after_conflict
from ..models import Cause, Event, Scan, Ticket, TicketHold, TicketTransfer
from ..now import now
from ..refusals import Refused
from . import asked, labels
from .extending import ExtendingAdmin
from .links import OF_TICKET
from .questions import Question
from .records import RecordAdmin, in_words, state_in_words

SHOWN_OF_A_CODE = 6
Choices = list[tuple[str, str]]


def _place_in_words(place: TicketHold) -> str:
    facts = {"person": place.user.username, "event": place.event.name, "state": state_in_words(place.status)}
    if place.status != TicketHold.Status.HELD:
        return gettext("%(person)s, %(event)s: %(state)s") % facts
    until = gettext("%(person)s, %(event)s: held until %(moment)s")
    return until % {**facts, "moment": in_words(place.expires_at)}


def _ticket_in_words(ticket: Ticket) -> str:
    facts = {"person": ticket.user.username, "event": ticket.event.name, "state": state_in_words(ticket.status)}
    return gettext("%(person)s, %(event)s: %(state)s, %(code)s") % {**facts, "code": _masked(ticket)}


def _masked(ticket: Ticket) -> str:
    return f"…{ticket.code[-SHOWN_OF_A_CODE:]}"


def _exactly(name: str) -> Callable[[TicketHold], str]:
    """Return a column that shows a moment to the second: the minute says nothing about who was first."""

    @admin.display(description=labels.FIELDS[name], ordering=name)
    def shown(place: TicketHold) -> str:
        return in_words(getattr(place, name))

    return shown


RELEASE = Question(
    action="release_places",
    words=asked.releasing,
    warning=_("Holds and places in line end, and what becomes free goes to the first in line at once."),
    describe=_place_in_words,
)
CANCEL = Question(
    action="cancel_tickets",
    words=asked.cancelling,
    warning=_("They no longer open the gate, and their places go to the first in line at once. This cannot be undone."),
    describe=_ticket_in_words,
    reason_form=CancelTicketForm,
)


RESEND = Question(
    action="resend_tickets",
    words=asked.sending,
    warning=_("Their owners get the confirmation once more, with the ticket as PDF. Nothing else changes."),
    describe=_ticket_in_words,
    reason_form=TrailReasonForm,
)


class LiveFilter(admin.SimpleListFilter):
    """Places that count, and places that have ended."""

    title = _("live")
    parameter_name = "live"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """Return the choices."""
        return [("yes", gettext("Waiting or held")), ("no", gettext("Ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[TicketHold]) -> QuerySet[TicketHold]:
        """Filter by the choice; a hold past its time has ended, swept or not."""
        live = TicketHold.objects.live(now()).values("pk")
        return {"yes": queryset.filter(pk__in=live), "no": queryset.exclude(pk__in=live)}.get(
            self.value() or "", queryset
        )


class TicketStatusFilter(admin.SimpleListFilter):
    """Tickets by what they are worth at the gate."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """Return the choices, in the words of `Ticket.status`."""
        return [(state, state_in_words(state)) for state in ("valid", "admitted", "cancelled")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> QuerySet[Ticket]:
        """Filter by the choice."""
        came = Q(checked_in_at__isnull=False)
        cancelled = Q(cancelled_at__isnull=False) | Q(event__status=Event.Status.CANCELLED)
        worth = {"valid": ~came & ~cancelled, "admitted": came & ~cancelled, "cancelled": cancelled}
        return queryset.filter(worth.get(self.value() or "", Q()))


@admin.register(TicketHold)
class TicketHoldAdmin(ExtendingAdmin, RecordAdmin):
    """Places in line and holds."""

    list_display = ("user", "event", "status", *map(_exactly, ("login_timestamp", "held_at", "expires_at", "ended_at")))
    list_display_links = ("status",)
    list_select_related = ("user", "event")
    list_filter = (LiveFilter, "status", "created_at", ("event", admin.RelatedOnlyFieldListFilter))
    search_fields = ("user__username", "user__email", "event__name")
    ordering = ("-pk",)
    fields = (
        "event", "user", "status", "login_timestamp", "tier", "draw", "session", "created_at", "held_at", "expires_at",
        "ended_at", "end_reason",
    )  # fmt: skip
    actions = ("release_places",)
    has_release_permission = RecordAdmin.may_act

    @admin.action(description=_("Release the selected holds and places in line"), permissions=["release"])
    def release_places(self, request: HttpRequest, queryset: QuerySet[TicketHold]) -> TemplateResponse | None:
        """Ask why, and end live places; the next in line are served at once."""
        return RELEASE.ask(self, request, queryset, then=self._release)

    def _release(self, request: HttpRequest, places: list[TicketHold], reason: str) -> None:
        by_event: dict[int, list[int]] = {}
        for place in places:
            by_event.setdefault(place.event_id, []).append(place.pk)
        ended = sum(self._release_of(request, ids, reason) for _, ids in sorted(by_event.items()))
        if ended:
            messages.success(request, asked.places_released(ended))
        if others := len(places) - ended:
            messages.warning(request, asked.places_left_alone(others))

    @again_after_conflict
    def _release_of(self, request: HttpRequest, ids: list[int], reason: str) -> int:
        """End those of an event, and enter each that really ended in the history: both, or neither."""
        places = TicketHold.objects.filter(pk__in=ids)
        with transaction.atomic():
            moment = now()
            ended = cleanup.end_places(places, cause=Cause.REMOVED_BY_STAFF, reason=reason)
            for place in places.filter(ended_at__gte=moment, end_reason=reason):
                self.log_change(request, place, f"Released: {reason}")
        return ended


@admin.register(Ticket)
class TicketAdmin(RecordAdmin):
    """Tickets, without their codes: whoever knows one can be let in by it."""

    list_display = ("masked_code", "user", "event", "status", "booked_at", "checked_in_at", "cancelled_at")
    list_select_related = ("user", "event")
    list_filter = (TicketStatusFilter, "booked_at", ("event", admin.RelatedOnlyFieldListFilter))
    search_fields = ("user__username", "user__email", "event__name")
    ordering = ("-pk",)
    fields = (
        "masked_code", "event", "user", "status", "booked_at", "hold", "checked_in_at", "checked_in_by", "cancelled_at",
        "cancel_reason", "replaces", "mailed_at", "on_record",
    )  # fmt: skip
    readonly_fields = ("masked_code", "status", "replaces", "on_record")
    secrets = ("code",)
    ways = OF_TICKET
    actions = ("cancel_tickets", "resend_tickets")
    has_cancel_permission = has_resend_permission = RecordAdmin.may_act

    @admin.display(description=_("status"))
    def status(self, ticket: Ticket) -> str:
        """Return what it is worth at the gate."""
        return state_in_words(ticket.status)

    @admin.display(description=_("code"))
    def masked_code(self, ticket: Ticket) -> str:
        """Return the end of the code: enough to tell two tickets apart, useless at the gate."""
        return _masked(ticket)

    @admin.action(description=_("Cancel the selected tickets"), permissions=["cancel"])
    def cancel_tickets(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> TemplateResponse | None:
        """Ask why, and cancel tickets; their places go to the next in line at once."""
        return CANCEL.ask(self, request, queryset, then=self._cancel)

    def _cancel(self, request: HttpRequest, tickets: list[Ticket], reason: str) -> None:
        refused: Counter[str] = Counter()
        cancelled = 0
        for ticket in tickets:
            if ticket.cancelled_at is not None:
                refused[gettext("This ticket was cancelled before.")] += 1
                continue
            try:
                self._cancel_one(request, ticket, reason)
            except Refused as refusal:
                refused[str(refusal.detail)] += 1
            else:
                cancelled += 1
        if cancelled:
            done = ngettext(
                "Cancelled: %(count)d ticket. The line was served.",
                "Cancelled: %(count)d tickets. The line was served.",
                cancelled,
            )
            messages.success(request, done % {"count": cancelled})
        for detail, number in refused.items():
            messages.warning(request, asked.tickets_left_alone(number, detail))

    @again_after_conflict
    def _cancel_one(self, request: HttpRequest, ticket: Ticket, reason: str) -> None:
        """Cancel it and enter it in the history: both, or neither."""
        with transaction.atomic():
            allocation.cancel_ticket(ticket_id=ticket.pk, cause=Cause.CANCELLED_BY_STAFF, reason=reason)
            self.log_change(request, ticket, f"Cancelled: {reason}")

    @admin.action(description=_("Send the selected tickets again…"), permissions=["resend"])
    def resend_tickets(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> TemplateResponse | None:
        """Ask why, and have the confirmations sent once more."""
        return RESEND.ask(self, request, queryset, then=self._resend)

    def _resend(self, request: HttpRequest, tickets: list[Ticket], reason: str) -> None:
        """Note valid tickets as not mailed: `mailing.py` stores their confirmations, as of new ones."""
        sent = [ticket for ticket in tickets if ticket.status == "valid" and ticket.mailed_at and ticket.user.email]
        with transaction.atomic():
            Ticket.objects.filter(pk__in=[ticket.pk for ticket in sent]).update(mailed_at=None)
            for ticket in sent:
                self.log_change(request, ticket, f"Sent again: {reason}")
        if sent:
            done = ngettext("On their way: %(count)d ticket.", "On their way: %(count)d tickets.", len(sent))
            messages.success(request, done % {"count": len(sent)})
        if others := len(tickets) - len(sent):
            why = gettext("Used, cancelled, without an address, or about to be sent anyway.")
            messages.warning(request, asked.tickets_left_alone(others, why))


@admin.register(TicketTransfer)
class TicketTransferAdmin(RecordAdmin):
    """Offers of tickets, without the token that makes their address."""

    organizer = "ticket__event__created_by"
    list_display = ("offered_at", "event", "owner", "email", "status", "accepted_by")
    list_select_related = ("ticket__event", "ticket__user", "accepted_by")
    list_filter = ("end", "offered_at", ("ticket__event", admin.RelatedOnlyFieldListFilter))
    search_fields = ("email", "ticket__user__username", "ticket__event__name", "accepted_by__username")
    ordering = ("-pk",)
    fields = (
        "event", "ticket", "owner", "email", "status", "offered_by", "offered_at", "accepted_by", "accepted_at",
        "ended_at", "reason",
    )  # fmt: skip
    readonly_fields = ("event", "owner", "status")
    secrets = ("token", "ticket__code")
    entrances = ("ticket__user__id__exact", "ticket__id__exact")

    @admin.display(description=_("status"))
    def status(self, transfer: TicketTransfer) -> str:
        """Return what became of it."""
        return state_in_words(transfer.status)

    @admin.display(description=_("event"))
    def event(self, transfer: TicketTransfer) -> Event:
        """Return what the ticket is for."""
        return transfer.ticket.event

    @admin.display(description=_("owner"))
    def owner(self, transfer: TicketTransfer) -> str:
        """Return whose ticket was offered."""
        return transfer.ticket.user.display_name


@admin.register(Scan)
class ScanAdmin(RecordAdmin):
    """Every attempt to enter."""

    list_display = ("scanned_at", "event", "outcome", "let_in", "attendee", "staff", "gate", "undone_at")
    list_select_related = ("event", "ticket__user", "staff")
    list_filter = ("outcome", "let_in", "is_offline", "scanned_at", ("event", admin.RelatedOnlyFieldListFilter))
    search_fields = (
        "ticket__user__username", "ticket__user__first_name", "ticket__user__last_name", "ticket__user__email",
        "event__name", "staff__username", "gate",
    )  # fmt: skip
    ordering = ("-pk",)
    fields = (
        "scanned_at", "recorded_at", "event", "outcome", "let_in", "by_name", "is_offline", "attendee", "ticket",
        "staff", "gate", "undone_at", "undone_by", "undo_reason",
    )  # fmt: skip
    readonly_fields = ("attendee",)
    entrances = ("ticket__user__id__exact", "ticket__id__exact", "staff__id__exact")

    @admin.display(description=_("attendee"))
    def attendee(self, scan: Scan) -> str:
        """Return whose ticket it was; empty for a code that is none."""
        return scan.ticket.user.display_name if scan.ticket else ""
