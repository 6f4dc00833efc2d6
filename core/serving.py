"""What one transaction of the allocation does to the events it has locked: open, expire, grant, count, announce.

Used by `allocation.py` alone, which takes the lock.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import BooleanField, Exists, ExpressionWrapper, F, OuterRef, Q

from . import arrivals, signals
from .models import Event, Ticket, TicketHold, User, UserSession


class Serving:
    """The locked events of one transaction, the moment read after the lock, and what changes.

    `moves[event id]` is `[change of held, change of booked]`; the same steps are made on the events in memory, so that
    `event.free` is right throughout, and written as guarded steps at the end.
    """

    def __init__(self, events: Mapping[int, Event], moment: dt.datetime) -> None:
        self.events = events
        self.moment = moment
        self.moves: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        self.touched: set[int] = set()
        self.holds: list[TicketHold] = []
        self.tickets: list[Ticket] = []

    def bring_up_to_date(self) -> None:
        """End what lapsed, carry out openings, and give every free place to the first in line."""
        self._expire()
        for event in self.events.values():
            if event.is_opening(self.moment):
                self._open(event)
        waited_for = TicketHold.objects.waiting().filter(event__in=self.events).order_by()
        for event_id in waited_for.values_list("event", flat=True).distinct():
            self._serve_line(self.events[event_id])
        for event in self.events.values():
            if event.status == Event.Status.CANCELLED:
                held = list(TicketHold.objects.filter(event=event, status=TicketHold.Status.HELD))
                self.end(held, TicketHold.Status.RELEASED)

    def _expire(self) -> None:
        lapsed = list(TicketHold.objects.lapsed(self.moment).filter(event__in=self.events))
        # Ended when its time was over, not when somebody noticed: that moment ranks the person if they come back.
        self._move(lapsed, status=TicketHold.Status.EXPIRED, ended_at=F("expires_at"))
        for hold in lapsed:
            hold.ended_at = hold.expires_at
            self.count(hold.event_id, held=-1)

    def _open(self, event: Event) -> None:
        """Put everybody who is there in line by their login, before the first place is given (rule 11)."""
        if event.auto_hold:
            places = [
                TicketHold(event=event, user_id=user, login_timestamp=rank, created_at=self.moment)
                for user, rank in arrivals.present_at_opening(event).items()
            ]
            TicketHold.objects.bulk_create(places, ignore_conflicts=True)
            self.holds += places
        Event.objects.filter(pk=event.pk).update(opened_at=self.moment)
        event.opened_at = self.moment

    def _serve_line(self, event: Event) -> None:
        waiting = TicketHold.objects.waiting().filter(event=event)
        if event.status != Event.Status.PUBLISHED or event.is_over(self.moment):
            self.end(list(waiting), TicketHold.Status.LEFT)
        elif event.is_on_sale(self.moment):
            self._grant(event, waiting)

    def _grant(self, event: Event, waiting: Any) -> None:
        booked = Ticket.objects.valid().filter(event=event, user=OuterRef("user"))
        # Joined in one tab while another tab booked, or just before they were deactivated: the place goes on.
        barred = ExpressionWrapper(Q(Exists(booked)) | Q(user__is_active=False), BooleanField())
        in_order = waiting.annotate(barred=barred).in_line_order()
        while event.free > 0 and (first := list(in_order[: event.free])):
            self.end([place for place in first if place.barred], TicketHold.Status.LEFT)
            self.hold([place for place in first if not place.barred])

    def hold(self, places: list[TicketHold]) -> None:
        """Turn waiting places into holds, each as long as its event's holds last."""
        until: dict[dt.datetime, list[TicketHold]] = defaultdict(list)
        for place in places:
            place.held_at, place.expires_at = self.moment, self.moment + self.events[place.event_id].hold_time
            until[place.expires_at].append(place)
            self.count(place.event_id, held=1)
        for expires_at, alike in until.items():
            self._move(alike, status=TicketHold.Status.HELD, held_at=self.moment, expires_at=expires_at)

    def insert_holds(self, events: list[Event], user: User, session: UserSession) -> None:
        """Hold a place of each event for a person; where they have one by now, from another tab, that one stays."""
        places = [
            TicketHold(
                event=event,
                user=user,
                session=session,
                status=TicketHold.Status.HELD,
                login_timestamp=session.login_timestamp,
                created_at=self.moment,
                held_at=self.moment,
                expires_at=self.moment + event.hold_time,
            )
            for event in events
        ]
        TicketHold.objects.bulk_create(places, ignore_conflicts=True)
        for place in TicketHold.objects.filter(user=user, event__in=events, held_at=self.moment):
            self.count(place.event_id, held=1)
            self.holds.append(place)

    def end(self, places: list[TicketHold], status: TicketHold.Status) -> None:
        """End waiting or held places in a final state; a held one frees its place."""
        for place in places:
            if place.status == TicketHold.Status.HELD:
                self.count(place.event_id, held=-1)
            place.ended_at = self.moment
        self._move(places, status=status, ended_at=self.moment)

    def issue(self, ticket: Ticket) -> Ticket:
        """Store a new ticket and count it."""
        ticket.save()
        self.count(ticket.event_id, booked=1)
        self.tickets.append(ticket)
        return ticket

    def _move(self, places: list[TicketHold], **to: Any) -> None:
        """Set a state on places that were read under the lock; each must still be in a state that is not final."""
        if not places:
            return
        moved = TicketHold.objects.unended().filter(pk__in=[place.pk for place in places]).update(**to)
        if moved != len(places):
            raise RuntimeError(f"{len(places)} places were to move, {moved} did: somebody wrote without the lock")
        for place in places:
            place.status = to["status"]
        self.holds += places

    def count(self, event_id: int, *, held: int = 0, booked: int = 0) -> None:
        """Note a change of an event's numbers."""
        event, move = self.events[event_id], self.moves[event_id]
        event.held, event.booked = event.held + held, event.booked + booked
        move[0], move[1] = move[0] + held, move[1] + booked

    def revise(self, event: Event) -> None:
        """Note that something else about the event changed, so that its pages learn of it."""
        self.count(event.pk)

    def write_numbers(self) -> None:
        """Write the numbers, as steps: even without the lock the constraint would see, and refuse, an oversell."""
        alike: dict[tuple[int, int], list[int]] = defaultdict(list)
        for event_id, (held, booked) in self.moves.items():
            alike[held, booked].append(event_id)
        for (held, booked), event_ids in alike.items():
            Event.objects.filter(pk__in=event_ids).update(
                held=F("held") + held, booked=F("booked") + booked, version=F("version") + 1
            )
        self.touched |= self.moves.keys()
        self.moves.clear()

    def finish(self) -> None:
        """Write what is left to write, and announce it all."""
        self.write_numbers()
        self.touched |= {place.event_id for place in self.holds}
        announce_after_commit(self.touched, self.holds, self.tickets)


def announce_after_commit(event_ids: Iterable[int], holds: list[TicketHold], tickets: list[Ticket]) -> None:
    """Say once, after the commit, what changed. Robust: a broken receiver is logged, and what was done stays done."""
    for signal, changed in (
        (signals.availability_changed, {"event_ids": set(event_ids)}),
        (signals.hold_changed, {"holds": holds}),
        (signals.ticket_changed, {"tickets": tickets}),
    ):
        if any(changed.values()):
            transaction.on_commit(partial(signal.send_robust, sender=Event, **changed), robust=True)
