"""A model of the rules of an event's line (DESIGN 2.1 to 2.4), in plain Python: lists in place of rows, and no lock."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

HOLD, PRESENT, COOLDOWN = dt.timedelta(minutes=10), dt.timedelta(minutes=15), dt.timedelta(minutes=30)
NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)
NOT_DRAWN = 2**31


@dataclass
class Place:
    who: str
    tier: int
    rank: dt.datetime
    number: int
    draw: int = NOT_DRAWN
    status: str = "waiting"
    until: dt.datetime | None = None


@dataclass
class Model:
    """One event. From `settle` on, each method is what one request does; what the rules refuse changes nothing."""

    now: dt.datetime
    starts: dt.datetime
    capacity: int
    tiers: dict[str, int]  # by person
    shares: dict[int, int]  # percent of the capacity by tier, the highest first
    draw: Callable[[list[str]], list[str]] | None  # who wait, in the order drawn
    opens: dt.datetime | None = None
    closes: dt.datetime | None = None
    status: str = "published"
    is_opened: bool = False
    is_paused: bool = False
    places: list[Place] = field(default_factory=list)
    tickets: dict[str, int] = field(default_factory=dict)  # the tiers of valid ones, by person
    spent: dict[str, dt.datetime] = field(default_factory=dict)  # when somebody's last place or ticket ended
    logins: list[tuple[str, dt.datetime]] = field(default_factory=list)
    inactive: set[str] = field(default_factory=set)

    def those(self, *statuses: str) -> list[Place]:
        return [place for place in self.places if place.status in statuses]

    def live(self, who: str) -> Place | None:
        return next((place for place in self.those("waiting", "held") if place.who == who), None)

    def free(self) -> int:
        return self.capacity - len(self.tickets) - len(self.those("held"))

    def lapsed(self) -> list[Place]:
        return [place for place in self.those("held") if place.until and place.until <= self.now]

    def is_ended(self) -> bool:
        return self.status != "published" or self.starts <= self.now

    def is_closed(self) -> bool:
        return self.is_ended() or (self.closes is not None and self.closes <= self.now)

    def is_serving(self) -> bool:
        is_open = self.opens is None or self.opens <= self.now
        return is_open and not self.is_closed() and not self.is_paused

    def line(self) -> Iterator[Place]:
        taken = Counter(place.tier for place in self.those("held")) + Counter(self.tickets.values())
        waiting = sorted(self.those("waiting"), key=lambda place: (place.draw, place.rank, place.number))
        while waiting:
            unfilled = [tier for tier, percent in self.shares.items() if taken[tier] < self.capacity * percent // 100]
            preferred = (place for tier in unfilled for place in waiting if place.tier == tier)
            first = next(preferred, waiting[0])
            waiting.remove(first)
            taken[first.tier] += 1
            yield first

    def is_clear(self, who: str, moment: dt.datetime) -> bool:
        has_any = self.live(who) is not None or who in self.tickets
        return not has_any and self.spent.get(who, NEVER) <= moment - COOLDOWN

    def add(self, who: str, login: dt.datetime) -> Place:
        rank = max(login, self.spent.get(who, NEVER))
        self.places.append(Place(who, self.tiers[who] if self.shares else 0, rank, len(self.places)))
        return self.places[-1]

    def hold(self, place: Place) -> None:
        place.status, place.until = "held", self.now + HOLD

    def end(self, place: Place, status: str, at: dt.datetime | None = None) -> None:
        place.status = status
        self.spent[place.who] = max(at or self.now, self.spent.get(place.who, NEVER))

    def settle(self) -> None:
        for place in self.lapsed():
            self.end(place, "expired", place.until)
        if self.opens and self.opens <= self.now and not self.is_opened and not self.is_closed():
            self.open(self.opens)
        for place in self.those("waiting") if self.is_ended() else []:
            self.end(place, "left")
        for place in self.those("held") if self.status == "cancelled" else []:
            self.end(place, "released")
        while self.is_serving() and self.free() > 0 and (first := next(self.line(), None)):
            if first.who in self.tickets or first.who in self.inactive:
                self.end(first, "left")
            else:
                self.hold(first)

    def open(self, opens: dt.datetime) -> None:
        self.is_opened = True
        for who in sorted(self.tiers.keys() - self.inactive):
            logins = [at for name, at in self.logins if name == who and opens - PRESENT <= at <= opens]
            if logins and self.is_clear(who, opens):
                self.add(who, min(logins))
        if self.draw:
            undrawn = {place.who: place for place in self.those("waiting") if place.draw == NOT_DRAWN}
            last = max((place.draw for place in self.places if place.draw != NOT_DRAWN), default=0)
            for number, who in enumerate(self.draw(sorted(undrawn)), start=last + 1):
                undrawn[who].draw = number

    def login(self, who: str) -> None:
        self.logins.append((who, self.now))
        room = self.free() > 0 or self.lapsed()
        if self.is_serving() and room and not self.those("waiting") and self.is_clear(who, self.now):
            self.settle()
            if self.free() > 0:
                self.hold(self.add(who, self.now))

    def join(
        self, who: str, login: dt.datetime, *, is_served: bool = True, meanwhile: Callable[[], None] | None = None
    ) -> None:
        if self.live(who) in self.lapsed():
            self.settle()
        if self.live(who) is None:
            if self.is_closed() or who in self.tickets:
                return
            if meanwhile:
                meanwhile()
            self.add(who, login)
        if is_served and (self.is_ended() or (self.is_serving() and (self.free() > 0 or self.lapsed()))):
            self.settle()

    def book(self, who: str) -> None:
        self.settle()
        place = self.live(who)
        if self.is_ended() or who in self.tickets:
            return
        if place and place.status == "held":
            self.end(place, "booked")
            self.tickets[who] = place.tier
        elif self.is_serving() and self.free() > 0:
            if place:
                self.end(place, "left")
            self.tickets[who] = self.tiers[who] if self.shares else 0

    def end_place(self, who: str) -> None:
        self.settle()
        if place := self.live(who):
            self.end(place, "released" if place.status == "held" else "left")
            self.settle()

    def cancel(self, who: str, *, is_owner: bool) -> None:
        self.settle()
        if self.status != "cancelled" and not (is_owner and self.is_ended()):
            del self.tickets[who]
            self.spent[who] = self.now
            self.settle()

    def revise(self, **values: Any) -> None:
        self.settle()
        if values.get("capacity", self.capacity) >= self.capacity - self.free():
            vars(self).update(values)
            self.is_opened &= self.opens is None or self.opens <= self.now
            self.settle()

    def extend(self, by: dt.timedelta) -> None:
        self.settle()
        for place in self.those("held"):
            place.until = place.until and place.until + by

    def pause(self, is_paused: bool) -> None:
        self.settle()
        self.is_paused = is_paused
        self.settle()

    def deactivate(self, who: str, *, ends_place: bool) -> None:
        self.inactive.add(who)
        if ends_place:
            self.logins = [login for login in self.logins if login[0] != who]
            if self.live(who):
                self.end_place(who)
