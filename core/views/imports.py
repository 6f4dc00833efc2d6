"""Importing events from a file: upload, look, confirm; for those who may make events."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..http import PersonRequest, answer, for_people, invalid, keeps_uploads, reads, wants_json, writes
from ..imports import create, files
from ..imports.columns import COLUMNS, REQUIRED, template
from ..imports.forms import UploadForm
from ..imports.rows import check
from ..many import LARGEST_ID
from ..models import EventImport
from ..refusals import NotImported
from .lookup import creator_or_404

SHOWN = 100  # rows, or problems
LIMITS = {"most_rows": files.MOST_ROWS, "columns": COLUMNS, "required": REQUIRED}


@reads
@for_people
def import_events(request: PersonRequest) -> HttpResponse:
    """Show the form to upload a file."""
    creator_or_404(request)
    return render(request, "core/organize/import.html", {"form": UploadForm(), **LIMITS})


@reads
@for_people
def import_template(request: PersonRequest) -> HttpResponse:
    """Answer a file to begin with."""
    creator_or_404(request)
    disposition = {"Content-Disposition": 'attachment; filename="events.csv"'}
    return HttpResponse(f"\ufeff{template()}", content_type="text/csv; charset=utf-8", headers=disposition)


@keeps_uploads
@writes
@for_people
def import_upload(request: PersonRequest) -> HttpResponse:
    """Keep what a file has in it, and show that."""
    creator_or_404(request)
    form = UploadForm(request.POST, request.FILES)
    try:
        if form.is_valid():
            upload = form.cleaned_data["file"]
            kept = create.keep(content=upload.read(), file_name=upload.name, user=request.user)
            return _kept(request, kept)
    except files.Unreadable as refused:
        form.add_error("file", str(refused))
    context = {"form": form, **LIMITS}
    return invalid(request, form, lambda: render(request, "core/organize/import.html", context, status=400))


def _kept(request: HttpRequest, kept: EventImport) -> HttpResponse:
    where = resolve_url("import_preview", kept.pk)
    if wants_json(request):
        return JsonResponse({"status": "uploaded", "preview": where})
    return HttpResponseRedirect(where)


@reads
@for_people
def import_preview(request: PersonRequest, import_id: int) -> HttpResponse:
    """Show what would be imported, and what is wrong."""
    creator_or_404(request)
    return _preview(request, _own(request, import_id))


def _own(request: PersonRequest, import_id: int) -> EventImport:
    kept = EventImport.objects.filter(pk=import_id, by=request.user).first() if import_id <= LARGEST_ID else None
    if kept is None:
        raise Http404(_("There is no such upload, or it was forgotten after a day: upload the file again."))
    return kept


def _preview(request: PersonRequest, kept: EventImport, *, status: int = 200) -> HttpResponse:
    checked = check(create.rows_of(kept), user=request.user)
    rows = [
        (number, event, number in checked.repeated, checked.repeated.get(number))
        for number, event in checked.events[:SHOWN]
    ]
    context = {"kept": kept, "checked": checked, "rows": rows, "problems": checked.problems[:SHOWN]}
    return render(request, "core/organize/import_preview.html", context, status=status)


@writes
@for_people
def import_confirm(request: PersonRequest, import_id: int) -> HttpResponse:
    """Create the events of an upload."""
    creator_or_404(request)
    kept = _own(request, import_id)
    try:
        may_repeat = request.POST.get("again") == "yes"
        count = create.create_events(import_id=kept.pk, user=request.user, may_repeat=may_repeat)
    except NotImported as refused:
        if wants_json(request):
            return JsonResponse({"status": refused.status, "detail": refused.detail}, status=409)
        messages.warning(request, refused.detail)
        return _preview(request, kept, status=409)
    message = ngettext(
        "%(count)d event was created as a draft: nobody else sees it before it is published.",
        "%(count)d events were created as drafts: nobody else sees them before they are published.",
        count,
    )
    return answer(request, {"status": "imported", "events": count}, message=message % {"count": count}, to="organize")
