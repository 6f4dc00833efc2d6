"""What attendees see and do: events, the dashboard, the calendar, and their places."""

import calendar as month_calendar
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Case, F, Q, When
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.translation import gettext as _
from django.views.decorators.vary import vary_on_cookie

from .. import answers, artwork, gathering, prepared
from ..access import may_manage
from ..accounts import open_offers
from ..context import EventCard, event_card, place_json
from ..fairness.promise import commitment_of, shares_of
from ..formats import fill
from ..forms.moments import MonthForm
from ..http import PersonRequest, answer, for_people, reads, refuse, writes
from ..many import LARGEST_ID
from ..models import Event, EventQuerySet, Ticket, TicketHold
from ..now import now
from ..numbers import stats, with_line
from ..outside import address_of, told_of
from ..paging import page_of_found, page_of_upcoming
from ..position import PersonPlaces, places_of
from ..prepared import Prepared
from ..push import subscriptions
from ..reasons import lapses
from ..refusals import Refused
from ..search import SearchForm
from ..shared_answers import is_known, shared
from .lookup import visible_event


def _mine(request: HttpRequest, moment: dt.datetime) -> PersonPlaces:
    if not request.user.is_authenticated:
        return PersonPlaces()
    return places_of(request.user, moment, cast("PersonRequest", request).arrival)


def _cards(events: Iterable[Event], mine: PersonPlaces, moment: dt.datetime) -> list[EventCard]:
    return [event_card(event, stats(event, moment), mine, moment) for event in events]


@reads
@shared
@vary_on_cookie
def index(request: HttpRequest) -> HttpResponse:
    """List the upcoming events, or those of them that are searched for, with their numbers, a page at a time."""
    moment, search, asked = now(), SearchForm(request.GET), request.GET.get("page")
    page = page_of_found(asked, search.found(moment), moment) if search.is_used else page_of_upcoming(asked, moment)
    cards = _cards(page.events, _mine(request, moment), moment)
    picture = address_of(request, static("core/img/icon-512.png"))
    context = {"cards": cards, "page": page, "search": search, "now": moment}
    context |= {"address": address_of(request), "picture": picture}
    return render(request, "core/index.html", context)


@reads
@shared
@vary_on_cookie
def event_detail(request: HttpRequest, event_id: int) -> HttpResponse:
    """Show one event, and what the person can do about it."""
    moment = now()
    event = visible_event(request, event_id, moment)
    card = event_card(event, stats(event, moment), _mine(request, moment), moment)
    context = {
        "card": card,
        "now": moment,
        "zone": event.zone,
        "shares": shares_of(event),
        "commitment": commitment_of(event),
        "artwork": artwork.drawing_of(event),
        "can_manage": may_manage(request.user, event),
        "told": None if event.status == Event.Status.DRAFT else told_of(request, event, card.stats, moment),
    }
    return render(request, "core/event_detail.html", context)


ORGANIZED = 20  # of one's own events, as many as the dashboard names: the next to come, then the latest


def _compose_organized() -> EventQuerySet:
    is_to_come = Q(starts_at__gt=prepared.moment("moment"))
    soonest = Case(When(is_to_come, then=F("starts_at")))
    own = Event.objects.filter(created_by=prepared.number("user"))
    return own.order_by(soonest.asc(nulls_last=True), "-starts_at", "-pk")[:ORGANIZED]


_organized = Prepared(_compose_organized)


@reads
@for_people
def dashboard(request: PersonRequest) -> HttpResponse:
    """Show all of a person's holds, places in line and tickets, and the upcoming events, a page at a time."""
    moment = now()
    mine = _mine(request, moment)
    own = _cards(_own_events(mine, moment), mine, moment)
    page = page_of_upcoming(request.GET.get("page"), moment)
    context = {
        "lapses": lapses(mine, moment),
        "held": [card for card in own if card.badge == "held"],
        "waiting": [card for card in own if card.badge == "waiting"],
        "booked": [card for card in own if card.ticket],
        "cards": _cards(page.events, mine, moment),
        "page": page,
        "offers": open_offers(request.user, moment),
        "organized": _organized(user=request.user.pk, moment=moment),
        "push": subscriptions.offer_to(request.user, request.session.session_key or ""),
        "now": moment,
    }
    return render(request, "core/dashboard.html", context)


def _own_events(mine: PersonPlaces, moment: dt.datetime) -> list[Event]:
    """Return the events of a person's places and tickets, soonest first.

    A ticket stays in sight while people arrive late, and when its event is cancelled.
    """
    events = {ticket.event_id: ticket.event for ticket in mine.tickets.values()} | {
        place.event_id: place.event for place in mine.places.values() if not place.event.is_over(moment)
    }
    for event in events.values():
        event.line_waiting = event.line_lapsed = 0  # no card of one's own shows the numbers of others
    seen = [event for event in events.values() if event.starts_at > moment - dt.timedelta(days=1)]
    return sorted(seen, key=lambda event: (event.starts_at, event.pk))


@dataclass
class Day:
    """One cell of the calendar."""

    date: dt.date
    in_month: bool
    is_today: bool
    tickets: list[Ticket] = field(default_factory=list)


@reads
@for_people
def calendar(request: HttpRequest) -> HttpResponse:
    """Show a month of the person's tickets, on the days on which the events begin where they are."""
    moment = now()
    form = MonthForm(request.GET)
    today = moment.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    typed = form.cleaned_data["month"] if form.is_valid() else ""
    first = dt.date.fromisoformat(f"{typed}-01") if typed else today.replace(day=1)
    weeks = [
        [Day(date, date.month == first.month, date == today) for date in week]
        for week in month_calendar.Calendar().monthdatescalendar(first.year, first.month)
    ]
    days = {day.date: day for week in weeks for day in week}
    tickets = _mine(request, moment).tickets.values()
    to_come = [ticket for ticket in tickets if ticket.status == "valid" and ticket.event.starts_at > moment]
    for ticket in tickets:
        day = days.get(ticket.event.starts_at.astimezone(ZoneInfo(ticket.event.zone)).date())
        if day is not None:
            day.tickets.append(ticket)
    context = {
        "month": first,
        "soonest": min(to_come, key=lambda ticket: ticket.event.starts_at, default=None),
        "weeks": weeks,
        "previous": (first - dt.timedelta(days=1)).strftime("%Y-%m"),
        "next": (first + dt.timedelta(days=31)).strftime("%Y-%m"),
    }
    return render(request, "core/calendar.html", context)


@reads
@shared
def ticket_stats(request: HttpRequest, event_id: int) -> HttpResponse:
    """Answer an event's numbers as JSON; caches on the way may keep for a second what is nobody's in particular."""
    moment = now()
    response = JsonResponse(stats(visible_event(request, event_id, moment), moment))
    if not is_known(request):
        response["Cache-Control"] = "public, max-age=1"
    return response


@reads
@for_people
def my_place(request: HttpRequest, event_id: int) -> HttpResponse:
    """Answer as JSON what the person has of an event, and the one reason why; of a draft nobody has anything."""
    moment = now()
    event = with_line(Event.objects.published().filter(pk=event_id), moment).first()
    if event is None:
        raise Http404(_("No such event."))
    return JsonResponse(place_json(event_card(event, stats(event, moment), _mine(request, moment), moment), moment))


def _ask(request: PersonRequest, act: str, event_id: int) -> Any:
    """Do what a person asks of an event, or raise Refused; the event of which nobody knows is not there."""
    if event_id > LARGEST_ID:
        raise Http404(_("No such event."))
    return gathering.ask(act, event_id=event_id, user=request.user, login=request.arrival)


@writes
@for_people
def book(request: PersonRequest, event_id: int) -> HttpResponse:
    """Book: turn the hold into a ticket, or a free place when nobody waits."""
    try:
        ticket: Ticket = _ask(request, "book", event_id)
    except Refused as refused:
        return refuse(request, refused, to="dashboard")
    return answer(request, answers.of(ticket), message=_("Booked. This is your ticket."), to=ticket.page_url)


@writes
@for_people
def join(request: PersonRequest, event_id: int) -> HttpResponse:
    """Take a place in line; held at once when that is possible."""
    try:
        place: TicketHold = _ask(request, "join", event_id)
    except Refused as refused:
        return refuse(request, refused, to="dashboard")
    if place.status == TicketHold.Status.WAITING:
        if place.event.is_drawn and place.event.is_to_open:
            message = _("You take part in the draw at the opening. We hold a place for you as soon as it is your turn.")
        else:
            in_line = _("You are in line: number %(position)d. We hold a place for you as soon as it is your turn.")
            message = fill(in_line, position=place.ahead + 1)
        return answer(request, answers.of(place), message=message, to="dashboard", status=202)
    message = _("A place is held for you. Book it before the time is up.")
    return answer(request, answers.of(place), message=message, to="dashboard")


@writes
@for_people
def release_hold(request: PersonRequest, event_id: int) -> HttpResponse:
    """Release the hold, or leave the line."""
    try:
        place: TicketHold | None = _ask(request, "release", event_id)
    except Refused as refused:
        return refuse(request, refused, to="dashboard")
    told = answers.of(place, is_release=True)
    is_paused = place is not None and place.event.paused_at is not None
    if told["status"] == "left":
        message = _("You left the line.")
    elif is_paused:
        message = _("Released. The place goes to the first in line, as soon as serving goes on.")
    else:
        message = _("Released. The place goes to the first in line.")
    return answer(request, told, message=message, to="dashboard")
