"""Figures of a sale, for its organizer and administrators."""

from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import override

from ..analytics.charts import Chart
from ..analytics.periods import PeriodForm
from ..analytics.reading import Figures, Scope, extent, read
from ..analytics.report import charts, highlights
from ..exports import files
from ..http import PersonRequest, download, for_people, problem, reads
from ..now import now
from ..trust import trail
from .lookup import managed_event, organizer_or_404

OF_THE_SITE = {"logins"}  # charts of what is of no event


@reads
@for_people
def analytics(request: HttpRequest, event_id: int) -> HttpResponse:
    """Show the figures of an event."""
    return _page(request, Scope(event=managed_event(request, event_id)))


@reads
@for_people
def site_analytics(request: PersonRequest) -> HttpResponse:
    """Show the figures of all one's events together; administrators those of all events."""
    return _page(request, _own_events(request))


@reads
@for_people
def analytics_csv(request: HttpRequest, event_id: int, chart: str) -> HttpResponseBase:
    """Answer the numbers of one chart of an event."""
    return _file(request, Scope(event=managed_event(request, event_id)), chart)


@reads
@for_people
def site_analytics_csv(request: PersonRequest, chart: str) -> HttpResponseBase:
    """Answer the numbers of one chart of all one's events."""
    return _file(request, _own_events(request), chart)


def _own_events(request: PersonRequest) -> Scope:
    organizer_or_404(request)
    return Scope(organizer=None if request.user.is_superuser else request.user)


def _form(request: HttpRequest, scope: Scope) -> PeriodForm:
    moment = now()
    begin, end = extent(scope, moment)
    zone = ZoneInfo(scope.event.zone if scope.event else settings.TIME_ZONE)
    return PeriodForm(request.GET or None, zone=zone, moment=moment, begin=begin, end=end)


def _figures(scope: Scope, form: PeriodForm) -> Figures:
    return read(scope, form.chosen(), form.moment)


def _charts(request: HttpRequest, figures: Figures) -> list[Chart]:
    """Return the charts; what they say of the whole site is for administrators."""
    return [chart for chart in charts(figures) if request.user.is_superuser or chart.key not in OF_THE_SITE]


def _page(request: HttpRequest, scope: Scope) -> HttpResponse:
    form = _form(request, scope)
    figures = _figures(scope, form)
    drawn = _charts(request, figures)
    context = {
        "event": scope.event,
        "form": form,
        "period": figures.period,
        "until": min(figures.period.until, form.moment),  # the last bar is not over yet
        "highlights": highlights(figures),
        "charts": sorted(drawn, key=lambda chart: chart.is_empty),  # what is a line of words leaves no hole
        "is_empty": all(chart.is_empty for chart in drawn if chart.key not in OF_THE_SITE),
        "query": request.GET.urlencode() if form.is_valid() else "",
    }
    return render(request, "core/organize/analytics.html", context, status=400 if form.errors else 200)


def _file(request: HttpRequest, scope: Scope, key: str) -> HttpResponseBase:
    form = _form(request, scope)
    if form.errors:
        return problem(request, 400, "invalid", str(next(iter(form.errors.values()))[0]))
    with override(settings.LANGUAGE_CODE):  # a file is for programs
        drawn = _charts(request, _figures(scope, form))
        written = next((one.records for one in drawn if one.key == key), None)
    if written is None:
        raise Http404(_("There is no such chart."))
    event = scope.event.pk if scope.event else None
    trail.record(trail.Action.EXPORTED, event=event, subject=f"chart {key}")
    header, *records = written
    name = files.name_of(key, scope.event, "csv") if scope.event else f"{key}.csv"
    return download(request, files.as_csv(header, records), files.CSV_TYPE, name)
