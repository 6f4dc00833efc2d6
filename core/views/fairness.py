"""What everybody sees of an event's line: how it is ordered, what happened in it, and how to check that."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from ..fairness import ledger, verify_ledger
from ..fairness.promise import draw_of, serving_of, shares_of
from ..fairness.words import tell
from ..http import download, for_people, reads
from ..models import TicketHold
from ..now import now
from .lookup import visible_event

PAGE = 100  # entries
LINES = 2000  # of the file in one piece: half a megabyte
VERIFIER = Path(verify_ledger.__file__)


@reads
def fairness(request: HttpRequest, event_id: int) -> HttpResponseBase:
    """Show how an event's line works, and its ledger; with `?person=mine` only the viewer's own entries."""
    return _own_entries(request, event_id) if request.GET.get("person") == "mine" else _page(request, event_id)


@for_people
def _own_entries(request: HttpRequest, event_id: int) -> HttpResponse:
    return _page(request, event_id, only_own=True)


def _page(request: HttpRequest, event_id: int, *, only_own: bool = False) -> HttpResponse:
    moment = now()
    event = visible_event(request, event_id, moment)
    mine = ledger.pseudonym(event, request.user.pk) if request.user.is_authenticated else ""
    # The numbers have no gaps, so that those of a page are known without counting or skipping rows.
    seqs: Any = range(event.ledger_seq, 0, -1)
    if only_own and request.user.is_authenticated:
        seqs = ledger.entries_of(event, request.user.pk).order_by("-seq").values_list("seq", flat=True)
    page = Paginator(seqs, PAGE).get_page(request.GET.get("page"))
    entries = event.ledger.filter(seq__in=list(page)).order_by("-seq")
    context = {
        "event": event,
        "now": moment,
        "shares": shares_of(event),
        "draw": draw_of(event),
        "serving": serving_of(event, moment),
        "unlinked": TicketHold.objects.waiting().to_link().filter(event=event).count(),
        "seal": event.ledger_seal or ledger.first_seal(event.pk),
        "mine": mine,
        "only_own": only_own,
        "query": "person=mine&" if only_own else "",
        "entries": [tell(entry, event) for entry in entries],
        "page": page,
    }
    return render(request, "core/fairness.html", context)


@reads
def ledger_file(request: HttpRequest, event_id: int) -> HttpResponseBase:
    """Answer an event's ledger as a file (docs/ledger-format.md)."""
    event = visible_event(request, event_id, now())
    return download(request, _pieces(ledger.file_of(event)), "text/plain; charset=utf-8", f"ledger-{event.pk}.txt")


def _pieces(lines: Iterable[str]) -> Iterator[bytes]:
    lines = iter(lines)
    while piece := "".join(islice(lines, LINES)):
        yield piece.encode()


@reads
def ledger_verifier(request: HttpRequest) -> HttpResponse:
    """Answer the verifier's source, which needs nothing of this project."""
    disposition = {"Content-Disposition": f'attachment; filename="{VERIFIER.name}"'}
    return HttpResponse(VERIFIER.read_bytes(), content_type="text/x-python; charset=utf-8", headers=disposition)
