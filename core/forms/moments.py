"""Moments as they are typed, and months of the calendar."""

import datetime as dt
import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

FIRST_YEAR, LAST_YEAR = 1970, 2199


def refuse_strange_year(moment: dt.datetime) -> None:
    """Raise ValidationError for a year from which a zone's offset could lead out of the calendar."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        year = _("Type a year from %(first)d to %(last)d.")
        raise ValidationError(year, code="year", params={"first": FIRST_YEAR, "last": LAST_YEAR})


class MomentField(forms.SplitDateTimeField):
    """A moment typed in the site's zone. What is skipped in spring is refused; what comes twice in autumn is the first.

    Django refuses both, and nobody could type a moment of that hour.
    """

    default_error_messages = {
        "required": _("Type a day and a time."),
        "invalid_date": _("There is no such day: type one as 2027-05-01."),
        "invalid_time": _("There is no such time: type one as 20:00."),
        "no_day": _("Add the day, or leave both empty."),
        "no_time": _("Add the time, or leave both empty."),
    }

    def compress(self, data_list: Any) -> dt.datetime | None:
        """Return the moment."""
        if not data_list:
            return None
        for part, code in zip(data_list, ("no_day", "no_time"), strict=True):
            if part is None:
                raise ValidationError(self.error_messages[code], code=code)
        typed = dt.datetime.combine(*data_list)
        refuse_strange_year(typed)
        moment = typed.replace(tzinfo=timezone.get_current_timezone()).astimezone(dt.UTC)
        if timezone.make_naive(moment) != typed:
            skipped = _("There is no %(time)s on this day in %(zone)s: the clocks skip it.")
            words = {"time": f"{typed:%H:%M}", "zone": timezone.get_current_timezone_name()}
            raise ValidationError(skipped, code="skipped", params=words)
        return moment


class MonthForm(forms.Form):
    """A month of the calendar, as `YYYY-MM`."""

    month = forms.RegexField(re.compile(r"^(19|20|21)\d\d-(0[1-9]|1[0-2])$", re.ASCII), required=False)
