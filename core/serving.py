"""What one transaction of the allocation does to the events it has locked: open, expire, grant, count, seal, announce.

Used by `allocation.py`, `booking.py`, `transfer.py` and `steering.py` alone, under the lock.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import F

from . import moves, past, tiers
from .fairness.ledger import Ledger
from .joining import BATCH, store_new
from .models import Cause, Event, Ticket, TicketHold, TicketHoldQuerySet
from .opening import open_sale
from .prepared import Change
from .signals import announce_after_commit

ENDINGS = {
    TicketHold.Status.EXPIRED: "expiry",
    TicketHold.Status.RELEASED: "release",
    TicketHold.Status.LEFT: "leave",
}  # and their entries in the ledger; the end by booking is in the ticket's
JUST_BEFORE = dt.timedelta(microseconds=1)  # what is held in the moment in which it is made is automatic (rule 12)


class Serving:
    """The locked events of one transaction, the moment read after the lock, and what changes.

    `moves[event id]` is `[change of held, change of booked]`; the same steps are made on the events in memory, so that
    `event.free` is right throughout, and written as guarded steps at the end, together with the ledger's entries.
    """

    def __init__(self, events: Mapping[int, Event], moment: dt.datetime, new: Iterable[int] = ()) -> None:
        self.events = events
        self.moment = moment
        self.ledger = Ledger(moment)
        self.moves: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        self.touched: set[int] = set()
        self.holds: list[TicketHold] = []
        self.tickets: list[Ticket] = []
        self._unwritten = {event.pk for event in events.values() if event.ledger_seq == 0}
        self._linked: set[int] = set()  # places that the ledger has now, and whose rows do not say so yet
        self._moved: set[int] = set()  # places whose rows do
        self._new = set(new)  # places of people who join just now: who is held one at once did not wait for it

    def bring_up_to_date(self) -> None:
        """Link who joined, end what lapsed, carry out openings, and give every free place to the first in line."""
        self._link_and_expire()
        for event in self.events.values():
            if event.is_opening(self.moment):
                open_sale(self, event)
            elif event.is_drawn and event.is_before_sale(self.moment):
                self.ledger.note_terms(event)  # with the commitment: before anybody who takes part
        for event in self._to_serve():
            self._serve_line(event)
        for event in self.events.values():
            if event.status == Event.Status.CANCELLED:
                held = list(TicketHold.objects.filter(event=event, status=TicketHold.Status.HELD))
                self.end(held, TicketHold.Status.RELEASED, Cause.EVENT_CANCELLED)

    def _to_serve(self) -> list[Event]:
        """Return the events in whose line somebody waits for what can happen now: to be served, or to be sent away."""
        due = [pk for pk, event in self.events.items() if event.free > 0 or not event.is_serving(self.moment)]
        if not due[1:]:  # one line is as soon looked at as asked for
            return [self.events[pk] for pk in due]
        return [self.events[pk] for (pk,) in moves.with_a_line(events=due)]

    def _link_and_expire(self) -> None:
        due = moves.unlinked_or_lapsing(events=self.events, moment=self.moment)
        self.link(due)
        lapsed = [place for place in due if place.is_lapsed(self.moment)]
        # Ended when its time was over, not when somebody noticed: that moment ranks the person if they come back.
        self._move(lapsed, moves.EXPIRE, TicketHold.Status.EXPIRED)
        for hold in lapsed:
            hold.ended_at = hold.expires_at
            self.note(hold, ENDINGS[TicketHold.Status.EXPIRED])
            self.count(hold.event_id, held=-1)

    def link(self, places: list[TicketHold]) -> None:
        """Enter the places that the ledger does not have: those who joined, and at its beginning holds that are older.

        A held row that turns up later without a joining was not written by the rules; the ledger does not vouch for it.
        """
        new = [place for place in places if not place.is_linked and place.pk not in self._linked]
        joined = [place for place in new if place.status == TicketHold.Status.WAITING]
        for place in new:
            if place.status == TicketHold.Status.HELD and place.event_id in self._unwritten:
                self._enter(place, "carried", until=place.expires_at)
        # Until the sale opens the terms may change, also at the instant in which somebody joins by the old ones.
        early = {
            pk
            for pk, event in self.events.items()
            if event.is_before_sale(self.moment) or event.is_opening(self.moment)
        }
        self._settle_tiers([place for place in joined if place.event_id in early])
        self._settle_ranks(joined)
        for place in joined:
            self._enter(place, "join")
        self._linked.update(place.pk for place in new)

    def _settle_ranks(self, joined: list[TicketHold]) -> None:
        """Rank by its end whoever had another place when they joined: of another tab, and over since (rule 4)."""
        spent = past.spent({place.event_id for place in joined}, {place.user_id for place in joined})
        late = []
        for place in joined:
            ended = spent.get((place.event_id, place.user_id), place.login_timestamp)
            if place.login_timestamp < ended:
                place.login_timestamp = ended
                late.append(place)
        TicketHold.objects.bulk_update(late, ["login_timestamp"], batch_size=BATCH)

    def _enter(self, place: TicketHold, kind: str, **fields: Any) -> None:
        joined = {"rank": place.login_timestamp, "tier": place.tier, "joined_at": place.created_at}
        self.note(place, kind, **joined, **fields)

    def note(self, place: TicketHold, kind: str, **fields: Any) -> None:
        """Add an entry about a place to its event's ledger."""
        self.ledger.note(self.events[place.event_id], kind, user_id=place.user_id, place=place.pk, **fields)

    def _serve_line(self, event: Event) -> None:
        if event.status != Event.Status.PUBLISHED:
            self._send_away(event, Cause.EVENT_CANCELLED)
        elif event.is_over(self.moment):
            self._send_away(event, Cause.EVENT_OVER)
        elif event.is_serving(self.moment):
            self._grant(event)

    def _send_away(self, event: Event, cause: Cause) -> None:
        self.end(list(TicketHold.objects.waiting().filter(event=event)), TicketHold.Status.LEFT, cause)

    def _grant(self, event: Event) -> None:
        """Hold every free place for the first in line. Whoever cannot be held one leaves, and it goes on."""
        while event.free > 0:
            first: list[Any] = tiers.first_in_line(event, event.free)
            if any(not place.is_linked and place.pk not in self._linked for place in first):
                self._link_and_expire()  # joined this instant: with the rank that they are linked with, look again
                continue
            with_ticket = [place for place in first if place.has_ticket]
            inactive = [place for place in first if not place.has_ticket and not place.is_active]
            self.end(with_ticket, TicketHold.Status.LEFT, Cause.BOOKED_ELSEWHERE)
            self.end(inactive, TicketHold.Status.LEFT, Cause.DEACTIVATED)
            if not with_ticket and not inactive:
                self.hold(first)
                return
            # Without them others are first: the next one of their tier, say.

    def hold(self, places: list[TicketHold]) -> None:
        """Turn waiting places into holds, each as long as its event's holds last."""
        self.link(places)
        alike: dict[tuple[dt.datetime, bool], list[TicketHold]] = defaultdict(list)
        for place in places:
            place.held_at, place.expires_at = self.moment, self.moment + self.events[place.event_id].hold_time
            alike[place.expires_at, place.pk in self._new].append(place)
            self.note(place, "hold", until=place.expires_at)
            self.count(place.event_id, held=1)
        for (expires_at, is_new), held in alike.items():
            change = moves.HOLD if is_new else moves.HOLD_AFTER_WAITING
            self._move(held, change, TicketHold.Status.HELD, held_at=self.moment, expires_at=expires_at)

    def insert(self, places: list[TicketHold]) -> list[TicketHold]:
        """Store new places, waiting or held; return those that are in line, or held, now.

        Where a person has a place by now, from another tab, that one stays.
        """
        for place in places:
            place.is_linked = True
        new = store_new(places)
        for place in new:
            self._enter(place, "join")
        for place in sorted(new, key=tiers.rank):
            if place.status == TicketHold.Status.HELD:
                self.note(place, "hold", until=place.expires_at)
                self.count(place.event_id, held=1)
        self.holds += new
        return new

    def take_in(self, event: Event, places: list[TicketHold], *, has_line: bool) -> None:
        """Let people join whose places were made just now, at an event that is up to date.

        They are in the order of their ranks, and free places go to the first of them at once; unless somebody waits
        all the same, who joined this instant.
        """
        if not places:
            return
        for place in places:  # who joined is not taken for somebody whose login brought the hold (`automatic`)
            place.created_at -= JUST_BEFORE
        is_simple = not event.tiers and not has_line and event.is_serving(self.moment)
        if is_simple:
            for place in places[: max(0, event.free)]:
                place.status, place.held_at = TicketHold.Status.HELD, self.moment
                place.expires_at = self.moment + event.hold_time
        stored = self.insert(places)
        self._new |= {place.pk for place in stored}
        if not is_simple or len(stored) < len(places):  # of the others a place has just come, from another tab
            self.bring_up_to_date()

    def end(
        self, places: list[TicketHold], status: TicketHold.Status, cause: Cause | None = None, reason: str = ""
    ) -> None:
        """End waiting or held places in a final state; a held one frees its place."""
        self.link(places)
        why = {"cause": cause, "reason": reason} if reason else {"cause": cause}
        for place in places:
            if status in ENDINGS:
                self.note(place, ENDINGS[status], **why)
            if place.status == TicketHold.Status.HELD:
                self.count(place.event_id, held=-1)
            place.ended_at = self.moment
        self._move(places, moves.END, status, ended_at=self.moment, end_reason=reason)

    def issue(self, tickets: list[Ticket]) -> list[Ticket]:
        """Store new tickets and count them."""
        Ticket.objects.bulk_create(tickets, batch_size=BATCH)
        for ticket in tickets:
            numbers = {"ticket": ticket.pk, "place": ticket.hold_id, "tier": ticket.tier}
            self.ledger.note(self.events[ticket.event_id], "booking", user_id=ticket.user_id, **numbers)
            self.count(ticket.event_id, booked=1)
        self.tickets += tickets
        return tickets

    def cancel(self, ticket: Ticket, cause: Cause, reason: str) -> None:
        """Count a ticket that was cancelled as a free place."""
        ticket.cancelled_at = self.moment
        why = {"cause": cause, "reason": reason} if reason else {"cause": cause}
        event = self.events[ticket.event_id]
        self.ledger.note(event, "cancellation", user_id=ticket.user_id, ticket=ticket.pk, tier=ticket.tier, **why)
        self.count(ticket.event_id, booked=-1)
        self.tickets.append(ticket)

    def _move(self, places: list[TicketHold], change: Change[TicketHold], status: str, **to: Any) -> None:
        """Set a state on places that were read under the lock; each must still be in a state that is not final."""
        if not places:
            return
        ids = [place.pk for place in places]
        moved = change(ids=ids, status=status, **to)
        if moved != len(places):
            raise RuntimeError(f"{len(places)} places were to move, {moved} did: somebody wrote without the lock")
        self._linked.update(ids)
        self._moved.update(ids)
        for place in places:
            place.status = status
        self.holds += places

    def count(self, event_id: int, *, held: int = 0, booked: int = 0) -> None:
        """Note a change of an event's numbers."""
        event, move = self.events[event_id], self.moves[event_id]
        event.held, event.booked = event.held + held, event.booked + booked
        move[0], move[1] = move[0] + held, move[1] + booked

    def extend(self, event: Event, by: dt.timedelta, reason: str) -> int:
        """Move the end of every hold of an event; return how many there are."""
        held = list(TicketHold.objects.filter(event=event, status=TicketHold.Status.HELD))
        self.ledger.note(event, "extension", minutes=by / dt.timedelta(minutes=1), reason=reason)
        if held:
            self._move(held, _extending(by), TicketHold.Status.HELD)
        return len(held)

    def extend_one(self, place: TicketHold, by: dt.timedelta, reason: str) -> None:
        """Move the end of one hold, which is live."""
        self.note(place, "hold_extension", minutes=by / dt.timedelta(minutes=1), reason=reason)
        self._move([place], _extending(by), TicketHold.Status.HELD)

    def retier(self, waiting: TicketHoldQuerySet) -> None:
        """Give those who wait, for one of the locked events, the tier that its tiers, declared anew, make them."""
        places = list(waiting)
        self.link(places)
        for place in self._settle_tiers(places):
            self.note(place, "tier", tier=place.tier)

    def _settle_tiers(self, places: list[TicketHold]) -> list[TicketHold]:
        """Set the tiers of places by the terms that hold now; return those that had another one."""
        tier_of = tiers.tiers_of([place.user_id for place in places], self.events.values())
        moved = [place for place in places if place.tier != tier_of.get((place.event_id, place.user_id), 0)]
        for place in moved:
            place.tier = tier_of.get((place.event_id, place.user_id), 0)
        TicketHold.objects.bulk_update(moved, ["tier"], batch_size=BATCH)
        return moved

    def revise(self, event: Event) -> None:
        """Note that something else about the event changed, so that its pages learn of it, and its ledger."""
        self.ledger.revise(event)
        self.count(event.pk)

    def write_numbers(self) -> None:
        """Write the numbers, as steps: even without the lock the constraint would see, and refuse, an oversell.

        With them goes how far the ledger is; an event of which only that is new keeps its version.
        """
        rows = []
        for event_id in self.moves.keys() | self.ledger.events.keys():
            event, (held, booked) = self.events[event_id], self.moves.get(event_id, (0, 0))
            seal = event.ledger_seq, event.ledger_seal, event.ledger_terms
            rows.append((held, booked, int(event_id in self.moves), *seal, event_id))
        moves.write_numbers(rows)
        self.touched |= self.moves.keys()
        self.moves.clear()

    def finish(self) -> None:
        """Write what is left to write, and announce it all."""
        self.write_numbers()
        self.ledger.write()
        unmarked = sorted(self._linked - self._moved)
        for start in range(0, len(unmarked), BATCH):
            TicketHold.objects.filter(pk__in=unmarked[start : start + BATCH]).update(is_linked=True)
        self.touched |= {place.event_id for place in self.holds}
        announce_after_commit(self.touched, self.holds, self.tickets)


def _extending(by: dt.timedelta) -> Change[TicketHold]:
    """Return the statement that moves the ends of holds; who was warned of the former one is warned anew (rule 15)."""
    return moves.moving(expires_at=F("expires_at") + by, lapse_mailed_at=None)
