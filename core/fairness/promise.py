"""What an event promises about its line, for its pages: who is served before others, by which draw, whether now."""

import datetime as dt
from dataclasses import dataclass

from django.utils.translation import gettext as _

from ..models import Event
from . import draw
from .ledger import openings


@dataclass(frozen=True)
class Share:
    """A declared tier: how many places, and percent of the capacity, it is served first for."""

    name: str
    places: int
    percent: int


@dataclass(frozen=True)
class Draw:
    """The draw of an event: its commitment; once the sale has opened, the seed too, and what was drawn by it."""

    commitment: str
    seed: str = ""
    frozen: str = ""
    drawn: int = 0


@dataclass(frozen=True)
class ServingNow:
    """Whether free places are given, in a word or two, and why or why not, in a sentence."""

    state: str
    reason: str


def serving_of(event: Event, moment: dt.datetime) -> ServingNow:
    """Return whether an event is served at `moment`."""
    words = {"at": event.local(event.paused_at), "reason": event.pause_reason}
    paused = _("By staff, since %(at)s: “%(reason)s” Everybody keeps their place.") % words
    states = (
        (event.status == Event.Status.DRAFT, _("Not yet"), _("The event is a draft, which only its organizer sees.")),
        (event.status == Event.Status.CANCELLED, _("No more"), _("The event was cancelled.")),
        (event.is_over(moment), _("No more"), _("The event has started.")),
        (event.is_sale_closed(moment), _("No more"), _("The sale has closed.")),
        (event.paused_at is not None, _("Paused"), paused),
        (
            event.is_before_sale(moment),
            _("Not yet"),
            _("People can join the line; they are served when the sale opens."),
        ),
    )
    found = (ServingNow(state, reason) for is_so, state, reason in states if is_so)
    return next(found, ServingNow(_("Going on"), _("A place that becomes free is held for the first in line.")))


def shares_of(event: Event) -> list[Share]:
    """Return the declared tiers of an event, highest first."""
    return [Share(tier["name"], tier["places"], event.tier_shares[tier["name"]]) for tier in event.tiers]


def commitment_of(event: Event) -> str:
    """Return the commitment to the seed of a draw that is yet to come; empty where there is none."""
    return draw.commitment(event.draw_seed) if event.is_drawn and event.is_to_open else ""


def draw_of(event: Event) -> Draw | None:
    """Return the draw of an event, the latest one if there were several; None where nothing is drawn.

    An event that was on sale from the start has no opening, and so no draw. One query after the opening.
    """
    if commitment := commitment_of(event):
        return Draw(commitment)
    found = openings(event) if event.is_drawn else []
    if not found:
        return None
    last = found[-1]
    return Draw(draw.commitment(last["seed"]), last["seed"], last["frozen"], last["drawn"])
