"""How each language writes days and times, where it is not how English does it.

Templates and Python name a format by its English pattern, in the letters of Django's `date` filter. A language's
`formats.py` has its own pattern under that name, which Django looks for there before it takes the name for the pattern.
"""

TIMES = ("H:i", "H:i T", "H:i:s", "H:i:s T", "H:i:s.u", "H:i:s.u T")


def patterns(days: dict[str, str], comma: str = ", ") -> dict[str, str]:
    """Return a language's pattern for each English one, of a day and of a day with a time."""
    with_time = {f"{day}, {time}": f"{pattern}{comma}{time}" for day, pattern in days.items() for time in TIMES}
    return days | with_time
