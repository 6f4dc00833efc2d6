"""What is each person's own by the rows, against what their page was told: at rest (I11), and ever (I13)."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from bench.told import Ever, Shown
from core.models import Event, Ticket, TicketHold

Held = tuple[dt.datetime, dt.datetime]  # since when, and until when in the end
Place = tuple[str, dt.datetime | None, int | None]  # as in `bench.told`, the end of a hold as a moment


class Truth:
    """The numbers, places and tickets of events that have come to rest."""

    def __init__(self, events: Sequence[int]) -> None:
        self.numbers = {event.pk: _numbers(event) for event in Event.objects.filter(pk__in=events)}
        self.places: dict[int, dict[int, Place]] = defaultdict(dict)  # by person and event
        self.holds: dict[tuple[int, int], list[Held]] = defaultdict(list)  # by person and event
        self.tickets: dict[int, dict[tuple[int, str], str]] = defaultdict(dict)  # by person: those that stand
        self.owners: dict[tuple[int, str], int] = {}  # of each ticket that there ever was, by event and code
        for ticket in Ticket.objects.filter(event__in=events):
            self.owners[ticket.event_id, ticket.code] = ticket.user_id
            if ticket.cancelled_at is None:
                status = "admitted" if ticket.checked_in_at else "valid"
                self.tickets[ticket.user_id][ticket.event_id, ticket.code] = status
        for event in events:
            self._add(sorted(TicketHold.objects.filter(event=event), key=_rank))

    def _add(self, places: Sequence[TicketHold]) -> None:
        """Add an event's places, first in line first."""
        position = 0
        for place in places:
            if place.held_at and place.expires_at:
                self.holds[place.user_id, place.event_id].append((place.held_at, place.expires_at))
            if place.status == TicketHold.Status.WAITING:
                position += 1
                self.places[place.user_id][place.event_id] = ("waiting", None, position)
            elif place.status == TicketHold.Status.HELD:
                self.places[place.user_id][place.event_id] = ("held", place.expires_at, None)

    def wrong_at_rest(self, page: Shown) -> list[str]:
        """Return in words what an open page shows that is not so: of everybody's numbers, and of one's own."""
        places = {event: (status, _moment(until), at) for event, (status, until, at) in page.places.items()}
        numbers = {event: _some(page.numbers.get(event, {}), row) for event, row in self.numbers.items()}
        is_so = [
            *((f"of event {event}", numbers[event], row) for event, row in self.numbers.items()),
            (f"as places of person {page.user}", places, self.places.get(page.user, {})),
            (f"as tickets of person {page.user}", page.tickets, self.tickets.get(page.user, {})),
        ]
        return [f"{told} {what}, and the rows have {row}" for what, told, row in is_so if told != row]

    def wrong_ever(self, told: Ever) -> list[str]:
        """Return in words what a page was told, at any time, as one's own, and was another's, or nobody's."""
        codes = [code for code in told.codes if self.owners.get(code) != told.user]
        holds = [hold for hold in told.holds if not self._held(told.user, *hold)]
        said = [f"ticket {code} of event {event}" for event, code in codes]
        said += [f"a hold of event {event} until {until}" for event, until in holds]
        return [f"person {told.user} was told of {what}, which is not theirs" for what in said]

    def _held(self, user: int, event: int, until: str) -> bool:
        """Return whether a person had a hold that once ended then; staff may have moved its end since."""
        moment = dt.datetime.fromisoformat(until)
        return any(since < moment <= end for since, end in self.holds.get((user, event), ()))


def _rank(place: TicketHold) -> tuple[object, ...]:
    return (-place.tier, place.draw is None, place.draw or 0, place.login_timestamp, place.pk)


def _moment(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


def _some(told: dict[str, Any], row: dict[str, int]) -> dict[str, Any]:
    return {name: told.get(name) for name in row}


def _numbers(event: Event) -> dict[str, int]:
    """Return what every page must show of an event, counted."""
    return {
        "capacity": event.capacity,
        "held": TicketHold.objects.filter(event=event, status=TicketHold.Status.HELD).count(),
        "waiting": TicketHold.objects.waiting().filter(event=event).count(),
        "booked": Ticket.objects.valid().filter(event=event).count(),
        "version": event.version,
    }
