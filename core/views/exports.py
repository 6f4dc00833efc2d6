"""Lists of an event to take along, for its organizer and administrators."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from ..exports import files
from ..exports.lists import LISTS, ExportList
from ..formats import fill
from ..http import download, for_people, problem, reads
from ..models import Event
from ..trust import confirmation, trail
from .lookup import managed_event


@reads
@for_people
def exports(request: HttpRequest, event_id: int) -> HttpResponse:
    """Show which lists there are, and how many rows each has."""
    event = managed_event(request, event_id)
    lists = [(one, one.count(event)) for one in LISTS.values()]
    addresses = [
        reverse(kind, args=[event.pk, one.key]) for one, _count in lists for kind in ("export_csv", "export_xlsx")
    ]
    context = {
        "event": event,
        "lists": lists,
        "most_in_xlsx": files.MOST_IN_XLSX,
        "file": confirmation.file_asked_for(request, addresses),
    }
    return render(request, "core/organize/exports.html", context)


@reads
@for_people
def export_csv(request: HttpRequest, event_id: int, what: str, back: str = "exports") -> HttpResponseBase:
    """Answer a list as CSV, piece by piece; `back` is the page from which it is asked for."""
    event, chosen = _chosen(request, event_id, what, back)
    _record(event, chosen, "csv")
    pieces = files.as_csv(chosen.header, chosen.records(event))
    return download(request, pieces, files.CSV_TYPE, files.name_of(what, event, "csv"))


@reads
@for_people
def export_xlsx(request: HttpRequest, event_id: int, what: str) -> HttpResponse:
    """Answer a list as a workbook."""
    event, chosen = _chosen(request, event_id, what)
    if chosen.count(event) > files.MOST_IN_XLSX:
        told = _("This list has more than %(most)d rows, which is too many for a workbook. Download it as CSV instead.")
        return problem(request, 400, "too_many", fill(told, most=files.MOST_IN_XLSX))
    _record(event, chosen, "xlsx")
    with override(settings.LANGUAGE_CODE):  # a file is for programs
        book = files.as_xlsx(str(chosen.title), chosen.header, chosen.records(event))
    disposition = {"Content-Disposition": f'attachment; filename="{files.name_of(what, event, "xlsx")}"'}
    return HttpResponse(book, content_type=files.XLSX_TYPE, headers=disposition)


def _chosen(request: HttpRequest, event_id: int, what: str, back: str = "exports") -> tuple[Event, ExportList]:
    event = managed_event(request, event_id)
    if what not in LISTS:
        raise Http404(_("There is no such list."))
    confirmation.require_before_file(request, reverse(back, args=[event.pk]))
    return event, LISTS[what]


def _record(event: Event, chosen: ExportList, kind: str) -> None:
    trail.record(trail.Action.EXPORTED, event=event.pk, subject=f"{chosen.key}.{kind}")
