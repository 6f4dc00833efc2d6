"""Events, and what can be done with them when."""

import datetime as dt
import secrets
import zoneinfo
from functools import cache
from typing import Any, TypedDict

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from ..now import now
from .people import User


@cache
def time_zones() -> frozenset[str]:
    """Return the names of the IANA time zone database, which lies in hundreds of files."""
    return frozenset(zoneinfo.available_timezones())


def known_time_zone(name: str) -> None:
    """Raise ValidationError unless `name` is a zone of the IANA time zone database."""
    if name not in time_zones():
        unknown = _("“%(name)s” is no time zone; write one like Europe/Berlin or America/New_York.")
        raise ValidationError(unknown, params={"name": name})


class DeclaredTier(TypedDict):
    """A group whose members an event serves first, as everybody is told: its number from 1, its name, its places."""

    tier: int
    name: str
    places: int


class EventQuerySet(QuerySet["Event"]):
    """Events by what can be done with them."""

    def published(self) -> "EventQuerySet":
        """Events that the public sees: no drafts."""
        return self.exclude(status=Event.Status.DRAFT)

    def upcoming(self, now: dt.datetime) -> "EventQuerySet":
        """Published events that have not started, soonest first."""
        return self.filter(status=Event.Status.PUBLISHED, starts_at__gt=now).order_by("starts_at", "id")

    def on_sale(self, now: dt.datetime) -> "EventQuerySet":
        """Events whose places can be given at `now`: published, within the sales window, not started."""
        return self.upcoming(now).filter(
            Q(sales_open_at=None) | Q(sales_open_at__lte=now), Q(sales_close_at=None) | Q(sales_close_at__gt=now)
        )

    def serving(self, now: dt.datetime) -> "EventQuerySet":
        """Events on sale whose serving staff have not paused."""
        return self.on_sale(now).filter(paused_at=None)

    def with_free_places(self) -> "EventQuerySet":
        """Events of which a place is neither booked nor held; a hold that has lapsed counts until it is swept."""
        return self.filter(capacity__gt=F("booked") + F("held"))

    def opening(self, now: dt.datetime) -> "EventQuerySet":
        """Events on sale whose announced opening has come, and has not been carried out (rule 11)."""
        is_to_open = Q(opened_at=None) | Q(opened_at__lt=F("sales_open_at"))
        return self.on_sale(now).filter(is_to_open, sales_open_at__isnull=False)


LARGEST_CAPACITY = 1_000_000  # more is a typing error
SECRET_BYTES = 32


def new_secret() -> str:
    """Return a secret of an event's own, in hexadecimal: the seed of its draw, the key of its pseudonyms."""
    return secrets.token_hex(SECRET_BYTES)


class Event(models.Model):
    """Something people go to, with `capacity` places.

    What `KEPT_BY_ALLOCATION` names belongs to the allocation; saving an existing event leaves it alone.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")
        CANCELLED = "cancelled", _("Cancelled")

    class LinePolicy(models.TextChoices):
        LOGIN_FIFO = "login_fifo", _("in order of login")
        RANDOMISED_OPEN = "randomised_open", _("drawn at the opening, then in order of login")

    KEPT_BY_ALLOCATION = frozenset({
        "held", "booked", "version", "opened_at", "paused_at", "pause_reason", "draw_seed", "pseudonym_key",
        "ledger_seq", "ledger_seal", "ledger_terms",
    })  # fmt: skip

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    venue = models.CharField(max_length=200)
    starts_at = models.DateTimeField(db_index=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    time_zone = models.CharField(
        max_length=64,
        blank=True,
        validators=[known_time_zone],
        help_text=_("For example Europe/Berlin; empty: the site's."),
    )
    capacity = models.PositiveIntegerField(
        validators=[MaxValueValidator(LARGEST_CAPACITY)], help_text=_("How many people can get in.")
    )
    image = models.ImageField(upload_to="events/", blank=True)
    created_by = models.ForeignKey(User, related_name="organized_events", on_delete=models.PROTECT)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    gate_staff = models.ManyToManyField(User, related_name="gate_events", blank=True)  # none: the group's members
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.PUBLISHED)
    sales_open_at = models.DateTimeField(null=True, blank=True, help_text=_("Empty: on sale as soon as published."))
    sales_close_at = models.DateTimeField(null=True, blank=True, help_text=_("Empty: until the event starts."))
    auto_hold = models.BooleanField(default=True, help_text=_("A login is held a place automatically."))
    hold_minutes = models.DecimalField(
        max_digits=7,
        decimal_places=3,
        null=True,
        blank=True,
        help_text=_("How long a place is held, 7.5 for example; empty: as long as the site's setting says."),
    )
    line_policy = models.CharField(max_length=15, choices=LinePolicy.choices, default=LinePolicy.LOGIN_FIFO)
    # Percent of the capacity by name of a group of `TIERS`, whose members are served first up to it (rule 9).
    tier_shares = models.JSONField(default=dict, blank=True)
    held = models.PositiveIntegerField(default=0, editable=False)
    booked = models.PositiveIntegerField(default=0, editable=False)
    version = models.PositiveBigIntegerField(default=0, editable=False)
    opened_at = models.DateTimeField(null=True, editable=False)
    paused_at = models.DateTimeField(null=True, editable=False)
    pause_reason = models.CharField(max_length=200, blank=True, editable=False)
    draw_seed = models.CharField(max_length=64, default=new_secret, editable=False)
    pseudonym_key = models.CharField(max_length=64, default=new_secret, editable=False)
    ledger_seq = models.PositiveBigIntegerField(default=0, editable=False)
    ledger_seal = models.CharField(max_length=64, blank=True, editable=False)
    ledger_terms = models.TextField(blank=True, editable=False)

    # Annotated by `numbers.with_line`.
    line_waiting: int
    line_lapsed: int
    admitted: int  # annotated by `checkin.figures.with_admitted`
    booked_lately: int  # annotated by `pulse.with_pace`
    upcoming: int  # how many there are; annotated by `paging`

    objects = EventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(held__gte=0, booked__gte=0), name="event_numbers_not_negative"),
            models.CheckConstraint(
                condition=Q(capacity__gte=F("held") + F("booked")),
                name="event_never_oversold",
                violation_error_message=_("More places are booked or held than this capacity."),
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
                name="event_ends_after_it_starts",
                violation_error_message=_("The event must end after it starts."),
            ),
            models.CheckConstraint(
                condition=Q(sales_open_at=None) | Q(sales_close_at=None) | Q(sales_close_at__gt=F("sales_open_at")),
                name="event_sales_close_after_they_open",
                violation_error_message=_("Sales must close after they open."),
            ),
            models.CheckConstraint(
                condition=Q(hold_minutes=None) | Q(hold_minutes__gt=0),
                name="event_hold_minutes_positive",
                violation_error_message=_("A hold must last longer than zero minutes."),
            ),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "published", "cancelled"]), name="event_status_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, **kwargs: Any) -> None:
        """Save; for an existing event without `update_fields`, all but what the allocation keeps.

        A form that was loaded before a sale would otherwise write stale numbers back. An event that is new and already
        on sale has no opening to come.
        """
        if self._state.adding and self.sales_open_at is not None and self.is_on_sale(moment := now()):
            self.opened_at = self.opened_at or moment
        if not self._state.adding and kwargs.get("update_fields") is None:
            names = {field.name for field in self._meta.concrete_fields if not field.primary_key}
            kwargs["update_fields"] = names - self.KEPT_BY_ALLOCATION
        super().save(**kwargs)

    def get_absolute_url(self) -> str:
        """Return the address of the event's public page."""
        return reverse("event_detail", args=[self.pk])

    @property
    def zone(self) -> str:
        """The time zone in which the event's times are shown."""
        return self.time_zone or settings.TIME_ZONE

    @property
    def zone_told(self) -> str:
        """What its zone is called at its start, as `CET`, where that is not the site's: lists of several tell it."""
        if self.zone == settings.TIME_ZONE:
            return ""
        return self.starts_at.astimezone(zoneinfo.ZoneInfo(self.zone)).tzname() or ""

    def local(self, moment: dt.datetime | None) -> str:
        """Return a moment in words, in the event's zone; empty for None."""
        if moment is None:
            return ""
        return date_format(moment.astimezone(zoneinfo.ZoneInfo(self.zone)), "D j M Y, H:i T")

    def is_on_sale(self, now: dt.datetime) -> bool:
        """Whether places can be given at `now`: published, within the sales window, not started."""
        return (
            self.status == self.Status.PUBLISHED
            and not self.is_over(now)
            and (self.sales_open_at is None or self.sales_open_at <= now)
            and not self.is_sale_closed(now)
        )

    def is_serving(self, now: dt.datetime) -> bool:
        """Whether free places are given at `now`: on sale, and not paused by staff."""
        return self.paused_at is None and self.is_on_sale(now)

    def is_opening(self, now: dt.datetime) -> bool:
        """Whether the announced opening of the sale has come, and has not been carried out (rule 11)."""
        return self.is_to_open and self.is_on_sale(now)

    @property
    def is_to_open(self) -> bool:
        """Whether an opening is announced that has not been carried out; a sale that was moved opens once more."""
        opens, opened = self.sales_open_at, self.opened_at
        return opens is not None and (opened is None or opened < opens)

    def is_before_sale(self, now: dt.datetime) -> bool:
        """Whether the sale is yet to open: people may take a place in line, nobody is served."""
        return (
            self.status == self.Status.PUBLISHED
            and self.sales_open_at is not None
            and now < self.sales_open_at
            and not self.is_over(now)
        )

    def has_opened(self, now: dt.datetime) -> bool:
        """Whether the sale has opened, and the opening, if one was announced, was carried out."""
        return not self.is_before_sale(now) and not self.is_opening(now)

    def is_sale_closed(self, now: dt.datetime) -> bool:
        """Whether the sales window has ended."""
        return self.sales_close_at is not None and self.sales_close_at <= now

    def is_over(self, now: dt.datetime) -> bool:
        """Whether the event has started; nothing is bookable from then on."""
        return self.starts_at <= now

    @property
    def is_drawn(self) -> bool:
        """Whether those present at the opening are drawn into a random order (rule 10)."""
        return self.line_policy == self.LinePolicy.RANDOMISED_OPEN

    @property
    def tiers(self) -> list[DeclaredTier]:
        """The tiers that are served first, highest first, each with the places its share comes to (rounded down).

        A group that is no tier any more, since `TIERS` does not name it, is number 0 and has no places.
        """
        numbers = {name: number for number, name in enumerate(settings.TIERS, start=1)}
        shares = ((numbers.get(name, 0), name, percent) for name, percent in self.tier_shares.items() if percent)
        return [
            DeclaredTier(tier=tier, name=name, places=self.capacity * percent // 100 if tier else 0)
            for tier, name, percent in sorted(shares, reverse=True)
        ]

    @property
    def hold_time(self) -> dt.timedelta:
        """How long a new hold of this event lasts (rule 13)."""
        return dt.timedelta(minutes=float(self.hold_minutes or settings.HOLD_MINUTES))

    @property
    def free(self) -> int:
        """Places neither booked nor held, by the event's own counters."""
        return self.capacity - self.booked - self.held
