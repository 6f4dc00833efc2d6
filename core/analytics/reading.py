"""Reading figures of a period: what is kept by the hour, and of the hours that are not, the rows."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Max, Min, Q, Sum
from django.db.models.functions import TruncDay, TruncMinute

from ..checkin.attendance import NO_NAME
from ..models import Event, HourlyFigures, Scan, User
from . import keeping, rows
from .peaks import peaks
from .periods import MINUTE, Period

Kind = HourlyFigures.Kind
IN_LINE: dict[str, int] = {Kind.JOINED: 1, Kind.HELD: -1, Kind.LEFT: -1}  # what each of them makes the line longer by
AFTER = dt.timedelta(hours=12)  # since an event without an end began: whatever comes, comes by then
NONE = dt.timedelta()
LONG_AGO = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Scope:
    """Which events: one, all of an organizer, or without either all there are."""

    event: Event | None = None
    organizer: User | None = None

    @property
    def of(self) -> Q:
        """The condition on what refers to an event."""
        if self.event is not None:
            return Q(event=self.event)
        return Q(event__created_by=self.organizer) if self.organizer is not None else Q()

    @property
    def of_or_of_none(self) -> Q:
        """The same for figures, and the logins with them, which are of no event."""
        return self.of | Q(event=None) if self.of else Q()

    def began_at(self) -> dt.datetime | None:
        """Return when the first of the events was made."""
        if self.event is not None:
            return self.event.created_at
        events = Event.objects.filter(created_by=self.organizer) if self.organizer else Event.objects.all()
        first: dt.datetime | None = events.aggregate(at=Min("created_at"))["at"]
        return first


@dataclass
class Figures:
    """What happened in a period: counts and lengths by kind, part, and number of the bar."""

    period: Period
    is_of_one: bool = True  # one event, and not several together
    counts: dict[tuple[str, str], dict[int, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    totals: dict[str, dict[int, dt.timedelta]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(lambda: NONE))
    )
    # By hour or minute: by how much the line was longer at its end, and in between at most.
    steps: dict[dt.datetime, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    gates: dict[str, dict[int, int]] = field(default_factory=dict)

    def parts(self, kind: str) -> dict[str, int]:
        """Return how often each part of a kind happened, in all the period."""
        return {part: sum(bars.values()) for (of, part), bars in self.counts.items() if of == kind}

    def sum(self, kind: str, *, but: str | None = None) -> int:
        """Return how often a kind happened, without one part of it."""
        return sum(count for part, count in self.parts(kind).items() if part != but)

    def by_bar(self, kind: str, *, of: str | None = None, but: str | None = None) -> list[int]:
        """Return how often a kind happened, or one part of it, or all but one, bar by bar."""
        parts = [(part, bars) for (name, part), bars in self.counts.items() if name == kind]
        found = [bars for part, bars in parts if part != but and of in {None, part}]
        return [sum(bars.get(bar, 0) for bars in found) for bar in range(len(self.period.starts))]

    def length(self, kind: str) -> dt.timedelta:
        """Return how long all of a kind took together."""
        return sum(self.totals[kind].values(), NONE)

    def line_lengths(self) -> list[int]:
        """Return how many waited at most, bar by bar."""
        most, length, at = [0] * len(self.period.starts), 0, 0
        for slot, (longer, peak) in sorted(self.steps.items()):
            bar = max(0, self.period.bar_of(slot))
            for passed in range(at, bar + 1):  # in which nothing changed since
                most[passed] = max(most[passed], length)
            at = bar
            if slot >= self.period.since:
                most[bar] = max(most[bar], length + max(peak, longer))
            length += longer
            if slot < self.period.since:
                most[0] = length
        return [*most[:at], *(max(count, length) for count in most[at:])]


def extent(scope: Scope, moment: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """Return from when to when there can be figures: an event that is over has none any more."""
    kept = HourlyFigures.objects.filter(scope.of).exclude(event=None).aggregate(first=Min("hour"), last=Max("hour"))
    begin = kept["first"] or scope.began_at() or moment
    end = moment
    if scope.event is not None:
        over = (scope.event.ends_at or scope.event.starts_at + AFTER) + keeping.HOUR
        end = min(moment, max(over, (kept["last"] or over) + keeping.HOUR))
    begin = min(begin, moment - keeping.HOUR)
    return begin, max(end, begin + keeping.HOUR)


def read(scope: Scope, period: Period, moment: dt.datetime) -> Figures:
    """Return the figures of some events in a period; as many queries whatever their number and their tickets.

    What ends after `moment`, which is now, has not ended.
    """
    found, until = Figures(period, is_of_one=scope.event is not None), min(period.until, moment)
    kept = keeping.kept_until() or LONG_AGO
    # From when on the rows tell: what is kept is by the hour.
    since = min(keeping.hour_of(period.since), kept) if period.unit == MINUTE else kept
    _add_steps(found, _kept_steps(scope, min(since, until)))
    if period.since < since:
        _add(found, _kept(scope, period, min(since, until)))
    if since < until:
        within = rows.Within(scope.of, since, until)
        told = rows.flows(within, _fine(period))
        _add(found, told)
        _add_steps(found, [(slot, kind, count) for kind, _, slot, count, _ in told])
        _add_steps(found, [(slot, Kind.PEAK, depth) for _, slot, depth in peaks(within, _fine(period))])
    found.gates = _gates(scope, period)
    return found


def _fine(period: Period) -> rows.Slot:
    """Return by what rows are counted: never wider than what is kept, so that a line shows what it was between."""
    return (lambda at: TruncMinute(at, tzinfo=dt.UTC)) if period.unit == MINUTE else keeping.by_hour


def _coarse(period: Period) -> rows.Slot:
    """Return by what kept figures are added up: no bar is narrower."""
    return (lambda at: TruncDay(at, tzinfo=period.zone)) if period.unit == "day" else _fine(period)


def _kept_steps(scope: Scope, until: dt.datetime) -> list[tuple[dt.datetime, str, int]]:
    """Return by the hour, from the very first one on, what made lines longer and shorter."""
    steps = HourlyFigures.objects.filter(scope.of, hour__lt=until, kind__in=[*IN_LINE, Kind.PEAK]).order_by()
    return list(steps.values("hour", "kind").annotate(n=Sum("count")).values_list("hour", "kind", "n"))


def _add_steps(found: Figures, told: list[tuple[dt.datetime, str, int]]) -> None:
    for slot, kind, count in told:
        step = found.steps[slot]
        if kind == Kind.PEAK:
            step[1] += count
        else:
            step[0] += IN_LINE.get(kind, 0) * count


def _kept(scope: Scope, period: Period, until: dt.datetime) -> list[rows.Row]:
    within = HourlyFigures.objects.filter(scope.of_or_of_none, hour__gte=period.since, hour__lt=until).order_by()
    grouped = within.exclude(kind=Kind.PEAK).annotate(slot=_coarse(period)("hour")).values("kind", "part", "slot")
    return list(
        grouped.annotate(n=Sum("count"), length=Sum("total")).values_list("kind", "part", "slot", "n", "length")
    )


def _add(found: Figures, told: list[rows.Row]) -> None:
    for kind, part, slot, count, length in told:
        bar = found.period.bar_of(slot)
        if bar >= 0:
            found.counts[kind, part][bar] += count
            if part != rows.AUTOMATIC:
                found.totals[kind][bar] += length or NONE


def _gates(scope: Scope, period: Period) -> dict[str, dict[int, int]]:
    """Return who is in by each gate: always from the scans, which may come late, or be taken back."""
    scans: Any = Scan.objects.admitting().filter(scope.of, scanned_at__gte=period.since, scanned_at__lt=period.until)
    grouped = scans.order_by().annotate(slot=_coarse(period)("scanned_at")).values("gate", "slot")
    gates: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for gate, slot, count in grouped.annotate(n=Count("pk")).values_list("gate", "slot", "n"):
        gates[gate or str(NO_NAME)][max(0, period.bar_of(slot))] += count
    return gates
