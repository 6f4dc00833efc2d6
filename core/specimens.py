"""Everything that the style guide shows: made-up events, places and tickets in each of their states; none is stored."""

import datetime as dt
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from django import forms
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.contrib.staticfiles import finders
from django.core.exceptions import ValidationError
from django.http import QueryDict

from . import artwork, documents
from .checkin.scans import WORDS
from .context import EventCard, event_card
from .fairness.promise import Share
from .forms.people import OfferForm
from .models import Event, Scan, User
from .models.tickets import status_of_ticket
from .numbers import stats
from .paging import Page
from .position import Ended, PersonPlaces
from .search import SearchForm

FIRST_ID = 2_000_000_000  # of their events: whoever presses a button finds that there is no such event
CAPACITY = 120
CODE = "STYLEGUIDE" * 7 + "CODE"  # as long as a real one; it opens nothing
ZONE = "Europe/Berlin"
TOKEN = re.compile(r"--([\w-]+): ([^;]+);")
LENGTH = re.compile(r"[\d.]+rem")
DAY, HOUR, MINUTE = dt.timedelta(days=1), dt.timedelta(hours=1), dt.timedelta(minutes=1)
States = dict[str, dict[str, Any]]  # what `_card` takes, by the name of its event


class SpecimenForm(forms.Form):
    """A field of each kind. What is typed is fixed, and some of it wrong."""

    plain = forms.CharField(label="Plain")
    hinted = forms.CharField(label="With a hint", required=False, help_text="What the person should know beforehand.")
    wrong = forms.EmailField(label="With an error", help_text="A hint stays when there is an error.")
    chosen = forms.ChoiceField(label="A choice", choices=[("1", "The first"), ("2", "The second")])
    long = forms.CharField(label="A long text", required=False, widget=forms.Textarea(attrs={"rows": 3}))
    ticked = forms.BooleanField(label="A box to tick", required=False)

    def clean(self) -> None:
        """Refuse the form as a whole as well."""
        raise ValidationError("What is wrong with the form as a whole.")


def specimens(moment: dt.datetime) -> dict[str, Any]:
    """Return what the templates of the style guide read, as it is at `moment`."""
    person = User(pk=FIRST_ID, username="robin", first_name="Robin", last_name="Example")
    sale, mine = _of_a_sale(moment), _of_a_person(moment)
    cards = [_card(moment, n, name, person, **state) for n, (name, state) in enumerate((sale | mine).items())]
    tickets = [card.ticket for card in cards if card.ticket]
    return {
        "person": person,
        "nobody": AnonymousUser(),
        "cards": cards,
        "badges": list({card.badge: card for card in reversed(cards)}.values()),
        "guests": [_card(moment, n, name, None, **state) for n, (name, state) in enumerate(sale.items(), len(cards))],
        "holds": [card for card in cards if card.badge == "held"],
        "places": [card for card in cards if card.badge == "waiting"],
        "openings": [card for card in cards if card.badge == "not_yet"],
        "tickets": tickets,
        "ticketed": [card for card in cards if card.ticket],
        "ticket_states": ["valid", "admitted", "cancelled"],
        "looks": ["ok", "warning", "broken", "plain"],  # of the status page, and of what is only a word
        "qr": documents.data_uri(documents.qr_svg(CODE), "image/svg+xml"),
        "artwork": artwork.drawing_of(cards[0].event),
        "offers": [SimpleNamespace(pk=FIRST_ID, ticket=tickets[0], offered_by=person, page_url="#offers")],
        "offer_form": OfferForm(owner=person, asks_why=False),
        "form": SpecimenForm({"plain": "What was typed", "wrong": "robin at example", "chosen": "2"}),
        "search": SearchForm(QueryDict()),
        "notices": [
            Message(getattr(constants, level), f"A message of the level {level.lower()}.")
            for level in ("SUCCESS", "INFO", "WARNING", "ERROR")
        ],
        "results": [
            {"outcome": outcome, "attendee": person.display_name, "detail": WORDS[outcome]}
            for outcome in Scan.Outcome.values
        ],
        "page": Page([], number=2, last=3, total=60),
        "shares": [Share("Friends of the house", places=12, percent=10)],
        "told": SimpleNamespace(url="https://tickets.example.org/events/1/"),
        **_tokens(),
    }


def _of_a_sale(moment: dt.datetime) -> States:
    """Return the states of a sale; nothing is the viewer's."""
    full = {"booked": CAPACITY - 10, "held": 10}
    drawn = {"line_policy": Event.LinePolicy.RANDOMISED_OPEN}
    return {
        "Nothing booked": {},
        "Half of it booked": {"booked": CAPACITY // 2, "held": 7},
        "All of it booked": {"booked": CAPACITY},
        "All booked or held, and people waiting": {**full, "waiting": 37},
        "Places free, and people waiting": {"booked": 90, "waiting": 3},
        "Opens in three hours": {"sales_open_at": moment + 3 * HOUR},
        "Opens in nine days, with a draw": {"sales_open_at": moment + 9 * DAY, "waiting": 412, **drawn},
        "Paused by staff": {"booked": 40, "paused_at": moment, "pause_reason": "The hall is being measured again."},
        "Sale closed": {"booked": 90, "sales_close_at": moment - HOUR},
        "Started": {"booked": 118, "starts_at": moment - HOUR},
        "Cancelled": {"booked": 40, "status": Event.Status.CANCELLED},
        "A draft": {"status": Event.Status.DRAFT},
    }


def _of_a_person(moment: dt.datetime) -> States:
    """Return the states of what a person can have of an event."""
    full = {"booked": CAPACITY - 10, "held": 10}
    line = {**full, "waiting": 37}
    before = {"sales_open_at": moment + 3 * HOUR, "waiting": 37}
    first = {"tier": 1, "name": "Friends of the house", "places": 12}
    drawn = {"line_policy": Event.LinePolicy.RANDOMISED_OPEN}
    return {
        "Held for you": {**full, "hold": {"expires_at": moment + 9 * MINUTE}},
        "Held, in the last two minutes": {**full, "hold": {"expires_at": moment + 1.5 * MINUTE}},
        "Waiting behind eleven people": {**line, "place": {"ahead": 11, "wait_seconds": 540}},
        "Next in line": {**line, "place": {}},
        "Waiting while a group is served first": {**line, "place": {"ahead": 3, "served_first": first}},
        "Waiting, drawn at the opening": {**line, "place": {"ahead": 4, "draw": 212}},
        "Waiting for the opening": {**before, "place": {"ahead": 4}},
        "Waiting for the draw": {**before, **drawn, "place": {"ahead": 4}},
        "Waiting while it is paused": {**line, "paused_at": moment, "place": {"ahead": 2}},
        "Waiting after the sale closed": {**line, "sales_close_at": moment - HOUR, "place": {"ahead": 2}},
        "Booked": {"booked": 60, "ticket": {}},
        "Booked, and let in": {"booked": 60, "ticket": {"checked_in_at": moment - HOUR}},
        "Booked, and the event cancelled": {"booked": 60, "status": Event.Status.CANCELLED, "ticket": {}},
        "A hold that lapsed": {"booked": 60, "ended": Ended("expired", moment - MINUTE)},
        "A place that staff ended": {**full, "ended": Ended("released", moment - MINUTE, "A second account")},
    }


def _card(
    moment: dt.datetime, number: int, name: str, person: User | None, *, waiting: int = 0, **state: Any
) -> EventCard:
    """Return the card of an event, with what a person has of it: a `hold`, a `place` in line, a `ticket`, what `ended`.

    Places and tickets are no models: nothing but the allocation makes those, stored or not.
    """
    own = {part: state.pop(part) for part in ("hold", "place", "ticket", "ended") if part in state}
    facts: dict[str, Any] = {
        "venue": "The Old Ropewalk",
        "time_zone": ZONE,
        "starts_at": moment + 30 * DAY,
        "capacity": CAPACITY,
    }
    event = Event(pk=FIRST_ID + number, name=name, **facts | state)
    event.line_waiting, event.line_lapsed = waiting, 0
    mine = PersonPlaces(login_at=moment - HOUR if person else None)
    if "ended" in own:
        mine.ended[event.pk] = own["ended"]
    if "hold" in own:
        mine.places[event.pk] = _place("held", **own["hold"])
    if "place" in own:
        mine.places[event.pk] = _place("waiting", **own["place"])
    if "ticket" in own:
        mine.tickets[event.pk] = _ticket(event, person, moment, **own["ticket"])
    return event_card(event, stats(event, moment), mine, moment)


def _place(status: str, **facts: Any) -> Any:
    nothing = {"ahead": 0, "draw": None, "expires_at": None, "served_first": None, "wait_seconds": None}
    return SimpleNamespace(status=status, **nothing | facts)


def _ticket(event: Event, person: User | None, moment: dt.datetime, checked_in_at: dt.datetime | None = None) -> Any:
    return SimpleNamespace(
        pk=event.pk, event=event, user=person, user_id=FIRST_ID, code=CODE, booked_at=moment - DAY, cancelled_at=None,
        checked_in_at=checked_in_at, status=status_of_ticket(checked_in_at, None, event.status),
    )  # fmt: skip


def _tokens() -> dict[str, list[tuple[str, str]]]:
    """Return the colors, lengths and sizes of letters of tokens.css: a color is what a scheme gives another value."""
    text = Path(str(finders.find("core/css/tokens.css"))).read_text(encoding="utf-8")
    plain, _, schemes = text.partition("@media")
    tokens = dict(TOKEN.findall(plain))
    themed = dict(TOKEN.findall(schemes)).keys() - {"shadow"}
    lengths = [(name, value) for name, value in tokens.items() if LENGTH.fullmatch(value)]
    return {
        "colors": [(name, value) for name, value in tokens.items() if name in themed],
        "sizes": [(name, value) for name, value in tokens.items() if name.startswith("size")],
        "spaces": [(name, value) for name, value in lengths if not name.startswith(("radius", "size"))],
        "radii": [(name, value) for name, value in lengths if name.startswith("radius")],
    }
