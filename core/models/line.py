"""Places in line: who waits, who is held a ticket until when, and how each place ended."""

import datetime as dt
from typing import Any

from django.db import models
from django.db.models import Case, Count, F, IntegerField, Max, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import IsNull
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .events import DeclaredTier, Event
from .people import User, UserSession

# Rule 4; ids break ties, so that the order is exact to the single arrival.
LINE_ORDER = (F("tier").desc(), F("draw").asc(nulls_last=True), F("login_timestamp").asc(), F("id").asc())
RANK = LINE_ORDER[1:]  # the same among people of whose tier nothing depends
NOT_DRAWN = 2**31 - 1  # more than any draw: whoever was not drawn comes after all who were


def count_per_event(rows: "QuerySet[Any]") -> Coalesce:
    """Return an expression that counts `rows`, places or tickets, which refer to the outer event."""
    return _count(rows, "event")


def count_of_person(rows: "QuerySet[Any]") -> Coalesce:
    """Return an expression that counts `rows`, which all are of one person."""
    return _count(rows, "user")


def _count(rows: "QuerySet[Any]", per: str) -> Coalesce:
    counted = rows.order_by().values(per).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted), 0, output_field=IntegerField())


def ranks_before(nth: Any, login_timestamp: Any, pk: Any) -> Q:
    """Return what is true of places, annotated with `nth`, that rank before one like this in its tier (rule 4)."""
    earlier = Q(login_timestamp__lt=login_timestamp) | Q(login_timestamp=login_timestamp, pk__lt=pk)
    return Q(nth__lt=nth) | Q(nth=nth) & earlier


def has_line() -> IsNull:
    """Return a condition on events: whether anybody waits for them.

    By the first in line, as its index has it. Where most places wait for one event, PostgreSQL takes an EXISTS for soon
    found, and reads the whole table for each event without a line: the clock took four seconds of every second.
    """
    first = TicketHold.objects.waiting().filter(event=OuterRef("pk")).order_by("-tier").values("pk")[:1]
    return IsNull(Subquery(first), False)


class TicketHoldQuerySet(QuerySet["TicketHold"]):
    """Places in line by state. Time decides: a hold past its `expires_at` is no hold, swept or not."""

    def live(self, now: dt.datetime) -> "TicketHoldQuerySet":
        """Places that count: waiting, or held and not lapsed."""
        return self.filter(Q(status=TicketHold.Status.WAITING) | Q(status=TicketHold.Status.HELD, expires_at__gt=now))

    def unended(self) -> "TicketHoldQuerySet":
        """Places in a state that is not final, lapsed holds included."""
        return self.filter(status__in=TicketHold.UNENDED)

    def waiting(self) -> "TicketHoldQuerySet":
        """Places still in line."""
        return self.filter(status=TicketHold.Status.WAITING)

    def to_link(self) -> "TicketHoldQuerySet":
        """Places in line that the ledger does not have yet."""
        return self.waiting().filter(is_linked=False, ended_at=None)

    def lapsed(self, now: dt.datetime) -> "TicketHoldQuerySet":
        """Holds whose time is over and that nothing has swept yet."""
        return self.filter(status=TicketHold.Status.HELD, expires_at__lte=now)

    def automatic(self) -> "TicketHoldQuerySet":
        """Places that were held the moment they were made: by a login or an opening, and not by joining."""
        return self.filter(held_at=F("created_at"))

    def newest_of_each(self) -> "TicketHoldQuerySet":
        """Of each person the newest of these places, all of one event."""
        newest = self.order_by().values("user").annotate(newest=Max("pk")).values("newest")
        return TicketHold.objects.filter(pk__in=newest)

    def in_line_order(self) -> "TicketHoldQuerySet":
        """Order by rank, first in line first (rule 4)."""
        return self.order_by(*LINE_ORDER)

    def with_ahead(self) -> "TicketHoldQuerySet":
        """Annotate `ahead`: how many waiting people of the same event rank before this place; 0 if it does not wait."""
        in_tier = ranks_before(OuterRef("nth"), OuterRef("login_timestamp"), OuterRef("pk"))
        before = Q(tier__gt=OuterRef("tier")) | Q(tier=OuterRef("tier")) & in_tier
        others = TicketHold.objects.waiting().with_nth().filter(before, event=OuterRef("event"))
        # A line is as long as it is: it is not counted for places that are not in it.
        ahead = Case(When(status=TicketHold.Status.WAITING, then=count_per_event(others)), default=0)
        return self.with_nth().annotate(ahead=ahead)  # type: ignore[no-redef]  # -- declared for readers

    def with_nth(self) -> "TicketHoldQuerySet":
        """Annotate `nth`: the number drawn for a place, or one behind all that were drawn."""
        return self.annotate(nth=Coalesce("draw", NOT_DRAWN))


class TicketHold(models.Model):
    """One person's place for one event: `waiting -> held -> booked | released | expired`, or `waiting -> left`."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        HELD = "held", _("Held")
        BOOKED = "booked", _("Booked")
        RELEASED = "released", _("Released")
        EXPIRED = "expired", _("Expired")
        LEFT = "left", _("Left")

    UNENDED = (Status.WAITING, Status.HELD)

    event = models.ForeignKey(Event, related_name="places", on_delete=models.PROTECT)
    user = models.ForeignKey(User, related_name="places", on_delete=models.PROTECT)
    session = models.ForeignKey(UserSession, null=True, blank=True, on_delete=models.SET_NULL, related_name="places")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.WAITING)
    login_timestamp = models.DateTimeField(default=timezone.now)
    tier = models.PositiveSmallIntegerField(default=0)
    draw = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    held_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=200, blank=True, db_default="", default="", editable=False)  # staff's
    # Whether the ledger has the place's joining; until the next serve links it, a waiting row is its own record.
    is_linked = models.BooleanField(default=False, editable=False)

    # Whether its person is yet to be told by mail that it is held, after they waited for it; and when they were warned.
    is_turn_due = models.BooleanField(default=False, db_default=False, editable=False)
    lapse_mailed_at = models.DateTimeField(null=True, blank=True, editable=False)

    ahead: int  # annotated by `with_ahead`
    counted: int = 0  # automatic holds of the person that count for their login, annotated by `position.places_of`
    freed: int  # annotated by `position.places_of`: places of the event that became free lately, while it waits
    wait_seconds: int | None = None  # estimated by `position.places_of`
    served_first: DeclaredTier | None = None  # the tier that is before this place by its share, by `position.set_ahead`

    objects = TicketHoldQuerySet.as_manager()

    class Meta:
        verbose_name = "place"
        constraints = [
            models.UniqueConstraint(
                fields=["event", "user"], condition=Q(status__in=["waiting", "held"]), name="hold_one_live_per_person"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["waiting", "left"]) | Q(held_at__isnull=False, expires_at__isnull=False),
                name="hold_has_its_times",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["waiting", "held"], ended_at=None)
                | Q(status__in=["booked", "released", "expired", "left"], ended_at__isnull=False),
                name="hold_ended_once",
            ),
        ]
        indexes = [
            # LINE_ORDER as PostgreSQL's index has it (NULLS LAST is its default; SQLite has no such index).
            models.Index(
                fields=["event", "-tier", "draw", "login_timestamp", "id"],
                condition=Q(status="waiting"),
                name="hold_line",
            ),
            models.Index(fields=["expires_at"], condition=Q(status="held"), name="hold_lapse"),
            models.Index(fields=["held_at"], condition=Q(status="held", is_turn_due=True), name="hold_turn_due"),
            models.Index(fields=["event", "tier"], condition=Q(status="held", tier__gt=0), name="hold_of_tier"),
            models.Index(fields=["event"], condition=Q(is_linked=False, ended_at=None), name="hold_to_link"),
            models.Index(fields=["user", "event", "ended_at"], name="hold_of_person"),
            models.Index(fields=["event", "ended_at"], name="hold_rate"),
        ]

    def __str__(self) -> str:
        return f"{self.status} place {self.pk} of event {self.event_id}"

    def is_lapsed(self, now: dt.datetime) -> bool:
        """Whether this is a hold whose time is over, swept or not."""
        return self.status == self.Status.HELD and self.expires_at is not None and self.expires_at <= now
