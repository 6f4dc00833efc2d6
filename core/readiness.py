"""What a draft lacks before everybody may see it."""

import datetime as dt
from copy import copy
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .models import Event

NO_DRAW = _("The line is drawn when the sale opens: set a moment in the future, or choose the order of login.")


def missing(event: Event, moment: dt.datetime) -> list[str]:
    """Return what keeps an event from being published at `moment`, a sentence each; nothing if it is ready."""
    opens, closes = event.sales_open_at, event.sales_close_at
    started = gettext("It started on %(moment)s: choose a start that is still to come.")
    closed = gettext("Its sale closed on %(moment)s: choose a later moment, or none.")
    checks = (
        (not event.name.strip(), gettext("It has no name.")),
        (not event.venue.strip(), gettext("It has no venue.")),
        (event.capacity == 0, gettext("Its capacity is 0: nobody could get in.")),
        (event.is_over(moment), started % {"moment": event.local(event.starts_at)}),
        (event.is_sale_closed(moment), closed % {"moment": event.local(closes)}),
        (opens is not None and opens >= event.starts_at, gettext("Its sale would open after the event has started.")),
        (event.is_drawn and (opens is None or opens <= moment), str(NO_DRAW)),
    )
    return [sentence for is_missing, sentence in checks if is_missing]


def with_values(event: Event, values: dict[str, Any]) -> Event:
    """Return what an event would be with these values; it is not stored."""
    after = copy(event)
    for name, value in values.items():
        setattr(after, name, value)
    return after
