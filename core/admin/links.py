"""Ways between a person, an event or a ticket and what is on record of them; none is counted, so nothing is asked."""

from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Ways = tuple[tuple["StrOrPromise", str, str], ...]  # what it is called, the model, and what its list is filtered by

OF_PERSON: Ways = (
    (_("Places in line and holds"), "tickethold", "user__id__exact"),
    (_("Tickets"), "ticket", "user__id__exact"),
    (_("Offers of their tickets"), "tickettransfer", "ticket__user__id__exact"),
    (_("Scans of their tickets"), "scan", "ticket__user__id__exact"),
    (_("Scans that they made"), "scan", "staff__id__exact"),
    (_("Sessions"), "usersession", "user__id__exact"),
    (_("What they did"), "auditentry", "actor__id__exact"),
    (_("What was done about them"), "auditentry", "person__id__exact"),
)
OF_EVENT: Ways = (
    (_("Places in line and holds"), "tickethold", "event__id__exact"),
    (_("Tickets"), "ticket", "event__id__exact"),
    (_("Scans"), "scan", "event__id__exact"),
    (_("Who did what"), "auditentry", "event__id__exact"),
)
OF_TICKET: Ways = (
    (_("Scans"), "scan", "ticket__id__exact"),
    (_("Offers"), "tickettransfer", "ticket__id__exact"),
)


def between(request: HttpRequest, ways: Ways, pk: int) -> SafeString:
    """Return links to the lists that the person who asks may see."""
    seen = [way for way in ways if request.user.has_perm(f"core.view_{way[1]}")]
    rows = ((f"{reverse(f'admin:core_{model}_changelist')}?{by}={pk}", name) for name, model, by in seen)
    return format_html_join(" · ", '<a href="{}">{}</a>', rows)
