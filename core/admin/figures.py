"""The day's figures on the admin's first page: of everything for administrators, of their own events for others."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from post_office.models import STATUS, Email

from ..mail_rows import GIVEN_UP, WAITING
from ..models import Event, LastRun, Scan, Ticket, TicketHold
from ..now import now
from ..trust.doctor import in_words
from .records import only_own


@dataclass(frozen=True)
class Figure:
    """A number with its name, and the list that it leads to, if any."""

    name: str
    value: Any
    address: str = ""


def of_today(request: HttpRequest) -> list[Figure]:
    """Return the figures, in as many queries however much there is; a day is one of the site's time zone."""
    moment = now()
    today = moment.astimezone(ZoneInfo(settings.TIME_ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
    events = only_own(request, Event.objects.on_sale(moment), "created_by").count()
    places = _of_places(request, moment)
    figures = [
        Figure(_("Events on sale"), events, _list(request, "event", "sale=open")),
        Figure(
            _("Booked today"), _booked(request, today), _list(request, "ticket", f"booked_at__gte={_exactly(today)}")
        ),
        Figure(_("Held now"), places["held"], _list(request, "tickethold", "live=yes&status__exact=held")),
        Figure(_("Waiting now"), places["waiting"], _list(request, "tickethold", "live=yes&status__exact=waiting")),
        Figure(
            _("Let in today"),
            _let_in(request, today),
            _list(request, "scan", f"let_in__exact=1&undone_at__isnull=1&scanned_at__gte={_exactly(today)}"),
        ),
    ]
    return figures + (_of_the_site(moment) if request.user.is_superuser else [])


def _of_places(request: HttpRequest, moment: dt.datetime) -> dict[str, int]:
    live = only_own(request, TicketHold.objects.live(moment).order_by(), "event__created_by")
    states = TicketHold.Status
    return live.aggregate(
        held=Count("pk", filter=Q(status=states.HELD)), waiting=Count("pk", filter=Q(status=states.WAITING))
    )


def _booked(request: HttpRequest, today: dt.datetime) -> int:
    return only_own(request, Ticket.objects.filter(booked_at__gte=today), "event__created_by").count()


def _let_in(request: HttpRequest, today: dt.datetime) -> int:
    scans: QuerySet[Scan] = Scan.objects.filter(scanned_at__gte=today, let_in=True, undone_at=None)
    return only_own(request, scans, "event__created_by").count()


def _of_the_site(moment: dt.datetime) -> list[Figure]:
    mails = Email.objects.filter(status__in=(STATUS.queued, STATUS.requeued, STATUS.failed)).aggregate(
        waiting=Count("pk", filter=WAITING), given_up=Count("pk", filter=GIVEN_UP)
    )
    cleanup = LastRun.objects.filter(work=LastRun.Work.CLEANUP).first()
    ran = _("%(time)s ago") % {"time": in_words(moment - cleanup.at)} if cleanup else _("never")
    emails = reverse("admin:post_office_email_changelist")
    return [
        Figure(_("Mails waiting"), mails["waiting"], f"{emails}?end=waiting"),
        Figure(_("Mails given up"), mails["given_up"], f"{emails}?end=given_up"),
        Figure(_("Last cleanup"), ran, reverse("admin:core_lastrun_cleanup")),
    ]


def _list(request: HttpRequest, model: str, query: str) -> str:
    """Return the address of a list, for whoever may see it."""
    if not request.user.has_perm(f"core.view_{model}"):
        return ""
    return f"{reverse(f'admin:core_{model}_changelist')}?{query}"


def _exactly(moment: dt.datetime) -> str:
    return quote(moment.isoformat(sep=" "))
