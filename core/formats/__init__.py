"""How each language writes days, times and numbers, where it is not how English does it.

Templates and Python name a format by its English pattern, in the letters of Django's `date` filter. A language's
`formats.py` has its own pattern under that name, which Django looks for there before it takes the name for the pattern.

Numbers that people read are grouped by thousands, each by itself (`grouped`, in templates the filter of that name): by
`USE_THOUSAND_SEPARATOR`, ids, addresses and what scripts read would be, too. Nothing for programs is grouped. Scripts
group what they change in place by `Intl` (words.js): where Django's signs are others, a language has those of `Intl`.
"""

import re
from typing import Any

from django.utils.formats import number_format

TIMES = ("H:i", "H:i T", "H:i:s", "H:i:s T", "H:i:s.u", "H:i:s.u T")


def patterns(days: dict[str, str], comma: str = ", ") -> dict[str, str]:
    """Return a language's pattern for each English one, of a day and of a day with a time."""
    with_time = {f"{day}, {time}": f"{pattern}{comma}{time}" for day, pattern in days.items() for time in TIMES}
    return days | with_time


def grouped(number: float) -> str:
    """Return a number as it is read: 12000 is "12,000" in English and "12.000" in German; 2.0 is "2"."""
    return number_format(int(number) if number == int(number) else number, force_grouping=True)


def fill(text: str, **values: Any) -> str:
    """Fill a sentence in, as `%` does; of `%(count)d` the numbers are grouped."""
    words = re.sub(r"(%\(\w+\))d", r"\1s", text)
    return words % {name: grouped(value) if isinstance(value, int) else value for name, value in values.items()}
